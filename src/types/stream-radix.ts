/**
 * How many nodes the radix tree of a stream would have in Redis, for XINFO STREAM: the tree maps the 16-byte first ids of
 * the stream's listpacks to them. A node is the root or an end of a key, a branching, or a run of bytes without one:
 *
 *   keys 1a7 1b2 1b9        "1" ─► branching ─┬─ a ─► "7" ─► end          5 + 3 ends
 *                                             └─ b ─► branching ─┬─ 2 ─► end
 *                                                                └─ 9 ─► end
 *
 * The keys come in order, so the shape follows from what each shares with the one before: no tree is built.
 */
import type { StreamReader } from "./stream.ts";

const KEY_BYTES = 16;
export const KEY_WORDS = 4;
/** Of more keys than that only some are looked at. */
const KEYS_MAX = 128;
const SAMPLED_KEYS = 48;
const KEYS = new Int32Array(KEYS_MAX * KEY_WORDS);
const SAMPLE = KEYS.subarray(0, SAMPLED_KEYS * KEY_WORDS);

/** Counts the radix tree's nodes for keys in ascending order: IDs as four words each, the upper ones first. */
export class RadixShape {
  #inner = 0;
  /** Depths of the branchings on the way to the last key, from the root down, and how many they are. */
  readonly #branches = new Int32Array(KEY_BYTES);
  #depth = 0;

  /** The number of nodes for the first `count` of these keys. */
  count(keys: Int32Array, count: number): number {
    if (count === 0) return 1;
    this.#inner = this.#depth = 0;
    for (let at = KEY_WORDS; at < count * KEY_WORDS; at += KEY_WORDS) this.#branchAt(shared(keys, at));
    const top = this.#close(-1);
    if (top > 0) this.#inner++;
    return count + this.#inner;
  }

  #branchAt(depth: number): void {
    const child = this.#close(depth);
    const branches = this.#branches;
    if (this.#depth === 0 || branches[this.#depth - 1] !== depth) {
      branches[this.#depth++] = depth;
      this.#inner++;
    }
    if (child > depth + 1) this.#inner++;
  }

  /** Ends the branchings below `depth`, counting the runs between them; the depth of the topmost of what has ended. */
  #close(depth: number): number {
    const branches = this.#branches;
    let child = KEY_BYTES;
    while (this.#depth > 0) {
      const top = branches[this.#depth - 1] as number;
      if (top <= depth) break;
      if (child > top + 1) this.#inner++;
      child = top;
      this.#depth--;
    }
    return child;
  }
}

const SHAPE = new RadixShape();

/** Bytes that the key whose words begin at keys[at] and the one before it begin with alike; of equal ones all but the last. */
function shared(keys: Int32Array, at: number): number {
  for (let word = 0; word < KEY_WORDS; word++) {
    const differing = (keys[at + word] as number) ^ (keys[at + word - KEY_WORDS] as number);
    if (differing !== 0) return word * 4 + (Math.clz32(differing) >>> 3);
  }
  return KEY_BYTES - 1;
}

/** The number of radix tree nodes of an open stream; of one with many listpacks it is reckoned from the first of them. */
export function radixNodeCount(stream: StreamReader): number {
  const { nodeCount } = stream;
  const looked = stream.firstNodes(nodeCount > KEYS_MAX ? SAMPLE : KEYS);
  const inner = SHAPE.count(KEYS, looked) - looked;
  return nodeCount + (looked === nodeCount ? inner : Math.round((inner / looked) * nodeCount));
}
