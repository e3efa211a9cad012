/**
 * Where the scan leaves what it learns of each key until all are known: a nameless file, partitioned by the upper bits of the hash
 * (so by page range), per database. Memory is bounded: one chunk a partition, and the partitions' chain heads.
 *
 *   chunk   | previous chunk: u32 low, u32 high | words: u32 | entries … |       no previous: high is 2^32 - 1
 *   entry   | h0 | h1 | offset low | offset high:16, bit 31 = expires | (expire_at low | high) |
 *
 * Writes are sequential. Chains are walked from their last chunk back.
 */
import { readFully, writeFully } from "../mmap/file.ts";

export const PARTITION_BITS = 8;
export const PARTITIONS = 1 << PARTITION_BITS;
/** Bit of an entry's fourth word: two words of expire_at follow. */
export const ENTRY_EXPIRES = 0x80000000;
export const ENTRY_WORDS = 4;
export const EXPIRING_ENTRY_WORDS = 6;

const CHUNK_WORDS = 4096;
const CHUNK_HEAD_WORDS = 3;
const STAGING_BYTES = 2 ** 20;
const NONE = 2 ** 32 * (2 ** 32 - 1);

/** What was spilled of one database. */
export class SpilledDatabase {
  readonly dbid: number;
  keys = 0;
  expiringKeys = 0;
  /** File position of each partition's last chunk. Made with the first key: a file may select databases without end. */
  heads: Float64Array | undefined;
  /** Words spilled to each partition. */
  words: Float64Array | undefined;

  constructor(dbid: number) {
    this.dbid = dbid;
  }
}

/** A file that grows by appended words, through a staging buffer. */
export class SpillFile {
  /** Length in bytes, staged ones included. */
  size = 0;
  readonly #fd: number;
  readonly #staging = new Uint32Array(STAGING_BYTES / 4);
  readonly #stagingBytes = new Uint8Array(this.#staging.buffer);
  #staged = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Appends source[start, end) (at most STAGING_BYTES); returns its position. Throws node:fs errors (ENOSPC, …). */
  append(source: Uint32Array, start: number, end: number): number {
    if (this.#staged + end - start > this.#staging.length) this.flush();
    const position = this.size;
    this.#staging.set(source.subarray(start, end), this.#staged);
    this.#staged += end - start;
    this.size += (end - start) * 4;
    return position;
  }

  flush(): void {
    writeFully(this.#fd, this.#stagingBytes, this.size - this.#staged * 4, this.#staged * 4);
    this.#staged = 0;
  }

  /** Reads `count` words at `position` into words[at …]. What was staged must have been flushed. */
  read(words: Uint32Array, at: number, count: number, position: number): void {
    const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 4, count * 4);
    if (readFully(this.#fd, bytes, position) !== count * 4) throw new Error(`the spill file ends before ${position}`);
  }
}

/** The scan's side. */
export class Spiller {
  readonly #file: SpillFile;
  readonly #chunks = new Uint32Array(PARTITIONS * CHUNK_WORDS);
  readonly #fill = new Int32Array(PARTITIONS).fill(CHUNK_HEAD_WORDS);
  #database: SpilledDatabase = new SpilledDatabase(-1);

  constructor(file: SpillFile) {
    this.#file = file;
  }

  /** What is added from now on belongs to `database`. */
  select(database: SpilledDatabase): void {
    if (database === this.#database) return;
    this.finish();
    this.#database = database;
  }

  /** Adds a key of the selected database. `expireAtMs` is -1 where there is no expiry. */
  add(h0: number, h1: number, offset: number, expireAtMs: number): void {
    const partition = h0 >>> (32 - PARTITION_BITS);
    const chunks = this.#chunks;
    let fill = this.#fill[partition] as number;
    if (fill > CHUNK_WORDS - EXPIRING_ENTRY_WORDS) {
      this.#flushChunk(partition);
      fill = CHUNK_HEAD_WORDS;
    }
    const at = partition * CHUNK_WORDS + fill;
    const offsetHigh = Math.floor(offset / 2 ** 32);
    chunks[at] = h0;
    chunks[at + 1] = h1;
    chunks[at + 2] = offset;
    this.#database.keys++;
    if (expireAtMs === -1) {
      chunks[at + 3] = offsetHigh;
      this.#fill[partition] = fill + ENTRY_WORDS;
      return;
    }
    this.#database.expiringKeys++;
    chunks[at + 3] = offsetHigh | ENTRY_EXPIRES;
    chunks[at + 4] = expireAtMs;
    chunks[at + 5] = Math.floor(expireAtMs / 2 ** 32);
    this.#fill[partition] = fill + EXPIRING_ENTRY_WORDS;
  }

  /** Writes out what is in the chunks. */
  finish(): void {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if ((this.#fill[partition] as number) > CHUNK_HEAD_WORDS) this.#flushChunk(partition);
    }
  }

  #flushChunk(partition: number): void {
    const database = this.#database;
    const heads = (database.heads ??= new Float64Array(PARTITIONS).fill(NONE));
    const words = (database.words ??= new Float64Array(PARTITIONS));
    const previous = heads[partition] as number;
    const start = partition * CHUNK_WORDS;
    const fill = this.#fill[partition] as number;
    this.#chunks[start] = previous % 2 ** 32;
    this.#chunks[start + 1] = Math.floor(previous / 2 ** 32);
    this.#chunks[start + 2] = fill - CHUNK_HEAD_WORDS;
    heads[partition] = this.#file.append(this.#chunks, start, start + fill);
    words[partition] = (words[partition] as number) + fill - CHUNK_HEAD_WORDS;
    this.#fill[partition] = CHUNK_HEAD_WORDS;
  }
}

const chunkHead = new Uint32Array(CHUNK_HEAD_WORDS);

/**
 * Reads a partition of a database into words[at …], in the order it was added; returns the number of words.
 * The caller has made room for `database.words[partition]`.
 */
export function readPartition(
  file: SpillFile,
  database: SpilledDatabase,
  partition: number,
  words: Uint32Array,
  at: number,
): number {
  const total = database.words?.[partition] ?? 0;
  let position = database.heads?.[partition] ?? NONE;
  let end = at + total;
  while (position !== NONE) {
    file.read(chunkHead, 0, CHUNK_HEAD_WORDS, position);
    const count = chunkHead[2] as number;
    end -= count;
    file.read(words, end, count, position + CHUNK_HEAD_WORDS * 4);
    position = (chunkHead[0] as number) + (chunkHead[1] as number) * 2 ** 32;
  }
  return total;
}
