/** The lowest or highest members are taken off: ZPOPMIN, ZPOPMAX, ZMPOP, and BZPOPMIN, BZPOPMAX, BZMPOP, which wait for some. */

import { nativeBlocks } from "../keyspace/native.ts";
import { readScored } from "../overlay/encodings/member.ts";
import { Element } from "../types/elements.ts";
import type { ScoredPairs } from "../types/scored-pairs.ts";
import { Span } from "../util/span.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import { blockOnKeys, parseTimeout } from "./blocking.ts";
import type { Context, Handler } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer, positive } from "./parse.ts";
import { deleteKey } from "./writable.ts";
import { giveZset, takeZset } from "./zsets-cache.ts";
import { EDIT, openToChange } from "./zsets-change.ts";
import { removeRanks } from "./zsets-many.ts";
import { isBetterCopied, removeMany } from "./zsets-rest.ts";
import { SLICE_MEMBERS } from "./zsets-support.ts";

/**
 * What stands around the pairs:
 *
 *   flat     member, score, …           nested   [member, score], …
 *   named    key, member, score         both     key, [[member, score], …]
 */
type Shape = "flat" | "nested" | "named" | "both";

interface Pop {
  /** Arguments [first, first + keys) are keys. */
  readonly first: number;
  readonly keys: number;
  readonly isMax: boolean;
  readonly count: number;
  readonly shape: Shape;
}

export const zpopmin: Handler = (c) => pop(c, false);
export const zpopmax: Handler = (c) => pop(c, true);

function pop(c: Context, isMax: boolean): ReturnType<Handler> {
  const { args, reply } = c;
  if (args.count > 3) throw syntaxError();
  const count = args.count === 3 ? positive(c, 2) : 1;
  const shape = args.count === 3 && reply.protocol === 3 ? "nested" : "flat";
  if (!openToChange(c, 1) || count === 0) return reply.array(0);
  return popOpened(c, 1, isMax, count, shape);
}

/** Takes members off the set that EDIT has open. */
function popOpened(c: Context, index: number, isMax: boolean, count: number, shape: Shape): ReturnType<Handler> {
  const taken = Math.min(count, EDIT.count);
  const isAll = taken === EDIT.count;
  if (taken > CHANGED_AT_ONCE_MAX && EDIT.isNative) {
    const isCopied = isAll || isBetterCopied(EDIT.count, taken);
    return isCopied ? popMany(c, index, isMax, count, shape) : popInPlace(c, index, isMax, taken, shape);
  }
  begin(c, index, taken, shape);
  if (isAll) {
    writeEnd(c, isMax, taken, shape);
    deleteKey(c, index);
  } else if (!EDIT.isNative && taken > 1) {
    // All of them at once: what has been popped must not be lost where there is no memory for the next.
    writeEnd(c, isMax, taken, shape);
    EDIT.removeRanks(isMax ? EDIT.count - taken : 0, isMax ? EDIT.count : taken);
  } else {
    for (let i = 0; i < taken; i++) {
      EDIT.goToEnd(isMax);
      beginPair(c, shape);
      c.reply.elements(EDIT.member);
      c.reply.double(EDIT.score);
      EDIT.removeHere();
    }
  }
  c.server.keyspace.dirty += taken;
}

/** So many members at an end of the set in `c.record`. */
function writeEnd(c: Context, isMax: boolean, count: number, shape: Shape): void {
  const zset = takeZset(c.record, liveLimits(c.server.config));
  const ranked = zset.ranked();
  ranked.goTo(isMax ? ranked.count - 1 : 0);
  for (let left = count; left > 0; left--) {
    beginPair(c, shape);
    c.reply.elements(ranked.member);
    c.reply.double(ranked.score);
    if (isMax) ranked.previous();
    else ranked.next();
  }
  giveZset(zset);
}

function* popMany(c: Context, index: number, isMax: boolean, count: number, shape: Shape): Generator<void, void, void> {
  const done = yield* removeMany(
    c,
    index,
    (_zset, ranked) => {
      const taken = Math.min(count, ranked.count);
      return isMax ? { start: ranked.count - taken, end: ranked.count } : { start: 0, end: taken };
    },
    true,
  );
  if (done === null) {
    if (shape === "both") c.reply.nilArray();
    else c.reply.array(0);
    return;
  }
  c.server.keyspace.dirty += done.removed;
  begin(c, index, done.removed, shape);
  yield* writePairs(c, done.pairs, isMax, shape);
}

