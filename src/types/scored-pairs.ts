/** Members with scores that a command keeps, in order of (score, member bytes), to make a sorted set of them. */
import type { Span } from "../util/span.ts";
import { ByteStore } from "./byte-store.ts";
import type { MemberTable } from "./member-table.ts";

const PAIRS_FIRST = 64;

/** Pairs in order, numbered from 0. None occurs twice. */
export interface OrderedPairs {
  readonly count: number;
  score(i: number): number;
  /** The member; valid until a pair is added. */
  member(i: number, into: Span): void;
}

/** Pairs that are added one after the other. */
export class ScoredPairs implements OrderedPairs {
  readonly #members = new ByteStore();
  #scores = new Float64Array(PAIRS_FIRST);

  get count(): number {
    return this.#members.count;
  }

  /** Adds a copy. Throws RangeError beyond 2 GiB of members. */
  add(member: Span, score: number): void {
    const at = this.#members.add(member.bytes, member.start, member.length);
    if (at === this.#scores.length) {
      const grown = new Float64Array(at * 2);
      grown.set(this.#scores);
      this.#scores = grown;
    }
    this.#scores[at] = score;
  }

  score(i: number): number {
    return this.#scores[i] as number;
  }

  member(i: number, into: Span): void {
    into.set(this.#members.bytes, this.#members.start(i), this.#members.length(i));
  }
}

/** Rows of a table in an order. */
export class TableRows implements OrderedPairs {
  readonly #table: MemberTable;
  readonly #rows: Float64Array;

  /** @param rows as the table's order() gives them */
  constructor(table: MemberTable, rows: Float64Array) {
    this.#table = table;
    this.#rows = rows;
  }

  get count(): number {
    return this.#rows.length;
  }

  score(i: number): number {
    return this.#table.scores[this.#rows[i] as number] as number;
  }

  member(i: number, into: Span): void {
    this.#table.member(this.#rows[i] as number, into);
  }
}
