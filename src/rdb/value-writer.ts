/**
 * Writes values that lie in memory as RDB has them: the same bytes, but for strings that are worth compressing.
 *
 * Which bytes of a value are strings is skip.ts's picture; what is no string is copied.
 */
import type { Cursor } from "../util/cursor.ts";
import { readCount, readLengthOrEncoding } from "./length.ts";
import { RdbType } from "./opcodes.ts";
import { skipValue } from "./skip.ts";
import { StreamBytesMin } from "./stream-skip.ts";
import { skipString } from "./string.ts";
import type { RdbWriter } from "./writer.ts";

/** Copied at once. */
const PIECE_BYTES = 256 * 1024;

/** Writes the value of `type` (a number of RdbType) at the cursor, and moves the cursor behind it. Throws FormatError. */
export function writeValue(writer: RdbWriter, cursor: Cursor, type: number): void {
  switch (type) {
    case RdbType.STRING:
    case RdbType.HASH_ZIPMAP:
    case RdbType.LIST_ZIPLIST:
    case RdbType.SET_INTSET:
    case RdbType.ZSET_ZIPLIST:
    case RdbType.HASH_ZIPLIST:
    case RdbType.HASH_LISTPACK:
    case RdbType.ZSET_LISTPACK:
    case RdbType.SET_LISTPACK:
    case RdbType.HASH_LISTPACK_EX_PRE_GA:
      writeString(writer, cursor);
      return;
    case RdbType.LIST:
    case RdbType.SET:
    case RdbType.LIST_QUICKLIST:
      for (let left = writeCount(writer, cursor, 1); left > 0; left--) writeString(writer, cursor);
      return;
    case RdbType.HASH:
      for (let left = writeCount(writer, cursor, 2) * 2; left > 0; left--) writeString(writer, cursor);
      return;
    case RdbType.LIST_QUICKLIST_2:
      for (let left = writeCount(writer, cursor, 2); left > 0; left--) {
        copyLength(writer, cursor);
        writeString(writer, cursor);
      }
      return;
    case RdbType.ZSET_2:
      for (let left = writeCount(writer, cursor, 9); left > 0; left--) {
        writeString(writer, cursor);
        copyBytes(writer, cursor, 8);
      }
      return;
    case RdbType.HASH_LISTPACK_EX:
      copyBytes(writer, cursor, 8);
      writeString(writer, cursor);
      return;
    default:
      writeRare(writer, cursor, type);
  }
}

function writeRare(writer: RdbWriter, cursor: Cursor, type: number): void {
  switch (type) {
    case RdbType.HASH_METADATA:
      copyBytes(writer, cursor, 8);
      for (let left = writeCount(writer, cursor, 3); left > 0; left--) {
        copyLength(writer, cursor);
        writeString(writer, cursor);
        writeString(writer, cursor);
      }
      return;
    case RdbType.STREAM_LISTPACKS:
    case RdbType.STREAM_LISTPACKS_2:
    case RdbType.STREAM_LISTPACKS_3: {
      const start = cursor.offset;
      skipValue(cursor, type);
      const end = cursor.offset;
      cursor.seek(start);
      for (let left = writeCount(writer, cursor, StreamBytesMin.NODE) * 2; left > 0; left--)
        writeString(writer, cursor);
      copyBytes(writer, cursor, end - cursor.offset);
      return;
    }
    default:
      copyValue(writer, cursor, type);
  }
}

/** Writes the value as it lies. */
export function copyValue(writer: RdbWriter, cursor: Cursor, type: number): void {
  const start = cursor.offset;
  skipValue(cursor, type);
  const length = cursor.offset - start;
  cursor.seek(start);
  copyBytes(writer, cursor, length);
}

/** Writes the string at the cursor: compressed where it is raw and that pays; as it lies where it is encoded already. */
export function writeString(writer: RdbWriter, cursor: Cursor): void {
  const start = cursor.offset;
  const length = readLengthOrEncoding(cursor);
  if (length >= 0) {
    cursor.need(length);
    writer.string(cursor.bytes, cursor.pos, length);
    cursor.pos += length;
    return;
  }
  cursor.seek(start);
  copyString(writer, cursor);
}

/** Writes the string at the cursor as it lies. */
export function copyString(writer: RdbWriter, cursor: Cursor): void {
  const start = cursor.offset;
  skipString(cursor);
  const length = cursor.offset - start;
  cursor.seek(start);
  copyBytes(writer, cursor, length);
}

/** Writes the count at the cursor; returns it. */
export function writeCount(writer: RdbWriter, cursor: Cursor, bytesMin: number): number {
  const count = readCount(cursor, bytesMin);
  writer.length(count);
  return count;
}

/** Copies a number stored as a length, of whatever size. */
export function copyLength(writer: RdbWriter, cursor: Cursor): void {
  cursor.need(1);
  const first = cursor.bytes[cursor.pos] as number;
  copyBytes(writer, cursor, first < 0x40 ? 1 : first < 0x80 ? 2 : first === 0x80 ? 5 : 9);
}

/** Copies the next `length` bytes. */
export function copyBytes(writer: RdbWriter, cursor: Cursor, length: number): void {
  for (let left = length; left > 0; ) {
    const piece = Math.min(left, PIECE_BYTES);
    cursor.need(piece);
    writer.bytes(cursor.bytes, cursor.pos, piece);
    cursor.pos += piece;
    left -= piece;
  }
}
