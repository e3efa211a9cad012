/**
 * A set of byte runs with a number and a mark each: an open-addressed table over a ByteStore, all in typed arrays.
 *
 *   slots    … | 0 | 7 | 0 | 3 | …        0 = free, else 1 + number of the member; a power of two of them, at most half used
 *   hashes   hash of member 0, 1, 2 …     compared before the bytes are
 *   marks    one number a member, the user's own
 *
 * The hash is seeded by chance, so that nobody can prepare members that collide.
 */
import { ByteStore } from "./byte-store.ts";

const SLOTS_FIRST = 128;

export class ByteTable {
  readonly members = new ByteStore();
  /** One mark a member, 0 at first. */
  marks = new Uint32Array(SLOTS_FIRST / 2);
  #hashes = new Int32Array(SLOTS_FIRST / 2);
  #slots = new Int32Array(SLOTS_FIRST);
  readonly #seed = (Math.random() * 2 ** 32) | 0;

  get count(): number {
    return this.members.count;
  }

  /** Number of the member with these bytes, -1 where there is none. */
  indexOf(bytes: Uint8Array, start: number, length: number): number {
    const slot = this.#find(hash(bytes, start, length, this.#seed), bytes, start, length);
    return (this.#slots[slot] as number) - 1;
  }

  /** Number of the member with these bytes, which is added (its bytes copied) where it is not there. */
  add(bytes: Uint8Array, start: number, length: number): number {
    const code = hash(bytes, start, length, this.#seed);
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

/** 32 bits of the bytes, four at a time, with murmur3's mixing. */
function hash(bytes: Uint8Array, start: number, length: number, seed: number): number {
  let code = seed;
  let at = start;
  const end = start + length;
  for (; at + 4 <= end; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    code = mix(code, word);
  }
  let tail = 0;
  for (; at < end; at++) tail = (tail << 8) | (bytes[at] as number);
  code = mix(code, tail) ^ length;
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35);
  return code ^ (code >>> 16);
}

function mix(code: number, word: number): number {
  const scaled = Math.imul(word, 0xcc9e2d51);
  const turned = Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593) ^ code;
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0;
}
