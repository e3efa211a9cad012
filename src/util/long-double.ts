/**
 * Numbers of C's long double on x86 (64 bits of mantissa, 15 of exponent), which Redis adds and prints in INCRBYFLOAT. Exactly:
 * integers of any length are rounded to 64 bits, ties to even, where the processor rounds.
 *
 *   value = mantissa × 2^exponent        |mantissa| ≤ 2^64, exponent ≥ −16445
 *
 * Cold path: it makes big integers and strings.
 */
import { NUMBER_SHAPE } from "./parse-double.ts";

export interface LongDouble {
  readonly mantissa: bigint;
  /** Infinity where the value is infinite: the mantissa then has its sign. */
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Of the smallest number above 0. */
const EXPONENT_MIN = -16_445;
/** Numbers are less than 2 to this. */
const EXPONENT_END = 16_384;
/** A text whose first digit stands beyond these places before, after the point is out of range. */
const WHOLE_DIGITS_MAX = 4940;
const FRACTION_ZEROS_MAX = 4960;
/** Longer texts are refused, as Redis does (MAX_LONG_DOUBLE_CHARS with the final NUL). */
const TEXT_BYTES_MAX = 5 * 1024 - 1;
/** Digits behind the point that Redis prints at most. */
const PLACES = 17;
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
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  const magnitude = rounded(sum < 0n ? -sum : sum, exponent);
  if (magnitude.exponent === Number.POSITIVE_INFINITY) return undefined;
  return sum < 0n ? { mantissa: -magnitude.mantissa, exponent: magnitude.exponent } : magnitude;
}

/** A finite number with up to 17 digits behind the point, no zeros at the end, no exponent: "0", "-1.5". */
export function longDoubleText(value: LongDouble): string {
  const { exponent } = value;
  const magnitude = value.mantissa < 0n ? -value.mantissa : value.mantissa;
  const sign = value.mantissa < 0n ? "-" : "";
  if (exponent >= 0) return `${sign}${magnitude << BigInt(exponent)}`;
  const scaled = shiftedToEven(magnitude * SCALE, -exponent);
  const digits = scaled.toString().padStart(PLACES + 1, "0");
  const text = `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, "");
  return text === "0" ? text : sign + text;
}

function fromHex(whole: string, fraction: string, power: number): LongDouble | undefined {
  const mantissa = BigInt(`0x0${whole}${fraction}`);
  if (mantissa === 0n) return { mantissa, exponent: 0 };
  // Far outside, where all is too big or too small: a shift by the exponent must stay affordable.
  const exponent = Math.max(-100_000, Math.min(100_000, power)) - 4 * fraction.length;
  return unlessZero(rounded(mantissa, exponent));
}

function fromDecimal(text: string): LongDouble | undefined {
  const [number = "", power = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = number.split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return { mantissa: 0n, exponent: 0 };
  const places = Number(power) - fraction.length;
  const first = digits.length + places;
  if (first > WHOLE_DIGITS_MAX || first < -FRACTION_ZEROS_MAX) return undefined;
  if (places >= 0) return unlessZero(rounded(BigInt(digits) * 10n ** BigInt(places), 0));
  return unlessZero(quotient(BigInt(digits), 10n ** BigInt(-places)));
}

/** dividend ÷ divisor, both above 0, rounded once. */
function quotient(dividend: bigint, divisor: bigint): LongDouble {
  // Two bits more than are kept, and one that tells whether anything is left.
  const shift = Math.max(0, MANTISSA_BITS + 2 - (bitLength(dividend) - bitLength(divisor)));
  const shifted = dividend << BigInt(shift);
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
  const shift = BigInt(bits);
  const whole = magnitude >> shift;
  const rest = magnitude - (whole << shift);
  const half = 1n << (shift - 1n);
  return rest > half || (rest === half && (whole & 1n) === 1n) ? whole + 1n : whole;
}

/** What was not zero must not become it. */
function unlessZero(value: LongDouble): LongDouble | undefined {
  return value.mantissa === 0n ? undefined : value;
}

function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] as string, 16)) - 28);
}
