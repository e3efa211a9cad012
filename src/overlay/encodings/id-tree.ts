/**
 * The nodes of a large stream in order of their master IDs: a counted tree (counted-tree.ts) whose key is the ID, 128 bits as two unsigned
 * 64-bit numbers; its handle is that of the listpack's block. Also serves what else goes by an ID (pending entries). Weights are 1.
 *
 *   | ms: upper, lower | seq: upper, lower | block u32 | weight u32 |       the halves with their upper bit turned, to order as signed
 */
import type { Blocks } from "./blocks.ts";
import { CountedTree } from "./counted-tree.ts";

const SIGN = 0x80000000 | 0;

export class IdTree extends CountedTree {
  constructor(blocks: Blocks) {
    super(blocks, 4, 2);
  }

  /** Stands at the first node whose ID is not before this one, given as its four 32-bit words. Read it after settle(). */
  seekId(msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    this.#setKey(msHigh, msLow, seqHigh, seqLow);
    this.seekKey(false);
  }

  /** Stands at the node that would hold this ID: the last whose ID is not behind it; false where all are. */
  seekHolder(msHigh: number, msLow: number, seqHigh: number, seqLow: number): boolean {
    this.#setKey(msHigh, msLow, seqHigh, seqLow);
    this.seekKey(true);
    return this.previous();
  }

  /** Adds a node of an ID that is not there yet. Throws ArenaFull, nothing changed. */
  add(msHigh: number, msLow: number, seqHigh: number, seqLow: number, handle: number, weight: number): void {
    this.seekId(msHigh, msLow, seqHigh, seqLow);
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

  protected override compare(words: Int32Array, at: number): number {
    const { key } = this;
    for (let i = 0; i < 4; i++) {
      const mine = words[at + i] as number;
      const wanted = key[i] as number;
      if (mine !== wanted) return mine < wanted ? -1 : 1;
    }
    return 0;
  }

  #setKey(msHigh: number, msLow: number, seqHigh: number, seqLow: number): void {
    const { key } = this;
    key[0] = msHigh ^ SIGN;
    key[1] = msLow ^ SIGN;
    key[2] = seqHigh ^ SIGN;
    key[3] = seqLow ^ SIGN;
  }
}
