/**
 * Keeps JavaScript garbage small beside huge mappings.
 *
 * JavaScriptCore starts a collection when the heap has grown by a share of its size, and counts the windows of a mapping as
 * heap. With 20 GiB mapped (40 GiB of overlapping windows) it sees no reason to collect before gigabytes of garbage: measured
 * 659 MB of anonymous memory after 12 million small objects, where the same program without the mapping peaked at 23 MB.
 *
 * The cure that costs nothing is the environment variable COLLECTOR_VARIABLE, which the launcher sets before Bun starts:
 * a collection after so many allocated bytes, whatever the heap's size (same program: 49 MB, no slower). It is read once, when
 * the runtime starts. CollectorBound looks at anonymous memory now and then: it bounds the garbage of whoever was started
 * without the variable, and otherwise takes care of what a load leaves behind when nothing is allocated any more (350 MB of
 * decompressed strings lay there for a quarter of a minute).
 */
import * as fs from "node:fs";
import { PAGE_BYTES } from "./libc.ts";

export const COLLECTOR_VARIABLE = "BUN_JSC_gcMaxHeapSize";
/** Value for the launcher: collect after each 32 MiB allocated. */
export const COLLECTOR_BYTES = 32 * 2 ** 20;

/** Anonymous memory beyond this is more than Folio needs at rest. */
const RESTING_BYTES_MAX = 64 * 2 ** 20;
/** Ticks between two collections that did not bring memory below that. */
const TICKS_MAX = 64;

export class CollectorBound {
  readonly #allowanceBytes: number;
  #floorBytes: number;
  /** Ticks since the last collection, and how many there are to be before the next. */
  #ticks = 0;
  #ticksBetween = 1;

  /** A collection is made when anonymous memory has grown by `allowanceBytes` over what the last one left. */
  constructor(allowanceBytes = COLLECTOR_BYTES) {
    this.#allowanceBytes = allowanceBytes;
    this.#floorBytes = anonymousBytes();
  }

  /**
   * Call it regularly: from a timer, or every few MB of work in a loop that has none. Costs about 10 µs; when it collects
   * (this thread's heap, at once), 5–10 ms. Returns whether it did. When the launcher set the variable it only asks for a
   * collection beside the program's work, and only while memory is above what is needed at rest.
   */
  tick(): boolean {
    const bytes = anonymousBytes();
    if (process.env[COLLECTOR_VARIABLE] !== undefined) return this.#collectLeftovers(bytes);
    if (bytes < this.#floorBytes) this.#floorBytes = bytes;
    if (bytes - this.#floorBytes < this.#allowanceBytes) return false;
    Bun.gc(true);
    this.#floorBytes = anonymousBytes();
    return true;
  }

  /** Again and again, ever more seldom while it does not help: what is there may well be in use. */
  #collectLeftovers(bytes: number): boolean {
    if (bytes < RESTING_BYTES_MAX || bytes - this.#floorBytes > this.#allowanceBytes) this.#ticksBetween = 1;
    if (bytes < RESTING_BYTES_MAX || ++this.#ticks < this.#ticksBetween) return false;
    this.#ticks = 0;
    this.#ticksBetween = Math.min(this.#ticksBetween * 2, TICKS_MAX);
    this.#floorBytes = bytes;
    Bun.gc(false);
    return true;
  }
}

/** Resident memory that is not of files, quickly (/proc/self/statm); 0 on systems that have no such file. */
export function anonymousBytes(): number {
  try {
    const [, resident, shared] = fs.readFileSync("/proc/self/statm", "latin1").split(" ");
    return (Number(resident) - Number(shared)) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
