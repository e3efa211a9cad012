import { expect, test } from "bun:test";
import { Draw, randomIndex, Selection } from "./sample.ts";

test("a selection takes exactly as many as wanted, each position about as often", () => {
  const taken = new Uint32Array(20);
  for (let round = 0; round < 4000; round++) {
    const selection = new Selection(20, 5);
    let count = 0;
    for (let i = 0; i < 20; i++) {
      if (!selection.take()) continue;
      count++;
      taken[i] = (taken[i] as number) + 1;
    }
    expect(count).toBe(5);
  }
  // 1000 expected with a deviation of 27: ten deviations either way.
  for (const times of taken) expect(Math.abs(times - 1000)).toBeLessThan(270);
});

test("a selection of all takes all", () => {
  const selection = new Selection(7, 7);
  for (let i = 0; i < 7; i++) expect(selection.take()).toBe(true);
});

test("a draw lists its positions in the order of a walk", () => {
  const draw = new Draw(10, 1000);
  expect(draw.positions.length).toBe(1000);
  expect(new Set(draw.positions).size).toBe(10);
  const walked = [...draw.walk].map((i) => draw.positions[i] as number);
  expect(walked).toEqual([...draw.positions].sort((a, b) => a - b));
});

test("an index lies below the size", () => {
  for (let i = 0; i < 1000; i++) expect(randomIndex(3)).toBeLessThan(3);
});
