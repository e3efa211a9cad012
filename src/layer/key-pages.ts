/**
 * Lays out the key pages of one database from what the scan spilled: partition by partition, sorted by (page, tag), written in
 * order. What does not fit in its page is carried to the next (docs/formats/index.md, "Overflow").
 */
import { FLAG_CONTINUED, homePageOf, KEYS_PER_HOME_PAGE, PageAt, SLOTS_PER_PAGE, tagOf } from "./format.ts";
import type { PageWriter } from "./page-writer.ts";
import { RadixSort } from "./radix-sort.ts";
import {
  ENTRY_EXPIRES,
  ENTRY_WORDS,
  EXPIRING_ENTRY_WORDS,
  PARTITION_BITS,
  PARTITIONS,
  readPartition,
  type SpilledDatabase,
  type SpillFile,
} from "./spill.ts";

/** A key as the judge of duplicates sees it. */
export interface Candidate {
  readonly offset: number;
  /** -1: none. */
  readonly expireAtMs: number;
}

/** Two keys of the same 64-bit hash, in order of offset. Throws when the file must be refused. */
export type DuplicateJudge = (dbid: number, a: Candidate, b: Candidate) => "keep" | "drop-a" | "drop-b";

/** A slot on its way to a page, where it is not written straight from the spilled words. */
interface Carried {
  readonly tag: number;
  readonly words: readonly [offsetLow: number, offsetHigh: number, expireLow: number, expireHigh: number];
}

export interface PlacedKeys {
  readonly keys: number;
  readonly homePages: number;
  readonly pages: number;
  readonly dropped: number;
}

/** Where slots with an expiry are told, in order of slot. */
export interface ExpirySink {
  add(expireLow: number, expireHigh: number, slot: number): void;
}

export class KeyPages {
  readonly #file: SpillFile;
  readonly #writer: PageWriter;
  readonly #expiries: ExpirySink;
  readonly #judge: DuplicateJudge;
  readonly #sort = new RadixSort();
  /** Entries of the partition at hand, after those left from the one before. */
  #words = new Uint32Array(0);
  #wordCount = 0;
  /** Per entry: where its words begin, and (page − base page) << 16 | tag. */
  #starts = new Uint32Array(0);
  #keys = new Uint32Array(0);
  #database: SpilledDatabase | undefined;
  #homePages = 0;
  #page = 0;
  #dropped = 0;
  #carried: Carried[] = [];

  constructor(file: SpillFile, writer: PageWriter, expiries: ExpirySink, judge: DuplicateJudge) {
    this.#file = file;
    this.#writer = writer;
    this.#expiries = expiries;
    this.#judge = judge;
  }

