/**
 * Doubles as text, the way Redis 7.2 writes them.
 *
 *   doubleText     replies of scores, GEO, RESP3 doubles: the shortest digits that read back as the same double
 *   double17Text   ZSCAN of big sorted sets, INCRBYFLOAT: C's "%.17g"
 *
 * Both are for the cold path: they make a string; writePlainDouble makes none.
 */
import { writeInteger } from "./integer.ts";

const PLAIN_DIGITS = 1e15;
const PLACES_MAX = 6;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/**
 * Writes doubleText(value) of a number with up to six decimals and fifteen digits at into[at] …, without a string: the bytes written; 0,
 * nothing written, for others. (Decimals of up to fifteen digits differ as doubles: what reads back as `value` is its shortest text.)
 */
export function writePlainDouble(value: number, into: Uint8Array, at: number): number {
  for (let places = 1; places <= PLACES_MAX; places++) {
    const power = POWERS[places] as number;
    const digits = value * power;
    if (!(digits < PLAIN_DIGITS && digits > -PLAIN_DIGITS)) return 0;
    if (Math.floor(digits) !== digits || digits / power !== value) continue;
    if (digits % 10 === 0) return 0;
    const magnitude = Math.abs(digits);
    const whole = Math.floor(magnitude / power);
    let to = at;
    if (digits < 0) into[to++] = 45;
    to += writeInteger(whole, into, to);
    into[to] = 46;
    let rest = magnitude - whole * power;
    for (let i = places; i > 0; i--) {
      const next = Math.floor(rest / 10);
      into[to + i] = 48 + (rest - next * 10);
      rest = next;
    }
    return to + places + 1 - at;
  }
  return 0;
}

/**
 * The shortest decimal text of `value`: whole numbers up to 2^62 plainly, others with a point, the very small and very
 * big as 1.5e-9. Infinities are "inf" and "-inf", not-a-number is "nan".
 */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 62) return String(BigInt(value));
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e4) return String(value);
  const sign = value < 0 ? "-" : "";
  // "d.ddde±x" of the shortest digits: digits × 10^scale.
  const [mantissa = "", exponentText = "0"] = magnitude.toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  const scale = exponent - digits.length + 1;
  if (scale >= 0 && exponent < digits.length + 7) return sign + digits + "0".repeat(scale);
  if (scale < 0 && (scale > -7 || Math.abs(exponent) < 4)) {
    const whole = digits.length + scale;
    if (whole <= 0) return `${sign}0.${"0".repeat(-whole)}${digits}`;
    return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  }
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

/** `value` as C's printf("%.17g") writes it; infinities are "inf" and "-inf". */
export function double17Text(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const magnitude = Math.abs(value);
  // Whole numbers, and sixty-fourths: so few digits that all of them are shown, as JavaScript shows them.
  if (Number.isSafeInteger(value) || (magnitude < 1e10 && Number.isInteger(value * 64))) return String(value);
  if (magnitude >= 1e-4 && magnitude < 1e16) return trimZeros(value.toPrecision(17));
  const [mantissa = "", exponentText = "0"] = value.toExponential(16).split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 17) return plain(mantissa, exponent);
  const places = Math.abs(exponent);
  const padded = places < 10 ? `0${places}` : `${places}`;
  return `${trimZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${padded}`;
}

/** The plain notation of mantissa × 10^exponent. */
function plain(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (exponent < 0) return trimZeros(`${sign}0.${"0".repeat(-exponent - 1)}${digits}`);
  return trimZeros(`${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`);
}

function trimZeros(text: string): string {
  if (!text.includes(".")) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return text.slice(0, end);
}
