/**
 * How long a command's calls took: counts by time, as Redis's HDR histograms of two digits have them.
 *
 *   nanoseconds    0 … 255     each has a counter
 *                  256 … 511   two share one, 512 … 1023 four, … : 128 counters for each power of two
 *
 * Every call of every command is counted: `add` is an index and an addition.
 */

const EXACT = 256;
const PER_OCTAVE_LOG2 = 7;
/** A call that takes longer counts as this long: one second, in nanoseconds. */
const NS_MAX = 1_000_000_000;
const USEC_MAX = NS_MAX / 1000;
const COUNTERS = indexOf(NS_MAX) + 1;
/** The first bound of `steps`; each further one is twice the one before. */
const FIRST_STEP_NS = 1024;

export class LatencyHistogram {
  readonly #counts = new Float64Array(COUNTERS);

  add(usec: number, calls: number): void {
    const index = indexOf(usec < USEC_MAX ? (usec * 1000) | 0 : NS_MAX);
    this.#counts[index] = (this.#counts[index] as number) + calls;
  }

  get calls(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** By powers of two: the whole microseconds, and how many calls took no longer; only where that is more than at the bound before. */
  steps(): [usec: number, calls: number][] {
    const steps: [number, number][] = [];
    const all = this.calls;
    let calls = 0;
    let index = 0;
    for (let bound = FIRST_STEP_NS; calls < all; bound *= 2) {
      const before = calls;
      const last = Math.min(indexOf(bound), COUNTERS - 1);
      while (index <= last) calls += this.#counts[index++] as number;
      if (calls > before) steps.push([Math.floor(longestAt(indexOf(bound)) / 1000), calls]);
    }
    return steps;
  }

  /** Nanoseconds that so many percent of the calls took no longer than; 0 where there are none. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.calls + 0.5));
    let calls = 0;
    for (let index = 0; index < COUNTERS; index++) {
      calls += this.#counts[index] as number;
      if (calls >= wanted) return longestAt(index);
    }
    return 0;
  }
}

/** The counter of this many nanoseconds, less than 2^31. */
function indexOf(ns: number): number {
  if (ns < EXACT) return ns < 0 ? 0 : ns;
  const shift = 31 - PER_OCTAVE_LOG2 - Math.clz32(ns);
  return (shift << PER_OCTAVE_LOG2) + (ns >> shift);
}

/** The most nanoseconds that this counter stands for. */
function longestAt(index: number): number {
  if (index < EXACT) return index;
  const shift = (index >> PER_OCTAVE_LOG2) - 1;
  return ((index - (shift << PER_OCTAVE_LOG2) + 1) << shift) - 1;
}
