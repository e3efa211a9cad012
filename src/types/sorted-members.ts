/**
 * The members of a sorted set in (score, member bytes) order: two columns of numbers, whatever the size.
 *
 *   scores[i]      of rank i
 *   positions[i]   where the member of rank i lies; its bytes are read there each time
 */
import { Scratch } from "../rdb/scratch.ts";
import { Element } from "./elements.ts";

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

  constructor(store: MemberStore) {
    this.#store = store;
  }

  /** Score of the member of rank i (0 = lowest). */
  score(i: number): number {
    return this.#scores[i] as number;
  }

  /** The member of rank i; valid until the next call of member() or rankOf(). */
  member(i: number): Element {
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

  /** For the reader: all members are added; puts them in order. */
  finish(): void {
    const scores = this.#scores.subarray(0, this.count);
    const positions = this.#positions.subarray(0, this.count);
    if (!this.#ascending) {
      if (this.#descending) {
        scores.reverse();
        positions.reverse();
      } else this.#sort(scores, positions);
    }
    this.complete = true;
  }

  /** Merge sort, bottom up, of both columns. */
  #sort(scores: Float64Array, positions: Float64Array): void {
    const { count } = this;
    let fromScores: Float64Array = scores;
    let fromPositions: Float64Array = positions;
    let toScores: Float64Array = new Float64Array(count);
    let toPositions: Float64Array = new Float64Array(count);
    for (let width = 1; width < count; width *= 2) {
      for (let left = 0; left < count; left += width * 2) {
        const middle = Math.min(left + width, count);
        const end = Math.min(left + width * 2, count);
        for (let a = left, b = middle, to = left; to < end; to++) {
          const takeA = b >= end || (a < middle && this.#inOrder(fromScores, fromPositions, a, b));
          const from = takeA ? a++ : b++;
          toScores[to] = fromScores[from] as number;
          toPositions[to] = fromPositions[from] as number;
        }
      }
      [fromScores, toScores] = [toScores, fromScores];
      [fromPositions, toPositions] = [toPositions, fromPositions];
    }
    if (fromScores !== scores) {
      scores.set(fromScores);
      positions.set(fromPositions);
    }
  }

  #inOrder(scores: Float64Array, positions: Float64Array, a: number, b: number): boolean {
    const scoreA = scores[a] as number;
    const scoreB = scores[b] as number;
    if (scoreA !== scoreB) return scoreA < scoreB;
    this.#store.readMember(positions[a] as number, this.#member, this.#scratch);
    this.#store.readMember(positions[b] as number, this.#other, this.#otherScratch);
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
