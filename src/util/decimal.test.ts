import { describe, expect, test } from "bun:test";
import { doubleText, fixedDecimal, humanDecimal, parseDouble, parseLooseDouble } from "./decimal.ts";

describe("doubleText", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [3, "3"],
    [-17, "-17"],
    [0.1, "0.1"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e15, "1000000000000000"],
    [1e18, "1000000000000000000"],
    [2 ** 62, "4611686018427387904"],
    [1e19, "1e+19"],
    [1e20, "1e+20"],
    [1.5e300, "1.5e+300"],
    [5e-324, "5e-324"],
    [0.00001, "0.00001"],
    [1e-7, "1e-7"],
    [0.000001234, "1.234e-6"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [Number.NaN, "nan"],
  ];
  for (const [value, text] of cases) test(text, () => expect(doubleText(value)).toBe(text));

  test("every text reads back as the same double", () => {
    let seed = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1e9);
    console.log(`FOLIO_SEED=${seed}`);
    const words = new Uint32Array(2);
    const doubles = new Float64Array(words.buffer);
    for (let i = 0; i < 20000; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      words[0] = seed;
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      words[1] = seed;
      const value = doubles[0] as number;
      if (!Number.isFinite(value)) continue;
      expect(Object.is(Number(doubleText(value)), value)).toBe(true);
    }
  });
});

describe("humanDecimal and fixedDecimal", () => {
  test("coordinates", () => {
    expect(humanDecimal(13.361389338970184)).toBe("13.36138933897018433");
    expect(humanDecimal(-0)).toBe("0");
    expect(humanDecimal(180)).toBe("180");
    expect(humanDecimal(100)).toBe("100");
    expect(humanDecimal(-1.5)).toBe("-1.5");
  });
  test("distances", () => {
    expect(fixedDecimal(166274.15156960033, 4)).toBe("166274.1516");
    expect(fixedDecimal(0, 4)).toBe("0.0000");
    expect(fixedDecimal(1e22, 4)).toBe("10000000000000000000000.0000");
    expect(fixedDecimal(Number.POSITIVE_INFINITY, 6)).toBe("inf");
  });
});

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
