/** Listpack, ziplist and zipmap: the whole range of encodings, both ways, found, counted; and hostile bytes. */
import { describe, expect, test } from "bun:test";
import {
  listpackOf,
  randomFrom,
  type Sample,
  testSeed,
  ziplistOf,
  zipmapOf,
} from "../../test/support/packed-samples.ts";
import { FormatError } from "../util/format-error.ts";
import { binaryBytes } from "../util/span.ts";
import { Element } from "./element.ts";
import { encodedListpackBytes, Listpack, validateListpack } from "./listpack.ts";
import type { Packed } from "./packed.ts";
import { validateZiplist, Ziplist } from "./ziplist.ts";
import { validateZipmap, Zipmap } from "./zipmap.ts";

type Validate = (bytes: Uint8Array, start: number, length: number, deep?: boolean) => string | null;

const forms: [string, (samples: readonly Sample[], count?: number) => Uint8Array, () => Packed, Validate][] = [
  ["listpack", listpackOf, () => new Listpack(), validateListpack],
  ["ziplist", ziplistOf, () => new Ziplist(), validateZiplist],
];

const INTEGERS: Sample[] = [7, 8, 13, 15, 16, 23, 24, 31, 32, 52, 53, 54, 63].flatMap((bits) => {
  const edge = 2n ** BigInt(bits);
  const all = [edge - 1n, -edge, edge, -edge - 1n, edge + 1n];
  return all.filter((value) => value === BigInt.asIntN(64, value));
});
const STRINGS = [0, 1, 5, 62, 63, 64, 65, 253, 254, 255, 4095, 4096, 16381, 16382, 16383, 16384, 70000].map((n) =>
  "x".repeat(n),
);
const EVERYTHING: Sample[] = [0, 1, 12, 13, 127, -1, -128, ...INTEGERS, ...STRINGS, "12a", "-", "last"];

/** The listpack back length is measured over head and data: strings that bring it to its limits. */
const LIMITS = [126, 127, 128, 16383 - 5, 16382 - 5, 16384 - 5, 2097151 - 5, 2097150 - 5, 2097152 - 5];

function forwards(walker: Packed): string[] {
  const element = new Element();
  const texts: string[] = [];
  while (walker.next(element)) texts.push(element.text().text());
  return texts;
}

function backwards(walker: Packed): string[] {
  const element = new Element();
  const texts: string[] = [];
  walker.toEnd();
  while (walker.previous(element)) texts.push(element.text().text());
  return texts.reverse();
}

