/**
 * Changes a small collection where it lies: a value that is one string, which holds a listpack or an intset.
 *
 *   value   | [head] | length | blob … |       head: bytes of the value before the string (a list's: one node, packed)
 *                               ^ start, `length` bytes of `bytes`
 *
 * The blob is read where it lies, in whatever level; `resize` makes it writable, in the top overlay. One instance serves any number of
 * keys, one after the other; nothing is allocated on the heap.
 */
import { headBytes, INLINE_BYTES_MAX, keyLength, lengthBytes, writeHead } from "../overlay/entry.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import { copyBytes } from "../util/native.ts";
import { Span } from "../util/span.ts";
import { type Database, KEEP_EXPIRY } from "./database.ts";

/** First byte of a length that has four bytes behind it. */
const LENGTH_32 = 0x80;

export class PackedEdit {
  /** The blob: valid until the key, or another one, is written. */
  readonly blob = new Span();
  #database: Database | null = null;
  #key: Uint8Array = this.blob.bytes;
  #keyStart = 0;
  #keyLength = 0;
  #record: Record | null = null;
  readonly #into = new Span();
  readonly #scratch = new Scratch();
  /** Copies of the blob, or of its end, while it is made shorter. */
  readonly #aside = new Scratch();

  get bytes(): Uint8Array {
    return this.blob.bytes;
  }

  /** Where the blob begins in `bytes`. */
  get start(): number {
    return this.blob.start;
  }

  get length(): number {
    return this.blob.length;
  }

  /**
   * Makes the key's value one of `type` whose blob has `length` bytes, for the caller to write at once. Whatever the key held is gone.
   * Throws ArenaFull, nothing changed.
   */
  create(
    database: Database,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    type: number,
    length: number,
    expireAtMs = KEEP_EXPIRY,
  ): void {
    const head = headBytes(type) + lengthBytes(length);
    database.write(key, keyStart, keyLength, type, expireAtMs, head + length);
    writeHead(database.valueBytes, database.valueAt, type, length);
    this.blob.set(database.valueBytes, database.valueAt + head, length);
    this.#database = null;
  }

  /** Reads the blob of the record, which is the key's as it was just found: to be read, and to be written after `resize`. Throws FormatError. */
  open(database: Database, key: Uint8Array, keyStart: number, keyLength: number, record: Record): void {
    this.#database = database;
    this.#key = key;
    this.#keyStart = keyStart;
    this.#keyLength = keyLength;
    this.#record = record;
    if (record.entry !== 0 && this.#openInPlace(record)) return;
    record.seekValue();
    record.cursor.skip(headBytes(record.type));
    readString(record.cursor, this.blob, this.#scratch);
  }

  /** The blob of an entry, which nobody else has written: where it is not compressed (a value that came by RESTORE may be). */
  #openInPlace(record: Record): boolean {
    const { bytes, base } = record.cursor;
    const at = record.valueOffset - base + headBytes(record.type);
    const first = bytes[at] as number;
    if (first > LENGTH_32) return false;
    // By the first byte: of a value that came by RESTORE the length may be written longer than it need be.
    this.blob.set(bytes, at + (first < 0x40 ? 1 : first < LENGTH_32 ? 2 : 5), keyLength(bytes, at));
    return true;
  }

  /** Whether the blob that `open` has read may be written where it lies, at its length: as after `resize`. */
  get isWritable(): boolean {
    const record = this.#record as Record;
    return (this.#database as Database).isWritable(record) && this.blob.bytes === record.cursor.bytes;
  }

  /**
   * Makes the blob that `open` has read one of `length` bytes in the top overlay, writable: its first bytes are as they were. The key's
   * expiry stays. It may lie elsewhere then. Throws ArenaFull, nothing changed.
   */
  resize(length: number): void {
    const { blob } = this;
    const into = this.#into;
    const database = this.#database as Database;
    const record = this.#record as Record;
    database.edit(this.#key, this.#keyStart, this.#keyLength, record, blob, length, into, record.type);
    const hasMoved = into.bytes !== blob.bytes || into.start !== blob.start;
    blob.set(into.bytes, into.start, length);
    if (hasMoved) database.reread(this.#key, this.#keyStart, this.#keyLength, record);
  }

  /**
   * As `resize`, of the blob without its bytes [from, to): what it says of its own length, the caller writes at once. Throws ArenaFull, nothing
   * changed: a blob that is changed first and made shorter then could not be read where there is no memory for the second step.
   */
  cut(from: number, to: number): void {
    const { blob } = this;
    const tail = blob.length - to;
    const length = from + tail;
    if (this.#staysAt(length)) {
      this.resize(length);
      blob.bytes.copyWithin(blob.start + from, blob.start + to, blob.start + to + tail);
      return;
    }
    const aside = this.#aside.bytes(tail);
    copyBytes(blob.bytes, blob.start + to, tail, aside, 0);
    this.resize(length);
    copyBytes(aside, 0, tail, blob.bytes, blob.start + from);
  }

  /** A copy of the blob, to be changed and put back: valid until the next one. */
  copyAside(): Uint8Array {
    const { bytes, start, length } = this.blob;
    const aside = this.#aside.bytes(length);
    copyBytes(bytes, start, length, aside, 0);
    return aside;
  }

  /** Makes the blob the first `length` bytes of a copy. Throws ArenaFull, nothing changed. */
  putBack(aside: Uint8Array, length: number): void {
    this.resize(length);
    copyBytes(aside, 0, length, this.blob.bytes, this.blob.start);
  }

  /** Whether the blob stays where it is when it is resized to `length`, which is less: as Overlay.resize finds. */
  #staysAt(length: number): boolean {
    if (!this.isWritable) return false;
    const { blob } = this;
    const record = this.#record as Record;
    const head = headBytes(record.type) + lengthBytes(length);
    if (record.cursor.base + blob.start - head !== record.valueOffset) return false;
    return lengthBytes(blob.length) === lengthBytes(length) && head + blob.length <= INLINE_BYTES_MAX;
  }
}
