/**
 * Strings: keys, values, elements.
 *
 *   length | bytes                                          raw
 *   11000000 | int8     11000001 | int16 le     11000010 | int32 le     an integer; its string is the decimal text
 *   11000011 | length compressed | length uncompressed | bytes          LZF
 */
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { parseInteger64, writeInteger } from "../util/integer.ts";
import type { Span } from "../util/span.ts";
import { ENCODED, readLength, readLengthOrEncoding } from "./length.ts";
import { lzfDecompress, lzfMeasure, lzfPlausible } from "./lzf.ts";
import { StringEncoding } from "./opcodes.ts";
import type { Scratch } from "./scratch.ts";

const INT8 = ENCODED - StringEncoding.INT8;
const INT16 = ENCODED - StringEncoding.INT16;
const INT32 = ENCODED - StringEncoding.INT32;

/** The longest decimal text of an int32: "-2147483648". */
const INT32_TEXT_BYTES_MAX = 11;
/** Up to this length Redis allocates a string together with its object. */
const EMBSTR_BYTES_MAX = 44;

/**
 * Reads a string and moves past it. Raw bytes are seen where they lie (valid as long as the source is open);
 * integers become text and LZF is decompressed in `scratch` (valid until the scratch is used again).
 * Throws FormatError "truncated", "bad-length", "bad-string-encoding", "bad-lzf".
 */
export function readString(cursor: Cursor, into: Span, scratch: Scratch): void {
  const length = readLengthOrEncoding(cursor);
  if (length >= 0) {
    if (length > cursor.end - cursor.pos) cursor.need(length);
    into.set(cursor.bytes, cursor.pos, length);
    cursor.pos += length;
  } else readEncoded(cursor, length, into, scratch);
}

/** The rest of `readString` for an encoding that `readLengthOrEncoding` answered. */
export function readEncoded(cursor: Cursor, encoded: number, into: Span, scratch: Scratch): void {
  if (encoded >= INT32) {
    const value = readInteger(cursor, encoded);
    const text = scratch.bytes(INT32_TEXT_BYTES_MAX);
    into.set(text, 0, writeInteger(value, text, 0));
    return;
  }
  const offset = cursor.offset - 1;
  const compressed = readLength(cursor);
  const length = readLength(cursor);
  checkLzfLengths(offset, compressed, length);
  cursor.need(compressed);
  const output = scratch.bytes(length);
  if (!lzfDecompress(cursor.bytes, cursor.pos, compressed, output, length)) throw badLzf(offset, compressed, length);
  cursor.pos += compressed;
  into.set(output, 0, length);
}

/** Moves past a string without looking at its bytes. Throws FormatError "truncated", "bad-length", "bad-string-encoding". */
export function skipString(cursor: Cursor): void {
  const length = readLengthOrEncoding(cursor);
  if (length >= 0) {
    if (length <= cursor.end - cursor.pos) cursor.pos += length;
    else cursor.skip(length);
  } else if (length >= INT32) cursor.skip(integerBytes(length));
  else {
    const compressed = readLength(cursor);
    readLength(cursor);
    cursor.skip(compressed);
  }
}

/**
 * Moves past a string, checking what Redis checks when it loads one: that an LZF stream makes what it claims.
 * Returns the string's length in bytes.
 */
export function checkString(cursor: Cursor): number {
  const length = readLengthOrEncoding(cursor);
  if (length >= 0) {
    cursor.skip(length);
    return length;
  }
  if (length >= INT32) return decimalLength(readInteger(cursor, length));
  const offset = cursor.offset - 1;
  const compressed = readLength(cursor);
  const uncompressed = readLength(cursor);
  checkLzfLengths(offset, compressed, uncompressed);
  cursor.need(compressed);
  if (lzfMeasure(cursor.bytes, cursor.pos, compressed) !== uncompressed) throw badLzf(offset, compressed, uncompressed);
  cursor.pos += compressed;
  return uncompressed;
}

/** The length in bytes of the string here, without decompressing it; moves past its header, not past its bytes. */
export function stringLength(cursor: Cursor): number {
  const length = readLengthOrEncoding(cursor);
  if (length >= 0) return length;
  if (length >= INT32) return decimalLength(readInteger(cursor, length));
  const offset = cursor.offset - 1;
  const compressed = readLength(cursor);
  const uncompressed = readLength(cursor);
  checkLzfLengths(offset, compressed, uncompressed);
  return uncompressed;
}

/**
 * What OBJECT ENCODING answers for the string value here: Redis looks at the text when it loads it, so a raw string
 * of digits that fits an int64 is "int" too. Moves past the string.
 */
export function readStringKind(cursor: Cursor, into: Span, scratch: Scratch): "int" | "embstr" | "raw" {
  readString(cursor, into, scratch);
  if (parseInteger64(into.bytes, into.start, into.length) !== null) return "int";
  return into.length <= EMBSTR_BYTES_MAX ? "embstr" : "raw";
}

/** The number of an integer-encoded string (`encoded` from readLengthOrEncoding, above LZF's). */
export function readInteger(cursor: Cursor, encoded: number): number {
  if (encoded === INT8) return (cursor.u8() << 24) >> 24;
  if (encoded === INT16) return (cursor.u16le() << 16) >> 16;
  return cursor.u32le() | 0;
}

function integerBytes(encoded: number): number {
  return encoded === INT8 ? 1 : encoded === INT16 ? 2 : 4;
}

function checkLzfLengths(offset: number, compressed: number, length: number): void {
  if (!lzfPlausible(compressed, length)) throw badLzf(offset, compressed, length);
}

function badLzf(offset: number, compressed: number, length: number): FormatError {
  const found = `${compressed} compressed bytes that do not make ${length}`;
  return new FormatError("bad-lzf", offset, found, "an LZF stream of the length it claims");
}

function decimalLength(value: number): number {
  let digits = value < 0 ? 2 : 1;
  for (let rest = value < 0 ? -value : value; rest >= 10; rest /= 10) digits++;
  return digits;
}
