/** The member table against a Map, with hashes that crowd; scans over growth; fair choice; freeing and copying to the byte. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { ScarceBlocks } from "../../../test/support/scarce-blocks.ts";
import { Element } from "../../encodings/element.ts";
import { AnonymousRegion } from "../../mmap/anonymous.ts";
import { Arena, ArenaFull } from "../arena.ts";
import { Pins } from "../pins.ts";
import { type Blocks, frozenBlocks } from "./blocks.ts";
import {
  changeExpiry,
  changeValue,
  createField,
  createMember,
  createScored,
  readField,
  readFieldExpiry,
  readMember,
  readScored,
  SCORE_BYTES,
} from "./member.ts";
import { MemberTable } from "./member-table.ts";
import { SEGMENT_MEMBERS_MAX } from "./segment.ts";
import { copyTable, freeTable } from "./table-slices.ts";

const bytesOf = (text: string) => Buffer.from(text, "latin1");
const element = new Element();
const value = new Element();
const mixed = (n: number) => Math.imul(n ^ (n >>> 15), 0x85ebca6b) ^ Math.imul(n, 0x9e3779b1);

function textOf(blocks: Blocks, handle: number): string {
  readMember(blocks, handle, element);
  return element.text().text();
}

/** A set: texts with the hashes they were given. */
class SetModel {
  readonly model = new Map<string, number>();
  readonly table = new MemberTable();
  readonly root: number;

  constructor(readonly arena: Arena) {
    this.root = MemberTable.create(arena);
    this.table.bind(arena, this.root);
  }

  add(text: string, hash: number): void {
    const bytes = bytesOf(text);
    const found = this.table.find(hash, bytes, 0, bytes.length);
    expect(found !== 0).toBe(this.model.has(text));
    if (found !== 0) return;
    this.table.insert(hash, createMember(this.arena, bytes, 0, bytes.length));
    this.model.set(text, hash);
  }

  drop(text: string): void {
    const bytes = bytesOf(text);
    const handle = this.table.find(this.model.get(text) as number, bytes, 0, bytes.length);
    expect(textOf(this.arena, handle)).toBe(text);
    this.table.remove();
    this.arena.free(handle);
    this.model.delete(text);
  }

  check(): void {
    expect(this.table.count).toBe(this.model.size);
    expect(walk(this.arena, this.root)).toEqual(sorted(this.model));
    for (const [text, hash] of this.model) {
      const bytes = bytesOf(`-${text}-`);
      expect(this.table.find(hash, bytes, 1, text.length)).not.toBe(0);
    }
  }
}

function sorted(model: ReadonlyMap<string, number>): string[] {
  return [...model].map(([text, hash]) => `${(hash >>> 0).toString().padStart(10, "0")} ${text}`).sort();
}

/** Hashes and texts, as the table has them; in order of hashes. */
function walk(blocks: Blocks, root: number): string[] {
  const table = new MemberTable().bind(blocks, root);
  const handles = new Int32Array(SEGMENT_MEMBERS_MAX);
  const hashes = new Int32Array(SEGMENT_MEMBERS_MAX);
  const found: string[] = [];
  let last = 0;
  for (let from = 0; from < 2 ** 32; from = table.next) {
    const count = table.collect(from, 2 ** 32, handles, hashes);
    for (let i = 0; i < count; i++) {
      const hash = (hashes[i] as number) >>> 0;
      expect(hash).toBeGreaterThanOrEqual(last);
      last = hash;
      found.push(`${hash.toString().padStart(10, "0")} ${textOf(blocks, handles[i] as number)}`);
    }
  }
  return found.sort();
}

function drain(work: Generator<void, void, void>): number {
  let slices = 0;
  while (work.next().done !== true) slices++;
  return slices;
}

const CROWDS: readonly [name: string, hash: (random: () => number) => number][] = [
  ["spread", (random) => random() * 2 ** 32],
  ["at the end of the range", (random) => -1 - Math.floor(random() * 100_000)],
  ["at the beginning", (random) => random() * 100_000],
  ["around the sign", (random) => 2 ** 31 - 50_000 + random() * 100_000],
  ["a few values only", (random) => Math.floor(random() * 300) * 14_316_557],
  ["within a few bits", (random) => 0x12345000 + random() * 4096],
];

