/** Members come into a sorted set, or their scores change: ZADD, ZINCRBY, GEOADD. */

import { memberHash } from "../overlay/encodings/member-hash.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { freeSortedSet, SortedSet } from "../overlay/encodings/sorted-set.ts";
import { NativeType } from "../rdb/opcodes.ts";
import { ByteTable } from "../types/byte-table.ts";
import { encode } from "../types/geohash.ts";
import { plainDecimal } from "../types/score.ts";
import { createOne, ZsetEdit } from "../types/zset-edit.ts";
import { parseDouble } from "../util/parse-double.ts";
import { alone, CHANGED_AT_ONCE_MAX, CHANGED_PER_STEP, Target } from "./alone.ts";
import type { Context, Handler } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { parsePosition } from "./geo-search.ts";
import { whenReady } from "./not-ready.ts";
import { EDIT, makeNative, openQuickly } from "./zsets-change.ts";

const SCORES_FIRST = 256;
const SCORES_KEPT_MAX = 65_536;
const SCORES_PER_SLICE = 256;

/** What a command asks for, and what has come of it. One, used again and again. */
class Addition {
  onlyNew = false;
  onlyOld = false;
  onlyGreater = false;
  onlyLess = false;
  countsChanges = false;
  increments = false;
  /** The first member's argument, how far the next one is from it, and how many there are. */
  first = 0;
  stride = 2;
  count = 0;
  scores = new Float64Array(SCORES_FIRST);
  added = 0;
  updated = 0;
  /** The last member's score; NaN: it was left as it is. */
  score = Number.NaN;

  clear(): void {
    this.onlyNew = this.onlyOld = this.onlyGreater = this.onlyLess = false;
    this.countsChanges = this.increments = false;
    this.added = this.updated = 0;
    this.score = Number.NaN;
  }

  /** Makes room for `count` scores. */
  begin(first: number, stride: number, count: number): void {
    this.first = first;
    this.stride = stride;
    this.count = count;
    if (count > this.scores.length || this.scores.length > SCORES_KEPT_MAX) {
      this.scores = new Float64Array(Math.max(count, SCORES_FIRST));
    }
  }
}

const ADDITION = new Addition();

/** What a request is taken down in: one of many arguments is dealt with in slices, and needs its own. */
function additionOf({ args }: Context): Addition {
  return args.count > 2 * CHANGED_AT_ONCE_MAX ? new Addition() : ADDITION;
}

