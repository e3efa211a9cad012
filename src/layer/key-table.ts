/**
 * The key pages of one database of an index: from a hash to candidate offsets.
 *
 * A search is a small state machine so that it allocates nothing: `begin(h0, h1)`, then `next()` until it returns -1. Between
 * two steps nothing else may search the same table. Slot numbers: (page − first page) × 511 + position.
 */
import { type DatabaseExtent, FLAG_CONTINUED, PageAt, SLOTS_PER_PAGE } from "./format.ts";
import type { IndexFile } from "./index-file.ts";

const COUNT_WORD = PageAt.COUNT / 4;
const ENTRIES_WORD = PageAt.ENTRIES / 4;

export class KeyTable {
  readonly extent: DatabaseExtent;
  /** Slot numbers are below this. */
  readonly slotLimit: number;
  /** After next() or offsetAt(): the slot number it spoke of. */
  slot = 0;
  readonly #index: IndexFile;
  readonly #pagesPerHash: number;
  #tag = 0;
  #page = 0;
  #at = 0;
  #position = 0;
  #words: Int32Array = new Int32Array(0);

  constructor(index: IndexFile, extent: DatabaseExtent) {
    this.#index = index;
    this.extent = extent;
    this.slotLimit = extent.pages * SLOTS_PER_PAGE;
    this.#pagesPerHash = extent.homePages / 2 ** 32;
  }

  /** Starts a search for a hash. Throws DamagedError when the page cannot be trusted. */
  begin(h0: number, h1: number): void {
    this.#tag = h1 >>> 16;
    this.#openPage(Math.floor((h0 >>> 0) * this.#pagesPerHash));
  }

  /** The offset of the next record whose tag is the wanted one, or -1. Throws DamagedError. */
  next(): number {
    for (;;) {
      const words = this.#words;
      const head = words[this.#at + COUNT_WORD] as number;
      const position = this.#position;
      if (position < (head & 0xffff)) {
        const at = this.#at + ENTRIES_WORD + 2 * position;
        const high = words[at + 1] as number;
        if (high >>> 16 === this.#tag) {
          this.#position = position + 1;
          this.slot = this.#page * SLOTS_PER_PAGE + position;
          return ((words[at] as number) >>> 0) + (high & 0xffff) * 2 ** 32;
        }
      }
      if (((head >>> 16) & FLAG_CONTINUED) === 0 || this.#page + 1 >= this.extent.pages) return -1;
      this.#openPage(this.#page + 1);
    }
  }

  /** The offset in slot `slot`, or -1 when it is empty. Throws DamagedError. */
  offsetAt(slot: number): number {
    const page = Math.floor(slot / SLOTS_PER_PAGE);
    const words = this.#index.load(this.extent.firstPage + page);
    const position = slot - page * SLOTS_PER_PAGE;
    if (position >= ((words[this.#index.at + COUNT_WORD] as number) & 0xffff)) return -1;
    const at = this.#index.at + ENTRIES_WORD + 2 * position;
    return ((words[at] as number) >>> 0) + ((words[at + 1] as number) & 0xffff) * 2 ** 32;
  }

  /** Loads the page and finds its first slot whose tag is not below the wanted one. */
  #openPage(page: number): void {
    const index = this.#index;
    const words = index.load(this.extent.firstPage + page);
    const tag = this.#tag;
    const at = index.at;
    const tags = at + ENTRIES_WORD + 1;
    const count = Math.min((words[at + COUNT_WORD] as number) & 0xffff, SLOTS_PER_PAGE);
    let position = (tag * count) >>> 16;
    while (position > 0 && (words[tags + 2 * position - 2] as number) >>> 16 >= tag) position--;
    while (position < count && (words[tags + 2 * position] as number) >>> 16 < tag) position++;
    this.#words = words;
    this.#page = page;
    this.#at = at;
    this.#position = position;
  }
}
