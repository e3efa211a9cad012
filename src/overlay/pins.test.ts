/** What was given back goes when all that were held then are let go of, and no sooner; also where pins overlap without end. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { Arena } from "./arena.ts";
import { Pins } from "./pins.ts";

test("random pins: never too early, and at last", () => {
  const random = seededRandom("pins");
  const pins = new Pins();
  const held: { taken: number; order: number }[] = [];
  const waiting: { epoch: number; order: number }[] = [];
  let order = 0;
  let past = 0;
  for (let step = 0; step < 50_000; step++) {
    const what = random();
    if (what < 0.35 && held.length < 20) held.push({ taken: pins.take(), order: order++ });
    else if (what < 0.7 && held.length > 0) {
      const [gone] = held.splice(Math.floor(random() * held.length), 1);
      pins.release((gone as { taken: number }).taken);
    } else waiting.push({ epoch: pins.epoch, order: order++ });
    expect(pins.count).toBe(held.length);
    const oldest = Math.min(...held.map((pin) => pin.order), Number.POSITIVE_INFINITY);
    for (let i = waiting.length - 1; i >= 0; i--) {
      const { epoch, order: at } = waiting[i] as (typeof waiting)[number];
      if (!pins.isPast(epoch)) continue;
      expect(oldest).toBeGreaterThan(at);
      waiting.splice(i, 1);
      past++;
    }
  }
  expect(past).toBeGreaterThan(10_000);
  for (const { taken } of held) pins.release(taken);
  expect(waiting.every(({ epoch }) => pins.isPast(epoch))).toBe(true);
  expect(() => pins.release(0)).toThrow("released twice");
});

test("pins that overlap for ever keep no memory for ever", () => {
  const pins = new Pins();
  const arena = new Arena(pins);
  let before = pins.take();
  let most = 0;
  for (let round = 0; round < 2000; round++) {
    const next = pins.take();
    for (let i = 0; i < 10; i++) arena.free(arena.allocate(100_000));
    pins.release(before);
    before = next;
    most = Math.max(most, pins.waitingBytes);
  }
  expect(pins.count).toBe(1);
  expect(most).toBeLessThan(10e6);
  expect(arena.size).toBeLessThan(20e6);
  expect(arena.usedBytes).toBe(0);
  pins.release(before);
  while (arena.tick());
  expect(pins.waitingBytes).toBe(0);
  while (!arena.dispose(2 ** 24));
});

test("an arena that goes takes along what waited in it", () => {
  const pins = new Pins();
  const arena = new Arena(pins);
  const taken = pins.take();
  arena.free(arena.allocate(1000));
  expect(pins.waitingBytes).toBeGreaterThan(0);
  pins.release(taken);
  while (!arena.dispose(2 ** 24));
  expect(pins.waitingBytes).toBe(0);
});

test("a large block's name changes when other bytes come to lie in it; small blocks have none", () => {
  const arena = new Arena(new Pins());
  const small = arena.allocate(1000);
  expect(arena.versionAt((small >>> 0) * 8)).toBe(-1);
  const large = arena.allocate(300_000);
  const offset = (large >>> 0) * 8;
  const version = arena.versionAt(offset);
  expect(version).toBeGreaterThan(0);
  expect(arena.versionAt(offset + 299_999)).toBe(version);
  expect(arena.growTo(large, 300_500)).toBe(true);
  expect(arena.versionAt(offset)).toBe(version);
  arena.free(large);
  expect(arena.allocate(300_000)).toBe(large);
  expect(arena.versionAt(offset)).not.toBe(version);
  arena.free(large);
  for (let i = 0; i < 300; i++) arena.allocate(4000);
  expect(arena.versionAt(offset)).toBe(-1);
  while (!arena.dispose(2 ** 24));
});
