import { expect, test } from "bun:test";
import { clockMs, copyBytes, forgetAddress } from "./native.ts";

test("the clock goes forward, as fast as the runtime's", async () => {
  const from = clockMs();
  const runtimeFrom = performance.now();
  await Bun.sleep(20);
  const passed = clockMs() - from;
  expect(passed).toBeGreaterThan(0);
  expect(Math.abs(passed - (performance.now() - runtimeFrom))).toBeLessThan(10);
  let last = clockMs();
  for (let i = 0; i < 1000; i++) {
    const now = clockMs();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

test("copies what Buffer copies, between arrays of any size, at any place", () => {
  const sizes = [40, 900, 1200, 5000, 70_000];
  const arrays = sizes.map((size) => new Uint8Array(size).map((_, i) => (i * 31 + size) & 255));
  for (const from of arrays) {
    for (const to of arrays) {
      for (const length of [0, 1, 16, 17, 33]) {
        for (const [start, at] of [
          [0, 0],
          [from.length - length, 3],
          [5, to.length - length],
        ] as const) {
          if (start + length > from.length || at + length > to.length) continue;
          const expected = Buffer.from(to);
          Buffer.from(from).copy(expected, at, start, start + length);
          if (from === to && length <= 16) continue;
          copyBytes(from, start, length, to, at);
          expect(Buffer.compare(expected, to)).toBe(0);
        }
      }
    }
  }
  const [, , , from, to] = arrays as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  for (const length of [4999, 5000]) {
    copyBytes(from, 0, length, to, 60_000);
    expect(Buffer.compare(from.subarray(0, length), to.subarray(60_000, 60_000 + length))).toBe(0);
  }
  const long = new Uint8Array(20_000).fill(7);
  copyBytes(long, 1, 19_999, to, 0);
  expect(to.subarray(0, 19_999).every((byte) => byte === 7)).toBe(true);
  expect(to[19_999]).not.toBe(7);
});

test("follows an array whose memory is looked at, and one that has gone", () => {
  const small = new Uint8Array(100).fill(1);
  const big = new Uint8Array(8192);
  copyBytes(small, 0, 100, big, 0);
  const view = new Uint8Array(small.buffer);
  view.fill(2);
  copyBytes(small, 0, 100, big, 0);
  expect(big.subarray(0, 100).every((byte) => byte === 2)).toBe(true);
  const moved = new Uint8Array(8192).fill(3);
  copyBytes(moved, 0, 100, big, 0);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  expect(() => copyBytes(moved, 0, 100, big, 0)).toThrow(RangeError);
  forgetAddress(moved);
  forgetAddress(big);
  copyBytes(small, 0, 50, big, 100);
  expect(big[149]).toBe(2);
});

test("refuses what lies outside", () => {
  const from = new Uint8Array(5000);
  const to = new Uint8Array(5000);
  for (const [start, length, at] of [
    [4970, 40, 0],
    [0, 40, 4970],
    [-1, 40, 0],
    [0, 40, -1],
    [0, 5001, 0],
    [Number.NaN, 40, 0],
    [0, 40, Number.NaN],
  ] as const) {
    expect(() => copyBytes(from, start, length, to, at)).toThrow(RangeError);
  }
});
