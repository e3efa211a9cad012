/** Sorted sets, one member or one number: ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZCOUNT ZLEXCOUNT. */
import { LexRange, ScoreRange } from "../types/range.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError, wrongArity } from "./errors.ts";
import { giveZset, type KeptZset } from "./zsets-cache.ts";
import { lexBounds, scoreBounds } from "./zsets-range.ts";
import { isLarge, loadSorted, openZset, SLICE_MEMBERS, sliced } from "./zsets-support.ts";

export const zcard: Handler = (c) => {
  const zset = openZset(c);
  c.reply.integer(zset?.count ?? 0);
  if (zset !== null) giveZset(zset);
};

export const zscore: Handler = (c) => {
  const zset = openZset(c);
  if (zset === null) return c.reply.nil();
  if (isLarge(zset)) return sliced(zset, writeScores(c, zset));
  writeScore(c, zset, 2);
  giveZset(zset);
};

export const zmscore: Handler = (c) => {
  const zset = openZset(c);
  c.reply.array(c.args.count - 2);
  if (zset !== null && isLarge(zset)) return sliced(zset, writeScores(c, zset));
  for (let i = 2; i < c.args.count; i++) {
    if (zset === null) c.reply.nil();
    else writeScore(c, zset, i);
  }
  if (zset !== null) giveZset(zset);
};

/** The score of the member at argument `index` of a small set. */
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

/** Finds the member at argument `index` in stored order, in slices; then `zset.score` is its score. */
export function* find(c: Context, index: number, zset: KeptZset): Generator<void, boolean, void> {
  const member = ownArgument(c, index);
  zset.rewind();
  for (let walked = 1; zset.next(); walked++) {
    if (zset.equals(member, 0, member.length)) return true;
    if (walked % SLICE_MEMBERS === 0) yield;
  }
  return false;
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
  const { args, reply } = c;
  if (args.count > 4) throw wrongArity(reverse ? "zrevrank" : "zrank");
  const withScore = args.count > 3;
  if (withScore && !args.is(3, "WITHSCORE")) throw syntaxError();
  const zset = openZset(c);
  if (zset !== null) return sliced(zset, writeRank(c, zset, reverse, withScore));
  if (withScore) reply.nilArray();
  else reply.nil();
}

/** Looks for the member in order, which tells its rank. */
function* writeRank(c: Context, zset: KeptZset, reverse: boolean, withScore: boolean): Generator<void, void, void> {
  const { reply } = c;
  const wanted = ownArgument(c, 2);
  const members = yield* loadSorted(zset);
  let rank = 0;
  while (rank < members.count && !members.member(rank).equals(wanted, 0, wanted.length)) {
    if (++rank % SLICE_MEMBERS === 0) yield;
  }
  if (rank === members.count) {
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  if (withScore) reply.array(2);
  reply.integer(reverse ? members.count - 1 - rank : rank);
  if (withScore) reply.double(members.score(rank));
}

export const zcount: Handler = (c) => {
  const range = ScoreRange.parse(c.args.text(2), c.args.text(3));
  if (range === null) throw new ReplyError("ERR min or max is not a float");
  const zset = openZset(c);
  if (zset === null) return c.reply.integer(0);
  return sliced(zset, countScores(c, zset, range));
};

function* countScores(c: Context, zset: KeptZset, range: ScoreRange): Generator<void, void, void> {
  const { start, end } = scoreBounds(yield* loadSorted(zset), range);
  c.reply.integer(end - start);
}

export const zlexcount: Handler = (c) => {
  const range = LexRange.parse(c.args.text(2), c.args.text(3));
  if (range === null) throw new ReplyError("ERR min or max not valid string range item");
  const zset = openZset(c);
  if (zset === null) return c.reply.integer(0);
  return sliced(zset, countLex(c, zset, range));
};

function* countLex(c: Context, zset: KeptZset, range: LexRange): Generator<void, void, void> {
  const bounds = lexBounds(zset, yield* loadSorted(zset), range, false);
  c.reply.integer(bounds.end - bounds.start);
}
