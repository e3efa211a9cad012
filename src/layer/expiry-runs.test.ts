import { afterEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { openUnlinked } from "../mmap/file.ts";
import { ExpiryRuns } from "./expiry-runs.ts";
import { EXPIRIES_PER_PAGE, PAGE_BYTES } from "./format.ts";
import { PageWriter } from "./page-writer.ts";
import { SpillFile } from "./spill.ts";

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) fs.closeSync(fd);
});

function unlinked(): number {
  const fd = openUnlinked(tmpdir());
  opened.push(fd);
  return fd;
}

test.each([0, 1, 255, 256, 5000])("%i entries, sorted in memory or merged from runs, are the same", (count) => {
  const entries = Array.from({ length: count }, (_, slot) => {
    const kind = slot % 4;
    const at =
      kind === 0 ? -1 - slot ** 3 : kind === 1 ? slot % 10 : Math.floor(Math.random() * 2 ** (kind === 2 ? 41 : 52));
    return { at, slot: slot * 2 ** 20 };
  });
  const expected = entries.toSorted((a, b) => a.at - b.at || a.slot - b.slot);
  for (const runEntries of [1 << 17, 1024, 300]) {
    const fd = unlinked();
    const runs = new ExpiryRuns(new SpillFile(unlinked()), runEntries);
    const writer = new PageWriter(fd, 0, 1, 2);
    // Twice: the runs of one database are gone before the next.
    for (let round = 0; round < 2; round++) {
      for (const { at, slot } of entries) runs.add(at >>> 0, Math.floor(at / 2 ** 32), slot);
      expect(runs.writePages(writer)).toBe(count);
    }
    writer.flush();
    const pages = Math.ceil(count / EXPIRIES_PER_PAGE);
    expect(writer.page).toBe(2 * pages);
    for (const round of [0, 1]) expect(read(fd, round * pages, pages)).toEqual(expected);
  }
});

function read(fd: number, firstPage: number, pages: number): { at: number; slot: number }[] {
  const found = [];
  const page = Buffer.alloc(PAGE_BYTES);
  for (let i = 0; i < pages; i++) {
    fs.readSync(fd, page, 0, PAGE_BYTES, (firstPage + i) * PAGE_BYTES);
    for (let entry = 0; entry < page.readUInt16LE(4); entry++) {
      const start = 8 + entry * 16;
      found.push({ at: Number(page.readBigInt64LE(start)), slot: Number(page.readBigUInt64LE(start + 8)) });
    }
  }
  return found;
}
