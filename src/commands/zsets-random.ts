/** ZRANDMEMBER: one member, some distinct ones, or (negative count) some that may repeat. */
import type { Context, Handler } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { checkPairCount, signedCount } from "./parse.ts";
import type { KeptZset } from "./zsets-cache.ts";
import { beginMembers, isLarge, loadSorted, openZset, SLICE_MEMBERS, sliced, writeMember } from "./zsets-support.ts";

export const zrandmember: Handler = (c) => {
  const { args, reply } = c;
  if (args.count < 3) {
    const zset = openZset(c);
    return zset === null ? reply.nil() : sliced(zset, writeOne(c, zset));
  }
  const count = signedCount(c, 2);
  const withScores = args.count === 4;
  if (args.count > 4 || (withScores && !args.is(3, "WITHSCORES"))) throw syntaxError();
  if (withScores) checkPairCount(count);
  const repeats = count < 0n || count === 1n;
  const wanted = Number(count < 0n ? -count : count);
  const zset = openZset(c);
  if (zset === null || wanted === 0) return reply.array(0);
  if (!repeats) return sliced(zset, writeDistinct(c, zset, wanted, withScores));
  // Many draws take long even from a small set.
  return sliced(zset, writeDraws(c, zset, wanted, withScores), isLarge(zset) || wanted > SLICE_MEMBERS);
};

function randomBelow(count: number): number {
  return Math.floor(Math.random() * count);
}

function* writeOne(c: Context, zset: KeptZset): Generator<void, void, void> {
  zset.rewind();
  for (let left = randomBelow(zset.count); zset.next() && left > 0; left--) {
    if (left % SLICE_MEMBERS === 0) yield;
  }
  c.reply.elements(zset);
}

/** `times` members, each drawn from all. */
function* writeDraws(c: Context, zset: KeptZset, times: number, withScores: boolean): Generator<void, void, void> {
  const members = yield* loadSorted(zset);
  beginMembers(c, times, withScores);
  for (let i = 1; i <= times; i++) {
    const rank = randomBelow(members.count);
    writeMember(c, members.member(rank), members.score(rank), withScores);
    if (i % SLICE_MEMBERS === 0) yield;
  }
}

/** `count` different members in stored order, or all when there are no more: selection sampling, in one walk. */
function* writeDistinct(c: Context, zset: KeptZset, count: number, withScores: boolean): Generator<void, void, void> {
  let wanted = Math.min(count, zset.count);
  beginMembers(c, wanted, withScores);
  zset.rewind();
  for (let left = zset.count; wanted > 0 && zset.next(); left--) {
    if (Math.random() * left < wanted) {
      writeMember(c, zset, zset.score, withScores);
      wanted--;
    }
    if (left % SLICE_MEMBERS === 0) yield;
  }
}
