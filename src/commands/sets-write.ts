/** SADD, SREM, SMOVE, SPOP: sets are changed in place, whatever their form (types/set-edit.ts). */
import { KEEP_EXPIRY } from "../keyspace/database.ts";
import { nativeRoot } from "../keyspace/native.ts";
import { NativeType, objectType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { ByteStore } from "../types/byte-store.ts";
import { Element } from "../types/elements.ts";
import { SetReader } from "../types/set.ts";
import { SetEdit } from "../types/set-edit.ts";
import { SetShape } from "../types/set-pack.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { syntaxError, wrongType } from "./errors.ts";
import { noteReading, peek } from "./lookup.ts";
import { awaitChange } from "./native-reads.ts";
import { NotReady } from "./not-ready.ts";
import { positive } from "./parse.ts";
import { Selection } from "./sample.ts";
import { textsOf } from "./set-combine.ts";
import { storeSet } from "./set-store.ts";
import { addMany, popMany, removeMany } from "./sets-many.ts";
import { openSet } from "./sets-open.ts";
import { deleteKey } from "./writable.ts";

/** A whole set of this many members is answered at once. */
const AT_ONCE_MAX = 512;
const MEMBERS_PER_SLICE = 256;
/** Redis's SPOP_MOVE_STRATEGY_MUL: when so much more is taken than is left, what is left is moved to a set of its own. */
const MOVES_LEFT_FROM = 5;
/** Sets larger than this are not changed member by member when most of them go. */
const REBUILT_MIN = 4096;

/** Only for handlers that run to their end at once. */
const SET = new SetEdit();
const OTHER = new SetEdit();
const OTHER_RECORD = new Record();
const READER = new SetReader();
const ELEMENT = new Element();

export function sadd(c: Context): void | Generator<void, void, void> {
  const { args, record, server } = c;
  const { bytes, starts, lengths, count } = args;
  let added = 0;
  let i = 2;
  if (openSet(c, 1, SET, record)) {
    if (count > 3) SET.expect(count - 2);
  } else {
    SET.create(record, bytes, starts[i] as number, lengths[i] as number, count - 2);
    added++;
    i++;
  }
  if (count > CHANGED_AT_ONCE_MAX && SET.isNative) {
    server.keyspace.dirty += added;
    return addMany(c, i, added);
  }
  try {
    for (; i < count; i++) if (SET.add(bytes, starts[i] as number, lengths[i] as number)) added++;
  } finally {
    server.keyspace.dirty += added;
  }
  c.reply.integer(added);
}

export function srem(c: Context): void | Generator<void, void, void> {
  const { args, server } = c;
  const { bytes, starts, lengths } = args;
  let removed = 0;
  if (openSet(c, 1, SET, c.record)) {
    if (args.count > CHANGED_AT_ONCE_MAX && SET.isNative) return removeMany(c);
    let left = SET.count;
    try {
      for (let i = 2; i < args.count && left > 0; i++) {
        if (!removeMember(c, SET, 1, left, bytes, starts[i] as number, lengths[i] as number)) continue;
        removed++;
        left--;
      }
    } finally {
      server.keyspace.dirty += removed;
    }
  }
  c.reply.integer(removed);
}

/** Removes a member, and with the last of `count` the key at argument `index`; whether it was there. */
function removeMember(
  c: Context,
  edit: SetEdit,
  index: number,
  count: number,
  text: Uint8Array,
  start: number,
  length: number,
): boolean {
  if (count > 1) return edit.remove(text, start, length);
  if (!edit.has(text, start, length)) return false;
  deleteKey(c, index);
  return true;
}

export function smove(c: Context): void {
  const { args, reply, server } = c;
  const { bytes } = args;
  const start = args.starts[3] as number;
  const length = args.lengths[3] as number;
  if (!openSet(c, 1, SET, c.record)) {
    reply.integer(0);
    return;
  }
  if (isSameArgument(c, 1, 2)) {
    reply.integer(SET.has(bytes, start, length) ? 1 : 0);
    return;
  }
  const isThere = openSet(c, 2, OTHER, OTHER_RECORD);
  if (!SET.has(bytes, start, length)) {
    reply.integer(0);
    return;
  }
  // First to where it goes: when there is no memory for it, it stays.
  let added = true;
  if (isThere) added = OTHER.add(bytes, start, length);
  else OTHER.create(OTHER_RECORD, bytes, start, length, 1);
  removeMember(c, SET, 1, SET.count, bytes, start, length);
  server.keyspace.dirty += added ? 2 : 1;
  reply.integer(1);
}

function isSameArgument({ args }: Context, i: number, j: number): boolean {
  const length = args.lengths[i] as number;
  if (length !== args.lengths[j]) return false;
  const a = args.starts[i] as number;
  const b = args.starts[j] as number;
  for (let k = 0; k < length; k++) if (args.bytes[a + k] !== args.bytes[b + k]) return false;
  return true;
}

export function spop(c: Context): void | Generator<void, void, void> {
  const { args, reply } = c;
  if (args.count > 3) throw syntaxError();
  if (args.count === 3) return spopCount(c);
  if (!openSet(c, 1, SET, c.record)) {
    reply.nil();
    return;
  }
  takeOne(c, SET.count);
  c.server.keyspace.dirty++;
}

/** Answers a member of the open set of `count`, picked at random, and removes it. */
function takeOne(c: Context, count: number): void {
  SET.pick(ELEMENT);
  c.reply.elements(ELEMENT);
  if (count > 1) SET.removePicked(ELEMENT);
  else deleteKey(c, 1);
}

function spopCount(c: Context): void | Generator<void, void, void> {
  const { record, reply, server } = c;
  const wanted = positive(c, 2);
  const isThere = peek(c, 1);
  if (isThere && objectType(record.type) !== "set") throw wrongType();
  if (!isThere || wanted === 0) {
    reply.set(0);
    return;
  }
  // Members that another client takes off at this moment are not to be taken twice.
  if (record.type === NativeType.SET) awaitChange(record, c.client);
  READER.open(record);
  const size = READER.count;
  if (wanted >= size) return takeAll(c);
  openSet(c, 1, SET, record);
  const left = size - wanted;
  if (SET.isNative && left <= wanted && (size > REBUILT_MIN || left * MOVES_LEFT_FROM <= wanted)) {
    return keepFew(c, wanted);
  }
  if (SET.isNative && wanted > CHANGED_AT_ONCE_MAX) return popMany(c, wanted);
  reply.set(wanted);
  let taken = 0;
  try {
    for (; taken < wanted; taken++) takeOne(c, size - taken);
  } finally {
    server.keyspace.dirty += taken;
  }
}

/** Answers all members of the set at argument 1, just read, and removes the key. */
function takeAll(c: Context): void | Generator<void, void, void> {
  const { reply, server } = c;
  const { count } = READER;
  if (count > AT_ONCE_MAX) return takeAllInSlices(c);
  reply.set(count);
  while (READER.next()) reply.elements(READER);
  deleteKey(c, 1);
  server.keyspace.dirty += count;
}

/** The key goes first; the pin keeps what it had. */
function* takeAllInSlices(c: Context): Generator<void, void, void> {
  const { reply, server } = c;
  const set = new SetReader();
  set.open(c.record);
  const { pins } = server.keyspace;
  const taken = pins.take();
  try {
    deleteKey(c, 1);
    server.keyspace.dirty += set.count;
    reply.set(set.count);
    for (let i = 1; set.next(); i++) {
      reply.elements(set);
      if (i % MEMBERS_PER_SLICE === 0) yield;
    }
  } finally {
    pins.release(taken);
  }
}

/**
 * Takes most members of a native set: those that stay are chosen, and made a set of their own, in slices; in the moment in which that
 * takes the key the others are taken, and answered afterwards from the structure that is no key's any more.
 */
function* keepFew(c: Context, wanted: number): Generator<void, void, void> {
  const { natives, reply, server } = c;
  const { pins } = server.keyspace;
  const record = new Record().like(c.record);
  noteReading(c, record);
  const root = nativeRoot(record);
  const set = new SetReader();
  set.open(record);
  const left = set.count - wanted;
  const stays = new Uint8Array(Math.ceil(set.count / 8));
  const kept = new ByteStore();
  const shape = new SetShape(liveLimits(server.config), RdbType.SET_LISTPACK);
  yield* choose(set, left, stays, kept, shape);
  const form = left * MOVES_LEFT_FROM <= wanted ? shape.form : NativeType.SET;
  const now = new Record();
  const isStill = () =>
    peek(c, 1, now) &&
    now.type === NativeType.SET &&
    now.cursor.source === record.cursor.source &&
    nativeRoot(now) === root;
  const taken = pins.take();
  try {
    if (yield* storeSet(c, 1, form, textsOf(kept), KEEP_EXPIRY, isStill)) {
      server.keyspace.dirty += wanted;
      reply.set(wanted);
      set.rewind();
      for (let i = 0; set.next(); i++) {
        if (((stays[i >>> 3] as number) & (1 << (i & 7))) === 0) reply.elements(set);
        if (i % MEMBERS_PER_SLICE === 0) yield;
      }
      return;
    }
  } finally {
    pins.release(taken);
  }
  // The key was deleted or replaced meanwhile.
  natives.forget();
  yield* popAgain(c);
}

function* popAgain(c: Context): Generator<void, void, void> {
  for (;;) {
    try {
      const steps = spopCount(c);
      if (steps !== undefined) yield* steps;
      return;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      c.natives.forget();
      yield* error.work;
    }
  }
}

/** Chooses the `left` members that stay, each subset as likely: their bits, and copies. */
function* choose(
  set: SetReader,
  left: number,
  stays: Uint8Array,
  kept: ByteStore,
  shape: SetShape,
): Generator<void, void, void> {
  const selection = new Selection(set.count, left);
  for (let i = 0; set.next(); i++) {
    if (selection.take()) {
      stays[i >>> 3] = (stays[i >>> 3] as number) | (1 << (i & 7));
      const { bytes, start, length } = set.text();
      kept.add(bytes, start, length);
      shape.add(bytes, start, length);
    }
    if (i % MEMBERS_PER_SLICE === 0) yield;
  }
}
