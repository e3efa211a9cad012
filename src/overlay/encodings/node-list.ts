/**
 * A large list: listpacks of elements, as Redis's quicklist has them, in a counted tree without keys (counted-tree.ts).
 *
 *   tree's leaf   | block u32, elements u32 | block u32, elements u32 | …
 *   block         | start | gap | listpack | room |                             list-node.ts
 *
 * How large a node may become is list-max-listpack-size (`fill`): -1 … -5: 4, 8, 16, 32, 64 KiB; else elements, but 8 KiB at most. An
 * element longer than that has a node of its own. Node sizes are as Redis's for pushes and pops; where the middle changes, neighbours may
 * be divided otherwise.
 */
import type { Element } from "../../encodings/element.ts";
import { Listpack } from "../../encodings/listpack.ts";
import {
  LISTPACK_BYTES_MAX,
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../../encodings/listpack-writer.ts";
import { i32le } from "../../encodings/packed.ts";
import { copyBytes } from "../../util/native.ts";
import type { Span } from "../../util/span.ts";
import { type Blocks, bytesOf } from "./blocks.ts";
import { CountedTree } from "./counted-tree.ts";
import { gapOf, LIST_NODE_HEAD_BYTES, listpackAt, moveStart, placeListpack, shiftListpack } from "./list-node.ts";

/** Half of what a node of list-max-listpack-size -1 takes; each further one takes twice as much, down to -5. */
const NODE_BYTES_HALF = 2048;
const FILL_MIN = -5;
const NODE_BYTES_SAFE = 8192;
/** A list of so many nodes is a long one: what the last node has room for is little beside the others. */
const LONG_NODES = 16;
/** A node of which the first element takes more than this share is not given its whole room at once: it may not be filled. */
const WHOLE_ELEMENTS_MIN = 8;
/** What Redis assumes an element adds to its bytes when it asks whether one more fits. */
const ELEMENT_OVERHEAD_BYTES = 8;

/** Texts bytes[starts[i], + lengths[i]): a request's arguments. */
export interface Texts {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
}

export class NodeList extends CountedTree {
  /** list-max-listpack-size, for the nodes that are made from now on. */
  fill = -2;
  readonly #writer = new ListpackWriter();
  readonly #reader = new Listpack();

  constructor(blocks: Blocks) {
    super(blocks, 0, 2);
  }

  /** Adds an element at an end. Throws ArenaFull, nothing changed. The text must not lie in the list itself. */
  push(text: Uint8Array, start: number, length: number, isHead: boolean): void {
    if (isHead) this.seekFirst();
    else this.seekLast();
    if (this.entries > 0 && this.#allows(length)) {
      this.#insertInto(isHead ? 0 : this.weight, text, start, length);
      return;
    }
    if (!isHead) this.seekEnd();
    this.#insertNode(text, start, length, isHead);
  }

  /**
   * As push, of the texts from ≤ i < to, each put at that end in its turn: a node between two yields, made aside, so that pins cost nothing.
   * `texts` is asked anew after each. Throws ArenaFull: those before are there.
   */
  *pushInSlices(texts: () => Texts, from: number, to: number, isHead: boolean): Generator<void, void, void> {
    for (let i = from; i < to; ) {
      if (i > from) yield;
      i += this.#pushNode(texts(), i, to, isHead);
    }
  }

  /** Adds as many of the texts as go into one node: the one at the end, if it takes the first, or one more; how many these are. */
  #pushNode({ bytes, starts, lengths }: Texts, from: number, to: number, isHead: boolean): number {
    if (isHead) this.seekFirst();
    else this.seekLast();
    const joins = this.entries > 0 && this.#allows(lengths[from] as number);
    const held = joins ? this.weight : 0;
    const before = joins ? this.#open().totalBytes : LISTPACK_EMPTY_BYTES;
    let size = before;
    let added = 0;
    do {
      const i = from + added++;
      size += measureElement(bytes, starts[i] as number, lengths[i] as number);
    } while (
      from + added < to &&
      this.#fits(size + (lengths[from + added] as number) + ELEMENT_OVERHEAD_BYTES, held + added + 1)
    );
    if (size > LISTPACK_BYTES_MAX) throw new RangeError(`a list's node of ${size} bytes`);
    const old = joins ? this.handle : 0;
    const handle = this.blocks.allocate(LIST_NODE_HEAD_BYTES + size);
    const into = bytesOf(this.blocks, handle);
    const at = placeListpack(this.blocks, handle, size, isHead);
    writeEmptyListpack(into, at);
    const body = before - LISTPACK_EMPTY_BYTES;
    let pos = at + LISTPACK_EMPTY_BYTES - 1;
    if (!isHead) pos = this.#copyBody(old, body, into, pos);
    const writer = this.#writer.open(into, at);
    for (let k = 0; k < added; k++) {
      const i = isHead ? from + added - 1 - k : from + k;
      pos = writer.put(pos, bytes, starts[i] as number, lengths[i] as number);
    }
    if (isHead) pos = this.#copyBody(old, body, into, pos);
    writer.seal(pos, held + added);
    if (old === 0) {
      if (!isHead) this.seekEnd();
      this.#insertOrFree(handle, added);
    } else {
      this.handle = handle;
      this.weight = held + added;
      this.blocks.free(old);
    }
    return added;
  }

  /** Copies the elements of a node, so many bytes, to into[pos …]; the position behind them. */
  #copyBody(node: number, length: number, into: Uint8Array, pos: number): number {
    if (length === 0) return pos;
    const from = listpackAt(this.blocks, node) + LISTPACK_EMPTY_BYTES - 1;
    copyBytes(bytesOf(this.blocks, node), from, length, into, pos);
    return pos + length;
  }

  /** Adds an element before the one at `index`, 0 … total. As push. */
  insert(index: number, text: Uint8Array, start: number, length: number): void {
    if (index === 0 || index >= this.total) {
      this.push(text, start, length, index === 0);
      return;
    }
    this.seekWeight(index);
    const { offset } = this;
    if (this.#allows(length)) {
      this.#insertInto(offset, text, start, length);
      return;
    }
    if (offset > 0) this.#split(offset);
    // Now the place is between two nodes: the end of the one before, or the front of this one, or a node between them.
    this.seekWeight(index - 1);
    if (this.#allows(length)) this.#insertInto(this.weight, text, start, length);
    else {
      this.seekWeight(index);
      if (this.#allows(length)) this.#insertInto(0, text, start, length);
      else this.#insertNode(text, start, length);
    }
    if (offset === 0) return;
    this.#joinAt(index + 1);
    this.#joinAt(index - offset);
  }

  /** Puts an element in the place of the one at `index`, 0 ≤ index < total. As push. */
  set(index: number, text: Uint8Array, start: number, length: number): void {
    this.seekWeight(index);
    const writer = this.#open();
    const pos = writer.seek(this.offset);
    const size = measureElement(text, start, length);
    const place = pos - listpackAt(this.blocks, this.handle);
    this.#makeRoom(Math.max(0, size - (writer.next(pos) - pos)), false);
    this.#open().replace(listpackAt(this.blocks, this.handle) + place, text, start, length);
  }

  /** As seekWeight, for 0 ≤ index < total; the ends, where most is pushed and popped, are found without adding weights up. */
  seekElement(index: number): void {
    if (index === 0) {
      this.seekFirst();
      this.offset = 0;
    } else if (index === this.total - 1) {
      this.seekLast();
      this.offset = this.weight - 1;
    } else this.seekWeight(index);
  }

  /** Removes `count` elements from `index` on, or as many as there are. Throws ArenaFull under pins only: some may be gone then. */
  remove(index: number, count: number): void {
    for (let left = count; left > 0 && index < this.total; ) left -= this.removeSome(index, left);
  }

  /** As remove, of elements that lie in one node; how many they were. 0 ≤ index < total. */
  removeSome(index: number, count: number): number {
    this.seekElement(index);
    const { weight, offset, handle } = this;
    const removed = Math.min(count, weight - offset);
    if (removed === weight) {
      this.removeHere();
      this.blocks.free(handle);
      return removed;
    }
    if (this.blocks.pins.count > 0) this.#makeRoom(0, false);
    const writer = this.#open();
    if (offset === 0) moveStart(this.blocks, this.handle, writer.removeFirst(removed));
    else writer.remove(writer.seek(offset), removed);
    this.weight = weight - removed;
    const first = index - offset;
    this.#trim(writer.totalBytes, first === 0 || first + weight - removed === this.total);
    return removed;
  }

  /** Reads the element at `index`, 0 ≤ index < total. Valid until the list is changed. */
  read(index: number, into: Element): void {
    this.seekElement(index);
    this.openHere(this.#reader).next(into);
  }

  /** Opens the node where this stands for reading, after seekWeight: `reader` is before the element that was sought. */
  openHere(reader: Listpack): Listpack {
    const pos = this.#open().seek(this.offset);
    this.openNode(reader).pos = pos;
    return reader;
  }

  /** Bytes of the listpack where this stands. */
  get nodeBytes(): number {
    return this.#open().totalBytes;
  }

  /** Puts the listpack of the only node into `into`; valid until the list is changed. */
  onlyNode(into: Span): void {
    this.seekFirst();
    this.readNode(into);
  }

  /** Puts the listpack where this stands into `into`; valid until the list is changed. */
  readNode(into: Span): void {
    const { blocks, handle } = this;
    into.set(bytesOf(blocks, handle), listpackAt(blocks, handle), this.#open().totalBytes);
  }

  /** Opens the node where this stands for reading; `reader` is before its first element. */
  openNode(reader: Listpack): Listpack {
    const { blocks, handle } = this;
    const bytes = bytesOf(blocks, handle);
    const at = listpackAt(blocks, handle);
    return reader.open(bytes, at, i32le(bytes, at) >>> 0);
  }

  /** Appends a copy of a listpack with `count` > 0 elements as a node. Throws ArenaFull, nothing changed. */
  appendNode(bytes: Uint8Array, at: number, count: number): void {
    const { blocks } = this;
    const size = i32le(bytes, at) >>> 0;
    const handle = blocks.allocate(LIST_NODE_HEAD_BYTES + size);
    copyBytes(bytes, at, size, bytesOf(blocks, handle), placeListpack(blocks, handle, size, false));
    this.seekEnd();
    this.#insertOrFree(handle, count);
  }

  /** Makes this empty list a copy of another one, in slices. The original must not change meanwhile. Throws ArenaFull: free what there is. */
  *copyInSlices(from: Blocks, root: number): Generator<void, void, void> {
    const { blocks, root: mine } = this;
    const source = new NodeList(from).bind(from, root);
    for (source.seekFirst(); source.settle(); source.next()) {
      const { handle } = source;
      this.bind(blocks, mine).appendNode(bytesOf(from, handle), listpackAt(from, handle), source.weight);
      yield;
    }
  }

  protected override compare(): number {
    return 0;
  }

  #open(): ListpackWriter {
    const { blocks, handle } = this;
    return this.#writer.open(bytesOf(blocks, handle), listpackAt(blocks, handle));
  }

  /** Whether the node takes one more element of so many bytes: quicklistNodeAllowInsert. */
  #allows(length: number): boolean {
    return this.#fits(this.#open().totalBytes + length + ELEMENT_OVERHEAD_BYTES, this.weight + 1);
  }

  #fits(bytes: number, count: number): boolean {
    return !exceedsNode(this.fill, bytes, count);
  }

  /** Inserts an element before the node's element `offset`. */
  #insertInto(offset: number, text: Uint8Array, start: number, length: number): void {
    const { weight } = this;
    const isHead = offset === 0;
    const size = measureElement(text, start, length);
    const bytes = this.#open().totalBytes + size;
    this.#makeRoom(size, isHead, isHead || offset === weight ? this.#room(bytes) : 0);
    const writer = this.#open();
    if (isHead) {
      writer.insertFirst(size, text, start, length);
      moveStart(this.blocks, this.handle, -size);
    } else writer.insert(offset === weight ? writer.end : writer.seek(offset), text, start, length);
    this.weight = weight + 1;
  }

  /** A node with one element before the one where this stands. */
  #insertNode(text: Uint8Array, start: number, length: number, isHead = false): void {
    const size = LISTPACK_EMPTY_BYTES + measureElement(text, start, length);
    if (size > LISTPACK_BYTES_MAX) throw new RangeError(`a list's element of ${length} bytes`);
    const { blocks } = this;
    const handle = blocks.allocate(this.#room(size));
    const bytes = bytesOf(blocks, handle);
    const at = placeListpack(blocks, handle, size, isHead);
    writeEmptyListpack(bytes, at);
    this.#writer.open(bytes, at).insert(at + LISTPACK_EMPTY_BYTES - 1, text, start, length);
    this.#insertOrFree(handle, 1);
  }

  #insertOrFree(handle: number, count: number): void {
    try {
      this.insertHere(handle, count);
    } catch (error) {
      this.blocks.free(handle);
      throw error;
    }
  }

  /** Divides the node where this stands before its element `offset`. Throws ArenaFull, nothing changed. */
  #split(offset: number): void {
    const moved = this.weight - offset;
    const start = this.position;
    if (this.blocks.pins.count > 0) this.#makeRoom(0, false);
    let writer = this.#open();
    const tailBytes = writer.tailBytes(writer.seek(offset));
    const tail = this.blocks.allocate(LIST_NODE_HEAD_BYTES + tailBytes);
    const at = placeListpack(this.blocks, tail, tailBytes, false);
    // The tree first: that may fail. Until the weights are right again nothing reads it.
    this.next();
    this.#insertOrFree(tail, moved);
    this.seekWeight(start);
    writer = this.#open();
    writer.split(writer.seek(offset), moved, bytesOf(this.blocks, tail), at);
    this.weight = offset;
    this.#trim(writer.totalBytes, false);
  }

  /** Joins the node that holds element `index` with the one before it, where both fit into one and there is memory for it. */
  #joinAt(index: number): void {
    if (index <= 0 || index >= this.total) return;
    this.seekWeight(index);
    const { handle, weight } = this;
    const bytes = this.#open().totalBytes;
    if (!this.previous()) return;
    const kept = this.#open().totalBytes;
    if (!this.#fits(kept + bytes - LISTPACK_EMPTY_BYTES, this.weight + weight)) return;
    try {
      this.#makeRoom(bytes - LISTPACK_EMPTY_BYTES, false);
    } catch {
      return;
    }
    this.#open().append(bytesOf(this.blocks, handle), listpackAt(this.blocks, handle), weight);
    this.weight += weight;
    this.next();
    this.removeHere();
    this.blocks.free(handle);
  }

  /**
   * Has the node's block be one that may be changed, with so many bytes free in front of the listpack, or behind it. Where both sides
   * have them together, the listpack is moved to where what will be left is the same on both: so it moves a few times only while the
   * node fills, whichever ends are pushed to in turn. `block`: bytes of a new block, if it takes one. Throws ArenaFull, nothing changed.
   */
  #makeRoom(size: number, isInFront: boolean, block = 0): void {
    const { handle, blocks } = this;
    const total = this.#open().totalBytes;
    const free = blocks.capacity(handle) - LIST_NODE_HEAD_BYTES - total;
    if (size > free || blocks.pins.count > 0) {
      const bytes = total + size;
      if (bytes > LISTPACK_BYTES_MAX) throw new RangeError(`a list's node of ${bytes} bytes`);
      this.#move(Math.max(block, LIST_NODE_HEAD_BYTES + bytes), isInFront);
      return;
    }
    const gap = gapOf(blocks, handle);
    if (size <= (isInFront ? gap : free - gap)) return;
    const half = (free - size) >>> 1;
    shiftListpack(blocks, handle, total, isInFront ? size + half : half);
  }

  /**
   * Bytes of the block for a node of so many bytes that elements are added to one after the other: what it is going to become, at once in
   * a long list, in a few steps in a short one.
   */
  #room(bytes: number): number {
    const { fill } = this;
    const least = LIST_NODE_HEAD_BYTES + bytes;
    if (fill >= 0) return least;
    const whole = wholeBytes(fill);
    if (this.entries >= LONG_NODES && bytes <= whole / WHOLE_ELEMENTS_MIN) return whole;
    return Math.max(least, Math.min(least * 2, whole));
  }

  /** A node that has become much smaller than its block gets a smaller one, if there is memory for that. */
  #trim(bytes: number, isEnd: boolean): void {
    const capacity = this.blocks.capacity(this.handle);
    if (bytes > capacity / 2 || (isEnd && keepsBlock(this.fill, this.entries, capacity))) return;
    try {
      this.#move(LIST_NODE_HEAD_BYTES + bytes, false);
    } catch {
      // It stays where it is.
    }
  }

  /** Moves the node to a new block of so many bytes at least. */
  #move(block: number, isRoomInFront: boolean): void {
    const { blocks, handle } = this;
    const total = this.#open().totalBytes;
    const fresh = blocks.allocate(block);
    const at = placeListpack(blocks, fresh, total, isRoomInFront);
    copyBytes(bytesOf(blocks, handle), listpackAt(blocks, handle), total, bytesOf(blocks, fresh), at);
    this.handle = fresh;
    blocks.free(handle);
  }
}

/** Whether a node would be larger than `fill` allows: quicklistNodeExceedsLimit. */
export function exceedsNode(fill: number, bytes: number, count: number): boolean {
  if (fill < 0) return bytes > wholeBytes(fill);
  return bytes > NODE_BYTES_SAFE || count > Math.max(fill, 1);
}

/**
 * Whether the first or last node of a list of so many nodes keeps its block, however small it has become: in a long list, where the next
 * push would have it get one as large.
 */
export function keepsBlock(fill: number, nodes: number, capacity: number): boolean {
  return nodes >= LONG_NODES && fill < 0 && capacity <= wholeBytes(fill);
}

function wholeBytes(fill: number): number {
  return NODE_BYTES_HALF << -Math.max(fill, FILL_MIN);
}
