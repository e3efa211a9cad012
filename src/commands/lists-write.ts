/** Lists change: LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LSET LTRIM. Those that search are in lists-search.ts, those of two keys in lists-move.ts. */
import { popFirst, popLast, pushFirst, pushLast } from "../overlay/encodings/list-ends.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType } from "../rdb/opcodes.ts";
import { ListReader } from "../types/list.ts";
import type { ListEdit } from "../types/list-edit.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, wrongArity } from "./errors.ts";
import { popMany, pushMany, trimMany } from "./lists-many.ts";
import {
  createList,
  createNative,
  isNativeFrom,
  LIST,
  listLimit,
  makeRoom,
  openEnds,
  openToChange,
  removeFrom,
} from "./lists-open.ts";
import { integer, positive } from "./parse.ts";
import { deleteKey, findToChange } from "./writable.ts";

const ELEMENTS_PER_SLICE = 256;

const READER = new ListReader();

export const lpush = (c: Context): ReturnType<Handler> => push(c, true, false);
export const rpush = (c: Context): ReturnType<Handler> => push(c, false, false);
export const lpushx = (c: Context): ReturnType<Handler> => push(c, true, true);
export const rpushx = (c: Context): ReturnType<Handler> => push(c, false, true);
export const lpop = (c: Context): ReturnType<Handler> => pop(c, true);
export const rpop = (c: Context): ReturnType<Handler> => pop(c, false);

/** One element at an end of a large list, as mostly, goes straight there (overlay/encodings/list-ends.ts). */
function push(c: Context, isHead: boolean, mustExist: boolean): ReturnType<Handler> {
  const { args, db } = c;
  const isFound = findToChange(c, 1, NativeType.LIST, c.record, db);
  if (db.root !== 0 && args.count === 3) {
    const pushStraight = isHead ? pushFirst : pushLast;
    const { arena } = db.top as Overlay;
    const count = pushStraight(
      arena,
      db.root,
      listLimit(c),
      args.bytes,
      args.starts[2] as number,
      args.lengths[2] as number,
    );
    if (count > 0) {
      c.server.keyspace.dirty++;
      c.reply.integer(count);
      return;
    }
  }
  return pushFound(c, isFound, isHead, mustExist);
}

/** `isFound`: as findToChange has just answered. */
function pushFound(c: Context, isFound: boolean, isHead: boolean, mustExist: boolean): ReturnType<Handler> {
  const { args } = c;
  const { bytes, starts, lengths, count } = args;
  const exists = isFound && openEnds(c, 1, LIST);
  if (!exists && mustExist) {
    c.reply.integer(0);
    return;
  }
  let size = 0;
  for (let i = 2; i < count; i++) size += lengths[i] as number;
  if (exists) makeRoom(c, 1, LIST, size, count - 2);
  if (count > CHANGED_AT_ONCE_MAX) {
    if (exists && LIST.isNative) return pushMany(c, 2, isHead);
    if (!exists && isNativeFrom(c, size, count - 2)) {
      createNative(c, 1, bytes, starts, lengths, 2, 3, isHead);
      c.server.keyspace.dirty++;
      return pushMany(c, 3, isHead);
    }
  }
  if (exists) LIST.push(bytes, starts, lengths, 2, count, isHead);
  else createList(c, 1, LIST, bytes, starts, lengths, 2, count, isHead, size);
  c.server.keyspace.dirty += count - 2;
  c.reply.integer(LIST.count);
}

function pop(c: Context, isHead: boolean): ReturnType<Handler> {
  const { args, db, reply } = c;
  if (args.count !== 2) return popCounted(c, isHead);
  if (!findToChange(c, 1, NativeType.LIST, c.record, db)) {
    reply.nil();
    return;
  }
  if (db.root !== 0) {
    const popStraight = isHead ? popFirst : popLast;
    if (popStraight((db.top as Overlay).arena, db.root, listLimit(c), reply)) {
      c.server.keyspace.dirty++;
      return;
    }
  }
  popFound(c, isHead);
}

/** As findToChange has just found it. */
function popFound(c: Context, isHead: boolean): void {
  if (openEnds(c, 1, LIST)) popOne(c, 1, LIST, isHead);
  else c.reply.nil();
}

