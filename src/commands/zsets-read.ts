/** Sorted sets, one member or one number: ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZCOUNT ZLEXCOUNT. */
import { LexRange, type ScoreRange } from "../types/range.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError, wrongArity } from "./errors.ts";
import { giveZset, type KeptZset } from "./zsets-cache.ts";
import { RANKS, scoreRange, setRanks } from "./zsets-ranks.ts";
import { isLarge, isSlow, loadRanked, openZset, sliced } from "./zsets-support.ts";

export const zcard: Handler = (c) => {
  const zset = openZset(c);
  c.reply.integer(zset?.count ?? 0);
  if (zset !== null) giveZset(zset);
};

export const zscore: Handler = (c) => {
  const zset = openZset(c);
  if (zset === null) return c.reply.nil();
  if (isSlowToFind(zset)) return sliced(zset, writeScores(c, zset));
  writeScore(c, zset, 2);
  giveZset(zset);
};

export const zmscore: Handler = (c) => {
  const zset = openZset(c);
  c.reply.array(c.args.count - 2);
  if (zset !== null && isSlowToFind(zset)) return sliced(zset, writeScores(c, zset));
  for (let i = 2; i < c.args.count; i++) {
    if (zset === null) c.reply.nil();
    else writeScore(c, zset, i);
  }
  if (zset !== null) giveZset(zset);
};

/** Whether a member may have to be looked for in slices. */
export function isSlowToFind(zset: KeptZset): boolean {
  return !zset.isTree && isLarge(zset);
}

/** The score of the member at argument `index` of a set that is not slow. */
function writeScore(c: Context, zset: KeptZset, index: number): void {
  const { args, reply } = c;
  if (zset.find(args.bytes, args.starts[index] as number, args.lengths[index] as number)) reply.double(zset.score);
  else reply.nil();
}

function* writeScores(c: Context, zset: KeptZset): Generator<void, void, void> {
  for (let i = 2; i < c.args.count; i++) {
    if (yield* find(c, i, zset)) c.reply.double(zset.score);
    else c.reply.nil();
  }
}

/** Finds the member at argument `index`, in slices where that takes long; then `zset.score` is its score. */
export function* find(c: Context, index: number, zset: KeptZset): Generator<void, boolean, void> {
  const member = ownArgument(c, index);
  const { length } = member;
  if (zset.isSlowToFind(member, 0, length)) yield* zset.findInSlices(member);
  return zset.find(member, 0, length);
}

/** A copy of an argument's bytes: arguments move when a command is parked. */
function ownArgument({ args }: Context, index: number): Uint8Array {
  const start = args.starts[index] as number;
  // Not bytes.slice(), which is a view where the bytes are a Buffer.
  return new Uint8Array(args.bytes.subarray(start, start + (args.lengths[index] as number)));
}

export const zrank: Handler = (c) => rank(c, false);
export const zrevrank: Handler = (c) => rank(c, true);

function rank(c: Context, reverse: boolean): ReturnType<Handler> {
  const { args } = c;
  if (args.count > 4) throw wrongArity(reverse ? "zrevrank" : "zrank");
  const withScore = args.count > 3;
  if (withScore && !args.is(3, "WITHSCORE")) throw syntaxError();
  const zset = openZset(c);
  if (zset === null) return writeRank(c, -1, 0, withScore);
  if (isSlowToFind(zset)) return sliced(zset, findRank(c, zset, reverse, withScore));
  const ranked = zset.ranked();
  const found = ranked.rankOf(args.bytes, args.starts[2] as number, args.lengths[2] as number);
  writeRank(c, found >= 0 && reverse ? ranked.count - 1 - found : found, ranked.score, withScore);
  giveZset(zset);
}

function* findRank(c: Context, zset: KeptZset, reverse: boolean, withScore: boolean): Generator<void, void, void> {
  const ranked = yield* loadRanked(zset);
  const member = ownArgument(c, 2);
  const { length } = member;
  if (zset.isSlowToFind(member, 0, length)) yield* zset.findInSlices(member);
  const found = ranked.rankOf(member, 0, length);
  writeRank(c, found >= 0 && reverse ? ranked.count - 1 - found : found, ranked.score, withScore);
}

/** `rank`: -1 for no member. */
function writeRank({ reply }: Context, rank: number, score: number, withScore: boolean): void {
  if (rank < 0) {
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  if (withScore) reply.array(2);
  reply.integer(rank);
  if (withScore) reply.double(score);
}

export const zcount: Handler = (c) => {
  const range = scoreRange(c, 2, 3);
  if (range === null) throw new ReplyError("ERR min or max is not a float");
  return countIn(c, range);
};

export const zlexcount: Handler = (c) => {
  const range = LexRange.parse(c.args.text(2), c.args.text(3));
  if (range === null) throw new ReplyError("ERR min or max not valid string range item");
  return countIn(c, range);
};

function countIn(c: Context, range: ScoreRange | LexRange): ReturnType<Handler> {
  const zset = openZset(c);
  if (zset === null) return c.reply.integer(0);
  if (isSlow(zset)) return sliced(zset, countInSlices(c, zset, range));
  setRanks(zset, zset.ranked(), range, false);
  c.reply.integer(RANKS.end - RANKS.start);
  giveZset(zset);
}

function* countInSlices(c: Context, zset: KeptZset, range: ScoreRange | LexRange): Generator<void, void, void> {
  setRanks(zset, yield* loadRanked(zset), range, false);
  c.reply.integer(RANKS.end - RANKS.start);
}
