/**
 * LINSERT and LREM: lists change where elements equal a text. In a large list the search goes in slices, while the list is held as by a
 * reader: nobody changes it. Then the changes are one moment.
 */
import { nativeRoot } from "../keyspace/native.ts";
import type { NodeList } from "../overlay/encodings/node-list.ts";
import { NativeType, objectType } from "../rdb/opcodes.ts";
import { ListReader } from "../types/list.ts";
import { makeList } from "../types/list-build.ts";
import { whileTop } from "./carry.ts";
import type { Context, Handler } from "./context.ts";
import { syntaxError, wrongType } from "./errors.ts";
import { LIST, listLimit, makeRoom, openToChange } from "./lists-open.ts";
import { noteReading, peek } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";
import { integer } from "./parse.ts";
import { deleteKey } from "./writable.ts";

/** Lists of more elements are searched in slices. */
const AT_ONCE_MAX = 2048;
const ELEMENTS_PER_SLICE = 256;
/** Passing over elements that are something else takes less time. */
const SEARCHED_PER_SLICE = 4096;
/** So many elements are passed over forwards in the time that one step back takes. */
const BACKWARDS_COSTS = 8;
/** So many elements are removed where they lie; of more, what stays is copied. */
const REMOVED_IN_PLACE_MAX = 256;

const READER = new ListReader();

export function linsert(c: Context): void | Generator<void, void, void> {
  const { args } = c;
  const isBefore = args.is(2, "BEFORE");
  if (!isBefore && !args.is(2, "AFTER")) throw syntaxError();
  if (!openToChange(c, 1, LIST)) {
    c.reply.integer(0);
    return;
  }
  makeRoom(c, 1, LIST, args.lengths[4] as number, 1);
  if (LIST.isNative && LIST.count > AT_ONCE_MAX) return insertInSlices(c, isBefore);
  READER.open(c.record);
  insertAt(c, findArgument(c, READER, 3, READER.count) ? READER.index : -1, isBefore);
}

function insertAt(c: Context, index: number, isBefore: boolean): void {
  const { args } = c;
  if (index < 0) {
    c.reply.integer(-1);
    return;
  }
  LIST.insert(isBefore ? index : index + 1, args.bytes, args.starts[4] as number, args.lengths[4] as number);
  c.server.keyspace.dirty++;
  c.reply.integer(LIST.count);
}

function* insertInSlices(c: Context, isBefore: boolean): Generator<void, void, void> {
  const found = yield* search(c, 3, 1, false);
  if (yield* openFound(c, found)) insertAt(c, found.indexes[0] ?? -1, isBefore);
  else yield* again(c, linsert);
}

export function lrem(c: Context): void | Generator<void, void, void> {
  const given = integer(c, 2);
  const wanted = given === 0 ? Number.POSITIVE_INFINITY : Math.abs(given);
  const fromTail = given < 0;
  if (!openToChange(c, 1, LIST)) {
    c.reply.integer(0);
    return;
  }
  if (LIST.isNative && LIST.count > AT_ONCE_MAX) return removeInSlices(c, wanted, fromTail);
  READER.open(c.record);
  const indexes: number[] = [];
  if (fromTail) READER.seek(READER.count);
  while (indexes.length < wanted && (fromTail ? READER.previous() : READER.next())) {
    if (equalsArgument(c, READER, 3)) indexes.push(READER.index);
  }
  removeAll(c, indexes, fromTail);
}

/** Removes the elements at these indexes, which go up, or down with `fromTail`, and replies. */
function removeAll(c: Context, indexes: readonly number[], fromTail: boolean): void {
  const removed = indexes.length;
  c.server.keyspace.dirty += removed;
  c.reply.integer(removed);
  if (removed === 0) return;
  if (removed === LIST.count) {
    deleteKey(c, 1);
    return;
  }
  // From the tail on: those before keep their indexes.
  for (let i = 0; i < removed; i++) LIST.remove(indexes[fromTail ? i : removed - 1 - i] as number, 1);
  LIST.shrink();
}

function* removeInSlices(c: Context, wanted: number, fromTail: boolean): Generator<void, void, void> {
  const found = yield* search(c, 3, wanted, fromTail);
  if (found.indexes.length > REMOVED_IN_PLACE_MAX) {
    if (!(yield* replaceByRest(c, found, fromTail))) yield* again(c, lrem);
  } else if (yield* openFound(c, found)) removeAll(c, found.indexes, fromTail);
  else yield* again(c, lrem);
}

