import { expect, test } from "bun:test";
import { intsetOf } from "../../test/support/packed-samples.ts";
import { FormatError } from "../util/format-error.ts";
import { binaryBytes } from "../util/span.ts";
import { Element } from "./element.ts";
import { Intset, validateIntset } from "./intset.ts";

const VALUES: { [width: number]: bigint[] } = {
  2: [-32768n, -1n, 0n, 5n, 32767n],
  4: [-(2n ** 31n), -70000n, 0n, 40000n, 2n ** 31n - 1n],
  8: [
    -(2n ** 63n),
    -(2n ** 53n) - 1n,
    -(2n ** 53n),
    -1n,
    0n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
  ],
};

for (const width of [2, 4, 8] as const) {
  test(`integers of ${width} bytes: walked and found`, () => {
    const values = VALUES[width] as bigint[];
    const bytes = intsetOf(values, width);
    expect(validateIntset(bytes, 0, bytes.length, true)).toBeNull();
    const intset = new Intset().open(bytes, 0, bytes.length);
    const element = new Element();
    const texts: string[] = [];
    while (intset.next(element)) texts.push(element.text().text());
    expect(texts).toEqual(values.map(String));
    const has = (text: string) => intset.has(binaryBytes(text), 0, text.length);
    for (const value of values) {
      expect(has(`${value}`)).toBe(true);
      expect(has(`${value + 2n}`)).toBe(values.includes(value + 2n));
    }
    for (const text of ["", "a", "00", "-0", "+5", " 5", "5 ", "9223372036854775808", "99999999999999999999"]) {
      expect(has(text)).toBe(false);
    }
  });
}

test("a header that does not fit is refused", () => {
  const bytes = intsetOf([1n, 2n], 2);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => new Intset().open(bytes, 0, length)).toThrow(FormatError);
  }
  const three = bytes.slice();
  three[0] = 3;
  expect(validateIntset(three, 0, three.length)).toContain("3-byte");
  const many = bytes.slice();
  many[7] = 0xff;
  expect(validateIntset(many, 0, many.length)).not.toBeNull();
  expect(validateIntset(intsetOf([], 2), 0, 8)).toBe("an empty intset");
});

test("the deep check sees integers out of order", () => {
  for (const width of [2, 4, 8] as const) {
    for (const values of [
      [2n, 1n],
      [1n, 1n],
      [0n, -1n],
    ]) {
      const bytes = intsetOf(values, width);
      expect(validateIntset(bytes, 0, bytes.length)).toBeNull();
      expect(validateIntset(bytes, 0, bytes.length, true)).toContain("ascend");
    }
  }
});
