import { expect, test } from "bun:test";
import { double17Text, doubleText, writePlainDouble } from "./decimal.ts";

test("shortest text", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [-17, "-17"],
    [0.1, "0.1"],
    [3.14, "3.14"],
    [-2.5e-7, "-2.5e-7"],
    [0.000001, "0.000001"],
    [1e-7, "1e-7"],
    [1.5e-9, "1.5e-9"],
    [0.0001234567890123, "1.234567890123e-4"],
    [0.001234567890123, "0.001234567890123"],
    [2 ** 62, "4611686018427387904"],
    [1e20, "1e+20"],
    [1e15, "1000000000000000"],
    [1e7, "10000000"],
    [2 ** 53, "9007199254740992"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [5e-324, "5e-324"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [Number.NaN, "nan"],
  ];
  for (const [value, text] of cases) expect(doubleText(value)).toBe(text);
});

test("seventeen significant digits", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [10, "10"],
    [-1.5, "-1.5"],
    [123456.015625, "123456.015625"],
    [0.000123456789, "0.000123456789"],
    [9999999999.984375, "9999999999.984375"],
    [9007199254740994, "9007199254740994"],
    [90071992547409952, "90071992547409952"],
    [0.1, "0.10000000000000001"],
    [3.3, "3.2999999999999998"],
    [1e16, "10000000000000000"],
    [1e17, "1e+17"],
    [1e-4, "0.0001"],
    [1e-5, "1.0000000000000001e-05"],
    [1.5e300, "1.5000000000000001e+300"],
    [Number.NEGATIVE_INFINITY, "-inf"],
  ];
  for (const [value, text] of cases) expect(double17Text(value)).toBe(text);
});

test("both read back as the same double", () => {
  const words = new Uint32Array(2);
  const doubles = new Float64Array(words.buffer);
  crypto.getRandomValues(words);
  for (let i = 0; i < 20_000; i++) {
    words[0] = Math.imul(words[0]! ^ i, 0x9e3779b1);
    words[1] = Math.imul(words[1]! + i, 0x85ebca6b);
    const value = doubles[0]!;
    if (!Number.isFinite(value)) continue;
    expect(Number(doubleText(value))).toBe(value);
    expect(Number(double17Text(value))).toBe(value);
  }
});

test("plain doubles are written without a string, as the shortest text has them", () => {
  const into = new Uint8Array(32);
  const text = (value: number) => Buffer.from(into.subarray(2, 2 + writePlainDouble(value, into, 2))).toString();
  for (const value of [0.5, -0.5, 1.25, 3.14, 0.1, 0.000001, -17.25, 123456789.123456, 99999999999.125, 0.3]) {
    expect(text(value)).toBe(doubleText(value));
  }
  for (const value of [0.1 + 0.2, 1e-7, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 5e-324]) {
    expect(text(value)).toBe("");
  }
  let seen = 0;
  for (let i = 0; i < 20_000; i++) {
    const value = Math.floor((Math.random() - 0.5) * 10 ** (1 + (i % 15))) / 10 ** (i % 8);
    const written = text(value);
    if (written === "") continue;
    seen++;
    if (written !== doubleText(value)) expect({ value, written }).toEqual({ value, written: doubleText(value) });
  }
  expect(seen).toBeGreaterThan(5000);
});
