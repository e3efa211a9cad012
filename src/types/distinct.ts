/**
 * Whether elements that are met one after another are all different, without a copy of any: their hashes and positions are kept,
 * and an element is read again where two hashes are the same.
 *
 *   parts     by the hash's upper bits, so that none grows long: a growth takes a moment only
 *   part      hash i32, position + 1 u32 (0: free) | …      a power of two of them, at most half used
 */
import { hashBytes, hashSeed } from "../util/byte-hash.ts";
import { Span } from "../util/span.ts";

const SLOTS_FIRST = 16;
const ELEMENTS_PER_PART = 2048;
const PARTS_MAX = 2 ** 16;

interface Part {
  count: number;
  slots: Int32Array;
}

export class Distinct {
  count = 0;
  readonly #parts: (Part | undefined)[] = [];
  readonly #mask: number;
  readonly #seed = hashSeed();
  readonly #reread: (position: number, into: Span) => void;
  readonly #other = new Span();

  /**
   * `expected`: about how many elements come; it may be a lie. `reread`: reads the element that was added with this position again; its
   * bytes need last until the next call only.
   */
  constructor(expected: number, reread: (position: number, into: Span) => void) {
    let parts = 1;
    while (parts * ELEMENTS_PER_PART < expected && parts < PARTS_MAX) parts *= 2;
    this.#mask = parts - 1;
    this.#reread = reread;
  }

  /** False when the element was added before. `position`: below 2^32 - 1, where it can be read again. */
  add(position: number, bytes: Uint8Array, start: number, length: number): boolean {
    const hash = hashBytes(bytes, start, length, this.#seed);
    const part = this.#part((hash >>> 16) & this.#mask);
    const { slots } = part;
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    for (; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      if (slots[slot * 2] !== hash) continue;
      this.#reread(((slots[slot * 2 + 1] as number) >>> 0) - 1, this.#other);
      if (this.#other.equals(bytes, start, length)) return false;
    }
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = position + 1;
    this.count++;
    if (++part.count * 4 >= slots.length) grow(part);
    return true;
  }

  #part(index: number): Part {
    const there = this.#parts[index];
    if (there !== undefined) return there;
    const part = { count: 0, slots: new Int32Array(SLOTS_FIRST * 2) };
    this.#parts[index] = part;
    return part;
  }
}

function grow(part: Part): void {
  const old = part.slots;
  const slots = new Int32Array(old.length * 2);
  const mask = slots.length / 2 - 1;
  for (let i = 0; i < old.length; i += 2) {
    if (old[i + 1] === 0) continue;
    let slot = (old[i] as number) & mask;
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    slots[slot * 2] = old[i] as number;
    slots[slot * 2 + 1] = old[i + 1] as number;
  }
  part.slots = slots;
}
