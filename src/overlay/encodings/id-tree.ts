/**
 * The nodes of a large stream in order of their master IDs: a counted tree (counted-tree.ts) whose key is the ID, 128 bits as two unsigned
 * 64-bit numbers; its handle is that of the listpack's block. Also serves what else goes by an ID (pending entries). Weights are 1.
 *
 *   | ms: upper, lower | seq: upper, lower | block u32 | weight u32 |       the halves with their upper bit turned, to order as signed
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";
import { CountedTree, NODE_FIRST, TreeRoot } from "./counted-tree.ts";

const SIGN = 0x80000000 | 0;
const ID_WORDS = 4;
/** Words of an entry, on every level: the ID, block or child, weight. */
const STRIDE = ID_WORDS + 2;

export class IdTree extends CountedTree {
  constructor(blocks: Blocks) {
    super(blocks, ID_WORDS, 2);
  }

  /** Stands at the first node whose ID is not before this one, given as its four 32-bit words. Read it after settle(). */
  seekId(msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    this.#setKey(msHigh, msLow, seqHigh, seqLow);
    this.seekKey(false);
  }

  /** As seekId, of an ID that is behind all others mostly. */
  seekLate(msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    this.#setKey(msHigh, msLow, seqHigh, seqLow);
    this.seekLast();
    if (this.entries > 0 && this.#isHereBefore()) this.next();
    else this.seekKey(false);
  }

  /** Stands at the node that would hold this ID: the last whose ID is not behind it; false where all are. */
  seekHolder(msHigh: number, msLow: number, seqHigh: number, seqLow: number): boolean {
    this.#setKey(msHigh, msLow, seqHigh, seqLow);
    this.seekKey(true);
    return this.previous();
  }

  /** Adds a node of an ID that is not there yet. Throws ArenaFull, nothing changed. */
  add(msHigh: number, msLow: number, seqHigh: number, seqLow: number, handle: number, weight: number): void {
    this.seekLate(msHigh, msLow, seqHigh, seqLow);
    this.insertHere(handle, weight);
  }

  /** As add, of the ID that seekId has just not found, whether or not it has settled. */
  addSought(handle: number, weight: number): void {
    this.insertHere(handle, weight);
  }

  /** Word 0 … 3 of the node's ID: ms high, ms low, seq high, seq low; as int32. */
  idWord(word: number): number {
    return this.keyWord(word) ^ SIGN;
  }

  /** The first IDs, four words each as idWord has them, as many as have room; how many they are. Does not move. */
  first(into: Int32Array): number {
    const top = this.rootWord(TreeRoot.TOP);
    return top === 0 ? 0 : this.#collect(top, this.rootWord(TreeRoot.HEIGHT), into, 0);
  }

  /** Puts the IDs below a node behind `count` others; how many there are then. */
  #collect(node: number, level: number, into: Int32Array, count: number): number {
    const words = this.blocks.words[node >>> WINDOW_SHIFT] as Int32Array;
    const base = (node & IN_WINDOW) << 1;
    const room = Math.floor(into.length / ID_WORDS);
    let collected = count;
    let at = base + NODE_FIRST;
    for (let left = words[base] as number; left > 0 && collected < room; left--, at += STRIDE) {
      if (level > 0) {
        collected = this.#collect(words[at + ID_WORDS] as number, level - 1, into, collected);
        continue;
      }
      const to = collected++ * ID_WORDS;
      for (let i = 0; i < ID_WORDS; i++) into[to + i] = (words[at + i] as number) ^ SIGN;
    }
    return collected;
  }

  protected override compare(words: Int32Array, at: number): number {
    const { key } = this;
    for (let i = 0; i < 4; i++) {
      const mine = words[at + i] as number;
      const wanted = key[i] as number;
      if (mine !== wanted) return mine < wanted ? -1 : 1;
    }
    return 0;
  }

  /** Whether the node where this stands is before the ID that is sought. */
  #isHereBefore(): boolean {
    const { key } = this;
    for (let i = 0; i < ID_WORDS; i++) {
      const mine = this.keyWord(i);
      const wanted = key[i] as number;
      if (mine !== wanted) return mine < wanted;
    }
    return false;
  }

  #setKey(msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    const { key } = this;
    key[0] = msHigh ^ SIGN;
    key[1] = msLow ^ SIGN;
    key[2] = seqHigh ^ SIGN;
    key[3] = seqLow ^ SIGN;
  }
}
