/** Lists change: LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LSET LTRIM. Those that search are in lists-search.ts, those of two keys in lists-move.ts. */
import { Element } from "../types/elements.ts";
import { ListReader } from "../types/list.ts";
import type { NodeCopies } from "../types/list-copy.ts";
import type { ListEdit } from "../types/list-edit.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, wrongArity } from "./errors.ts";
import { createList, LIST, makeRoom, openEnds, openToChange, removeFrom } from "./lists-open.ts";
import { integer, positive } from "./parse.ts";

/** More elements are replied in slices. */
const AT_ONCE_MAX = 512;
const ELEMENTS_PER_SLICE = 256;

const READER = new ListReader();

export const lpush = (c: Context): void => push(c, true, false);
export const rpush = (c: Context): void => push(c, false, false);
export const lpushx = (c: Context): void => push(c, true, true);
export const rpushx = (c: Context): void => push(c, false, true);
export const lpop = (c: Context): ReturnType<Handler> => pop(c, true);
export const rpop = (c: Context): ReturnType<Handler> => pop(c, false);

function push(c: Context, isHead: boolean, mustExist: boolean): void {
  const { args } = c;
  const { bytes, starts, lengths, count } = args;
  const exists = openEnds(c, 1, LIST);
  if (!exists && mustExist) {
    c.reply.integer(0);
    return;
  }
  let size = 0;
  for (let i = 2; i < count; i++) size += lengths[i] as number;
  if (exists) {
    makeRoom(c, 1, LIST, size, count - 2);
    LIST.push(bytes, starts, lengths, 2, count, isHead);
  } else createList(c, 1, LIST, bytes, starts, lengths, 2, count, isHead, size);
  c.server.keyspace.dirty += count - 2;
  c.reply.integer(LIST.count);
}

function pop(c: Context, isHead: boolean): ReturnType<Handler> {
  const { args, reply } = c;
  if (args.count > 3) throw wrongArity(isHead ? "lpop" : "rpop");
  const hasCount = args.count === 3;
  const wanted = hasCount ? positive(c, 2) : 1;
  if (!(hasCount ? openToChange(c, 1, LIST) : openEnds(c, 1, LIST))) {
    if (hasCount) reply.nilArray();
    else reply.nil();
    return;
  }
  if (!hasCount) popOne(c, 1, LIST, isHead);
  else if (LIST.isNative && wanted > AT_ONCE_MAX && LIST.count > AT_ONCE_MAX) return popMany(c, wanted, isHead);
  else popRange(c, 1, LIST, wanted, isHead);
}

/** As popRange, of many elements: they are taken off at once, and replied in slices. */
function popMany(c: Context, wanted: number, isHead: boolean): Generator<void, void, void> {
  const count = Math.min(wanted, LIST.count);
  const copies = LIST.copyEnd(count, isHead);
  removeFrom(c, 1, LIST, isHead ? 0 : LIST.count - count, count);
  c.server.keyspace.dirty += count;
  return replyCopies(c, copies, count);
}

function* replyCopies(c: Context, copies: NodeCopies, count: number): Generator<void, void, void> {
  c.reply.array(count);
  const element = new Element();
  for (let i = 1; i <= count && copies.next(element); i++) {
    c.reply.elements(element);
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}

/** Replies with the element at an end and takes it off. */
export function popOne(c: Context, index: number, edit: ListEdit, isHead: boolean): void {
  if (edit.readEnd(isHead, READER)) {
    c.reply.elements(READER);
    edit.removeEnd();
  } else {
    const at = isHead ? 0 : edit.count - 1;
    edit.read(at, READER);
    c.reply.elements(READER);
    removeFrom(c, index, edit, at, 1);
  }
  c.server.keyspace.dirty++;
}

/** Replies with an array of up to `wanted` elements from an end, and takes them off. The list is open, its record `c.record`. */
export function popRange(c: Context, index: number, edit: ListEdit, wanted: number, isHead: boolean): void {
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

export function ltrim(c: Context): void {
  let start = integer(c, 2);
  let end = integer(c, 3);
  if (openToChange(c, 1, LIST)) {
    const { count } = LIST;
    if (start < 0) start = Math.max(start + count, 0);
    if (end < 0) end += count;
    const isEmpty = start > end || start >= count;
    const head = isEmpty ? count : start;
    const tail = isEmpty ? 0 : Math.max(count - 1 - end, 0);
    if (tail > 0) LIST.remove(count - tail, tail);
    removeFrom(c, 1, LIST, 0, head);
    c.server.keyspace.dirty += head + tail;
  }
  c.reply.ok();
}
