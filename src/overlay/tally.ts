/** What all overlays of a keyspace hold, as running sums: comparing them with maxmemory costs a subtraction. */
export interface Tally {
  /** Bytes of blocks in use, tables included, of overlays that are being given back too. */
  usedBytes: number;
  /**
   * Of these, what no key needs but nobody can free yet: tombstones and dead entries while a save runs, overlays that wait for
   * being unmapped. Redis has the like of it in the pages that a forked child keeps alive, and does not count them either.
   */
  goneBytes: number;
  /** Deleted structures that are being freed in slices, or wait for it; those that have been. */
  dyingObjects: number;
  freedObjects: number;
}

export function newTally(): Tally {
  return { usedBytes: 0, goneBytes: 0, dyingObjects: 0, freedObjects: 0 };
}
