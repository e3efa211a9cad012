/** Arguments as numbers, with Redis's strictness and words. All throw ReplyError. */
import { parseDouble } from "../util/parse-double.ts";
import { binaryText } from "../util/span.ts";
import type { Context } from "./context.ts";
import { notAnInteger, ReplyError } from "./errors.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** Up to this many digits the value is a safe integer. */
const SAFE_DIGITS = 15;

/**
 * Argument `i` as a 64-bit integer: no spaces, no "+", no leading zeros. Values beyond 2^53 are rounded: enough for
 * counts, indexes and ranges, which are clamped anyway; `integer64` is exact.
 */
export function integer(c: Context, i: number, message?: string): number {
  const { bytes } = c.args;
  let at = c.args.starts[i] as number;
  const length = c.args.lengths[i] as number;
  const end = at + length;
  if (length === 0 || length > SAFE_DIGITS) return Number(integer64(c, i, message));
  let first = bytes[at] as number;
  if (first === 48 && length === 1) return 0;
  const negative = first === 45;
  if (negative) first = bytes[++at] as number;
  if (at === end || first < 49 || first > 57) throw message === undefined ? notAnInteger() : new ReplyError(message);
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) throw message === undefined ? notAnInteger() : new ReplyError(message);
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Argument `i` as an exact 64-bit integer. */
export function integer64(c: Context, i: number, message?: string): bigint {
  const { args } = c;
  const value = parseInt64(binaryText(args.bytes, args.starts[i] as number, Math.min(args.lengths[i] as number, 32)));
  if (value === null) throw message === undefined ? notAnInteger() : new ReplyError(message);
  return value;
}

/** A count whose sign means something: the lowest 64-bit integer, which has no opposite, is out of range. */
export function signedCount(c: Context, i: number): bigint {
  const value = integer64(c, i);
  if (value !== INT64_MIN) return value;
  throw new ReplyError(`ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`);
}

/** As `signedCount`, where twice as many replies must be countable. */
export function checkPairCount(count: bigint): void {
  if (count < -INT64_MAX / 2n || count > INT64_MAX / 2n) throw new ReplyError("ERR value is out of range");
}

/** A 64-bit integer in Redis's strict decimal form, or null. */
export function parseInt64(text: string): bigint | null {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return null;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? null : value;
}

/** An integer between `min` and `max`; outside: `message`, or Redis's words for a range. */
export function integerBetween(c: Context, i: number, min: number, max: number, message?: string): number {
  const value = integer(c, i, message);
  if (value < min || value > max) {
    throw new ReplyError(message ?? `ERR value is out of range, value must between ${min} and ${max}`);
  }
  return value;
}

/** An integer ≥ 0: "ERR value is out of range, must be positive" otherwise. */
export function positive(c: Context, i: number, message = "ERR value is out of range, must be positive"): number {
  const value = integer(c, i, message);
  if (value < 0) throw new ReplyError(message);
  return value;
}

/** Argument `i` as a double: decimal, hexadecimal, inf, infinity; no spaces, no NaN. */
export function float(c: Context, i: number, message = "ERR value is not a valid float"): number {
  const { args } = c;
  const length = args.lengths[i] as number;
  const value = length > 255 ? undefined : parseDouble(args.text(i));
  if (value === undefined) throw new ReplyError(message);
  return value;
}

/** A timeout in seconds (may be fractional), as milliseconds; 0 = for ever. */
export function timeoutMs(c: Context, i: number): number {
  const seconds = float(c, i, "ERR timeout is not a float or out of range");
  if (seconds * 1000 > Number.MAX_SAFE_INTEGER) throw new ReplyError("ERR timeout is out of range");
  if (seconds < 0) throw new ReplyError("ERR timeout is negative");
  return Math.ceil(seconds * 1000);
}
