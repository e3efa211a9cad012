/**
 * The order of a large sorted set: by score, then by the member's bytes. A counted tree (counted-tree.ts) whose key is
 *
 *   | score: upper half | score: lower half | member's block u32 |         12 bytes a member; member.ts draws the block
 *
 * The halves are the float64's bits turned so that they order as signed integers do. -0 stands as 0: they are equal in order; the
 * member's block has the score as it was given.
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { compareString } from "./block-string.ts";
import type { Blocks } from "./blocks.ts";
import { CountedTree } from "./counted-tree.ts";
import { readScore, SCORE_BYTES } from "./member.ts";

const SIGN = 0x80000000 | 0;
const SCORE = new Float64Array(1);
const SCORE_WORDS = new Int32Array(SCORE.buffer);

/** What of the key a search compares. */
const Compare = { BOTH: 0, SCORE: 1, MEMBER: 2 } as const;

export class ScoreTree extends CountedTree {
  #text: Uint8Array = new Uint8Array(0);
  #start = 0;
  #length = 0;
  #compare: number = Compare.BOTH;

  constructor(blocks: Blocks) {
    super(blocks, 3, 0);
  }

  /** Score of the member where this stands, as it was given. */
  get score(): number {
    return readScore(this.blocks, this.handle);
  }

  /** Stands at the first member with at least this score, with `isOpen` with more. Read it after settle(). */
  seekScore(score: number, isOpen: boolean): void {
    this.#setScore(score);
    this.#compare = Compare.SCORE;
    this.seekKey(isOpen);
  }

  /** Stands at the first member that is not before this text, with `isOpen` behind it. All scores must be equal. */
  seekMember(text: Uint8Array, start: number, length: number, isOpen: boolean): void {
    this.#setText(text, start, length);
    this.#compare = Compare.MEMBER;
    this.seekKey(isOpen);
  }

  /** Stands where the member with this score is or would be. */
  seek(score: number, text: Uint8Array, start: number, length: number): void {
    this.#setScore(score);
    this.#setText(text, start, length);
    this.#compare = Compare.BOTH;
    this.seekKey(false);
  }

  /** Adds the member's block, where `seek` has just put this. Throws ArenaFull, nothing changed. */
  insert(handle: number): void {
    this.key[2] = handle;
    this.insertHere(handle, 1);
  }

  /** Adds a member's block behind all others: nothing is compared. Throws ArenaFull, nothing changed. */
  append(handle: number, score: number): void {
    this.#setScore(score);
    this.seekEnd();
    this.insert(handle);
  }

  protected override compare(words: Int32Array, at: number): number {
    if (this.#compare !== Compare.MEMBER) {
      const { key } = this;
      const upper = words[at] as number;
      const wantedUpper = key[0] as number;
      if (upper !== wantedUpper) return upper < wantedUpper ? -1 : 1;
      const lower = words[at + 1] as number;
      const wantedLower = key[1] as number;
      if (lower !== wantedLower) return lower < wantedLower ? -1 : 1;
      if (this.#compare === Compare.SCORE) return 0;
    }
    const handle = words[at + 2] as number;
    const bytes = this.blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
    return compareString(bytes, ((handle & IN_WINDOW) << 3) + SCORE_BYTES, this.#text, this.#start, this.#length);
  }

  #setScore(score: number): void {
    SCORE[0] = score === 0 ? 0 : score;
    const upper = SCORE_WORDS[1] as number;
    const lower = SCORE_WORDS[0] as number;
    this.key[0] = upper < 0 ? upper ^ ~SIGN : upper;
    this.key[1] = (upper < 0 ? ~lower : lower) ^ SIGN;
  }

  #setText(text: Uint8Array, start: number, length: number): void {
    this.#text = text;
    this.#start = start;
    this.#length = length;
  }
}
