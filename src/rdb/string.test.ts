import { describe, expect, test } from "bun:test";
import { sourceOf } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { binaryBytes, Span } from "../util/span.ts";
import { lzfDecompress, lzfMeasure, lzfPlausible } from "./lzf.ts";
import { Scratch } from "./scratch.ts";
import { checkString, readString, readStringKind, skipString, stringLength } from "./string.ts";

function at(bytes: readonly number[]): Cursor {
  return new Cursor().open(sourceOf(Uint8Array.from(bytes)), 0);
}

function bytesOf(text: string): number[] {
  return [...binaryBytes(text)];
}

/** "aaaaaaaaaaaa": a literal "a", then eleven bytes copied from one back. */
const LZF_OF_TWELVE = [0x00, 0x61, 0xe0, 0x02, 0x00];

const STRINGS: readonly [name: string, bytes: readonly number[], text: string][] = [
  ["empty", [0], ""],
  ["raw", [3, ...bytesOf("abc")], "abc"],
  ["raw of 300 bytes", [0x41, 0x2c, ...bytesOf("x".repeat(300))], "x".repeat(300)],
  ["int8", [0xc0, 0x7b], "123"],
  ["int8 0", [0xc0, 0x00], "0"],
  ["int8 -128", [0xc0, 0x80], "-128"],
  ["int16", [0xc1, 0x39, 0x30], "12345"],
  ["int16 -32768", [0xc1, 0x00, 0x80], "-32768"],
  ["int32", [0xc2, 0xff, 0xff, 0xff, 0x7f], "2147483647"],
  ["int32 -2147483648", [0xc2, 0x00, 0x00, 0x00, 0x80], "-2147483648"],
  ["int32 1000000000", [0xc2, 0x00, 0xca, 0x9a, 0x3b], "1000000000"],
  ["LZF", [0xc3, LZF_OF_TWELVE.length, 12, ...LZF_OF_TWELVE], "a".repeat(12)],
  ["LZF with a long length", [0xc3, 0x40, LZF_OF_TWELVE.length, 0x80, 0, 0, 0, 12, ...LZF_OF_TWELVE], "a".repeat(12)],
];

describe("strings", () => {
  for (const [name, bytes, text] of STRINGS) {
    test(name, () => {
      const span = new Span();
      const cursor = at([...bytes, 0xaa]);
      readString(cursor, span, new Scratch());
      expect(span.text()).toBe(text);
      expect(cursor.offset).toBe(bytes.length);
      for (const move of [skipString, checkString]) {
        const moved = at([...bytes, 0xaa]);
        move(moved);
        expect(moved.offset).toBe(bytes.length);
      }
      expect(checkString(at(bytes))).toBe(text.length);
      expect(stringLength(at(bytes))).toBe(text.length);
    });

    test(`${name}, cut at every byte`, () => {
      for (let cut = 0; cut < bytes.length; cut++) {
        const short = bytes.slice(0, cut);
        expect(() => readString(at(short), new Span(), new Scratch())).toThrow(FormatError);
        expect(() => skipString(at(short))).toThrow(FormatError);
        expect(() => checkString(at(short))).toThrow(FormatError);
      }
    });
  }

  test("a length that leads out of the source allocates nothing", () => {
    const claims = [0x81, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(() => readString(at(claims), new Span(), new Scratch())).toThrow("bytes before the end");
    const scratch = new Scratch();
    const held = scratch.bytes(1).length;
    expect(() => readString(at([0xc3, 5, ...claims, ...LZF_OF_TWELVE]), new Span(), scratch)).toThrow(FormatError);
    expect(() => readString(at([0xc3, 5, 0x80, 0x10, 0, 0, 0, ...LZF_OF_TWELVE]), new Span(), scratch)).toThrow(
      "do not make",
    );
    expect(scratch.bytes(1).length).toBe(held);
  });

  test("what OBJECT ENCODING says of a string", () => {
    const kind = (text: string) => readStringKind(at([text.length, ...bytesOf(text)]), new Span(), new Scratch());
    for (const text of ["0", "-1", "12345", "9223372036854775807", "-9223372036854775808"])
      expect(kind(text)).toBe("int");
    for (const text of ["", "-", "-0", "01", "1 ", "+1", "9223372036854775808", "-9223372036854775809", "1.5"]) {
      expect(kind(text)).toBe("embstr");
    }
    expect(kind("x".repeat(44))).toBe("embstr");
    expect(kind("x".repeat(45))).toBe("raw");
  });
});

describe("LZF", () => {
  const decompress = (input: readonly number[], length: number): string | null => {
    const output = new Uint8Array(length);
    return lzfDecompress(Uint8Array.from(input), 0, input.length, output, length)
      ? String.fromCharCode(...output)
      : null;
  };

  test("literals, short and long copies, copies that overlap", () => {
    expect(decompress([2, ...bytesOf("abc"), 0x20, 0x02], 6)).toBe("abcabc");
    expect(decompress([2, ...bytesOf("abc"), 0xe0, 0x00, 0x01], 12)).toBe("abcbcbcbcbcb");
  });

  test("what is no stream of that length is refused, and nothing is written outside", () => {
    expect(decompress(LZF_OF_TWELVE, 11)).toBeNull();
    expect(decompress(LZF_OF_TWELVE, 13)).toBeNull();
    for (let cut = 0; cut < LZF_OF_TWELVE.length; cut++) expect(decompress(LZF_OF_TWELVE.slice(0, cut), 12)).toBeNull();
    expect(decompress([0x20, 0x00], 3)).toBeNull();
    expect(decompress([0x00, 0x61, 0x20, 0x01], 4)).toBeNull();
    expect(lzfMeasure(Uint8Array.from([0x20, 0x00]), 0, 2)).toBe(-1);
  });

  test("measuring agrees with decompressing on random input", () => {
    let state = Number(process.env["FOLIO_SEED"] ?? 7);
    const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
    for (let round = 0; round < 20_000; round++) {
      const input = Uint8Array.from({ length: random(12) }, () => (random(3) === 0 ? random(256) : random(40)));
      const measured = lzfMeasure(input, 0, input.length);
      if (measured < 0) continue;
      expect(lzfPlausible(input.length, measured)).toBe(true);
      const output = new Uint8Array(measured + 4).fill(0xee);
      expect(lzfDecompress(input, 0, input.length, output, measured)).toBe(true);
      expect([...output.subarray(measured)]).toEqual([0xee, 0xee, 0xee, 0xee]);
      if (measured > 0) expect(lzfDecompress(input, 0, input.length, output, measured - 1)).toBe(false);
    }
  });

  test("no input expands beyond what is called plausible", () => {
    expect(lzfPlausible(3, 264)).toBe(true);
    expect(lzfPlausible(3, 265)).toBe(false);
    expect(lzfPlausible(2 ** 30, 2 ** 29 + 1)).toBe(false);
  });
});
