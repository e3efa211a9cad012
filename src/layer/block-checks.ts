/**
 * Blocks of the RDB verified on first touch against the checksums of the index: one bit a block remembers.
 * No byte of a block that fails is ever handed out, however often it is asked for.
 */
import type { Mapping } from "../mmap/mapping.ts";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { DamagedError } from "./damaged-error.ts";
import { BLOCK_BYTES } from "./format.ts";
import { hex, type IndexFile } from "./index-file.ts";

/** So many blocks touched in a row, and the next ones are asked for ahead of time. */
const STREAK = 4;
const READ_AHEAD_BLOCKS = 64;

export class BlockChecks {
  /** Blocks verified so far. */
  verifiedBlocks = 0;
  /** Touches of blocks that failed. */
  damagedBlocksHit = 0;
  readonly blocks: number;
  readonly #mapping: Mapping;
  readonly #verified: Uint32Array;
  #index: IndexFile;
  #lastBlock = -1;
  #streak = 0;

  constructor(mapping: Mapping, index: IndexFile) {
    this.#mapping = mapping;
    this.#index = index;
    this.blocks = Math.ceil(mapping.size / BLOCK_BYTES);
    this.#verified = new Uint32Array(Math.ceil(this.blocks / 32));
  }

  /** Takes the checksums from another index of the same file from now on. */
  useIndex(index: IndexFile): void {
    this.#index = index;
  }

  /**
   * Verifies what is not verified yet of [offset, offset + length), which lies within the file.
   * Returns the end of the verified run. Throws DamagedError.
   */
  admit(offset: number, length: number): number {
    const size = this.#mapping.size;
    if (length === 0) return offset;
    const verified = this.#verified;
    let block = Math.floor(offset / BLOCK_BYTES) | 0;
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES) | 0;
    if (last - block > STREAK) this.#mapping.advise("willneed", offset, length);
    for (; block <= last; block++) {
      if ((((verified[block >>> 5] as number) >>> (block & 31)) & 1) === 0) this.#verify(block);
    }
    // Verified blocks that follow in the same word of the bitmap come free: zeros of the complement end the run.
    const following = ~(verified[last >>> 5] as number) & (-2 << (last & 31));
    const wordStart = last - (last & 31);
    const run = (last & 31) === 31 || following === 0 ? 32 : 31 - Math.clz32(following & -following);
    const end = (wordStart + run) * BLOCK_BYTES;
    return Math.min(end, size);
  }

  #verify(block: number): void {
    const start = block * BLOCK_BYTES;
    this.#streak = block === this.#lastBlock + 1 ? this.#streak + 1 : 0;
    this.#lastBlock = block;
    if (this.#streak >= STREAK && block % READ_AHEAD_BLOCKS === 0) {
      const ahead = Math.min(READ_AHEAD_BLOCKS * BLOCK_BYTES, this.#mapping.size - start);
      this.#mapping.advise("willneed", start, ahead);
    }
    const expected = this.#index.blockChecksum(block);
    const found = blockSum(this.#mapping, block);
    if (found !== expected) {
      this.damagedBlocksHit++;
      throw new DamagedError(
        "damaged-block",
        this.#mapping.path,
        start,
        `checksum ${hex(found)} of the ${BLOCK_BYTES}-byte block`,
        `${hex(expected)} as when it was indexed`,
        "restore the file from a copy; keys outside this block are served",
      );
    }
    this.verifiedBlocks++;
    this.#verified[block >>> 5] = (this.#verified[block >>> 5] as number) | (1 << (block & 31));
  }
}

/** CRC32 of block `block` of the mapping, unsigned. */
export function blockSum(mapping: Mapping, block: number): number {
  const start = block * BLOCK_BYTES;
  const window = Math.floor(start / WINDOW_STRIDE_BYTES);
  const at = start - window * WINDOW_STRIDE_BYTES;
  const bytes = mapping.windows[window] as Uint8Array;
  if (at + BLOCK_BYTES > bytes.length) return Bun.hash.crc32(bytes.subarray(at, at + BLOCK_BYTES));
  // A copy costs no more than a view, and leaves no garbage: a save sums every block of the file.
  copy.call(bytes, BLOCK, 0, at, at + BLOCK_BYTES);
  return Bun.hash.crc32(BLOCK);
}

const BLOCK = new Uint8Array(BLOCK_BYTES);
const { copy } = Buffer.prototype;
