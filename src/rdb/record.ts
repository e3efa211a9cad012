/**
 * One key's record, read where it lies.
 *
 *   offset                                    valueOffset
 *   | EXPIRETIME_MS int64 | FREQ | IDLE | type | key | value …
 *     ^ any of them, or none
 *
 * A Record is set again and again (`readAt`), so that reading a key allocates nothing.
 */

import { i32le } from "../encodings/packed.ts";
import type { ByteSource } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { readLength } from "./length.ts";
import { badOpcode, skipOperands } from "./opcode-skip.ts";
import { Opcode, RdbType, rdbTypeOf } from "./opcodes.ts";
import { Scratch } from "./scratch.ts";
import { readString } from "./string.ts";

/** The one number below the newest common type that was never given out. */
const TYPE_GAP = 8;

export class Record {
  /** After readAt and seekValue: at the value's first byte. Readers move it. */
  readonly cursor = new Cursor();
  /** For whoever reads the value. The key does not use it. */
  readonly scratch = new Scratch();
  /** The key; valid until the next readAt, as long as the source is open. */
  readonly key = new Span();
  /** Offset of the record's first byte, an opcode or the type. */
  offset = 0;
  /** A number of RdbType. */
  type = 0;
  /** Milliseconds since the epoch; -1 where the key has no expiry. */
  expireAtMs = -1;
  /** Seconds since the last access when the file was written; -1 where it does not say. */
  idleSeconds = -1;
  /** LFU counter, 0 to 255; -1 where the file does not say. */
  freq = -1;
  /** The 24 bits of the eviction clock where the record lies in an overlay; -1 elsewhere. */
  access = -1;
  /** The handle of the entry in the overlay that takes writes; 0: the record lies elsewhere (a layer, a frozen overlay). */
  entry = 0;
  /** A string that was changed in place in the overlay: OBJECT ENCODING says raw. */
  isRaw = false;
  /** Bytes of the value where they are known (in an overlay); -1: it must be walked. */
  valueLength = -1;
  valueOffset = 0;
  /** The database of the key. Set by whoever found the record; readAt leaves it alone. */
  dbid = 0;
  /** Whether the source is a Valkey file: its types from 22 on mean something else. Set by whoever opens the source. */
  valkey = false;

  readonly #keyScratch = new Scratch();

  /**
   * Reads the record at `offset`: its prelude, type and key. The cursor then stands at the value.
   * Throws FormatError; the record is then undefined.
   */
  readAt(source: ByteSource, offset: number): void {
    const cursor = this.cursor.open(source, offset);
    this.offset = offset;
    this.expireAtMs = -1;
    this.idleSeconds = -1;
    this.freq = -1;
    this.access = -1;
    this.entry = 0;
    this.isRaw = false;
    this.valueLength = -1;
    cursor.need(1);
    let byte = cursor.bytes[cursor.pos++] as number;
    if (byte === Opcode.EXPIRETIME_MS) {
      this.expireAtMs = readExpireMs(cursor);
      byte = cursor.u8();
    }
    if (byte > RdbType.STREAM_LISTPACKS_3 || byte === TYPE_GAP) byte = this.#readPrelude(byte);
    this.type = byte;
    readString(cursor, this.key, this.#keyScratch);
    this.valueOffset = cursor.base + cursor.pos;
  }

  /**
   * Becomes the record that `other` is, with a cursor of its own at the value; `other` may be read again at once. Works for records of
   * every source, where `readAt` knows no entry of an overlay. Valid as long as `other`'s was: its key, where that lies in scratch, is
   * copied.
   */
  like(other: Record): this {
    const { key } = other;
    this.cursor.like(other.cursor);
    this.offset = other.offset;
    this.type = other.type;
    this.expireAtMs = other.expireAtMs;
    this.idleSeconds = other.idleSeconds;
    this.freq = other.freq;
    this.access = other.access;
    this.entry = other.entry;
    this.isRaw = other.isRaw;
    this.valueLength = other.valueLength;
    this.valueOffset = other.valueOffset;
    this.dbid = other.dbid;
    this.valkey = other.valkey;
    this.key.set(key.bytes, key.start, key.length);
    if (other.#keyScratch.holds(key.bytes)) {
      const own = this.#keyScratch.bytes(key.length);
      own.set(key.bytes.subarray(key.start, key.start + key.length));
      this.key.set(own, 0, key.length);
    }
    this.seekValue();
    return this;
  }

  /** Puts the cursor back at the value's first byte. */
  seekValue(): void {
    const { cursor } = this;
    // Just read: nothing need be admitted anew.
    if (cursor.base + cursor.pos !== this.valueOffset) cursor.seek(this.valueOffset);
  }

  /** Whether the key is exactly these bytes. */
  matches(bytes: Uint8Array, start: number, length: number): boolean {
    return this.key.equals(bytes, start, length);
  }

  /** Reads opcodes from `byte` on until the type; returns the type. */
  #readPrelude(first: number): number {
    const { cursor } = this;
    let byte = first;
    for (;;) {
      const type = rdbTypeOf(byte, this.valkey);
      if (type >= 0) return type;
      if (byte === Opcode.EXPIRETIME_MS) this.expireAtMs = readExpireMs(cursor);
      else if (byte === Opcode.EXPIRETIME) this.expireAtMs = (cursor.u32le() | 0) * 1000;
      else if (byte === Opcode.FREQ) this.freq = cursor.u8();
      else if (byte === Opcode.IDLE) this.idleSeconds = readLength(cursor);
      else if (byte === Opcode.EOF) throw badOpcode(cursor.offset - 1, byte);
      else skipOperands(cursor, byte);
      byte = cursor.u8();
    }
  }
}

/** An int64 little-endian of milliseconds. Beyond 2^53 it is rounded: such a time is some 285,000 years away. */
export function readExpireMs(cursor: Cursor): number {
  cursor.need(8);
  const { bytes, pos } = cursor;
  cursor.pos = pos + 8;
  return i32le(bytes, pos + 4) * 2 ** 32 + (i32le(bytes, pos) >>> 0);
}
