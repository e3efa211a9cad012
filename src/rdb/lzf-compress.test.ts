/** Compression: what lzf.ts makes of it is the input again, for every kind of input, and nothing is written beyond the limit. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { lzfDecompress, lzfMeasure } from "./lzf.ts";
import { LzfCompressor } from "./lzf-compress.ts";

const lzf = new LzfCompressor();

/** Compresses with everything around the output watched; the compressed bytes, or null. */
function compressed(input: Uint8Array, start: number, length: number, limit: number): Uint8Array | null {
  const output = new Uint8Array(limit + 40).fill(0xa5);
  const size = lzf.compress(input, start, length, output, 20, limit);
  expect(size).toBeLessThanOrEqual(limit);
  expect(output.subarray(0, 20).every((byte) => byte === 0xa5)).toBe(true);
  expect(output.subarray(20 + limit).every((byte) => byte === 0xa5)).toBe(true);
  return size === 0 ? null : output.slice(20, 20 + size);
}

test("what was compressed comes back, whatever it is", () => {
  const random = seededRandom("lzf");
  const below = (limit: number) => Math.floor(random() * limit);
  let kept = 0;
  for (let round = 0; round < 3000; round++) {
    const length = below(round % 10 === 0 ? 40_000 : 300);
    const alphabet = [1, 2, 4, 26, 256][below(5)] as number;
    const input = Uint8Array.from({ length: length + 10 }, () => below(alphabet));
    // Pieces that come again, near and far.
    for (let i = below(6); i > 0 && length > 20; i--) {
      input.copyWithin(below(length), below(length), below(length));
    }
    const limit = Math.max(0, length - below(5));
    const result = compressed(input, 5, length, limit);
    if (result === null) continue;
    kept++;
    const back = new Uint8Array(length);
    expect(lzfMeasure(result, 0, result.length)).toBe(length);
    expect(lzfDecompress(result, 0, result.length, back, length)).toBe(true);
    expect(Buffer.compare(back, input.subarray(5, 5 + length))).toBe(0);
  }
  expect(kept).toBeGreaterThan(500);
});

test("a match reaches 8192 bytes back, no further, and 264 bytes forth", () => {
  for (const distance of [1, 2, 8191, 8192, 8193, 9000]) {
    const input = new Uint8Array(distance + 700);
    for (let i = 0; i < distance; i++) input[i] = (i * 7919 + (i >> 8) * 31) % 251;
    input.copyWithin(distance, 0, Math.min(distance, 600));
    const result = compressed(input, 0, input.length, input.length + 400) as Uint8Array;
    const back = new Uint8Array(input.length);
    expect(lzfDecompress(result, 0, result.length, back, input.length)).toBe(true);
    expect(Buffer.compare(back, input)).toBe(0);
  }
});

test("a text of one letter takes next to nothing; random bytes are given up", () => {
  expect((compressed(new Uint8Array(100_000).fill(120), 0, 100_000, 99_996) as Uint8Array).length).toBeLessThan(1300);
  expect(compressed(crypto.getRandomValues(new Uint8Array(5000)), 0, 5000, 4996)).toBeNull();
  for (let length = 0; length < 5; length++) expect(compressed(new Uint8Array(5), 0, length, length)).toBeNull();
});
