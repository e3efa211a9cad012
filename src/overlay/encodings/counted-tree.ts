/**
 * A B+tree in blocks whose inner nodes know how much lies below them: the order of sorted sets, of a list's nodes, of a stream's nodes.
 *
 *   root    | top | height | entries | weight u32 | 16 bytes of the user's |            top 0: empty; height 0: top is a leaf
 *   node    | count | bytes | entry | entry | … |                                       2 KiB; the only leaf may be smaller
 *   leaf's entry    | key | handle u32 | weight u32 |     handle: the user's block; weight: elements in it
 *   inner's entry   | key | child u32 | weight u32 |      key: exactly that of the first entry below; weight: sum of those below
 *
 * What a key is, the subclass says (int32 words in order, compared as signed): nothing in a list, 128 bits in a stream, score and member in a
 * sorted set, whose leaves have no payload, since the key names the member and its weight is 1.
 *
 * An instance stands at an entry: the seeks put it there, next() and previous() move it, changes mean it. A change ends that: seek again.
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";
import { baseOf, freeNodes } from "./free-nodes.ts";

export const TREE_ROOT_BYTES = 32;
/** Words of the root. */
export const TreeRoot = { TOP: 0, HEIGHT: 1, ENTRIES: 2, WEIGHT: 3, USER: 4 } as const;
const NODE_BYTES_MIN = 64;
const NODE_BYTES = 2048;
/** Words of a node. */
const COUNT = 0;
const BYTES = 1;
export const NODE_FIRST = 2;
/** Weights are written in 32 bits. */
const WEIGHT_MAX = 2 ** 32 - 1;
/** 2^32 handles, and at least a quarter of 100 entries in a node. */
const LEVELS_MAX = 16;
const KEY_WORDS_MAX = 4;

export abstract class CountedTree {
  /** After seekWeight: how far behind the entry's first element the position is. */
  offset = 0;
  protected blocks: Blocks;
  protected root = 0;
  /** The key that is sought or inserted. */
  protected readonly key = new Int32Array(KEY_WORDS_MAX);
  readonly #keyWords: number;
  /** Words of entries. */
  readonly #leafStride: number;
  readonly #innerStride: number;
  /** From the top (0) to the leaf (height): the node, and which of its entries. */
  readonly #nodes = new Int32Array(LEVELS_MAX);
  readonly #indexes = new Int32Array(LEVELS_MAX);
  readonly #entry = new Int32Array(KEY_WORDS_MAX + 2);
  readonly #fresh = new Int32Array(LEVELS_MAX);
  /** The tree's height at the last seek, -1: it is empty. */
  #height = -1;
  /** The leaf that a walk is in, 0: not known since the seek; its words, its first entry's, its entries. */
  #leaf = 0;
  #leafWords: Int32Array = new Int32Array(0);
  #leafFirst = 0;
  #leafCount = 0;

  /** `payloadWords`: 2, or 0 where the last word of the key is the handle and every weight 1. */
  constructor(blocks: Blocks, keyWords: number, payloadWords: 0 | 2) {
    this.blocks = blocks;
    this.#keyWords = keyWords;
    this.#leafStride = keyWords + payloadWords;
    this.#innerStride = keyWords + 2;
  }

  /** Writes the root of an empty tree into TREE_ROOT_BYTES bytes at `root`. */
  static createAt(blocks: Blocks, root: number): void {
    const at = (root & IN_WINDOW) << 1;
    (blocks.words[root >>> WINDOW_SHIFT] as Int32Array).fill(0, at, at + TREE_ROOT_BYTES / 4);
  }

  bind(blocks: Blocks, root: number): this {
    this.blocks = blocks;
    this.root = root;
    return this;
  }

  /** Number of entries. */
  get entries(): number {
    return this.rootWord(TreeRoot.ENTRIES) >>> 0;
  }

  /** Sum of all weights. */
  get total(): number {
    return this.rootWord(TreeRoot.WEIGHT) >>> 0;
  }

