/**
 * The members of a sorted set in (score, member bytes) order: two columns of numbers, whatever the size.
 *
 *   scores[i]      of rank i
 *   positions[i]   where the member of rank i lies; its bytes are read there each time
 */
import { Scratch } from "../rdb/scratch.ts";
import { Element } from "./elements.ts";
import { MergeSort } from "./merge-sort.ts";

const INITIAL_MEMBERS = 128;
const RETAINED_MEMBERS_MAX = 65536;

/** Where the members are read: the reader that loads them. */
export interface MemberStore {
  readonly count: number;
  /** Set by find(). */
  readonly score: number;
  find(bytes: Uint8Array, start: number, length: number): boolean;
  /** Reads the member that lies at `position`. */
  readMember(position: number, into: Element, scratch: Scratch): void;
}

export class SortedMembers {
  /** Number of members loaded: all of them once the reader's loadSome() has answered true. */
  count = 0;
  /** Whether all members are there and in order. */
  complete = false;
  #scores = new Float64Array(INITIAL_MEMBERS);
  #positions = new Float64Array(INITIAL_MEMBERS);
  #ascending = true;
  #descending = true;
  readonly #store: MemberStore;
  readonly #member = new Element();
  readonly #scratch = new Scratch();
  readonly #other = new Element();
  readonly #otherScratch = new Scratch();
  #sorting: MergeSort | null = null;
  /** While sorting: where the two lie. */
  #memberPosition = -1;
  #otherPosition = -1;

  constructor(store: MemberStore) {
    this.#store = store;
  }

  /** Score of the member of rank i (0 = lowest). */
  score(i: number): number {
    return this.#scores[i] as number;
  }

  /** The member of rank i; valid until the next call of member() or rankOf(). */
  member(i: number): Element {
    this.#memberPosition = -1;
    this.#store.readMember(this.#positions[i] as number, this.#member, this.#scratch);
    return this.#member;
  }

  /** Rank of these bytes, -1 when they are no member. Finding a member is linear in a big sorted set. */
  rankOf(bytes: Uint8Array, start: number, length: number): number {
    if (!this.#store.find(bytes, start, length)) return -1;
    const { score } = this.#store;
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.score(middle) - score || this.member(middle).text().compare(bytes, start, length);
      // Equal infinities subtract to NaN, which falls through to the bytes as it should.
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** For the reader: forgets all members. */
  clear(): void {
    this.count = 0;
    this.complete = false;
    this.#ascending = true;
    this.#descending = true;
    this.#sorting = null;
    this.#memberPosition = -1;
    this.#otherPosition = -1;
    if (this.#scores.length > RETAINED_MEMBERS_MAX) this.#resize(INITIAL_MEMBERS);
  }

  /** For the reader: adds the next member in stored order; `before` is the one added last. */
  add(score: number, position: number, member: Element, before: Element): void {
    const { count } = this;
    if (count === this.#scores.length) this.#resize(Math.max(count + 1, Math.min(count * 2, this.#store.count)));
    this.#scores[count] = score;
    this.#positions[count] = position;
    this.count = count + 1;
    if (count === 0 || !(this.#ascending || this.#descending)) return;
    const scoreBefore = this.#scores[count - 1] as number;
    if (scoreBefore < score) this.#descending = false;
    else if (scoreBefore > score) this.#ascending = false;
    else {
      const { bytes, start, length } = before.text();
      if (member.text().compare(bytes, start, length) > 0) this.#descending = false;
      else this.#ascending = false;
    }
  }

  /**
   * For the reader: all members are added; puts them in order, `n` steps of a sort at a time where they need one.
   * True when done.
   */
  finishSome(n: number): boolean {
    if (this.complete) return true;
    const scores = this.#scores.subarray(0, this.count);
    const positions = this.#positions.subarray(0, this.count);
    if (this.#ascending) this.complete = true;
    else if (this.#descending) {
      scores.reverse();
      positions.reverse();
      this.complete = true;
    } else {
      this.#sorting ??= new MergeSort(scores, positions, (a, b) => this.#inOrder(a, b));
      this.complete = this.#sorting.step(n);
    }
    if (this.complete) this.#sorting = null;
    return this.complete;
  }

  /** Whether the member at `positionA` may stand before the one at `positionB`; their scores are equal. */
  #inOrder(positionA: number, positionB: number): boolean {
    // In a merge one of the two is the same as before.
    if (positionA !== this.#memberPosition) this.#store.readMember(positionA, this.#member, this.#scratch);
    if (positionB !== this.#otherPosition) this.#store.readMember(positionB, this.#other, this.#otherScratch);
    this.#memberPosition = positionA;
    this.#otherPosition = positionB;
    const { bytes, start, length } = this.#other.text();
    return this.#member.text().compare(bytes, start, length) <= 0;
  }

  #resize(members: number): void {
    const kept = Math.min(this.count, members);
    const scores = new Float64Array(members);
    const positions = new Float64Array(members);
    scores.set(this.#scores.subarray(0, kept));
    positions.set(this.#positions.subarray(0, kept));
    this.#scores = scores;
    this.#positions = positions;
  }
}
