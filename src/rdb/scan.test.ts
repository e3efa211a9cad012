import { describe, expect, test } from "bun:test";
import { type ByteSource, sourceOf, WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { ValueChecker } from "./check.ts";
import { Crc64 } from "./crc64.ts";
import { moduleName } from "./module.ts";
import { Opcode, objectType, RdbType, rdbTypeName } from "./opcodes.ts";
import { openRdb, readTrailer } from "./reader.ts";
import { Record } from "./record.ts";
import {
  bytesOf,
  fullFile,
  isValkeyType,
  listpack,
  rdbFile,
  rdbRecord,
  rdbString,
  SAMPLES,
  ziplist,
} from "./samples.ts";
import { type RecordScanner, ScanKind } from "./scan.ts";
import { skipValue } from "./skip.ts";

function scannerOf(file: Uint8Array, validate = true): RecordScanner {
  return openRdb(sourceOf(file)).metadata().database({ validate });
}

function scanAll(file: Uint8Array, validate = true): { kinds: number[]; keys: string[]; end: number } {
  const scanner = scannerOf(file, validate);
  const kinds: number[] = [];
  const keys: string[] = [];
  while (scanner.next()) {
    kinds.push(scanner.kind);
    if (scanner.kind === ScanKind.RECORD) keys.push(scanner.key.text());
  }
  return { kinds, keys, end: scanner.endOffset };
}

function checkOne(type: number, value: Uint8Array): number {
  return new ValueChecker().check(new Cursor().open(sourceOf(value), 0), type);
}

describe("values of every type", () => {
  for (const [i, sample] of SAMPLES.entries()) {
    const name = `${rdbTypeName(sample.type)} (${i})`;
    test(`${name}: skipping and checking end where it ends`, () => {
      const padded = bytesOf(sample.value, 0xaa, 0xbb);
      const cursor = new Cursor().open(sourceOf(padded), 0);
      skipValue(cursor, sample.type);
      expect(cursor.offset).toBe(sample.value.length);
      cursor.open(sourceOf(padded), 0);
      expect(new ValueChecker().check(cursor, sample.type)).toBe(sample.count);
      expect(cursor.offset).toBe(sample.value.length);
    });

    test(`${name}: cut at every byte`, () => {
      for (let cut = 0; cut < sample.value.length; cut++) {
        const source = sourceOf(sample.value.slice(0, cut));
        expect(() => skipValue(new Cursor().open(source, 0), sample.type)).toThrow(FormatError);
        expect(() => new ValueChecker().check(new Cursor().open(source, 0), sample.type)).toThrow(FormatError);
      }
    });
  }

  test("each type of the format has a sample, but the one that cannot be skipped", () => {
    const covered = new Set(SAMPLES.map((sample) => sample.type));
    const missing = Object.values(RdbType).filter((type) => !covered.has(type));
    expect(missing).toEqual([RdbType.MODULE_PRE_GA]);
    expect(() => checkOne(RdbType.MODULE_PRE_GA, bytesOf(0))).toThrow("release candidates");
  });
});

describe("what Redis refuses", () => {
  const refused: [string, number, Uint8Array, string][] = [
    ["a listpack without its end", RdbType.HASH_LISTPACK, rdbString(listpack("f", "v").fill(0, -1)), "end byte"],
    ["a ziplist with a wrong count", RdbType.LIST_ZIPLIST, rdbString(ziplist("a").fill(9, 8, 9)), "says 9"],
    ["a field twice in a ziplist", RdbType.HASH_ZIPLIST, rdbString(ziplist("f", "1", "f", "2")), '"f" twice'],
    ["a member without score", RdbType.ZSET_ZIPLIST, rdbString(ziplist("a", "1", "b")), "without its value"],
    ["an empty zipmap", RdbType.HASH_ZIPMAP, rdbString(bytesOf(0, 0xff)), "empty zipmap"],
    ["an empty intset", RdbType.SET_INTSET, rdbString(bytesOf(2, 0, 0, 0, 0, 0, 0, 0)), "empty intset"],
    ["a score of nan", RdbType.ZSET, bytesOf(1, rdbString("a"), 253), "not a number"],
    ["a score that is no text", RdbType.ZSET, bytesOf(1, rdbString("a"), 1, "x"), 'score "x"'],
    ["a double nan", RdbType.ZSET_2, bytesOf(1, rdbString("a"), 0, 0, 0, 0, 0, 0, 0xf8, 0x7f), "not a number"],
    ["a node of kind 3", RdbType.LIST_QUICKLIST_2, bytesOf(1, 3, rdbString("a")), "kind 3"],
    ["an empty plain node", RdbType.LIST_QUICKLIST_2, bytesOf(1, 1, 0), "empty node"],
    ["a stream id of 3 bytes", RdbType.STREAM_LISTPACKS, bytesOf(1, rdbString("abc"), 0), "id of 3 bytes"],
    ["an LZF string that lies", RdbType.STRING, bytesOf(0xc3, 5, 13, 0x00, 0x61, 0xe0, 0x02, 0x00), "do not make 13"],
    ["a module's unknown tag", RdbType.MODULE_2, bytesOf(0, 9), "unknown tag"],
  ];
  for (const [name, type, value, message] of refused) {
    test(name, () => expect(() => checkOne(type, value)).toThrow(message));
  }

  test("a consumer's pending id that its group does not have, and one that stands twice", () => {
    const { value, type } = SAMPLES.find((sample) => sample.type === RdbType.STREAM_LISTPACKS_3)!;
    const consumerId = value.length - 16;
    expect(() => checkOne(type, bytesOf(value.subarray(0, -1), 3))).toThrow("not for its group");
    const twice = bytesOf(value.subarray(0, consumerId - 1), 2, value.subarray(consumerId), value.subarray(consumerId));
    expect(() => checkOne(type, twice)).toThrow("pending twice");
  });

  test("collections without elements are counted so, not refused", () => {
    expect(checkOne(RdbType.LIST, bytesOf(0))).toBe(0);
    expect(checkOne(RdbType.LIST_QUICKLIST, bytesOf(1, rdbString(ziplist())))).toBe(0);
    expect(checkOne(RdbType.HASH_LISTPACK, rdbString(listpack()))).toBe(0);
    expect(checkOne(RdbType.ZSET_ZIPLIST, rdbString(ziplist()))).toBe(0);
  });
});

describe("whole files", () => {
  for (const valkey of [false, true]) {
    const file = fullFile(valkey);
    const keys = SAMPLES.flatMap(({ type }, i) =>
      (isValkeyType(type) ? valkey : !valkey || type <= RdbType.STREAM_LISTPACKS_3) ? [`k${i}`] : [],
    );

    test(`${valkey ? "Valkey" : "Redis"}: every item in turn`, () => {
      for (const validate of [true, false]) {
        const found = scanAll(file, validate);
        expect(found.keys).toEqual(keys);
        expect(found.kinds.filter((kind) => kind !== ScanKind.RECORD)).toEqual([
          ScanKind.FUNCTION,
          ScanKind.FUNCTION_PRE_GA,
          ScanKind.MODULE_AUX,
          ScanKind.SELECTDB,
          ScanKind.RESIZEDB,
          ScanKind.SLOT,
          ScanKind.SLOT,
          ScanKind.AUX,
        ]);
        expect(found.end).toBe(file.length - 8);
      }
    });

    test(`${valkey ? "Valkey" : "Redis"}: a record read alone is what the scan saw`, () => {
      const scanner = scannerOf(file);
      const record = new Record();
      record.valkey = valkey;
      while (scanner.next()) {
        if (scanner.kind !== ScanKind.RECORD) continue;
        record.readAt(sourceOf(file), scanner.recordOffset);
        const { type, valueOffset, expireAtMs, idleSeconds, freq } = scanner;
        expect(record).toMatchObject({ type, valueOffset, expireAtMs, idleSeconds, freq });
        expect(record.matches(scanner.key.bytes, scanner.key.start, scanner.key.length)).toBe(true);
        expect(record.matches(scanner.key.bytes, scanner.key.start, 1)).toBe(false);
        if (type === RdbType.MODULE_2) expect(moduleName(record)).toBe("ReJSON-RL");
        expect(["string", "list", "set", "zset", "hash", "stream", "module"]).toContain(objectType(type));
      }
    });

    test(`${valkey ? "Valkey" : "Redis"}: cut at every byte`, () => {
      for (let cut = 0; cut < file.length - 8; cut++) {
        expect(() => scanAll(file.slice(0, cut))).toThrow(FormatError);
      }
      for (let cut = file.length - 8; cut < file.length; cut++) {
        const short = file.slice(0, cut);
        const header = openRdb(sourceOf(short));
        expect(() => readTrailer(header, scanAll(short).end)).toThrow(FormatError);
      }
    });
  }

  test("one bit flipped at every byte: an error, or another CRC64", () => {
    const file = fullFile(false);
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at]! ^= 1 << (at & 7);
      expect(() => verify(damaged)).toThrow(FormatError);
    }
    verify(file);
  });

  test("what stands before a key holds across other items, and for that key only", () => {
    const time = [1, 0, 0, 0, 0, 0, 0, 0];
    const aux = bytesOf(Opcode.AUX, rdbString("a"), rdbString("b"));
    const string = SAMPLES[0]!;
    const file = rdbFile(
      "REDIS0011",
      bytesOf(Opcode.EXPIRETIME_MS, time),
      aux,
      bytesOf(Opcode.IDLE, 7),
      rdbRecord(string, "one"),
      rdbRecord(string, "two"),
      bytesOf(Opcode.EXPIRETIME, [0xff, 0xff, 0xff, 0xff]),
      rdbRecord(string, "three"),
    );
    const scanner = scannerOf(file);
    const seen: [string, number, number][] = [];
    const record = new Record();
    while (scanner.next()) {
      if (scanner.kind !== ScanKind.RECORD) continue;
      seen.push([scanner.key.text(), scanner.expireAtMs, scanner.idleSeconds]);
      record.readAt(sourceOf(file), scanner.recordOffset);
      expect([record.key.text(), record.expireAtMs, record.idleSeconds]).toEqual(seen.at(-1)!);
    }
    expect(seen).toEqual([
      ["one", 1, 7],
      ["two", -1, -1],
      ["three", -1000, -1],
    ]);
  });

  test("a byte that is neither opcode nor type", () => {
    for (const byte of [8, 26, 100, 242]) {
      expect(() => scanAll(rdbFile("REDIS0012", bytesOf(byte, 0, 0)))).toThrow(`byte ${byte}`);
    }
    // Redis's numbers from 22 on mean something else to Valkey.
    expect(() => scanAll(rdbFile("VALKEY080", bytesOf(24, 0, 0)))).toThrow("byte 24");
  });
});

