/**
 * A frozen overlay as the Worker sees it: the same memory, read only. Entries and table are drawn in overlay/entry.ts and table.ts.
 */
import { AnonymousRegion } from "../mmap/anonymous.ts";
import { type Blocks, frozenBlocks } from "../overlay/encodings/blocks.ts";
import { EntryAt, EntryFlag, readU32 } from "../overlay/entry.ts";
import type { OverlayHandle } from "../overlay/overlay.ts";
import { SEGMENT_BYTES, SEGMENT_ENTRIES_MAX } from "../overlay/table.ts";
import { type ByteSource, WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";

const SEGMENT_WORDS = SEGMENT_BYTES / 4;
const FIRST_SLOT = SEGMENT_WORDS - 2 * SEGMENT_ENTRIES_MAX;
const DEPTH_WORD = 1;
/** Handles in one window's stride. */
const STRIDE_HANDLES_SHIFT = 27;
/** Entries whose first bytes are asked for together: the processor waits for all of them at once. */
const AHEAD = 16;

export class FrozenOverlay implements ByteSource {
  readonly size: number;
  readonly windows: readonly Uint8Array[];
  /** After locate(): position in the window. */
  at = 0;
  readonly #region: AnonymousRegion;
  readonly #handle: OverlayHandle;
  #blocks: Blocks | null = null;
  readonly #handles = new Uint32Array(SEGMENT_ENTRIES_MAX + AHEAD);
  /** What was read ahead: kept, so that reading it is not left out. */
  #touched = 0;

  constructor(handle: OverlayHandle) {
    this.#handle = handle;
    this.#region = AnonymousRegion.adopt(handle.region);
    this.size = this.#region.capacity;
    this.windows = this.#region.windows;
  }

  /** ByteSource: nothing changes, all of it may be read. */
  admit(offset: number, length: number): number {
    this.#region.openTo(offset + length);
    return this.size;
  }

  /** The window of a block; `at` is then where the block begins. */
  locate(handle: number): Uint8Array {
    const high = handle >>> STRIDE_HANDLES_SHIFT;
    this.at = (handle - (high << STRIDE_HANDLES_SHIFT)) << 3;
    return this.windows[high] ?? this.#open(high);
  }

  /** The memory as native structures are read in it. */
  get blocks(): Blocks {
    this.#blocks ??= frozenBlocks(this.#region, this.#handle.size);
    return this.#blocks;
  }

  /** Visits every entry that is no tombstone, in order of hashes: its window and where it begins there, and the window's offset. */
  each(visit: (bytes: Uint8Array, at: number, base: number) => void): void {
    const { directory, depth } = this.#handle;
    for (let index = 0; index < directory.length; ) {
      const segment = (directory[index] as number) >>> 0;
      this.locate(segment);
      const high = segment >>> STRIDE_HANDLES_SHIFT;
      const words = this.#region.words[high] as Int32Array;
      const base = this.at >>> 2;
      index += 2 ** (depth - (words[base + DEPTH_WORD] as number));
      let count = 0;
      for (let slot = base + FIRST_SLOT; slot < base + SEGMENT_WORDS; slot += 2) {
        const handle = words[slot + 1] as number;
        if (handle !== 0) this.#handles[count++] = handle;
      }
      for (let first = 0; first < count; first += AHEAD) this.#visitSome(first, Math.min(first + AHEAD, count), visit);
    }
  }

  #visitSome(first: number, end: number, visit: (bytes: Uint8Array, at: number, base: number) => void): void {
    const handles = this.#handles;
    let touched = 0;
    for (let i = first; i < end; i++) {
      const bytes = this.locate(handles[i] as number);
      touched ^= (bytes[this.at] as number) ^ (bytes[this.at + 64] as number) ^ (bytes[this.at + 128] as number);
    }
    this.#touched ^= touched;
    for (let i = first; i < end; i++) {
      const handle = handles[i] as number;
      const bytes = this.locate(handle);
      const { at } = this;
      if (((bytes[at + EntryAt.FLAGS] as number) & EntryFlag.TOMBSTONE) !== 0) continue;
      visit(bytes, at, (handle >>> STRIDE_HANDLES_SHIFT) * WINDOW_STRIDE_BYTES);
    }
  }

  #open(high: number): Uint8Array {
    this.#region.openTo((high + 1) * WINDOW_STRIDE_BYTES);
    return this.windows[high] as Uint8Array;
  }

  /** Where a value that lies apart begins, for a cursor: offset of the block whose handle stands at bytes[at]. */
  static apartOffset(bytes: Uint8Array, at: number): number {
    return readU32(bytes, at) * 8;
  }

  close(): void {
    this.#region.detach();
  }
}
