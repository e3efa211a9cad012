/**
 * LZF decompression (Marc Lehmann's LibLZF 1 format, very fast variant, as RDB's compressed strings hold it).
 *
 *   000LLLLL                      L + 1 literal bytes follow
 *   LLLooooo oooooooo             copy L + 2 bytes (L 1..6) from o + 1 back in the output
 *   111ooooo LLLLLLLL oooooooo    copy L + 9 bytes from o + 1 back
 *
 * Three bytes make 264 at most, so a string claiming more than 88 times its compressed length is a lie: callers
 * check `lzfPlausible` before they ask for memory.
 */
const EXPANSION_MAX = 88;
/** Redis's limit for a string (proto-max-bulk-len). */
const LENGTH_MAX = 512 * 2 ** 20;

/** Whether `compressed` bytes can hold a string of `length` bytes at all. */
export function lzfPlausible(compressed: number, length: number): boolean {
  return length <= compressed * EXPANSION_MAX && length <= LENGTH_MAX;
}

/**
 * Decompresses `input[start, start + length)` into `output[0, outputLength)`. True when it fills exactly that;
 * false when the input is no LZF stream of that length. Writes nowhere else.
 */
export function lzfDecompress(
  input: Uint8Array,
  start: number,
  length: number,
  output: Uint8Array,
  outputLength: number,
): boolean {
  const end = start + length;
  let at = start;
  let out = 0;
  while (at < end) {
    const control = input[at++] as number;
    if (control < 0x20) {
      const run = control + 1;
      if (run > end - at || run > outputLength - out) return false;
      for (let i = 0; i < run; i++) output[out + i] = input[at + i] as number;
      at += run;
      out += run;
      continue;
    }
    let run = control >>> 5;
    if (run === 7) {
      if (at >= end) return false;
      run += input[at++] as number;
    }
    run += 2;
    if (at >= end) return false;
    let from = out - (((control & 0x1f) << 8) | (input[at++] as number)) - 1;
    if (from < 0 || run > outputLength - out) return false;
    const stop = out + run;
    while (out < stop) output[out++] = output[from++] as number;
  }
  return out === outputLength;
}

/** The length that the input decompresses to, or -1 where it is no LZF stream. Looks at control bytes only. */
export function lzfMeasure(input: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let at = start;
  let out = 0;
  while (at < end) {
    const control = input[at++] as number;
    if (control < 0x20) {
      at += control + 1;
      out += control + 1;
      if (at > end) return -1;
      continue;
    }
    let run = control >>> 5;
    if (run === 7) {
      if (at >= end) return -1;
      run += input[at++] as number;
    }
    if (at >= end) return -1;
    if (out - (((control & 0x1f) << 8) | (input[at++] as number)) - 1 < 0) return -1;
    out += run + 2;
  }
  return out;
}
