/**
 * Lays out the pages of an index behind its block checksums, from what was spilled of each key: per database its key pages and
 * expiry pages, then the database table, then the offsets of functions.
 */
import { ExpiryRuns } from "./expiry-runs.ts";
import {
  DATABASE_ENTRY_BYTES,
  DATABASES_PER_PAGE,
  type DatabaseExtent,
  FUNCTIONS_PER_PAGE,
  PageAt,
  type Section,
} from "./format.ts";
import { databaseFields } from "./header.ts";
import { type DuplicateJudge, KeyPages } from "./key-pages.ts";
import type { PageWriter } from "./page-writer.ts";
import type { SpilledDatabase, SpillFile } from "./spill.ts";

export interface Layout {
  readonly databases: Section;
  readonly functions: Section;
  /** Keys that the judge had left out. */
  readonly dropped: number;
  /** Pages of the index, all told. */
  readonly pages: number;
}

/**
 * Writes the pages. `databases` in order of dbid, all flushed to `spill`; `functions`: offsets of FUNCTION2 opcodes; `step` is called
 * after each database. Throws what the judge and `step` throw, and node:fs errors.
 */
export function layOut(
  spill: SpillFile,
  writer: PageWriter,
  databases: readonly SpilledDatabase[],
  functions: readonly number[],
  judge: DuplicateJudge,
  step: () => void,
): Layout {
  const expiries = new ExpiryRuns(spill);
  const keyPages = new KeyPages(spill, writer, expiries, judge);
  const extents: DatabaseExtent[] = [];
  let dropped = 0;
  for (const database of databases) {
    const firstPage = writer.page;
    const placed = keyPages.place(database);
    const expiryFirstPage = writer.page;
    const expiringKeys = expiries.writePages(writer);
    dropped += placed.dropped;
    extents.push({
      dbid: database.dbid,
      keys: placed.keys,
      expiringKeys,
      firstPage,
      homePages: placed.homePages,
      pages: placed.pages,
      expiryFirstPage,
      expiryPages: writer.page - expiryFirstPage,
    });
    step();
  }
  const table = writeDatabases(writer, extents);
  const offsets = writeFunctions(writer, functions);
  writer.flush();
  return { databases: table, functions: offsets, dropped, pages: writer.page };
}

function writeDatabases(writer: PageWriter, extents: readonly DatabaseExtent[]): Section {
  const firstPage = writer.page;
  for (let first = 0; first < extents.length; first += DATABASES_PER_PAGE) {
    const here = extents.slice(first, first + DATABASES_PER_PAGE);
    const at = writer.begin() + PageAt.ENTRIES / 4;
    here.forEach((extent, i) => {
      databaseFields(extent).forEach((value, field) => {
        putU64(writer, at + (i * DATABASE_ENTRY_BYTES) / 4 + 2 * field, value);
      });
    });
    writer.finish(here.length);
  }
  return { firstPage, pages: writer.page - firstPage, entries: extents.length };
}

function writeFunctions(writer: PageWriter, offsets: readonly number[]): Section {
  const firstPage = writer.page;
  for (let first = 0; first < offsets.length; first += FUNCTIONS_PER_PAGE) {
    const here = offsets.slice(first, first + FUNCTIONS_PER_PAGE);
    const at = writer.begin() + PageAt.ENTRIES / 4;
    here.forEach((offset, i) => {
      putU64(writer, at + 2 * i, offset);
    });
    writer.finish(here.length);
  }
  return { firstPage, pages: writer.page - firstPage, entries: offsets.length };
}

function putU64(writer: PageWriter, at: number, value: number): void {
  writer.words[at] = value % 2 ** 32;
  writer.words[at + 1] = Math.floor(value / 2 ** 32);
}
