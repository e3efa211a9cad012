/**
 * A set of byte runs with a number and a mark each: an open-addressed table over a ByteStore, all in typed arrays.
 *
 *   slots    … | 0 | 7 | 0 | 3 | …        0 = free, else 1 + number of the member; a power of two of them, at most half used
 *   hashes   hash of member 0, 1, 2 …     compared before the bytes are
 *   marks    one number a member, the user's own
 *
 * The hash is seeded by chance, so that nobody can prepare members that collide.
 */
import { hashBytes, hashSeed } from "../util/byte-hash.ts";
import { ByteStore } from "./byte-store.ts";

const SLOTS_FIRST = 128;
/** Room made beforehand at most, whatever was announced. */
const SLOTS_ANNOUNCED_MAX = 2 ** 22;

export class ByteTable {
  readonly members = new ByteStore();
  /** One mark a member, 0 at first. */
  marks: Uint32Array;
  #hashes: Int32Array;
  #slots: Int32Array;
  readonly #seed = hashSeed();

  /** `expected`: how many members will come, about; growing a big table takes a while. */
  constructor(expected = 0) {
    let size = SLOTS_FIRST;
    while (size <= expected * 2 && size < SLOTS_ANNOUNCED_MAX) size *= 2;
    this.marks = new Uint32Array(size / 2);
    this.#hashes = new Int32Array(size / 2);
    this.#slots = new Int32Array(size);
  }

  get count(): number {
    return this.members.count;
  }

  /** Number of the member with these bytes, -1 where there is none. */
  indexOf(bytes: Uint8Array, start: number, length: number): number {
    const slot = this.#find(hashBytes(bytes, start, length, this.#seed), bytes, start, length);
    return (this.#slots[slot] as number) - 1;
  }

  /** Number of the member with these bytes, which is added (its bytes copied) where it is not there. */
  add(bytes: Uint8Array, start: number, length: number): number {
    const code = hashBytes(bytes, start, length, this.#seed);
    const slot = this.#find(code, bytes, start, length);
    const there = this.#slots[slot] as number;
    if (there !== 0) return there - 1;
    const index = this.members.add(bytes, start, length);
    this.#hashes[index] = code;
    this.#slots[slot] = index + 1;
    if (this.count * 2 >= this.#slots.length) this.#grow();
    return index;
  }

  /** The slot that holds these bytes, or the free one where they belong. */
  #find(code: number, bytes: Uint8Array, start: number, length: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = code & mask; ; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] as number) - 1;
      if (index < 0) return slot;
      if (this.#hashes[index] === code && this.members.equals(index, bytes, start, length)) return slot;
    }
  }

  #grow(): void {
    const size = this.#slots.length * 2;
    const marks = new Uint32Array(size / 2);
    marks.set(this.marks);
    this.marks = marks;
    const hashes = new Int32Array(size / 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const slots = new Int32Array(size);
    for (let index = 0; index < this.count; index++) {
      let slot = (hashes[index] as number) & (size - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot] = index + 1;
    }
    this.#slots = slots;
  }
}
