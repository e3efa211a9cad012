/**
 * A mapped index: pages by number, each verified the first time it is touched. Nothing here is sized by the number of
 * keys but the bitmap of verified pages (one bit for 4 KiB).
 *
 * Usage on the hot path: `const words = index.load(page)`, then words[index.at + i] is the page's i-th 32-bit word
 * (signed: unsigned ones above 2^31 would be doubles to the compiler).
 */
import { Mapping, type MappingHandle } from "../mmap/mapping.ts";
import { MmapError } from "../mmap/mmap-error.ts";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { DamagedError } from "./damaged-error.ts";
import {
  CHECKSUMS_PER_PAGE,
  DATABASE_ENTRY_BYTES,
  DATABASES_PER_PAGE,
  type DatabaseExtent,
  FUNCTIONS_PER_PAGE,
  type IndexHeader,
  PAGE_BYTES,
  PageAt,
} from "./format.ts";
import { decodeDatabase, decodeHeader, withinFile } from "./header.ts";
import { IndexRejected } from "./index-rejected.ts";
import { pageCheck } from "./page-check.ts";

const PAGES_PER_WINDOW_SHIFT = 18;
const PAGES_PER_WINDOW = WINDOW_STRIDE_BYTES / PAGE_BYTES;
const WORDS_PER_PAGE_SHIFT = 10;
const ENTRIES_WORD = PageAt.ENTRIES / 4;

export class IndexFile {
  readonly path: string;
  readonly header: IndexHeader;
  /** In order of dbid. */
  readonly databases: readonly DatabaseExtent[];
  readonly mapping: Mapping;
  /** What keeps the mapped bytes as they are; closed with the index. Set by open.ts. */
  guard: { close(): void } | undefined;
  /** After load(): position of the page's first word. */
  at = 0;
  /** Pages that failed their check when they were touched. */
  damagedPagesHit = 0;
  readonly #words: readonly Int32Array[];
  readonly #verified: Uint32Array;

  /** No other program can open it: it has no name. */
  get isNameless(): boolean {
    return this.mapping.path !== this.path;
  }

  private constructor(mapping: Mapping, path: string) {
    this.mapping = mapping;
    this.path = path;
    this.header = decodeHeader((mapping.windows[0] as Uint8Array).subarray(0, PAGE_BYTES), mapping.size);
    this.#words = mapping.windows.map(
      (window) => new Int32Array(window.buffer, window.byteOffset, Math.floor(window.length / 4)),
    );
    this.#verified = new Uint32Array(Math.ceil(mapping.size / PAGE_BYTES / 32));
    this.databases = this.#readDatabases();
  }

  /**
   * Maps the index at `path` and reads its header and database table.
   * Throws IndexRejected when it cannot be used, whatever the cause but one: MmapError "REMOTE" is for the operator to decide.
   * @param shownPath how messages name it, where that differs (a file without a name)
   */
  static open(path: string, allowRemote = false, shownPath = path): IndexFile {
    let mapping: Mapping;
    try {
      mapping = Mapping.open(path, { allowRemote });
    } catch (error) {
      if (!(error instanceof MmapError) || error.code === "REMOTE") throw error;
      throw new IndexRejected(
        error.code === "ENOENT" ? "it does not exist yet" : `it cannot be opened (${error.code})`,
      );
    }
    try {
      mapping.advise("random");
      return new IndexFile(mapping, shownPath);
    } catch (error) {
      mapping.close();
      if (error instanceof DamagedError) throw new IndexRejected("its database table is damaged (bad checksum)");
      throw error;
    }
  }

  /** In a Worker: an index that its owner has mapped and checked. `shownPath`: how messages name it. */
  static adopt(handle: MappingHandle, shownPath: string): IndexFile {
    return new IndexFile(Mapping.adopt(handle), shownPath);
  }

  /** The words of the window that holds `page`; `at` is then where the page begins. Throws DamagedError "damaged-index". */
  load(page: number): Int32Array {
    const words = this.#words[page >>> PAGES_PER_WINDOW_SHIFT] as Int32Array;
    this.at = (page & (PAGES_PER_WINDOW - 1)) << WORDS_PER_PAGE_SHIFT;
    if ((((this.#verified[page >>> 5] as number) >>> (page & 31)) & 1) === 0) this.#verify(page, words);
    return words;
  }

  /** As `load`, without verifying: of a page that has been loaded before (key-table.ts keeps what says so), or for touching only. */
  peek(page: number): Int32Array {
    this.at = (page & (PAGES_PER_WINDOW - 1)) << WORDS_PER_PAGE_SHIFT;
    return this.#words[page >>> PAGES_PER_WINDOW_SHIFT] as Int32Array;
  }

  /** CRC32 of block `block` of the RDB, as an unsigned 32-bit number. Throws DamagedError "damaged-index". */
  blockChecksum(block: number): number {
    const page = this.header.checksums.firstPage + Math.floor(block / CHECKSUMS_PER_PAGE);
    const words = this.load(page);
    return (words[this.at + ENTRIES_WORD + (block % CHECKSUMS_PER_PAGE)] as number) >>> 0;
  }

  /** Offsets in the RDB of its FUNCTION2 opcodes. */
  functionOffsets(): number[] {
    const { firstPage, entries } = this.header.functions;
    const offsets: number[] = [];
    for (let i = 0; i < entries; i++) {
      const words = this.load(firstPage + Math.floor(i / FUNCTIONS_PER_PAGE));
      const at = this.at + ENTRIES_WORD + 2 * (i % FUNCTIONS_PER_PAGE);
      offsets.push(((words[at] as number) >>> 0) + ((words[at + 1] as number) >>> 0) * 2 ** 32);
    }
    return offsets;
  }

  close(): void {
    this.guard?.close();
    this.mapping.close();
  }

  /** As close(), in pieces: see Mapping.closeGently. */
  closeGently(): Promise<void> {
    this.guard?.close();
    return this.mapping.closeGently();
  }

  #verify(page: number, words: Int32Array): void {
    const found = pageCheck(new Uint8Array(words.buffer), this.at * 4, page, this.header.seed.seed0);
    const expected = (words[this.at] as number) >>> 0;
    if (found !== expected) {
      this.damagedPagesHit++;
      throw new DamagedError(
        "damaged-index",
        this.path,
        page * PAGE_BYTES,
        `page checksum ${hex(found)}`,
        hex(expected),
        "it is being built again; if this comes back, examine the disk",
      );
    }
    this.#verified[page >>> 5] = (this.#verified[page >>> 5] as number) | (1 << (page & 31));
  }

  #readDatabases(): DatabaseExtent[] {
    const { firstPage, entries, pages } = this.header.databases;
    if (pages < Math.ceil(entries / DATABASES_PER_PAGE)) throw new IndexRejected("its database table is cut short");
    const databases: DatabaseExtent[] = [];
    for (let i = 0; i < entries; i++) {
      const words = this.load(firstPage + Math.floor(i / DATABASES_PER_PAGE));
      const at = this.at * 4 + PageAt.ENTRIES + (i % DATABASES_PER_PAGE) * DATABASE_ENTRY_BYTES;
      const extent = decodeDatabase(new Uint8Array(words.buffer), at);
      const { mapping } = this;
      if (
        (extent.pages > 0 && !withinFile(extent.firstPage, extent.pages, mapping.size)) ||
        (extent.expiryPages > 0 && !withinFile(extent.expiryFirstPage, extent.expiryPages, mapping.size))
      ) {
        throw new IndexRejected(`database ${extent.dbid} lies outside it`);
      }
      databases.push(extent);
    }
    return databases;
  }
}

export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}
