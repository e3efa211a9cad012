/**
 * Off-heap memory for one database's overlay: blocks of a size class out of spans, larger blocks out of units of their own.
 *
 *   span      | block | block | block | … |      free blocks are linked through their first word; those never used are not
 *
 * A block is named by its handle, a number of 8-byte units from the arena's start: 32 bits reach 32 GiB, 0 is none. Handles are kept
 * as int32, so those of the upper half are negative: as unsigned ones they would be doubles to the compiler. Bytes of
 * a block: `bytes` of the window that `locate(handle)` picks, from `at` on. A block never crosses the window it begins in,
 * unless it is longer than 1 GiB (and none is: see BLOCK_BYTES_MAX).
 *
 * The arena is a ByteSource, so that records in it are read as records in a file are; but its bytes change: see `pins`.
 */
import { AnonymousRegion, type RegionHandle } from "../mmap/anonymous.ts";
import type { Populator } from "../mmap/populate.ts";
import type { ByteSource } from "../util/byte-source.ts";
import type { Graves } from "./encodings/blocks.ts";
import { OverlayLimit } from "./overlay-limit.ts";
import type { Pins } from "./pins.ts";
import {
  CLASS_BLOCKS,
  CLASS_BYTES,
  CLASS_UNITS,
  CLASSES,
  classOf,
  SMALL_BYTES_MAX,
  UNIT_BYTES,
} from "./size-classes.ts";
import { newTally, type Tally } from "./tally.ts";
import { LARGE, UnitHeap } from "./unit-heap.ts";

const CAPACITY_BYTES = 2 ** 35;
/** Proto-max-bulk-len is at most this much less than the key and the header need: one block always lies in one window. */
export const BLOCK_BYTES_MAX = 2 ** 30;
const HANDLES_PER_UNIT_SHIFT = 13;
/** A handle's upper bits are the window it lies in, the lower ones its place there. */
export const WINDOW_SHIFT = 27;
export const IN_WINDOW = 2 ** WINDOW_SHIFT - 1;
const PAGE_BYTES = 4096;
const NONE = -1;
/** Blocks given back late that are worked off with each further one. */
const DEFERRED_AT_ONCE = 32;

/** No room is left in the arena's 32 GiB, or the system gives no more. */
export class ArenaFull extends Error {
  constructor(bytes: number) {
    super(`the overlay's memory has no room for ${bytes} bytes more`);
    this.name = "ArenaFull";
  }
}

export class Arena implements ByteSource {
  /** Bytes of all blocks in use, as they were rounded up. A block that was freed does not count, even if it cannot be reused yet. */
  usedBytes = 0;
  readonly pins: Pins;
  /** What `usedBytes` is added to. */
  readonly tally: Tally;
  /** By root of a native structure: sliced commands that walk it now. Whoever wants to change it waits (commands/native-reads.ts). */
  readonly readers = new Map<number, number>();
  /** By root: commands that wait for a structure, to change it. Who wants to read it waits in turn. */
  readonly awaited = new Map<number, number>();
  /** Roots of structures that are being changed in slices: nobody else may see them (commands/alone.ts). */
  readonly alone = new Set<number>();
  /** Set by the graveyard of the overlay that this is the memory of. */
  graves: Graves | null = null;
  /** ByteSource: what is read here may be overwritten later. */
  readonly isMutable = true as const;
  readonly windows: readonly Uint8Array[];
  readonly words: readonly Int32Array[];
  /** After locate(): position of the block's first byte in the window. */
  at = 0;
  readonly #region: AnonymousRegion;
  readonly #heap: UnitHeap;
  /** By first unit of a span: blocks in use (of a large block: its pages); the first free one's handle; blocks ever used. */
  #live = new Int32Array(64);
  #freeList = new Int32Array(64);
  #fresh = new Int32Array(64);
  /** By class: the first of its spans that have room. */
  readonly #partial = new Int32Array(CLASSES).fill(NONE);
  /** Blocks that were given back while views were held, oldest first, from #deferredFirst on; and when (Pins.epoch). */
  #deferred = new Int32Array(64);
  #deferredAt = new Int32Array(64);
  #deferredFirst = 0;
  #deferredEnd = 0;
  #deferredBytes = 0;
  /** Large blocks made: the names of what lies in them, see versionAt. */
  #births = 0;

  constructor(pins: Pins, tally: Tally = newTally(), populator: Populator | null = null) {
    this.pins = pins;
    this.tally = tally;
    this.#region = AnonymousRegion.reserve(CAPACITY_BYTES);
    this.#heap = new UnitHeap(this.#region, populator);
    this.windows = this.#region.windows;
    this.words = this.#region.words;
    this.#region.openTo(1);
  }

  get size(): number {
    return this.#heap.top * UNIT_BYTES;
  }