/** Takes off so many members, not all there are, of the native set that was just opened: they are replied from their blocks. */
function* popInPlace(
  c: Context,
  index: number,
  isMax: boolean,
  taken: number,
  shape: Shape,
): Generator<void, void, void> {
  const { pins } = c.server.keyspace;
  const arena = nativeBlocks(c.record);
  const first = isMax ? EDIT.count - taken : 0;
  const pin = pins.take();
  try {
    const handles = new Int32Array(taken);
    yield* removeRanks(c, index, first, first + taken, handles);
    begin(c, index, taken, shape);
    const member = new Element();
    for (let i = 0; i < taken; i++) {
      const score = readScored(arena, handles[isMax ? taken - 1 - i : i] as number, member);
      beginPair(c, shape);
      c.reply.elements(member);
      c.reply.double(score);
      if ((i + 1) % SLICE_MEMBERS === 0) yield;
    }
  } finally {
    pins.release(pin);
  }
}

function* writePairs(c: Context, pairs: ScoredPairs, isMax: boolean, shape: Shape): Generator<void, void, void> {
  const member = new Span();
  for (let i = 0; i < pairs.count; i++) {
    const pair = isMax ? pairs.count - 1 - i : i;
    beginPair(c, shape);
    pairs.member(pair, member);
    c.reply.bulkSpan(member);
    c.reply.double(pairs.score(pair));
    if ((i + 1) % SLICE_MEMBERS === 0) yield;
  }
}

function begin({ args, reply }: Context, index: number, pairs: number, shape: Shape): void {
  if (shape === "flat") reply.array(pairs * 2);
  else if (shape === "nested") reply.array(pairs);
  else {
    reply.array(shape === "named" ? pairs * 2 + 1 : 2);
    reply.bulk(args.bytes, args.starts[index] as number, args.lengths[index] as number);
    if (shape === "both") reply.array(pairs);
  }
}

function beginPair({ reply }: Context, shape: Shape): void {
  if (shape === "nested" || shape === "both") reply.array(2);
}

/** The first key that has members is opened in EDIT; its argument, -1: there is none. Throws ReplyError WRONGTYPE, NotReady. */
function openFirst(c: Context, { first, keys }: Pop): number {
  for (let index = first; index < first + keys; index++) if (openToChange(c, index)) return index;
  return -1;
}

export const zmpop: Handler = (c) => {
  const wanted = parseMpop(c, 1);
  const index = openFirst(c, wanted);
  if (index < 0) return c.reply.nilArray();
  return popOpened(c, index, wanted.isMax, wanted.count, "both");
};

export const bzmpop: Handler = (c) => {
  const wanted = parseMpop(c, 2);
  return popOrWait(c, wanted, parseTimeout(c, 1));
};

export const bzpopmin: Handler = (c) => popWaiting(c, false);
export const bzpopmax: Handler = (c) => popWaiting(c, true);

function popWaiting(c: Context, isMax: boolean): ReturnType<Handler> {
  const keys = c.args.count - 2;
  const timeoutMs = parseTimeout(c, keys + 1);
  return popOrWait(c, { first: 1, keys, isMax, count: 1, shape: "named" }, timeoutMs);
}

function popOrWait(c: Context, wanted: Pop, timeoutMs: number): ReturnType<Handler> {
  const index = openFirst(c, wanted);
  if (index >= 0) return popOpened(c, index, wanted.isMax, wanted.count, wanted.shape);
  return wait(c, wanted, timeoutMs);
}

function* wait(c: Context, wanted: Pop, timeoutMs: number): Generator<void, void, void> {
  const popped: { rest: ReturnType<Handler> } = { rest: undefined };
  const attempt = () => {
    const index = openFirst(c, wanted);
    if (index < 0) return false;
    popped.rest = popOpened(c, index, wanted.isMax, wanted.count, wanted.shape);
    return true;
  };
  const { first: firstKey, keys } = wanted;
  yield* blockOnKeys(c, { firstKey, keys, type: "zset", timeoutMs }, attempt, () => c.reply.nilArray());
  if (popped.rest !== undefined) yield* popped.rest;
}

/** numkeys at argument `at`, keys, MIN or MAX, COUNT. */
function parseMpop(c: Context, at: number): Pop {
  const { args } = c;
  const keys = atLeastOne(c, at, "ERR numkeys should be greater than 0");
  const where = at + keys + 1;
  if (where >= args.count) throw syntaxError();
  const isMax = args.is(where, "MAX");
  if (!isMax && !args.is(where, "MIN")) throw syntaxError();
  let count = -1;
  for (let i = where + 1; i < args.count; i++) {
    if (count >= 0 || !args.is(i, "COUNT") || i + 1 >= args.count) throw syntaxError();
    count = atLeastOne(c, ++i, "ERR count should be greater than 0");
  }
  return { first: at + 1, keys, isMax, count: count < 0 ? 1 : count, shape: "both" };
}

function atLeastOne(c: Context, i: number, message: string): number {
  const value = integer(c, i, message);
  if (value < 1) throw new ReplyError(message);
  return value;
}
