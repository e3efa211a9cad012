/**
 * The key pages of one database of an index: from a hash to candidate offsets.
 *
 * A search is a small state machine so that it allocates nothing: `first(h0)`, then `next()`, until one returns -1. Between
 * two steps nothing else may search the same table. Slot numbers: (page − first page) × 511 + position.
 *
 *   heads   | count u16, flags u16 | 0 | count, flags | …      of the pages that have been read, 0: not yet. So a lookup touches
 *                                                              one place of a page, where the slot is, and not its beginning
 */
import { type DatabaseExtent, FLAG_CONTINUED, homePageOf, PageAt, SLOTS_PER_PAGE, tagOf } from "./format.ts";
import type { IndexFile } from "./index-file.ts";

const COUNT_WORD = PageAt.COUNT / 4;
const ENTRIES_WORD = PageAt.ENTRIES / 4;

export class KeyTable {
  readonly extent: DatabaseExtent;
  /** Slot numbers are below this. */
  readonly slotLimit: number;
  /** After first() or next(): the slot number of the record. */
  slot = 0;
  readonly #index: IndexFile;
  // Page numbers are kept int32 (2^31 pages are 8 TiB of index): doubles in the search cost a third more.
  readonly #firstPage: number;
  readonly #lastPage: number;
  readonly #homePages: number;
  readonly #heads: Int32Array;
  #tag = 0;
  #page = 0;
  #position = 0;

  constructor(index: IndexFile, extent: DatabaseExtent) {
    this.#index = index;
    this.extent = extent;
    this.slotLimit = extent.pages * SLOTS_PER_PAGE;
    this.#firstPage = extent.firstPage | 0;
    this.#lastPage = (extent.pages - 1) | 0;
    this.#homePages = extent.homePages;
    this.#heads = new Int32Array(extent.pages);
  }

  /** The offset of the first record that may be the one of this hash, or -1. Throws DamagedError when a page cannot be trusted. */
  first(h0: number): number {
    this.#tag = tagOf(h0, this.#homePages);
    return this.#search(this.#homePage(h0));
  }

  /**
   * Loads the slot where the hash's tag should be; the beginning of its page, where that has not been read yet. For prefetching:
   * unverified, of no meaning.
   */
  touch(h0: number): number {
    const page = this.#homePage(h0);
    const words = this.#index.peek(this.#firstPage + page);
    const { at } = this.#index;
    const head = this.#heads[page] as number;
    if (head === 0) return words[at + COUNT_WORD] as number;
    const position = (tagOf(h0, this.#homePages) * (head & 0xffff)) >>> 16;
    const word = at + ENTRIES_WORD + 2 * position;
    // The search walks some slots either way: the neighbouring cache lines too.
    return (words[word - 16] as number) ^ (words[word] as number) ^ (words[word + 16] as number);
  }

  /** The offset of the next one, or -1. Throws DamagedError. */
  next(): number {
    const head = this.#head(this.#page);
    const words = this.#index.peek(this.#firstPage + this.#page);
    return this.#take(head, words, this.#index.at, this.#position);
  }

  /** The offset in slot `slot`, or -1 when it is empty. Throws DamagedError. */
  offsetAt(slot: number): number {
    const page = Math.floor(slot / SLOTS_PER_PAGE);
    const position = slot - page * SLOTS_PER_PAGE;
    if (position >= (this.#head(page) & 0xffff)) return -1;
    const words = this.#index.peek(this.#firstPage + page);
    const at = this.#index.at + ENTRIES_WORD + 2 * position;
    return ((words[at] as number) >>> 0) + ((words[at + 1] as number) & 0xffff) * 2 ** 32;
  }

  /**
   * Visits the slots that may hold keys whose h0, as an unsigned number, is in [from, end), in order of pages and tags. Some of
   * them hold others: a tag is shared, and a page that is CONTINUED leaves keys among the next one's. Throws DamagedError.
   */
  walk(from: number, end: number, visit: (slot: number, offset: number) => void): void {
    if (end <= from) return;
    const homes = this.#homePages;
    const last = homePageOf(end - 1, homes);
    let isContinued = false;
    const first = homePageOf(from, homes);
    if (first > 0) isContinued = isContinuedBy(this.#head(first - 1));
    for (let page = first; page <= this.#lastPage && (page <= last || isContinued); page++) {
      const low = page === first && !isContinued ? tagOf(from, homes) : 0;
      const high = page === last && !isContinued ? tagOf(end - 1, homes) : 0xffff;
      this.#walkPage(page, low, high, visit);
      isContinued = isContinuedBy(this.#head(page));
    }
  }

  #walkPage(page: number, low: number, high: number, visit: (slot: number, offset: number) => void): void {
    const index = this.#index;
    const count = this.#head(page) & 0xffff;
    const words = index.peek(this.#firstPage + page);
    const at = index.at;
    for (let position = 0; position < count; position++) {
      const entry = at + ENTRIES_WORD + 2 * position;
      const word = words[entry + 1] as number;
      const tag = word >>> 16;
      if (tag < low) continue;
      if (tag > high) return;
      visit(page * SLOTS_PER_PAGE + position, ((words[entry] as number) >>> 0) + (word & 0xffff) * 2 ** 32);
    }
  }

  /** Count (at most SLOTS_PER_PAGE) and flags of a page, which is verified then. Throws DamagedError. */
  #head(page: number): number {
    const known = this.#heads[page] as number;
    return known !== 0 ? known : this.#readHead(page);
  }

  #readHead(page: number): number {
    const words = this.#index.load(this.#firstPage + page);
    const head = words[this.#index.at + COUNT_WORD] as number;
    const count = Math.min(head & 0xffff, SLOTS_PER_PAGE);
    this.#heads[page] = (head & ~0xffff) | count;
    return this.#heads[page] as number;
  }

  /** The page, counted from the table's first, where the search for a hash begins. */
  #homePage(h0: number): number {
    return homePageOf(h0, this.#homePages) | 0;
  }

  /** Goes to the first slot of the page whose tag is not below the wanted one. */
  #search(page: number): number {
    const index = this.#index;
    const head = this.#head(page);
    const words = index.peek(this.#firstPage + page);
    const at = index.at;
    const tag = this.#tag;
    const tags = at + ENTRIES_WORD + 1;
    const count = head & 0xffff;
    let position = (tag * count) >>> 16;
    while (position > 0 && (words[tags + 2 * position - 2] as number) >>> 16 >= tag) position--;
    while (position < count && (words[tags + 2 * position] as number) >>> 16 < tag) position++;
    this.#page = page;
    return this.#take(head, words, at, position);
  }

  /** The offset in slot `position`, if it has the wanted tag; else the search goes on in the next page, or ends. */
  #take(head: number, words: Int32Array, at: number, position: number): number {
    if (position < (head & 0xffff)) {
      const entry = at + ENTRIES_WORD + 2 * position;
      const high = words[entry + 1] as number;
      if (high >>> 16 === this.#tag) {
        this.#position = position + 1;
        this.slot = this.#page * SLOTS_PER_PAGE + position;
        return ((words[entry] as number) >>> 0) + (high & 0xffff) * 2 ** 32;
      }
    }
    if (!isContinuedBy(head) || this.#page >= this.#lastPage) return -1;
    return this.#search(this.#page + 1);
  }
}

/** Whether a search that fails in the page of this head goes on in the next one. */
function isContinuedBy(head: number): boolean {
  return ((head >>> 16) & FLAG_CONTINUED) !== 0;
}
