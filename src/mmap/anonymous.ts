/**
 * A region of anonymous memory at a fixed address: reserved at once, filled by the kernel page by page as it is touched, seen
 * through the same windows as a mapped file (util/byte-source.ts).
 *
 *   address   |0 ......... touched ......... | ......... reserved, costs nothing ......... capacity|
 *   windows   |----- 0 -----|                  made when they are first asked for: JavaScriptCore counts each as heap
 *                    |----- 1 -----|
 *
 * An address is valid in every Worker of the process: `describe` and `adopt` show the same bytes to another thread.
 */
import { toArrayBuffer } from "bun:ffi";
import { WINDOW_BYTES_MAX, WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import {
  asPointer,
  errno,
  errnoName,
  libc,
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  mmap,
  PAGE_BYTES,
  PROT_READ,
  PROT_WRITE,
} from "./libc.ts";
import { systemError } from "./mmap-error.ts";

/** A region as it is posted to a Worker of this process. Worthless in any other process. */
export interface RegionHandle {
  readonly address: number;
  readonly capacity: number;
}

const IS_LINUX = process.platform === "linux";
/** The smallest reservation that is tried where the system limits address space (ulimit -v, overcommit_memory 2). */
const CAPACITY_MIN = 2 ** 30;

export class AnonymousRegion {
  /** Bytes reserved: the most that it can ever hold. */
  readonly capacity: number;
  readonly #address: number;
  readonly #owner: boolean;
  readonly #windows: Uint8Array[] = [];
  readonly #words: Int32Array[] = [];
  #open = true;
  /** Bytes at the front that have been unmapped. */
  #released = 0;

  private constructor(handle: RegionHandle, owner: boolean) {
    this.#address = handle.address;
    this.capacity = handle.capacity;
    this.#owner = owner;
  }

  /**
   * Reserves `capacity` bytes (a power of two of at least 1 GiB), or as much as the system gives.
   * Throws MmapError ENOMEM when it gives less than 1 GiB.
   */
  static reserve(capacity: number): AnonymousRegion {
    for (let size = capacity; ; size /= 2) {
      const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
      const address = mmap(0, size, PROT_READ | PROT_WRITE, flags, -1, 0);
      if (address > 0) {
        // Fewer faults, and a random access misses the TLB less. Advice: where the system has no huge pages there are none.
        if (IS_LINUX) libc.madvise(asPointer(address), size, MADV_HUGEPAGE);
        return new AnonymousRegion({ address, capacity: size }, true);
      }
      if (size <= CAPACITY_MIN)
        throw systemError(`cannot reserve ${size} bytes of address space`, errnoName(-address), "");
    }
  }

  /** In a Worker: the same bytes. */
  static adopt(handle: RegionHandle): AnonymousRegion {
    return new AnonymousRegion(handle, false);
  }

  describe(): RegionHandle {
    return { address: this.#address, capacity: this.capacity };
  }

  /** Windows made so far, from the first on. The array grows in place. */
  get windows(): readonly Uint8Array[] {
    return this.#windows;
  }

  /** The same windows as int32 words. */
  get words(): readonly Int32Array[] {
    return this.#words;
  }

  /** Makes the windows that are needed to see the first `bytes` bytes whole. */
  openTo(bytes: number): void {
    while (this.#windows.length === 0 || this.#windows.length * WINDOW_STRIDE_BYTES < bytes) {
      const start = this.#windows.length * WINDOW_STRIDE_BYTES;
      const length = Math.min(this.capacity - start, WINDOW_BYTES_MAX);
      if (length <= 0) return;
      const buffer = toArrayBuffer(
        asPointer(this.#address + start) as NonNullable<ReturnType<typeof asPointer>>,
        0,
        length,
      );
      this.#windows.push(new Uint8Array(buffer));
      this.#words.push(new Int32Array(buffer, 0, Math.floor(length / 4)));
    }
  }

  /**
   * Faults the pages of [offset, offset + length) in, for writing: what the next blocks will need. Takes milliseconds: a Worker's work
   * (populate.ts). Without effect where the kernel does not know it, or the region is gone meanwhile.
   */
  populate(offset: number, length: number): void {
    if (IS_LINUX) libc.madvise(asPointer(this.#address + offset), length, MADV_POPULATE_WRITE);
  }

  /** Gives the pages of [offset, offset + length) back to the system; they read as zeros again. Whole pages only. */
  purge(offset: number, length: number): void {
    libc.madvise(asPointer(this.#address + offset), length, MADV_DONTNEED);
  }

  /**
   * Unmaps up to `bytesMax` bytes from the front on; true when nothing is left. Unmapping a gigabyte that was touched takes
   * some 100 ms, so it goes in pieces. The views are detached by the first call: nothing may be read from then on.
   * @param touchedBytes how much of it was ever touched; the rest goes in one call
   */
  release(bytesMax: number, touchedBytes: number): boolean {
    this.detach();
    if (!this.#owner) return true;
    const touched = Math.min(this.capacity, Math.ceil(touchedBytes / PAGE_BYTES) * PAGE_BYTES);
    const end = this.#released + bytesMax >= touched ? this.capacity : this.#released + bytesMax;
    if (libc.munmap(asPointer(this.#address + this.#released), end - this.#released) !== 0) {
      throw systemError("cannot unmap", errnoName(errno()), "");
    }
    this.#released = end;
    return end === this.capacity;
  }

  /** Detaches the views: they have length 0 from now on. Idempotent. */
  detach(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const window of this.#windows) (window.buffer as ArrayBuffer).transfer(0);
  }
}
