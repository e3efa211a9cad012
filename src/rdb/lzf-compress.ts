/**
 * LZF compression: the format that lzf.ts draws, as Redis writes it into RDB files.
 *
 * Positions of three-byte sequences are kept in a table. Each call numbers its positions on from where the last one ended, so
 * that what earlier calls left in the table is too old to be taken, and the table is never cleared. A short input uses a part
 * of the table that stays in the processor's first cache. Where nothing matches for a while, the search takes longer steps:
 * random bytes cost a third of what they would.
 */
const TABLE_BITS_MAX = 14;
const TABLE_BITS_SHORT = 11;
/** Up to this length the short part of the table serves. */
const SHORT_BYTES_MAX = 2048;
const HASH_MULTIPLIER = 0x9e3779b1 | 0;
const OFFSET_MAX = 1 << 13;
const MATCH_MIN = 3;
const MATCH_MAX = 264;
const LITERALS_MAX = 32;
/** After so many places in a row without a match, each step is one longer. */
const MISSES_PER_STEP_SHIFT = 5;
/** Positions restart before they would leave int32. */
const NUMBER_MAX = 2 ** 30;

export class LzfCompressor {
  readonly #table = new Int32Array(1 << TABLE_BITS_MAX);
  /** Number of the next call's first position; what the table holds below it is of earlier calls. */
  #next = 1;

  /**
   * Compresses input[start, start + length) into output[at …), writing at most `limit` bytes there. Returns their number, or 0 when
   * they would be more. `length` is below 2^30.
   */
  compress(input: Uint8Array, start: number, length: number, output: Uint8Array, at: number, limit: number): number {
    if (length < MATCH_MIN + 1) return 0;
    const table = this.#table;
    const shift = 32 - (length <= SHORT_BYTES_MAX ? TABLE_BITS_SHORT : TABLE_BITS_MAX);
    if (this.#next > NUMBER_MAX) {
      table.fill(0);
      this.#next = 1;
    }
    // Position p has the number p + bias.
    const first = this.#next;
    const bias = first - start;
    this.#next = first + length;
    const end = start + length;
    const last = end - MATCH_MIN;
    const stop = at + limit;
    let out = at;
    let literals = start;
    let pos = start;
    let misses = 1 << MISSES_PER_STEP_SHIFT;
    while (pos <= last) {
      const a = input[pos] as number;
      const b = input[pos + 1] as number;
      const c = input[pos + 2] as number;
      const slot = Math.imul((a << 16) | (b << 8) | c, HASH_MULTIPLIER) >>> shift;
      const found = table[slot] as number;
      table[slot] = pos + bias;
      const from = found - bias;
      if (
        found < first ||
        pos - from > OFFSET_MAX ||
        input[from] !== a ||
        input[from + 1] !== b ||
        input[from + 2] !== c
      ) {
        pos += misses++ >>> MISSES_PER_STEP_SHIFT;
        continue;
      }
      misses = 1 << MISSES_PER_STEP_SHIFT;
      let match = MATCH_MIN;
      const matchMax = Math.min(end - pos, MATCH_MAX);
      while (match < matchMax && input[from + match] === input[pos + match]) match++;
      const run = pos - literals;
      if (out + run + (run >>> 5) + 5 > stop) return 0;
      if (run > 0) out = putLiterals(input, literals, pos, output, out);
      const offset = pos - from - 1;
      if (match < 9) output[out++] = ((match - 2) << 5) | (offset >>> 8);
      else {
        output[out++] = 0xe0 | (offset >>> 8);
        output[out++] = match - 9;
      }
      output[out++] = offset;
      pos += match;
      literals = pos;
      // Two places within the match too: what repeats, repeats with other beginnings.
      if (pos <= last) {
        const before = pos - 2;
        table[Math.imul((input[before]! << 16) | (input[before + 1]! << 8) | input[pos]!, HASH_MULTIPLIER) >>> shift] =
          before + bias;
        const prior = pos - 1;
        table[Math.imul((input[prior]! << 16) | (input[pos]! << 8) | input[pos + 1]!, HASH_MULTIPLIER) >>> shift] =
          prior + bias;
      }
    }
    const run = end - literals;
    if (out + run + ((run + LITERALS_MAX - 1) >>> 5) > stop) return 0;
    return putLiterals(input, literals, end, output, out) - at;
  }
}

function putLiterals(input: Uint8Array, from: number, to: number, output: Uint8Array, at: number): number {
  let out = at;
  for (let pos = from; pos < to; ) {
    const run = Math.min(to - pos, LITERALS_MAX);
    output[out++] = run - 1;
    for (const end = pos + run; pos < end; ) output[out++] = input[pos++] as number;
  }
  return out;
}
