/**
 * Scores of sorted sets as files hold them in text: "3", "-1.5", "1e+20", "inf".
 */
import type { Element } from "../encodings/element.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { binaryText } from "../util/span.ts";

const INFINITY_POSITIVE = 254;
const INFINITY_NEGATIVE = 255;
const NOT_A_NUMBER = 253;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(inity)?$/i;

/** The number that `length` bytes spell as C's strtod reads it whole; NaN when they spell none. */
export function parseScore(bytes: Uint8Array, start: number, length: number): number {
  const plain = plainDecimal(bytes, start, length);
  if (!Number.isNaN(plain)) return plain;
  const text = binaryText(bytes, start, length);
  if (DECIMAL.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite === null) return Number.NaN;
  return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** 15 digits are an integer below 2^53, and 10^15 is exact: the quotient of both is the double nearest to the decimal. */
const PLAIN_DIGITS_MAX = 15;
const POWERS = Float64Array.from({ length: PLAIN_DIGITS_MAX + 1 }, (_, i) => 10 ** i);

/** The number of up to 15 plain digits, a sign before and a point among them: most scores, without a string. NaN for anything else. */
export function plainDecimal(bytes: Uint8Array, start: number, length: number): number {
  if (length === 0 || length > PLAIN_DIGITS_MAX + 2) return Number.NaN;
  const isNegative = bytes[start] === 45;
  const end = start + length;
  const first = isNegative ? start + 1 : start;
  let point = -1;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (digit === -2 && point < 0 && at > first) point = at;
    else return Number.NaN;
  }
  const digits = end - first - (point < 0 ? 0 : 1);
  if (digits === 0 || digits > PLAIN_DIGITS_MAX || point === end - 1) return Number.NaN;
  if (point >= 0) value /= POWERS[end - 1 - point] as number;
  return isNegative ? -value : value;
}

/** The score in an element of a listpack or ziplist. Throws FormatError, at `offset`, when it is no number. */
export function elementScore(element: Element, offset: number): number {
  if (element.isInt) return element.int;
  const { bytes, start, length } = element.element;
  const score = parseScore(bytes, start, length);
  if (Number.isNaN(score)) throw badScore(offset, element.element.text());
  return score;
}

/** The score of a ZSET record, length byte first; moves past it. Throws FormatError. */
export function readTextScore(cursor: Cursor): number {
  const { offset } = cursor;
  const length = cursor.u8();
  if (length === INFINITY_POSITIVE) return Number.POSITIVE_INFINITY;
  if (length === INFINITY_NEGATIVE) return Number.NEGATIVE_INFINITY;
  if (length === NOT_A_NUMBER) throw badScore(offset, "nan");
  cursor.need(length);
  const score = parseScore(cursor.bytes, cursor.pos, length);
  if (Number.isNaN(score)) throw badScore(offset, binaryText(cursor.bytes, cursor.pos, length));
  cursor.pos += length;
  return score;
}

/** Moves past the score of a ZSET record. */
export function skipTextScore(cursor: Cursor): void {
  const length = cursor.u8();
  if (length < NOT_A_NUMBER) cursor.skip(length);
}

/** The score of a ZSET_2 record; moves past it. Throws FormatError. */
export function readBinaryScore(cursor: Cursor): number {
  const score = cursor.f64le();
  if (Number.isNaN(score)) throw badScore(cursor.offset - 8, "nan");
  return score;
}

function badScore(offset: number, found: string): FormatError {
  return new FormatError("bad-score", offset, `a score of ${JSON.stringify(found.slice(0, 64))}`, "a number");
}
