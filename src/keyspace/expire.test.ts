/** The active expire cycle: what it deletes, what it leaves, what it touches. See levels.test.ts for the model of all levels. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { expectBytesAddUp } from "../../test/support/keyspace-bytes.ts";
import { flipBit, LayerBench } from "../../test/support/layers.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { PAGE_BYTES } from "../layer/format.ts";
import { Record } from "../rdb/record.ts";
import { setString } from "../types/string.ts";
import type { Database } from "./database.ts";
import { ExpireCycle } from "./expire.ts";
import { Keyspace } from "./keyspace.ts";

const NOW = 1_800_000_000_000;
const NEVER = Number.POSITIVE_INFINITY;
const record = new Record();

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

function set(database: Database, name: string, expireAtMs: number): void {
  const key = Buffer.from(name);
  setString(database, key, 0, key.length, key, 0, key.length, expireAtMs);
}

function has(database: Database, name: string, nowMs: number): boolean {
  return database.find(Buffer.from(name), 0, name.length, nowMs, record);
}

function names(keyspace: Keyspace): string[] {
  const gone: string[] = [];
  keyspace.onExpired = (database, bytes, start, length) =>
    gone.push(`${database.dbid} ${Buffer.from(bytes.subarray(start, start + length)).toString("latin1")}`);
  return gone;
}

test("expired keys of every database are deleted and told of, others stay", () => {
  const keyspace = new Keyspace([], 16);
  const gone = names(keyspace);
  const cycle = new ExpireCycle(keyspace, NOW);
  const expected: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const dbid = i % 3 === 0 ? 0 : 7;
    const at = i % 4 === 0 ? -1 : NOW + (i % 1000);
    set(keyspace.database(dbid), `key:${i}`, at);
    if (at !== -1 && at < NOW + 500) expected.push(`${dbid} key:${i}`);
  }
  expect(cycle.step(NOW, NEVER)).toBe(false);
  expect(gone).toEqual([]);
  expect(cycle.step(NOW + 500, NEVER)).toBe(false);
  expect(gone.toSorted()).toEqual(expected.sort());
  expect(keyspace.expiredKeys).toBe(expected.length);
  expect(keyspace.database(0).size(0) + keyspace.database(7).size(0)).toBe(20_000 - expected.length);
  expectBytesAddUp(keyspace);
  expect(cycle.stalePercent).toBeGreaterThan(0);
  expect(cycle.spentMs).toBeGreaterThan(0);
  cycle.step(NOW + 10_000, NEVER);
  expect(keyspace.database(0).expires(0) + keyspace.database(7).expires(0)).toBe(0);
  expect(keyspace.database(0).size(0) + keyspace.database(7).size(0)).toBe(5000);
});

test("a step that has no time goes on with the next one, and sees what was written meanwhile", () => {
  const keyspace = new Keyspace([], 1);
  const database = keyspace.database(0);
  const cycle = new ExpireCycle(keyspace, NOW);
  for (let i = 0; i < 30_000; i++) set(database, `key:${i}`, NOW);
  let steps = 0;
  for (; cycle.step(NOW + 1, Number.NEGATIVE_INFINITY); steps++) {
    if (steps < 40) for (let i = 0; i < 500; i++) set(database, `late:${steps * 500 + i}`, NOW);
  }
  expect(steps).toBeGreaterThan(40);
  while (cycle.step(NOW + 1, Number.NEGATIVE_INFINITY));
  expect(database.size(0)).toBe(0);
  expect(keyspace.expiredKeys).toBe(50_000);
});

test("where nothing has expired the table is not gone through", () => {
  const keyspace = new Keyspace([], 1);
  const database = keyspace.database(0);
  const cycle = new ExpireCycle(keyspace, NOW);
  for (let i = 0; i < 5000; i++) set(database, `key:${i}`, NOW + 1000 + i);
  const { table } = database.top as NonNullable<typeof database.top>;
  let looks = 0;
  const { earliestExpiry } = table;
  table.earliestExpiry = (index) => {
    looks++;
    return earliestExpiry.call(table, index);
  };
  expect(table.earliestMs).toBe(NOW + 1000);
  cycle.step(NOW + 1000, NEVER);
  expect(looks).toBe(0);
  cycle.step(NOW + 1001, NEVER);
  expect(looks).toBe(table.segments);
  expect(table.earliestMs).toBe(NOW + 1001);
  set(database, "sooner", NOW + 5);
  expect(table.earliestMs).toBe(NOW + 5);
});

test("a pass that is broken off by a save forgets nothing", () => {
  const keyspace = new Keyspace([], 1);
  const database = keyspace.database(0);
  const cycle = new ExpireCycle(keyspace, NOW);
  for (let i = 0; i < 3000; i++) set(database, `key:${i}`, NOW + i);
  expect(cycle.step(NOW + 100, Number.NEGATIVE_INFINITY)).toBe(true);
  const left = database.size(0);
  keyspace.freeze();
  set(database, "key:1", NOW + 5);
  set(database, "new", NOW + 5);
  // What is frozen stays; what lies above it goes, and leaves word that it was deleted.
  expect(cycle.step(NOW + 100, NEVER)).toBe(false);
  expect(has(database, "new", 0)).toBe(false);
  expect(has(database, "key:1", 0)).toBe(false);
  expect(database.size(0)).toBeGreaterThan(left - 2);
  for (const _ of keyspace.thaw());
  while (cycle.step(NOW + 100, NEVER));
  expect(database.size(0)).toBe(2900);
  expectBytesAddUp(keyspace);
});

async function layered(count: number, expireAtMs: (i: number) => number | undefined): Promise<Keyspace> {
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < count; i++) writer.set(`key:${i}`, "v".repeat(100), expireAtMs(i));
  bench.write(writer.finish());
  return new Keyspace([await bench.open()], 16);
}

test("keys of a layer: those that had expired at the start are not counted, later ones are", async () => {
  const keyspace = await layered(3000, (i) => (i % 3 === 0 ? undefined : NOW + i));
  const cycle = new ExpireCycle(keyspace, NOW + 1000);
  const database = keyspace.database(0);
  cycle.step(NOW + 1000, NEVER);
  expect(keyspace.expiredKeys).toBe(0);
  while (cycle.step(NOW + 2000, Number.NEGATIVE_INFINITY));
  const expired = Array.from({ length: 3000 }, (_, i) => i).filter((i) => i % 3 !== 0 && i >= 1000 && i < 2000);
  expect(keyspace.expiredKeys).toBe(expired.length);
  // Dead, whatever the clock says: also where it is set back.
  for (const i of expired) expect(has(database, `key:${i}`, NOW)).toBe(false);
  expect(has(database, "key:2000", NOW)).toBe(true);
  expect(database.size(NOW + 2000)).toBe(1000 + 667);
});

test("no page of a layer's data is read for it, unless somebody wants the names", async () => {
  const keyspace = await layered(2000, (i) => NOW + i);
  const cycle = new ExpireCycle(keyspace, NOW);
  const layer = keyspace.database(0).layers[0] as NonNullable<Database["layers"][0]>;
  const verified = () => layer.facts().verifiedBlocks;
  const before = verified();
  cycle.step(NOW + 1000, NEVER);
  expect(keyspace.expiredKeys).toBe(1000);
  expect(verified()).toBe(before);
  const gone = names(keyspace);
  cycle.step(NOW + 1100, NEVER);
  expect(gone.length).toBe(100);
  expect(new Set(gone)).toEqual(new Set(Array.from({ length: 100 }, (_, i) => `0 key:${1000 + i}`)));
  expect(verified()).toBeGreaterThan(before);
});

test("during a save the keys of layers wait", async () => {
  const keyspace = await layered(100, () => NOW);
  const cycle = new ExpireCycle(keyspace, NOW);
  keyspace.freeze();
  cycle.step(NOW + 1, NEVER);
  expect(keyspace.expiredKeys).toBe(0);
  expect(keyspace.overlayBytes).toBe(0);
  for (const _ of keyspace.thaw());
  cycle.step(NOW + 1, NEVER);
  expect(keyspace.expiredKeys).toBe(100);
});

test("a damaged expiry list stops nothing else", async () => {
  const keyspace = await layered(2000, (i) => NOW + i);
  for (let page = 1; page * PAGE_BYTES < Bun.file(bench.indexPath).size; page++) {
    flipBit(bench.indexPath, page * PAGE_BYTES + 100, 3);
  }
  const cycle = new ExpireCycle(keyspace, NOW);
  set(keyspace.database(1), "overlay", NOW);
  expect(cycle.step(NOW + 100, NEVER)).toBe(false);
  expect(keyspace.expiredKeys).toBe(1);
});
