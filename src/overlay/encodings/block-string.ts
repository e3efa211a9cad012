/**
 * Strings in blocks, as RDB has them uncompressed, so that saving a member is a copy:
 *
 *   length | bytes            11000000 | int8     11000001 | int16 le     11000010 | int32 le
 *
 * A text that spells an int32 is always stored as that integer, and as the shortest: equal texts are equal bytes.
 */
import type { Element } from "../../encodings/element.ts";
import { i32le, u16le } from "../../encodings/packed.ts";
import { parseInteger, writeInteger } from "../../util/integer.ts";
import { keyLength, lengthBytes, writeLength } from "../entry.ts";

const INT8 = 0xc0;
const INT16 = 0xc1;
const INT32 = 0xc2;
const INT32_TEXT_BYTES_MAX = 11;
/** Longer strings are copied by a call. */
const LOOP_BYTES_MAX = 32;

const { copy } = Buffer.prototype;

/** The int32 that these bytes spell, NaN for any other. */
export function parseInt32(bytes: Uint8Array, start: number, length: number): number {
  if (length > INT32_TEXT_BYTES_MAX || length === 0) return Number.NaN;
  // Most texts are none: one look.
  if ((bytes[start + length - 1] as number) - 48 > 9) return Number.NaN;
  const value = parseInteger(bytes, start, length);
  return value === (value | 0) ? value : Number.NaN;
}

/** Bytes that the text takes. */
export function stringBytes(text: Uint8Array, start: number, length: number): number {
  const value = parseInt32(text, start, length);
  if (Number.isNaN(value)) return lengthBytes(length) + length;
  return value === (value << 24) >> 24 ? 2 : value === (value << 16) >> 16 ? 3 : 5;
}

/** Writes the text at into[at]; returns the position behind it. */
export function writeString(into: Uint8Array, at: number, text: Uint8Array, start: number, length: number): number {
  const value = parseInt32(text, start, length);
  if (!Number.isNaN(value)) return writeInt(into, at, value);
  const to = writeLength(into, at, length);
  if (length > LOOP_BYTES_MAX) copy.call(text, into, to, start, start + length);
  else for (let i = 0; i < length; i++) into[to + i] = text[start + i] as number;
  return to + length;
}

function writeInt(into: Uint8Array, at: number, value: number): number {
  into[at + 1] = value;
  if (value === (value << 24) >> 24) {
    into[at] = INT8;
    return at + 2;
  }
  into[at + 2] = value >> 8;
  if (value === (value << 16) >> 16) {
    into[at] = INT16;
    return at + 3;
  }
  into[at] = INT32;
  into[at + 3] = value >> 16;
  into[at + 4] = value >> 24;
  return at + 5;
}

/** Bytes of the string at `at`. */
export function storedBytes(bytes: Uint8Array, at: number): number {
  const head = bytes[at] as number;
  if (head < 0x40) return 1 + head;
  if (head >= INT8) return head === INT8 ? 2 : head === INT16 ? 3 : 5;
  const length = keyLength(bytes, at);
  return lengthBytes(length) + length;
}

/** Reads the string at `at`; returns the position behind it. Valid until the block is changed. */
export function readString(bytes: Uint8Array, at: number, into: Element): number {
  const head = bytes[at] as number;
  if (head < 0x40) {
    into.setBytes(bytes, at + 1, head);
    return at + 1 + head;
  }
  if (head >= INT8) {
    into.setInt(storedInt(bytes, at, head));
    return at + (head === INT8 ? 2 : head === INT16 ? 3 : 5);
  }
  const length = keyLength(bytes, at);
  const start = at + lengthBytes(length);
  into.setBytes(bytes, start, length);
  return start + length;
}

function storedInt(bytes: Uint8Array, at: number, head: number): number {
  if (head === INT8) return ((bytes[at + 1] as number) << 24) >> 24;
  return head === INT16 ? (u16le(bytes, at + 1) << 16) >> 16 : i32le(bytes, at + 1);
}

/** Whether the string at `at` is this text, which spells the int32 `value`, or none: NaN. */
export function isString(
  bytes: Uint8Array,
  at: number,
  text: Uint8Array,
  start: number,
  length: number,
  value: number,
): boolean {
  const head = bytes[at] as number;
  if (head >= INT8) return storedInt(bytes, at, head) === value;
  let mine = at + 1;
  if (length < 64) {
    if (head !== length) return false;
  } else {
    if (keyLength(bytes, at) !== length) return false;
    mine = at + lengthBytes(length);
  }
  let i = start;
  const end = start + length;
  for (const fours = end - 3; i < fours; i += 4, mine += 4) {
    const difference =
      ((text[i] as number) ^ (bytes[mine] as number)) |
      ((text[i + 1] as number) ^ (bytes[mine + 1] as number)) |
      ((text[i + 2] as number) ^ (bytes[mine + 2] as number)) |
      ((text[i + 3] as number) ^ (bytes[mine + 3] as number));
    if (difference !== 0) return false;
  }
  for (; i < end; i++) if (text[i] !== bytes[mine++]) return false;
  return true;
}

const DIGITS = new Uint8Array(INT32_TEXT_BYTES_MAX + 1);

/** <0, 0, >0 as the text of the string at `at` orders before, with or behind this text (memcmp, then the shorter first). */
export function compareString(bytes: Uint8Array, at: number, text: Uint8Array, start: number, length: number): number {
  const head = bytes[at] as number;
  let mine = bytes;
  let from = at + 1;
  let size = head;
  if (head >= INT8) {
    mine = DIGITS;
    from = 0;
    size = writeInteger(storedInt(bytes, at, head), DIGITS, 0);
  } else if (head >= 0x40) {
    size = keyLength(bytes, at);
    from = at + lengthBytes(size);
  }
  const shared = Math.min(size, length);
  for (let i = 0; i < shared; i++) {
    const difference = (mine[from + i] as number) - (text[start + i] as number);
    if (difference !== 0) return difference;
  }
  return size - length;
}
