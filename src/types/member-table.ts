/**
 * Members with scores, for combining sorted sets: a ByteTable with a column of scores beside it. Rows can be dropped, and
 * read out in (score, member) order. Nothing per member on the JavaScript heap.
 */
import type { Span } from "../util/span.ts";
import { ByteTable } from "./byte-table.ts";
import { MergeSort } from "./merge-sort.ts";

const ROWS_FIRST = 64;
/** The mark of a row that was dropped. */
const DROPPED = 0xffffffff;

export class MemberTable {
  /** Rows not dropped. */
  alive = 0;
  scores = new Float64Array(ROWS_FIRST);
  readonly #table = new ByteTable();

  /** Rows ever added, dropped ones included. */
  get count(): number {
    return this.#table.count;
  }

  /** One number a row for the caller, 0 at first. Valid until the next add. */
  get marks(): Uint32Array {
    return this.#table.marks;
  }

  /** The row of these bytes, −1 when they are not in the table (or were dropped). */
  find(bytes: Uint8Array, start: number, length: number): number {
    const row = this.#table.indexOf(bytes, start, length);
    return row >= 0 && this.#table.marks[row] === DROPPED ? -1 : row;
  }

  /** Adds bytes that were never in the table (they are copied); their row. Throws RangeError beyond 2 GiB of members. */
  add(bytes: Uint8Array, start: number, length: number, score: number): number {
    const row = this.#table.add(bytes, start, length);
    if (row === this.scores.length) {
      const grown = new Float64Array(row * 2);
      grown.set(this.scores);
      this.scores = grown;
    }
    this.scores[row] = score;
    this.alive++;
    return row;
  }

  isDropped(row: number): boolean {
    return this.#table.marks[row] === DROPPED;
  }

  /** Forgets a row: find() no longer finds it, order() leaves it out. */
  drop(row: number): void {
    this.#table.marks[row] = DROPPED;
    this.alive--;
  }

  /** The member of `row`; valid until the next add. */
  member(row: number, into: Span): void {
    const { members } = this.#table;
    into.set(members.bytes, members.start(row), members.length(row));
  }

  /** The rows not dropped in (score, member) order; yields after every `step` rows or so. */
  *order(step: number): Generator<void, Float64Array, void> {
    const scores = new Float64Array(this.alive);
    const rows = new Float64Array(this.alive);
    let at = 0;
    for (let row = 0; row < this.count; row++) {
      if (this.isDropped(row)) continue;
      scores[at] = this.scores[row] as number;
      rows[at++] = row;
    }
    const { members } = this.#table;
    const sort = new MergeSort(scores, rows, (a, b) => members.compare(a, b) <= 0);
    while (!sort.step(step)) yield;
    return rows;
  }
}