/** Everything that a reader might do with bytes that may be hostile: it ends, with a FormatError at worst. */
function exercise(walker: Packed, bytes: Uint8Array, start: number, length: number): void {
  const attempts = [
    () => forwards(walker),
    () => backwards(walker),
    () => walker.count(),
    () => walker.find(binaryBytes("zz"), 0, 2, 2),
  ];
  for (const attempt of attempts) {
    try {
      walker.open(bytes, start, length);
      attempt();
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }
}

for (const [name, build, create, validate] of forms) {
  describe(name, () => {
    test("every encoding, forwards, backwards, counted", () => {
      const texts = EVERYTHING.map(String);
      const bytes = build(EVERYTHING);
      expect(validate(bytes, 0, bytes.length, true)).toBeNull();
      const walker = create().open(bytes, 0, bytes.length);
      expect(walker.count()).toBe(texts.length);
      expect(forwards(walker)).toEqual(texts);
      expect(walker.atEnd).toBe(true);
      expect(backwards(walker)).toEqual(texts);
    });

    test("strings around the limits of the back length", () => {
      const samples = LIMITS.map((n) => "y".repeat(n));
      const bytes = build(samples);
      expect(validate(bytes, 0, bytes.length, true)).toBeNull();
      const walker = create().open(bytes, 0, bytes.length);
      expect(forwards(walker).map((text) => text.length)).toEqual(LIMITS);
      expect(backwards(walker).map((text) => text.length)).toEqual(LIMITS);
    });

    test("safe integers come as integers", () => {
      const element = new Element();
      const values = [0, -1, 4095, 2 ** 31, -(2 ** 52), Number.MAX_SAFE_INTEGER];
      const bytes = build(values);
      const walker = create().open(bytes, 0, bytes.length);
      for (const value of values) {
        walker.next(element);
        expect([element.isInt, element.int]).toEqual([true, value]);
      }
    });

    test("find sees every element where its turn is, and none where it is not", () => {
      const samples = [...new Set(EVERYTHING.map(String))].map((text) => EVERYTHING.find((s) => String(s) === text)!);
      const bytes = build(samples.flatMap((sample, i) => [sample, `value ${i}`]));
      const walker = create().open(bytes, 0, bytes.length);
      const element = new Element();
      samples.forEach((sample, i) => {
        const wanted = binaryBytes(`<${sample}>`);
        walker.rewind();
        expect(walker.find(wanted, 1, wanted.length - 2, 2)).toBe(true);
        walker.next(element);
        expect(element.text().text()).toBe(`value ${i}`);
      });
      for (const absent of ["value 0", "00", "+1", "1.0", "01", "-0", "xx", "99999999999999999999"]) {
        walker.rewind();
        expect(walker.find(binaryBytes(absent), 0, absent.length, 2)).toBe(false);
      }
    });

    test("an unknown count is counted", () => {
      const bytes = build(["a", 5, "c"], 65535);
      expect(create().open(bytes, 0, bytes.length).count()).toBe(3);
      expect(validate(bytes, 0, bytes.length, true)).toBeNull();
    });

    test("random elements, somewhere in a bigger buffer", () => {
      const random = randomFrom(testSeed());
      for (let round = 0; round < 200; round++) {
        const samples = Array.from({ length: Math.floor(random() * 40) }, (): Sample => {
          if (random() < 0.5)
            return "ab\x00\xff".charAt(Math.floor(random() * 4)).repeat(Math.floor(random() ** 4 * 600));
          return (
            BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 12))) >>
            BigInt(Math.floor(random() * 64))
          );
        });
        const bytes = build(samples);
        const buffer = new Uint8Array(bytes.length + 20).fill(0x80);
        buffer.set(bytes, 9);
        const walker = create().open(buffer, 9, bytes.length);
        expect(forwards(walker)).toEqual(samples.map(String));
        expect(backwards(walker)).toEqual(samples.map(String));
      }
    });

    test("cut at every byte: refused, or read to an error", () => {
      const bytes = build([1, "two", -3, 4000, 70000, 2n ** 40n, "x".repeat(70), "end"]);
      for (let length = 0; length < bytes.length; length++) {
        expect(validate(bytes, 0, length)).not.toBeNull();
        expect(() => create().open(bytes, 0, length)).toThrow(FormatError);
        const cut = bytes.slice(0, length);
        if (length >= 11) {
          new DataView(cut.buffer).setUint32(0, length, true);
          cut[length - 1] = 0xff;
        }
        exercise(create(), cut, 0, length);
        // The frame is sound now, what is in it is not: the deep check must see that.
        if (length >= 11) expect(validate(cut, 0, length, true)).not.toBeNull();
      }
    });

    test("any byte changed: an error or other elements, never more, never a hang", () => {
      const random = randomFrom(testSeed());
      const bytes = build([1, "two", -3, 4000, 70000, 2n ** 40n, "x".repeat(70), "y".repeat(300), "end"]);
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0, 0x7f, 0xf0, 0xfe, 0xff, Math.floor(random() * 256)]) {
          const changed = bytes.slice();
          changed[at] = value;
          exercise(create(), changed, 0, changed.length);
          validate(changed, 0, changed.length, true);
        }
      }
    });
  });
}

test("the bytes that a string takes in a listpack", () => {
  for (const sample of EVERYTHING) {
    const text = binaryBytes(String(sample));
    expect(encodedListpackBytes(text, 0, text.length)).toBe(listpackOf([sample]).length - 7);
  }
});

describe("zipmap", () => {
  const pairs: [string, string][] = [
    ["a", "1"],
    ["empty", ""],
    ["f".repeat(253), "v".repeat(253)],
    ["g".repeat(254), "w".repeat(9000)],
    ["", "last"],
  ];

  test("fields and values in turn", () => {
    for (const unused of [0, 3]) {
      const bytes = zipmapOf(pairs, unused);
      expect(validateZipmap(bytes, 0, bytes.length, true)).toBeNull();
      const walker = new Zipmap().open(bytes, 0, bytes.length);
      expect(walker.count()).toBe(pairs.length * 2);
      expect(forwards(walker)).toEqual(pairs.flat());
      const element = new Element();
      for (const [field, value] of pairs) {
        walker.rewind();
        expect(walker.find(binaryBytes(field), 0, field.length, 2)).toBe(true);
        walker.next(element);
        expect(element.text().text()).toBe(value);
      }
      walker.rewind();
      expect(walker.find(binaryBytes("1"), 0, 1, 2)).toBe(false);
    }
  });

  test("more pairs than the header can say", () => {
    const many = Array.from({ length: 300 }, (_, i): [string, string] => [`f${i}`, `v${i}`]);
    const bytes = zipmapOf(many);
    expect(new Zipmap().open(bytes, 0, bytes.length).count()).toBe(600);
    expect(validateZipmap(bytes, 0, bytes.length, true)).toBeNull();
  });

  test("hostile bytes end in an error or in other pairs", () => {
    const bytes = zipmapOf(pairs.slice(0, 3), 2);
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 0x7f, 0xfd, 0xfe, 0xff]) {
        const changed = bytes.slice();
        changed[at] = value;
        const element = new Element();
        try {
          const walker = new Zipmap().open(changed, 0, changed.length);
          walker.count();
          while (walker.next(element)) expect(element.text().copy().length).toBeLessThan(changed.length);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
        validateZipmap(changed, 0, changed.length, true);
      }
      const cut = bytes.slice(0, at);
      if (at > 0) cut[at - 1] = 0xff;
      validateZipmap(cut, 0, cut.length, true);
    }
  });
});
