/**
 * Lookups ahead of a pipeline: finds the records of many keys at once, so that their cache and TLB misses overlap instead
 * of coming one after the other (a lookup in a large file is mostly waiting: docs/decisions/0004).
 *
 *   step 1   hash → home page, the slot near the tag touched     loads that do not wait for one another
 *   step 2   slot found → offset of the record
 *   step 3   the record's first cache lines touched, and the slot's dead bit
 *
 * What is kept is a hint: `take` gives the offset where a key's record probably is, and the lookup compares the key there.
 */
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { DamagedError } from "./damaged-error.ts";
import type { DeadBits } from "./dead-bits.ts";
import type { KeyTable } from "./key-table.ts";

/** Keys at once. */
export const PREFETCH_MAX = 32;
const CACHE_LINE_BYTES = 64;
/** How much of a record is touched: a key and a value of a hundred bytes or so. */
const TOUCHED_BYTES = 2 * CACHE_LINE_BYTES;

export class Prefetch {
  /** Offset of the record of key i, -1 where none was found. */
  readonly offsets = new Float64Array(PREFETCH_MAX);
  /** Its slot number. */
  readonly slots = new Float64Array(PREFETCH_MAX);
  /** Made of what was touched, of no meaning: kept, so that no compiler drops the loads. */
  touched = 0;
  readonly #starts = new Int32Array(PREFETCH_MAX);
  #bytes: Uint8Array | null = null;
  #dbid = -1;
  #count = 0;
  #next = 0;

  /**
   * Looks up key i, which begins at bytes[starts[i]] and hashes to hashes[i], for i < count ≤ PREFETCH_MAX, ascending in `starts`, in a
   * database's table. `windows`: the RDB's. Never throws: what is damaged is left to the lookup itself.
   */
  begin(
    table: KeyTable,
    dead: DeadBits,
    windows: readonly Uint8Array[],
    bytes: Uint8Array,
    starts: Int32Array,
    hashes: Int32Array,
    count: number,
  ): void {
    if (count > PREFETCH_MAX) throw new RangeError(`${count} keys to prefetch at once, ${PREFETCH_MAX} is the most`);
    let touched = 0;
    for (let i = 0; i < count; i++) {
      this.#starts[i] = starts[i] as number;
      touched ^= table.touch(hashes[i] as number);
    }
    this.#bytes = bytes;
    this.#dbid = table.extent.dbid;
    this.#count = this.#next = 0;
    try {
      for (; this.#count < count; this.#count++) {
        const i = this.#count;
        this.offsets[i] = table.first(hashes[i] as number);
        this.slots[i] = table.slot;
      }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
    }
    for (let i = 0; i < this.#count; i++) touched ^= touch(windows, this.offsets[i] as number);
    if (dead.count > 0) for (let i = 0; i < this.#count; i++) touched ^= dead.touch(this.slots[i] as number);
    this.touched ^= touched;
  }

  /** The number of the key that begins at `start`, for `offsets` and `slots`; -1 when it was not looked up. */
  take(dbid: number, bytes: Uint8Array, start: number): number {
    if (bytes !== this.#bytes || dbid !== this.#dbid) return -1;
    let i = this.#next;
    while (i < this.#count && (this.#starts[i] as number) < start) i++;
    this.#next = i;
    return i < this.#count && this.#starts[i] === start ? i : -1;
  }
}

/** Loads from the first cache lines at `offset`, if it is one. */
function touch(windows: readonly Uint8Array[], offset: number): number {
  if (offset < 0) return 0;
  const number = offset < WINDOW_STRIDE_BYTES ? 0 : Math.floor(offset / WINDOW_STRIDE_BYTES);
  const window = windows[number];
  if (window === undefined) return 0;
  const at = offset - number * WINDOW_STRIDE_BYTES;
  // Past the window's end a load gives undefined, which the operator takes as 0.
  return (
    (window[at] as number) ^ (window[at + CACHE_LINE_BYTES] as number) ^ (window[at + TOUCHED_BYTES - 1] as number)
  );
}
