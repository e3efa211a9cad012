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
/** Keys that are looked at. */
const KEYS_MAX = 128;

/** Counts the radix tree's nodes for keys of KEY_BYTES that come one by one in ascending order. */
export class RadixShape {
  #keys = 0;
  #inner = 0;
  /** Depths of the branchings on the way to the last key, from the root down. */
  readonly #branches: number[] = [];
  readonly #last = new Uint8Array(KEY_BYTES);

  add(bytes: Uint8Array, start: number): void {
    if (this.#keys++ > 0) this.#branchAt(this.#shared(bytes, start));
    for (let i = 0; i < KEY_BYTES; i++) this.#last[i] = bytes[start + i] as number;
  }

  /** The number of nodes; call once, after the last key. */
  finish(): number {
    if (this.#keys === 0) return 1;
    const top = this.#close(-1);
    if (top > 0) this.#inner++;
    return this.#keys + this.#inner;
  }

  #shared(bytes: Uint8Array, start: number): number {
    let shared = 0;
    while (shared < KEY_BYTES - 1 && this.#last[shared] === bytes[start + shared]) shared++;
    return shared;
  }

  #branchAt(depth: number): void {
    const child = this.#close(depth);
    if (this.#branches.at(-1) !== depth) {
      this.#branches.push(depth);
      this.#inner++;
    }
    if (child > depth + 1) this.#inner++;
  }

  /** Ends the branchings below `depth`, counting the runs between them; the depth of the topmost of what has ended. */
  #close(depth: number): number {
    let child = KEY_BYTES;
    for (let top = this.#branches.at(-1); top !== undefined && top > depth; top = this.#branches.at(-1)) {
      if (child > top + 1) this.#inner++;
      child = top;
      this.#branches.pop();
    }
    return child;
  }
}

/**
 * The number of radix tree nodes of an open stream; of one with many listpacks it is reckoned from the first of them. Ends its iteration.
 * Throws FormatError.
 */
export function radixNodeCount(stream: StreamReader): number {
  const key = new Uint8Array(KEY_BYTES);
  const shape = new RadixShape();
  const { nodeCount } = stream;
  const looked = Math.min(nodeCount, KEYS_MAX);
  stream.eachNode(looked, (id) => {
    id.writeBytes(key, 0);
    shape.add(key, 0);
  });
  const inner = shape.finish() - looked;
  return nodeCount + (looked === nodeCount ? inner : Math.round((inner / looked) * nodeCount));
}
