/**
 * A list where it lies in the RDB file, as nodes of elements:
 *
 *   LIST               count | string …                        every CHUNK elements are a node, found as the walk goes
 *   LIST_ZIPLIST       ziplist                                 one node
 *   LIST_QUICKLIST     count | ziplist …
 *   LIST_QUICKLIST_2   count | { container | listpack or one big element } …
 *   native             nodes in a tree: overlay/encodings/node-list.ts
 *
 * The reader stands between two elements, at `position`: next() reads the element after, previous() the one before.
 */

import { encodedListpackBytes, Listpack } from "../encodings/listpack.ts";
import type { Packed } from "../encodings/packed.ts";
import { Ziplist } from "../encodings/ziplist.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { NodeList } from "../overlay/encodings/node-list.ts";
import { readCount, readLength } from "../rdb/length.ts";
import { NativeType, QuicklistContainer, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString, skipString, stringLength } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Blob } from "./blob.ts";
import { countMismatch, Elements, wrongType } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";
import { readNodeCount } from "./node-count.ts";
import { NodeDirectory } from "./node-directory.ts";

/** Elements of a LIST that are passed over at most to reach one whose chunk is known. */
const CHUNK = 64;

export class ListReader extends Elements {
  /** Number of elements, set by open(). */
  count = 0;
  /** Index of the element that next() will read. */
  position = 0;
  /** Index of the current element; -1 before the first. */
  index = -1;

