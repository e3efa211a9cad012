/** The table against a Map, with hashes that crowd, share their upper bits, or are the same altogether. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { Overlay } from "./overlay.ts";
import { Pins } from "./pins.ts";
import { SEGMENT_ENTRIES_MAX } from "./table.ts";

const record = new Record();

function put(overlay: Overlay, hash: number, key: string): void {
  const bytes = Buffer.from(key, "latin1");
  const old = overlay.find(hash, bytes, 0, bytes.length);
  const handle = overlay.create(bytes, 0, bytes.length, RdbType.STRING, -1, 1);
  overlay.valueBytes[overlay.valueAt] = 0;
  if (old === 0) overlay.insert(hash, handle);
  else overlay.replace(old, handle);
}

function drop(overlay: Overlay, hash: number, key: string): boolean {
  const bytes = Buffer.from(key, "latin1");
  const handle = overlay.find(hash, bytes, 0, bytes.length);
  if (handle !== 0) overlay.remove(handle);
  return handle !== 0;
}

/** Hashes in order, with the keys' names. */
function walk(overlay: Overlay): { hash: number; key: string }[] {
  const { table } = overlay;
  const handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  const hashes = new Int32Array(SEGMENT_ENTRIES_MAX);
  const found: { hash: number; key: string }[] = [];
  for (let index = 0; index < table.directory.length; index = table.nextSegment(index)) {
    const count = table.collect(index, 0, 2 ** 32, handles, hashes);
    for (let i = 0; i < count; i++) {
      overlay.read(handles[i] as number, record);
      found.push({ hash: (hashes[i] as number) >>> 0, key: record.key.text() });
    }
  }
  return found;
}

function check(overlay: Overlay, model: ReadonlyMap<string, number>): void {
  expect(overlay.table.count).toBe(model.size);
  expect(overlay.keys).toBe(model.size);
  const found = walk(overlay);
  expect(found.map(({ key }) => key).sort()).toEqual([...model.keys()].sort());
  for (let i = 1; i < found.length; i++) expect(found[i]?.hash).toBeGreaterThanOrEqual(found[i - 1]?.hash as number);
  for (const { hash, key } of found) expect(hash).toBe((model.get(key) as number) >>> 0);
  for (const [key, hash] of model) {
    const bytes = Buffer.from(key, "latin1");
    expect(overlay.find(hash, bytes, 0, bytes.length)).not.toBe(0);
  }
}

const CROWDS: readonly [name: string, hash: (random: () => number) => number][] = [
  ["spread", (random) => (random() * 2 ** 32) | 0],
  ["at the end of the range", (random) => -1 - Math.floor(random() * 100_000)],
  ["at the beginning", (random) => Math.floor(random() * 100_000)],
  ["around the sign", (random) => (2 ** 31 - 50_000 + Math.floor(random() * 100_000)) | 0],
  ["a few values only", (random) => Math.floor(random() * 300) * 14_316_557],
];

test("what was not there is found once it is: keys of one hash, a split and a join in between", () => {
  const overlay = new Overlay(new Pins());
  const { table } = overlay;
  const find = (hash: number, key: string) => overlay.find(hash, Buffer.from(key), 0, key.length);
  const hash = 0x12345678;
  expect([find(hash, "a"), find(hash, "a"), find(hash, "b")]).toEqual([0, 0, 0]);
  put(overlay, hash, "a");
  expect(find(hash, "a")).not.toBe(0);
  expect([find(hash, "b"), find(hash, "b")]).toEqual([0, 0]);
  put(overlay, hash, "b");
  expect(find(hash, "b")).not.toBe(0);
  for (let i = 0; i < 3000; i++) {
    const other = Math.imul(i, 0x9e3779b1);
    expect(find(other, `k${i}`)).toBe(0);
    if (i % 3 === 0) expect(find(hash, "c")).toBe(0);
    if (i % 5 === 0) expect([find(hash, "a"), find(hash, "b")]).toEqual([find(hash, "a"), find(hash, "b")]);
    if (i % 7 === 0) put(overlay, hash, "a");
    if (i % 11 === 0)
      expect([drop(overlay, hash, "b"), find(hash, "b"), drop(overlay, hash, "b")]).toEqual([true, 0, false]);
    if (i % 11 === 0) put(overlay, hash, "b");
    put(overlay, other, `k${i}`);
    expect(find(other, `k${i}`)).not.toBe(0);
  }
  expect(find(0x7654321, "d")).toBe(0);
  for (let i = 0; i < 3000; i++) drop(overlay, Math.imul(i, 0x9e3779b1), `k${i}`);
  expect(find(0x7654321, "d")).toBe(0);
  while (table.compact(4));
  put(overlay, 0x7654321, "d");
  check(
    overlay,
    new Map([
      ["a", hash],
      ["b", hash],
      ["d", 0x7654321],
    ]),
  );
});

