/**
 * Native structures that were deleted, or made in vain: freed at once where they are small, else in slices from a timer. One that a
 * sliced command may still walk (Pins) is not touched before that has ended.
 */
import type { Arena } from "./arena.ts";
import type { Graves } from "./encodings/blocks.ts";
import { atOnce, nativeForm } from "./encodings/native.ts";

/** Elements of a structure that is freed at once. */
const AT_ONCE_MAX = 64;

interface Grave {
  readonly type: number;
  readonly root: number;
  /** Bytes that it still takes, as estimated when it was buried. */
  bytes: number;
  /** When it was buried (Pins.epoch). */
  readonly epoch: number;
}

export class Graveyard implements Graves {
  /** Bytes of what has not been freed yet, as estimated. */
  bytes = 0;
  readonly #arena: Arena;
  readonly #graves: Grave[] = [];
  #freeing: Generator<void, void, void> | null = null;
  /** Of structures that were never anybody's: nobody walks them, so no pin holds them up. */
  readonly #unwanted: Generator<void, void, void>[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
    arena.graves = this;
  }

  /** Takes a structure that nothing names any more. */
  bury(type: number, root: number): void {
    const arena = this.#arena;
    const form = nativeForm(type);
    if (arena.pins.count === 0 && form.count(arena, root) <= AT_ONCE_MAX) {
      atOnce(form.free(arena, root));
      return;
    }
    const bytes = form.bytes(arena, root);
    this.#graves.push({ type, root, bytes, epoch: arena.pins.epoch });
    this.bytes += bytes;
    arena.tally.goneBytes += bytes;
    arena.tally.dyingObjects++;
  }

  /** Takes the freeing of a structure that nothing has named, whole or not: the first slice is done at once. */
  adopt(freeing: Generator<void, void, void>): void {
    if (freeing.next().done !== true) this.#unwanted.push(freeing);
  }

  /** The whole arena is gone, and with it what is left here. */
  forget(): void {
    const { tally } = this.#arena;
    tally.dyingObjects -= this.#graves.length;
    tally.freedObjects += this.#graves.length;
    this.#graves.length = 0;
    this.#unwanted.length = 0;
  }

  /** Frees up to so many slices of what was buried; true while there is more that can be freed now. */
  stepUpTo(steps: number): boolean {
    for (let i = 0; i < steps; i++) if (!this.#step()) return false;
    return true;
  }

  /** Frees a slice; false where nothing can be freed (now). */
  #step(): boolean {
    const unwanted = this.#unwanted[0];
    if (unwanted !== undefined) {
      if (unwanted.next().done === true) this.#unwanted.shift();
      return this.#unwanted.length > 0 || this.#graves.length > 0;
    }
    const grave = this.#graves[0];
    if (grave === undefined) return false;
    const arena = this.#arena;
    if (this.#freeing === null) {
      if (!arena.pins.isPast(grave.epoch)) return false;
      this.#freeing = nativeForm(grave.type).free(arena, grave.root);
    }
    const before = arena.usedBytes;
    const isDone = this.#freeing.next().done === true;
    this.#settle(grave, isDone ? grave.bytes : Math.min(before - arena.usedBytes, grave.bytes));
    if (!isDone) return true;
    this.#freeing = null;
    this.#graves.shift();
    arena.tally.dyingObjects--;
    arena.tally.freedObjects++;
    return this.#graves.length > 0;
  }

  #settle(grave: Grave, freed: number): void {
    grave.bytes -= freed;
    this.bytes -= freed;
    this.#arena.tally.goneBytes -= freed;
  }
}