  private record: Record | null = null;
  private readonly nodes = new NodeDirectory();
  /** The node that is loaded, -1 for none, and the indexes of its elements: [nodeFirst, nodeEnd). */
  private node = -1;
  private nodeFirst = 0;
  private nodeEnd = 0;
  /** The loaded node's walker; null where the node's element is the string at the cursor. */
  private packed: Packed | null = null;
  private readonly listpack = new Listpack();
  private readonly ziplist = new Ziplist();
  private readonly blob = new Blob();
  private readonly scratch = new Scratch();
  /** The nodes of a native list; null where the list is none. */
  private native: NodeList | null = null;
  private spareNative: NodeList | null = null;

  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }

  /**
   * Opens the record's value; the reader is then before the first element. Passes over a quicklist's nodes once, to
   * learn where they are. Reads go through `record.cursor` until the next open(). Throws FormatError.
   */
  open(record: Record): void {
    record.seekValue();
    const { cursor } = record;
    this.record = record;
    this.nodes.clear();
    this.node = -1;
    this.nodeFirst = 0;
    this.nodeEnd = 0;
    this.position = 0;
    this.index = -1;
    this.native = null;
    if (record.type === NativeType.LIST) {
      this.openNative(record);
    } else if (record.type === RdbType.LIST) {
      this.count = readCount(cursor, 1);
      this.nodes.add(cursor.offset, 0, false);
    } else if (record.type === RdbType.LIST_ZIPLIST) {
      this.count = 0;
      this.addPacked(cursor);
    } else if (record.type === RdbType.LIST_QUICKLIST || record.type === RdbType.LIST_QUICKLIST_2) {
      this.openQuicklist(cursor, record.type === RdbType.LIST_QUICKLIST_2);
    } else throw wrongType(record, "list");
  }

  private openNative(record: Record): void {
    const blocks = nativeBlocks(record);
    this.spareNative ??= new NodeList(blocks);
    this.native = this.spareNative.bind(blocks, nativeRoot(record));
    this.count = this.native.total;
    this.packed = this.listpack;
  }

  private openQuicklist(cursor: Cursor, containers: boolean): void {
    this.count = 0;
    for (let left = readCount(cursor, 1); left > 0; left--) {
      const container = containers ? readLength(cursor) : QuicklistContainer.PACKED;
      if (container === QuicklistContainer.PACKED) this.addPacked(cursor);
      else if (container === QuicklistContainer.PLAIN) {
        this.nodes.add(cursor.offset, this.count, true);
        skipString(cursor);
        this.count++;
      } else {
        const expected = `${QuicklistContainer.PLAIN} or ${QuicklistContainer.PACKED}`;
        throw new FormatError("bad-quicklist", cursor.offset - 1, `container ${container}`, expected);
      }
    }
  }

  private addPacked(cursor: Cursor): void {
    const { offset } = cursor;
    let count = readNodeCount(cursor, this.walker === this.listpack ? 4 : 8);
    if (count < 0) count = this.blob.open(cursor, this.scratch, this.walker).count();
    if (count > 0) this.nodes.add(offset, this.count, false);
    this.count += count;
  }

  private get walker(): Packed {
    return (this.record as Record).type === RdbType.LIST_QUICKLIST_2 ? this.listpack : this.ziplist;
  }

  private get isSequence(): boolean {
    return (this.record as Record).type === RdbType.LIST;
  }

  /**
   * As Redis 7.2 would hold the list after loading it: one node within list-max-listpack-size is a listpack, except
   * that a ziplist from before quicklists stays a quicklist. May walk; seek(0) follows.
   */
  get encoding(): "listpack" | "quicklist" {
    const { type, cursor } = this.record as Record;
    if (type === RdbType.LIST_ZIPLIST || this.native !== null) return "quicklist";
    if (this.isEditable()) return "listpack";
    const fill = this.limits["list-max-listpack-size"];
    if (fill >= 0 && this.count > Math.max(fill, 1)) return "quicklist";
    const bytesMax =
      fill < 0 ? (NODE_BYTES[Math.min(-fill, NODE_BYTES.length) - 1] as number) : Number.POSITIVE_INFINITY;
    let fits: boolean;
    if (type === RdbType.LIST) fits = this.fitsOneNode(bytesMax, fill < 0 ? bytesMax : NODE_BYTES_SAFE);
    else if (this.nodes.count !== 1 || this.nodes.isPlain(0)) fits = false;
    else if (type === RdbType.LIST_QUICKLIST) fits = this.fitsOneNode(bytesMax, Number.POSITIVE_INFINITY);
    else {
      cursor.seek(this.nodes.offset(0));
      fits = stringLength(cursor) <= bytesMax;
    }
    this.node = -1;
    this.seek(0);
    return fits ? "listpack" : "quicklist";
  }

  /** Whether the list is one listpack of the overlay: Redis keeps those that have become a little too large, or the limit smaller. */
  private isEditable(): boolean {
    const { entry, type, cursor } = this.record as Record;
    if (entry === 0 || type !== RdbType.LIST_QUICKLIST_2 || this.nodes.count !== 1 || this.nodes.isPlain(0))
      return false;
    cursor.seek(this.nodes.offset(0));
    const isSmall = stringLength(cursor) <= EDITED_BYTES_MAX;
    this.node = -1;
    this.seek(0);
    return isSmall;
  }

  /**
   * Whether the elements make a listpack of at most `bytesMax` bytes, and, pushed one by one where Redis begins a new
   * node when it estimates more than `nodeBytesMax`, only one.
   */
  private fitsOneNode(bytesMax: number, nodeBytesMax: number): boolean {
    this.seek(0);
    let bytes = LISTPACK_EMPTY_BYTES;
    while (this.next()) {
      const { bytes: mine, start, length } = this.text();
      if (this.index > 0 && bytes + length + ELEMENT_OVERHEAD_BYTES > nodeBytesMax) return false;
      bytes += encodedListpackBytes(mine, start, length);
      if (bytes > bytesMax) return false;
    }
    return true;
  }

  next(): boolean {
    if (this.position >= this.count) return false;
    if (this.node < 0) this.enter(this.position);
    else if (this.position === this.nodeEnd) {
      if (this.packed?.atEnd === false) throw this.shortNode();
      this.enter(this.position);
    }
    if (this.packed === null) this.readPlain();
    else if (!this.packed.next(this)) throw this.shortNode();
    this.index = this.position++;
    return true;
  }

  /**
   * Passes over up to `elementsMax` elements, to behind the first that is these bytes, whose `index` is set: true; false where none is.
   * The current element is not read.
   */
  find(bytes: Uint8Array, start: number, length: number, elementsMax: number): boolean {
    const end = Math.min(this.count, this.position + elementsMax);
    while (this.position < end) {
      if (this.node < 0 || this.position === this.nodeEnd) this.enter(this.position);
      if (this.packed !== this.listpack) {
        this.next();
        if (this.equals(bytes, start, length)) return true;
        continue;
      }
      const here = Math.min(end, this.nodeEnd) - this.position;
      const passed = this.listpack.search(bytes, start, length, here);
      this.position += Math.min(passed + 1, here);
      this.index = this.position - 1;
      if (passed < here) return true;
    }
    return false;
  }

  /** Moves to the element before; false at the start. A LIST is passed over from the chunk's first element. */
  previous(): boolean {
    if (this.position <= 0) return false;
    const index = this.position - 1;
    if (this.node < 0 || index < this.nodeFirst || this.packed === null) {
      this.seek(index);
      if (this.packed === null) this.readPlain();
      else {
        if (!this.packed.next(this)) throw this.shortNode();
        this.packed.previous(this);
      }
    } else if (!this.packed.previous(this)) throw this.shortNode();
    this.index = this.position = index;
    if (this.packed === null) this.node = -1;
    return true;
  }

  /** Puts the reader before element `index` (0 … count): next() reads it, previous() reads the one before. */
  seek(index: number): void {
    if (!(index >= 0 && index <= this.count)) throw new RangeError(`index ${index} of ${this.count}`);
    this.position = index;
    this.index = index - 1;
    if (index < this.count) this.enter(index);
    else this.node = -1;
  }

  /** Reads element `index`, negative from the end as in LINDEX; false when there is none. */
  at(index: number): boolean {
    const target = index < 0 ? this.count + index : index;
    if (target < 0 || target >= this.count) return false;
    if (target !== this.position) this.seek(target);
    return this.next();
  }

  /** Loads the node of element `index` and stands before that element in it. */
  private enter(index: number): void {
    if (this.native !== null) {
      this.enterNative(this.native, index);
      return;
    }
    if (this.isSequence) {
      this.enterChunk(index);
      return;
    }
    const { nodes } = this;
    const { cursor } = this.record as Record;
    const inNode = this.node >= 0 && index >= this.nodeFirst && index < this.nodeEnd;
    if (!inNode) {
      const node = nodes.find(index);
      this.node = -1;
      cursor.seek(nodes.offset(node));
      this.packed = nodes.isPlain(node) ? null : this.blob.open(cursor, this.scratch, this.walker);
      this.nodeFirst = nodes.first(node);
      this.nodeEnd = node + 1 < nodes.count ? nodes.first(node + 1) : this.count;
      this.node = node;
    } else if (this.packed === null) cursor.seek(nodes.offset(this.node));
    if (this.packed === null) return;
    this.packed.rewind();
    for (let i = this.nodeFirst; i < index; i++) if (!this.packed.skip()) throw this.shortNode();
  }

  private enterNative(list: NodeList, index: number): void {
    list.seekElement(index);
    list.openHere(this.listpack);
    this.nodeFirst = index - list.offset;
    this.nodeEnd = this.nodeFirst + list.weight;
    this.node = 0;
  }

  /** Stands at element `index` of a LIST, learning where chunks begin on the way. */
  private enterChunk(index: number): void {
    const { nodes } = this;
    const { cursor } = this.record as Record;
    this.packed = null;
    const chunk = Math.floor(index / CHUNK);
    let at = Math.min(chunk, nodes.count - 1);
    cursor.seek(nodes.offset(at));
    for (; at < chunk; at++) {
      for (let i = 0; i < CHUNK; i++) skipString(cursor);
      if (at + 1 === nodes.count) nodes.add(cursor.offset, (at + 1) * CHUNK, false);
    }
    for (let i = chunk * CHUNK; i < index; i++) skipString(cursor);
    this.node = chunk;
    this.nodeFirst = chunk * CHUNK;
    this.nodeEnd = this.count;
  }

  private readPlain(): void {
    this.isInt = false;
    readString((this.record as Record).cursor, this.element, this.scratch);
  }

  private shortNode(): FormatError {
    const { nodes, node } = this;
    return countMismatch(
      node < 0 || this.native !== null ? 0 : nodes.offset(node),
      this.position - this.nodeFirst,
      this.nodeEnd - this.nodeFirst,
    );
  }
}

/** list-max-listpack-size -1 … -5: bytes of a node. */
const NODE_BYTES: readonly number[] = [4096, 8192, 16384, 32768, 65536];
/** With a limit in elements Redis still begins a new node beyond this. */
const NODE_BYTES_SAFE = 8192;
const LISTPACK_EMPTY_BYTES = 7;
/** A listpack in the overlay of at most so many bytes is edited where it lies. */
export const EDITED_BYTES_MAX = 65536;
/** What Redis assumes an element adds to its bytes when it asks whether one more fits into a node. */
const ELEMENT_OVERHEAD_BYTES = 8;
