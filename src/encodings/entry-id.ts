/**
 * The ID of a stream's entry: two unsigned 64-bit numbers, <milliseconds>-<sequence>, ordered by both; here as four int32 words, so that
 * neither reading, comparing, counting nor printing one makes an object.
 *
 *   1526919030474-55   1526919030474   -   +   1526919030474-*        "-" and "+": the least and the greatest
 */

import { writeUnsigned64 } from "../util/integer.ts";
import { binaryText } from "../util/span.ts";

/** Bytes of an ID in a file: both numbers big-endian. */
export const ENTRY_ID_BYTES = 16;
/** Bytes of the longest text. */
export const ENTRY_ID_TEXT_MAX = 41;
const TEXT_MAX = 127;
const TWO32 = 4294967296;
const SAFE_DIGITS = 15;
const DIGITS_MAX = 20;
const DASH = 45;
const STAR = 42;
const SIGN = 0x80000000 | 0;

/** The last number that was parsed. */
const parsed = { high: 0, low: 0 };
const TEXT = new Uint8Array(ENTRY_ID_TEXT_MAX);

export class EntryId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  /** Of two numbers below 2^64 (cold path: tests, files). */
  static of(ms: number | bigint, seq: number | bigint = 0): EntryId {
    return new EntryId().setBig(BigInt(ms), BigInt(seq));
  }

  set(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh | 0;
    this.msLow = msLow | 0;
    this.seqHigh = seqHigh | 0;
    this.seqLow = seqLow | 0;
    return this;
  }

  copy(other: EntryId): this {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.seqHigh = other.seqHigh;
    this.seqLow = other.seqLow;
    return this;
  }

  setBig(ms: bigint, seq: bigint): this {
    const low = (value: bigint) => Number(BigInt.asIntN(32, value));
    return this.set(low(ms >> 32n), low(ms), low(seq >> 32n), low(seq));
  }

  /** <ms>-0, of a safe integer. */
  setMs(ms: number): this {
    const high = Math.floor(ms / TWO32);
    return this.set(high, ms - high * TWO32, 0, 0);
  }

  setMin(): this {
    return this.set(0, 0, 0, 0);
  }

  setMax(): this {
    return this.set(-1, -1, -1, -1);
  }

  get isMin(): boolean {
    return (this.msHigh | this.msLow | this.seqHigh | this.seqLow) === 0;
  }

  get isMax(): boolean {
    return (this.msHigh & this.msLow & this.seqHigh & this.seqLow) === -1;
  }

  /** Cold path. */
  get ms(): bigint {
    return big(this.msHigh, this.msLow);
  }

  /** Cold path. */
  get seq(): bigint {
    return big(this.seqHigh, this.seqLow);
  }

  /** <0, 0, >0 as IDs order. */
  compare(other: EntryId): number {
    if (this.msHigh !== other.msHigh) return (this.msHigh ^ SIGN) < (other.msHigh ^ SIGN) ? -1 : 1;
    if (this.msLow !== other.msLow) return (this.msLow ^ SIGN) < (other.msLow ^ SIGN) ? -1 : 1;
    if (this.seqHigh !== other.seqHigh) return (this.seqHigh ^ SIGN) < (other.seqHigh ^ SIGN) ? -1 : 1;
    if (this.seqLow === other.seqLow) return 0;
    return (this.seqLow ^ SIGN) < (other.seqLow ^ SIGN) ? -1 : 1;
  }

  hasMsOf(other: EntryId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** Becomes the ID right after; false, nothing changed, after the greatest. */
  increment(): boolean {
    if (this.isMax) return false;
    this.seqLow = (this.seqLow + 1) | 0;
    if (this.seqLow !== 0) return true;
    this.seqHigh = (this.seqHigh + 1) | 0;
    if (this.seqHigh !== 0) return true;
    this.msLow = (this.msLow + 1) | 0;
    if (this.msLow === 0) this.msHigh = (this.msHigh + 1) | 0;
    return true;
  }

  /** Becomes the ID right before; false, nothing changed, before the least. */
  decrement(): boolean {
    if (this.isMin) return false;
    this.seqLow = (this.seqLow - 1) | 0;
    if (this.seqLow !== -1) return true;
    this.seqHigh = (this.seqHigh - 1) | 0;
    if (this.seqHigh !== -1) return true;
    this.msLow = (this.msLow - 1) | 0;
    if (this.msLow === -1) this.msHigh = (this.msHigh - 1) | 0;
    return true;
  }

  /** The ID that lies this far behind `base`, both halves counted apart and modulo 2^64; offsets as pairs of int32. */
  setBehind(base: EntryId, msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    const ms = (base.msLow >>> 0) + (msLow >>> 0);
    const seq = (base.seqLow >>> 0) + (seqLow >>> 0);
    this.msLow = ms | 0;
    this.msHigh = (base.msHigh + msHigh + (ms >= TWO32 ? 1 : 0)) | 0;
    this.seqLow = seq | 0;
    this.seqHigh = (base.seqHigh + seqHigh + (seq >= TWO32 ? 1 : 0)) | 0;
  }

  /** Reads ENTRY_ID_BYTES. */
  readBytes(bytes: Uint8Array, at: number): this {
    return this.set(i32be(bytes, at), i32be(bytes, at + 4), i32be(bytes, at + 8), i32be(bytes, at + 12));
  }

  /** Writes ENTRY_ID_BYTES. */
  writeBytes(into: Uint8Array, at: number): void {
    putI32be(into, at, this.msHigh);
    putI32be(into, at + 4, this.msLow);
    putI32be(into, at + 8, this.seqHigh);
    putI32be(into, at + 12, this.seqLow);
  }

  /** Writes the text, up to ENTRY_ID_TEXT_MAX bytes; its length. */
  write(into: Uint8Array, at: number): number {
    const ms = writeUnsigned64(this.msHigh >>> 0, this.msLow >>> 0, into, at);
    into[at + ms] = DASH;
    return ms + 1 + writeUnsigned64(this.seqHigh >>> 0, this.seqLow >>> 0, into, at + ms + 1);
  }

  /** Cold path. */
  text(): string {
    return binaryText(TEXT, 0, this.write(TEXT, 0));
  }

  /**
   * Takes an ID's text as Redis does; false, anything may be set, where it is none. A missing sequence becomes the least or (`isUpTo`) the
   * greatest one. "-" and "+" only unless `isStrict`.
   */
  parse(bytes: Uint8Array, start: number, length: number, isUpTo: boolean, isStrict: boolean): boolean {
    if (length > TEXT_MAX) return false;
    const end = cEnd(bytes, start, start + length);
    if (end === start + 1) {
      const only = bytes[start];
      if (only === DASH || only === 43) {
        if (isStrict) return false;
        if (only === DASH) this.setMin();
        else this.setMax();
        return true;
      }
    }
    const dash = dashIn(bytes, start, end);
    if (!this.#parseMs(bytes, start, dash)) return false;
    if (dash === end) {
      this.seqHigh = this.seqLow = isUpTo ? -1 : 0;
      return true;
    }
    if (!parseUint64(bytes, dash + 1, end)) return false;
    this.seqHigh = parsed.high;
    this.seqLow = parsed.low;
    return true;
  }

  /** Whether the text is <ms>-*: `parse`d with a sequence of 0 then. */
  parseAnySequence(bytes: Uint8Array, start: number, length: number): boolean {
    if (length > TEXT_MAX) return false;
    const end = cEnd(bytes, start, start + length);
    const dash = dashIn(bytes, start, end);
    if (dash !== end - 2 || bytes[dash + 1] !== STAR || !this.#parseMs(bytes, start, dash)) return false;
    this.seqHigh = this.seqLow = 0;
    return true;
  }

  #parseMs(bytes: Uint8Array, start: number, end: number): boolean {
    if (!parseUint64(bytes, start, end)) return false;
    this.msHigh = parsed.high;
    this.msLow = parsed.low;
    return true;
  }
}

/** Redis reads a C string: nothing after a NUL byte counts. */
function cEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== 0) at++;
  return at;
}

