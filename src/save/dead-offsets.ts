/**
 * The offsets of a layer's dead records in ascending order, for a walk over its file from front to back.
 *
 * Dead bits name slots; slots lie in order of hashes, records in no order. So the slots are gone through once to count how many
 * fall into each part of the file, then once for each run of parts whose offsets are few enough to be sorted in memory.
 */
import type { DeadPicture } from "../layer/dead-bits.ts";
import type { KeyTable } from "../layer/key-table.ts";

const PARTS = 4096;
/** Offsets in memory at a time: 8 MiB. */
const OFFSETS_MAX = 2 ** 20;
const CHUNK_SLOTS = 2 ** 15;

/** The dead keys of one database of the layer. */
export interface DeadDatabase {
  readonly table: KeyTable;
  readonly picture: DeadPicture;
}

export class DeadOffsets {
  /** The least that has not been passed; Infinity when all have. */
  next = Number.POSITIVE_INFINITY;
  readonly #databases: readonly DeadDatabase[];
  readonly #partBytes: number;
  readonly #offsetsMax: number;
  readonly #counts = new Float64Array(PARTS);
  /** The first part whose offsets have not been loaded. */
  #part = 0;
  #offsets = new Float64Array(0);
  #count = 0;
  #at = 0;

  /** @param offsetsMax offsets in memory at a time (fewer in tests). Throws DamagedError. */
  constructor(databases: readonly DeadDatabase[], fileBytes: number, offsetsMax = OFFSETS_MAX) {
    this.#databases = databases;
    this.#partBytes = Math.ceil((fileBytes + 1) / PARTS);
    this.#offsetsMax = offsetsMax;
    eachDead(databases, (offset) => {
      const part = Math.floor(offset / this.#partBytes);
      this.#counts[part] = (this.#counts[part] as number) + 1;
    });
    this.#load();
  }

  /** Goes on behind `next`. Throws DamagedError. */
  pass(): void {
    if (++this.#at < this.#count) this.next = this.#offsets[this.#at] as number;
    else this.#load();
  }

  #load(): void {
    let count = 0;
    const first = this.#part;
    while (this.#part < PARTS && (count === 0 || count + (this.#counts[this.#part] as number) <= this.#offsetsMax)) {
      count += this.#counts[this.#part++] as number;
    }
    this.#count = 0;
    this.#at = 0;
    this.next = Number.POSITIVE_INFINITY;
    if (count === 0) return;
    if (this.#offsets.length < count) this.#offsets = new Float64Array(count);
    const offsets = this.#offsets;
    const from = first * this.#partBytes;
    const end = this.#part * this.#partBytes;
    eachDead(this.#databases, (offset) => {
      if (offset >= from && offset < end) offsets[this.#count++] = offset;
    });
    offsets.subarray(0, this.#count).sort();
    this.next = offsets[0] as number;
  }
}

function eachDead(databases: readonly DeadDatabase[], visit: (offset: number) => void): void {
  for (const { table, picture } of databases) {
    picture.forEach((chunk, number) => {
      if (chunk === undefined) return;
      for (let word = 0; word < chunk.length; word++) {
        for (let bits = chunk[word] as number; bits !== 0; bits &= bits - 1) {
          const slot = number * CHUNK_SLOTS + word * 32 + 31 - Math.clz32(bits & -bits);
          const offset = table.offsetAt(slot);
          if (offset >= 0) visit(offset);
        }
      }
    });
  }
}