test.each(CROWDS)("segments are joined again when keys go: hashes %s", (_, hashOf) => {
  const random = seededRandom("table");
  const overlay = new Overlay(new Pins());
  const { table, arena } = overlay;
  const model = new Map<string, number>();
  const empty = { used: arena.usedBytes, segments: table.segments };
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 8000; i++) {
      const hash = hashOf(random) | 0;
      put(overlay, hash, `k${i}`);
      model.set(`k${i}`, hash);
    }
    const grown = table.segments;
    const keep = round === 2 ? 0 : 300;
    for (const [key, hash] of [...model]) {
      if (model.size <= keep) break;
      expect(drop(overlay, hash, key)).toBe(true);
      model.delete(key);
      if (random() < 0.3) table.join(hash);
    }
    while (table.compact(1 + Math.floor(random() * 20)));
    check(overlay, model);
    expect(table.segments).toBeLessThan(grown);
    for (const [key, hash] of [...model]) {
      drop(overlay, hash, key);
      model.delete(key);
    }
    while (table.compact(50));
    expect(table.segments).toBe(empty.segments);
    expect(arena.usedBytes).toBe(empty.used);
  }
});

test.each(CROWDS)("hashes %s", (_, hashOf) => {
  const random = seededRandom("table");
  const overlay = new Overlay(new Pins());
  const model = new Map<string, number>();
  for (let step = 0; step < 12_000; step++) {
    if (random() < 0.7) {
      const key = `k${step}`;
      const hash = hashOf(random) | 0;
      put(overlay, hash, key);
      model.set(key, hash);
    } else {
      const key = `k${Math.floor(random() * step)}`;
      const hash = model.get(key);
      if (hash === undefined) continue;
      expect(drop(overlay, hash, key)).toBe(true);
      expect(drop(overlay, hash, key)).toBe(false);
      model.delete(key);
    }
  }
  check(overlay, model);
  for (const [key, hash] of model) drop(overlay, hash, key);
  check(overlay, new Map());
});

test("more keys of one hash than a segment takes: an error, and nothing is lost", () => {
  for (const hash of [0, -1, 12_345]) {
    const overlay = new Overlay(new Pins());
    const model = new Map<string, number>();
    let refused = 0;
    for (let i = 0; i < 700; i++) {
      try {
        put(overlay, hash, `key ${i}`);
        model.set(`key ${i}`, hash);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        refused++;
      }
    }
    expect(model.size).toBeGreaterThanOrEqual(38);
    expect(refused).toBe(700 - model.size);
    check(overlay, model);
    put(overlay, hash ^ 0x4000_0000, "another");
    check(overlay, model.set("another", hash ^ 0x4000_0000));
  }
});

test("from any of a segment's entries the next segment follows, whatever their depths", () => {
  const overlay = new Overlay(new Pins());
  const { table } = overlay;
  // Hashes crowd in places: segments of very different depths lie side by side.
  const random = seededRandom("uneven");
  const hashes = new Set<number>();
  while (hashes.size < 8000) hashes.add((Math.floor(random() ** 4 * 2 ** 32) ^ (random() < 0.3 ? 0x40000000 : 0)) | 0);
  for (const hash of hashes) {
    const key = Buffer.from(`${hash}`);
    expect(table.find(hash, key, 0, key.length)).toBe(0);
    overlay.insert(hash, overlay.create(key, 0, key.length, RdbType.STRING, -1, 0));
  }
  const sorted = [...hashes].map((hash) => hash >>> 0).sort((a, b) => a - b);
  const handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  const found = new Int32Array(SEGMENT_ENTRIES_MAX);
  for (let i = 0; i < 300; i++) {
    const from = i < 64 ? i * 2 ** 26 : Math.floor(random() * 2 ** 32);
    const seen: number[] = [];
    for (let at = Math.floor(from / 2 ** (32 - table.depth)); at < table.directory.length; at = table.nextSegment(at)) {
      const count = table.collect(at, from, 2 ** 32, handles, found);
      for (let k = 0; k < count; k++) seen.push((found[k] as number) >>> 0);
    }
    expect(seen).toEqual(sorted.filter((hash) => hash >= from));
  }
  while (!overlay.arena.dispose(2 ** 24));
});
