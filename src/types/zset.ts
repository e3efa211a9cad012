import type { Record } from "../rdb/record.ts";
import { type Element, Elements } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";

/** The members of a sorted set in (score, member bytes) order, loaded by ZsetReader.sorted() or loadSome(). */
export interface SortedMembers {
  readonly count: number;
  /** Score of the member of rank i (0 = lowest). */
  score(i: number): number;
  /** The member of rank i; valid until the next call of member() on this set of members. */
  member(i: number): Element;
  /** Rank of these bytes, -1 when they are no member. Linear. */
  rankOf(bytes: Uint8Array, start: number, length: number): number;
}

/** A sorted set where it lies in the RDB file. As Elements: members in stored order, with `score`. */
export class ZsetReader extends Elements {
  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }
  /** Number of members, set by open(). */
  count = 0;
  /** Score of the current member, after next() or find(). */
  score = 0;
  open(_record: Record): void {
    throw new Error("not built yet");
  }
  /** Back before the first member in stored order. */
  rewind(): void {
    throw new Error("not built yet");
  }
  get encoding(): "listpack" | "skiplist" {
    throw new Error("not built yet");
  }
  /** Moves to the next member in stored order. */
  next(): boolean {
    throw new Error("not built yet");
  }
  /** Finds a member: sets `score`. Moves the iteration: rewind() before walking again. */
  find(_bytes: Uint8Array, _start: number, _length: number): boolean {
    throw new Error("not built yet");
  }
  /** Loads up to `n` more members for sorted(); true when all are there. A sliced command yields between calls. */
  loadSome(_n: number): boolean {
    throw new Error("not built yet");
  }
  /** The members in order (loads what is not loaded yet). Valid until the next open(). */
  sorted(): SortedMembers {
    throw new Error("not built yet");
  }
}
