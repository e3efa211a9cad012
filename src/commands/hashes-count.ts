/** HINCRBY, HINCRBYFLOAT: a field's number grows, its expiry stays. */
import { HashEdit, KEEP_FIELD_EXPIRY } from "../types/hash-edit.ts";
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
import { binaryBytes } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { openHash } from "./hashes-open.ts";
import { integer, integer64 } from "./parse.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** Arguments of so many characters are safe integers. */
const SAFE_CHARACTERS = 15;
const DIGITS = new Uint8Array(INTEGER_TEXT_BYTES_MAX);
const PLAIN_TEXT: Uint8Array = new Uint8Array(PLAIN_TEXT_BYTES_MAX);
const ZERO = binaryBytes("0");

const HASH = new HashEdit();

export function hincrby(c: Context): void {
  const { args } = c;
  const increment = (args.lengths[3] as number) <= SAFE_CHARACTERS ? integer(c, 3) : integer64(c, 3);
  const isThere = openHash(c, 1, HASH, c.record);
  const isFound = isThere && HASH.find(args.bytes, args.starts[2] as number, args.lengths[2] as number);
  if (isFound) HASH.read();
  const sum = sumOf(isFound ? integerOf() : 0, increment);
  put(c, isThere, DIGITS, typeof sum === "number" ? writeInteger(sum, DIGITS, 0) : writeBig(sum));
  c.reply.integer(sum);
}

/** The integer that the found field's value spells. Throws ReplyError. */
function integerOf(): number | bigint {
  const { value } = HASH;
  if (value.isInt) return value.int;
  const { bytes, start, length } = value.text();
  const spelt = length > INTEGER_TEXT_BYTES_MAX ? null : parseInteger64(bytes, start, length);
  if (spelt === null) throw new ReplyError("ERR hash value is not an integer");
  return spelt;
}

/** A number where that is exact. Throws ReplyError. */
function sumOf(old: number | bigint, increment: number | bigint): number | bigint {
  if (typeof old === "number" && typeof increment === "number") {
    const sum = old + increment;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(old) + BigInt(increment);
  if (sum > INT64_MAX || sum < INT64_MIN) throw new ReplyError("ERR increment or decrement would overflow");
  const number = Number(sum);
  return Number.isSafeInteger(number) ? number + 0 : sum;
}

/** Writes the digits into DIGITS; their number. */
function writeBig(value: bigint): number {
  const text = value.toString();
  for (let i = 0; i < text.length; i++) DIGITS[i] = text.charCodeAt(i);
  return text.length;
}

export function hincrbyfloat(c: Context): void {
  const { args } = c;
  const { bytes, starts, lengths } = args;
  const start = starts[3] as number;
  const length = lengths[3] as number;
  const isPlain = plainSum(ZERO, 0, ZERO.length, bytes, start, length);
  const increment = isPlain ? null : incrementOf(args.text(3));
  const isThere = openHash(c, 1, HASH, c.record);
  const isFound = isThere && HASH.find(bytes, starts[2] as number, lengths[2] as number);
  if (isFound) HASH.read();
  const old = isFound ? HASH.value.text() : null;
  let text = PLAIN_TEXT;
  let textLength: number;
  const oldBytes = old?.bytes ?? ZERO;
  if (isPlain && plainSum(oldBytes, old?.start ?? 0, old?.length ?? ZERO.length, bytes, start, length)) {
    textLength = writePlainSum(text, 0);
  } else {
    text = sumText(old?.text() ?? "0", increment ?? incrementOf(args.text(3)));
    textLength = text.length;
  }
  put(c, isThere, text, textLength);
  c.reply.bulk(text, 0, textLength);
}

function incrementOf(text: string): LongDouble {
  const value = parseLongDouble(text);
  if (value === undefined) throw new ReplyError("ERR value is not a valid float");
  if (value.exponent === Number.POSITIVE_INFINITY) throw new ReplyError("ERR value is NaN or Infinity");
  return value;
}

function sumText(old: string, increment: LongDouble): Uint8Array {
  const value = parseLongDouble(old);
  if (value === undefined) throw new ReplyError("ERR hash value is not a float");
  const sum = addLongDoubles(value, increment);
  if (sum === undefined) throw new ReplyError("ERR increment would produce NaN or Infinity");
  return binaryBytes(longDoubleText(sum));
}

/** Gives the field at argument 2, which was sought where the hash is there, another value. */
function put(c: Context, isThere: boolean, text: Uint8Array, length: number): void {
  const { args } = c;
  const start = args.starts[2] as number;
  const fieldLength = args.lengths[2] as number;
  if (isThere) HASH.put(args.bytes, start, fieldLength, text, 0, length, KEEP_FIELD_EXPIRY);
  else HASH.createOne(args.bytes, start, fieldLength, text, 0, length);
  c.server.keyspace.dirty++;
}
