/** Laying out pages with hashes of our choosing, and finding every key again: full pages, overflow, page borders. */
import { afterEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openUnlinked, writeFully } from "../mmap/file.ts";
import { SLOTS_PER_PAGE } from "./format.ts";
import { encodeHeader } from "./header.ts";
import { IndexFile } from "./index-file.ts";
import { type DuplicateJudge, KeyPages, type PlacedKeys } from "./key-pages.ts";
import { KeyTable } from "./key-table.ts";
import { PageWriter } from "./page-writer.ts";
import { SpilledDatabase, Spiller, SpillFile } from "./spill.ts";

const directory = mkdtempSync(join(tmpdir(), "folio-key-pages-"));
const seed = { seed0: 123, seed1: 4, multiplier0: 5, multiplier1: 7 };
let open: IndexFile | undefined;

afterEach(() => {
  open?.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

interface Key {
  h0: number;
  h1: number;
  offset: number;
  expireAtMs: number;
}

interface Laid {
  table: KeyTable;
  placed: PlacedKeys;
  expiries: { slot: number; expireAtMs: number }[];
}

function lay(keys: readonly Key[], judge: DuplicateJudge = () => "keep"): Laid {
  fs.mkdirSync(directory, { recursive: true });
  const path = join(directory, "index");
  const fd = fs.openSync(path, "w+");
  const spillFd = openUnlinked(directory);
  const spill = new SpillFile(spillFd);
  const spiller = new Spiller(spill);
  const database = new SpilledDatabase(3);
  spiller.select(database);
  for (const { h0, h1, offset, expireAtMs } of keys) spiller.add(h0, h1, offset, expireAtMs);
  spiller.finish();
  spill.flush();
  const writer = new PageWriter(fd, 1, seed.seed0);
  const expiries: Laid["expiries"] = [];
  const sink = {
    add(low: number, high: number, slot: number) {
      expiries.push({ slot, expireAtMs: (high | 0) * 2 ** 32 + low });
    },
  };
  const placed = new KeyPages(spill, writer, sink, judge).place(database);
  writer.begin();
  writer.finish(0);
  writer.flush();
  const none = { firstPage: writer.page - 1, pages: 1, entries: 0 };
  const header = encodeHeader({
    indexBytes: writer.page * 4096,
    rdbBytes: 0,
    rdbMtimeNs: 0n,
    rdbTail: 0n,
    seed,
    builtAtMs: 0,
    rdbVersion: 11,
    crc64Verified: false,
    valkey: false,
    keys: keys.length,
    emptySkipped: 0,
    duplicatesSkipped: 0,
    checksums: none,
    databases: none,
    functions: none,
  });
  writeFully(fd, header, 0);
  fs.closeSync(fd);
  fs.closeSync(spillFd);
  open?.close();
  open = IndexFile.open(path);
  const extent = {
    dbid: 3,
    keys: placed.keys,
    expiringKeys: expiries.length,
    firstPage: 1,
    homePages: placed.homePages,
    pages: placed.pages,
    expiryFirstPage: 1,
    expiryPages: 0,
  };
  return { table: new KeyTable(open, extent), placed, expiries };
}

function candidates(table: KeyTable, h0: number): number[] {
  const offsets = [];
  for (let offset = table.first(h0); offset >= 0; offset = table.next()) {
    offsets.push(offset);
    expect(table.offsetAt(table.slot)).toBe(offset);
  }
  return offsets;
}

function checkAll(keys: readonly Key[], { table, placed, expiries }: Laid): void {
  for (const { h0, offset } of keys) expect(candidates(table, h0)).toContain(offset);
  const seen = new Map<number, number>();
  for (let slot = 0; slot < table.slotLimit; slot++) {
    const offset = table.offsetAt(slot);
    if (offset < 0) continue;
    expect(seen.has(offset)).toBe(false);
    seen.set(offset, slot);
  }
  expect(seen.size).toBe(keys.length);
  expect(placed.keys).toBe(keys.length);
  const expected = keys
    .filter((key) => key.expireAtMs !== -1)
    .map((key) => ({ slot: seen.get(key.offset) as number, expireAtMs: key.expireAtMs }))
    .sort((a, b) => a.slot - b.slot);
  expect(expiries).toEqual(expected);
}

function randomKey(i: number, h0 = Math.floor(Math.random() * 2 ** 32)): Key {
  return {
    h0,
    h1: Math.floor(Math.random() * 2 ** 32),
    offset: 2 ** 33 + i * 100,
    expireAtMs: i % 3 === 0 ? -1 : i % 3 === 1 ? 1_800_000_000_000 + i : -5 - i,
  };
}

test.each([0, 1, 2, 429, 430, 431, 511, 512, 2000, 30_000])("%i random hashes", (count) => {
  const keys = Array.from({ length: count }, (_, i) => randomKey(i));
  const laid = lay(keys);
  checkAll(keys, laid);
  expect(laid.placed.homePages).toBe(Math.ceil(count / 430));
  for (let i = 0; i < 1000 && count > 0; i++) {
    for (const offset of candidates(laid.table, Math.random() * 2 ** 32)) {
      expect(keys.some((key) => key.offset === offset)).toBe(true);
    }
  }
});

test("all keys at home in one page overflow into the next ones, and into extra pages behind the last", () => {
  for (const page of [0, 3, 6]) {
    // Of seven pages' ranges of hashes, one.
    const keys = Array.from({ length: 3000 }, (_, i) =>
      randomKey(i, Math.floor(((page + 0.001 + Math.random() * 0.998) * 2 ** 32) / 7)),
    );
    const laid = lay(keys);
    checkAll(keys, laid);
    expect(laid.placed.homePages).toBe(7);
    expect(laid.placed.pages).toBe(page === 6 ? 6 + Math.ceil(3000 / SLOTS_PER_PAGE) : page === 0 ? 7 : 9);
  }
});

test("a full page among ordinary ones", () => {
  const keys = Array.from({ length: 5000 }, (_, i) => randomKey(i, i % 5 === 0 ? 2 ** 31 : undefined));
  checkAll(keys, lay(keys));
});

test("the same tag many times over", () => {
  const last = Array.from({ length: 600 }, (_, i) => randomKey(i, 2 ** 32 - 1 - i));
  checkAll(last, lay(last));
  const first = Array.from({ length: 600 }, (_, i) => randomKey(i, i));
  checkAll(first, lay(first));
});

test("keys of one hash are judged in order of offset; what is dropped leaves no slot", () => {
  const twice = (dropped: "drop-a" | "drop-b") => {
    const a = { ...randomKey(1), offset: 50 };
    const b = { ...a, offset: 20, expireAtMs: 7 };
    const others = Array.from({ length: 900 }, (_, i) => randomKey(i + 10));
    const asked: number[][] = [];
    const laid = lay([a, ...others, b], (dbid, first, second) => {
      asked.push([dbid, first.offset, second.offset, first.expireAtMs]);
      return dropped;
    });
    expect(asked).toEqual([[3, 20, 50, 7]]);
    expect(laid.placed.dropped).toBe(1);
    checkAll([dropped === "drop-a" ? a : b, ...others], laid);
  };
  twice("drop-a");
  twice("drop-b");
});
