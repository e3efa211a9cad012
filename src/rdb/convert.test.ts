/** Values written for older readers: the same to a reader, refused where something would be lost. */
import { expect, test } from "bun:test";
import { readValue } from "../../test/support/read-value.ts";
import { Element } from "../encodings/element.ts";
import { validateZiplist, Ziplist } from "../encodings/ziplist.ts";
import { sourceOf } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { isExpressible, ValueConverter } from "./convert.ts";
import { RdbType, rdbTypeName, VALKEY_TYPE_BASE } from "./opcodes.ts";
import { Record } from "./record.ts";
import { bytesOf, listpack, rdbRecord, rdbString, SAMPLES, type Sample } from "./samples.ts";
import { writeValue } from "./value-writer.ts";
import { RdbWriter } from "./writer.ts";
import { ZiplistWriter } from "./ziplist-writer.ts";

/** Everything that `write` writes. */
function written(write: (writer: RdbWriter) => void, compression = false): Uint8Array {
  const pieces: Uint8Array[] = [];
  const writer = new RdbWriter(
    { take: (bytes, length) => pieces.push(bytes.slice(0, length)), amendHead() {} },
    { compression, checksum: true },
  );
  write(writer);
  const { at } = writer;
  pieces.push(writer.buffer.slice(0, at));
  return Buffer.concat(pieces);
}

function readBack(bytes: Uint8Array, valkey: boolean): unknown {
  const record = new Record();
  record.valkey = valkey;
  record.readAt(sourceOf(bytes), 0);
  return readValue(record, 1_000);
}

/** The value converted for `version`, and its new type. */
function converted(sample: Sample, version: number): { type: number; value: unknown; raw: Uint8Array } {
  let type = -1;
  const raw = written((writer) => {
    const cursor = new Cursor().open(sourceOf(sample.value), 0);
    const converter = new ValueConverter(writer, version);
    type = converter.target(cursor, sample.type);
    writer.key(type, Buffer.from("k"), 0, 1);
    converter.write(cursor, sample.type, type);
    expect(cursor.offset).toBe(sample.value.length);
  });
  return { type, value: readBack(raw, false), raw };
}

const original = (sample: Sample) => readBack(rdbRecord(sample, "k"), sample.type >= VALKEY_TYPE_BASE);

test("every value is written as it lies, or converted without a difference, or refused", () => {
  const seen: string[] = [];
  const refused: string[] = [];
  for (const version of [9, 10, 11, 12]) {
    for (const sample of SAMPLES) {
      if (sample.type < VALKEY_TYPE_BASE && isExpressible(sample.type, version)) {
        const copy = written((writer) => {
          writer.key(sample.type, Buffer.from("k"), 0, 1);
          writeValue(writer, new Cursor().open(sourceOf(sample.value), 0), sample.type);
        });
        expect(Buffer.compare(copy, rdbRecord(sample, "k"))).toBe(0);
        continue;
      }
      try {
        const { type, value } = converted(sample, version);
        expect(isExpressible(type, version)).toBe(true);
        expect(value).toEqual(original(sample));
        seen.push(`${version} ${rdbTypeName(sample.type)} → ${rdbTypeName(type)}`);
      } catch (error) {
        const name = rdbTypeName(sample.type);
        expect((error as Error).message).toBe(`a ${name}, which takes rdb-version 12 or later (it is ${version})`);
        refused.push(`${version} ${name}`);
      }
    }
  }
  expect(seen).toEqual([
    "9 HASH_LISTPACK → HASH_ZIPLIST",
    "9 ZSET_LISTPACK → ZSET_ZIPLIST",
    "9 LIST_QUICKLIST_2 → LIST_QUICKLIST",
    "9 STREAM_LISTPACKS_2 → STREAM_LISTPACKS",
    "9 SET_LISTPACK → SET",
    "9 STREAM_LISTPACKS_3 → STREAM_LISTPACKS",
    "10 SET_LISTPACK → SET",
    "10 STREAM_LISTPACKS_3 → STREAM_LISTPACKS_2",
    "12 VALKEY_HASH_2 → HASH_METADATA",
  ]);
  const timed = [
    "HASH_METADATA_PRE_GA",
    "HASH_LISTPACK_EX_PRE_GA",
    "HASH_METADATA",
    "HASH_LISTPACK_EX",
    "VALKEY_HASH_2",
  ];
  expect(refused).toEqual([9, 10, 11].flatMap((version) => timed.map((name) => `${version} ${name}`)));
});

