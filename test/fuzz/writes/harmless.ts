/**
 * Makes commands harmless for the comparison: none waits long, asks for gigabytes, or depends on the millisecond in which a server
 * sees it.
 */

const WHOLE = /^[+-]?[0-9]+$/;
/** Timeouts that are refused, so that nobody waits. */
const REFUSED = new Set(["-1", "x", "", "nan", "1 ", " 1", "-", "(1", "\0"]);
const TIMEOUT = "0.001";
/** So many times an element, at most, by commands that repeat themselves. */
const REPEATS_MAX = 300;
/** Seconds and milliseconds from now that end within the run. */
const SOON_SECONDS = 4999;
const SOON_MS = 4_999_999;
/** Idle times in between are a matter of how fast the servers are. */
const IDLE_MS_MIN = 40_000;

function isBetween(word: string | undefined, min: number, max: number): boolean {
  return word !== undefined && WHOLE.test(word) && Number(word) >= min && Number(word) <= max;
}

function timeoutAt(words: readonly string[], at: number): string[] {
  const word = words[at];
  return word === undefined || at === 0 || REFUSED.has(word) ? [...words] : words.with(at, TIMEOUT);
}

/** Each word behind `option`, changed. */
function behind(words: readonly string[], option: RegExp, change: (word: string) => string): string[] {
  return words.map((word, i) => (i > 1 && option.test(words[i - 1] as string) ? change(word) : word));
}

const laterSeconds = (word: string) => (isBetween(word, 1, SOON_SECONDS) ? "70000" : word);
const laterMs = (word: string) => (isBetween(word, 1, SOON_MS) ? "80000000" : word);
const plainIdle = (word: string) => (isBetween(word, 1, IDLE_MS_MIN) ? "0" : word);

function relative(words: readonly string[], later: (word: string) => string): string[] {
  // Two relative times may be equal on one server and a millisecond apart on the other.
  return words.map((word, i) => (i === 2 ? later(word) : /^(gt|lt)$/i.test(word) ? "XX" : word));
}

function sorted(words: readonly string[]): string[] {
  const has = (option: RegExp) => words.some((word) => option.test(word));
  // ALPHA BY leaves ties in any order: what is stored would differ.
  if (!has(/^store$/i) || !has(/^by$/i)) return [...words];
  return words.map((word) => (/^alpha$/i.test(word) ? "ASC" : word));
}

const CHANGES: Readonly<Record<string, (words: readonly string[]) => string[]>> = {
  BLPOP: (words) => timeoutAt(words, words.length - 1),
  BRPOP: (words) => timeoutAt(words, words.length - 1),
  BZPOPMIN: (words) => timeoutAt(words, words.length - 1),
  BZPOPMAX: (words) => timeoutAt(words, words.length - 1),
  BLMOVE: (words) => timeoutAt(words, words.length - 1),
  BRPOPLPUSH: (words) => timeoutAt(words, words.length - 1),
  BLMPOP: (words) => timeoutAt(words, 1),
  BZMPOP: (words) => timeoutAt(words, 1),
  XREAD: (words) => behind(words, /^block$/i, (word) => (REFUSED.has(word) ? word : "1")),
  XREADGROUP: (words) => behind(words, /^block$/i, (word) => (REFUSED.has(word) ? word : "1")),
  XCLAIM: (words) => words.map((word, i) => (i === 4 ? plainIdle(word) : word)),
  XAUTOCLAIM: (words) => words.map((word, i) => (i === 4 ? plainIdle(word) : word)),
  XPENDING: (words) => behind(words, /^idle$/i, plainIdle),
  EXPIRE: (words) => relative(words, laterSeconds),
  PEXPIRE: (words) => relative(words, laterMs),
  SETEX: (words) => words.map((word, i) => (i === 2 ? laterSeconds(word) : word)),
  PSETEX: (words) => words.map((word, i) => (i === 2 ? laterMs(word) : word)),
  SET: (words) => behind(behind(words, /^ex$/i, laterSeconds), /^px$/i, laterMs),
  GETEX: (words) => behind(behind(words, /^ex$/i, laterSeconds), /^px$/i, laterMs),
  SORT: sorted,
  SORT_RO: sorted,
  PFCOUNT: (words) => (words.length === 2 ? [...words, words[1] as string] : [...words]),
};

export function harmless(words: readonly string[]): string[] {
  const name = (words[0] as string).toUpperCase();
  if (/^.RANDMEMBER$|^HRANDFIELD$/.test(name)) {
    // What is out of range is refused at once.
    return words.map((word) => (isBetween(word, -9.2e18, -REPEATS_MAX) ? "-37" : word));
  }
  return CHANGES[name]?.(words) ?? [...words];
}
