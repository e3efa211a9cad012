/**
 * Keeps some memory ahead of what a region has given out, faulted in by a Worker: a first touch of a huge page is the kernel's
 * zeroing of 2 MiB (0.3 ms, several where the machine has to find them first), which no command should wait for.
 *
 *   region   |0 ........ given out ........|.. populated ..|.. asked for ..|........ capacity|
 *                                           └─ AHEAD_BYTES ─┘
 */
import type { AnonymousRegion, RegionHandle } from "./anonymous.ts";

/** What a Worker is told: fault in [offset, offset + length) of a region. */
export interface PopulateOrder {
  readonly region: RegionHandle;
  readonly offset: number;
  readonly length: number;
}

const STEP_BYTES = 8 * 2 ** 20;
const AHEAD_BYTES = 8 * 2 ** 20;
/** A small region grows by its own faults: a Worker costs more than they do. */
const GIVEN_BYTES_MIN = 8 * 2 ** 20;

export class Populator {
  #worker: Worker | null = null;
  /** By region: asked for up to here. */
  readonly #populatedTo = new WeakMap<AnonymousRegion, number>();

  /** `region` has given out `bytes` bytes from its start on. Cheap: for each new unit. */
  reached(region: AnonymousRegion, bytes: number): void {
    if (bytes < GIVEN_BYTES_MIN) return;
    const from = Math.max(this.#populatedTo.get(region) ?? 0, bytes);
    if (from - bytes >= AHEAD_BYTES || from + STEP_BYTES > region.capacity) return;
    this.#populatedTo.set(region, from + STEP_BYTES);
    this.#start().postMessage({
      region: region.describe(),
      offset: from,
      length: STEP_BYTES,
    } satisfies PopulateOrder);
  }

  #start(): Worker {
    if (this.#worker === null) {
      this.#worker = new Worker(new URL("../workers/populate-worker.ts", import.meta.url).href);
      // The process may end while it waits for work.
      this.#worker.unref();
    }
    return this.#worker;
  }
}
