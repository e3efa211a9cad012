/** ZRANDMEMBER: one member, some distinct ones, or (negative count) some that may repeat. */
import type { Context, Handler } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { checkPairCount, signedCount } from "./parse.ts";
import { giveZset, type KeptZset } from "./zsets-cache.ts";
import { beginMembers, isSlow, loadRanked, openZset, SLICE_MEMBERS, sliced, writeMember } from "./zsets-support.ts";

/** Of fewer than one in so many members each is drawn by itself; of more, all are walked. */
const DRAWN_SHARE_MIN = 3;

export const zrandmember: Handler = (c) => {
  const { args, reply } = c;
  if (args.count < 3) {
    const zset = openZset(c);
    if (zset === null) return reply.nil();
    if (!zset.isTree) return sliced(zset, writeOne(c, zset));
    zset.pick();
    reply.elements(zset);
    return giveZset(zset);
  }
  const count = signedCount(c, 2);
  const withScores = args.count === 4;
  if (args.count > 4 || (withScores && !args.is(3, "WITHSCORES"))) throw syntaxError();
  if (withScores) checkPairCount(count);
  const repeats = count < 0n || count === 1n;
  const wanted = Number(count < 0n ? -count : count);
  const zset = openZset(c);
  if (zset === null || wanted === 0) return reply.array(0);
  if (!repeats) {
    if (zset.isTree && wanted < zset.count / DRAWN_SHARE_MIN) return writeDrawnOnce(c, zset, wanted, withScores);
    return sliced(zset, writeDistinct(c, zset, wanted, withScores));
  }
  // Many draws take long even from a small set.
  return sliced(zset, writeDraws(c, zset, wanted, withScores), isSlow(zset) || wanted > SLICE_MEMBERS);
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
  const members = yield* loadRanked(zset);
  beginMembers(c, times, withScores);
  for (let i = 1; i <= times; i++) {
    members.goTo(randomBelow(members.count));
    writeMember(c, members.member, members.score, withScores);
    if (i % SLICE_MEMBERS === 0) yield;
  }
}

/** `count` different members, far fewer than there are: ranks drawn until that many are different. */
function writeDrawnOnce(c: Context, zset: KeptZset, count: number, withScores: boolean): ReturnType<Handler> {
  const ranks = new Set<number>();
  while (ranks.size < count) ranks.add(randomBelow(zset.count));
  return sliced(zset, writeRanks(c, zset, ranks, withScores), count > SLICE_MEMBERS);
}

function* writeRanks(
  c: Context,
  zset: KeptZset,
  ranks: ReadonlySet<number>,
  withScores: boolean,
): Generator<void, void, void> {
  const members = zset.ranked();
  beginMembers(c, ranks.size, withScores);
  let written = 0;
  for (const rank of ranks) {
    members.goTo(rank);
    writeMember(c, members.member, members.score, withScores);
    if (++written % SLICE_MEMBERS === 0) yield;
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
