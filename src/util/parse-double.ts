/**
 * Arguments as doubles, as Redis 7.2 reads them.
 *
 *   parseDouble        weights, coordinates, radii: strtod's grammar, nothing before or after, in range
 *   parseLooseDouble   the bound of a score range: as strtod itself, spaces before it and overflow allowed
 */

/** Sign; infinity; hexadecimal whole, fraction, power; decimal. */
export const NUMBER_SHAPE =
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
