import { afterEach, beforeEach, expect, test } from "bun:test";
import { flipBit, LayerBench } from "../../test/support/layers.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { PAGE_BYTES } from "../layer/format.ts";
import { Record } from "../rdb/record.ts";
import type { Database } from "./database.ts";
import { Keyspace } from "./keyspace.ts";

let bench: LayerBench;
const record = new Record();
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

async function keyspaceOf(writer: RdbWriter): Promise<Keyspace> {
  bench.write(writer.finish());
  return new Keyspace([await bench.open()], 16);
}

function has(database: Database, key: string, nowMs: number): boolean {
  return database.find(Buffer.from(key), 0, key.length, nowMs, record);
}

function scanAll(database: Database, count: number, nowMs: number): string[] {
  const keys: string[] = [];
  let cursor = 0;
  do {
    cursor = database.scan(cursor, count, nowMs, record, (found) => keys.push(found.key.text()));
  } while (cursor !== 0);
  return keys;
}

const NOW = 1_800_000_000_000;

test("expired keys are absent from find, size, expires, scan and random", async () => {
  const random = seededRandom("database");
  const below = (limit: number) => Math.floor(random() * limit);
  const expiries = new Map<string, number | undefined>();
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < 2500; i++) {
    const at = below(3) === 0 ? undefined : NOW + below(2000) - 1000;
    expiries.set(`key:${i}`, at);
    writer.set(`key:${i}`, "v", at);
  }
  const database = (await keyspaceOf(writer)).database(0);
  for (const now of [0, NOW - 1001, NOW - 1000, NOW - 999, NOW, NOW + 1, NOW + 998, NOW + 5000]) {
    const alive = [...expiries].filter(([, at]) => at === undefined || at >= now);
    const expiring = alive.filter(([, at]) => at !== undefined);
    expect(database.size(now)).toBe(alive.length);
    expect(database.expires(now)).toBe(expiring.length);
    const names = new Set(alive.map(([key]) => key));
    for (const key of expiries.keys()) expect(has(database, key, now)).toBe(names.has(key));
    for (const count of [1, 10, 1000]) {
      const scanned = scanAll(database, count, now);
      expect(scanned.length).toBe(alive.length);
      expect(new Set(scanned)).toEqual(names);
    }
    for (let i = 0; i < 20; i++) {
      expect(database.random(now, record)).toBe(true);
      expect(names.has(record.key.text())).toBe(true);
    }
  }
});

test("the mean time to live, estimated", async () => {
  const writer = new RdbWriter().select(0).set("forever", "v");
  for (let i = 1; i <= 1000; i++) writer.set(`key:${i}`, "v", NOW + i * 1000);
  const database = (await keyspaceOf(writer)).database(0);
  expect(Math.abs(database.avgTtl(NOW) - 500_500)).toBeLessThan(40_000);
  expect(database.avgTtl(NOW + 10_000_000)).toBe(0);
});

test("random picks every key, about equally", async () => {
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < 50; i++) writer.set(`key:${i}`, "v");
  const database = (await keyspaceOf(writer)).database(0);
  const counts = new Map<string, number>();
  for (let i = 0; i < 5000; i++) {
    database.random(NOW, record);
    counts.set(record.key.text(), (counts.get(record.key.text()) ?? 0) + 1);
  }
  expect(counts.size).toBe(50);
  for (const count of counts.values()) expect(count).toBeGreaterThan(40);
});

test("random finds the one key that is left among many that have expired", async () => {
  const writer = new RdbWriter().select(0).set("left", "v");
  for (let i = 0; i < 3000; i++) writer.set(`key:${i}`, "v", 5);
  const database = (await keyspaceOf(writer)).database(0);
  expect(database.size(NOW)).toBe(1);
  expect(database.random(NOW, record)).toBe(true);
  expect(record.key.text()).toBe("left");
});

test("empty databases, an empty keyspace, foreign cursors", async () => {
  const keyspace = await keyspaceOf(new RdbWriter().select(3).set("a", "v").select(5).set("gone", "v", 5));
  for (const database of [keyspace.database(0), keyspace.database(5), new Keyspace([], 16).database(3)]) {
    expect(database.size(NOW)).toBe(0);
    expect(database.expires(NOW)).toBe(0);
    expect(database.avgTtl(NOW)).toBe(0);
    expect(scanAll(database, 10, NOW)).toEqual([]);
    expect(database.random(NOW, record)).toBe(false);
    expect(has(database, "a", NOW)).toBe(false);
  }
  for (const cursor of [7, Number.MAX_SAFE_INTEGER, 511 * 8 + 1]) {
    expect(keyspace.database(3).scan(cursor, 10, NOW, record, () => {})).toBe(0);
  }
  expect(() => keyspace.database(16)).toThrow(RangeError);
});

test("a file that selects more databases than configured", async () => {
  bench.write(new RdbWriter().select(12).set("a", "v").finish());
  const layer = await bench.open();
  expect(() => new Keyspace([layer], 12)).toThrow('raise "databases" in the configuration to 13');
  expect(new Keyspace([layer], 13).database(12).size(NOW)).toBe(1);
});

test("a scan goes on behind a damaged page's error with the cursor that it had", async () => {
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < 2000; i++) writer.set(`key:${i}`, "v");
  const keyspace = await keyspaceOf(writer);
  const database = keyspace.database(0);
  const [extent] = (await bench.open()).databases;
  flipBit(bench.indexPath, ((extent?.firstPage ?? 0) + 2) * PAGE_BYTES + 9, 0);
  let cursor = 0;
  let seen = 0;
  let errors = 0;
  do {
    try {
      const next = database.scan(cursor, 100, NOW, record, () => seen++);
      cursor = next;
    } catch {
      // The index is built again meanwhile: the keys of this step come again, none is missed.
      errors++;
      await Bun.sleep(100);
    }
  } while (cursor !== 0 && errors < 50);
  expect(errors).toBeGreaterThan(0);
  expect(seen).toBeGreaterThanOrEqual(2000);
});