describe("sources that give little at a time", () => {
  test("bytes admitted only as asked for: the same items", () => {
    for (const valkey of [false, true]) {
      const file = fullFile(valkey);
      let admitted = 0;
      const starved: ByteSource = {
        size: file.length,
        windows: [file],
        admit(offset, length) {
          expect(offset + length).toBeLessThanOrEqual(file.length);
          admitted++;
          return offset + length;
        },
      };
      const scanner = openRdb(starved).metadata().database({ validate: true });
      const keys: string[] = [];
      while (scanner.next()) if (scanner.kind === ScanKind.RECORD) keys.push(scanner.key.text());
      expect(keys).toEqual(scanAll(file).keys);
      expect(admitted).toBeGreaterThan(keys.length * 2);
    }
  });

  test("records on both sides of the end of the first window, and a value longer than the stride", () => {
    const head = bytesOf("REDIS0011", rdbRecord(SAMPLES[0]!, "first"), RdbType.STRING, rdbString("long"));
    const long = WINDOW_STRIDE_BYTES + 5;
    const size = head.length + 5 + long + 200;
    // Not written to, so it takes no memory.
    const bytes = new Uint8Array(size);
    bytes.set(
      bytesOf(
        head,
        0x80,
        [24, 16, 8, 0].map((shift) => (long >>> shift) & 0xff),
      ),
    );
    const behind = head.length + 5 + long;
    bytes.set(bytesOf(rdbRecord(SAMPLES[0]!, "last"), Opcode.EOF), behind);
    const windows = [bytes, bytes.subarray(WINDOW_STRIDE_BYTES)];
    const source: ByteSource = { size, windows, admit: () => size };
    const scanner = openRdb(source).metadata().database({ validate: true });
    const found: [string, number][] = [];
    const record = new Record();
    while (scanner.next()) {
      found.push([scanner.key.text(), scanner.recordOffset]);
      record.readAt(source, scanner.recordOffset);
      expect(record.key.text()).toBe(scanner.key.text());
    }
    expect(found).toEqual([
      ["first", 9],
      ["long", head.length - 6],
      ["last", behind],
    ]);
  });
});

