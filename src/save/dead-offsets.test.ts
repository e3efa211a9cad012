/** Offsets of dead records come in ascending order, however few are sorted at a time. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { LayerBench } from "../../test/support/layers.ts";
import { randomFrom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { IndexFile } from "../layer/index-file.ts";
import { KeyTable } from "../layer/key-table.ts";
import { Record } from "../rdb/record.ts";
import { DeadOffsets } from "./dead-offsets.ts";

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

test.each([1, 50, 1000, 1_000_000])("at most %d at a time", async (offsetsMax) => {
  const writer = new RdbWriter();
  for (let dbid = 0; dbid < 3; dbid++) {
    writer.select(dbid);
    for (let i = 0; i < 4000; i++) writer.set(`key:${i}`, "v".repeat(i % 50));
  }
  bench.write(writer.finish());
  const layer = await bench.open();
  const record = new Record();
  const random = randomFrom(3);
  const expected: number[] = [];
  for (let dbid = 0; dbid < 3; dbid++) {
    for (let slot = 0; slot < layer.slotLimit(dbid); slot++) {
      if (random() > 0.4 || !layer.readSlot(dbid, slot, record)) continue;
      layer.bury(dbid, slot, record.expireAtMs);
      if (dbid !== 1) expected.push(record.offset);
    }
  }
  const index = IndexFile.open(bench.indexPath);
  const pictures = layer.pictureDead();
  const databases = [0, 2].map((dbid) => ({
    table: new KeyTable(index, index.databases[dbid] as (typeof index.databases)[0]),
    picture: pictures[dbid] ?? [],
  }));
  const dead = new DeadOffsets(databases, layer.size, offsetsMax);
  const found: number[] = [];
  for (; dead.next !== Number.POSITIVE_INFINITY; dead.pass()) found.push(dead.next);
  index.close();
  expect(found.length).toBeGreaterThan(2000);
  expect(found).toEqual(expected.sort((a, b) => a - b));
});

test("none", () => {
  expect(new DeadOffsets([], 1000).next).toBe(Number.POSITIVE_INFINITY);
});
