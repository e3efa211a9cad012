/** Requests with a thing or two wrong. */

export interface Spoilers {
  /** A random whole number in [0, n). */
  readonly below: (n: number) => number;
  /** An option of some command. */
  readonly token: () => string;
  /** What parsers trip over. */
  readonly hostile: () => string;
  readonly key: () => string;
}

/** The words, from index `from` (0 or 1), with one or two dropped, doubled, cut off or swapped for what does not belong there. */
export function spoilt(words: readonly string[], from: 0 | 1, { below, token, hostile, key }: Spoilers): string[] {
  const spoilt = [...words];
  for (let times = 1 + below(2); times > 0; times--) {
    const at = from + below(spoilt.length + 1 - from);
    const kind = below(7);
    if (kind === 0) spoilt.splice(at, 1);
    else if (kind === 1) spoilt.splice(at, 0, ...spoilt.slice(at, at + 1 + below(3)));
    else if (kind === 2) spoilt.splice(at, 0, token());
    else if (kind === 3) spoilt.splice(at, 1, hostile());
    else if (kind === 4) spoilt.splice(at, 0, hostile());
    else if (kind === 5) spoilt.length = at;
    else spoilt.splice(at, 1, key());
  }
  return spoilt;
}