describe("against a Map", () => {
  test.each(CROWDS)("hashes %s", (_, hashOf) => {
    const random = seededRandom("member-table");
    const set = new SetModel(new Arena(new Pins()));
    let texts: string[] = [];
    for (let step = 0; step < 24_000; step++) {
      const isGrowing = Math.floor(step / 8000) !== 1;
      if (random() < (isGrowing ? 0.7 : 0.2) || texts.length === 0) {
        const text = [`member ${step}`, `${step}`, `-${step * 100_003}`, "x".repeat(step % 200)][step & 3] as string;
        if (set.model.has(text)) continue;
        set.add(text, hashOf(random) | 0);
        texts.push(text);
      } else {
        const at = Math.floor(random() * texts.length);
        set.drop(texts[at] as string);
        texts[at] = texts.at(-1) as string;
        texts.pop();
      }
      if (step % 6000 === 0) set.check();
    }
    set.check();
    const { arena, root, table } = set;
    const copy = arena.allocate(32);
    const used = arena.usedBytes;
    drain(copyTable(arena, root, arena, copy));
    expect(walk(arena, copy)).toEqual(sorted(set.model));
    drain(freeTable(arena, copy));
    expect(arena.usedBytes).toBe(used);
    for (const text of [...set.model.keys()]) set.drop(text);
    set.check();
    expect(table.segments).toBeLessThan(60);
    texts = [];
    drain(freeTable(arena, root));
    arena.free(root);
    arena.free(copy);
    expect(arena.usedBytes).toBe(0);
  });

  test("more members of one hash than can be told apart: an error, and nothing is lost", () => {
    for (const hash of [0, -1, 12_345]) {
      const set = new SetModel(new Arena(new Pins()));
      for (let i = 0; i < SEGMENT_MEMBERS_MAX; i++) set.add(`m${i}`, hash);
      expect(() => set.add("one more", hash)).toThrow(RangeError);
      set.check();
      set.add("another", hash ^ (1 << 31));
      expect(() => set.add("one more", hash)).toThrow(RangeError);
      set.check();
    }
  });
});

test("an arena that is full at any moment leaves the table as it was", () => {
  const arena = new Arena(new Pins());
  const scarce = new ScarceBlocks(arena);
  const root = MemberTable.create(scarce);
  const table = new MemberTable().bind(scarce, root);
  const model = new Map<string, number>();
  let failures = 0;
  for (let i = 0; i < 4000; i++) {
    const text = `member ${i}`;
    const bytes = bytesOf(text);
    const hash = i < 2000 ? mixed(i) : 0x7000_0000 + i;
    const member = createMember(arena, bytes, 0, bytes.length);
    const used = arena.usedBytes;
    const insert = () => {
      expect(table.find(hash, bytes, 0, bytes.length)).toBe(0);
      table.insert(hash, member);
    };
    failures += scarce.insist(insert, () => expect(table.count).toBe(model.size));
    expect(arena.usedBytes).toBeGreaterThanOrEqual(used);
    model.set(text, hash);
  }
  expect(failures).toBeGreaterThan(10);
  expect(walk(scarce, root)).toEqual(sorted(model));
  const used = arena.usedBytes;
  for (const allowed of [0, 1, 2, 5, 100, 3000]) {
    const copy = arena.allocate(32);
    scarce.left = allowed;
    expect(() => drain(copyTable(arena, root, scarce, copy))).toThrow(ArenaFull);
    drain(freeTable(arena, copy));
    arena.free(copy);
    expect(arena.usedBytes).toBe(used);
  }
});

test("a scan meets every member that stays, while others come and go", () => {
  const random = seededRandom("member-scan");
  const set = new SetModel(new Arena(new Pins()));
  const stays = Array.from({ length: 3000 }, (_, i) => `stays ${i}`);
  for (const [i, text] of stays.entries()) set.add(text, mixed(i) | 0);
  const seen = new Map<string, number>();
  let cursor = 0;
  let steps = 0;
  do {
    cursor = set.table.scan(cursor, 10, (handle) => {
      const text = textOf(set.arena, handle);
      seen.set(text, (seen.get(text) ?? 0) + 1);
    });
    steps++;
    for (let i = 0; i < 100; i++) {
      if (steps < 150) set.add(`comes ${steps} ${i}`, (random() * 2 ** 32) | 0);
    }
    if (steps > 200) for (const text of [...set.model.keys()].slice(3000, 3100)) set.drop(text);
  } while (cursor !== 0);
  expect(steps).toBeGreaterThan(250);
  for (const text of stays) expect(seen.get(text)).toBe(1);
});

