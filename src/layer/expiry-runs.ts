/**
 * Sorts (expire_at, slot) of one database in bounded memory: runs of 128 Ki entries are sorted and spilled, then merged.
 *
 *   entry   | expire_at low | expire_at high | slot low | slot high |       four u32, as in the expiry pages
 *
 * Entries are added in order of slot, so a stable sort by expire_at orders them by (expire_at, slot).
 */
import { EXPIRIES_PER_PAGE, PageAt } from "./format.ts";
import type { PageWriter } from "./page-writer.ts";
import { RadixSort } from "./radix-sort.ts";
import type { SpillFile } from "./spill.ts";

const WORDS = 4;
const RUN_ENTRIES = 1 << 17;
/** Entries read ahead of each run while merging: 4 KiB. */
const READ_ENTRIES = 256;
const SPILL_ENTRIES = 4096;
const SIGN = 0x80000000;

export class ExpiryRuns {
  readonly #file: SpillFile;
  readonly #runEntries: number;
  // Kept from run to run: the collector would come late for arrays of this size.
  #words = new Uint32Array(1024 * WORDS);
  #keys = new Uint32Array(1024);
  readonly #piece = new Uint32Array(SPILL_ENTRIES * WORDS);
  #count = 0;
  #runs: Run[] = [];
  readonly #sort = new RadixSort();

  /** @param runEntries entries sorted in memory (smaller in tests) */
  constructor(file: SpillFile, runEntries = RUN_ENTRIES) {
    this.#file = file;
    this.#runEntries = runEntries;
  }

  /** Slots come in ascending order. */
  add(expireLow: number, expireHigh: number, slot: number): void {
    if (this.#count === this.#runEntries) this.#spillRun();
    const at = this.#count * WORDS;
    if (at === this.#words.length) {
      const grown = new Uint32Array(Math.min(this.#words.length * 2, this.#runEntries * WORDS));
      grown.set(this.#words);
      this.#words = grown;
      this.#keys = new Uint32Array(grown.length / WORDS);
    }
    this.#words[at] = expireLow;
    this.#words[at + 1] = expireHigh;
    this.#words[at + 2] = slot;
    this.#words[at + 3] = Math.floor(slot / 2 ** 32);
    this.#count++;
  }

  /** Writes the expiry pages of all that was added, and forgets it. Returns the number of entries. */
  writePages(writer: PageWriter): number {
    const pages = new ExpiryPages(writer);
    if (this.#runs.length === 0) {
      const order = this.#sorted();
      for (let i = 0; i < this.#count; i++) pages.add(this.#words, (order[i] as number) * WORDS);
    } else {
      if (this.#count > 0) this.#spillRun();
      this.#file.flush();
      this.#merge(pages);
    }
    this.#count = 0;
    this.#runs = [];
    return pages.finish();
  }

  #sorted(): Uint32Array {
    const count = this.#count;
    const keys = this.#keys;
    this.#sort.reset(count);
    for (let i = 0; i < count; i++) keys[i] = this.#words[i * WORDS] as number;
    this.#sort.sort(keys, count);
    for (let i = 0; i < count; i++) keys[i] = (this.#words[i * WORDS + 1] as number) ^ SIGN;
    this.#sort.sort(keys, count);
    return this.#sort.order;
  }

  #spillRun(): void {
    const order = this.#sorted();
    const piece = this.#piece;
    const position = this.#file.size;
    for (let i = 0; i < this.#count; i += SPILL_ENTRIES) {
      const entries = Math.min(SPILL_ENTRIES, this.#count - i);
      for (let j = 0; j < entries; j++) copyEntry(this.#words, (order[i + j] as number) * WORDS, piece, j * WORDS);
      this.#file.append(piece, 0, entries * WORDS);
    }
    this.#runs.push(new Run(this.#file, position, this.#count, this.#runs.length));
    this.#count = 0;
  }

  /** A binary heap of runs by their next entry; ties go to the earlier run, whose slots are smaller. */
  #merge(pages: ExpiryPages): void {
    const heap: Run[] = [];
    for (const run of this.#runs) {
      if (!run.load()) continue;
      heap.push(run);
      for (let i = heap.length - 1; i > 0 && before(heap[i]!, heap[(i - 1) >> 1]!); i = (i - 1) >> 1) {
        swap(heap, i, (i - 1) >> 1);
      }
    }
    while (heap.length > 0) {
      const run = heap[0] as Run;
      pages.add(run.words, run.at);
      if (!run.advance()) {
        const last = heap.pop() as Run;
        if (heap.length === 0) return;
        heap[0] = last;
      }
      siftDown(heap);
    }
  }
}

/** A sorted run in the spill file, read a few entries at a time. */
class Run {
  readonly words = new Uint32Array(READ_ENTRIES * WORDS);
  at = 0;
  /** expire_at of the entry at `at`. */
  expireAtMs = 0;
  readonly order: number;
  readonly #file: SpillFile;
  #position: number;
  #left: number;
  #loaded = 0;

  constructor(file: SpillFile, position: number, entries: number, order: number) {
    this.#file = file;
    this.#position = position;
    this.#left = entries;
    this.order = order;
  }

  /** Reads the next piece; false when there is none. */
  load(): boolean {
    const entries = Math.min(READ_ENTRIES, this.#left);
    if (entries === 0) return false;
    this.#file.read(this.words, 0, entries * WORDS, this.#position);
    this.#position += entries * WORDS * 4;
    this.#left -= entries;
    this.#loaded = entries * WORDS;
    this.at = 0;
    this.#decode();
    return true;
  }

  advance(): boolean {
    this.at += WORDS;
    if (this.at >= this.#loaded) return this.load();
    this.#decode();
    return true;
  }

  #decode(): void {
    this.expireAtMs = ((this.words[this.at + 1] as number) | 0) * 2 ** 32 + (this.words[this.at] as number);
  }
}

class ExpiryPages {
  readonly #writer: PageWriter;
  #entries = 0;
  #inPage = 0;
  #at = 0;

  constructor(writer: PageWriter) {
    this.#writer = writer;
  }

  add(words: Uint32Array, at: number): void {
    if (this.#inPage === 0) this.#at = this.#writer.begin();
    copyEntry(words, at, this.#writer.words, this.#at + PageAt.ENTRIES / 4 + this.#inPage * WORDS);
    this.#entries++;
    if (++this.#inPage === EXPIRIES_PER_PAGE) this.#endPage();
  }

  finish(): number {
    if (this.#inPage > 0) this.#endPage();
    return this.#entries;
  }

  #endPage(): void {
    this.#writer.finish(this.#inPage);
    this.#inPage = 0;
  }
}

function copyEntry(from: Uint32Array, at: number, to: Uint32Array, toAt: number): void {
  to[toAt] = from[at] as number;
  to[toAt + 1] = from[at + 1] as number;
  to[toAt + 2] = from[at + 2] as number;
  to[toAt + 3] = from[at + 3] as number;
}

function before(a: Run, b: Run): boolean {
  return a.expireAtMs < b.expireAtMs || (a.expireAtMs === b.expireAtMs && a.order < b.order);
}

function siftDown(heap: Run[]): void {
  let i = 0;
  for (;;) {
    let least = i;
    const left = 2 * i + 1;
    if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
    if (left + 1 < heap.length && before(heap[left + 1]!, heap[least]!)) least = left + 1;
    if (least === i) return;
    swap(heap, i, least);
    i = least;
  }
}

function swap(heap: Run[], i: number, j: number): void {
  const held = heap[i] as Run;
  heap[i] = heap[j] as Run;
  heap[j] = held;
}
