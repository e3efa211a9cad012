/**
 * Strings in the overlay, as the RDB format has them: a decimal integer of 32 bits in five bytes, all else raw. Redis looks at a value
 * in the same way when it is set (OBJECT ENCODING int).
 *
 *   0xC2 | int32 le              length | bytes
 */
import type { Database } from "../keyspace/database.ts";
import { EntryFlag, lengthBytes, writeLength, writeU32 } from "../overlay/entry.ts";
import { RdbType, StringEncoding } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { copyBytes } from "../util/native.ts";
import type { Span } from "../util/span.ts";

const INT32_BYTE = 0xc0 | StringEncoding.INT32;
const INT32_BYTES = 5;
/** Characters of the longest int32. */
const INT32_TEXT_MAX = 11;

/**
 * Sets a string: value[valueStart, + valueLength). `expireAtMs`: milliseconds since 1970, -1 none, KEEP_EXPIRY.
 * The value may not lie in the key's own entry. Throws ArenaFull.
 */
export function setString(
  db: Database,
  bytes: Uint8Array,
  start: number,
  length: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expireAtMs: number,
): void {
  if (valueLength <= INT32_TEXT_MAX && isInt32(value, valueStart, valueLength)) {
    setInt32(db, bytes, start, length, INTEGER.value, expireAtMs);
    return;
  }
  const head = lengthBytes(valueLength);
  db.write(bytes, start, length, RdbType.STRING, expireAtMs, head + valueLength);
  writeLength(db.valueBytes, db.valueAt, valueLength);
  copyBytes(value, valueStart, valueLength, db.valueBytes, db.valueAt + head);
}

/** Sets a string to the decimal text of an int32. */
export function setInt32(
  db: Database,
  bytes: Uint8Array,
  start: number,
  length: number,
  value: number,
  expireAtMs: number,
): void {
  db.write(bytes, start, length, RdbType.STRING, expireAtMs, INT32_BYTES);
  const { valueBytes, valueAt } = db;
  valueBytes[valueAt] = INT32_BYTE;
  writeU32(valueBytes, valueAt + 1, value);
}

/**
 * Makes the key, which does not exist, a string of `length` zeros, whatever comes to stand there: the caller writes it at `into` at once.
 * OBJECT ENCODING says raw. Throws ArenaFull.
 */
export function createString(
  db: Database,
  bytes: Uint8Array,
  start: number,
  keyLength: number,
  length: number,
  into: Span,
): void {
  rewriteString(db, bytes, start, keyLength, length, -1, into);
  into.bytes.fill(0, into.start, into.start + length);
}

/** As `createString`, of a key that may exist (with another expiry), the bytes undefined. They may not come from the key's own entry. */
export function rewriteString(
  db: Database,
  bytes: Uint8Array,
  start: number,
  keyLength: number,
  length: number,
  expireAtMs: number,
  into: Span,
): void {
  const head = lengthBytes(length);
  db.write(bytes, start, keyLength, RdbType.STRING, expireAtMs, head + length, EntryFlag.RAW);
  writeLength(db.valueBytes, db.valueAt, length);
  into.set(db.valueBytes, db.valueAt + head, length);
}

/**
 * Puts another int32 in the place of the one that the record, just read, holds; false where it holds none, or may not be changed
 * where it lies.
 */
export function replaceInt32(db: Database, record: Record, value: number): boolean {
  const { cursor } = record;
  record.seekValue();
  if (!db.isWritable(record) || cursor.bytes[cursor.pos] !== INT32_BYTE) return false;
  writeU32(cursor.bytes, cursor.pos + 1, value);
  db.touch(record);
  return true;
}

/** The last integer that isInt32 found. */
const INTEGER = { value: 0 };

/** Whether the bytes are the decimal text of an int32 exactly as it would be printed: no "+", no leading zeros, no "-0". */
function isInt32(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length;
  let at = start;
  if (length === 0) return false;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const first = bytes[at] as number;
  if (at === end || first < 48 || first > 57 || (first === 48 && length > 1)) return false;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (negative) value = -value;
  if (value !== (value | 0)) return false;
  INTEGER.value = value;
  return true;
}