describe("header and trailer", () => {
  const open = (text: string) => openRdb(sourceOf(bytesOf(text)));

  test("supported versions", () => {
    for (let version = 1; version <= 12; version++) {
      expect(open(`REDIS${String(version).padStart(4, "0")}`)).toMatchObject({ version, flavour: "redis" });
    }
    expect(open("VALKEY080")).toMatchObject({ version: 80, flavour: "valkey", hasTrailer: true });
  });

  test("others: what was found, what is supported", () => {
    for (const text of ["REDIS0000", "REDIS0013", "REDIS0080", "VALKEY011", "VALKEY081", "VALKEY987"]) {
      const version = Number(text.replace(/\D/g, ""));
      expect(() => open(text)).toThrow(`version ${version}, expected "REDIS" version 1 to 12 or "VALKEY" version 80`);
    }
    for (const text of ["REDISabcd", "\x7fELF.....", "not an rdb"]) expect(() => open(text)).toThrow("begins with");
    for (const text of ["R", "REDIS", "REDIS001", "VALKEY08"]) expect(() => open(text)).toThrow("at least 9 bytes");
    expect(() => open("")).toThrow("an empty file");
  });

  test("the trailer: none below version 5, none when zero", () => {
    const old = rdbFile("REDIS0004");
    expect(readTrailer(openRdb(sourceOf(old)), scanAll(old).end)).toBeNull();
    const disabled = rdbFile("REDIS0011").fill(0, -8);
    expect(readTrailer(openRdb(sourceOf(disabled)), scanAll(disabled).end)).toBeNull();
    verify(rdbFile("REDIS0011"));
  });

  test("aux fields", () => {
    const metadata = openRdb(sourceOf(fullFile(false))).metadata();
    expect([...metadata.aux]).toEqual([["redis-ver", "7.4.0"]]);
    const long = bytesOf(Opcode.AUX, rdbString("long"), 0x80, 0, 1, 0, 1, new Uint8Array(65537));
    const kept = openRdb(sourceOf(rdbFile("REDIS0011", long, bytesOf(Opcode.AUX, 1, "a", 1, "b")))).metadata();
    expect([...kept.aux]).toEqual([["a", "b"]]);
  });
});

