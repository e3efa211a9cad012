/**
 * Copies of a large list's nodes at one end: many elements that are taken off are gone at one moment, and replied in slices from these
 * copies, whatever becomes of the list meanwhile. A node is copied in a fraction of the time that its elements take to be replied.
 */
import type { Element } from "../encodings/element.ts";
import { Listpack } from "../encodings/listpack.ts";
import type { NodeList } from "../overlay/encodings/node-list.ts";
import { Span } from "../util/span.ts";

export class NodeCopies {
  readonly #isHead: boolean;
  readonly #nodes: Uint8Array[] = [];
  readonly #reader = new Listpack();
  /** Of these, the one that is read. */
  #node = -1;

  /** The nodes that hold the first (or last) `count` elements; `list` has as many. */
  constructor(list: NodeList, count: number, isHead: boolean) {
    this.#isHead = isHead;
    const node = new Span();
    if (isHead) list.seekFirst();
    else list.seekLast();
    for (let held = 0; held < count; ) {
      list.readNode(node);
      this.#nodes.push(node.copy());
      held += list.weight;
      if (held < count && !(isHead ? list.next() : list.previous())) break;
    }
  }

  /** Reads the next element from that end on; false behind the last one that was copied. */
  next(into: Element): boolean {
    const reader = this.#reader;
    while (this.#node < 0 || !(this.#isHead ? reader.next(into) : reader.previous(into))) {
      const bytes = this.#nodes[++this.#node];
      if (bytes === undefined) return false;
      reader.open(bytes, 0, bytes.length);
      if (!this.#isHead) reader.toEnd();
    }
    return true;
  }
}
