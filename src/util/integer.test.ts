import { expect, test } from "bun:test";
import { parseInteger, parseInteger64, writeInteger, writeSigned64 } from "./integer.ts";
import { binaryBytes, binaryText } from "./span.ts";

const EDGES = [
  0n,
  1n,
  9n,
  10n,
  99999n,
  100000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  10n ** 18n,
  2n ** 63n - 1n,
];
const INTEGERS = EDGES.flatMap((edge) => [edge, -edge, -edge - 1n]);

test("64-bit integers as digits", () => {
  const into = new Uint8Array(24);
  for (const value of INTEGERS) {
    const length = writeSigned64(Number(value >> 32n), Number(value & 0xffffffffn), into, 3);
    expect(binaryText(into, 3, length)).toBe(`${value}`);
    if (!Number.isSafeInteger(Number(value))) continue;
    expect(binaryText(into, 1, writeInteger(Number(value), into, 1))).toBe(`${value}`);
  }
});

test("digits as integers, in the canonical form only", () => {
  for (const value of INTEGERS) {
    const bytes = binaryBytes(`${value}`);
    const safe = Number.isSafeInteger(Number(value));
    expect(parseInteger(bytes, 0, bytes.length)).toBe(safe ? Number(value) : Number.NaN);
    expect(BigInt(parseInteger64(bytes, 0, bytes.length) ?? 0n)).toBe(value);
  }
  for (const text of [
    "",
    "-",
    "-0",
    "00",
    "01",
    "+1",
    "1a",
    " 1",
    "1 ",
    "1.0",
    "--1",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
  ]) {
    const bytes = binaryBytes(text);
    expect(parseInteger(bytes, 0, bytes.length)).toBeNaN();
    expect(parseInteger64(bytes, 0, bytes.length)).toBeNull();
  }
});
