import { expect, test } from "bun:test";
import { mergeSort } from "./merge-sort.ts";

function run(items: number[], compare: (a: number, b: number) => number, stepsPerSlice: number) {
  const steps = mergeSort(Uint32Array.from(items), compare, stepsPerSlice);
  let slices = 1;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return { sorted: [...step.value], slices };
    slices++;
  }
}

test("sorts what Array.sort sorts, keeping equal ones in order", () => {
  for (const size of [0, 1, 2, 3, 7, 64, 1000]) {
    const items = Array.from({ length: size }, (_, i) => ((i * 7919) % 101) + (i % 3) * 1000);
    const compare = (a: number, b: number) => (a % 1000) - (b % 1000);
    expect(run(items, compare, 1_000_000).sorted).toEqual(items.toSorted(compare));
  }
});

test("yields between slices", () => {
  const items = Array.from({ length: 256 }, (_, i) => 255 - i);
  const { sorted, slices } = run(items, (a, b) => a - b, 64);
  expect(sorted).toEqual(items.toReversed());
  expect(slices).toBe((256 * 8) / 64 + 1);
});
