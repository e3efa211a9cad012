/**
 * Much of a large sorted set goes at once: one by one that would hold others up for long. So what stays is copied into a structure of its
 * own, in slices, which then takes the place of the old one; that is freed in slices, too.
 */
import { KEEP_EXPIRY } from "../keyspace/database.ts";
import { objectType } from "../rdb/opcodes.ts";
import type { Ranked } from "../types/ranked.ts";
import { type OrderedPairs, ScoredPairs } from "../types/scored-pairs.ts";
import type { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { wrongType } from "./errors.ts";
import { noteReading, peek } from "./lookup.ts";
import { untilUnchanging } from "./native-reads.ts";
import { deleteKey } from "./writable.ts";
import { giveZset, type KeptZset, takeZset } from "./zsets-cache.ts";
import { installIf, isStill, type Replaced } from "./zsets-store.ts";
import { SLICE_MEMBERS } from "./zsets-support.ts";

/** Fewer members than this are removed one by one, where they lie. */
const REMOVED_AT_ONCE_MAX = 8192;
/** Copying a member takes about so much less than removing one. */
const COPIED_FOR_REMOVED = 2;

/** Ranks start ≤ rank < end. */
export interface Ranks {
  readonly start: number;
  readonly end: number;
}

/** Whether so many of a set's members are better removed by copying the rest. */
export function isBetterCopied(count: number, removed: number): boolean {
  return removed > REMOVED_AT_ONCE_MAX && count - removed <= removed * COPIED_FOR_REMOVED;
}

/**
 * Removes a range of members from the sorted set at argument `index`: the range as `choose` finds it. Returns the pairs removed when
 * `keeps` says so, else only their number. Null: the key has gone meanwhile.
 */
export function* removeMany(
  c: Context,
  index: number,
  choose: (zset: KeptZset, ranked: Ranked) => Ranks,
  keeps: boolean,
): Generator<void, { readonly removed: number; readonly pairs: ScoredPairs } | null, void> {
  for (let isAgain = false; ; isAgain = true) {
    if (isAgain) yield* untilUnchanging(c, index);
    // Not as who reads: no hit or miss is counted, nor another use.
    if (!peek(c, index)) return null;
    if (objectType(c.record.type) !== "zset") throw wrongType();
    noteReading(c, c.record);
    const zset = takeZset(c.record, liveLimits(c.server.config));
    const was: Replaced = { source: c.record.cursor.source, valueOffset: c.record.valueOffset };
    const ranked = zset.ranked();
    const { start, end } = choose(zset, ranked);
    const pairs = new ScoredPairs();
    const removed = end - start;
    if (keeps) yield* keep(ranked, start, end, pairs);
    let isDone = removed === 0;
    if (removed === ranked.count) {
      isDone = isStill(c, index, was);
      if (isDone) deleteKey(c, index);
    } else if (removed > 0) isDone = yield* installIf(c, index, new Rest(ranked, start, end), was, KEEP_EXPIRY);
    giveZset(zset);
    if (isDone) return { removed, pairs };
  }
}

/** Keeps the pairs of a range. */
function* keep(ranked: Ranked, start: number, end: number, pairs: ScoredPairs): Generator<void, void, void> {
  ranked.goTo(start);
  for (let rank = start; rank < end; rank++) {
    pairs.add(ranked.member.text(), ranked.score);
    ranked.next();
    if (pairs.count % SLICE_MEMBERS === 0) yield;
  }
}

/** A sorted set without a range of ranks. Cheap when asked in order. */
class Rest implements OrderedPairs {
  readonly #ranked: Ranked;
  readonly #start: number;
  readonly #removed: number;
  #rank = -1;

  constructor(ranked: Ranked, start: number, end: number) {
    this.#ranked = ranked;
    this.#start = start;
    this.#removed = end - start;
  }

  get count(): number {
    return this.#ranked.count - this.#removed;
  }

  score(i: number): number {
    this.#stand(i);
    return this.#ranked.score;
  }

  member(i: number, into: Span): void {
    this.#stand(i);
    const { bytes, start, length } = this.#ranked.member.text();
    into.set(bytes, start, length);
  }

  #stand(i: number): void {
    const rank = i < this.#start ? i : i + this.#removed;
    if (rank === this.#rank) return;
    if (rank === this.#rank + 1 && rank > 0) this.#ranked.next();
    else this.#ranked.goTo(rank);
    this.#rank = rank;
  }
}
