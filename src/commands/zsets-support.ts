/** What the sorted-set and geo commands share: opening a set for reading, loading it in order, writing members. */
import type { ElementLike } from "../net/reply.ts";
import { type SortedMembers, ZsetReader } from "../types/zset.ts";
import type { Context } from "./context.ts";
import { lookup } from "./lookup.ts";

/** Sets with more members than this are read in slices, by a reader of the command's own. */
export const SLICED_MEMBERS_MIN = 8192;
/** Members walked between two yields. */
export const SLICE_MEMBERS = 256;

/** For commands that run to their end at once. */
const QUICK = new ZsetReader();

/**
 * Opens the sorted set at argument `index`; null when the key is missing. A small set comes in a reader that all quick
 * commands share, a large one in a new one, which survives other commands between slices (`alwaysOwn`: so does a small one).
 */
export function openZset(c: Context, index = 1, alwaysOwn = false): ZsetReader | null {
  if (!lookup(c, index, "zset")) return null;
  QUICK.open(c.record);
  if (!isLarge(QUICK) && !alwaysOwn) return QUICK;
  const own = new ZsetReader();
  c.record.seekValue();
  own.open(c.record);
  return own;
}

/** Number of members of the sorted set at argument `index`, 0 when the key is missing. */
export function countMembers(c: Context, index: number): number {
  if (!lookup(c, index, "zset")) return 0;
  QUICK.open(c.record);
  return QUICK.count;
}

export function isLarge(zset: ZsetReader): boolean {
  return zset.count > SLICED_MEMBERS_MIN;
}

/** Loads the members of a large set in order, yielding between slices. */
export function* loadSorted(zset: ZsetReader): Generator<void, SortedMembers, void> {
  while (!zset.loadSome(SLICE_MEMBERS)) yield;
  return zset.sorted();
}

/** Runs a generator to its end: the unsliced form of a command for small sets. */
export function runWhole(steps: Generator<void, void, void>): void {
  while (!steps.next().done);
}

/** Runs a command that was written as a generator: at once over a small set, in slices over a large one. */
export function sliced(zset: ZsetReader, steps: Generator<void, void, void>): void | Generator<void, void, void> {
  if (isLarge(zset)) return steps;
  runWhole(steps);
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
