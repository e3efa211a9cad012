/**
 * The hash of a key: 64 bits as two int32, seeded per index so that keys cannot be chosen to collide.
 *
 * Two lanes take the key four bytes at a time, multiply by seeded odd constants and rotate; the second lane takes in the
 * first. Lanes and length are then mixed with the finalizer constants of MurmurHash3 (public domain).
 * The result stands in `hashed`: no object is made for a hash. It is read before the next call.
 */

/** Four u32 drawn at random for each index; the multipliers are odd. */
export interface HashSeed {
  readonly seed0: number;
  readonly seed1: number;
  readonly multiplier0: number;
  readonly multiplier1: number;
}

/** The last result. h0 picks the home page, the upper 16 bits of h1 are the tag. */
export const hashed = { h0: 0, h1: 0 };

/** Hashes `length` bytes of `bytes` from `start` into `hashed`. */
export function hashKey(seed: HashSeed, bytes: Uint8Array, start: number, length: number): void {
  const { multiplier0, multiplier1 } = seed;
  let a = seed.seed0 ^ length;
  let b = seed.seed1;
  let at = start;
  const wordsEnd = start + (length & ~3);
  for (; at < wordsEnd; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    a = Math.imul(a ^ word, multiplier0);
    a = (a << 15) | (a >>> 17);
    b = Math.imul((b + word) | 0, multiplier1);
    b = ((b << 13) | (b >>> 19)) ^ a;
  }
  const rest = length & 3;
  if (rest !== 0) {
    let word = bytes[at] as number;
    if (rest > 1) word |= (bytes[at + 1] as number) << 8;
    if (rest > 2) word |= (bytes[at + 2] as number) << 16;
    a = Math.imul(a ^ word, multiplier0);
    a = (a << 15) | (a >>> 17);
    b = Math.imul((b + word) | 0, multiplier1);
    b = ((b << 13) | (b >>> 19)) ^ a;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35);
  a = (a + b) | 0;
  b ^= a >>> 13;
  a = Math.imul(a ^ (a >>> 15), 0x85ebca6b);
  b = Math.imul((b + a) ^ (b >>> 16), 0xc2b2ae35);
  hashed.h0 = a ^ (a >>> 13) ^ (b >>> 9);
  hashed.h1 = b ^ (b >>> 16) ^ a;
}

/** A seed from the system's random source. */
export function randomSeed(): HashSeed {
  const words = crypto.getRandomValues(new Int32Array(4));
  return {
    seed0: words[0] as number,
    seed1: words[1] as number,
    multiplier0: (words[2] as number) | 1,
    multiplier1: (words[3] as number) | 1,
  };
}
