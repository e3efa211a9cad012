/**
 * Doubles as text without an exponent, as Redis 7.2 writes coordinates and distances.
 *
 *   humanDecimal   coordinates: at most 17 decimals, no trailing zeros   13.36138933897018433
 *   fixedDecimal   distances: a fixed number of decimals                 166274.1516
 *
 * Scores have a form of their own: decimal.ts. Cold path: they make strings.
 */

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
  return Object.is(value, -0) ? `-${(0).toFixed(decimals)}` : value.toFixed(decimals);
}
