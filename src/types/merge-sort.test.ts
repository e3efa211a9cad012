import { expect, test } from "bun:test";
import { randomFrom, testSeed } from "../../test/support/packed-samples.ts";
import { MergeSort } from "./merge-sort.ts";

test("rows of every count, sorted in slices of every size", () => {
  const random = randomFrom(testSeed());
  for (let round = 0; round < 300; round++) {
    const count = Math.floor(random() ** 2 * 400);
    const kinds = 1 + Math.floor(random() * 300);
    // Some inputs are runs that are in order already.
    const runs = random() < 0.3;
    const rows = Array.from({ length: count }, (_, i): [number, number] => [
      runs ? i % 100 : Math.floor(random() * kinds) - 5,
      Math.floor(random() * 1000),
    ]);
    const scores = Float64Array.from(rows, ([score]) => score);
    const positions = Float64Array.from(rows, ([, position]) => position);
    const sort = new MergeSort(scores, positions, (a, b) => a <= b);
    const slice = 1 + Math.floor(random() * 200);
    let steps = 0;
    while (!sort.step(slice)) expect(++steps).toBeLessThan(20_000);
    rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    expect(Array.from(scores, (score, i) => [score, positions[i]])).toEqual(rows);
  }
});
