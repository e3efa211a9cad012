/**
 * Numbers of C's long double on x86 (64 bits of mantissa, 15 of exponent), which Redis adds and prints in INCRBYFLOAT. Exactly:
 * integers of any length are rounded to 64 bits, ties to even, where the processor rounds.
 *
 *   value = mantissa × 2^exponent        |mantissa| ≤ 2^64, exponent ≥ −16445
 *
 * That makes big integers and strings. Sums of short decimals with little before the point need none: see plainSum.
 */
import { writeInteger } from "./integer.ts";
import { NUMBER_SHAPE } from "./parse-double.ts";

export interface LongDouble {
  readonly mantissa: bigint;
  /** Infinity where the value is infinite: the mantissa then has its sign. */
  readonly exponent: number;
}

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };
const EXPONENT = /e/i;
const LEADING_ZEROS = /^0+/;
const MANTISSA_BITS = 64;
/** Of the smallest number above 0. */
const EXPONENT_MIN = -16_445;
/** Numbers are less than 2 to this. */
const EXPONENT_END = 16_384;
/** A text whose first digit stands beyond these places before, after the point is out of range. */
const WHOLE_DIGITS_MAX = 4940;
const FRACTION_ZEROS_MAX = 4960;
/** Small integers and powers of ten as they are needed all the time: making a big integer takes longer than adding it. */
const INTEGERS = Array.from({ length: 256 }, (_, i) => BigInt(i));
const POWERS_OF_TEN = Array.from({ length: 64 }, (_, i) => 10n ** BigInt(i));
/** Longer texts are refused, as Redis does (MAX_LONG_DOUBLE_CHARS with the final NUL). */
const TEXT_BYTES_MAX = 5 * 1024 - 1;
/** Digits behind the point that Redis prints at most. */
const PLACES = 17;
/** Integers below this are finite numbers. */
const NUMBER_LIMIT = 2 ** 1000;
const SCALE = 10n ** BigInt(PLACES);

/**
 * The whole text in strtold's grammar: decimal, hexadecimal, inf. Undefined when it is no number, not-a-number, too big, or too small to
 * be told from 0. Binary string.
 */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length > TEXT_BYTES_MAX) return undefined;
  const parts = NUMBER_SHAPE.exec(text);
  if (parts === null) return undefined;
  const [, sign, infinite, whole, fraction, exponent, decimal] = parts;
  const isNegative = sign === "-";
  if (infinite !== undefined) return { mantissa: isNegative ? -1n : 1n, exponent: Number.POSITIVE_INFINITY };
  const value =
    decimal === undefined ? fromHex(whole ?? "", fraction ?? "", Number(exponent ?? "0")) : fromDecimal(decimal);
  if (value === undefined || value.exponent === Number.POSITIVE_INFINITY) return undefined;
  return isNegative ? { mantissa: -value.mantissa, exponent: value.exponent } : value;
}

