import { afterEach, beforeEach, expect, test } from "bun:test";
import { getString, LayerBench } from "../../test/support/layers.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { Record } from "../rdb/record.ts";
import { DeadBits } from "./dead-bits.ts";

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

test("bits far apart", () => {
  const dead = new DeadBits();
  for (const slot of [0, 31, 32, 32767, 32768, 2 ** 33]) {
    expect(dead.has(slot)).toBe(false);
    expect(dead.set(slot)).toBe(true);
    expect(dead.set(slot)).toBe(false);
    expect(dead.has(slot)).toBe(true);
  }
  expect(dead.count).toBe(6);
  expect(dead.has(33)).toBe(false);
  expect(dead.has(65536)).toBe(false);
});

test("keys that die while time passes, also backwards: counts and reads stay exact", async () => {
  const random = seededRandom("dead bits");
  const below = (limit: number) => Math.floor(random() * limit);
  const writer = new RdbWriter().select(2);
  const alive = new Map<string, number>();
  for (let i = 0; i < 1500; i++) {
    const at = below(4) === 0 ? -1 : 10 + below(300);
    alive.set(`key:${i}`, at);
    writer.set(`key:${i}`, `value ${i}`, at === -1 ? undefined : at);
  }
  bench.write(writer.finish());
  const layer = await bench.open();
  const record = new Record();
  let now = 0;
  for (let round = 0; round < 300; round++) {
    now = below(10) === 0 ? below(320) : Math.min(now + below(5), 320);
    for (let i = 0; i < 3; i++) {
      const key = `key:${below(1500)}`;
      const slot = layer.locate(2, Buffer.from(key), 0, key.length, record);
      expect(slot >= 0).toBe(alive.has(key));
      if (slot < 0) continue;
      layer.bury(2, slot, record.expireAtMs);
      layer.bury(2, slot, record.expireAtMs);
      alive.delete(key);
      expect(getString(layer, 2, key)).toBeUndefined();
      expect(layer.readSlot(2, slot, record)).toBe(false);
    }
    const expiring = [...alive.values()].filter((at) => at !== -1);
    expect(layer.keys(2)).toBe(alive.size);
    expect(layer.expiringKeys(2)).toBe(expiring.length);
    expect(layer.expiredKeys(2, now)).toBe(expiring.filter((at) => at < now).length);
  }
});
