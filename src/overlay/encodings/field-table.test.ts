/** Fields and their times in blocks, beside a Map: what is there, what has expired, and that nothing is left behind in the arena. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { ScarceBlocks } from "../../../test/support/scarce-blocks.ts";
import { binaryBytes } from "../../util/span.ts";
import { Arena } from "../arena.ts";
import { Pins } from "../pins.ts";
import { FieldTable, KEEP_FIELD_EXPIRY, NO_EXPIRY } from "./field-table.ts";
import { hashForm } from "./hash-form.ts";
import { MemberTable } from "./member-table.ts";
import { atOnce } from "./native.ts";

const NOW_MS = 1_000_000;

function newArena(): Arena {
  return new Arena(new Pins());
}

function put(fields: FieldTable, name: string, text: string, expireAtMs: number): void {
  const field = binaryBytes(name);
  const value = binaryBytes(text);
  fields.find(field, 0, field.length);
  fields.put(field, 0, field.length, value, 0, value.length, expireAtMs);
}

function has(fields: FieldTable, name: string): boolean {
  const field = binaryBytes(name);
  return fields.find(field, 0, field.length);
}

test("random changes, and the earliest times", () => {
  const random = seededRandom("fields in blocks");
  const below = (n: number) => Math.floor(random() * n);
  const arena = newArena();
  const before = arena.usedBytes;
  const root = MemberTable.create(arena);
  const fields = new FieldTable().bind(arena, root);
  const times = new Map<string, number>();
  let nowMs = NOW_MS;
  for (let i = 0; i < 60_000; i++) {
    // Grows to thousands of fields, then shrinks to few.
    const name = `field ${below(i < 40_000 ? 6000 : 100)}`;
    switch (below(5)) {
      case 0:
      case 1: {
        const atMs = below(3) === 0 ? NO_EXPIRY : nowMs + 1 + below(2000);
        put(fields, name, `${i}`, atMs);
        times.set(name, atMs);
        break;
      }
      case 2:
        put(fields, name, "x".repeat(below(40)), KEEP_FIELD_EXPIRY);
        if (!times.has(name)) times.set(name, NO_EXPIRY);
        break;
      case 3:
        if (has(fields, name)) fields.remove();
        times.delete(name);
        break;
      default:
        if (has(fields, name)) {
          const atMs = below(2) === 0 ? NO_EXPIRY : nowMs + 1 + below(500);
          fields.setExpiry(atMs);
          times.set(name, atMs);
        }
    }
    if (below(200) === 0) {
      nowMs += below(100);
      const living = [...times.values()].filter((atMs) => atMs === NO_EXPIRY || atMs >= nowMs);
      expect(fields.living(nowMs)).toBe(living.length);
      if (below(2) === 0) while (!fields.expire(nowMs, 1 + below(50)));
      if (!fields.isDue(nowMs)) {
        for (const [key, atMs] of times) if (atMs !== NO_EXPIRY && atMs < nowMs) times.delete(key);
        expect(fields.table.count).toBe(times.size);
      }
    }
    const atMs = times.get(name);
    if (atMs !== undefined) expect(has(fields, name) || atMs < nowMs).toBe(true);
  }
  expect(fields.table.expiring).toBeGreaterThan(0);
  while (!fields.expire(nowMs + 10_000, 100));
  expect(fields.table.expiring).toBe(0);
  expect(fields.table.earliestExpiry).toBe(Number.POSITIVE_INFINITY);
  atOnce(hashForm.free(arena, root));
  expect(arena.usedBytes).toBe(before);
});

test("all fields expire at once: none is left, whatever the step", () => {
  for (const step of [1, 7, 256, 5000]) {
    const arena = newArena();
    const fields = new FieldTable().bind(arena, MemberTable.create(arena));
    for (let i = 0; i < 5000; i++) put(fields, `field ${i}`, "value", NOW_MS + (i % 3));
    let steps = 1;
    while (!fields.expire(NOW_MS + 10, step)) steps++;
    expect(steps).toBeLessThanOrEqual(Math.ceil(5000 / step) + 1);
    expect(fields.table.count).toBe(0);
  }
});

test("without memory nothing changes", () => {
  const arena = newArena();
  const blocks = new ScarceBlocks(arena);
  const fields = new FieldTable().bind(blocks, MemberTable.create(blocks));
  put(fields, "a", "1", NOW_MS);
  put(fields, "b", "2", NO_EXPIRY);
  const state = () => [fields.table.count, fields.table.expiring, fields.table.earliestExpiry];
  const before = state();
  const unchanged = () => expect(state()).toEqual(before);
  expect(blocks.insist(() => put(fields, "c", "3", NOW_MS - 5), unchanged)).toBeGreaterThan(0);
  expect(state()).toEqual([3, 2, NOW_MS - 5]);
  const failed = blocks.insist(
    () => {
      if (has(fields, "b")) fields.setExpiry(NOW_MS + 7);
    },
    () => expect(state()).toEqual([3, 2, NOW_MS - 5]),
  );
  expect(failed).toBeGreaterThan(0);
  expect(state()).toEqual([3, 3, NOW_MS - 5]);
});
