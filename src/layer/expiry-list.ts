/**
 * The expiry list of one database of an index: how many of its keys have expired by now, by binary search.
 *
 *   entry   | expire_at: i64 ms | slot: u48 | 0: u16 |     sorted by (expire_at, slot), 255 a page
 */
import type { DeadBits } from "./dead-bits.ts";
import { type DatabaseExtent, EXPIRIES_PER_PAGE, PageAt } from "./format.ts";
import type { IndexFile } from "./index-file.ts";

const ENTRIES_WORD = PageAt.ENTRIES / 4;
const WORDS_PER_ENTRY = 4;
const TTL_SAMPLES = 16;

export class ExpiryList {
  /** Entries. */
  readonly count: number;
  readonly #index: IndexFile;
  readonly #firstPage: number;
  /** The last answer: it stands while #sinceMs ≤ now ≤ #untilMs. */
  #expired = 0;
  #sinceMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  readonly #dead: DeadBits;
  /** Dead entries among the first #deadUpTo. */
  #deadExpired = 0;
  #deadUpTo = 0;

  /** @param dead the database's dead slots; the list is told of each by `buried` */
  constructor(index: IndexFile, extent: DatabaseExtent, dead: DeadBits) {
    this.#index = index;
    this.#dead = dead;
    this.count = Math.min(extent.expiringKeys, extent.expiryPages * EXPIRIES_PER_PAGE);
    this.#firstPage = extent.expiryFirstPage;
  }

  /** Milliseconds since 1970 at which entry `i` expires. Throws DamagedError. */
  expireAtMs(i: number): number {
    const words = this.#index.load(this.#firstPage + Math.floor(i / EXPIRIES_PER_PAGE));
    const at = this.#index.at + ENTRIES_WORD + (i % EXPIRIES_PER_PAGE) * WORDS_PER_ENTRY;
    return (words[at + 1] as number) * 2 ** 32 + ((words[at] as number) >>> 0);
  }

  /** Slot number of entry `i` within its database. Throws DamagedError. */
  slot(i: number): number {
    const words = this.#index.load(this.#firstPage + Math.floor(i / EXPIRIES_PER_PAGE));
    const at = this.#index.at + ENTRIES_WORD + (i % EXPIRIES_PER_PAGE) * WORDS_PER_ENTRY;
    return ((words[at + 2] as number) >>> 0) + ((words[at + 3] as number) & 0xffff) * 2 ** 32;
  }

  /** Entries whose time is past: expire_at < now, as Redis has it. O(1) between two expiries. Throws DamagedError. */
  expired(nowMs: number): number {
    if (nowMs >= this.#sinceMs && nowMs <= this.#untilMs) return this.#expired;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.expireAtMs(middle) < nowMs) low = middle + 1;
      else high = middle;
    }
    this.#expired = low;
    this.#sinceMs = nowMs;
    this.#untilMs = low < this.count ? this.expireAtMs(low) : Number.POSITIVE_INFINITY;
    return low;
  }

  /** As `expired`, without the dead ones. Costs a step for each entry that expired since the last time, if any is dead. */
  expiredAlive(nowMs: number): number {
    const expired = this.expired(nowMs);
    if (this.#dead.count === 0) return expired;
    // The clock may be set back, too.
    for (; this.#deadUpTo < expired; this.#deadUpTo++) {
      if (this.#dead.has(this.slot(this.#deadUpTo))) this.#deadExpired++;
    }
    for (; this.#deadUpTo > expired; this.#deadUpTo--) {
      if (this.#dead.has(this.slot(this.#deadUpTo - 1))) this.#deadExpired--;
    }
    return expired - this.#deadExpired;
  }

  /** A slot with this expiry has died. Throws DamagedError. */
  buried(slot: number, expireAtMs: number): void {
    // Whether it stands among the entries that were counted: after those of its time and a smaller slot.
    const last = this.#deadUpTo - 1;
    if (last < 0) return;
    const lastMs = this.expireAtMs(last);
    if (expireAtMs < lastMs || (expireAtMs === lastMs && slot <= this.slot(last))) this.#deadExpired++;
  }

  /** Mean milliseconds that the unexpired entries have left, from a sample; 0 where there is none. Throws DamagedError. */
  averageTtlMs(nowMs: number): number {
    const first = this.expired(nowMs);
    const left = this.count - first;
    if (left === 0) return 0;
    const samples = Math.min(TTL_SAMPLES, left);
    let sum = 0;
    for (let i = 0; i < samples; i++) {
      sum += this.expireAtMs(first + Math.floor(((i + 0.5) * left) / samples)) - nowMs;
    }
    return Math.floor(sum / samples);
  }
}
