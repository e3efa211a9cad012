/**
 * The key pages of one database of an index: from a hash to candidate offsets.
 *
 * A search is a small state machine so that it allocates nothing: `first(h0)`, then `next()`, until one returns -1. Between
 * two steps nothing else may search the same table. Slot numbers: (page − first page) × 511 + position.
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
  }

  /** The offset of the first record that may be the one of this hash, or -1. Throws DamagedError when a page cannot be trusted. */
  first(h0: number): number {
    this.#tag = tagOf(h0, this.#homePages);
    return this.#search(this.#homePage(h0));
  }

  /** Loads the first word of the page where the search for a hash begins. For prefetching: unverified, of no meaning. */
  touchPage(h0: number): number {
    const words = this.#index.peek(this.#firstPage + this.#homePage(h0));
    return words[this.#index.at + COUNT_WORD] as number;
  }

  /** As `touchPage`: loads the slot where the hash's tag should be. */
  touchSlot(h0: number): number {
    const words = this.#index.peek(this.#firstPage + this.#homePage(h0));
    const { at } = this.#index;
    const position = (tagOf(h0, this.#homePages) * ((words[at + COUNT_WORD] as number) & 0xffff)) >>> 16;
    const word = at + ENTRIES_WORD + 2 * position;
    // The search walks some slots either way: the neighbouring cache lines too.
    return (words[word - 16] as number) ^ (words[word] as number) ^ (words[word + 16] as number);
  }

  /** The offset of the next one, or -1. Throws DamagedError. */
  next(): number {
    const words = this.#index.load(this.#firstPage + this.#page);
    return this.#take(words, this.#index.at, this.#position);
  }

  /** The offset in slot `slot`, or -1 when it is empty. Throws DamagedError. */
  offsetAt(slot: number): number {
    const page = Math.floor(slot / SLOTS_PER_PAGE);
    const words = this.#index.load(this.#firstPage + page);
    const position = slot - page * SLOTS_PER_PAGE;
    if (position >= ((words[this.#index.at + COUNT_WORD] as number) & 0xffff)) return -1;
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
    if (first > 0) isContinued = this.#flags(first - 1) !== 0;
    for (let page = first; page <= this.#lastPage && (page <= last || isContinued); page++) {
      const low = page === first && !isContinued ? tagOf(from, homes) : 0;
      const high = page === last && !isContinued ? tagOf(end - 1, homes) : 0xffff;
      this.#walkPage(page, low, high, visit);
      isContinued = this.#flags(page) !== 0;
    }
  }

  #walkPage(page: number, low: number, high: number, visit: (slot: number, offset: number) => void): void {
    const index = this.#index;
    const words = index.load(this.#firstPage + page);
    const at = index.at;
    const count = Math.min((words[at + COUNT_WORD] as number) & 0xffff, SLOTS_PER_PAGE);
    for (let position = 0; position < count; position++) {
      const entry = at + ENTRIES_WORD + 2 * position;
      const word = words[entry + 1] as number;
      const tag = word >>> 16;
      if (tag < low) continue;
      if (tag > high) return;
      visit(page * SLOTS_PER_PAGE + position, ((words[entry] as number) >>> 0) + (word & 0xffff) * 2 ** 32);
    }
  }

  #flags(page: number): number {
    const words = this.#index.load(this.#firstPage + page);
    return ((words[this.#index.at + COUNT_WORD] as number) >>> 16) & FLAG_CONTINUED;
  }

  /** The page, counted from the table's first, where the search for a hash begins. */
  #homePage(h0: number): number {
    return homePageOf(h0, this.#homePages) | 0;
  }

  /** Goes to the first slot of the page whose tag is not below the wanted one. */
  #search(page: number): number {
    const index = this.#index;
    const words = index.load(this.#firstPage + page);
    const at = index.at;
    const tag = this.#tag;
    const tags = at + ENTRIES_WORD + 1;
    const count = Math.min((words[at + COUNT_WORD] as number) & 0xffff, SLOTS_PER_PAGE);
    let position = (tag * count) >>> 16;
    while (position > 0 && (words[tags + 2 * position - 2] as number) >>> 16 >= tag) position--;
    while (position < count && (words[tags + 2 * position] as number) >>> 16 < tag) position++;
    this.#page = page;
    return this.#take(words, at, position);
  }

  /** The offset in slot `position`, if it has the wanted tag; else the search goes on in the next page, or ends. */
  #take(words: Int32Array, at: number, position: number): number {
    const head = words[at + COUNT_WORD] as number;
    if (position < (head & 0xffff)) {
      const entry = at + ENTRIES_WORD + 2 * position;
      const high = words[entry + 1] as number;
      if (high >>> 16 === this.#tag) {
        this.#position = position + 1;
        this.slot = this.#page * SLOTS_PER_PAGE + position;
        return ((words[entry] as number) >>> 0) + (high & 0xffff) * 2 ** 32;
      }
    }
    if (((head >>> 16) & FLAG_CONTINUED) === 0 || this.#page >= this.#lastPage) return -1;
    return this.#search(this.#page + 1);
  }
}
