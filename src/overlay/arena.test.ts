/** Blocks never overlap, hold what was written, and are accounted for to the byte; memory that is free goes back. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { memoryUsage } from "../mmap/memory.ts";
import { Arena, BLOCK_BYTES_MAX } from "./arena.ts";
import { Pins } from "./pins.ts";
import {
  CLASS_BLOCKS,
  CLASS_BYTES,
  CLASS_UNITS,
  CLASSES,
  classOf,
  SMALL_BYTES_MAX,
  UNIT_BYTES,
} from "./size-classes.ts";

test("a class holds what was asked, and little more", () => {
  for (let bytes = 1; bytes <= SMALL_BYTES_MAX; bytes++) {
    const size = CLASS_BYTES[classOf(bytes)] as number;
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size % 8).toBe(0);
    if (bytes > 1) expect(classOf(bytes)).toBeGreaterThanOrEqual(classOf(bytes - 1));
    if (bytes > 128) expect(size).toBeLessThanOrEqual(Math.ceil(bytes * 1.125) + 8);
  }
  expect(classOf(SMALL_BYTES_MAX)).toBe(CLASSES - 1);
  for (let i = 1; i < CLASSES; i++) {
    const span = (CLASS_UNITS[i] as number) * UNIT_BYTES;
    expect((CLASS_BLOCKS[i] as number) * (CLASS_BYTES[i] as number)).toBeGreaterThan(span * 0.9);
  }
});

test("random blocks keep their bytes, and the sum of them is what is used", () => {
  const random = seededRandom("arena");
  const below = (limit: number) => Math.floor(random() * limit);
  const arena = new Arena(new Pins());
  const blocks: { handle: number; bytes: number; mark: number }[] = [];
  const sizeOf = () =>
    [1 + below(200), 1 + below(5000), 1 + below(100_000), 200_000 + below(3_000_000)][
      below(50) === 0 ? 3 : below(3)
    ] as number;
  let expected = 0;
  for (let step = 0; step < 30_000; step++) {
    if (below(100) < (Math.floor(step / 5000) % 2 === 0 ? 60 : 35) || blocks.length === 0) {
      const bytes = sizeOf();
      const handle = arena.allocate(bytes);
      expect(arena.capacity(handle)).toBeGreaterThanOrEqual(bytes);
      expected += arena.capacity(handle);
      const view = arena.locate(handle);
      const mark = below(256);
      view[arena.at] = mark;
      view[arena.at + bytes - 1] = mark;
      blocks.push({ handle, bytes, mark });
    } else {
      const i = below(blocks.length);
      const { handle, bytes, mark } = blocks[i] as (typeof blocks)[number];
      const view = arena.locate(handle);
      expect(view[arena.at]).toBe(mark);
      expect(view[arena.at + bytes - 1]).toBe(mark);
      expected -= arena.capacity(handle);
      arena.free(handle);
      blocks[i] = blocks[blocks.length - 1] as (typeof blocks)[number];
      blocks.pop();
    }
    if (step % 500 === 0) arena.tick();
  }
  expect(arena.usedBytes).toBe(expected);
  expect(arena.committedBytes).toBeGreaterThanOrEqual(expected);
  const sorted = blocks
    .map(({ handle, bytes }) => [(handle >>> 0) * 8, (handle >>> 0) * 8 + bytes] as const)
    .sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < sorted.length; i++) {
    expect(sorted[i]?.[0]).toBeGreaterThanOrEqual(sorted[i - 1]?.[1] as number);
  }
  for (const { handle } of blocks) arena.free(handle);
  expect(arena.usedBytes).toBe(0);
  while (!arena.dispose(2 ** 24));
});

test("memory that was freed goes back to the system, and the address space too", () => {
  const anonymous = () => {
    // What the tests before left on the heap goes first.
    Bun.gc(true);
    return memoryUsage().rssAnonBytes;
  };
  const arena = new Arena(new Pins());
  const handles: number[] = [];
  const before = anonymous();
  for (let i = 0; i < 200_000; i++) {
    const handle = arena.allocate(512);
    const view = arena.locate(handle);
    view.fill(1, arena.at, arena.at + 512);
    handles.push(handle);
  }
  const full = anonymous() - before;
  // 102 MB were written; the heap of the tests before may shrink meanwhile.
  expect(full).toBeGreaterThan(60e6);
  for (const handle of handles) arena.free(handle);
  while (arena.tick());
  expect(anonymous() - before).toBeLessThan(full / 2);
  while (!arena.dispose(2 ** 24));
  expect(arena.windows[0]?.length).toBe(0);
});

test("while a view may be held, a freed block is not reused", () => {
  const pins = new Pins();
  const taken = pins.take();
  const arena = new Arena(pins);
  const handle = arena.allocate(100);
  const view = arena.locate(handle);
  const { at } = arena;
  view.fill(7, at, at + 100);
  arena.free(handle);
  for (let i = 0; i < 1000; i++) expect(arena.allocate(100)).not.toBe(handle);
  expect([...view.subarray(at, at + 100)].every((byte) => byte === 7)).toBe(true);
  // What was freed counts as free at once, but nobody gets it.
  expect(pins.waitingBytes).toBe(arena.capacity(handle));
  pins.release(taken);
  while (arena.tick());
  expect(pins.waitingBytes).toBe(0);
  expect(arena.allocate(100)).toBe(handle);
  while (!arena.dispose(2 ** 24));
});

test("blocks beyond the first gigabyte lie in further windows", () => {
  const arena = new Arena(new Pins());
  const big = [arena.allocate(700 * 2 ** 20), arena.allocate(700 * 2 ** 20), arena.allocate(700 * 2 ** 20)];
  const small = arena.allocate(64);
  expect(small * 8).toBeGreaterThan(2 ** 31 - 2 ** 27);
  arena.locate(small).fill(9, arena.at, arena.at + 64);
  const last = big[2] as number;
  const view = arena.locate(last);
  view[arena.at + 700 * 2 ** 20 - 1] = 3;
  expect(view[arena.at + 700 * 2 ** 20 - 1]).toBe(3);
  expect(arena.locate(small)[arena.at + 63]).toBe(9);
  expect(() => arena.allocate(BLOCK_BYTES_MAX + 1)).toThrow(RangeError);
  for (const handle of big) arena.free(handle);
  while (!arena.dispose(2 ** 30));
});
