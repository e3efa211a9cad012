/** A prefetch changes no answer, whatever it was told: right keys, wrong ones, another database, dead keys, bytes used again. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { LayerBench } from "../../test/support/layers.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { Record } from "../rdb/record.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import { PREFETCH_MAX } from "./prefetch.ts";

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

const KEYS = 3000;

test("lookups after a prefetch find what they find without one", async () => {
  const random = seededRandom("prefetch");
  const below = (limit: number) => Math.floor(random() * limit);
  const writer = new RdbWriter();
  // Two databases with the same keys: a hint for one must not answer for the other.
  for (const dbid of [0, 1]) {
    writer.select(dbid);
    for (let i = 0; i < KEYS; i++) if (dbid === 0 || i % 2 === 0) writer.set(`key:${i}`, `value ${i}`);
  }
  bench.write(writer.finish());
  const layer = await bench.open();
  const record = new Record();
  const plain = new Record();
  const bytes = Buffer.alloc(1024);
  const starts = new Int32Array(PREFETCH_MAX);
  const lengths = new Int32Array(PREFETCH_MAX);
  const hashes = new Int32Array(PREFETCH_MAX);
  const buried = new Set<string>();
  for (let round = 0; round < 400; round++) {
    let at = 0;
    const count = 1 + below(PREFETCH_MAX);
    for (let i = 0; i < count; i++) {
      const key = `key:${below(KEYS + 500)}`;
      starts[i] = at;
      lengths[i] = bytes.write(key, at, "latin1");
      at += key.length + below(4);
    }
    for (let i = 0; i < count; i++) {
      hashKey(layer.indexSeed, bytes, starts[i] as number, lengths[i] as number);
      hashes[i] = hashed.h0;
    }
    layer.prefetch(below(3), bytes, starts, hashes, count);
    const dbid = below(2);
    for (let i = below(3); i < count; i += 1 + below(2)) {
      const key = bytes.toString("latin1", starts[i], (starts[i] as number) + (lengths[i] as number));
      const number = Number(key.slice(4));
      const there = number < KEYS && (dbid === 0 || number % 2 === 0) && !buried.has(`${dbid} ${key}`);
      const slot = layer.locate(dbid, bytes, starts[i] as number, lengths[i] as number, record);
      expect(slot >= 0).toBe(there);
      if (!there) continue;
      expect(record.key.text()).toBe(key);
      expect(record.dbid).toBe(dbid);
      expect(layer.locate(dbid, Buffer.from(key), 0, key.length, plain)).toBe(slot);
      expect(record.offset).toBe(plain.offset);
      if (below(50) === 0) {
        layer.bury(dbid, slot, record.expireAtMs);
        buried.add(`${dbid} ${key}`);
      }
    }
  }
  await bench.close(layer);
});
