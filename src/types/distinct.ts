/**
 * Whether elements that are met one after another are all different, without a copy of any: their hashes and positions are kept,
 * and an element is read again where two hashes are the same.
 *
 *   slots     hash i32, position + 1 u32 (0: free) | …      a power of two of them, at most half used
 */
import { hashBytes, hashSeed } from "../util/byte-hash.ts";
import { Span } from "../util/span.ts";

const SLOTS_FIRST = 64;

export class Distinct {
  count = 0;
  #slots = new Int32Array(SLOTS_FIRST * 2);
  readonly #seed = hashSeed();
  readonly #reread: (position: number, into: Span) => void;
  readonly #other = new Span();

  /** `reread`: reads the element that was added with this position again; its bytes need last until the next call only. */
  constructor(reread: (position: number, into: Span) => void) {
    this.#reread = reread;
  }

  /** False when the element was added before. `position`: below 2^32 - 1, where it can be read again. */
  add(position: number, bytes: Uint8Array, start: number, length: number): boolean {
    const hash = hashBytes(bytes, start, length, this.#seed);
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    for (; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      if (slots[slot * 2] !== hash) continue;
      this.#reread(((slots[slot * 2 + 1] as number) >>> 0) - 1, this.#other);
      if (this.#other.equals(bytes, start, length)) return false;
    }
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = position + 1;
    if (++this.count * 4 >= slots.length) this.#grow();
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(old.length * 2);
    const mask = slots.length / 2 - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      let slot = (old[i] as number) & mask;
      while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
      slots[slot * 2] = old[i] as number;
      slots[slot * 2 + 1] = old[i + 1] as number;
    }
    this.#slots = slots;
  }
}
