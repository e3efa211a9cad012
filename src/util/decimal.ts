/**
 * Doubles as text and back, in the forms that Redis 7.2 puts on the wire and accepts from it.
 *
 *   doubleText       scores: the shortest digits that read back as the same double
 *                    1.5  3  1e+300  1.0000000000000001e-7  inf  -inf  nan  -0
 *   humanDecimal     coordinates: never an exponent, at most 17 decimals, no trailing zeros
 *   fixedDecimal     distances: a fixed number of decimals
 *   parseDouble      an argument: as strtod, nothing before or after, in range
 *   parseLooseDouble a score range's bound: as strtod, spaces before it and overflow allowed
 *
 * Source of the forms: Redis 7.2's replies (docs/differences.md names what redis-server 7.0 prints differently).
 */

/** Largest magnitude that is printed as a plain integer when it has no fraction: 2^62, as Redis. */
const PLAIN_INTEGER_MAX = 2 ** 62;
const SAFE_INTEGER_MAX = Number.MAX_SAFE_INTEGER;

/** The shortest decimal text that reads back as `value`; integers up to 2^62 without exponent. */
export function doubleText(value: number): string {
  if (Number.isInteger(value)) {
    if (value === 0) return Object.is(value, -0) ? "-0" : "0";
    if (value <= SAFE_INTEGER_MAX && value >= -SAFE_INTEGER_MAX) return String(value);
    if (value <= PLAIN_INTEGER_MAX && value >= -PLAIN_INTEGER_MAX) return BigInt(value).toString();
  }
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return layOutDigits(value);
}

/** Redis's choice between 123000, 12.3, 0.00123 and 1.23e-7 for the shortest digits of a finite double. */
function layOutDigits(value: number): string {
  const scientific = Math.abs(value).toExponential();
  const mark = scientific.indexOf("e");
  const digits = scientific[1] === "." ? scientific[0] + scientific.slice(2, mark) : scientific.slice(0, mark);
  const sign = value < 0 ? "-" : "";
  const exponent = Number(scientific.slice(mark + 1));
  // value = digits × 10^scale
  const scale = exponent - digits.length + 1;
  const magnitude = Math.abs(exponent);
  if (scale >= 0 && magnitude < digits.length + (value < 0 ? 6 : 7)) return sign + digits + "0".repeat(scale);
  if (scale < 0 && (scale > -7 || magnitude < 4)) {
    const whole = digits.length + scale;
    if (whole <= 0) return `${sign}0.${"0".repeat(-whole)}${digits}`;
    return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  }
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${magnitude}`;
}

/** `value` rounded to 17 decimals, trailing zeros cut, never with an exponent ("human" form of Redis). */
export function humanDecimal(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Math.abs(value) >= 1e21) return BigInt(value).toString();
  const text = value.toFixed(17).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** `value` with exactly `decimals` decimals, never with an exponent, as C's "%.<decimals>f". */
export function fixedDecimal(value: number, decimals: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Math.abs(value) >= 1e21) return decimals > 0 ? `${BigInt(value)}.${"0".repeat(decimals)}` : `${BigInt(value)}`;
  return value.toFixed(decimals);
}

const NUMBER_SHAPE =
  /^([+-]?)(?:(inf(?:inity)?)|0x(?=\.?[0-9a-f])([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?|((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))$/i;

/**
 * A whole text as a double, in strtod's grammar (decimal, exponent, hexadecimal, inf, infinity; no nan).
 * Undefined when it is not one, when it overflows, or when it is not zero but too small to be told from it.
 */
export function parseDouble(text: string): number | undefined {
  const parts = NUMBER_SHAPE.exec(text);
  if (parts === null) return undefined;
  const value = numberOf(parts);
  const isInfinite = parts[2] !== undefined;
  if (!Number.isFinite(value) && !isInfinite) return undefined;
  if (value === 0 && !isZeroText(parts)) return undefined;
  return value;
}

/**
 * The bound of a score range: strtod's grammar, with spaces before the number, an empty text meaning 0, overflow
 * meaning infinity, and whatever follows a NUL byte ignored, because Redis reads it as a C string. Undefined otherwise.
 */
export function parseLooseDouble(text: string): number | undefined {
  const nul = text.indexOf("\0");
  const visible = nul < 0 ? text : text.slice(0, nul);
  if (visible === "") return 0;
  const parts = NUMBER_SHAPE.exec(visible.replace(/^[ \t\n\v\f\r]+/, ""));
  return parts === null ? undefined : numberOf(parts);
}

function numberOf(parts: RegExpExecArray): number {
  const [, sign, infinite, whole, fraction, exponent, decimal] = parts;
  let magnitude: number;
  if (infinite !== undefined) magnitude = Number.POSITIVE_INFINITY;
  else if (decimal !== undefined) magnitude = Number(decimal);
  else magnitude = hexValue(whole ?? "", fraction ?? "", exponent ?? "0");
  return sign === "-" ? -magnitude : magnitude;
}

function hexValue(whole: string, fraction: string, exponent: string): number {
  const mantissa = Number(BigInt(`0x0${whole}${fraction}`));
  const power = Math.max(-5000, Math.min(5000, Number(exponent))) - 4 * fraction.length;
  // In two steps, so that neither factor overflows where the product does not.
  const half = Math.trunc(power / 2);
  return mantissa * 2 ** half * 2 ** (power - half);
}

function isZeroText(parts: RegExpExecArray): boolean {
  const mantissa = parts[6] === undefined ? (parts[3] ?? "") + (parts[4] ?? "") : parts[6].replace(/e.*$/i, "");
  return !/[1-9a-f]/i.test(mantissa);
}