/** The sum, undefined where it is infinite or not a number. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | undefined {
  const exponent = Math.min(a.exponent, b.exponent);
  if (Math.max(a.exponent, b.exponent) === Number.POSITIVE_INFINITY) return undefined;
  const sum = (a.mantissa << big(a.exponent - exponent)) + (b.mantissa << big(b.exponent - exponent));
  const magnitude = rounded(sum < 0n ? -sum : sum, exponent);
  if (magnitude.exponent === Number.POSITIVE_INFINITY) return undefined;
  return sum < 0n ? { mantissa: -magnitude.mantissa, exponent: magnitude.exponent } : magnitude;
}

/** A finite number with up to 17 digits behind the point, no zeros at the end, no exponent: "0", "-1.5". */
export function longDoubleText(value: LongDouble): string {
  const { exponent } = value;
  const magnitude = value.mantissa < 0n ? -value.mantissa : value.mantissa;
  const sign = value.mantissa < 0n ? "-" : "";
  if (exponent >= 0) return `${sign}${magnitude << big(exponent)}`;
  const scaled = shiftedToEven(magnitude * SCALE, -exponent);
  const digits = scaled.toString().padStart(PLACES + 1, "0");
  const text = `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, "");
  return text === "0" ? text : sign + text;
}

function fromHex(whole: string, fraction: string, power: number): LongDouble | undefined {
  const mantissa = BigInt(`0x0${whole}${fraction}`);
  if (mantissa === 0n) return ZERO;
  // Far outside, where all is too big or too small: a shift by the exponent must stay affordable.
  const exponent = Math.max(-100_000, Math.min(100_000, power)) - 4 * fraction.length;
  return unlessZero(rounded(mantissa, exponent));
}

function fromDecimal(text: string): LongDouble | undefined {
  const e = text.search(EXPONENT);
  const number = e < 0 ? text : text.slice(0, e);
  const point = number.indexOf(".");
  const digits = point < 0 ? number : number.slice(0, point) + number.slice(point + 1);
  const places = (e < 0 ? 0 : Number(text.slice(e + 1))) - (point < 0 ? 0 : number.length - point - 1);
  if (e >= 0 || digits.length > WHOLE_DIGITS_MAX) {
    // Before a power of ten is made: it might be huge.
    const significant = digits.replace(LEADING_ZEROS, "").length;
    if (significant === 0) return ZERO;
    if (significant + places > WHOLE_DIGITS_MAX || significant + places < -FRACTION_ZEROS_MAX) return undefined;
  }
  const integer = BigInt(digits);
  if (integer === 0n) return ZERO;
  if (places >= 0) return unlessZero(rounded(integer * powerOfTen(places), 0));
  return unlessZero(quotient(integer, powerOfTen(-places)));
}

/** dividend ÷ divisor, both above 0, rounded once. */
function quotient(dividend: bigint, divisor: bigint): LongDouble {
  // Two bits more than are kept, and one that tells whether anything is left.
  const shift = Math.max(0, MANTISSA_BITS + 2 - (bitLength(dividend) - bitLength(divisor)));
  const shifted = dividend << big(shift);
  const whole = shifted / divisor;
  const rest = whole * divisor === shifted ? 0n : 1n;
  return rounded((whole << 1n) | rest, -shift - 1);
}

/** magnitude × 2^exponent as the nearest long double. */
function rounded(magnitude: bigint, exponent: number): LongDouble {
  const dropped = Math.max(bitLength(magnitude) - MANTISSA_BITS, EXPONENT_MIN - exponent, 0);
  const mantissa = dropped === 0 ? magnitude : shiftedToEven(magnitude, dropped);
  const scaled = exponent + dropped;
  if (bitLength(mantissa) + scaled > EXPONENT_END) return { mantissa: 1n, exponent: Number.POSITIVE_INFINITY };
  return { mantissa, exponent: scaled };
}

/** magnitude ÷ 2^bits, the nearest integer, ties to even. */
function shiftedToEven(magnitude: bigint, bits: number): bigint {
  const shift = big(bits);
  const whole = magnitude >> shift;
  const rest = magnitude - (whole << shift);
  const half = 1n << big(bits - 1);
  return rest > half || (rest === half && (whole & 1n) === 1n) ? whole + 1n : whole;
}

/** What was not zero must not become it. */
function unlessZero(value: LongDouble): LongDouble | undefined {
  return value.mantissa === 0n ? undefined : value;
}

function big(value: number): bigint {
  return INTEGERS[value] ?? BigInt(value);
}

function powerOfTen(power: number): bigint {
  return POWERS_OF_TEN[power] ?? 10n ** BigInt(power);
}

function bitLength(value: bigint): number {
  const number = Number(value);
  if (number < NUMBER_LIMIT) {
    if (number === 0) return 0;
    const length = Math.floor(Math.log2(number)) + 1;
    // The logarithm may be a little off, or the number have been rounded up to a power of two.
    const top = value >> big(length - 1);
    return top === 1n ? length : top === 0n ? length - 1 : length + 1;
  }
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] as string, 16)) - 28);
}

/** What `plainSum` found: digits × 10^−places. */
export const PLAIN_SUM = { digits: 0, places: 0 };

const MINUS = 45;
const POINT = 46;
/** With so little before the point, long doubles lie closer than 17 places apart: sums of decimals come out as on paper. */
const PLAIN_MAX = 90;
const PLAIN_PLACES_MAX = 15;
const POWERS = Array.from({ length: PLAIN_PLACES_MAX + 1 }, (_, i) => 10 ** i);
const FIRST = { digits: 0, places: 0 };
const SECOND = { digits: 0, places: 0 };

/**
 * Adds two short decimals, without making anything, where the sum of the long doubles is printed as the decimals' own sum: then true,
 * the sum in PLAIN_SUM. Else false.
 *
 * The two numbers and the sum are each rounded by a 2^64th of themselves at most; what is printed is right as long as these
 * errors are together less than half of the 17th place: |a| + |b| + |a + b| < 2^64 × 10^−17 ÷ 2 = 92.2.
 */
export function plainSum(
  bytesA: Uint8Array,
  startA: number,
  lengthA: number,
  bytesB: Uint8Array,
  startB: number,
  lengthB: number,
): boolean {
  if (!readPlain(bytesA, startA, lengthA, FIRST) || !readPlain(bytesB, startB, lengthB, SECOND)) return false;
  const places = Math.max(FIRST.places, SECOND.places);
  const power = POWERS[places] as number;
  const a = FIRST.digits * (POWERS[places - FIRST.places] as number);
  const b = SECOND.digits * (POWERS[places - SECOND.places] as number);
  const sum = a + b;
  if (Math.abs(a) + Math.abs(b) + Math.abs(sum) > Math.min(PLAIN_MAX * power, Number.MAX_SAFE_INTEGER)) return false;
  PLAIN_SUM.digits = sum;
  PLAIN_SUM.places = places;
  return true;
}

/** Reads "-12.5" and the like, of up to 15 digits; false for anything else. */
function readPlain(
  bytes: Uint8Array,
  start: number,
  length: number,
  into: { digits: number; places: number },
): boolean {
  const isNegative = bytes[start] === MINUS;
  let digits = 0;
  let point = -1;
  const end = start + length;
  const first = isNegative ? start + 1 : start;
  if (length === 0 || length > PLAIN_PLACES_MAX || first === end) return false;
  for (let at = first; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === POINT && point < 0 && at > first) point = at;
    else if (byte >= 48 && byte <= 57) digits = digits * 10 + byte - 48;
    else return false;
  }
  into.digits = isNegative ? -digits : digits;
  into.places = point < 0 ? 0 : end - point - 1;
  return true;
}

/** Writes PLAIN_SUM as `longDoubleText` would into[at …]; the number of bytes, PLAIN_TEXT_BYTES_MAX at most. */
export function writePlainSum(into: Uint8Array, at: number): number {
  let { digits, places } = PLAIN_SUM;
  while (places > 0 && digits % 10 === 0) {
    digits /= 10;
    places--;
  }
  if (places === 0) return writeInteger(digits + 0, into, at);
  let to = at;
  if (digits < 0) {
    into[to++] = MINUS;
    digits = -digits;
  }
  const power = POWERS[places] as number;
  const whole = Math.floor(digits / power);
  to += writeInteger(whole, into, to);
  into[to++] = POINT;
  let rest = digits - whole * power;
  for (let i = places - 1; i >= 0; i--) {
    const quotient = Math.floor(rest / 10);
    into[to + i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
  return to + places - at;
}

/** Sign, two digits, the point, and the places. */
export const PLAIN_TEXT_BYTES_MAX = 4 + PLAIN_PLACES_MAX;
