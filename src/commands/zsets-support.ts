/** What the sorted-set and geo commands share: opening a set for reading, loading it in order, writing members. */
import type { ElementLike } from "../net/reply.ts";
import type { Ranked } from "../types/ranked.ts";
import type { Context, Handler } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { lookup } from "./lookup.ts";
import { giveZset, type KeptZset, takeZset } from "./zsets-cache.ts";

/** Sets with more members than this are read in slices. */
export const SLICED_MEMBERS_MIN = 8192;
/** Members walked between two yields. */
export const SLICE_MEMBERS = 256;

/** Opens the sorted set at argument `index` for this command; null when the key is missing. `sliced` gives it back. */
export function openZset(c: Context, index = 1): KeptZset | null {
  return lookup(c, index, "zset") ? takeZset(c.record, liveLimits(c.server.config)) : null;
}

/** Whether all of it is read in slices. */
export function isLarge(zset: KeptZset): boolean {
  return zset.count > SLICED_MEMBERS_MIN;
}

/** Whether its order is to be loaded in slices. */
export function isSlow(zset: KeptZset): boolean {
  return !zset.isRanked && isLarge(zset);
}

/** The members in order; those of a large set that is not in order are loaded in slices. */
export function loadRanked(zset: KeptZset): Generator<void, Ranked, void> {
  return zset.load(SLICE_MEMBERS);
}

/** Runs a generator to its end: the unsliced form of a command for small sets. */
export function runWhole(steps: Generator<void, void, void>): void {
  while (!steps.next().done);
}

/**
 * Runs a command that was written as a generator: at once over a small set, in slices over a large one (or when
 * `takesLong` says so). Gives the set back when it has ended.
 */
export function sliced(
  zset: KeptZset,
  steps: Generator<void, void, void>,
  takesLong = isLarge(zset),
): ReturnType<Handler> {
  if (takesLong) return thenGive(zset, steps);
  runWhole(steps);
  giveZset(zset);
}

function* thenGive(zset: KeptZset, steps: Generator<void, void, void>): Generator<void, void, void> {
  try {
    yield* steps;
  } finally {
    giveZset(zset);
  }
}

/** Begins an array of members: with scores, flat pairs in RESP2, nested ones in RESP3. */
export function beginMembers(c: Context, count: number, withScores: boolean): void {
  c.reply.array(withScores && c.reply.protocol === 2 ? count * 2 : count);
}

/** One member of such an array. */
export function writeMember(c: Context, member: ElementLike, score: number, withScores: boolean): void {
  const { reply } = c;
  if (withScores && reply.protocol === 3) reply.array(2);
  reply.elements(member);
  if (withScores) reply.double(score);
}
