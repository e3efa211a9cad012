/** Random numbers that a seed repeats. */

/** A generator of numbers in [0, 1). The seed is FOLIO_SEED or the clock's, printed under `name` for a replay. */
export function seededRandom(name: string): () => number {
  const seed = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1_000_000_000);
  console.log(`${name}: FOLIO_SEED=${seed}`);
  return randomFrom(seed);
}

/** As `seededRandom`, from this seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
