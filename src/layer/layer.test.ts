/** A layer against an oracle, and what it refuses. Every dump is opened twice: the index built, then found. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { getString, LayerBench } from "../../test/support/layers.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";
import type { Layer } from "./layer.ts";

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

type Oracle = Map<number, Map<string, string>>;

async function twice(check: (layer: Layer) => void, options = {}): Promise<void> {
  const first = await bench.open(options);
  expect(first.indexBuildMs).toBeGreaterThan(0);
  expect(bench.log[0]).toContain("it does not exist yet");
  check(first);
  await bench.close(first);
  const second = await bench.open();
  expect(second.indexBuildMs).toBe(0);
  expect(bench.log).toEqual([]);
  check(second);
  await bench.close(second);
  expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
}

function checkOracle(layer: Layer, oracle: Oracle): void {
  const record = new Record();
  for (const [dbid, keys] of oracle) {
    expect(layer.keys(dbid)).toBe(keys.size);
    for (const [key, value] of keys) expect(getString(layer, dbid, key)).toBe(value);
    for (const key of keys.keys()) {
      if (!keys.has(`${key}x`)) expect(getString(layer, dbid, `${key}x`)).toBeUndefined();
      break;
    }
    const seen = new Set<string>();
    for (let slot = 0; slot < layer.slotLimit(dbid); slot++) {
      if (!layer.readSlot(dbid, slot, record)) continue;
      expect(record.dbid).toBe(dbid);
      seen.add(record.key.text());
    }
    expect(seen.size).toBe(keys.size);
  }
}

test.each([0, 2 ** 30])("random keys in several databases, up to %i bytes without Workers", async (aloneBytesMax) => {
  const random = seededRandom("layer");
  const below = (limit: number) => Math.floor(random() * limit);
  const bytes = (length: number) => Array.from({ length }, () => String.fromCharCode(below(256))).join("");
  const oracle: Oracle = new Map();
  const writer = new RdbWriter();
  writer.aux("redis-ver", "7.2.4");
  // Databases come back, counts are wrong or missing: all of it is only a hint.
  for (let round = 0; round < 6; round++) {
    const dbid = below(4) * 5;
    writer.select(dbid);
    if (round % 2 === 0) writer.resize(below(10), 0);
    const keys = oracle.get(dbid) ?? new Map<string, string>();
    oracle.set(dbid, keys);
    const count = below(3000);
    for (let i = 0; i < count; i++) {
      const key = below(4) === 0 ? bytes(below(30)) : `k${round}:${i}`;
      if (keys.has(key)) continue;
      const value = bytes(below(20)) + (below(400) === 0 ? "x".repeat(9000) : "");
      keys.set(key, value);
      writer.set(key, value, below(3) === 0 ? 1 + below(2 ** 31) * 1000 : undefined);
    }
  }
  bench.write(writer.finish());
  await twice((layer) => checkOracle(layer, oracle), { aloneBytesMax });
});

test("the same key in two databases, a database without keys, a key before any SELECTDB", async () => {
  bench.write(new RdbWriter().set("a", "first").select(3).set("a", "third").select(7).select(9).set("b", "").finish());
  await twice((layer) => {
    expect(getString(layer, 0, "a")).toBe("first");
    expect(getString(layer, 3, "a")).toBe("third");
    expect(getString(layer, 9, "b")).toBe("");
    expect(getString(layer, 9, "a")).toBeUndefined();
    expect(getString(layer, 7, "a")).toBeUndefined();
    expect(getString(layer, 1, "a")).toBeUndefined();
    expect(layer.databases.map((database) => [database.dbid, database.keys])).toEqual([
      [0, 1],
      [3, 1],
      [7, 0],
      [9, 1],
    ]);
  });
});

test("a dump without a key", async () => {
  bench.write(new RdbWriter().finish());
  await twice((layer) => {
    expect(layer.facts().keys).toBe(0);
    expect(getString(layer, 0, "")).toBeUndefined();
  });
});

test("the offset is that of the expiry, and functions are remembered", async () => {
  const writer = new RdbWriter();
  const functionAt = writer.offset;
  writer.function("#!lua name=one\nreturn 1").select(0);
  const keyAt = writer.offset;
  bench.write(writer.set("key", "value", 12345).finish());
  await twice((layer) => {
    const record = new Record();
    expect(layer.find(0, Buffer.from("key"), 0, 3, record)).toBe(true);
    expect(record.offset).toBe(keyAt);
    expect(record.expireAtMs).toBe(12345);
    expect(layer.functionOffsets()).toEqual([functionAt]);
  });
});

test("empty collections are left out and counted", async () => {
  bench.write(new RdbWriter().select(0).sadd("none", []).sadd("one", ["x"]).finish());
  const layer = await bench.open();
  expect(bench.log).toContain("1 empty collections in the RDB were left out");
  expect(layer.facts().skippedKeys).toBe(1);
  expect(layer.keys(0)).toBe(1);
  expect(getString(layer, 0, "none")).toBeUndefined();
});

async function refusal(rdb: Uint8Array, options = {}): Promise<FormatError> {
  bench.write(rdb);
  const error = await bench.open(options).then(
    () => new Error("it was opened"),
    (failure: Error) => failure,
  );
  if (!(error instanceof FormatError)) throw error;
  expect(bench.files()).toEqual(["dump.rdb"]);
  expect(fs.readFileSync(bench.path)).toEqual(Buffer.from(rdb));
  return error;
}

test("a key twice in one database is refused, with both offsets", async () => {
  const writer = new RdbWriter().select(2);
  const first = writer.offset;
  for (let i = 0; i < 2000; i++) writer.set(`key${i}`, "value");
  const second = writer.offset;
  const error = await refusal(writer.set("key0", "other").finish());
  expect(error.code).toBe("duplicate-key");
  expect(error.offset).toBe(second);
  expect(error.found).toBe(`key "key0" a second time in database 2, first at offset ${first}`);
});

test("of a key twice, the one that has expired is left out, as Redis does", async () => {
  const writer = new RdbWriter()
    .select(0)
    .set("a", "old", 1000)
    .set("a", "new")
    .set("b", "new", 2 ** 42);
  bench.write(writer.set("b", "old", 1000).finish());
  await twice((layer) => {
    expect(getString(layer, 0, "a")).toBe("new");
    expect(getString(layer, 0, "b")).toBe("new");
    expect(layer.keys(0)).toBe(2);
    expect(layer.facts().skippedKeys).toBe(2);
    expect(layer.expiries(0)?.count).toBe(1);
  });
});

test("more databases than configured are refused at the offset of the SELECTDB", async () => {
  const writer = new RdbWriter().select(0).set("a", "1");
  const offset = writer.offset;
  const error = await refusal(writer.select(16).set("b", "2").finish());
  expect([error.code, error.offset]).toEqual(["too-many-databases", offset]);
  expect(error.expected).toContain("17 or more");
});

test.each([0, 2 ** 30])("one bit flipped anywhere in a dump: no index is built (%i)", async (aloneBytesMax) => {
  const rdb = new RdbWriter()
    .select(0)
    .set("key", "value")
    .set("other", "thing", 2 ** 41)
    .finish();
  // With Workers each takes some ten milliseconds: a few will do.
  const step = aloneBytesMax === 0 ? 17 : 1;
  for (let at = 0; at < rdb.length; at += step) {
    const damaged = Buffer.from(rdb);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    const error = await refusal(damaged, { aloneBytesMax });
    if (at >= rdb.length - 8) expect(error.code).toBe("bad-checksum");
  }
});

test("truncated anywhere: refused", async () => {
  const rdb = new RdbWriter()
    .select(0)
    .set("key", "value")
    .set("other", "thing", 2 ** 41)
    .finish();
  for (let length = 1; length < rdb.length; length++) await refusal(rdb.subarray(0, length));
});

test("bytes behind the trailer are ignored, as Redis does", async () => {
  const trailing = Buffer.from("something else that is longer than a trailer");
  for (const length of [1, 8, 44]) {
    bench.write(
      new RdbWriter()
        .select(0)
        .set("a", "1")
        .finish({ trailing: trailing.subarray(0, length) }),
    );
    await twice((layer) => {
      expect(getString(layer, 0, "a")).toBe("1");
      expect(layer.facts().crc64Verified).toBe(false);
    });
    fs.rmSync(bench.indexPath);
  }
  const wrong = new RdbWriter().select(0).set("a", "1").finish({ checksum: 5n, trailing });
  expect((await refusal(wrong)).code).toBe("bad-checksum");
});

test("no checksum: a zero trailer, or a version below 5", async () => {
  bench.write(new RdbWriter().select(0).set("a", "1").finish({ checksum: 0n }));
  await twice((layer) => expect(getString(layer, 0, "a")).toBe("1"));
  fs.rmSync(bench.indexPath);
  bench.write(new RdbWriter(undefined, 4).select(0).set("a", "1").finish({ checksum: "none" }));
  await twice((layer) => expect(getString(layer, 0, "a")).toBe("1"));
});
