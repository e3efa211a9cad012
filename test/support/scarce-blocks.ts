/** Blocks of which so many can still be had: what a full arena does to whoever needs one more. */
import { type Arena, ArenaFull } from "../../src/overlay/arena.ts";
import type { Blocks } from "../../src/overlay/encodings/blocks.ts";

export class ScarceBlocks implements Blocks {
  /** Blocks that can still be had. */
  left = Number.POSITIVE_INFINITY;

  constructor(readonly arena: Arena) {}

  get windows(): readonly Uint8Array[] {
    return this.arena.windows;
  }

  get words(): readonly Int32Array[] {
    return this.arena.words;
  }

  get pins(): { readonly count: number } {
    return this.arena.pins;
  }

  allocate(bytes: number): number {
    if (this.left <= 0) throw new ArenaFull(bytes);
    this.left--;
    return this.arena.allocate(bytes);
  }

  free(handle: number): void {
    this.arena.free(handle);
  }

  capacity(handle: number): number {
    return this.arena.capacity(handle);
  }

  /** Tries with no block at all, then one, then two …, until it works; how often it did not. `failed` after each time that it did not. */
  insist(action: () => void, failed: () => void): number {
    for (let allowed = 0; ; allowed++) {
      this.left = allowed;
      try {
        action();
        return allowed;
      } catch (error) {
        if (!(error instanceof ArenaFull)) throw error;
        this.left = Number.POSITIVE_INFINITY;
        failed();
      } finally {
        this.left = Number.POSITIVE_INFINITY;
      }
    }
  }
}
