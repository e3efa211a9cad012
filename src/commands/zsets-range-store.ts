/** ZRANGESTORE: a range of a sorted set becomes a sorted set of its own. */
import type { Ranked } from "../types/ranked.ts";
import { ScoredPairs } from "../types/scored-pairs.ts";
import type { Context, Handler } from "./context.ts";
import type { KeptZset } from "./zsets-cache.ts";
import { type Options, parseOptions, parseQuery, type Query, setQueried } from "./zsets-range.ts";
import { RANKS } from "./zsets-ranks.ts";
import { storePairs } from "./zsets-store.ts";
import { isSlow, loadRanked, openZset, runWhole, SLICE_MEMBERS, SLICED_MEMBERS_MIN, sliced } from "./zsets-support.ts";

const SOURCE = 2;

export const zrangestore: Handler = (c) => {
  const options = parseOptions(c, SOURCE, null, null);
  const query = parseQuery(c, SOURCE, options);
  const zset = openZset(c, SOURCE);
  if (zset === null) return runWhole(storePairs(c, 1, new ScoredPairs()));
  if (isSlow(zset)) return sliced(zset, loadAndStore(c, zset, query, options));
  const ranked = zset.ranked();
  setQueried(zset, ranked, query, options);
  const { start, end } = RANKS;
  return sliced(zset, store(c, ranked, start, end), end - start > SLICED_MEMBERS_MIN);
};

function* loadAndStore(c: Context, zset: KeptZset, query: Query, options: Options): Generator<void, void, void> {
  const ranked = yield* loadRanked(zset);
  setQueried(zset, ranked, query, options);
  yield* store(c, ranked, RANKS.start, RANKS.end);
}

function* store(c: Context, ranked: Ranked, start: number, end: number): Generator<void, void, void> {
  const pairs = new ScoredPairs();
  if (start < end) ranked.goTo(start);
  for (let rank = start; rank < end; rank++) {
    pairs.add(ranked.member.text(), ranked.score);
    ranked.next();
    if (pairs.count % SLICE_MEMBERS === 0) yield;
  }
  yield* storePairs(c, 1, pairs);
}
