/**
 * A large sorted set: a member table finds members (and their scores), a score tree has them in order; both name the same blocks.
 *
 *   root, 64 bytes   | root of the member table, 32 | root of the score tree, 32 |
 */
import { Element } from "../../encodings/element.ts";
import type { Blocks } from "./blocks.ts";
import { TREE_ROOT_BYTES } from "./counted-tree.ts";
import { createScored, readScore, readScored, SCORE_BYTES, writeScore } from "./member.ts";
import { MemberTable, TABLE_ROOT_BYTES } from "./member-table.ts";
import { ScoreTree } from "./score-tree.ts";
import { copyTable, freeTable } from "./table-slices.ts";

export const SORTED_SET_ROOT_BYTES = TABLE_ROOT_BYTES + TREE_ROOT_BYTES;
/** Handles are counted in units of 8 bytes: the tree's root lies in the same block. */
const TREE_AT = TABLE_ROOT_BYTES / 8;
/** Members that are copied between two yields. */
const MEMBERS_PER_SLICE = 256;

/** Hashes a member's text as it is hashed for the table. */
export type HashOf = (bytes: Uint8Array, start: number, length: number) => number;

export class SortedSet {
  /** Bound to the same set: to find, to scan, to choose at random. Changes go through this class. */
  readonly table = new MemberTable();
  /** Bound to the same set: its order. */
  readonly tree: ScoreTree;
  #blocks: Blocks;
  readonly #member = new Element();

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
    this.tree = new ScoreTree(blocks);
  }

  /** The root of a new sorted set. Throws ArenaFull. */
  static create(blocks: Blocks): number {
    const root = blocks.allocate(SORTED_SET_ROOT_BYTES);
    try {
      MemberTable.createAt(blocks, root, SCORE_BYTES);
    } catch (error) {
      blocks.free(root);
      throw error;
    }
    ScoreTree.createAt(blocks, root + TREE_AT);
    return root;
  }

  bind(blocks: Blocks, root: number): this {
    this.#blocks = blocks;
    this.table.bind(blocks, root);
    this.tree.bind(blocks, root + TREE_AT);
    return this;
  }

  get count(): number {
    return this.table.count;
  }

  /** The handle of the member's block, or 0: the changes then mean that member. */
  find(hash: number, text: Uint8Array, start: number, length: number): number {
    return this.table.find(hash, text, start, length);
  }

  /** Adds a member that `find` has just not found. Throws ArenaFull, RangeError: nothing changed. */
  add(hash: number, score: number, text: Uint8Array, start: number, length: number): number {
    const handle = createScored(this.#blocks, score, text, start, length);
    try {
      this.tree.seek(score, text, start, length);
      this.tree.insert(handle);
    } catch (error) {
      this.#blocks.free(handle);
      throw error;
    }
    try {
      this.table.insert(hash, handle);
    } catch (error) {
      this.#leaveOrder(handle);
      this.#blocks.free(handle);
      throw error;
    }
    return handle;
  }

  /** As add, of a member that is behind all others in order: no score is compared. */
  append(hash: number, score: number, text: Uint8Array, start: number, length: number): number {
    const handle = createScored(this.#blocks, score, text, start, length);
    try {
      this.tree.append(handle, score);
    } catch (error) {
      this.#blocks.free(handle);
      throw error;
    }
    try {
      this.table.insert(hash, handle);
    } catch (error) {
      this.tree.seekLast();
      this.tree.removeHere();
      this.#blocks.free(handle);
      throw error;
    }
    return handle;
  }

  /** Gives the member of a block another score. Throws ArenaFull, nothing changed. */
  setScore(handle: number, score: number): void {
    const old = readScored(this.#blocks, handle, this.#member);
    if (Object.is(old, score)) return;
    if (old !== score) {
      // Both places at once, then the old one goes: a failure leaves the set as it was.
      const { bytes, start, length } = this.#member.text();
      this.tree.seek(score, bytes, start, length);
      this.tree.insert(handle);
      this.#leaveOrder(handle);
    }
    writeScore(this.#blocks, handle, score);
  }

  /** Removes the member that `find` has just found. */
  remove(handle: number): void {
    this.table.remove();
    this.#leaveOrder(handle);
    this.#blocks.free(handle);
  }

  /** Removes the member where the tree stands (settled), whose hash this is. */
  removeHere(hash: number): void {
    const { handle } = this.tree;
    this.table.findHandle(hash, handle);
    this.table.remove();
    this.tree.removeHere();
    this.#blocks.free(handle);
  }

  /** How many members are before this one. */
  rank(handle: number): number {
    const score = readScored(this.#blocks, handle, this.#member);
    const { bytes, start, length } = this.#member.text();
    this.tree.seek(score, bytes, start, length);
    return this.tree.position;
  }

  /** Score of the member of a block. */
  score(handle: number): number {
    return readScore(this.#blocks, handle);
  }

  #leaveOrder(handle: number): void {
    const score = readScored(this.#blocks, handle, this.#member);
    const { bytes, start, length } = this.#member.text();
    this.tree.seek(score, bytes, start, length);
    this.tree.settle();
    this.tree.removeHere();
  }
}

/** Frees all of a sorted set, its root too, in slices. Nobody may read it from the start on. */
export function* freeSortedSet(blocks: Blocks, root: number): Generator<void, void, void> {
  yield* new ScoreTree(blocks).bind(blocks, root + TREE_AT).freeInSlices(false);
  yield* freeTable(blocks, root);
  blocks.free(root);
}

/**
 * Makes the new, empty sorted set at `toRoot` a copy of the one at `root`, in slices. The original must not change meanwhile. Throws
 * ArenaFull: what there is can be freed with freeSortedSet.
 */
export function* copySortedSet(
  from: Blocks,
  root: number,
  to: Blocks,
  toRoot: number,
  hashOf: HashOf,
): Generator<void, void, void> {
  yield* freeTable(to, toRoot);
  yield* copyTable(from, root, to, toRoot);
  const table = new MemberTable().bind(to, toRoot);
  const source = new ScoreTree(from).bind(from, root + TREE_AT);
  const tree = new ScoreTree(to).bind(to, toRoot + TREE_AT);
  const member = new Element();
  let copied = 0;
  for (source.seekFirst(); source.settle(); source.next()) {
    const score = readScored(from, source.handle, member);
    const { bytes, start, length } = member.text();
    const handle = table.find(hashOf(bytes, start, length), bytes, start, length);
    if (handle === 0) throw new Error("a member of a sorted set that its table does not find");
    tree.append(handle, score);
    if (++copied % MEMBERS_PER_SLICE === 0) yield;
  }
}