function dashIn(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== DASH) at++;
  return at;
}

/** Sets `parsed` to the number of the text; most are plain digits. */
function parseUint64(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0) return false;
  if (length > DIGITS_MAX) return parseOdd(binaryText(bytes, start, length));
  let value = 0;
  let at = start;
  const safeEnd = length > SAFE_DIGITS ? start + SAFE_DIGITS : end;
  for (; at < safeEnd; at++) {
    const digit = (bytes[at] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return parseOdd(binaryText(bytes, start, length));
    value = value * 10 + digit;
  }
  let high = Math.floor(value / TWO32);
  let low = value - high * TWO32;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return parseOdd(binaryText(bytes, start, length));
    const product = low * 10 + digit;
    const carry = Math.floor(product / TWO32);
    low = product - carry * TWO32;
    high = high * 10 + carry;
    if (high >= TWO32) return false;
  }
  parsed.high = high | 0;
  parsed.low = low | 0;
  return true;
}

const STRICT_INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const LOOSE_INTEGER = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/;
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * An unsigned 64-bit number as Redis reads one: a strict integer that is not negative, or else whatever C's strtoull
 * takes whole (leading zeros, a sign, spaces before it; a minus sign wraps around).
 */
function parseOdd(text: string): boolean {
  if (STRICT_INTEGER.test(text) && text.startsWith("-") && BigInt(text) >= -(2n ** 63n)) return false;
  const parts = LOOSE_INTEGER.exec(text);
  if (parts === null) return false;
  const value = BigInt(parts[2] as string);
  if (value > UINT64_MAX) return false;
  const wrapped = parts[1] === "-" ? BigInt.asUintN(64, -value) : value;
  parsed.high = Number(BigInt.asIntN(32, wrapped >> 32n));
  parsed.low = Number(BigInt.asIntN(32, wrapped));
  return true;
}

function big(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function i32be(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

function putI32be(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}
