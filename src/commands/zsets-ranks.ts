/** Ranges of a sorted set (types/range.ts) as ranks of its members in order, whatever it lies in. */
import { LexRange, ScoreRange } from "../types/range.ts";
import { type Ranked, TreeOrder } from "../types/ranked.ts";
import { plainDecimal } from "../types/score.ts";
import type { ZsetReader } from "../types/zset.ts";
import type { Context } from "./context.ts";

/** From one rank to another; negative ones count from the end. */
export class RankRange {
  constructor(
    readonly first: number,
    readonly last: number,
  ) {}
}

const OPEN = 0x28;

/** The range of scores between the bounds at two arguments, as ScoreRange.parse; null when one is not a number. */
export function scoreRange(c: Context, min: number, max: number): ScoreRange | null {
  const low = bound(c, min);
  const high = bound(c, max);
  if (Number.isNaN(low) || Number.isNaN(high)) return ScoreRange.parse(c.args.text(min), c.args.text(max));
  return ScoreRange.of(low, isOpen(c, min), high, isOpen(c, max));
}

function isOpen({ args }: Context, i: number): boolean {
  return (args.lengths[i] as number) > 0 && args.bytes[args.starts[i] as number] === OPEN;
}

/** A bound that is a plain decimal, NaN for any other. */
function bound(c: Context, i: number): number {
  const { args } = c;
  const skipped = isOpen(c, i) ? 1 : 0;
  return plainDecimal(args.bytes, (args.starts[i] as number) + skipped, (args.lengths[i] as number) - skipped);
}

/** What setRanks has found: ranks start ≤ rank < end. Read before the next call. */
export const RANKS = { start: 0, end: 0 };

/** Sets RANKS to the members in a range. Ranks of a range of ranks count from the highest when `reverse`. */
export function setRanks(
  zset: ZsetReader,
  ranked: Ranked,
  range: RankRange | ScoreRange | LexRange,
  reverse: boolean,
): void {
  if (range instanceof RankRange) setByRank(ranked.count, range, reverse);
  else if (range instanceof LexRange) setByLex(zset, ranked, range, reverse);
  else setByScore(ranked, range);
}

function set(start: number, end: number): void {
  RANKS.start = start;
  RANKS.end = Math.max(start, end);
}

function setByRank(count: number, range: RankRange, reverse: boolean): void {
  const first = Math.max(0, range.first < 0 ? count + range.first : range.first);
  const last = Math.min(count - 1, range.last < 0 ? count + range.last : range.last);
  if (first > last) set(0, 0);
  else if (reverse) set(count - 1 - last, count - first);
  else set(first, last + 1);
}

export function setByScore(ranked: Ranked, { min, minOpen, max, maxOpen }: ScoreRange): void {
  set(ranked.countBelow(min, minOpen), ranked.countBelow(max, !maxOpen));
}

/**
 * A lexicographic range means something only where all scores are equal; where they are not, a listpack is walked as Redis walks it
 * (from the near end, as long as members fit), a skiplist is bisected.
 */
function setByLex(zset: ZsetReader, ranked: Ranked, lex: LexRange, reverse: boolean): void {
  const { count } = ranked;
  if (count === 0 || lex.empty) set(0, 0);
  else if (ranked instanceof TreeOrder) setByTree(ranked, lex);
  else if (zset.encoding === "skiplist") {
    const start = firstRank(ranked, 0, (member) => !lex.below(member.member.text()));
    set(
      start,
      firstRank(ranked, start, (member) => lex.above(member.member.text())),
    );
  } else setByWalk(ranked, lex, reverse);
}

function setByTree(tree: TreeOrder, { min, max }: LexRange): void {
  const { count } = tree;
  const before = min.infinite < 0 ? 0 : min.infinite > 0 ? count : countBefore(tree, min.bytes, min.open);
  set(before, max.infinite < 0 ? 0 : max.infinite > 0 ? count : countBefore(tree, max.bytes, !max.open));
}

function countBefore(tree: TreeOrder, bytes: Uint8Array, isOpen: boolean): number {
  return tree.countBefore(bytes, 0, bytes.length, isOpen);
}

function setByWalk(ranked: Ranked, lex: LexRange, reverse: boolean): void {
  const { count } = ranked;
  set(0, 0);
  ranked.goTo(count - 1);
  if (lex.below(ranked.member.text())) return;
  if (reverse) {
    let end = count;
    while (end > 0 && lex.above(ranked.member.text())) {
      end--;
      ranked.previous();
    }
    let start = end;
    while (start > 0 && !lex.below(ranked.member.text())) {
      start--;
      ranked.previous();
    }
    set(start, end);
    ranked.goTo(0);
    if (lex.above(ranked.member.text())) set(0, 0);
    return;
  }
  ranked.goTo(0);
  if (lex.above(ranked.member.text())) return;
  let start = 0;
  while (start < count && lex.below(ranked.member.text())) {
    start++;
    ranked.next();
  }
  let end = start;
  while (end < count && !lex.above(ranked.member.text())) {
    end++;
    ranked.next();
  }
  set(start, end);
}

/** The first rank from `start` on whose member is `there`, which once true stays true; `count` when none is. */
function firstRank(ranked: Ranked, start: number, there: (at: Ranked) => boolean): number {
  let low = start;
  let high = ranked.count;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    ranked.goTo(middle);
    if (there(ranked)) high = middle;
    else low = middle + 1;
  }
  return low;
}
