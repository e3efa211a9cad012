import { expect, test } from "bun:test";
import { binaryBytes } from "../util/span.ts";
import { ByteTable } from "./byte-table.ts";

const SEED = Number(process.env["FOLIO_SEED"] ?? Date.now() % 2 ** 31);

test(`members keep their number and mark while the table grows (FOLIO_SEED=${SEED})`, () => {
  let state = SEED;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const table = new ByteTable();
  const model = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const text = random(3) === 0 ? "x".repeat(random(200)) : `member:${random(8_000)}`;
    const index = table.add(binaryBytes(`__${text}`), 2, text.length);
    const known = model.get(text);
    if (known === undefined) model.set(text, index);
    else expect(index).toBe(known);
    table.marks[index] = index * 3 + 1;
  }
  expect(table.count).toBe(model.size);
  for (const [text, index] of model) {
    expect(table.indexOf(binaryBytes(text), 0, text.length)).toBe(index);
    expect(table.marks[index]).toBe(index * 3 + 1);
    expect(table.members.length(index)).toBe(text.length);
  }
  expect(table.indexOf(binaryBytes("absent"), 0, 6)).toBe(-1);
});

test("an empty member is a member", () => {
  const table = new ByteTable();
  expect(table.indexOf(binaryBytes(""), 0, 0)).toBe(-1);
  expect(table.add(binaryBytes(""), 0, 0)).toBe(0);
  expect(table.indexOf(binaryBytes("abc"), 1, 0)).toBe(0);
});

test("elements order as memcmp does, the shorter first", () => {
  const { members } = new ByteTable();
  for (const text of ["b", "a", "ab", "a", "\xff", ""]) members.add(binaryBytes(text), 0, text.length);
  expect(members.compare(0, 1)).toBeGreaterThan(0);
  expect(members.compare(1, 2)).toBeLessThan(0);
  expect(members.compare(1, 3)).toBe(0);
  expect(members.compare(4, 0)).toBeGreaterThan(0);
  expect(members.compare(5, 1)).toBeLessThan(0);
});