  /** Bytes of the units that blocks lie in. */
  get committedBytes(): number {
    return this.#heap.usedUnits * UNIT_BYTES;
  }

  /** As `committedBytes`, with free units that have not been given back: what the system has given, at most. */
  get residentBytes(): number {
    return (this.#heap.usedUnits + this.#heap.dirtyUnits) * UNIT_BYTES;
  }

  describe(): RegionHandle {
    return this.#region.describe();
  }

  /** ByteSource: all of it may be read. */
  admit(): number {
    return this.size;
  }

  /** The window of a block; `at` is then where the block begins. */
  locate(handle: number): Uint8Array {
    this.at = (handle & IN_WINDOW) << 3;
    return this.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
  }

  /** The window of a block as words; `at` / 4 is then its first word. */
  locateWords(handle: number): Int32Array {
    this.at = (handle & IN_WINDOW) << 3;
    return this.words[handle >>> WINDOW_SHIFT] as Int32Array;
  }

  /** A block of at least `bytes` bytes, its contents undefined. Throws ArenaFull, RangeError beyond BLOCK_BYTES_MAX. */
  allocate(bytes: number): number {
    if (bytes > SMALL_BYTES_MAX) return this.#allocateLarge(bytes);
    const sizeClass = classOf(bytes);
    let span = this.#partial[sizeClass] as number;
    if (span === NONE) span = this.#newSpan(sizeClass);
    const size = CLASS_BYTES[sizeClass] as number;
    this.usedBytes += size;
    this.tally.usedBytes += size;
    const live = (this.#live[span] as number) + 1;
    this.#live[span] = live;
    let handle = this.#freeList[span] as number;
    if (handle !== 0) {
      const words = this.locateWords(handle);
      this.#freeList[span] = words[this.at >>> 2] as number;
    } else {
      const index = this.#fresh[span] as number;
      this.#fresh[span] = index + 1;
      handle = (span << HANDLES_PER_UNIT_SHIFT) + index * (size >>> 3);
    }
    if (live === CLASS_BLOCKS[sizeClass]) this.#unlink(span, sizeClass);
    return handle;
  }

  /** Gives a block back; it is not reused as long as views may be held of it. */
  free(handle: number): void {
    const bytes = this.capacity(handle);
    this.usedBytes -= bytes;
    this.tally.usedBytes -= bytes;
    if (this.pins.count > 0) this.#defer(handle, bytes);
    else this.#release(handle);
    if (this.#deferredFirst < this.#deferredEnd) this.#workOff(DEFERRED_AT_ONCE);
  }

  /**
   * ByteSource: names what lies in the large block at `offset`; another name when other bytes come to lie there. -1: it is no large
   * block. Only a string changes within its block (growTo): whoever lets other values do so must give them new names.
   */
  versionAt(offset: number): number {
    const unit = Math.floor(offset / UNIT_BYTES);
    const heap = this.#heap;
    return heap.kind[unit] === LARGE ? (this.#fresh[heap.first[unit] as number] as number) : -1;
  }

  /** Bytes that the block can hold. */
  capacity(handle: number): number {
    const heap = this.#heap;
    const unit = handle >>> HANDLES_PER_UNIT_SHIFT;
    const kind = heap.kind[unit] as number;
    return kind === LARGE ? (this.#live[unit] as number) * PAGE_BYTES : (CLASS_BYTES[kind] as number);
  }

  /** Whether the block can hold `bytes` bytes, a large one after it has taken further pages of its last unit. */
  growTo(handle: number, bytes: number): boolean {
    const unit = handle >>> HANDLES_PER_UNIT_SHIFT;
    if (this.#heap.kind[unit] !== LARGE) return bytes <= this.capacity(handle);
    if (bytes > (this.#heap.units[unit] as number) * UNIT_BYTES) return false;
    const pages = Math.ceil(bytes / PAGE_BYTES);
    const more = pages - (this.#live[unit] as number);
    if (more > 0) {
      this.#live[unit] = pages;
      this.usedBytes += more * PAGE_BYTES;
      this.tally.usedBytes += more * PAGE_BYTES;
    }
    return true;
  }

  /**
   * Gives memory that is free back to the system, a piece at a time; true while there is more. Call it from a timer. Some is kept
   * for the next blocks, unless `all` is asked for.
   */
  tick(all = false): boolean {
    if (this.#workOff(1024)) return true;
    return this.#heap.purge(all);
  }

  /** Unmaps up to `bytesMax` bytes; true when all is gone. Nothing may be read from the first call on. */
  dispose(bytesMax: number): boolean {
    this.pins.waitingBytes -= this.#deferredBytes;
    this.#deferredBytes = 0;
    this.#deferredFirst = this.#deferredEnd = 0;
    return this.#region.release(bytesMax, this.size);
  }

  #allocateLarge(bytes: number): number {
    if (bytes > BLOCK_BYTES_MAX)
      throw new OverlayLimit(`a value of ${bytes} bytes is too long: at most ${BLOCK_BYTES_MAX}`);
    const units = Math.ceil(bytes / UNIT_BYTES);
    const first = this.#heap.take(units, LARGE);
    if (first === NONE) throw new ArenaFull(bytes);
    this.#growTables();
    // The rest of its last unit is never touched, so it takes no memory.
    const pages = Math.ceil(bytes / PAGE_BYTES);
    this.#live[first] = pages;
    this.#births = (this.#births + 1) & 0x7fffffff;
    this.#fresh[first] = this.#births;
    this.usedBytes += pages * PAGE_BYTES;
    this.tally.usedBytes += pages * PAGE_BYTES;
    return first << HANDLES_PER_UNIT_SHIFT;
  }

  #release(handle: number): void {
    const heap = this.#heap;
    const unit = handle >>> HANDLES_PER_UNIT_SHIFT;
    const sizeClass = heap.kind[unit] as number;
    const span = heap.first[unit] as number;
    if (sizeClass === LARGE) {
      heap.give(span);
      return;
    }
    const words = this.locateWords(handle);
    words[this.at >>> 2] = this.#freeList[span] as number;
    this.#freeList[span] = handle;
    const live = (this.#live[span] as number) - 1;
    this.#live[span] = live;
    if (live === (CLASS_BLOCKS[sizeClass] as number) - 1) this.#link(span, sizeClass);
    // The last span with room is kept: a block taken and given in turn would cost a span each time.
    else if (live === 0 && (heap.next[span] !== NONE || heap.previous[span] !== NONE)) {
      this.#unlink(span, sizeClass);
      heap.give(span);
    }
  }

  #newSpan(sizeClass: number): number {
    const span = this.#heap.take(CLASS_UNITS[sizeClass] as number, sizeClass);
    if (span === NONE) throw new ArenaFull(CLASS_BYTES[sizeClass] as number);
    this.#growTables();
    this.#live[span] = this.#freeList[span] = this.#fresh[span] = 0;
    this.#link(span, sizeClass);
    return span;
  }

  /** As many entries as there are units. */
  #growTables(): void {
    const { length } = this.#heap.kind;
    if (this.#live.length >= length) return;
    this.#live = grown(this.#live, length);
    this.#freeList = grown(this.#freeList, length);
    this.#fresh = grown(this.#fresh, length);
  }

  #link(span: number, sizeClass: number): void {
    const heap = this.#heap;
    const head = this.#partial[sizeClass] as number;
    heap.next[span] = head;
    heap.previous[span] = NONE;
    if (head !== NONE) heap.previous[head] = span;
    this.#partial[sizeClass] = span;
  }

  #unlink(span: number, sizeClass: number): void {
    const heap = this.#heap;
    const next = heap.next[span] as number;
    const previous = heap.previous[span] as number;
    if (next !== NONE) heap.previous[next] = previous;
    if (previous !== NONE) heap.next[previous] = next;
    else this.#partial[sizeClass] = next;
  }

  #defer(handle: number, bytes: number): void {
    if (this.#deferredEnd === this.#deferred.length) this.#makeDeferredRoom();
    this.#deferred[this.#deferredEnd] = handle;
    this.#deferredAt[this.#deferredEnd++] = this.pins.epoch;
    this.#deferredBytes += bytes;
    this.pins.waitingBytes += bytes;
  }

  #makeDeferredRoom(): void {
    const count = this.#deferredEnd - this.#deferredFirst;
    if (count > this.#deferred.length / 2) {
      this.#deferred = grown(this.#deferred, this.#deferred.length * 2);
      this.#deferredAt = grown(this.#deferredAt, this.#deferred.length);
    }
    if (this.#deferredFirst === 0) return;
    this.#deferred.copyWithin(0, this.#deferredFirst, this.#deferredEnd);
    this.#deferredAt.copyWithin(0, this.#deferredFirst, this.#deferredEnd);
    this.#deferredFirst = 0;
    this.#deferredEnd = count;
  }

  /** Makes up to `count` blocks reusable that nobody can hold a view of any more; whether there were any. */
  #workOff(count: number): boolean {
    let i = 0;
    for (; i < count && this.#deferredFirst < this.#deferredEnd; i++) {
      if (!this.pins.isPast(this.#deferredAt[this.#deferredFirst] as number)) break;
      const handle = this.#deferred[this.#deferredFirst++] as number;
      const bytes = this.capacity(handle);
      this.#deferredBytes -= bytes;
      this.pins.waitingBytes -= bytes;
      this.#release(handle);
    }
    if (this.#deferredFirst === this.#deferredEnd) this.#deferredFirst = this.#deferredEnd = 0;
    return i > 0;
  }
}

function grown(old: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(old);
  return larger;
}
