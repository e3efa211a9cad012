/**
 * Elements taken from the first of several lists, or moved to another one: LMOVE RPOPLPUSH LMPOP, and those that wait for an element:
 * BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP.
 */

import { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { Element } from "../types/elements.ts";
import type { ListEdit } from "../types/list-edit.ts";
import { copyBytes } from "../util/native.ts";
import { blockOnKeys, parseTimeout } from "./blocking.ts";
import type { Context, Handler } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { createList, LIST, makeRoom, OTHER_LIST, openToChange, removeFrom } from "./lists-open.ts";
import { popCount, popOne } from "./lists-write.ts";
import { integerBetween } from "./parse.ts";
import { openForWrite } from "./writable.ts";

type Step = Generator<void, void, void>;

/** As it is when rounded. */
const LONG_MAX = 2 ** 63;
const TARGET = new Record();
const MOVED = new Element();
const SCRATCH = new Scratch();
const START = new Int32Array(1);
const LENGTH = new Int32Array(1);

export function lmove(c: Context): void {
  const fromHead = end(c, 3);
  const toHead = end(c, 4);
  if (!move(c, fromHead, toHead)) c.reply.nil();
}

export function rpoplpush(c: Context): void {
  if (!move(c, false, true)) c.reply.nil();
}

export function blmove(c: Context): ReturnType<Handler> {
  const fromHead = end(c, 3);
  const toHead = end(c, 4);
  return moveOrWait(c, fromHead, toHead, 5);
}

export function brpoplpush(c: Context): ReturnType<Handler> {
  return moveOrWait(c, false, true, 3);
}

function moveOrWait(c: Context, fromHead: boolean, toHead: boolean, timeout: number): ReturnType<Handler> {
  const timeoutMs = parseTimeout(c, timeout);
  if (move(c, fromHead, toHead)) return;
  return waitFor(c, 1, 1, timeoutMs, () => move(c, fromHead, toHead));
}

export const blpop = (c: Context): ReturnType<Handler> => popOrWait(c, true);
export const brpop = (c: Context): ReturnType<Handler> => popOrWait(c, false);

function popOrWait(c: Context, isHead: boolean): ReturnType<Handler> {
  const keys = c.args.count - 2;
  const timeoutMs = parseTimeout(c, keys + 1);
  if (popFirst(c, 1, keys, isHead)) return;
  return waitFor(c, 1, keys, timeoutMs, () => popFirst(c, 1, keys, isHead));
}

export function lmpop(c: Context): ReturnType<Handler> {
  const { keys, isHead, count } = parseMultiPop(c, 1);
  const index = openFirst(c, 2, keys);
  if (index >= 0) return popSome(c, index, count, isHead);
  c.reply.nilArray();
}

export function blmpop(c: Context): ReturnType<Handler> {
  const { keys, isHead, count } = parseMultiPop(c, 2);
  const timeoutMs = parseTimeout(c, 1);
  const index = openFirst(c, 3, keys);
  if (index >= 0) return popSome(c, index, count, isHead);
  return waitForSome(c, keys, timeoutMs, count, isHead);
}

function* waitForSome(c: Context, keys: number, timeoutMs: number, count: number, isHead: boolean): Step {
  const popped: { rest: ReturnType<Handler> } = { rest: undefined };
  yield* waitFor(c, 3, keys, timeoutMs, () => {
    const index = openFirst(c, 3, keys);
    if (index >= 0) popped.rest = popSome(c, index, count, isHead);
    return index >= 0;
  });
  if (popped.rest !== undefined) yield* popped.rest;
}

function* waitFor(c: Context, firstKey: number, keys: number, timeoutMs: number, attempt: () => boolean): Step {
  yield* blockOnKeys(c, { firstKey, keys, type: "list", timeoutMs }, attempt, () => c.reply.nilArray());
}

/** LEFT (true) or RIGHT at argument `i`. */
function end(c: Context, i: number): boolean {
  if (c.args.is(i, "LEFT")) return true;
  if (c.args.is(i, "RIGHT")) return false;
  throw syntaxError();
}

interface MultiPop {
  readonly keys: number;
  readonly isHead: boolean;
  readonly count: number;
}

/** numkeys key [key …] LEFT|RIGHT [COUNT count], from argument `first` on. */
function parseMultiPop(c: Context, first: number): MultiPop {
  const { args } = c;
  const keys = integerBetween(c, first, 1, LONG_MAX, "ERR numkeys should be greater than 0");
  const where = first + keys + 1;
  if (where >= args.count) throw syntaxError();
  const isHead = end(c, where);
  let count = 0;
  for (let i = where + 1; i < args.count; i += 2) {
    if (count > 0 || i + 1 >= args.count || !args.is(i, "COUNT")) throw syntaxError();
    count = integerBetween(c, i + 1, 1, LONG_MAX, "ERR count should be greater than 0");
  }
  return { keys, isHead, count: Math.max(count, 1) };
}

/** Replies with key and element of the first list that there is among the keys; false when there is none. */
function popFirst(c: Context, firstKey: number, keys: number, isHead: boolean): boolean {
  const index = openFirst(c, firstKey, keys);
  if (index < 0) return false;
  const { args, reply } = c;
  reply.array(2);
  reply.bulk(args.bytes, args.starts[index] as number, args.lengths[index] as number);
  popOne(c, index, LIST, isHead);
  return true;
}

/** Replies with the key at argument `index`, whose list is open, and an array of up to `count` elements. */
function popSome(c: Context, index: number, count: number, isHead: boolean): ReturnType<Handler> {
  const { args, reply } = c;
  reply.array(2);
  reply.bulk(args.bytes, args.starts[index] as number, args.lengths[index] as number);
  return popCount(c, index, count, isHead);
}

function openFirst(c: Context, firstKey: number, keys: number): number {
  for (let i = firstKey; i < firstKey + keys; i++) if (openToChange(c, i, LIST)) return i;
  return -1;
}

/** Moves an element from the list at argument 1 to the one at argument 2, and replies with it; false when there is none. */
function move(c: Context, fromHead: boolean, toHead: boolean): boolean {
  if (!openForWrite(c, 1, "list")) return false;
  if (sameKey(c)) return rotate(c, fromHead, toHead);
  const exists = openToChange(c, 2, OTHER_LIST, TARGET);
  // Again: the other key may have been written.
  if (!openToChange(c, 1, LIST)) return false;
  const bytes = takeText(c, LIST, fromHead);
  // As Redis, where an integer that was taken has no text.
  const size = MOVED.isInt ? 0 : (LENGTH[0] as number);
  if (exists) {
    makeRoom(c, 2, OTHER_LIST, size, 1, TARGET);
    OTHER_LIST.push(bytes, START, LENGTH, 0, 1, toHead);
  } else createList(c, 2, OTHER_LIST, bytes, START, LENGTH, 0, 1, toHead, size);
  if (!openToChange(c, 1, LIST)) throw new Error("a list is gone while another one is written");
  removeFrom(c, 1, LIST, fromHead ? 0 : LIST.count - 1, 1);
  c.server.keyspace.dirty++;
  return true;
}

/** Source and destination are one list. */
function rotate(c: Context, fromHead: boolean, toHead: boolean): boolean {
  if (!openToChange(c, 1, LIST)) return false;
  const bytes = takeText(c, LIST, fromHead);
  if (fromHead !== toHead) {
    // First in, then out: where there is no memory nothing has changed.
    LIST.push(bytes, START, LENGTH, 0, 1, toHead);
    LIST.remove(fromHead ? 0 : LIST.count - 1, 1);
    LIST.shrink();
  }
  c.server.keyspace.dirty++;
  return true;
}

/** Copies the element at an end, the text [START[0], + LENGTH[0]) of what is returned, and replies with it. */
function takeText(c: Context, edit: ListEdit, isHead: boolean): Uint8Array {
  edit.read(isHead ? 0 : edit.count - 1, MOVED);
  const text = MOVED.text();
  const { length } = text;
  const bytes = SCRATCH.bytes(length);
  copyBytes(text.bytes, text.start, length, bytes, 0);
  START[0] = 0;
  LENGTH[0] = length;
  c.reply.bulk(bytes, 0, length);
  return bytes;
}

function sameKey({ args }: Context): boolean {
  const { bytes, starts, lengths } = args;
  const length = lengths[1] as number;
  if (lengths[2] !== length) return false;
  const a = starts[1] as number;
  const b = starts[2] as number;
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
