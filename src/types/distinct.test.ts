import { expect, test } from "bun:test";
import { binaryBytes } from "../util/span.ts";
import { Distinct } from "./distinct.ts";

/** Elements by their number, as bytes. */
function distinctOf(texts: readonly string[], expected: number): Distinct {
  return new Distinct(expected, (position, into) => {
    const bytes = binaryBytes(texts[position] as string);
    into.set(bytes, 0, bytes.length);
  });
}

for (const expected of [0, 20_000, 2 ** 40]) {
  test(`each element once, when ${expected} were announced`, () => {
    const texts = Array.from({ length: 20_000 }, (_, i) => `element ${i}`);
    const all = distinctOf(texts, expected);
    for (const [i, text] of texts.entries()) expect(all.add(i, binaryBytes(text), 0, text.length)).toBe(true);
    expect(all.count).toBe(20_000);
    for (const text of texts.slice(0, 500)) expect(all.add(0, binaryBytes(text), 0, text.length)).toBe(false);
    expect(all.add(0, binaryBytes(""), 0, 0)).toBe(true);
    expect(all.count).toBe(20_001);
  });
}
