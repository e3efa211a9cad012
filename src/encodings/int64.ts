/**
 * A signed 64-bit integer as two int32 halves, and its decimal text as Redis takes it for an integer: no object, no string.
 * The last result stands in `int64`; it is read before the next call.
 */
const TWO32 = 4294967296;
/** "9223372036854775807" has 19 digits; with the sign 20. */
const TEXT_BYTES_MAX = 20;
/** So many digits are always a safe integer. */
const SAFE_DIGITS = 15;

export const int64 = {
  high: 0,
  low: 0,
  /** Bytes that the integer needs in an intset: 2, 4 or 8. */
  width: 2,
};

/**
 * Sets `int64` to what `length` bytes spell in the one canonical way ("0", "-12"; no "+", no leading zero, no "-0"); false, nothing
 * set, when they spell no integer of 64 bits. As Redis's string2ll.
 */
export function parseInt64(bytes: Uint8Array, start: number, length: number): boolean {
  if (length === 0 || length > TEXT_BYTES_MAX) return false;
  const negative = bytes[start] === 45;
  let at = negative ? start + 1 : start;
  const end = start + length;
  const first = (bytes[at] as number) - 48;
  if (at === end || !(first >= 0 && first <= 9)) return false;
  if (first === 0) {
    if (length !== 1) return false;
    set(0, 0);
    return true;
  }
  let value = first;
  const safeEnd = Math.min(end, at + SAFE_DIGITS);
  for (at++; at < safeEnd; at++) {
    const digit = (bytes[at] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return false;
    value = value * 10 + digit;
  }
  let high = Math.floor(value / TWO32);
  let low = value - high * TWO32;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return false;
    const product = low * 10 + digit;
    const carry = Math.floor(product / TWO32);
    low = product - carry * TWO32;
    high = high * 10 + carry;
    // One digit may follow: the bound of a positive integer, and one more for the least negative one.
    if (high > 0x80000000) return false;
  }
  if (high === 0x80000000 ? !negative || low !== 0 : high > 0x7fffffff) return false;
  if (negative) set((~high + (low === 0 ? 1 : 0)) | 0, -low | 0);
  else set(high | 0, low | 0);
  return true;
}

/** Sets `int64` to a safe integer. */
export function setInt64(value: number): void {
  const high = Math.floor(value / TWO32);
  set(high | 0, (value - high * TWO32) | 0);
}

function set(high: number, low: number): void {
  int64.high = high;
  int64.low = low;
  int64.width = high !== low >> 31 ? 8 : low === (low << 16) >> 16 ? 2 : 4;
}