export const zadd: Handler = (c) => {
  const addition = additionOf(c);
  addition.clear();
  const first = parseFlags(c, addition);
  const rest = c.args.count - first;
  if (rest % 2 !== 0 || rest === 0) throw syntaxError();
  if (addition.onlyNew && addition.onlyOld) {
    throw new ReplyError("ERR XX and NX options at the same time are not compatible");
  }
  const { onlyGreater, onlyLess, onlyNew } = addition;
  if ((onlyGreater && onlyNew) || (onlyLess && onlyNew) || (onlyGreater && onlyLess)) {
    throw new ReplyError("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (addition.increments && rest > 2) {
    throw new ReplyError("ERR INCR option supports a single increment-element pair");
  }
  addition.begin(first + 1, 2, rest / 2);
  if (addition !== ADDITION) return addScores(c, addition, first);
  for (let i = 0; i < addition.count; i++) addition.scores[i] = parseScore(c, first + 2 * i);
  run(c, addition);
};

// Functions of their own: who captures a variable makes garbage of it, whether he is called or not.
function addScores(c: Context, addition: Addition, first: number): Generator<void, void, void> {
  return runInSlices(c, addition, (i) => parseScore(c, first + 2 * i));
}

function parseFlags({ args }: Context, addition: Addition): number {
  let i = 2;
  for (; i < args.count; i++) {
    // No number begins as an option does.
    if ((args.bytes[args.starts[i] as number] as number) < 65) break;
    if (args.is(i, "NX")) addition.onlyNew = true;
    else if (args.is(i, "XX")) addition.onlyOld = true;
    else if (args.is(i, "CH")) addition.countsChanges = true;
    else if (args.is(i, "INCR")) addition.increments = true;
    else if (args.is(i, "GT")) addition.onlyGreater = true;
    else if (args.is(i, "LT")) addition.onlyLess = true;
    else break;
  }
  return i;
}

export function zincrby(c: Context): void {
  const addition = ADDITION;
  addition.clear();
  // Redis reads ZADD's options here, too: nothing is left to be the pair of a score and a member.
  if (parseFlags(c, addition) !== 2) throw syntaxError();
  addition.increments = true;
  addition.begin(3, 2, 1);
  addition.scores[0] = parseScore(c, 2);
  run(c, addition);
}

export const geoadd: Handler = (c) => {
  const { args } = c;
  const addition = additionOf(c);
  addition.clear();
  let first = 2;
  for (; first < args.count; first++) {
    if (args.is(first, "NX")) addition.onlyNew = true;
    else if (args.is(first, "XX")) addition.onlyOld = true;
    else if (args.is(first, "CH")) addition.countsChanges = true;
    else break;
  }
  const rest = args.count - first;
  if (rest % 3 !== 0 || rest === 0 || (addition.onlyNew && addition.onlyOld)) throw syntaxError();
  addition.begin(first + 2, 3, rest / 3);
  if (addition !== ADDITION) return addPositions(c, addition, first);
  for (let i = 0; i < addition.count; i++) addition.scores[i] = positionAt(c, first + 3 * i);
  run(c, addition);
};

function addPositions(c: Context, addition: Addition, first: number): Generator<void, void, void> {
  return runInSlices(c, addition, (i) => positionAt(c, first + 3 * i));
}

/** The score of the longitude and latitude from argument `i` on. */
function positionAt(c: Context, i: number): number {
  const { longitude, latitude } = parsePosition(c, i);
  return encode(longitude, latitude);
}

function parseScore(c: Context, i: number): number {
  const { args } = c;
  const plain = plainDecimal(args.bytes, args.starts[i] as number, args.lengths[i] as number);
  if (!Number.isNaN(plain)) return plain;
  // Of any length, as Redis reads scores.
  const value = parseDouble(args.text(i));
  if (value === undefined) throw new ReplyError("ERR value is not a valid float");
  return value;
}

/** Adds what was asked for, and answers. */
function run(c: Context, addition: Addition): void {
  for (let i = open(c, addition); i < addition.count; i++) addOne(c, addition, EDIT, i);
  answer(c, addition);
}

/** As run, with the scores that `scoreOf` reads. */
function* runInSlices(c: Context, addition: Addition, scoreOf: (i: number) => number): Generator<void, void, void> {
  for (let i = 0; i < addition.count; i++) {
    addition.scores[i] = scoreOf(i);
    if ((i + 1) % SCORES_PER_SLICE === 0) yield;
  }
  const next = yield* whenReady(c, () => open(c, addition));
  if (next < addition.count && EDIT.isNative) {
    const edit = new ZsetEdit();
    const { args, db, record } = c;
    const target = new Target(c, 1, record);
    edit.open(db, args.bytes, args.starts[1] as number, args.lengths[1] as number, record);
    yield* alone(c, target, adding(c, addition, edit, next));
  } else for (let i = next; i < addition.count; i++) addOne(c, addition, EDIT, i);
  answer(c, addition);
}

function* adding(c: Context, addition: Addition, edit: ZsetEdit, first: number): Generator<void, void, void> {
  for (let i = first; i < addition.count; i++) {
    if (i % CHANGED_PER_STEP === 0) yield;
    addOne(c, addition, edit, i);
  }
}

/** Opens the set in EDIT, in the form that it will need; makes it, with its first member, where there is none. The first that is left to be added. */
function open(c: Context, addition: Addition): number {
  if (openQuickly(c, 1)) {
    if (!EDIT.isNative && outgrows(c, addition)) makeNative(c, 1);
    return 0;
  }
  return addition.onlyOld ? addition.count : create(c, addition);
}

function answer({ reply }: Context, addition: Addition): void {
  if (!addition.increments) reply.integer(addition.countsChanges ? addition.added + addition.updated : addition.added);
  else if (Number.isNaN(addition.score)) reply.nil();
  else reply.double(addition.score);
}

function addOne(c: Context, addition: Addition, edit: ZsetEdit, i: number): void {
  const { bytes, starts, lengths } = c.args;
  const index = addition.first + i * addition.stride;
  const start = starts[index] as number;
  const length = lengths[index] as number;
  let score = addition.scores[i] as number;
  if (!edit.find(bytes, start, length)) {
    if (addition.onlyOld) return;
    edit.add(score, bytes, start, length);
    addition.added++;
  } else {
    if (addition.onlyNew) return;
    const old = edit.score;
    if (addition.increments) {
      score += old;
      if (Number.isNaN(score)) throw new ReplyError("ERR resulting score is not a number (NaN)");
    }
    if ((addition.onlyLess && score >= old) || (addition.onlyGreater && score <= old)) return;
    addition.score = score;
    if (score === old) return;
    edit.setScore(score, bytes, start, length);
    addition.updated++;
  }
  addition.score = score;
  c.server.keyspace.dirty++;
}

/** Makes the key, with the first member, packed or native as it will be with all of them. Returns how many members it has dealt with. */
function create(c: Context, addition: Addition): number {
  const { args, db } = c;
  const { bytes } = args;
  const keyStart = args.starts[1] as number;
  const keyLength = args.lengths[1] as number;
  const start = args.starts[addition.first] as number;
  const length = args.lengths[addition.first] as number;
  const score = addition.scores[0] as number;
  if (isSmall(c, addition)) createOne(db, bytes, keyStart, keyLength, score, bytes, start, length);
  else {
    const { arena } = db.ensureTop();
    const root = SortedSet.create(arena);
    try {
      const set = new SortedSet(arena).bind(arena, root);
      const hash = memberHash(bytes, start, length);
      set.find(hash, bytes, start, length);
      set.add(hash, score, bytes, start, length);
      db.install(bytes, keyStart, keyLength, NativeType.ZSET, root, -1);
    } catch (error) {
      atOnce(freeSortedSet(arena, root));
      throw error;
    }
  }
  addition.added++;
  addition.score = score;
  c.server.keyspace.dirty++;
  if (addition.count > 1) openQuickly(c, 1);
  return 1;
}

/** Whether all members together, if they are new, make a listpack. */
function isSmall(c: Context, { first, stride, count }: Addition, others = 0): boolean {
  const limits = liveLimits(c.server.config);
  if (others + count > limits["zset-max-listpack-entries"]) return false;
  const { lengths } = c.args;
  const max = limits["zset-max-listpack-value"];
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths[first + i * stride] as number;
    if (length > max) return false;
    bytes += length;
  }
  return others === 0 || EDIT.hasRoom(bytes);
}

/** Whether the listpack that EDIT has open becomes a skiplist in the course of this, as Redis counts. */
function outgrows(c: Context, addition: Addition): boolean {
  if (isSmall(c, addition, EDIT.count)) return false;
  const { bytes, starts, lengths } = c.args;
  const limits = liveLimits(c.server.config);
  const max = limits["zset-max-listpack-value"];
  const entries = limits["zset-max-listpack-entries"];
  if (addition.count > entries) return true;
  if (addition.onlyOld) return false;
  if (addition.count === 1)
    return !EDIT.find(bytes, starts[addition.first] as number, lengths[addition.first] as number);
  const seen = new ByteTable();
  for (let i = 0; i < addition.count; i++) {
    const index = addition.first + i * addition.stride;
    const start = starts[index] as number;
    const length = lengths[index] as number;
    if (EDIT.find(bytes, start, length) || seen.indexOf(bytes, start, length) >= 0) continue;
    if (length > max || EDIT.count + seen.count + 1 > entries || !EDIT.hasRoom(length)) return true;
    seen.add(bytes, start, length);
  }
  return false;
}