test("the worked example of docs/formats/rdb.md", () => {
  const file = Buffer.from(
    "524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040fa056374696d65c204b1036bfa0875" +
      "7365642d6d656dc2d8b50e00fa08616f662d62617365c000fe00fb02011006757365723a31191900000004" +
      "00846e616d650583416461048361676504" +
      "2401fffc00d8c32cbb030000000470616765c011ff63be98ab60ac1887",
    "hex",
  );
  verify(file);
  const scanner = scannerOf(file);
  const records: unknown[] = [];
  while (scanner.next()) {
    const { key, type, recordOffset, valueOffset, expireAtMs } = scanner;
    if (scanner.kind === ScanKind.RECORD) records.push([key.text(), type, recordOffset, valueOffset, expireAtMs]);
  }
  expect(records).toEqual([
    ["user:1", RdbType.HASH_LISTPACK, 0x55, 0x5d, -1],
    ["page", RdbType.STRING, 0x77, 0x86, 4102444800000],
  ]);
  expect(scanner.endOffset).toBe(0x89);
});

/** Scans and compares the CRC64. Throws FormatError. */
function verify(file: Uint8Array): void {
  const header = openRdb(sourceOf(file));
  const { end } = scanAll(file);
  const trailer = readTrailer(header, end);
  const crc = new Crc64().update(file, 0, end);
  if (trailer === null || crc.low !== trailer.low || crc.high !== trailer.high) {
    throw new FormatError("bad-checksum", end, "another CRC64", "the file's");
  }
}
