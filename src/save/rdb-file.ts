/**
 * The RDB file as it is being written: a draft beside its final place, and the CRC32 of each of its blocks, taken from the bytes
 * that are on their way to it. What was summed is what was meant, whatever the disk makes of it.
 */
import * as fs from "node:fs";
import { BLOCK_BYTES } from "../layer/format.ts";
import { createLocked, removeStale } from "../layer/index-place.ts";
import { type FileIdentity, fileIdentity, publishFile, writeFully } from "../mmap/file.ts";
import { startWriting } from "../mmap/write-behind.ts";
import type { RdbSink } from "../rdb/writer.ts";

/** The system is told to begin writing so much to the disk while the next goes to memory: else all of it waits for fsync. */
const WRITE_BEHIND_BYTES = 8 * 2 ** 20;

/** Where the blocks' sums go. */
export interface BlockSums {
  addSum(sum: number): void;
  /** The first block's sum is another. */
  amendFirst(sum: number): void;
}

export class RdbFile implements RdbSink {
  readonly path: string;
  readonly draft: string;
  readonly fd: number;
  size = 0;
  readonly #sums: BlockSums;
  #head: Uint8Array = new Uint8Array(0);
  #buffer: Uint8Array = this.#head;
  #blocks: Uint8Array[] = [];
  #started = 0;
  #published = false;
  #closed = false;

  /** Opens a draft of the file at `path`; drafts of killed savers are removed. Throws node:fs errors. */
  constructor(path: string, sums: BlockSums) {
    this.path = path;
    this.#sums = sums;
    removeStale(path);
    const { fd, temporary } = createLocked(path);
    this.fd = fd;
    this.draft = temporary;
  }

  take(bytes: Uint8Array, length: number): void {
    if (this.size === 0) this.#head = bytes.slice(0, Math.min(length, BLOCK_BYTES));
    for (let at = 0; at < length; at += BLOCK_BYTES) this.#sums.addSum(Bun.hash.crc32(this.#block(bytes, at, length)));
    writeFully(this.fd, bytes, this.size, length);
    this.size += length;
    if (this.size - this.#started >= WRITE_BEHIND_BYTES) {
      startWriting(this.fd, this.#started, this.size - this.#started);
      this.#started = this.size;
    }
  }

  /** One block of what was taken. Whole ones are always parts of the same buffer: a view of each is made once. */
  #block(bytes: Uint8Array, at: number, length: number): Uint8Array {
    if (at + BLOCK_BYTES > length) return bytes.subarray(at, length);
    if (bytes !== this.#buffer) {
      this.#buffer = bytes;
      this.#blocks = [];
    }
    return (this.#blocks[at / BLOCK_BYTES] ??= bytes.subarray(at, at + BLOCK_BYTES));
  }

  amendHead(bytes: Uint8Array): void {
    this.#head.set(bytes);
    this.#sums.amendFirst(Bun.hash.crc32(this.#head));
    writeFully(this.fd, bytes, 0);
  }

  /** Nothing is written from now on: all of it is on the disk. Throws node:fs errors. */
  sync(): FileIdentity {
    fs.fsyncSync(this.fd);
    return fileIdentity(this.fd);
  }

  /** Puts it in its final place, durably. Throws node:fs errors. */
  publish(): void {
    publishFile(this.fd, this.draft, this.path);
    this.#published = true;
  }

  /** Closes it, and removes it if it was not published. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#published) fs.rmSync(this.draft, { force: true });
    fs.closeSync(this.fd);
  }
}
