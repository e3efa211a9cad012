import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { binaryBytes, Span } from "../util/span.ts";
import { MemberTable } from "./member-table.ts";

function finish<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

test("adds, finds, drops and orders as a Map would", () => {
  const next = seededRandom("member table");
  const random = (below: number) => Math.floor(next() * below);
  const table = new MemberTable();
  const model = new Map<string, number>();
  const scores = [0, 1, 1, 2.5, -3, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < 5000; i++) {
    const text = `${"x".repeat(random(40))}${random(3000)}`;
    const bytes = binaryBytes(text);
    const row = table.find(bytes, 0, bytes.length);
    expect(row >= 0).toBe(model.has(text));
    if (row < 0) {
      // A dropped member is never added again: combining sets never does.
      if (random(10) === 0) continue;
      const score = scores[random(scores.length)] as number;
      table.add(bytes, 0, bytes.length, score);
      model.set(text, score);
    } else {
      expect(table.scores[row]).toBe(model.get(text) as number);
    }
  }
  let dropped = 0;
  for (const text of [...model.keys()]) {
    if (random(3) !== 0) continue;
    const bytes = binaryBytes(text);
    table.drop(table.find(bytes, 0, bytes.length));
    expect(table.find(bytes, 0, bytes.length)).toBe(-1);
    model.delete(text);
    dropped++;
  }
  expect(dropped).toBeGreaterThan(0);
  expect(table.alive).toBe(model.size);
  const span = new Span();
  const ordered = [...finish(table.order(64))].map((row) => {
    table.member(row, span);
    return [span.text(), table.scores[row] as number] as const;
  });
  const expected = [...model].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1));
  expect(ordered).toEqual(expected);
});

test("an empty table orders to nothing", () => {
  expect(finish(new MemberTable().order(16)).length).toBe(0);
});
