/**
 * The short way to a large list's ends, where most is pushed and popped: one element in the first or last node (node-list.ts), as long as
 * nothing but that node and the weights above it changes. All else is NodeList's.
 */
import type { Element } from "../../encodings/element.ts";
import { Listpack } from "../../encodings/listpack.ts";
import { ListpackWriter, measureElement } from "../../encodings/listpack-writer.ts";
import { i32le } from "../../encodings/packed.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { type Blocks, placeOf } from "./blocks.ts";
import { NODE_FIRST, TreeRoot } from "./counted-tree.ts";
import { gapOf, listpackAt, moveStart } from "./list-node.ts";
import { exceedsNode, keepsBlock } from "./node-list.ts";

const LISTPACK_HEADER_BYTES = 6;
/** What an element may take beside its text. */
const ELEMENT_OVERHEAD_BYTES_MAX = 10;
/** What Redis assumes an element adds to its bytes. */
const ELEMENT_OVERHEAD_BYTES = 8;
/** Words of an entry of a list's tree: block or child, weight. */
const STRIDE = 2;

/** Elements of the list with this root. */
export function listCount(blocks: Blocks, root: number): number {
  const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
  return (words[((root & IN_WINDOW) << 1) + TreeRoot.WEIGHT] as number) >>> 0;
}

export class ListEnds {
  readonly #writer = new ListpackWriter();
  readonly #reader = new Listpack();
  #blocks: Blocks | null = null;
  #root = 0;
  #isHead = false;
  /** The node's entry: in these words, from here on. */
  #leaf: Int32Array = new Int32Array(STRIDE);
  #at = 0;
  /** The node's listpack: where it lies, and its bytes. */
  #handle = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #pos = 0;
  #total = 0;

  /** Adds an element to the node at the end; false, nothing changed, where that is not all there is to do. */
  push(
    blocks: Blocks,
    root: number,
    fill: number,
    text: Uint8Array,
    start: number,
    length: number,
    isHead: boolean,
  ): boolean {
    if (blocks.pins.count > 0 || !this.#seek(blocks, root, isHead)) return false;
    const total = this.#total;
    const weight = this.#leaf[this.#at + 1] as number;
    if (exceedsNode(fill, total + length + ELEMENT_OVERHEAD_BYTES, weight + 1)) return false;
    const pos = this.#pos;
    const writer = this.#writer.open(this.#bytes, pos);
    const handle = this.#handle;
    if (isHead) {
      const size = measureElement(text, start, length);
      if (size > gapOf(blocks, handle)) return false;
      writer.insertFirst(size, text, start, length);
      moveStart(blocks, handle, -size);
    } else {
      if (pos + total + length + ELEMENT_OVERHEAD_BYTES_MAX > placeOf(handle) + blocks.capacity(handle)) return false;
      writer.insertLast(text, start, length);
    }
    this.#weigh(1);
    return true;
  }

  /** Reads the element at the end, for `remove` to be called next; false where it cannot be. Valid until then. */
  read(blocks: Blocks, root: number, fill: number, isHead: boolean, into: Element): boolean {
    if (blocks.pins.count > 0 || !this.#seek(blocks, root, isHead)) return false;
    if ((this.#leaf[this.#at + 1] as number) < 2) return false;
    // A single node may have to become a packed list.
    const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
    const nodes = words[((root & IN_WINDOW) << 1) + TreeRoot.ENTRIES] as number;
    if (nodes === 1) return false;
    const total = this.#total;
    const pos = this.#pos;
    const reader = this.#reader.open(this.#bytes, pos, total);
    if (isHead) reader.next(into);
    else {
      reader.toEnd();
      reader.previous(into);
    }
    const size = isHead ? reader.pos - pos - LISTPACK_HEADER_BYTES : pos + total - 1 - reader.pos;
    // A node that has become much smaller than its block gets a smaller one.
    const capacity = blocks.capacity(this.#handle);
    return total - size > capacity / 2 || keepsBlock(fill, nodes, capacity);
  }

  /** Removes the element that `read` has just read. */
  remove(): void {
    const blocks = this.#blocks as Blocks;
    const pos = this.#pos;
    const at = this.#reader.pos;
    const writer = this.#writer.open(this.#bytes, pos);
    if (this.#isHead) moveStart(blocks, this.#handle, writer.removeFirst(1));
    else writer.remove(at);
    this.#weigh(-1);
  }

  /** Finds the node at an end; false where the list has none. */
  #seek(blocks: Blocks, root: number, isHead: boolean): boolean {
    this.#blocks = blocks;
    this.#root = root;
    this.#isHead = isHead;
    let words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
    let base = (root & IN_WINDOW) << 1;
    let node = words[base + TreeRoot.TOP] as number;
    if (node === 0) return false;
    for (let level = words[base + TreeRoot.HEIGHT] as number; ; level--) {
      words = blocks.words[node >>> WINDOW_SHIFT] as Int32Array;
      base = (node & IN_WINDOW) << 1;
      const at = base + NODE_FIRST + (isHead ? 0 : ((words[base] as number) - 1) * STRIDE);
      node = words[at] as number;
      if (level > 0) continue;
      this.#leaf = words;
      this.#at = at;
      break;
    }
    this.#handle = node;
    this.#bytes = blocks.windows[node >>> WINDOW_SHIFT] as Uint8Array;
    this.#pos = listpackAt(blocks, node);
    this.#total = i32le(this.#bytes, this.#pos);
    return true;
  }

  /** The node has one element more or less: so have all nodes above it, and the root. */
  #weigh(change: 1 | -1): void {
    const blocks = this.#blocks as Blocks;
    const isHead = this.#isHead;
    const root = this.#root;
    let words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
    let base = (root & IN_WINDOW) << 1;
    words[base + TreeRoot.WEIGHT] = (words[base + TreeRoot.WEIGHT] as number) + change;
    let node = words[base + TreeRoot.TOP] as number;
    for (let level = words[base + TreeRoot.HEIGHT] as number; level >= 0; level--) {
      words = blocks.words[node >>> WINDOW_SHIFT] as Int32Array;
      base = (node & IN_WINDOW) << 1;
      const at = base + NODE_FIRST + (isHead ? 0 : ((words[base] as number) - 1) * STRIDE);
      words[at + 1] = (words[at + 1] as number) + change;
      node = words[at] as number;
    }
  }
}
