/**
 * Keeps JavaScript garbage small beside huge mappings.
 *
 * JavaScriptCore starts a collection when the heap has grown by a share of its size, and counts the windows of a mapping as
 * heap. With 20 GiB mapped (40 GiB of overlapping windows) it sees no reason to collect before gigabytes of garbage: measured
 * 659 MB of anonymous memory after 12 million small objects, where the same program without the mapping peaked at 23 MB.
 *
 * The cure that costs nothing is the environment variable COLLECTOR_VARIABLE, which the launcher sets before Bun starts:
 * a collection after so many allocated bytes, whatever the heap's size (same program, 32 MiB: 49 MB, no slower). It is read once,
 * when the runtime starts. CollectorBound is for whoever was started without it: it looks at anonymous memory now and then.
 */
import * as fs from "node:fs";
import { PAGE_BYTES } from "./libc.ts";

export const COLLECTOR_VARIABLE = "BUN_JSC_gcMaxHeapSize";
/** Value for the launcher: collect after each 24 MiB allocated; with 32, the first boot of 50 million keys came to 97 MB. */
export const COLLECTOR_BYTES = 24 * 2 ** 20;

export class CollectorBound {
  readonly #allowanceBytes: number;
  #floorBytes: number;

  /** A collection is made when anonymous memory has grown by `allowanceBytes` over what the last one left. */
  constructor(allowanceBytes = COLLECTOR_BYTES) {
    this.#allowanceBytes = allowanceBytes;
    this.#floorBytes = anonymousBytes();
  }

  /**
   * Call it regularly: from a timer, or every few MB of work in a loop that has none. Costs about 10 µs; when it collects
   * (this thread's heap, at once), 5–10 ms. Returns whether it did. Nothing to do when the launcher set the variable.
   */
  tick(): boolean {
    if (process.env[COLLECTOR_VARIABLE] !== undefined) return false;
    const bytes = anonymousBytes();
    if (bytes < this.#floorBytes) this.#floorBytes = bytes;
    if (bytes - this.#floorBytes < this.#allowanceBytes) return false;
    Bun.gc(true);
    this.#floorBytes = anonymousBytes();
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