  /** <0, 0, >0 as the key whose words begin at words[at] is before, at or behind the one that is sought. */
  protected abstract compare(words: Int32Array, at: number): number;

  /** Stands at the first entry that is not before the sought key, with `isBehind` at the first behind it; or at the end. */
  protected seekKey(isBehind: boolean): void {
    let node = this.#begin();
    const height = this.#height;
    if (node === 0) return;
    for (let level = 0; ; level++) {
      const words = this.#words(node);
      const base = baseOf(node);
      const isLeaf = level === height;
      const stride = isLeaf ? this.#leafStride : this.#innerStride;
      let low = 0;
      let high = words[base + COUNT] as number;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const order = this.compare(words, base + NODE_FIRST + middle * stride);
        if (order < 0 || (isBehind && order === 0)) low = middle + 1;
        else high = middle;
      }
      this.#nodes[level] = node;
      if (isLeaf) {
        this.#indexes[level] = low;
        return;
      }
      const index = low > 0 ? low - 1 : 0;
      this.#indexes[level] = index;
      node = words[base + NODE_FIRST + index * stride + this.#keyWords] as number;
    }
  }

  /** Stands at the entry that holds element `position`; `offset` is which of its elements. At the end where there are no more. */
  seekWeight(position: number): void {
    let node = this.#begin();
    const height = this.#height;
    let left = position;
    if (node === 0) return;
    for (let level = 0; ; level++) {
      const words = this.#words(node);
      const base = baseOf(node);
      const count = words[base + COUNT] as number;
      let index = 0;
      const isLeaf = level === height;
      if (isLeaf && this.#leafStride === this.#keyWords) {
        index = Math.min(left, count);
        left = 0;
      } else {
        const stride = isLeaf ? this.#leafStride : this.#innerStride;
        const last = isLeaf ? count : count - 1;
        for (let at = base + NODE_FIRST + this.#keyWords + 1; index < last; index++, at += stride) {
          const weight = (words[at] as number) >>> 0;
          if (left < weight) break;
          left -= weight;
        }
      }
      this.#nodes[level] = node;
      this.#indexes[level] = index;
      if (isLeaf) {
        this.offset = left;
        return;
      }
      node = words[base + NODE_FIRST + index * this.#innerStride + this.#keyWords] as number;
    }
  }

  /** Stands at the first entry. */
  seekFirst(): void {
    this.#dive(0, this.#begin(), false);
  }

  /** Stands at the last entry. */
  seekLast(): void {
    this.#dive(0, this.#begin(), true);
  }

  /** Stands behind the last entry. */
  seekEnd(): void {
    this.seekLast();
    const height = this.#height;
    if (height >= 0) this.#indexes[height] = (this.#indexes[height] as number) + 1;
  }

  /** Whether an entry is there: false at the end. Moves from behind a leaf to the next one. */
  settle(): boolean {
    const height = this.#height;
    if (height < 0) return false;
    if ((this.#indexes[height] as number) < this.#count(height)) return true;
    for (let level = height - 1; level >= 0; level--) {
      const index = (this.#indexes[level] as number) + 1;
      if (index === this.#count(level)) continue;
      this.#indexes[level] = index;
      this.#dive(level + 1, this.#childAt(level, index), false);
      return true;
    }
    return false;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const height = this.#height;
    if (height < 0) return false;
    const index = (this.#indexes[height] as number) + 1;
    this.#indexes[height] = index;
    if (this.#nodes[height] !== this.#leaf) this.#enter(height);
    return index < this.#leafCount || this.settle();
  }

  #enter(height: number): void {
    const node = this.#nodes[height] as number;
    this.#leaf = node;
    this.#leafWords = this.#words(node);
    this.#leafFirst = baseOf(node) + NODE_FIRST;
    this.#leafCount = this.#count(height);
  }

  /** Moves to the entry before; false, nothing moved, where this is the first. */
  previous(): boolean {
    for (let level = this.#height; level >= 0; level--) {
      const index = (this.#indexes[level] as number) - 1;
      if (index < 0) continue;
      this.#indexes[level] = index;
      if (level < this.#height) this.#dive(level + 1, this.#childAt(level, index), true);
      return true;
    }
    return false;
  }

  /** Sum of the weights before the entry. */
  get position(): number {
    const height = this.#height;
    let sum = 0;
    for (let level = 0; level <= height; level++) {
      const index = this.#indexes[level] as number;
      if (level === height && this.#leafStride === this.#keyWords) return sum + index;
      sum += this.#sum(level, index);
    }
    return sum;
  }

  /** The user's block of the entry. */
  get handle(): number {
    const height = this.#height;
    if (this.#nodes[height] !== this.#leaf) this.#enter(height);
    const handleAt = this.#leafStride === this.#keyWords ? this.#keyWords - 1 : this.#keyWords;
    return this.#leafWords[this.#leafFirst + (this.#indexes[height] as number) * this.#leafStride + handleAt] as number;
  }

  set handle(handle: number) {
    const height = this.#height;
    this.#words(this.#nodes[height] as number)[this.#at(height) + this.#keyWords] = handle;
  }

  get weight(): number {
    if (this.#leafStride === this.#keyWords) return 1;
    const height = this.#height;
    return (this.#words(this.#nodes[height] as number)[this.#at(height) + this.#keyWords + 1] as number) >>> 0;
  }

  set weight(weight: number) {
    const change = weight - this.weight;
    if (change === 0) return;
    this.#checkTotal(change);
    for (let level = this.#height; level >= 0; level--) {
      const words = this.#words(this.#nodes[level] as number);
      const at = this.#at(level) + this.#keyWords + 1;
      words[at] = (words[at] as number) + change;
    }
    this.setRootWord(TreeRoot.WEIGHT, this.total + change);
  }

  /** Word `word` of the entry's key. */
  protected keyWord(word: number): number {
    const height = this.#height;
    return this.#words(this.#nodes[height] as number)[this.#at(height) + word] as number;
  }

  /** Inserts an entry with the sought key before the one where this stands. Throws ArenaFull, RangeError: nothing changed. */
  protected insertHere(handle: number, weight: number): void {
    this.#checkTotal(weight);
    this.#leaf = 0;
    if (this.#height < 0) {
      this.setRootWord(TreeRoot.TOP, this.#newNode(NODE_BYTES_MIN));
      this.seekFirst();
    }
    const height = this.#height;
    if (height === 0 && this.#isFull(0) && this.#bytes(0) < NODE_BYTES) this.#growLeaf();
    const isAtEnd = this.#isAtEnd();
    this.#allocateFresh();
    const entry = this.#entry;
    entry.set(this.key);
    if (this.#leafStride > this.#keyWords) {
      entry[this.#keyWords] = handle;
      entry[this.#keyWords + 1] = weight;
    }
    let index = this.#indexes[height] as number;
    let isPending = true;
    for (let level = height, splits = 0; level >= 0; level--) {
      let isSplit = false;
      if (isPending) {
        isSplit = this.#isFull(level);
        this.#put(level, index, isSplit ? (this.#fresh[splits++] as number) : 0, isAtEnd);
      }
      isPending = isSplit;
      if (level > 0) {
        if (isSplit) this.#noteChild(level - 1, level);
        else this.#noteChange(level - 1, level, weight);
        index = (this.#indexes[level - 1] as number) + 1;
      } else if (isSplit) this.#raise(this.#fresh[splits] as number);
    }
    this.setRootWord(TreeRoot.ENTRIES, this.entries + 1);
    this.setRootWord(TreeRoot.WEIGHT, this.total + weight);
  }

  /** Removes the entry; its block stays the caller's. */
  removeHere(): void {
    const { weight } = this;
    this.#leaf = 0;
    const height = this.#height;
    this.#take(height, this.#indexes[height] as number);
    for (let level = height - 1; level >= 0; level--) {
      if (this.#count(level + 1) === 0) {
        this.blocks.free(this.#nodes[level + 1] as number);
        this.#take(level, this.#indexes[level] as number);
      } else {
        this.#noteChange(level, level + 1, -weight);
        this.#join(level);
      }
    }
    this.setRootWord(TreeRoot.ENTRIES, this.entries - 1);
    this.setRootWord(TreeRoot.WEIGHT, this.total - weight);
    this.#lower();
  }

  protected rootWord(word: number): number {
    const { root } = this;
    return (this.blocks.words[root >>> WINDOW_SHIFT] as Int32Array)[((root & IN_WINDOW) << 1) + word] as number;
  }

  protected setRootWord(word: number, value: number): void {
    const { root } = this;
    (this.blocks.words[root >>> WINDOW_SHIFT] as Int32Array)[((root & IN_WINDOW) << 1) + word] = value;
  }

  /**
   * Frees the nodes, and with `freesBlocks` the users' blocks; the root is the caller's. Yields after each leaf. Nobody may use the tree
   * from the start on, and this instance not for another one until the end.
   */
  *freeInSlices(freesBlocks: boolean): Generator<void, void, void> {
    const top = this.rootWord(TreeRoot.TOP);
    const height = this.rootWord(TreeRoot.HEIGHT);
    this.setRootWord(TreeRoot.TOP, 0);
    this.setRootWord(TreeRoot.ENTRIES, 0);
    this.setRootWord(TreeRoot.WEIGHT, 0);
    const shape = { keyWords: this.#keyWords, leafStride: this.#leafStride, innerStride: this.#innerStride };
    if (top !== 0) yield* freeNodes(this.blocks, top, height, shape, freesBlocks);
  }

  /** The top, as a seek begins. */
  #begin(): number {
    const top = this.rootWord(TreeRoot.TOP);
    this.#leaf = 0;
    this.#height = top === 0 ? -1 : this.rootWord(TreeRoot.HEIGHT);
    return top;
  }

  #words(node: number): Int32Array {
    return this.blocks.words[node >>> WINDOW_SHIFT] as Int32Array;
  }

  #count(level: number): number {
    const node = this.#nodes[level] as number;
    return this.#words(node)[baseOf(node) + COUNT] as number;
  }

  #bytes(level: number): number {
    const node = this.#nodes[level] as number;
    return this.#words(node)[baseOf(node) + BYTES] as number;
  }

  #stride(level: number): number {
    return level === this.#height ? this.#leafStride : this.#innerStride;
  }

  #capacity(level: number): number {
    return Math.floor((this.#bytes(level) / 4 - NODE_FIRST) / this.#stride(level));
  }

  #isFull(level: number): boolean {
    return this.#count(level) === this.#capacity(level);
  }

  /** First word of the entry where this stands on a level. */
  #at(level: number): number {
    return baseOf(this.#nodes[level] as number) + NODE_FIRST + (this.#indexes[level] as number) * this.#stride(level);
  }

  #childAt(level: number, index: number): number {
    const node = this.#nodes[level] as number;
    const at = baseOf(node) + NODE_FIRST + index * this.#innerStride + this.#keyWords;
    return this.#words(node)[at] as number;
  }

  /** From a node of this level down to its first or last entry. */
  #dive(level: number, node: number, isLast: boolean): void {
    const height = this.#height;
    if (node === 0) return;
    let at = node;
    for (let i = level; ; i++) {
      this.#nodes[i] = at;
      const index = isLast ? this.#count(i) - 1 : 0;
      this.#indexes[i] = index;
      if (i === height) return;
      at = this.#childAt(i, index);
    }
  }

  /** Sum of the weights of the node's entries before `index`. */
  #sum(level: number, index: number): number {
    const node = this.#nodes[level] as number;
    const stride = this.#stride(level);
    if (stride === this.#keyWords) return index;
    const words = this.#words(node);
    const first = baseOf(node) + NODE_FIRST + this.#keyWords + 1;
    let sum = 0;
    for (let at = first; at < first + index * stride; at += stride) sum += (words[at] as number) >>> 0;
    return sum;
  }

  #checkTotal(change: number): void {
    if (this.total + change > WEIGHT_MAX) throw new RangeError("more than 2^32 - 1 elements in one collection");
  }

  /** Whether this stands behind the last of all entries. */
  #isAtEnd(): boolean {
    const height = this.#height;
    for (let level = 0; level < height; level++) {
      if (this.#indexes[level] !== this.#count(level) - 1) return false;
    }
    return this.#indexes[height] === this.#count(height);
  }

  #newNode(bytes: number): number {
    const node = this.blocks.allocate(bytes);
    const words = this.#words(node);
    words[baseOf(node) + COUNT] = 0;
    words[baseOf(node) + BYTES] = bytes;
    return node;
  }

  /** The only leaf, twice as large. */
  #growLeaf(): void {
    const old = this.#nodes[0] as number;
    const bytes = this.#bytes(0);
    const node = this.#newNode(bytes * 2);
    const words = this.#words(node);
    const from = this.#words(old);
    const at = baseOf(node);
    const start = baseOf(old);
    for (let i = NODE_FIRST; i < bytes / 4; i++) words[at + i] = from[start + i] as number;
    words[at + COUNT] = from[start + COUNT] as number;
    this.blocks.free(old);
    this.#nodes[0] = node;
    this.setRootWord(TreeRoot.TOP, node);
  }

  /** A node for each one that will be split, and a top if all are: before anything is changed. */
  #allocateFresh(): void {
    let wanted = 0;
    let level = this.#height;
    for (; level >= 0 && this.#isFull(level); level--) wanted++;
    if (level < 0) wanted++;
    let count = 0;
    try {
      for (; count < wanted; count++) this.#fresh[count] = this.#newNode(NODE_BYTES);
    } catch (error) {
      while (count > 0) this.blocks.free(this.#fresh[--count] as number);
      throw error;
    }
  }

  /**
   * Puts #entry at `index` of the level's node; with `fresh`, that node is split first and #entry is then what leads to the new one.
   * What is added at the end of all leaves full nodes behind it, what is added at the front before it.
   */
  #put(level: number, index: number, fresh: number, isAtEnd: boolean): void {
    const node = this.#nodes[level] as number;
    const count = this.#count(level);
    const stride = this.#stride(level);
    if (fresh === 0) {
      this.#write(node, index, stride);
      return;
    }
    const isAtFront = index === 0 && level === this.#height && this.position === 0;
    const middle = isAtEnd && index === count ? count : isAtFront ? 0 : count >>> 1;
    const words = this.#words(node);
    const target = this.#words(fresh);
    const from = baseOf(node) + NODE_FIRST + middle * stride;
    const to = baseOf(fresh) + NODE_FIRST;
    for (let i = 0; i < (count - middle) * stride; i++) target[to + i] = words[from + i] as number;
    words[baseOf(node) + COUNT] = middle;
    target[baseOf(fresh) + COUNT] = count - middle;
    if (index <= middle && middle < count) this.#write(node, index, stride);
    else this.#write(fresh, index - middle, stride);
    const entry = this.#entry;
    for (let i = 0; i < this.#keyWords; i++) entry[i] = target[to + i] as number;
    this.#nodes[level] = fresh;
    entry[this.#keyWords] = fresh;
    entry[this.#keyWords + 1] = this.#sum(level, target[baseOf(fresh) + COUNT] as number);
    this.#nodes[level] = node;
  }

  /** Writes #entry at `index` of a node, moving on what follows. */
  #write(node: number, index: number, stride: number): void {
    const words = this.#words(node);
    const base = baseOf(node);
    const count = words[base + COUNT] as number;
    const at = base + NODE_FIRST + index * stride;
    if (index < count) words.copyWithin(at + stride, at, base + NODE_FIRST + count * stride);
    for (let i = 0; i < stride; i++) words[at + i] = this.#entry[i] as number;
    words[base + COUNT] = count + 1;
  }

  /** Removes the entry at `index` of the level's node. */
  #take(level: number, index: number): void {
    const node = this.#nodes[level] as number;
    const words = this.#words(node);
    const base = baseOf(node);
    const stride = this.#stride(level);
    const count = words[base + COUNT] as number;
    const at = base + NODE_FIRST + index * stride;
    if (index < count - 1) words.copyWithin(at, at + stride, base + NODE_FIRST + count * stride);
    words[base + COUNT] = count - 1;
  }

  /** The entry of a level has the first key of the node below it, whose weight has changed by so much. */
  #noteChange(level: number, below: number, change: number): void {
    const words = this.#words(this.#nodes[level] as number);
    const child = this.#nodes[below] as number;
    const from = this.#words(child);
    const first = baseOf(child) + NODE_FIRST;
    const at = this.#at(level);
    for (let i = 0; i < this.#keyWords; i++) words[at + i] = from[first + i] as number;
    words[at + this.#keyWords + 1] = (words[at + this.#keyWords + 1] as number) + change;
  }

  /** The entry of a level has the first key and the weight of the node below it, whatever it had. */
  #noteChild(level: number, below: number): void {
    const words = this.#words(this.#nodes[level] as number);
    words[this.#at(level) + this.#keyWords + 1] = 0;
    this.#noteChange(level, below, this.#sum(below, this.#count(below)));
  }

  /** A new top over the old one and the node that #entry leads to. */
  #raise(top: number): void {
    const entry = this.#entry;
    const old = this.rootWord(TreeRoot.TOP);
    this.#write(top, 0, this.#innerStride);
    const words = this.#words(old);
    const first = baseOf(old) + NODE_FIRST;
    for (let i = 0; i < this.#keyWords; i++) entry[i] = words[first + i] as number;
    entry[this.#keyWords] = old;
    entry[this.#keyWords + 1] = this.#sum(0, words[baseOf(old) + COUNT] as number);
    this.#write(top, 0, this.#innerStride);
    this.setRootWord(TreeRoot.TOP, top);
    this.setRootWord(TreeRoot.HEIGHT, this.rootWord(TreeRoot.HEIGHT) + 1);
  }

  /** Joins the node below a level's entry with a neighbour of the same parent, when it is nearly empty and both fit into one. */
  #join(level: number): void {
    const below = level + 1;
    const count = this.#count(below);
    const capacity = this.#capacity(below);
    if (count >= capacity >>> 2) return;
    const index = this.#indexes[level] as number;
    for (let left = index; left >= index - 1; left--) {
      if (left < 0 || left + 1 >= this.#count(level)) continue;
      const lower = this.#childAt(level, left);
      const upper = this.#childAt(level, left + 1);
      const words = this.#words(lower);
      const from = this.#words(upper);
      const kept = words[baseOf(lower) + COUNT] as number;
      const moved = from[baseOf(upper) + COUNT] as number;
      if (kept + moved > capacity) continue;
      const stride = this.#stride(below);
      const to = baseOf(lower) + NODE_FIRST + kept * stride;
      for (let i = 0; i < moved * stride; i++) words[to + i] = from[baseOf(upper) + NODE_FIRST + i] as number;
      words[baseOf(lower) + COUNT] = kept + moved;
      this.blocks.free(upper);
      this.#take(level, left + 1);
      this.#nodes[below] = lower;
      this.#indexes[level] = left;
      this.#noteChild(level, below);
      return;
    }
  }

  /** A top with one child gives way to it; an empty tree has none. */
  #lower(): void {
    for (;;) {
      const top = this.rootWord(TreeRoot.TOP);
      const height = this.rootWord(TreeRoot.HEIGHT);
      const words = this.#words(top);
      const count = words[baseOf(top) + COUNT] as number;
      if (height === 0 ? count > 0 : count > 1) return;
      const child = words[baseOf(top) + NODE_FIRST + this.#keyWords] as number;
      this.blocks.free(top);
      this.setRootWord(TreeRoot.TOP, height === 0 || count === 0 ? 0 : child);
      this.setRootWord(TreeRoot.HEIGHT, height === 0 || count === 0 ? 0 : height - 1);
      if (height === 0 || count === 0) return;
    }
  }
}