function popCounted(c: Context, isHead: boolean): ReturnType<Handler> {
  if (c.args.count > 3) throw wrongArity(isHead ? "lpop" : "rpop");
  const wanted = positive(c, 2);
  if (openToChange(c, 1, LIST)) return popCount(c, 1, wanted, isHead);
  c.reply.nilArray();
}

/** Replies with an array of up to `wanted` elements from an end of the list that is open in LIST, and takes them off: many in slices. */
export function popCount(c: Context, index: number, wanted: number, isHead: boolean): ReturnType<Handler> {
  const { count } = LIST;
  if (LIST.isNative && wanted > CHANGED_AT_ONCE_MAX && count > CHANGED_AT_ONCE_MAX) {
    return wanted < count ? popMany(c, index, wanted, isHead) : popAll(c, index, isHead);
  }
  popRange(c, index, LIST, wanted, isHead);
}

/** Takes all elements, just opened: the key goes first, the pin keeps what it had. */
function* popAll(c: Context, index: number, isHead: boolean): Generator<void, void, void> {
  const { keyspace } = c.server;
  const list = new ListReader();
  list.open(c.record);
  const { count } = list;
  const taken = keyspace.pins.take();
  try {
    deleteKey(c, index);
    keyspace.dirty += count;
    c.reply.array(count);
    if (!isHead) list.seek(count);
    for (let i = 1; isHead ? list.next() : list.previous(); i++) {
      c.reply.elements(list);
      if (i % ELEMENTS_PER_SLICE === 0) yield;
    }
  } finally {
    keyspace.pins.release(taken);
  }
}

/** Replies with the element at an end and takes it off. */
export function popOne(c: Context, index: number, edit: ListEdit, isHead: boolean): void {
  if (!edit.popStraight(isHead, c.reply)) {
    const at = isHead ? 0 : edit.count - 1;
    edit.read(at, READER);
    c.reply.elements(READER);
    removeFrom(c, index, edit, at, 1);
  }
  c.server.keyspace.dirty++;
}

/** Replies with an array of up to `wanted` elements from an end, and takes them off. The list is open, its record `c.record`. */
function popRange(c: Context, index: number, edit: ListEdit, wanted: number, isHead: boolean): void {
  const { reply } = c;
  const count = Math.min(wanted, edit.count);
  reply.array(count);
  if (count === 0) return;
  READER.open(c.record);
  if (!isHead) READER.seek(edit.count);
  for (let i = 0; i < count && (isHead ? READER.next() : READER.previous()); i++) reply.elements(READER);
  removeFrom(c, index, edit, isHead ? 0 : edit.count - count, count);
  c.server.keyspace.dirty += count;
}

export function lset(c: Context): void {
  const { args } = c;
  if (!openToChange(c, 1, LIST)) throw new ReplyError("ERR no such key");
  const given = integer(c, 2);
  const length = args.lengths[3] as number;
  makeRoom(c, 1, LIST, length, 1);
  const index = given < 0 ? given + LIST.count : given;
  if (index < 0 || index >= LIST.count) throw new ReplyError("ERR index out of range");
  LIST.set(index, args.bytes, args.starts[3] as number, length);
  LIST.shrink();
  c.server.keyspace.dirty++;
  c.reply.ok();
}

export function ltrim(c: Context): ReturnType<Handler> {
  let start = integer(c, 2);
  let end = integer(c, 3);
  if (openToChange(c, 1, LIST)) {
    const { count } = LIST;
    if (start < 0) start = Math.max(start + count, 0);
    if (end < 0) end += count;
    const isEmpty = start > end || start >= count;
    const head = isEmpty ? count : start;
    const tail = isEmpty ? 0 : Math.max(count - 1 - end, 0);
    if (LIST.isNative && head < count && head + tail > CHANGED_AT_ONCE_MAX) return trimMany(c, head, tail);
    if (tail > 0) LIST.remove(count - tail, tail);
    removeFrom(c, 1, LIST, 0, head);
    c.server.keyspace.dirty += head + tail;
  }
  c.reply.ok();
}
