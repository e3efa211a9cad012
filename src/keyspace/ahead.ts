/**
 * The keys that a pipeline will ask for next: their hashes, computed once for every level, and their places touched, so that
 * cache misses overlap (docs/decisions/0004).
 *
 * What is kept is tied to the bytes of one batch: `forget` must be called before the next one, whose bytes may lie in the same
 * array. A hash is not a hint: a wrong one would put a key in the wrong place.
 */

import type { HashSeed } from "../layer/format.ts";
import { PREFETCH_MAX } from "../layer/prefetch.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { hashed, hashKey } from "../util/key-hash.ts";

export class Ahead {
  /** By key: h0. */
  readonly hashes = new Int32Array(PREFETCH_MAX);
  /** Made of what was touched, of no meaning: kept, so that no compiler drops the loads. */
  touched = 0;
  readonly #starts = new Int32Array(PREFETCH_MAX);
  readonly #lengths = new Int32Array(PREFETCH_MAX);
  readonly #handles = new Int32Array(PREFETCH_MAX);
  #bytes: Uint8Array | null = null;
  #count = 0;
  #next = 0;

  /** Hashes key i = bytes[starts[i], + lengths[i]) for i < count ≤ PREFETCH_MAX, ascending in `starts`. */
  begin(seed: HashSeed, bytes: Uint8Array, starts: Int32Array, lengths: Int32Array, count: number): void {
    if (count > PREFETCH_MAX) throw new RangeError(`${count} keys to prefetch at once, ${PREFETCH_MAX} is the most`);
    for (let i = 0; i < count; i++) {
      const start = (this.#starts[i] = starts[i] as number);
      const length = (this.#lengths[i] = lengths[i] as number);
      hashKey(seed, bytes, start, length);
      this.hashes[i] = hashed.h0;
    }
    this.#bytes = bytes;
    this.#count = count;
    this.#next = 0;
  }

  /** Touches the keys' slots and entries in an overlay. */
  touchTable(overlay: Overlay): void {
    const { table } = overlay;
    if (table.count === 0) return;
    const count = this.#count;
    let touched = 0;
    for (let i = 0; i < count; i++) touched ^= table.touch(this.hashes[i] as number);
    for (let i = 0; i < count; i++) this.#handles[i] = table.candidate(this.hashes[i] as number);
    for (let i = 0; i < count; i++) touched ^= overlay.touch(this.#handles[i] as number);
    this.touched ^= touched;
  }

  /** The number of the key at bytes[start, + length), for `hashes`; -1 when it was not looked ahead for. */
  take(bytes: Uint8Array, start: number, length: number): number {
    if (bytes !== this.#bytes) return -1;
    let i = this.#next;
    while (i < this.#count && (this.#starts[i] as number) < start) i++;
    this.#next = i;
    return i < this.#count && this.#starts[i] === start && this.#lengths[i] === length ? i : -1;
  }

  /** Forgets all: the bytes may change now. */
  forget(): void {
    this.#bytes = null;
  }
}