  /** Writes the key pages of `database`. Throws what the judge throws, and node:fs errors. */
  place(database: SpilledDatabase): PlacedKeys {
    this.#database = database;
    this.#homePages = Math.ceil(database.keys / KEYS_PER_HOME_PAGE);
    this.#page = 0;
    this.#dropped = 0;
    this.#wordCount = 0;
    if (database.words !== undefined) {
      this.#reserve(Math.max(...database.words) + SLOTS_PER_PAGE * EXPIRING_ENTRY_WORDS);
      for (let partition = 0; partition < PARTITIONS; partition++) this.#placePartition(database, partition);
    }
    while (this.#carried.length > 0) this.#writeMixed([]);
    return {
      keys: database.keys - this.#dropped,
      homePages: this.#homePages,
      pages: this.#page,
      dropped: this.#dropped,
    };
  }

  #placePartition(database: SpilledDatabase, partition: number): void {
    const basePage = this.#homePage(partition * 2 ** (32 - PARTITION_BITS));
    const nextPage =
      partition === PARTITIONS - 1 ? this.#homePages : this.#homePage((partition + 1) * 2 ** (32 - PARTITION_BITS));
    this.#reserve(this.#wordCount + (database.words?.[partition] ?? 0));
    this.#wordCount += readPartition(this.#file, database, partition, this.#words, this.#wordCount);
    // All of this partition lies in a page that the next one has a share of.
    if (nextPage === basePage) return;
    if (nextPage - basePage > 0xffff) throw new RangeError(`${database.keys} keys are too many for one database`);

    const count = this.#sortEntries(basePage);
    const { order } = this.#sort;
    let at = 0;
    for (let page = basePage; page < nextPage; page++) {
      const from = at;
      const pageEnd = (page - basePage + 1) * 0x10000;
      while (at < count && (this.#keys[order[at] as number] as number) < pageEnd) at++;
      this.#writePage(from, at);
    }
    this.#keep(at, count);
  }

  #homePage(h0: number): number {
    return homePageOf(h0, this.#homePages);
  }

  #reserve(words: number): void {
    if (words <= this.#words.length) return;
    const grown = new Uint32Array(Math.ceil(words * 1.1));
    grown.set(this.#words.subarray(0, this.#wordCount));
    this.#words = grown;
    const entries = Math.ceil(grown.length / ENTRY_WORDS);
    this.#starts = new Uint32Array(entries);
    this.#keys = new Uint32Array(entries);
  }

  #sortEntries(basePage: number): number {
    const words = this.#words;
    let count = 0;
    for (let at = 0; at < this.#wordCount; ) {
      this.#starts[count] = at;
      const h0 = words[at] as number;
      this.#keys[count] = ((this.#homePage(h0) - basePage) << 16) | tagOf(h0, this.#homePages);
      count++;
      at += (words[at + 3] as number) >= ENTRY_EXPIRES ? EXPIRING_ENTRY_WORDS : ENTRY_WORDS;
    }
    this.#sort.reset(count);
    this.#sort.sort(this.#keys, count);
    return count;
  }

  /** Moves the entries order[from … to), of a page shared with the next partition, to the front of the words. */
  #keep(from: number, to: number): void {
    const kept: number[] = [];
    for (let i = from; i < to; i++) {
      const at = this.#starts[this.#sort.order[i] as number] as number;
      const size = (this.#words[at + 3] as number) >= ENTRY_EXPIRES ? EXPIRING_ENTRY_WORDS : ENTRY_WORDS;
      for (let j = 0; j < size; j++) kept.push(this.#words[at + j] as number);
    }
    this.#words.set(kept);
    this.#wordCount = kept.length;
  }

  #writePage(from: number, to: number): void {
    const end = this.#dropDuplicates(from, to);
    if (this.#carried.length > 0 || end - from > SLOTS_PER_PAGE) {
      const own: Carried[] = [];
      for (let i = from; i < end; i++) own.push(this.#carry(this.#sort.order[i] as number));
      this.#writeMixed(own);
      return;
    }
    const writer = this.#writer;
    const target = writer.words;
    const words = this.#words;
    const { order } = this.#sort;
    const entries = writer.begin() + PageAt.ENTRIES / 4;
    const firstSlot = this.#page * SLOTS_PER_PAGE;
    for (let i = from; i < end; i++) {
      const key = order[i] as number;
      const at = this.#starts[key] as number;
      const high = words[at + 3] as number;
      const entry = entries + 2 * (i - from);
      target[entry] = words[at + 2] as number;
      target[entry + 1] = ((this.#keys[key] as number) << 16) | (high & 0xffff);
      if (high >= ENTRY_EXPIRES) {
        this.#expiries.add(words[at + 4] as number, words[at + 5] as number, firstSlot + i - from);
      }
    }
    writer.finish(end - from);
    this.#page++;
  }

  /** Writes a page of what was carried and `own`, first in first out; what is left is carried on. */
  #writeMixed(own: Carried[]): void {
    const all = this.#carried.concat(own);
    const here = all.slice(0, SLOTS_PER_PAGE).sort((a, b) => a.tag - b.tag);
    this.#carried = all.slice(SLOTS_PER_PAGE);
    const writer = this.#writer;
    const entries = writer.begin() + PageAt.ENTRIES / 4;
    here.forEach(({ tag, words: [offsetLow, offsetHigh, expireLow, expireHigh] }, position) => {
      writer.words[entries + 2 * position] = offsetLow;
      writer.words[entries + 2 * position + 1] = (tag << 16) | (offsetHigh & 0xffff);
      if (offsetHigh >= ENTRY_EXPIRES) {
        this.#expiries.add(expireLow, expireHigh, this.#page * SLOTS_PER_PAGE + position);
      }
    });
    writer.finish(here.length, this.#carried.length > 0 ? FLAG_CONTINUED : 0);
    this.#page++;
  }

  #carry(entry: number): Carried {
    const at = this.#starts[entry] as number;
    const words = this.#words;
    const expires = (words[at + 3] as number) >= ENTRY_EXPIRES;
    return {
      tag: (this.#keys[entry] as number) & 0xffff,
      words: [
        words[at + 2] as number,
        words[at + 3] as number,
        expires ? (words[at + 4] as number) : 0,
        expires ? (words[at + 5] as number) : 0,
      ],
    };
  }

  /** Has keys of the same hash judged, removes those to be dropped from order[from … to); returns the new end. */
  #dropDuplicates(from: number, to: number): number {
    const { order } = this.#sort;
    let end = from;
    for (let i = from; i < to; i++) {
      const entry = order[i] as number;
      let keep = true;
      for (let j = end - 1; keep && j >= from && this.#keys[order[j] as number] === this.#keys[entry]; j--) {
        if (!this.#sameHash(order[j] as number, entry)) continue;
        const verdict = this.#judgePair(order[j] as number, entry);
        if (verdict === "keep") continue;
        this.#dropped++;
        keep = false;
        if (verdict === "first") order[j] = entry;
      }
      if (keep) order[end++] = entry;
    }
    return end;
  }

  #sameHash(a: number, b: number): boolean {
    const atA = this.#starts[a] as number;
    const atB = this.#starts[b] as number;
    return this.#words[atA] === this.#words[atB] && this.#words[atA + 1] === this.#words[atB + 1];
  }

  /** Which of the two goes, if any; the judge sees them in order of offset. */
  #judgePair(first: number, second: number): "keep" | "first" | "second" {
    const a = this.#candidate(first);
    const b = this.#candidate(second);
    const dbid = this.#database?.dbid ?? 0;
    const inOrder = a.offset < b.offset;
    const verdict = inOrder ? this.#judge(dbid, a, b) : this.#judge(dbid, b, a);
    if (verdict === "keep") return "keep";
    return (verdict === "drop-a") === inOrder ? "first" : "second";
  }

  #candidate(entry: number): Candidate {
    const [offsetLow, offsetHigh, expireLow, expireHigh] = this.#carry(entry).words;
    return {
      offset: offsetLow + (offsetHigh & 0xffff) * 2 ** 32,
      expireAtMs: offsetHigh >= ENTRY_EXPIRES ? (expireHigh | 0) * 2 ** 32 + expireLow : -1,
    };
  }
}
