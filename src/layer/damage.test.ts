/** Damage that comes after the index was built: an answer is right, or an error that says where. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { flipBit, getString, LayerBench } from "../../test/support/layers.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { Mapping } from "../mmap/mapping.ts";
import { Record } from "../rdb/record.ts";
import { DamagedError } from "./damaged-error.ts";
import { PAGE_BYTES } from "./format.ts";
import { IndexFile } from "./index-file.ts";
import { IndexRejected } from "./index-rejected.ts";
import { Layer } from "./layer.ts";

const record = new Record();
let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

/** About three blocks: keys before, across and behind the borders, an expiry each, two databases. */
async function makeDump(): Promise<{ dbid: number; key: string; value: string }[]> {
  const writer = new RdbWriter();
  const keys = [];
  for (let i = 0; i < 30; i++) {
    if (i % 15 === 0) writer.select(i / 15);
    const entry = { dbid: Math.floor(i / 15), key: `key:${i}`, value: String.fromCharCode(65 + i).repeat(290 + i) };
    writer.set(entry.key, entry.value, 2 ** 42 + i);
    keys.push(entry);
  }
  bench.write(writer.finish());
  await bench.close(await bench.open());
  return keys;
}

/** Asks for every key: right, or damaged. Returns how many answers were errors. */
function askAll(layer: Layer, keys: readonly { dbid: number; key: string; value: string }[]): number {
  let errors = 0;
  for (const { dbid, key, value } of keys) {
    try {
      expect(getString(layer, dbid, key)).toBe(value);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      errors++;
    }
  }
  return errors;
}

function counts(layer: Layer): (number | string)[] {
  return [0, 1].map((dbid) => {
    try {
      return layer.expiries(dbid)?.expired(2 ** 42 + 7) ?? -1;
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      return "damaged";
    }
  });
}

test("a bit flipped at every byte of the index: rejected on opening, or an error when touched, never a wrong answer", async () => {
  const keys = await makeDump();
  const size = fs.statSync(bench.indexPath).size;
  const mapping = Mapping.open(bench.path);
  let rejected = 0;
  let touched = 0;
  for (let at = 0; at < size; at++) {
    flipBit(bench.indexPath, at, at % 8);
    try {
      const index = IndexFile.open(bench.indexPath);
      const layer = new Layer(mapping, index);
      const few = [keys[at % 15], keys[15 + (at % 15)]].map((key) => key as (typeof keys)[number]);
      const errors = askAll(layer, few);
      const [zero, one] = counts(layer);
      expect([7, "damaged"]).toContain(zero as number);
      expect([0, "damaged"]).toContain(one as number);
      if (errors > 0 || zero === "damaged" || one === "damaged") touched++;
      index.close();
    } catch (error) {
      if (!(error instanceof IndexRejected)) throw error;
      rejected++;
    }
    flipBit(bench.indexPath, at, at % 8);
  }
  mapping.close();
  // The header and the database table are read on opening; key, expiry and checksum pages when they are needed.
  expect(rejected).toBe(2 * PAGE_BYTES);
  expect(touched).toBe(size - rejected);
}, 60_000);

test("a page in the wrong place does not verify", async () => {
  await makeDump();
  const bytes = fs.readFileSync(bench.indexPath);
  const index = IndexFile.open(bench.indexPath);
  const [first, second] = index.databases.map((database) => database.firstPage * PAGE_BYTES) as [number, number];
  const fd = fs.openSync(bench.indexPath, "r+");
  fs.writeSync(fd, bytes, second, PAGE_BYTES, first);
  fs.closeSync(fd);
  expect(() => index.load(first / PAGE_BYTES)).toThrow(DamagedError);
  index.close();
});

test("a bit flipped at every byte of the dump: keys of that block answer an error, the others their value", async () => {
  const keys = await makeDump();
  const size = fs.statSync(bench.path).size;
  for (let at = 0; at < size; at += 7) {
    const mapping = Mapping.open(bench.path);
    const layer = new Layer(mapping, IndexFile.open(bench.indexPath));
    flipBit(bench.path, at, at % 8);
    const errors = askAll(layer, keys);
    expect(errors).toBeLessThan(keys.length);
    // The last block holds the end of the last record and the trailer: a key may or may not reach into it.
    if (at < Math.floor(size / 4096) * 4096) expect(errors).toBeGreaterThan(0);
    expect(layer.facts().damagedBlocksHit).toBe(errors);
    flipBit(bench.path, at, at % 8);
    await layer.close();
  }
}, 60_000);

test("the error names file, block, checksums and what to do", async () => {
  const keys = await makeDump();
  const layer = await bench.open();
  flipBit(bench.path, 5000, 3);
  const damaged = keys.filter(({ dbid, key }) => {
    try {
      getString(layer, dbid, key);
      return false;
    } catch (error) {
      const { code, offset, message } = error as DamagedError;
      expect([code, offset]).toEqual(["damaged-block", 4096]);
      expect(message).toMatch(
        /dump\.rdb is damaged at offset 4096: found checksum 0x[0-9a-f]{8} .* expected 0x[0-9a-f]{8}/,
      );
      expect(message).toContain("restore the file from a copy");
      return true;
    }
  });
  expect(damaged.length).toBeGreaterThan(5);
  expect(damaged.length).toBeLessThan(20);
});

test("a block once verified stays so; one that was damaged is tried again", async () => {
  await makeDump();
  const layer = await bench.open();
  flipBit(bench.path, 60, 0);
  expect(() => getString(layer, 0, "key:0")).toThrow(DamagedError);
  flipBit(bench.path, 60, 0);
  expect(getString(layer, 0, "key:0")).toBe("A".repeat(290));
  expect(layer.facts().verifiedBlocks).toBe(1);
});

test("a damaged index page is answered by an error, and the index is built again behind it", async () => {
  const keys = await makeDump();
  const layer = await bench.open();
  const page = layer.databases[0]?.firstPage as number;
  const slots = keys.slice(15).map(({ dbid, key }) => layer.locate(dbid, Buffer.from(key), 0, key.length, record));
  flipBit(bench.indexPath, page * PAGE_BYTES + 100, 1);
  expect(() => getString(layer, 0, "key:1")).toThrow("is damaged at offset");
  expect(() => getString(layer, 0, "key:1")).toThrow("it is being built again");
  expect(getString(layer, 1, "key:20")).toBe("U".repeat(310));
  for (let i = 0; i < 500 && !bench.log.some((line) => line.endsWith("built again")); i++) await Bun.sleep(10);
  expect(askAll(layer, keys)).toBe(0);
  expect(layer.facts().damagedIndexPagesHit).toBe(2);
  // The same seed: no key has changed its slot.
  expect(keys.slice(15).map(({ dbid, key }) => layer.locate(dbid, Buffer.from(key), 0, key.length, record))).toEqual(
    slots,
  );
  await bench.close(layer);
  await bench.open();
  expect(bench.log).toEqual([]);
});

test("closing while the index is being built again", async () => {
  await makeDump();
  const layer = await bench.open({ aloneBytesMax: 0 });
  flipBit(bench.indexPath, (layer.databases[0]?.firstPage as number) * PAGE_BYTES + 100, 1);
  expect(() => getString(layer, 0, "key:1")).toThrow(DamagedError);
  await bench.close(layer);
  expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
});
