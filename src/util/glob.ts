/**
 * Glob patterns over bytes, with the meaning (corner cases included) that Redis gives them in KEYS, SCAN MATCH,
 * CONFIG GET, SORT and ACLs.
 *
 *   *        any run of bytes            [abc]    one of these         [^abc]  none of these
 *   ?        any one byte                [a-z]    a range              \x      x itself
 *
 * Corner cases kept on purpose: the empty text matches only the empty pattern (callers treat "*" apart); an unclosed
 * "[" ends where the pattern ends; a range in the wrong order is turned round; bytes compare as signed characters in a
 * range, as they do in Redis on x86.
 *
 * Running time: a "*" whose rest matched nowhere ends the search of every earlier "*" too, so that a pattern with many
 * stars costs at most pattern × text steps, not their power.
 */

/** Nested stars deeper than this match nothing: protection against abusive patterns. */
const NESTING_MAX = 1000;

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const BACKSLASH = 0x5c;
const DASH = 0x2d;

/** One pattern, ready to be matched against many texts. Allocates nothing per match; not re-entrant. */
export class Glob {
  /** True for the pattern "*": it matches everything, the empty text included, and callers need not look at the text. */
  readonly matchesAll: boolean;
  readonly #pattern: Uint8Array;
  readonly #ignoreCase: boolean;
  #text: Uint8Array;
  #textEnd = 0;
  #hopeless = false;

  /** Copies the pattern: the caller's bytes may go away. */
  constructor(pattern: Uint8Array, start = 0, length = pattern.length - start, ignoreCase = false) {
    // Not slice(): a Buffer's shares its memory.
    this.#pattern = new Uint8Array(pattern.subarray(start, start + length));
    this.#ignoreCase = ignoreCase;
    this.#text = this.#pattern;
    this.matchesAll = length === 1 && this.#pattern[0] === STAR;
  }

  /** True when the whole text [start, start + length) matches. */
  matches(text: Uint8Array, start: number, length: number): boolean {
    if (this.matchesAll) return true;
    this.#text = text;
    this.#textEnd = start + length;
    this.#hopeless = false;
    return this.#match(0, start, 0);
  }

  #match(patternAt: number, textAt: number, nesting: number): boolean {
    if (nesting > NESTING_MAX) return false;
    const pattern = this.#pattern;
    const patternEnd = pattern.length;
    let p = patternAt;
    let t = textAt;
    while (p < patternEnd && t < this.#textEnd) {
      const code = pattern[p] as number;
      if (code === STAR) return this.#matchStar(p, t, nesting);
      if (code === OPEN) {
        p = this.#matchClass(p + 1, this.#text[t] as number);
        if (p < 0) return false;
      } else if (code !== QUESTION) {
        if (code === BACKSLASH && p + 1 < patternEnd) p++;
        if (!this.#same(pattern[p] as number, this.#text[t] as number)) return false;
      }
      p++;
      t++;
    }
    if (t < this.#textEnd) return false;
    // Stars left over match nothing at all, but only after some of the text was consumed: see the header.
    if (t > textAt) while (pattern[p] === STAR) p++;
    return p >= patternEnd;
  }

  #matchStar(patternAt: number, textAt: number, nesting: number): boolean {
    let p = patternAt;
    while (this.#pattern[p + 1] === STAR) p++;
    if (p + 1 === this.#pattern.length) return true;
    for (let t = textAt; t < this.#textEnd; t++) {
      if (this.#match(p + 1, t, nesting + 1)) return true;
      if (this.#hopeless) return false;
    }
    this.#hopeless = true;
    return false;
  }

  /** Matches one byte against the class whose body begins at `at`; the position of its "]", or -1 without a match. */
  #matchClass(at: number, byte: number): number {
    const pattern = this.#pattern;
    const end = pattern.length;
    let p = at;
    const negated = pattern[p] === CARET;
    if (negated) p++;
    let found = false;
    for (; ; p++) {
      if (p >= end) {
        p = end - 1;
        break;
      }
      const code = pattern[p] as number;
      if (code === BACKSLASH && p + 1 < end) {
        p++;
        if (pattern[p] === byte) found = true;
      } else if (code === CLOSE) {
        break;
      } else if (p + 2 < end && pattern[p + 1] === DASH) {
        if (this.#inRange(code, pattern[p + 2] as number, byte)) found = true;
        p += 2;
      } else if (this.#same(code, byte)) {
        found = true;
      }
    }
    return found === negated ? -1 : p;
  }

  #inRange(first: number, last: number, byte: number): boolean {
    let low = (first << 24) >> 24;
    let high = (last << 24) >> 24;
    if (low > high) [low, high] = [high, low];
    if (!this.#ignoreCase) return low <= (byte << 24) >> 24 && (byte << 24) >> 24 <= high;
    const folded = (lower(byte) << 24) >> 24;
    return lower(low) <= folded && folded <= lower(high);
  }

  #same(a: number, b: number): boolean {
    return this.#ignoreCase ? lower(a) === lower(b) : a === b;
  }
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 32 : code;
}