test("a stream keeps its entries, groups and consumers in an older version; statistics that have no place there are left out", () => {
  const id = bytesOf(new Array(7).fill(0), 1, new Array(7).fill(0), 2);
  const node = rdbString(listpack(1, 0, 1, "f", 0, 2, 0, 0, "v", 4));
  const time = [0, 0x68, 0xe5, 0xcf, 0x8b, 1, 0, 0];
  const make = (header: number[], read: number[], active: number[]): Sample => ({
    type: RdbType.STREAM_LISTPACKS_3,
    count: -1,
    value: bytesOf(
      1,
      rdbString(id),
      node,
      header,
      1,
      rdbString("g"),
      1,
      2,
      read,
      0,
      1,
      rdbString("c"),
      time,
      active,
      0,
    ),
  });
  const none = new Array(8).fill(0xff);
  const lossless = make([1, 1, 2, 1, 2, 0, 0, 1], [1], time);
  expect(converted(lossless, 9).type).toBe(RdbType.STREAM_LISTPACKS);
  expect(converted(lossless, 9).value).toEqual(original(lossless));
  expect(converted(make([1, 1, 2, 1, 2, 0, 0, 1], [0x81, ...none], none), 9).type).toBe(RdbType.STREAM_LISTPACKS);
  // Entries added, the greatest deleted id, entries read, active times that no reader would put in: as if they had never been known.
  const oldest = converted(lossless, 9).value;
  expect(converted(make([1, 1, 2, 1, 2, 0, 0, 9], [1], time), 9).value).toEqual(oldest);
  expect(converted(make([1, 1, 2, 1, 2, 1, 1, 1], [1], time), 9).value).toEqual(oldest);
  expect(converted(make([1, 1, 2, 1, 2, 0, 0, 1], [0], time), 9).value).toEqual(oldest);
  const other = converted(make([1, 1, 2, 1, 2, 0, 0, 1], [1], [1, ...time.slice(1)]), 10);
  expect(other.value).toEqual(converted(lossless, 10).value);
  expect(converted(make([1, 1, 2, 1, 2, 0, 0, 9], [0], time), 10).type).toBe(RdbType.STREAM_LISTPACKS_2);
});

test("a hash of Valkey's without expiring fields becomes a plain one", () => {
  const never = new Array(8).fill(0xff);
  const value = bytesOf(2, rdbString("f"), rdbString("v"), never, rdbString("g"), rdbString("w"), never);
  const { type, value: read } = converted({ type: RdbType.VALKEY_HASH_2, value, count: 2 }, 9);
  expect([type, read]).toEqual([RdbType.HASH, { fields: { f: "v", g: "w" }, expireAtMs: {} }]);
});

test("a ziplist holds what the listpack held, and is sound to its last byte", () => {
  const writer = new ZiplistWriter();
  const parts: (string | number)[] = [0, 12, 13, 127, "", "a".repeat(63)];
  writer.convert(...whole(listpack(...parts)), 0);
  expect(elements(writer)).toEqual(["0", "12", "13", "127", "", "a".repeat(63)]);
  // Longer strings and larger integers, as listpacks have them.
  const numbers: [number[], string][] = [
    [[0xf1, 0x80, 0xff], "-128"],
    [[0xf1, 0x2c, 0x01], "300"],
    [[0xf2, 0, 0, 0x80], "-8388608"],
    [[0xf2, 0x01, 0, 0x01], "65537"],
    [[0xf3, 0, 0, 0, 0x80], "-2147483648"],
    [[0xf4, 1, 0, 0, 0, 1, 0, 0, 0], "4294967297"],
    [[0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "9223372036854775807"],
  ];
  const long = "x".repeat(300);
  const body = bytesOf(...numbers.flatMap(([bytes]) => [bytes, bytes.length]), 0xe1, 0x2c, long, 0x82, 0xae);
  const all = bytesOf(
    [body.length + 7, 0, 0, 0].map((_, i) => ((body.length + 7) >>> (8 * i)) & 0xff),
    8,
    0,
    body,
    0xff,
  );
  writer.convert(...whole(all), 0);
  expect(elements(writer)).toEqual([...numbers.map(([, text]) => text), long]);
  writer.single(Buffer.from("y".repeat(20_000)), 0, 20_000);
  expect(elements(writer)).toEqual(["y".repeat(20_000)]);
});

function whole(bytes: Uint8Array): [Uint8Array, number, number] {
  return [bytes, 0, bytes.length];
}

function elements({ bytes, length }: ZiplistWriter): string[] {
  expect(validateZiplist(bytes, 0, length, true)).toBeNull();
  const ziplist = new Ziplist().open(bytes, 0, length);
  const element = new Element();
  const texts: string[] = [];
  while (ziplist.next(element)) texts.push(element.text().text());
  return texts;
}
