import { expect, test } from "bun:test";
import { hashed, hashKey, randomSeed } from "./key-hash.ts";

function hash(seed: ReturnType<typeof randomSeed>, bytes: Uint8Array, start = 0, length = bytes.length) {
  hashKey(seed, bytes, start, length);
  return { h0: hashed.h0 >>> 0, h1: hashed.h1 >>> 0 };
}

test("the hash depends on the bytes alone, not on where they lie", () => {
  const seed = randomSeed();
  for (let length = 0; length < 40; length++) {
    const key = crypto.getRandomValues(new Uint8Array(length));
    const whole = hash(seed, key);
    for (let start = 0; start < 5; start++) {
      const around = new Uint8Array(length + 10).fill(0xaa);
      around.set(key, start);
      expect(hash(seed, around, start, length)).toEqual(whole);
    }
  }
});

test("zeros of different lengths differ, and so do different seeds", () => {
  const seed = randomSeed();
  const seen = new Set<string>();
  for (let length = 0; length < 64; length++) seen.add(JSON.stringify(hash(seed, new Uint8Array(length))));
  expect(seen.size).toBe(64);
  const key = Buffer.from("hello");
  expect(hash(randomSeed(), key)).not.toEqual(hash(seed, key));
});

const families: [string, (i: number) => string][] = [
  ["counters", (i) => `key:${String(i).padStart(12, "0")}`],
  ["short decimals", (i) => String(i)],
  ["a number in front", (i) => `${i}:user:profile`],
  ["little-endian words", (i) => String.fromCharCode(i & 255, (i >> 8) & 255, i >> 16, 0, 0, 0, 0, 0)],
];

test.each(families)("%s spread evenly over pages and tags", (_, name) => {
  const seed = randomSeed();
  const keys = 100_000;
  const buckets = 256;
  const counts = [0, 1, 2].map(() => new Float64Array(buckets));
  const pairs = new Set<number>();
  for (let i = 0; i < keys; i++) {
    const { h0, h1 } = hash(seed, Buffer.from(name(i), "latin1"));
    [h0 >>> 24, h1 >>> 24, (h1 >>> 16) & 255].forEach((bucket, kind) => {
      (counts[kind] as Float64Array)[bucket]!++;
    });
    pairs.add(h0 * 2 ** 20 + (h1 >>> 12));
  }
  // Chi-squared over 255 degrees of freedom: mean 255, standard deviation 22.6. Eight of them are no accident.
  for (const count of counts) {
    const mean = keys / buckets;
    const chi = count.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    expect(chi).toBeGreaterThan(255 - 8 * 22.6);
    expect(chi).toBeLessThan(255 + 8 * 22.6);
  }
  expect(pairs.size).toBeGreaterThanOrEqual(keys - 1);
});

test("one bit of the key changes half the bits of the hash", () => {
  const seed = randomSeed();
  const key = crypto.getRandomValues(new Uint8Array(19));
  const flips = new Float64Array(64);
  let trials = 0;
  for (let round = 0; round < 200; round++) {
    crypto.getRandomValues(key);
    const before = hash(seed, key);
    for (let bit = 0; bit < key.length * 8; bit++) {
      key[bit >> 3] = (key[bit >> 3] as number) ^ (1 << (bit & 7));
      const after = hash(seed, key);
      key[bit >> 3] = (key[bit >> 3] as number) ^ (1 << (bit & 7));
      for (let i = 0; i < 32; i++) {
        flips[i] = (flips[i] as number) + (((before.h0 ^ after.h0) >>> i) & 1);
        flips[32 + i] = (flips[32 + i] as number) + (((before.h1 ^ after.h1) >>> i) & 1);
      }
      trials++;
    }
  }
  for (const count of flips) expect(Math.abs(count / trials - 0.5)).toBeLessThan(0.03);
});
