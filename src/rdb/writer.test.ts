/** The writer: a file of every kind of item reads back, across many flushes, with the right CRC64, also when its version rises. */
import { expect, test } from "bun:test";
import { sourceOf } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { crc64 } from "./crc64.ts";
import { readLength, readLength64 } from "./length.ts";
import { RdbType } from "./opcodes.ts";
import { openRdb, readTrailer } from "./reader.ts";
import { ScanKind } from "./scan.ts";
import { Scratch } from "./scratch.ts";
import { readString } from "./string.ts";
import { RdbWriter } from "./writer.ts";

class Memory {
  readonly pieces: Uint8Array[] = [];

  take(bytes: Uint8Array, length: number): void {
    const before = this.pieces.at(-1);
    if (before !== undefined) expect(before.length % 4096).toBe(0);
    this.pieces.push(bytes.slice(0, length));
  }

  amendHead(bytes: Uint8Array): void {
    (this.pieces[0] as Uint8Array).set(bytes);
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.pieces);
  }
}

const OPTIONS = { compression: true, checksum: true };

test.each([
  [0, 11],
  [0, 12],
  [40_000, 11],
  [40_000, 12],
])("a file of %d keys, its version %d in the end", (keys, version) => {
  const memory = new Memory();
  const writer = new RdbWriter(memory, OPTIONS);
  writer.begin(11);
  writer.aux("redis-ver", "7.2.0");
  writer.aux("redis-bits", 64);
  writer.aux("ctime", 1_800_000_000);
  writer.selectDb(3);
  writer.resizeDb(keys, 1);
  const key = (i: number) => Buffer.from(`key:${i}`);
  const value = (i: number) => Buffer.from(`${i}:`.repeat(i % 60));
  for (let i = 0; i < keys; i++) {
    if (i % 7 === 0) writer.expireAt(1_900_000_000_000 + i);
    if (i % 5 === 0) writer.idle(i);
    writer.key(RdbType.STRING, key(i), 0, key(i).length);
    writer.string(value(i), 0, value(i).length);
  }
  writer.end(version);
  const { bytes } = memory;
  expect(writer.offset).toBe(bytes.length);
  const source = sourceOf(bytes);
  const header = openRdb(source);
  expect(header.version).toBe(version);
  const metadata = header.metadata();
  expect([...metadata.aux]).toEqual([
    ["redis-ver", "7.2.0"],
    ["redis-bits", "64"],
    ["ctime", "1800000000"],
  ]);
  const scanner = metadata.database({ validate: true });
  const span = new Span();
  let found = 0;
  while (scanner.next()) {
    if (scanner.kind !== ScanKind.RECORD) continue;
    readString(new Cursor().open(source, scanner.valueOffset), span, new Scratch());
    const wanted = [
      `key:${found}`,
      value(found).toString(),
      found % 7 === 0 ? 1_900_000_000_000 + found : -1,
      found % 5 === 0 ? found : -1,
      3,
    ];
    const { key: name, expireAtMs, idleSeconds, dbid } = scanner;
    if (found % 97 === 0) expect([name.text(), span.text(), expireAtMs, idleSeconds, dbid]).toEqual(wanted);
    found++;
  }
  expect(found).toBe(keys);
  const trailer = readTrailer(header, scanner.endOffset);
  const sum = crc64(bytes, 0, scanner.endOffset);
  expect([trailer?.low, trailer?.high]).toEqual([Number(sum & 0xffffffffn) | 0, Number(sum >> 32n) | 0]);
});

test("without a checksum the trailer is zero; without compression strings are raw", () => {
  const memory = new Memory();
  const writer = new RdbWriter(memory, { compression: false, checksum: false });
  writer.begin(9);
  writer.key(RdbType.STRING, Buffer.from("k"), 0, 1);
  writer.string(Buffer.alloc(100, "x"), 0, 100);
  writer.end(9);
  const { bytes } = memory;
  expect(Buffer.from(bytes).toString("latin1")).toBe(`REDIS0009\0\x01k\x40\x64${"x".repeat(100)}\xff${"\0".repeat(8)}`);
});

test("lengths of every size, strings larger than the buffer and than what is compressed in place", () => {
  const memory = new Memory();
  const writer = new RdbWriter(memory, OPTIONS);
  writer.begin(11);
  const lengths = [0, 63, 64, 16383, 16384, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  for (const length of lengths) writer.length(length);
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const strings = [
    Buffer.alloc(20, "s"),
    Buffer.alloc(21, "s"),
    Buffer.alloc(60_000, "abc"),
    Buffer.alloc(3_000_000, "a longer text that comes again "),
    Buffer.concat(Array.from({ length: 30 }, () => noise)),
    noise,
    Buffer.alloc(0),
  ];
  for (const string of strings) writer.string(string, 0, string.length);
  writer.int64(-5);
  for (const value of [0, -1, 127, -129, 32768, 2 ** 31 - 1, 2 ** 31, -(2 ** 31)]) writer.integer(value);
  writer.end(11);
  const { bytes } = memory;
  const cursor = new Cursor().open(sourceOf(bytes), 9);
  for (const length of lengths) expect(readLength(cursor)).toBe(length);
  const span = new Span();
  const sizes = strings.map((string) => {
    const start = cursor.offset;
    readString(cursor, span, new Scratch());
    expect(Buffer.compare(span.bytes.subarray(span.start, span.start + span.length), string)).toBe(0);
    return cursor.offset - start < string.length;
  });
  expect(sizes).toEqual([false, true, true, true, false, false, false]);
  expect(cursor.i64le()).toBe(-5n);
  for (const value of [0, -1, 127, -129, 32768, 2 ** 31 - 1, 2 ** 31, -(2 ** 31)]) {
    readString(cursor, span, new Scratch());
    expect(span.text()).toBe(String(value));
  }
  expect(cursor.left).toBe(9);
  expect(readLength64(new Cursor().open(sourceOf(bytesOfLength(2 ** 40)), 0))).toBe(2n ** 40n);
});

function bytesOfLength(length: number): Uint8Array {
  const writer = new RdbWriter(new Memory(), OPTIONS);
  writer.length(length);
  return writer.buffer.slice(0, writer.at);
}
