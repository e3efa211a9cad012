/**
 * Lengths: the number that precedes every string and every sequence.
 *
 *   00xxxxxx                         6 bits
 *   01xxxxxx xxxxxxxx               14 bits, high first
 *   10000000 + 4 bytes              32 bits, big-endian
 *   10000001 + 8 bytes              64 bits, big-endian
 *   11eeeeee                        no length: a string encoded as `e` follows (StringEncoding)
 *
 * A number beyond 2^53 is never a length of something that exists; where the format stores 64-bit values as
 * lengths (stream ids, module ids) use `readLength64`.
 */
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { StringEncoding } from "./opcodes.ts";

/** What `readLengthOrEncoding` answers for an encoded string: ENCODED - encoding, so always < 0. */
export const ENCODED = -1;

/**
 * A length ≥ 0, or ENCODED - e (-1 INT8, -2 INT16, -3 INT32, -4 LZF) where an encoded string begins.
 * Throws FormatError "truncated", "bad-length", "bad-string-encoding".
 */
export function readLengthOrEncoding(cursor: Cursor): number {
  if (cursor.pos >= cursor.end) cursor.need(1);
  const first = cursor.bytes[cursor.pos++] as number;
  if (first < 0x40) return first;
  return readLongLength(cursor, first);
}

function readLongLength(cursor: Cursor, first: number): number {
  if (first < 0x80) {
    if (cursor.pos >= cursor.end) cursor.need(1);
    return ((first & 0x3f) << 8) | (cursor.bytes[cursor.pos++] as number);
  }
  if (first === 0x80) return cursor.u32be();
  if (first === 0x81) {
    const offset = cursor.offset - 1;
    const high = cursor.u32be();
    const low = cursor.u32be();
    if (high >= 0x20_0000) {
      throw new FormatError(
        "bad-length",
        offset,
        `a length of ${high.toString(16)}${hex32(low)} (hex)`,
        "less than 2^53",
      );
    }
    return high * 2 ** 32 + low;
  }
  if (first >= 0xc0) {
    const encoding = first & 0x3f;
    if (encoding <= StringEncoding.LZF) return ENCODED - encoding;
    throw new FormatError("bad-string-encoding", cursor.offset - 1, `string encoding ${encoding}`, "0 to 3");
  }
  throw new FormatError("bad-length", cursor.offset - 1, `length byte 0x${first.toString(16)}`, "0x80 or 0x81");
}

/** A length where no string may stand: a count, a database number. Throws FormatError. */
export function readLength(cursor: Cursor): number {
  if (cursor.pos >= cursor.end) cursor.need(1);
  const first = cursor.bytes[cursor.pos++] as number;
  if (first < 0x40) return first;
  if (first >= 0xc0) {
    throw new FormatError("bad-length", cursor.offset - 1, `length byte 0x${first.toString(16)}`, "a plain length");
  }
  return readLongLength(cursor, first);
}

/**
 * A count of things of at least `bytesMin` bytes each, checked against what is left of the source: a loop over it
 * ends, and an array of it is no larger than the file. Throws FormatError "bad-count".
 */
export function readCount(cursor: Cursor, bytesMin: number): number {
  const offset = cursor.offset;
  const count = readLength(cursor);
  if (count * bytesMin > cursor.left) {
    throw new FormatError("bad-count", offset, `${count} elements`, `at most ${cursor.left} bytes of them`);
  }
  return count;
}

/** A 64-bit value stored as a length (a stream id's half, a module id). Cold path. */
export function readLength64(cursor: Cursor): bigint {
  cursor.need(1);
  if (cursor.bytes[cursor.pos] === 0x81) {
    cursor.pos++;
    return cursor.u64be();
  }
  return BigInt(readLength(cursor));
}

/** Moves over a value stored as a length, whatever its size. */
export function skipLength(cursor: Cursor): void {
  if (cursor.pos >= cursor.end) cursor.need(1);
  const first = cursor.bytes[cursor.pos] as number;
  if (first === 0x81) cursor.skip(9);
  else readLength(cursor);
}

function hex32(word: number): string {
  return word.toString(16).padStart(8, "0");
}
