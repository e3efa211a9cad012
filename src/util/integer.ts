/**
 * Integers as decimal digits in bytes, and back, without making a string: the hot path of integer-encoded elements.
 */

import { binaryText } from "./span.ts";

/** Digits of the longest 64-bit integer with its sign: "-9223372036854775808". */
export const INTEGER_TEXT_BYTES_MAX = 20;

const DIGITS = new Uint8Array(INTEGER_TEXT_BYTES_MAX);

/** Writes the safe integer `value` at into[at] … and returns the number of bytes written. */
export function writeInteger(value: number, into: Uint8Array, at: number): number {
  let n = INTEGER_TEXT_BYTES_MAX;
  let rest = value < 0 ? -value : value;
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10);
    DIGITS[--n] = 48 + (rest - quotient * 10);
    rest = quotient;
  }
  let small = rest | 0;
  do {
    const quotient = (small / 10) | 0;
    DIGITS[--n] = 48 + (small - quotient * 10);
    small = quotient;
  } while (small > 0);
  if (value < 0) DIGITS[--n] = 45;
  const length = INTEGER_TEXT_BYTES_MAX - n;
  for (let i = 0; i < length; i++) into[at + i] = DIGITS[n + i] as number;
  return length;
}

/**
 * Writes the unsigned 64-bit integer high × 2^32 + low (both 0 … 2^32 - 1) as decimal digits at into[at] …; returns
 * the number of bytes written.
 */
export function writeUnsigned64(high: number, low: number, into: Uint8Array, at: number): number {
  if (high < 0x200000) return writeInteger(high * 4294967296 + low, into, at);
  // Divide by 10^5 in two limbs: every intermediate stays below 2^53.
  const highQuotient = Math.floor(high / 100000);
  const carried = (high - highQuotient * 100000) * 4294967296 + low;
  const lowQuotient = Math.floor(carried / 100000);
  const length = writeInteger(highQuotient * 4294967296 + lowQuotient, into, at);
  let tail = carried - lowQuotient * 100000;
  for (let i = length + 4; i >= length; i--) {
    const quotient = (tail / 10) | 0;
    into[at + i] = 48 + (tail - quotient * 10);
    tail = quotient;
  }
  return length + 5;
}

/** Writes the two's complement 64-bit integer of the halves `high` and `low` (any 32-bit view of them). */
export function writeSigned64(high: number, low: number, into: Uint8Array, at: number): number {
  if ((high | 0) >= 0) return writeUnsigned64(high >>> 0, low >>> 0, into, at);
  into[at] = 45;
  const negatedLow = -low >>> 0;
  const negatedHigh = (~high + (negatedLow === 0 ? 1 : 0)) >>> 0;
  return 1 + writeUnsigned64(negatedHigh, negatedLow, into, at + 1);
}

/**
 * The safe integer that `length` bytes spell in the one canonical way ("0", "-12"; no "+", no leading zero, no "-0"),
 * NaN when they spell none or a bigger one.
 */
export function parseInteger(bytes: Uint8Array, start: number, length: number): number {
  if (length === 0 || length > 17) return Number.NaN;
  let at = start;
  const end = start + length;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const first = (bytes[at] as number) - 48;
  if (at === end || !(first >= 0 && first <= 9)) return Number.NaN;
  if (first === 0) return length === 1 ? 0 : Number.NaN;
  let value = first;
  for (at++; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

const INT64_MAX_DIGITS = "9223372036854775807";
const INT64_MIN_DIGITS = "9223372036854775808";

/**
 * The signed 64-bit integer that `length` bytes spell in the canonical way: a number where that is exact, else a
 * bigint; null when they spell none. What Redis stores as an integer.
 */
export function parseInteger64(bytes: Uint8Array, start: number, length: number): number | bigint | null {
  const small = parseInteger(bytes, start, length);
  if (!Number.isNaN(small)) return small;
  if (length < 16 || length > INTEGER_TEXT_BYTES_MAX) return null;
  const text = binaryText(bytes, start, length);
  if (!/^-?[1-9][0-9]*$/.test(text)) return null;
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  const largest = negative ? INT64_MIN_DIGITS : INT64_MAX_DIGITS;
  if (digits.length > largest.length || (digits.length === largest.length && digits > largest)) return null;
  return BigInt(text);
}
