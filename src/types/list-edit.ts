/**
 * Changes a list of the top overlay, whichever form it has:
 *
 *   packed   01 | 02 | length | listpack        one node, edited where it lies (keyspace/packed-edit.ts)
 *   native   nodes in a tree                    overlay/encodings/node-list.ts
 *
 * Which form a list has to be is Redis 7.2's rule: a listpack as long as list-max-listpack-size allows one node, a quicklist beyond;
 * a quicklist of one node that takes half of that at most becomes a listpack again when something was removed.
 *
 * One instance serves any number of keys, one after the other; nothing is allocated on the heap.
 */
import { Listpack } from "../encodings/listpack.ts";
import {
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import type { Database } from "../keyspace/database.ts";
import { nativeRoot } from "../keyspace/native.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import { ArenaFull } from "../overlay/arena.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { type ElementSink, listCount, popFirst, popLast, pushFirst, pushLast } from "../overlay/encodings/list-ends.ts";
import { exceedsNode, NodeList } from "../overlay/encodings/node-list.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType, QuicklistContainer, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { stringLength } from "../rdb/string.ts";
import { copyBytes } from "../util/native.ts";
import { EMPTY_BYTES, Span } from "../util/span.ts";
import type { Element } from "./elements.ts";
import { EDITED_BYTES_MAX } from "./list.ts";
import { readNodeCount } from "./node-count.ts";

export class ListEdit {
  /** Elements. */
  count = 0;
  isNative = false;
  readonly #packed = new PackedEdit();
  readonly #writer = new ListpackWriter();
  readonly #reader = new Listpack();
  #nodes: NodeList | null = null;
  #blocks: Blocks | null = null;
  #root = 0;
  #limit = -2;
  readonly #node = new Span();
  readonly #scratch = new Scratch();
  #database: Database | null = null;
  #key: Uint8Array = EMPTY_BYTES;
  #keyStart = 0;
  #keyLength = 0;

  /**
   * Takes the list that `record`, just found, holds: packed (`isPacked`), or native in the top overlay and free to be changed. `limit`:
   * list-max-listpack-size. Throws FormatError.
   */
  open(db: Database, key: Uint8Array, keyStart: number, keyLength: number, record: Record, limit: number): void {
    if (record.type === NativeType.LIST) {
      this.openNative(db, key, keyStart, keyLength, nativeRoot(record), limit);
      return;
    }
    this.#take(db, key, keyStart, keyLength, limit);
    const packed = this.#packed;
    packed.open(db, key, keyStart, keyLength, record);
    this.isNative = false;
    this.#writer.open(packed.bytes, packed.start);
    this.count = this.#reader.open(packed.bytes, packed.start, packed.length, record.valueOffset).count();
  }

  /** As `open`, of a native list in the top overlay. */
  openNative(db: Database, key: Uint8Array, keyStart: number, keyLength: number, root: number, limit: number): void {
    this.#take(db, key, keyStart, keyLength, limit);
    const { arena } = db.top as Overlay;
    this.#blocks = arena;
    this.#root = root;
    this.isNative = true;
    this.count = listCount(arena, root);
  }

  #take(db: Database, key: Uint8Array, keyStart: number, keyLength: number, limit: number): void {
    this.#database = db;
    this.#key = key;
    this.#keyStart = keyStart;
    this.#keyLength = keyLength;
    this.#limit = limit;
  }

  /** The native list, for what the short ways do not do. */
  #list(): NodeList {
    const blocks = this.#blocks as Blocks;
    this.#nodes ??= new NodeList(blocks);
    const nodes = this.#nodes.bind(blocks, this.#root);
    nodes.fill = this.#limit;
    return nodes;
  }

  /** Whether a packed list with elements of so many bytes more in all has to become native first. */
  mustGrow(bytes: number, elements: number): boolean {
    return !this.isNative && exceedsNode(this.#limit, this.#packed.length + bytes, this.count + elements);
  }

  /**
   * Makes the key, which does not exist, a packed list of the texts bytes[starts[i], + lengths[i]), from ≤ i < to, each put at the head or
   * the tail in its turn. Throws ArenaFull.
   */
  create(
    db: Database,
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    bytes: Uint8Array,
    starts: Int32Array,
    lengths: Int32Array,
    from: number,
    to: number,
    isHead: boolean,
  ): void {
    const packed = this.#packed;
    const size = LISTPACK_EMPTY_BYTES + measureAll(bytes, starts, lengths, from, to);
    packed.create(db, key, keyStart, keyLength, RdbType.LIST_QUICKLIST_2, size, -1);
    writeEmptyListpack(packed.bytes, packed.start);
    this.#insertAll(bytes, starts, lengths, from, to, isHead);
    this.isNative = false;
    this.count = to - from;
  }

  /** Puts these texts at the head or the tail, each in its turn. Throws ArenaFull; of a native list some may be there then. */
  push(bytes: Uint8Array, starts: Int32Array, lengths: Int32Array, from: number, to: number, isHead: boolean): void {
    if (this.isNative) {
      for (let i = from; i < to; i++) this.#pushNative(bytes, starts[i] as number, lengths[i] as number, isHead);
    } else {
      const packed = this.#packed;
      packed.resize(packed.length + measureAll(bytes, starts, lengths, from, to));
      this.#insertAll(bytes, starts, lengths, from, to, isHead);
    }
    this.count += to - from;
  }

  #pushNative(bytes: Uint8Array, start: number, length: number, isHead: boolean): void {
    const limit = this.#limit;
    const blocks = this.#blocks as Blocks;
    const pushStraight = isHead ? pushFirst : pushLast;
    if (blocks.pins.count > 0 || pushStraight(blocks, this.#root, limit, bytes, start, length) === 0) {
      this.#list().push(bytes, start, length, isHead);
    }
  }

  /** The straight way to take an element off an end of a native list: gives it to `sink`; false, nothing done, where it cannot be gone. */
  popStraight(isHead: boolean, sink: ElementSink): boolean {
    const blocks = this.#blocks as Blocks;
    if (!this.isNative || blocks.pins.count > 0) return false;
    if (!(isHead ? popFirst : popLast)(blocks, this.#root, this.#limit, sink)) return false;
    this.count--;
    return true;
  }

  /** Puts one text before the element at `index`, 0 … count. It must not lie in the list. Throws ArenaFull. */
  insert(index: number, bytes: Uint8Array, start: number, length: number): void {
    if (this.isNative) this.#list().insert(index, bytes, start, length);
    else {
      const packed = this.#packed;
      packed.resize(packed.length + measureElement(bytes, start, length));
      const writer = this.#writer.open(packed.bytes, packed.start);
      writer.insert(index === this.count ? writer.end : writer.seek(index), bytes, start, length);
    }
    this.count++;
  }

  /** Puts a text in the place of the element at `index` < count. It must not lie in the list. Throws ArenaFull. */
  set(index: number, bytes: Uint8Array, start: number, length: number): void {
    if (this.isNative) {
      this.#list().set(index, bytes, start, length);
      return;
    }
    const packed = this.#packed;
    const writer = this.#writer;
    const pos = writer.seek(index);
    const place = pos - packed.start;
    const grown = measureElement(bytes, start, length) - (writer.next(pos) - pos);
    const total = packed.length + grown;
    if (grown < 0) {
      // Aside: when there is no memory to make it shorter, it must be as it was.
      const blob = packed.copyAside();
      writer.open(blob, 0).replace(place, bytes, start, length);
      packed.putBack(blob, total);
      writer.open(packed.bytes, packed.start);
      return;
    }
    packed.resize(total);
    writer.open(packed.bytes, packed.start).replace(packed.start + place, bytes, start, length);
  }

  /** Reads the element at `index` < count. Valid until the list is changed. */
  read(index: number, into: Element): void {
    if (this.isNative) this.#list().read(index, into);
    else {
      const packed = this.#packed;
      const reader = this.#reader.open(packed.bytes, packed.start, packed.length);
      reader.pos = this.#writer.seek(index);
      reader.next(into);
    }
  }

  /** Removes `count` elements from `index` on; at least one stays. Throws ArenaFull while a save runs; some may be gone then. */
  remove(index: number, count: number): void {
    if (count <= 0) return;
    if (this.isNative) this.#list().remove(index, count);
    else {
      const packed = this.#packed;
      const writer = this.#writer;
      const from = writer.seek(index);
      let to = from;
      for (let i = 0; i < count; i++) to = writer.next(to);
      packed.cut(from - packed.start, to - packed.start);
      writer.open(packed.bytes, packed.start).noteCut(packed.length, count);
    }
    this.count -= count;
  }

  /** After something was removed or replaced: a native list of one small node becomes packed. The list must be opened again then. */
  shrink(): void {
    if (!this.isNative) return;
    const nodes = this.#list();
    if (nodes.entries !== 1 || !isHalf(this.#limit, nodes, this.count)) return;
    const node = this.#node;
    nodes.onlyNode(node);
    // The old structure goes before the new value can be written.
    const copied = this.#scratch.bytes(node.length);
    copyBytes(node.bytes, node.start, node.length, copied, 0);
    const packed = this.#packed;
    try {
      const { length } = node;
      packed.create(
        this.#database as Database,
        this.#key,
        this.#keyStart,
        this.#keyLength,
        RdbType.LIST_QUICKLIST_2,
        length,
      );
      copyBytes(copied, 0, length, packed.bytes, packed.start);
    } catch (error) {
      // It stays native: that is a list as well.
      if (!(error instanceof ArenaFull)) throw error;
    }
  }

  #insertAll(
    bytes: Uint8Array,
    starts: Int32Array,
    lengths: Int32Array,
    from: number,
    to: number,
    isHead: boolean,
  ): void {
    const packed = this.#packed;
    const writer = this.#writer.open(packed.bytes, packed.start);
    for (let i = from; i < to; i++) {
      writer.insert(isHead ? writer.first : writer.end, bytes, starts[i] as number, lengths[i] as number);
    }
  }
}

/** Whether a record's value is a packed list that a node may hold as it is; the record is just found, and no native. */
export function isPacked(record: Record, limit: number): boolean {
  if (record.type !== RdbType.LIST_QUICKLIST_2) return false;
  record.seekValue();
  const { cursor } = record;
  cursor.need(2);
  const { bytes, pos } = cursor;
  if (bytes[pos] !== 1 || bytes[pos + 1] !== QuicklistContainer.PACKED) return false;
  cursor.pos = pos + 2;
  if (record.entry !== 0) return stringLength(cursor) <= EDITED_BYTES_MAX;
  if (limit < 0) return !exceedsNode(limit, stringLength(cursor), 0);
  const count = readNodeCount(cursor, 4);
  return count >= 0 && count <= Math.max(limit, 1);
}

/** So many bytes and elements in one node, halved: quicklistNodeLimit. */
function isHalf(limit: number, nodes: NodeList, count: number): boolean {
  nodes.seekFirst();
  return limit < 0 ? !exceedsNode(limit, nodes.nodeBytes * 2, 0) : count <= Math.max(limit, 1) >>> 1;
}

function measureAll(bytes: Uint8Array, starts: Int32Array, lengths: Int32Array, from: number, to: number): number {
  let size = 0;
  for (let i = from; i < to; i++) size += measureElement(bytes, starts[i] as number, lengths[i] as number);
  return size;
}
