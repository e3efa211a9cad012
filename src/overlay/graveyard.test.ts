import { describe, expect, test } from "bun:test";
import { NativeType } from "../rdb/opcodes.ts";
import { binaryBytes } from "../util/span.ts";
import { letGo } from "./encodings/blocks.ts";
import { createMember } from "./encodings/member.ts";
import { memberHash } from "./encodings/member-hash.ts";
import { MemberTable } from "./encodings/member-table.ts";
import { nativeForm } from "./encodings/native.ts";
import { writeU32 } from "./entry.ts";
import { Overlay, ROOT_BYTES } from "./overlay.ts";
import { Pins } from "./pins.ts";

const KEY = binaryBytes("key");

function setOf(overlay: Overlay, count: number): number {
  const { arena } = overlay;
  const root = MemberTable.create(arena);
  const table = new MemberTable().bind(arena, root);
  for (let i = 0; i < count; i++) {
    const text = binaryBytes(`member:${i}`);
    const hash = memberHash(text, 0, text.length);
    table.find(hash, text, 0, text.length);
    table.insert(hash, createMember(arena, text, 0, text.length));
  }
  return root;
}

/** The overlay with one key, whose value is a set of so many members. */
function withSet(count: number, pins = new Pins()): { overlay: Overlay; before: number } {
  const overlay = new Overlay(pins);
  overlay.find(1, KEY, 0, KEY.length);
  const first = overlay.create(KEY, 0, KEY.length, NativeType.SET, -1, ROOT_BYTES);
  writeU32(overlay.valueBytes, overlay.valueAt, 0);
  overlay.insert(1, first);
  overlay.remove(overlay.find(1, KEY, 0, KEY.length));
  const before = overlay.usedBytes;
  overlay.find(1, KEY, 0, KEY.length);
  const handle = overlay.create(KEY, 0, KEY.length, NativeType.SET, -1, ROOT_BYTES);
  const { valueBytes, valueAt } = overlay;
  writeU32(valueBytes, valueAt, setOf(overlay, count));
  overlay.insert(1, handle);
  return { overlay, before };
}

function removeKey(overlay: Overlay): void {
  overlay.remove(overlay.find(1, KEY, 0, KEY.length));
}

describe("a native structure whose entry goes", () => {
  test("small: is freed at once", () => {
    const { overlay, before } = withSet(50);
    removeKey(overlay);
    expect(overlay.usedBytes).toBe(before);
    expect(overlay.goneBytes).toBe(0);
  });

  test("large: counts as gone at once, and is freed in slices, to the last byte", () => {
    const { overlay, before } = withSet(20_000);
    const grown = overlay.usedBytes - before;
    removeKey(overlay);
    // The estimate goes by a few members.
    expect(overlay.goneBytes).toBeGreaterThan(grown * 0.9);
    expect(overlay.goneBytes).toBeLessThan(grown * 1.1);
    let slices = 0;
    while (overlay.graves.stepUpTo(1)) slices++;
    expect(slices).toBeGreaterThan(20);
    expect(overlay.usedBytes).toBe(before);
    expect(overlay.goneBytes).toBe(0);
    expect(overlay.arena.tally.goneBytes).toBe(0);
  });

  test("that a sliced command may still walk: is whole until that has ended", () => {
    const pins = new Pins();
    const { overlay, before } = withSet(1000, pins);
    const handle = overlay.find(1, KEY, 0, KEY.length);
    const bytes = overlay.arena.locate(handle);
    const root = new DataView(bytes.buffer, bytes.byteOffset).getUint32(
      overlay.arena.at + 8 + 1 + 1 + KEY.length,
      true,
    );
    const taken = pins.take();
    removeKey(overlay);
    expect(overlay.graves.stepUpTo(100)).toBe(false);
    const table = new MemberTable().bind(overlay.arena, root);
    expect(table.count).toBe(1000);
    const text = binaryBytes("member:7");
    expect(table.find(memberHash(text, 0, text.length), text, 0, text.length)).not.toBe(0);
    pins.release(taken);
    while (overlay.graves.stepUpTo(100));
    while (overlay.arena.tick(true));
    expect(overlay.usedBytes).toBe(before);
  });
});

test("an entry that finds no place before its structure is named takes nothing along", () => {
  const overlay = new Overlay(new Pins());
  const used = overlay.usedBytes;
  // What its block held before is no structure of its own.
  const block = overlay.arena.allocate(24);
  overlay.arena.locate(block).fill(0xee, overlay.arena.at, overlay.arena.at + 24);
  overlay.arena.free(block);
  overlay.table.insert = () => {
    throw new RangeError("full");
  };
  overlay.find(1, KEY, 0, KEY.length);
  const handle = overlay.create(KEY, 0, KEY.length, NativeType.SET, -1, ROOT_BYTES);
  expect(() => overlay.insert(1, handle)).toThrow("full");
  expect(overlay.goneBytes).toBe(0);
  expect(overlay.usedBytes).toBe(used);
});

describe("a structure that was made in vain", () => {
  const drainGraves = (overlay: Overlay) => {
    let steps = 0;
    while (overlay.graves.stepUpTo(1)) steps++;
    return steps;
  };

  test("a copy that is broken off is freed in slices, to the last byte, whoever holds views", () => {
    const pins = new Pins();
    const { overlay } = withSet(20_000, pins);
    const { arena } = overlay;
    const root = setOf(overlay, 20_000);
    const before = arena.usedBytes;
    const taken = pins.take();
    const steps = nativeForm(NativeType.SET).copy(arena, root, arena);
    for (let i = 0; i < 60; i++) expect(steps.next().done).toBe(false);
    const grown = arena.usedBytes - before;
    steps.return(0);
    expect(arena.usedBytes - before).toBeGreaterThan(grown * 0.8);
    expect(drainGraves(overlay)).toBeGreaterThan(20);
    expect(arena.usedBytes).toBe(before);
    pins.release(taken);
  });

  test("a small one is freed at once", () => {
    const { overlay, before } = withSet(10);
    const { arena } = overlay;
    const root = setOf(overlay, 10);
    letGo(arena, nativeForm(NativeType.SET).free(arena, root));
    expect(drainGraves(overlay)).toBe(0);
    removeKey(overlay);
    expect(overlay.usedBytes).toBe(before);
  });

  test("one whose overlay goes is forgotten", () => {
    const { overlay } = withSet(10);
    const { arena } = overlay;
    letGo(arena, nativeForm(NativeType.SET).free(arena, setOf(overlay, 20_000)));
    overlay.graves.forget();
    expect(drainGraves(overlay)).toBe(0);
  });
});
