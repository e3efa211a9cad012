/** Every file of the corpus of real dumps: scanned whole, keys as the servers have them, or one clear error. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { sourceOf } from "../util/byte-source.ts";
import { FormatError } from "../util/format-error.ts";
import { Crc64 } from "./crc64.ts";
import { objectType } from "./opcodes.ts";
import { openRdb, readTrailer } from "./reader.ts";
import { Record } from "./record.ts";
import { ScanKind } from "./scan.ts";
import { skipValue } from "./skip.ts";

const corpus = join(import.meta.dir, "../../../shared/corpus");

interface Entry {
  readonly file: string;
  readonly loads: readonly string[];
  readonly keys: number | null;
}

interface Key {
  readonly db: number;
  readonly key: string;
  readonly type: string;
  readonly pexpireat?: number;
}

/** What Folio loads though a server does not: values of modules that nobody here runs, state of slot migration. */
const SERVED_BY_FOLIO_ONLY = [
  "8529fb5e-redis_40_with_module",
  "0f667950-redis_60_with_module_aux",
  "1ed7a59a-d9794877-valkey_cluster_slot_import",
];

/** Scans the file with every check; returns the keys of records that are not empty. */
function scan(bytes: Uint8Array): Key[] {
  const source = sourceOf(bytes);
  const header = openRdb(source);
  const metadata = header.metadata();
  const scanner = metadata.database({ validate: true });
  const quick = metadata.database({ validate: false });
  const record = new Record();
  record.valkey = header.valkey;
  const keys: Key[] = [];
  while (scanner.next()) {
    expect(quick.next()).toBe(true);
    expect(quick.offset).toBe(scanner.offset);
    if (scanner.kind !== ScanKind.RECORD) continue;
    record.readAt(source, scanner.recordOffset);
    expect(record.key.text()).toBe(scanner.key.text());
    expect([record.type, record.valueOffset, record.expireAtMs, record.idleSeconds, record.freq]).toEqual([
      scanner.type,
      scanner.valueOffset,
      scanner.expireAtMs,
      scanner.idleSeconds,
      scanner.freq,
    ]);
    skipValue(record.cursor, record.type);
    expect(record.cursor.offset).toBe(scanner.recordEnd);
    if (scanner.elementCount === 0) continue;
    const pexpireat = scanner.expireAtMs;
    keys.push({ db: scanner.dbid, key: scanner.key.text(), type: objectType(scanner.type), pexpireat });
  }
  const trailer = readTrailer(header, scanner.endOffset);
  if (trailer !== null) {
    const crc = new Crc64().update(bytes, 0, scanner.endOffset);
    if (crc.low !== trailer.low || crc.high !== trailer.high) {
      throw new FormatError("bad-checksum", scanner.endOffset, "another", "the CRC64 of the file");
    }
  }
  return keys;
}

function expectedKeys(file: string): Key[] {
  const packed = readFileSync(join(corpus, "expected", file.replace("rdb/", "").replace(/\.rdb$/, ".jsonl.gz")));
  const lines = gunzipSync(packed).toString("utf8").split("\n");
  return lines.filter((line) => line.includes('"key"')).map((line) => JSON.parse(line) as Key);
}

const present = existsSync(join(corpus, "index.json"));
const index: Entry[] = present ? JSON.parse(readFileSync(join(corpus, "index.json"), "utf8")) : [];

describe("corpus", () => {
  if (!present) test.skip(`no corpus at ${corpus}`, () => {});

  for (const entry of index) {
    const name = entry.file.replace("rdb/", "");
    const bytes = present ? new Uint8Array(readFileSync(join(corpus, entry.file))) : new Uint8Array(0);
    if (entry.loads.length === 0 && !SERVED_BY_FOLIO_ONLY.some((prefix) => name.startsWith(prefix))) {
      test(`${name} is refused`, () => expect(() => scan(bytes)).toThrow(FormatError));
      continue;
    }
    test(`${name} is scanned`, () => {
      const keys = scan(bytes);
      if (entry.loads.length === 0) return;
      const found = new Map(keys.map((key) => [`${key.db} ${key.key}`, key]));
      expect(found.size).toBe(keys.length);
      const expected = expectedKeys(entry.file);
      expect(expected.length).toBe(entry.keys ?? -1);
      for (const key of expected) {
        const mine = found.get(`${key.db} ${key.key}`);
        expect(mine?.type).toBe(key.type);
        expect(mine?.pexpireat).toBe(key.pexpireat ?? -1);
        found.delete(`${key.db} ${key.key}`);
      }
      // What is left had expired when the servers loaded it.
      for (const key of found.values()) expect(key.pexpireat).toBeGreaterThan(-1);
    });
  }
});
