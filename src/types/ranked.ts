/**
 * The members of a sorted set in order of (score, member bytes), whatever they lie in:
 *
 *   TreeOrder      a native sorted set of the overlay      every step O(log n), none is loaded
 *   PackedOrder    a listpack of the overlay, in order     walked
 *   ColumnOrder    all else                                loaded and sorted first (sorted-members.ts)
 *
 * It stands at a member: goTo(), next() and previous() move it. Ranks count from 0, the lowest score.
 */
import type { Packed } from "../encodings/packed.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { readScored } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { SortedSet } from "../overlay/encodings/sorted-set.ts";
import { Element } from "./elements.ts";
import { elementScore } from "./score.ts";
import type { SortedMembers } from "./sorted-members.ts";

export abstract class Ranked {
  /** The current member. Valid until the next step. */
  abstract readonly member: Element;
  /** Its score. */
  score = 0;
  abstract readonly count: number;

  /** Members with a lower score than this, with `isOpen` with this score too. Moves. */
  abstract countBelow(score: number, isOpen: boolean): number;
  /** Rank of these bytes, whose score is `score` then; -1 when they are no member. Moves. */
  abstract rankOf(bytes: Uint8Array, start: number, length: number): number;
  /** Stands at the member of a rank from 0 to below `count`. */
  abstract goTo(rank: number): void;
  /** Moves to the next member; false at the last. */
  abstract next(): boolean;
  /** Moves to the member before; false at the first. */
  abstract previous(): boolean;
}

export class TreeOrder extends Ranked {
  readonly member = new Element();
  readonly #set: SortedSet;
  #blocks: Blocks;

  constructor(blocks: Blocks) {
    super();
    this.#blocks = blocks;
    this.#set = new SortedSet(blocks);
  }

  bind(blocks: Blocks, root: number): this {
    this.#blocks = blocks;
    this.#set.bind(blocks, root);
    return this;
  }

  get count(): number {
    return this.#set.count;
  }

  /** The handle of a member picked at random, each with the same chance; its score is `score` then. */
  pick(): void {
    this.#read(this.#set.table.random());
  }

  countBelow(score: number, isOpen: boolean): number {
    const { tree } = this.#set;
    tree.seekScore(score, isOpen);
    return tree.position;
  }

  /** Members before these bytes, with `isOpen` these bytes too, where all scores are equal. */
  countBefore(bytes: Uint8Array, start: number, length: number, isOpen: boolean): number {
    const { tree } = this.#set;
    tree.seekMember(bytes, start, length, isOpen);
    return tree.position;
  }

  rankOf(bytes: Uint8Array, start: number, length: number): number {
    if (!this.find(bytes, start, length)) return -1;
    const { tree } = this.#set;
    tree.seek(this.score, bytes, start, length);
    return tree.position;
  }

  /** Finds a member: its score is `score` then. The order does not move. */
  find(bytes: Uint8Array, start: number, length: number): boolean {
    const handle = this.#set.find(memberHash(bytes, start, length), bytes, start, length);
    if (handle === 0) return false;
    this.score = this.#set.score(handle);
    return true;
  }

  goTo(rank: number): void {
    const { tree } = this.#set;
    tree.seekWeight(rank);
    if (tree.settle()) this.#read(tree.handle);
  }

  next(): boolean {
    const { tree } = this.#set;
    if (!tree.next()) return false;
    this.#read(tree.handle);
    return true;
  }

  previous(): boolean {
    const { tree } = this.#set;
    if (!tree.previous()) return false;
    this.#read(tree.handle);
    return true;
  }

  #read(handle: number): void {
    this.score = readScored(this.#blocks, handle, this.member);
  }
}

export class PackedOrder extends Ranked {
  readonly member = new Element();
  count = 0;
  #packed: Packed | null = null;
  #origin = 0;
  /** The current pair is at packed.pos = #at, and ends before #behind. */
  #at = 0;
  #behind = 0;
  readonly #score = new Element();

  /** Takes a walker that is open on `count` pairs of member and score; `origin`: for messages. */
  open(packed: Packed, count: number, origin: number): this {
    this.#packed = packed;
    this.count = count;
    this.#origin = origin;
    return this;
  }

  countBelow(score: number, isOpen: boolean): number {
    const packed = this.#packed as Packed;
    packed.rewind();
    for (let rank = 0; rank < this.count; rank++) {
      packed.skip();
      packed.next(this.#score);
      const here = elementScore(this.#score, this.#origin);
      if (isOpen ? here > score : here >= score) return rank;
    }
    return this.count;
  }

  rankOf(bytes: Uint8Array, start: number, length: number): number {
    const packed = this.#packed as Packed;
    packed.rewind();
    if (!packed.find(bytes, start, length, 2)) return -1;
    const scoreAt = packed.pos;
    packed.next(this.#score);
    this.score = elementScore(this.#score, this.#origin);
    packed.rewind();
    for (let rank = 0; ; rank++) {
      packed.skip();
      if (packed.pos === scoreAt) return rank;
      packed.skip();
    }
  }

  goTo(rank: number): void {
    const packed = this.#packed as Packed;
    if (rank < this.count / 2) {
      packed.rewind();
      for (let i = 0; i < 2 * rank; i++) packed.skip();
      this.#behind = packed.pos;
      this.next();
      return;
    }
    packed.toEnd();
    this.#at = packed.pos;
    for (let i = this.count; i > rank; i--) this.previous();
  }

  next(): boolean {
    const packed = this.#packed as Packed;
    packed.pos = this.#behind;
    this.#at = packed.pos;
    if (!packed.next(this.member)) return false;
    packed.next(this.#score);
    this.score = elementScore(this.#score, this.#origin);
    this.#behind = packed.pos;
    return true;
  }

  previous(): boolean {
    const packed = this.#packed as Packed;
    packed.pos = this.#at;
    this.#behind = this.#at;
    if (!packed.previous(this.#score) || !packed.previous(this.member)) return false;
    this.score = elementScore(this.#score, this.#origin);
    this.#at = packed.pos;
    return true;
  }
}

export class ColumnOrder extends Ranked {
  readonly #members: SortedMembers;
  #rank = 0;

  constructor(members: SortedMembers) {
    super();
    this.#members = members;
  }

  get member(): Element {
    return this.#members.member(this.#rank);
  }

  get count(): number {
    return this.#members.count;
  }

  countBelow(score: number, isOpen: boolean): number {
    const members = this.#members;
    let low = 0;
    let high = members.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const here = members.score(middle);
      if (isOpen ? here <= score : here < score) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  rankOf(bytes: Uint8Array, start: number, length: number): number {
    const rank = this.#members.rankOf(bytes, start, length);
    if (rank >= 0) this.score = this.#members.score(rank);
    return rank;
  }

  goTo(rank: number): void {
    this.#rank = rank;
    this.score = this.#members.score(rank);
  }

  next(): boolean {
    if (this.#rank + 1 >= this.count) return false;
    this.goTo(this.#rank + 1);
    return true;
  }

  previous(): boolean {
    if (this.#rank === 0) return false;
    this.goTo(this.#rank - 1);
    return true;
  }
}
