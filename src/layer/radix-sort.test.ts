import { expect, test } from "bun:test";
import { RadixSort } from "./radix-sort.ts";

test("sorts by unsigned keys, stable, again and again with other sizes", () => {
  const sort = new RadixSort();
  for (const [count, mask] of [
    [0, -1],
    [1, -1],
    [5000, -1],
    [300, 7],
    [7000, 0x1ff000],
  ] as const) {
    const keys = crypto.getRandomValues(new Uint32Array(count)).map((key) => key & mask);
    sort.reset(count);
    sort.sort(keys, count);
    const expected = Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    expect(Array.from(sort.order.subarray(0, count))).toEqual(expected);
  }
});

test("a second sort keeps the order of the first among equals", () => {
  const sort = new RadixSort();
  const low = Uint32Array.of(3, 1, 2, 1);
  const high = Uint32Array.of(0, 9, 0, 0);
  sort.reset(4);
  sort.sort(low, 4);
  sort.sort(high, 4);
  expect(Array.from(sort.order.subarray(0, 4))).toEqual([3, 2, 0, 1]);
});
