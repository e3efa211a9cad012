/** Every key of every loadable file of the corpus, element by element, as a real server serves it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type HashValue, readValue, type Value } from "../../test/support/read-value.ts";
import { openRdb } from "../rdb/reader.ts";
import { Record } from "../rdb/record.ts";
import { ScanKind } from "../rdb/scan.ts";
import { sourceOf } from "../util/byte-source.ts";

const corpus = join(import.meta.dir, "../../../shared/corpus");

interface Entry {
  readonly file: string;
  readonly loads: readonly string[];
}

interface Key {
  readonly db: number;
  readonly key: string;
  readonly type: string;
  readonly value: Value;
}

const present = existsSync(join(corpus, "index.json"));
const index: Entry[] = present ? JSON.parse(readFileSync(join(corpus, "index.json"), "utf8")) : [];

function expectedKeys(file: string): Key[] {
  const packed = readFileSync(join(corpus, "expected", file.replace("rdb/", "").replace(/\.rdb$/, ".jsonl.gz")));
  const lines = gunzipSync(packed).toString("utf8").split("\n");
  return lines.filter((line) => line.startsWith('{"db"')).map((line) => JSON.parse(line) as Key);
}

/** The expected value in the shape of readValue. */
function shape(type: string, value: Value): Value {
  if (type === "zset") return (value as [string, string][]).map(([member, score]) => [member, scoreOf(score)]);
  if (type !== "hash") return value;
  const hash = value as { fields?: unknown; field_pexpireat?: unknown };
  if (typeof hash.field_pexpireat === "object") return { fields: hash.fields, expireAtMs: hash.field_pexpireat };
  return { fields: value, expireAtMs: {} } as HashValue;
}

function scoreOf(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  return text === "-inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

function readAll(bytes: Uint8Array): Map<string, Value> {
  const source = sourceOf(bytes);
  const header = openRdb(source);
  const scanner = header.metadata().database({ validate: false });
  const record = new Record();
  record.valkey = header.valkey;
  const values = new Map<string, Value>();
  while (scanner.next()) {
    if (scanner.kind !== ScanKind.RECORD) continue;
    record.readAt(source, scanner.recordOffset);
    values.set(`${scanner.dbid} ${record.key.text()}`, readValue(record, Date.now()));
  }
  return values;
}

describe("corpus, by value", () => {
  if (!present) test.skip(`no corpus at ${corpus}`, () => {});
  for (const entry of index) {
    if (entry.loads.length === 0) continue;
    test(entry.file.replace("rdb/", ""), () => {
      const values = readAll(new Uint8Array(readFileSync(join(corpus, entry.file))));
      for (const { db, key, type, value } of expectedKeys(entry.file)) {
        if (type === "module") continue;
        expect({ key, value: values.get(`${db} ${key}`) }).toEqual({ key, value: shape(type, value) });
      }
    });
  }
});