/** From the start, since the list is another one now. */
function* again(c: Context, handler: Handler): Generator<void, void, void> {
  for (;;) {
    try {
      const steps = handler(c);
      if (steps !== undefined) yield* steps;
      return;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      c.natives.forget();
      yield* error.work;
    }
  }
}

interface Found {
  /** In the order of the search. */
  readonly indexes: number[];
  /** The list's root; 0: it is none, or not native. */
  readonly root: number;
}

/** The indexes of the first `wanted` elements that equal argument `index`; the list, if it is native, is held until `c.natives.forget`. */
function* search(c: Context, index: number, wanted: number, fromTail: boolean): Generator<void, Found, void> {
  const indexes: number[] = [];
  // Not as who reads: a write counts no hit or miss.
  if (!peek(c, 1)) return { indexes, root: 0 };
  if (objectType(c.record.type) !== "list") throw wrongType();
  noteReading(c, c.record);
  const root = c.record.type === NativeType.LIST ? nativeRoot(c.record) : 0;
  const list = new ListReader();
  list.open(c.record);
  if (fromTail) list.seek(list.count);
  let work = 0;
  while (indexes.length < wanted && (fromTail ? list.position > 0 : list.position < list.count)) {
    const { position } = list;
    const isFound = fromTail
      ? list.previous() && equalsArgument(c, list, index)
      : findArgument(c, list, index, SEARCHED_PER_SLICE);
    if (isFound) indexes.push(list.index);
    work += fromTail ? BACKWARDS_COSTS : list.position - position;
    if (work < SEARCHED_PER_SLICE) continue;
    work = 0;
    yield;
  }
  return { indexes, root };
}

/**
 * Opens the list that has been searched, to be changed at once; false when it is another one now, or none, or had to be made changeable
 * first: all begins anew then.
 */
function* openFound(c: Context, { root }: Found): Generator<void, boolean, void> {
  c.natives.forget();
  try {
    return openToChange(c, 1, LIST) && c.record.type === NativeType.LIST && nativeRoot(c.record) === root;
  } catch (error) {
    if (!(error instanceof NotReady)) throw error;
    yield* error.work;
    return false;
  }
}

/** Makes a list of the elements that are not to be removed, in slices, and puts it in the place of the old one; false when that changed. */
function* replaceByRest(c: Context, { indexes, root }: Found, fromTail: boolean): Generator<void, boolean, void> {
  if (fromTail) indexes.reverse();
  const top = c.db.ensureTop();
  const { arena } = top;
  const list = new ListReader();
  list.open(c.record);
  const isAll = indexes.length === list.count;
  const steps = makeList(arena, listLimit(c), (into) => copyRest(list, indexes, into));
  const rest = isAll ? 0 : yield* whileTop(steps, () => c.db.top === top);
  c.natives.forget();
  const isSame = peek(c, 1) && c.record.type === NativeType.LIST && nativeRoot(c.record) === root;
  if (!isSame || (rest === 0 && !isAll)) {
    if (rest !== 0) top.graves.bury(NativeType.LIST, rest);
    return false;
  }
  const { args, db } = c;
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  if (rest === 0) db.drop(args.bytes, start, length);
  else {
    try {
      db.install(args.bytes, start, length, NativeType.LIST, rest, c.record.expireAtMs);
    } catch (error) {
      top.graves.bury(NativeType.LIST, rest);
      throw error;
    }
    c.natives.forget();
    if (openToChange(c, 1, LIST)) LIST.shrink();
  }
  c.server.keyspace.dirty += indexes.length;
  c.reply.integer(indexes.length);
  return true;
}

function* copyRest(list: ListReader, indexes: readonly number[], into: NodeList): Generator<void, void, void> {
  let left = 0;
  list.seek(0);
  for (let i = 1; list.next(); i++) {
    if (list.index === indexes[left]) left++;
    else {
      const { bytes, start, length } = list.text();
      into.push(bytes, start, length, false);
    }
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}

/** As ListReader.find. */
function findArgument({ args }: Context, list: ListReader, index: number, elementsMax: number): boolean {
  return list.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, elementsMax);
}

/** Through the context each time: dispatch swaps the arguments for a copy when it parks the command. */
function equalsArgument({ args }: Context, list: ListReader, index: number): boolean {
  return list.equals(args.bytes, args.starts[index] as number, args.lengths[index] as number);
}
