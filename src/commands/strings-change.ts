/** APPEND, SETRANGE and the counters: a string changes, its expiry stays. */

import { ENCODED, readLengthOrEncoding } from "../rdb/length.ts";
import { StringEncoding } from "../rdb/opcodes.ts";
import { readInteger, readString } from "../rdb/string.ts";
import { createString, replaceInt32, setInt32, setString } from "../types/string.ts";
import { INTEGER_TEXT_BYTES_MAX, parseInteger64, writeInteger } from "../util/integer.ts";
import {
  addLongDoubles,
  type LongDouble,
  longDoubleText,
  PLAIN_TEXT_BYTES_MAX,
  parseLongDouble,
  plainSum,
  writePlainSum,
} from "../util/long-double.ts";
import { copyBytes } from "../util/native.ts";
import { binaryBytes, Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { notAnInteger, ReplyError } from "./errors.ts";
import { integer, integer64 } from "./parse.ts";
import { checkLength, readToChange, stringToChange } from "./string-value.ts";

const OLD = new Span();
const INTO = new Span();
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** What readLengthOrEncoding answers for the last of the encodings that hold an integer. */
const INT32 = ENCODED - StringEncoding.INT32;
const ZERO = binaryBytes("0");
const PLAIN_TEXT: Uint8Array = new Uint8Array(PLAIN_TEXT_BYTES_MAX);
const DIGITS = new Uint8Array(INTEGER_TEXT_BYTES_MAX);

export function append(c: Context): void {
  const { args, db } = c;
  const { bytes, starts, lengths } = args;
  const start = starts[2] as number;
  const length = lengths[2] as number;
  const keyStart = starts[1] as number;
  const keyLength = lengths[1] as number;
  let total = length;
  if (!stringToChange(c)) setString(db, bytes, keyStart, keyLength, bytes, start, length, -1);
  else {
    readToChange(c, OLD);
    const { length: oldLength } = OLD;
    total = oldLength + length;
    checkLength(c, total);
    db.edit(bytes, keyStart, keyLength, c.record, OLD, total, INTO);
    copyBytes(bytes, start, length, INTO.bytes, INTO.start + oldLength);
  }
  c.server.keyspace.dirty++;
  c.reply.integer(total);
}

export function setrange(c: Context): void {
  const { args, db } = c;
  const { bytes, starts, lengths } = args;
  const offset = integer(c, 2);
  if (offset < 0) throw new ReplyError("ERR offset is out of range");
  const length = lengths[3] as number;
  const keyStart = starts[1] as number;
  const keyLength = lengths[1] as number;
  const exists = stringToChange(c);
  if (exists) readToChange(c, OLD);
  else OLD.length = 0;
  if (length === 0) {
    c.reply.integer(OLD.length);
    return;
  }
  checkLength(c, offset + length);
  const total = Math.max(OLD.length, offset + length);
  if (exists) db.edit(bytes, keyStart, keyLength, c.record, OLD, total, INTO);
  else createString(db, bytes, keyStart, keyLength, total, INTO);
  copyBytes(bytes, starts[3] as number, length, INTO.bytes, INTO.start + offset);
  c.server.keyspace.dirty++;
  c.reply.integer(total);
}

export function incr(c: Context): void {
  add(c, 1);
}

export function decr(c: Context): void {
  add(c, -1);
}

export function incrby(c: Context): void {
  add(c, exactly(integer64Or53(c, 2)));
}

export function decrby(c: Context): void {
  const decrement = integer64Or53(c, 2);
  if (decrement === INT64_MIN) throw new ReplyError("ERR decrement would overflow");
  add(c, exactly(-decrement));
}

/** Argument `i`: a number where that is exact. */
function integer64Or53(c: Context, i: number): number | bigint {
  return (c.args.lengths[i] as number) <= 15 ? integer(c, i) : integer64(c, i);
}

/** A number instead of a bigint where that is exact; no −0. */
function exactly(value: number | bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number + 0 : value;
}

/** Adds to the integer at argument 1, which is 0 where there is none. */
function add(c: Context, increment: number | bigint): void {
  const { args, db, record } = c;
  const keyStart = args.starts[1] as number;
  const keyLength = args.lengths[1] as number;
  if (typeof increment === "number") {
    const quick = db.addInt32(args.bytes, keyStart, keyLength, increment);
    if (!Number.isNaN(quick)) {
      c.server.keyspace.dirty++;
      c.reply.integer(quick);
      return;
    }
  }
  const found = stringToChange(c);
  const old = found ? integerOf(c) : 0;
  const sum = sumOf(old, increment);
  if (typeof sum === "number" && sum === (sum | 0)) {
    if (!found || !replaceInt32(db, record, sum)) {
      setInt32(db, args.bytes, keyStart, keyLength, sum, found ? record.expireAtMs : -1);
    }
  } else {
    const length = typeof sum === "bigint" ? writeBig(sum) : writeInteger(sum, DIGITS, 0);
    setString(db, args.bytes, keyStart, keyLength, DIGITS, 0, length, found ? record.expireAtMs : -1);
  }
  c.server.keyspace.dirty++;
  c.reply.integer(sum);
}

/** The integer that the record's string spells. Throws ReplyError. */
function integerOf(c: Context): number | bigint {
  const { record } = c;
  const { cursor } = record;
  const encoded = readLengthOrEncoding(cursor);
  if (encoded < 0 && encoded >= INT32) return readInteger(cursor, encoded);
  if (encoded > INTEGER_TEXT_BYTES_MAX) throw notAnInteger();
  record.seekValue();
  readString(cursor, OLD, record.scratch);
  const value = parseInteger64(OLD.bytes, OLD.start, OLD.length);
  if (value === null) throw notAnInteger();
  return value;
}

function sumOf(old: number | bigint, increment: number | bigint): number | bigint {
  if (typeof old === "number" && typeof increment === "number") {
    const sum = old + increment;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(old) + BigInt(increment);
  if (sum > INT64_MAX || sum < INT64_MIN) throw new ReplyError("ERR increment or decrement would overflow");
  return exactly(sum);
}

/** Writes the digits into DIGITS; their number. */
function writeBig(value: bigint): number {
  const text = value.toString();
  for (let i = 0; i < text.length; i++) DIGITS[i] = text.charCodeAt(i);
  return text.length;
}

export function incrbyfloat(c: Context): void {
  const { args, db, record } = c;
  const { bytes, starts, lengths } = args;
  const found = stringToChange(c);
  if (found) readString(record.cursor, OLD, record.scratch);
  else OLD.set(ZERO, 0, ZERO.length);
  const start = starts[2] as number;
  const length = lengths[2] as number;
  let text = PLAIN_TEXT;
  let textLength: number;
  if (plainSum(OLD.bytes, OLD.start, OLD.length, bytes, start, length)) textLength = writePlainSum(text, 0);
  else {
    text = sumText(OLD.text(), args.text(2));
    textLength = text.length;
  }
  const expireAtMs = found ? record.expireAtMs : -1;
  setString(db, bytes, starts[1] as number, lengths[1] as number, text, 0, textLength, expireAtMs);
  c.server.keyspace.dirty++;
  c.reply.bulk(text, 0, textLength);
}

function sumText(value: string, increment: string): Uint8Array {
  const sum = addLongDoubles(longDouble(value), longDouble(increment));
  if (sum === undefined) throw new ReplyError("ERR increment would produce NaN or Infinity");
  return binaryBytes(longDoubleText(sum));
}

function longDouble(text: string): LongDouble {
  const value = parseLongDouble(text);
  if (value === undefined) throw new ReplyError("ERR value is not a valid float");
  return value;
}
