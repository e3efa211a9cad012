import { describe, expect, test } from "bun:test";
import { sourceOf } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { ENCODED, readCount, readLength, readLength64, readLengthOrEncoding, skipLength } from "./length.ts";

function at(bytes: readonly number[]): Cursor {
  return new Cursor().open(sourceOf(Uint8Array.from(bytes)), 0);
}

const LENGTHS: readonly [name: string, bytes: readonly number[], value: number][] = [
  ["6 bits, least", [0x00], 0],
  ["6 bits, most", [0x3f], 63],
  ["14 bits, least", [0x40, 0x00], 0],
  ["14 bits, high first", [0x41, 0x02], 258],
  ["14 bits, most", [0x7f, 0xff], 16383],
  ["32 bits, big-endian", [0x80, 0x00, 0x01, 0x02, 0x03], 0x010203],
  ["32 bits, most", [0x80, 0xff, 0xff, 0xff, 0xff], 2 ** 32 - 1],
  ["64 bits", [0x81, 0, 0, 0, 1, 0, 0, 0, 2], 2 ** 32 + 2],
  ["64 bits, most that is exact", [0x81, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Number.MAX_SAFE_INTEGER],
];

describe("lengths", () => {
  for (const [name, bytes, value] of LENGTHS) {
    test(name, () => {
      for (const read of [readLength, readLengthOrEncoding]) {
        const cursor = at([...bytes, 0xaa]);
        expect(read(cursor)).toBe(value);
        expect(cursor.offset).toBe(bytes.length);
      }
      const wide = at(bytes);
      expect(readLength64(wide)).toBe(BigInt(value));
      const skipped = at(bytes);
      skipLength(skipped);
      expect([wide.offset, skipped.offset]).toEqual([bytes.length, bytes.length]);
    });

    test(`${name}, cut at every byte`, () => {
      for (let cut = 0; cut < bytes.length; cut++) {
        for (const read of [readLength, readLengthOrEncoding, readLength64, skipLength]) {
          expect(() => read(at(bytes.slice(0, cut)))).toThrow(FormatError);
        }
      }
    });
  }

  test("string encodings", () => {
    for (let encoding = 0; encoding < 4; encoding++) {
      expect(readLengthOrEncoding(at([0xc0 | encoding]))).toBe(ENCODED - encoding);
      expect(() => readLength(at([0xc0 | encoding]))).toThrow(FormatError);
    }
    for (let encoding = 4; encoding < 64; encoding++) {
      expect(() => readLengthOrEncoding(at([0xc0 | encoding]))).toThrow("string encoding");
    }
  });

  test("first bytes that mean nothing", () => {
    for (let byte = 0x82; byte < 0xc0; byte++) {
      expect(() => readLengthOrEncoding(at([byte, 0, 0, 0, 0, 0, 0, 0, 0]))).toThrow("length byte");
    }
  });

  test("beyond 2^53 only where 64 bits are meant", () => {
    const bytes = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(() => readLength(at(bytes))).toThrow("2^53");
    expect(readLength64(at(bytes))).toBe(2n ** 64n - 1n);
    const cursor = at(bytes);
    skipLength(cursor);
    expect(cursor.offset).toBe(9);
  });

  test("a count is checked against what is left", () => {
    expect(readCount(at([2, 0, 0]), 1)).toBe(2);
    expect(() => readCount(at([3, 0, 0]), 1)).toThrow("3 elements");
    expect(() => readCount(at([2, 0, 0, 0]), 2)).toThrow(FormatError);
    expect(() => readCount(at([0x81, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 16)).toThrow(FormatError);
  });
});