describe("random members are chosen fairly", () => {
  test.each([10, 300, 900, 3000])("of %d", (count) => {
    const set = new SetModel(new Arena(new Pins()));
    for (let i = 0; i < count; i++) set.add(`${i}`, mixed(i + 7) | 0);
    const draws = count * 200;
    const times = new Int32Array(count);
    for (let i = 0; i < draws; i++) {
      const at = Number(textOf(set.arena, set.table.random()));
      times[at] = (times[at] as number) + 1;
    }
    // Chi-square with count - 1 degrees of freedom: eight deviations off happens once in 10^15 runs.
    let chi = 0;
    for (const seen of times) chi += (seen - 200) ** 2 / 200;
    expect(Math.abs(chi - count)).toBeLessThan(8 * Math.sqrt(2 * count) + 8);
  });

  test("also where nearly all have gone", () => {
    const set = new SetModel(new Arena(new Pins()));
    for (let i = 0; i < 20_000; i++) set.add(`${i}`, mixed(i) | 0);
    for (let i = 0; i < 20_000; i++) if (i % 400 !== 0) set.drop(`${i}`);
    const times = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const text = textOf(set.arena, set.table.random());
      times.set(text, (times.get(text) ?? 0) + 1);
    }
    expect(times.size).toBe(50);
    let chi = 0;
    for (const seen of times.values()) chi += (seen - 200) ** 2 / 200;
    expect(chi).toBeLessThan(50 + 8 * 10);
  });
});

test("fields: values in place and not, expiries, under pins; sorted sets' members", () => {
  const pins = new Pins();
  const arena = new Arena(pins);
  const before = arena.usedBytes;
  const read = (handle: number) => {
    const expiry = readField(arena, handle, element, value);
    expect(readFieldExpiry(arena, handle)).toBe(expiry);
    return [element.text().text(), value.text().text(), expiry];
  };
  for (const field of ["f", "12", "-2147483648", "2147483648", "x".repeat(70), "y".repeat(20_000)]) {
    const name = bytesOf(field);
    let handle = createField(arena, name, 0, name.length, bytesOf("<one>"), 1, 3);
    expect(read(handle)).toEqual([field, "one", -1]);
    for (const text of ["two", "-1", "127", "128", "40000", "70000", "", "z".repeat(100), "v".repeat(40_000), "0"]) {
      for (const expiry of [-1, 4102444800000, 1, -1]) {
        for (const isPinned of [false, true]) {
          const taken = isPinned ? pins.take() : -1;
          const bytes = bytesOf(text);
          let changed = changeValue(arena, handle, bytes, 0, bytes.length);
          expect(isPinned && changed === handle).toBe(false);
          if (changed !== handle) arena.free(handle);
          handle = changed;
          changed = changeExpiry(arena, handle, expiry);
          if (changed !== handle) arena.free(handle);
          handle = changed;
          if (isPinned) pins.release(taken);
          expect(read(handle)).toEqual([field, text, expiry]);
        }
      }
    }
    const table = new MemberTable().bind(arena, MemberTable.create(arena));
    const timed = changeExpiry(arena, handle, 99);
    if (timed !== handle) arena.free(handle);
    expect(table.find(7, name, 0, name.length)).toBe(0);
    table.insert(7, timed);
    expect(table.find(7, name, 0, name.length)).toBe(timed);
  }
  const scored = new MemberTable().bind(arena, MemberTable.create(arena, SCORE_BYTES));
  for (const [i, score] of [0, -0, 1.5, Number.NEGATIVE_INFINITY, 5e-324].entries()) {
    const name = bytesOf(`${i}`);
    expect(scored.find(i, name, 0, name.length)).toBe(0);
    scored.insert(i, createScored(arena, score, name, 0, name.length));
    expect(Object.is(readScored(arena, scored.find(i, name, 0, name.length), element), score)).toBe(true);
    expect(element.text().text()).toBe(`${i}`);
  }
  expect(arena.usedBytes).toBeGreaterThan(before);
});

test("another thread's view of the memory reads the same", () => {
  const set = new SetModel(new Arena(new Pins()));
  for (let i = 0; i < 3000; i++) set.add(`member ${i}`, mixed(i) | 0);
  const region = AnonymousRegion.adopt(set.arena.describe());
  const frozen = frozenBlocks(region, set.arena.size);
  expect(walk(frozen, set.root)).toEqual(sorted(set.model));
  expect(() => frozen.allocate(8)).toThrow("frozen");
  region.detach();
  set.check();
});
