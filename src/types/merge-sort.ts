/**
 * Merge sort of two columns of numbers by the first, bottom up, in slices: a million members take a while, and other
 * clients wait. Runs that follow each other in order already are not merged, only moved.
 */

/** For two rows of equal scores: whether the one at position `a` may stand before the one at `b`. */
export type TieOrder = (a: number, b: number) => boolean;

/** Runs of fewer rows are always merged row by row. */
const COPIED_ROWS_MIN = 64;

export class MergeSort {
  readonly #scores: Float64Array;
  readonly #positions: Float64Array;
  readonly #tie: TieOrder;
  #from: readonly [Float64Array, Float64Array];
  #to: readonly [Float64Array, Float64Array];
  /** Rows of a sorted run. */
  #width = 1;
  /** The pair of runs [left, middle), [middle, end) being merged: next rows of both, next place. */
  #left = 0;
  #a = 0;
  #b = 1;
  #place = 0;

  /** Sorts in place; needs as much memory again. */
  constructor(scores: Float64Array, positions: Float64Array, tie: TieOrder) {
    this.#scores = scores;
    this.#positions = positions;
    this.#tie = tie;
    this.#from = [scores, positions];
    this.#to = [new Float64Array(scores.length), new Float64Array(scores.length)];
  }

  /** Places about `n` rows; true when all is sorted. There are rows × log2(rows) to place. */
  step(n: number): boolean {
    const count = this.#scores.length;
    let left = n;
    while (this.#width < count) {
      left -= this.#merge(left);
      if (left <= 0) return false;
      this.#left += this.#width * 2;
      if (this.#left >= count) {
        [this.#from, this.#to] = [this.#to, this.#from];
        this.#width *= 2;
        this.#left = 0;
      }
      this.#a = this.#place = this.#left;
      this.#b = Math.min(this.#left + this.#width, count);
    }
    if (this.#from[0] !== this.#scores) {
      this.#scores.set(this.#from[0]);
      this.#positions.set(this.#from[1]);
    }
    this.#from = [this.#scores, this.#positions];
    return true;
  }

  /** Goes on merging the pair of runs, about `n` rows; the rows placed. Less than `n`: the pair is merged. */
  #merge(n: number): number {
    const [scores, positions] = this.#from;
    const [toScores, toPositions] = this.#to;
    const count = this.#scores.length;
    const middle = Math.min(this.#left + this.#width, count);
    const end = Math.min(this.#left + this.#width * 2, count);
    const begin = this.#place;
    const whole = begin === this.#left && end - begin >= COPIED_ROWS_MIN;
    if (whole && (middle === end || this.#inOrder(middle - 1, middle))) {
      toScores.set(scores.subarray(begin, end), begin);
      toPositions.set(positions.subarray(begin, end), begin);
      this.#place = end;
      return end - begin;
    }
    const stop = Math.min(end, begin + n);
    let a = this.#a;
    let b = this.#b;
    for (let place = begin; place < stop; place++) {
      let takeA = b >= end;
      if (!takeA && a < middle) {
        const difference = (scores[a] as number) - (scores[b] as number);
        takeA = difference < 0 || (!(difference > 0) && this.#inOrder(a, b));
      }
      const row = takeA ? a++ : b++;
      toScores[place] = scores[row] as number;
      toPositions[place] = positions[row] as number;
    }
    this.#a = a;
    this.#b = b;
    this.#place = stop;
    return stop - begin;
  }

  #inOrder(a: number, b: number): boolean {
    const [scores, positions] = this.#from;
    const scoreA = scores[a] as number;
    const scoreB = scores[b] as number;
    return scoreA === scoreB ? this.#tie(positions[a] as number, positions[b] as number) : scoreA < scoreB;
  }
}
