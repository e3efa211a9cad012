/**
 * A file mapped read-only, once and whole, and looked at through windows (util/byte-source.ts).
 *
 *   file      |0 ................................................ size|
 *   address   |address .................................. + size| rest of the last page: zeros
 *   windows   |----- 0 -----|
 *                    |----- 1 -----|            each an ArrayBuffer over the same addresses, no copy
 *
 * The address range never moves while the mapping is open. What backs it may: the guard swaps pieces of it for pieces of a
 * private copy with the same bytes (`back`), in place, so every view of every thread stays valid and reads the same.
 *
 * Windows are views of memory that JavaScriptCore does not own, yet it counts them as heap (twice the file's size, since they
 * overlap): see collector.ts.
 *
 * The owner opens and closes; a Worker adopts. Adopted mappings must be closed before the owner's.
 */
import { toArrayBuffer } from "bun:ffi";
import * as fs from "node:fs";
import { type ByteSource, WINDOW_BYTES_MAX, WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { type FileIdentity, fileIdentity } from "./file.ts";
import { refuseRemote } from "./filesystem.ts";
import {
  asPointer,
  errno,
  errnoName,
  libc,
  MADV_DONTNEED,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MAP_FIXED,
  MAP_SHARED,
  mmap,
  PAGE_BYTES,
  PROT_READ,
} from "./libc.ts";
import { fromNodeError, MmapError, systemError } from "./mmap-error.ts";
import { residentBytes } from "./residency.ts";

const ADVICE = {
  normal: MADV_NORMAL,
  random: MADV_RANDOM,
  sequential: MADV_SEQUENTIAL,
  willneed: MADV_WILLNEED,
  dontneed: MADV_DONTNEED,
} as const;

export type Advice = keyof typeof ADVICE;

/** Unmapped at a time by closeGently(): about 1 ms. */
const GENTLE_BYTES = 32 * 2 ** 20;

/** A mapping as it is posted to a Worker of this process. Worthless in any other process. */
export interface MappingHandle {
  readonly address: number;
  readonly size: number;
  readonly path: string;
}

export interface MappingOptions {
  /** Map a file of a remote file system too (default: refused with MmapError "REMOTE"). */
  allowRemote?: boolean;
}

export class Mapping implements ByteSource {
  readonly path: string;
  readonly size: number;
  /** Address of the first byte. Stays inside src/mmap/ and MappingHandle. */
  readonly address: number;
  /** Packed, complete from the start; every window is detached (length 0) after close(). */
  readonly windows: readonly Uint8Array[];
  /** The file's identity when it was opened; undefined in a Worker. */
  readonly identity: FileIdentity | undefined;
  /**
   * A descriptor (read-only or private) of a file that holds the same bytes as the mapping, or -1: in a Worker, after close(),
   * and after an evacuation that had to spread over several files.
   */
  fd: number;
  readonly #owner: boolean;
  #open = true;
  /** What was last advised for the whole mapping: a swapped piece starts without advice. */
  #advice: Advice = "normal";

  private constructor(handle: MappingHandle, fd: number, identity: FileIdentity | undefined) {
    this.path = handle.path;
    this.size = handle.size;
    this.address = handle.address;
    this.fd = fd;
    this.identity = identity;
    this.#owner = fd >= 0;
    this.windows = windowsOver(handle.address, handle.size);
  }

  /**
   * Maps the file at `path` whole. Touches no byte of it.
   * Throws MmapError: ENOENT, EACCES, …, EISDIR, NOT-A-FILE, EMPTY, REMOTE, ENOMEM.
   */
  static open(path: string, options: MappingOptions = {}): Mapping {
    const fd = openRegular(path);
    try {
      if (!options.allowRemote) refuseRemote(path);
      const identity = fileIdentity(fd);
      const { size } = identity;
      if (size === 0) {
        throw new MmapError("EMPTY", path, "the file is empty (0 bytes). Restore it from a copy, or remove it");
      }
      const address = mmap(0, size, PROT_READ, MAP_SHARED, fd, 0);
      if (address < 0) throw systemError(`cannot map ${size} bytes`, errnoName(-address), path);
      return new Mapping({ address, size, path }, fd, identity);
    } catch (error) {
      fs.closeSync(fd);
      throw error instanceof MmapError ? error : fromNodeError("cannot examine", error, path);
    }
  }

  /** In a Worker: the same bytes at the same addresses. Only windows are made; close() detaches them and unmaps nothing. */
  static adopt(handle: MappingHandle): Mapping {
    return new Mapping(handle, -1, undefined);
  }

  /** What a Worker needs to adopt this mapping; the owner must stay open longer than the Worker uses it. */
  describe(): MappingHandle {
    return { address: this.address, size: this.size, path: this.path };
  }

  /** A plain mapping trusts its bytes: all of them may be read. */
  admit(_offset: number, _length: number): number {
    return this.size;
  }

  /**
   * Tells the kernel how [offset, offset + length) will be used; the range is widened to whole pages. Advice only: errors are
   * of no consequence and ignored. "dontneed" unmaps the pages (they stay in the page cache and come back on the next read).
   */
  advise(kind: Advice, offset = 0, length = this.size - offset): void {
    this.#mustBeOpen();
    if (offset === 0 && length >= this.size && kind !== "dontneed" && kind !== "willneed") this.#advice = kind;
    const start = offset - (offset % PAGE_BYTES);
    const end = Math.min(offset + length, this.size);
    if (end > start) libc.madvise(asPointer(this.address + start), end - start, ADVICE[kind]);
  }

  /** Bytes of the mapping that are in physical memory; sampled when it is long (see residency.ts), 1–3 ms then. */
  residentBytes(): number {
    return this.#open ? residentBytes(this.address, this.size) : 0;
  }

  /**
   * Puts [offset, offset + length) of the file `fd` under the same bytes of the mapping. Offset and length are whole pages,
   * except that the last piece ends with the mapping. The bytes must be equal: nobody may notice. Guard only.
   */
  back(fd: number, offset: number, length: number): void {
    this.#mustBeOpen();
    const result = mmap(this.address + offset, length, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
    if (result < 0) throw systemError(`cannot swap ${length} bytes at offset ${offset}`, errnoName(-result), this.path);
    if (this.#advice !== "normal") libc.madvise(asPointer(this.address + offset), length, ADVICE[this.#advice]);
  }

  /**
   * Detaches every window (views of them have length 0 from now on, so a forgotten one reads nothing instead of crashing), and,
   * if this is the owner, unmaps and closes the file. Idempotent. Workers close theirs first.
   */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const window of this.windows) (window.buffer as ArrayBuffer).transfer(0);
    if (!this.#owner) return;
    if (libc.munmap(asPointer(this.address), this.size) !== 0) {
      throw systemError("cannot unmap", errnoName(errno()), this.path);
    }
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.fd = -1;
  }

  /**
   * As close(), without keeping this thread for more than a moment, however large the mapping is: it is unmapped in pieces, and the file
   * is closed by another thread (to give back a gigabyte of one that has no name any more takes the kernel 0.3 s).
   * The windows are detached at once.
   */
  async closeGently(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const window of this.windows) (window.buffer as ArrayBuffer).transfer(0);
    if (!this.#owner) return;
    const { fd } = this;
    this.fd = -1;
    for (let at = 0; at < this.size; at += GENTLE_BYTES) {
      if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (libc.munmap(asPointer(this.address + at), Math.min(GENTLE_BYTES, this.size - at)) !== 0) {
        throw systemError("cannot unmap", errnoName(errno()), this.path);
      }
    }
    if (fd >= 0) await new Promise<void>((resolve) => fs.close(fd, () => resolve()));
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Error(`${this.path}: the mapping is closed`);
  }
}

function windowsOver(address: number, size: number): Uint8Array[] {
  const windows: Uint8Array[] = [];
  for (let start = 0; start < size; start += WINDOW_STRIDE_BYTES) {
    const length = Math.min(size - start, WINDOW_BYTES_MAX);
    const base = asPointer(address + start);
    if (base === null) throw new Error("a mapping cannot begin at address 0");
    windows.push(new Uint8Array(toArrayBuffer(base, 0, length)));
  }
  return windows;
}

function openRegular(path: string): number {
  let fd: number;
  try {
    // O_NONBLOCK: a named pipe must not hold the start; it has no effect on a regular file.
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    throw fromNodeError("cannot open", error, path);
  }
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) return fd;
  fs.closeSync(fd);
  if (stat.isDirectory())
    throw new MmapError("EISDIR", path, "is a directory, expected a file. Name the dump inside it");
  throw new MmapError(
    "NOT-A-FILE",
    path,
    "is not a regular file, so it cannot be mapped. Copy its contents into a file",
  );
}
