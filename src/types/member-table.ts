/**
 * A hash table from members (bytes) to scores, for combining sorted sets: nothing per member on the JavaScript heap.
 *
 *   slots    [ 0 | 3 | 0 | 1 | 2 ]   Int32, row + 1 or 0, open addressing
 *   row i    starts[i] lengths[i] hashes[i] scores[i] marks[i]      columns
 *   arena    all members' bytes one after the other (copied: sources may be scratch)
 *
 * Holds up to 2^30 members and 2 GiB of member bytes.
 */
import { Span } from "../util/span.ts";

const ROWS_FIRST = 64;
const ARENA_FIRST_BYTES = 4096;

export class MemberTable {
  /** Rows ever added, dropped ones included. */
  count = 0;
  /** Rows not dropped. */
  alive = 0;
  scores = new Float64Array(ROWS_FIRST);
  /** For the caller: starts at 0; −1 marks a dropped row. */
  marks = new Int32Array(ROWS_FIRST);
  #starts = new Float64Array(ROWS_FIRST);
  #lengths = new Int32Array(ROWS_FIRST);
  #hashes = new Int32Array(ROWS_FIRST);
  #slots = new Int32Array(ROWS_FIRST * 2);
  #arena = new Uint8Array(ARENA_FIRST_BYTES);
  #used = 0;
  readonly #left = new Span();
  readonly #right = new Span();

  /** The row of these bytes, −1 when they are not in the table (or were dropped). */
  find(bytes: Uint8Array, start: number, length: number): number {
    const hash = hashOf(bytes, start, length);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0) return -1;
      if (this.#hashes[row] !== hash || this.#lengths[row] !== length) continue;
      this.#left.set(this.#arena, this.#starts[row] as number, length);
      if (this.#left.equals(bytes, start, length)) return this.marks[row] === -1 ? -1 : row;
    }
  }

  /** Adds bytes that are not in the table; their row. */
  add(bytes: Uint8Array, start: number, length: number, score: number): number {
    const row = this.count;
    if (row === this.scores.length) this.#grow();
    const hash = hashOf(bytes, start, length);
    this.#starts[row] = this.#store(bytes, start, length);
    this.#lengths[row] = length;
    this.#hashes[row] = hash;
    this.scores[row] = score;
    this.#link(row, hash);
    this.count++;
    this.alive++;
    return row;
  }

  /** Forgets a row: find() no longer finds it, order() leaves it out. */
  drop(row: number): void {
    this.marks[row] = -1;
    this.alive--;
  }

  /** The member of `row`; valid until the table changes. */
  member(row: number, into: Span): void {
    into.set(this.#arena, this.#starts[row] as number, this.#lengths[row] as number);
  }

  /** Whether row `a` comes before row `b` by score, then by bytes. */
  #before(a: number, b: number): boolean {
    const difference = (this.scores[a] as number) - (this.scores[b] as number);
    // Two equal infinities give NaN, which is neither: they are equal, and the bytes decide.
    if (difference < 0) return true;
    if (difference > 0) return false;
    this.member(a, this.#left);
    this.member(b, this.#right);
    return this.#left.compare(this.#right.bytes, this.#right.start, this.#right.length) < 0;
  }

  /** The rows not dropped in (score, member) order, by a merge sort that yields between slices. */
  *order(sliceSteps: number): Generator<void, Int32Array, void> {
    let from = new Int32Array(this.alive);
    let at = 0;
    for (let row = 0; row < this.count; row++) if (this.marks[row] !== -1) from[at++] = row;
    let to = new Int32Array(at);
    let steps = 0;
    for (let width = 1; width < at; width *= 2) {
      for (let start = 0; start < at; start += 2 * width) {
        const middle = Math.min(at, start + width);
        const end = Math.min(at, middle + width);
        let left = start;
        let right = middle;
        for (let i = start; i < end; i++) {
          const takeRight =
            left === middle || (right < end && this.#before(from[right] as number, from[left] as number));
          to[i] = from[takeRight ? right++ : left++] as number;
          if (++steps % sliceSteps === 0) yield;
        }
      }
      [from, to] = [to, from];
    }
    return from;
  }

  #store(bytes: Uint8Array, start: number, length: number): number {
    const at = this.#used;
    if (at + length > this.#arena.length) {
      const grown = new Uint8Array(Math.max(this.#arena.length * 2, at + length));
      grown.set(this.#arena.subarray(0, at));
      this.#arena = grown;
    }
    const arena = this.#arena;
    for (let i = 0; i < length; i++) arena[at + i] = bytes[start + i] as number;
    this.#used = at + length;
    return at;
  }

  #link(row: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #grow(): void {
    const rows = this.scores.length * 2;
    this.scores = widened(this.scores, new Float64Array(rows));
    this.marks = widened(this.marks, new Int32Array(rows));
    this.#starts = widened(this.#starts, new Float64Array(rows));
    this.#lengths = widened(this.#lengths, new Int32Array(rows));
    this.#hashes = widened(this.#hashes, new Int32Array(rows));
    this.#slots = new Int32Array(rows * 2);
    for (let row = 0; row < this.count; row++) this.#link(row, this.#hashes[row] as number);
  }
}

function widened<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** FNV-1a with a final mix: the low bits pick the slot. */
function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
