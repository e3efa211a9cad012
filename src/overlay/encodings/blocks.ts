/**
 * Where the collections of an overlay lie: blocks named by handles (overlay/arena.ts). All state of a collection is in blocks, from a
 * root block on; the classes here are flyweights: bound to (blocks, root), one instance serves any number of collections.
 *
 * The command thread binds them to an Arena. A Worker that reads a frozen overlay binds them to the same memory without the rest:
 * `frozenBlocks`.
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";

export interface Blocks {
  /** See Arena: bytes of block h begin at (h & IN_WINDOW) << 3 of windows[h >>> WINDOW_SHIFT]. */
  readonly windows: readonly Uint8Array[];
  /** The same as int32 words, from (h & IN_WINDOW) << 1 on. */
  readonly words: readonly Int32Array[];
  /** Held views: while there are any, members are not changed in their place. */
  readonly pins: { readonly count: number };
  /** A block of at least so many bytes, its contents undefined. Throws ArenaFull, RangeError. */
  allocate(bytes: number): number;
  free(handle: number): void;
  /** Bytes that the block can hold. */
  capacity(handle: number): number;
  /** Where what is nobody's is freed in slices; else it is freed at once. */
  readonly graves?: Graves | null;
}

/** Graveyard. */
export interface Graves {
  /** Takes a whole structure that nothing names. */
  bury(type: number, root: number): void;
  /** Takes the freeing of what nothing has ever named. */
  adopt(freeing: Generator<void, void, void>): void;
}

/** Frees what was made and is not wanted, be it whole or not: large ones in slices, when others have been served. */
export function letGo(blocks: Blocks, freeing: Generator<void, void, void>): void {
  const { graves } = blocks;
  if (graves !== undefined && graves !== null) graves.adopt(freeing);
  else for (const _ of freeing);
}

/** What of a region of memory is needed: AnonymousRegion. */
interface Region {
  readonly windows: readonly Uint8Array[];
  readonly words: readonly Int32Array[];
  openTo(bytes: number): void;
}

/** Blocks of another thread's arena, which does not change meanwhile: its region as adopted here, used up to `usedBytes` (Arena.size). */
export function frozenBlocks(region: Region, usedBytes: number): Blocks {
  region.openTo(usedBytes);
  const refuse = () => {
    throw new Error("a frozen overlay was about to be changed");
  };
  return {
    windows: region.windows,
    words: region.words,
    pins: { count: 1 },
    allocate: refuse,
    free: refuse,
    capacity: refuse,
  };
}

/** The window of a block. */
export function bytesOf(blocks: Blocks, handle: number): Uint8Array {
  return blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
}

/** Where the block begins in it. */
export function placeOf(handle: number): number {
  return (handle & IN_WINDOW) << 3;
}
