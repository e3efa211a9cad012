import { describe, expect, test } from "bun:test";
import { parseDouble, parseLooseDouble } from "./parse-double.ts";

describe("parseDouble", () => {
  const good: [string, number][] = [
    ["1", 1],
    ["+5", 5],
    ["-1.25e2", -125],
    [".5", 0.5],
    ["5.", 5],
    ["inf", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["0x1p4", 16],
    ["0x.8", 0.5],
    ["0XFF", 255],
    ["0e-999", 0],
    ["1e-310", 1e-310],
  ];
  for (const [text, value] of good) test(JSON.stringify(text), () => expect(parseDouble(text)).toBe(value));
  for (const text of ["", " 1", "1 ", "nan", "1e", "e1", ".", "1e400", "1e-400", "0b1", "1_0", "--1", "0x", "1\0"]) {
    test(`${JSON.stringify(text)} is refused`, () => expect(parseDouble(text)).toBeUndefined());
  }
});

describe("parseLooseDouble", () => {
  const good: [string, number][] = [
    ["", 0],
    ["  7", 7],
    ["1e400", Number.POSITIVE_INFINITY],
    ["-1e400", Number.NEGATIVE_INFINITY],
    ["1\0junk", 1],
  ];
  for (const [text, value] of good) test(JSON.stringify(text), () => expect(parseLooseDouble(text)).toBe(value));
  for (const text of ["  ", "7 ", "nan", "x"]) {
    test(`${JSON.stringify(text)} is refused`, () => expect(parseLooseDouble(text)).toBeUndefined());
  }
});
