/**
 * A stream in blocks: listpacks of entries (encodings/stream-node.ts) in a tree by ID, as Redis's radix tree has them, and its consumer
 * groups (stream-groups.ts).
 *
 *   root, 104 bytes  | tree's root 32: …, last ID | greatest deleted ID | first ID | entries added u64 | groups u32 | length u32
 *                    | tail: block u32, 0 unknown | 0 | ID of the tail |
 *   tree's leaf      | ID of the node | block u32 | 1 | …
 *   block            | listpack | room |
 *
 * The first ID is that of the first living entry, 0-0 where there is none. The tail is the last node: what is appended needs no tree. Nodes are changed in their place also while views are held
 * (Pins): whoever reads a stream in slices is waited for (commands/native-reads.ts), and replies have copies.
 */
import { EntryId } from "../../encodings/entry-id.ts";
import { LISTPACK_BYTES_MAX } from "../../encodings/listpack-writer.ts";
import { i32le } from "../../encodings/packed.ts";
import { StreamNode } from "../../encodings/stream-node.ts";
import {
  COUNTERS_ROOM,
  entryBytesMax,
  masterBytesMax,
  type Pairs,
  pairsBytes,
  StreamNodeWriter,
} from "../../encodings/stream-node-writer.ts";
import { copyBytes } from "../../util/native.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { type Blocks, frozenBlocks, placeOf } from "./blocks.ts";
import { TreeRoot } from "./counted-tree.ts";
import { IdTree } from "./id-tree.ts";

export const STREAM_ROOT_BYTES = 104;
/** Words of the root. */
export const StreamRoot = {
  LAST: TreeRoot.USER,
  DELETED: 8,
  FIRST: 12,
  ADDED_LOW: 16,
  ADDED_HIGH: 17,
  GROUPS: 18,
  LENGTH: 19,
  TAIL: 20,
  TAIL_ID: 22,
} as const;
/** A tail that grows doubles up to so many bytes: most end with about that. */
const DOUBLED_BYTES_MAX = 4096;
/** A node is moved to a smaller block when it fills less than this part of its own. */
const SHRUNK_BELOW = 0.94;
const TWO32 = 4294967296;

/** 0: no limit. */
export interface StreamLimits {
  readonly "stream-node-max-bytes": number;
  readonly "stream-node-max-entries": number;
}

/** Of flyweights that are bound later. */
export const UNBOUND: Blocks = frozenBlocks({ windows: [], words: [], openTo: () => {} }, 0);

export class NativeStream {
  readonly nodes: IdTree;
  /** After a trim: nothing is left to be removed. */
  isTrimmed = true;
  #blocks: Blocks;
  #root = 0;
  readonly #node = new StreamNode();
  readonly #writer = new StreamNodeWriter();
  readonly #master = new EntryId();

  constructor(blocks: Blocks = UNBOUND) {
    this.#blocks = blocks;
    this.nodes = new IdTree(blocks);
  }

  /** The root of an empty stream. Throws ArenaFull. */
  static create(blocks: Blocks): number {
    const root = blocks.allocate(STREAM_ROOT_BYTES);
    const at = (root & IN_WINDOW) << 1;
    (blocks.words[root >>> WINDOW_SHIFT] as Int32Array).fill(0, at, at + STREAM_ROOT_BYTES / 4);
    return root;
  }

  bind(blocks: Blocks, root: number): this {
    this.#blocks = blocks;
    this.#root = root;
    this.nodes.bind(blocks, root);
    return this;
  }

  get blocks(): Blocks {
    return this.#blocks;
  }

  get root(): number {
    return this.#root;
  }

  /** Living entries. */
  get length(): number {
    return (this.#words[this.#at + StreamRoot.LENGTH] as number) >>> 0;
  }

  readLast(into: EntryId): EntryId {
    return readId(this.#words, this.#at + StreamRoot.LAST, into);
  }

  writeLast(id: EntryId): void {
    writeId(this.#words, this.#at + StreamRoot.LAST, id);
  }

  readMaxDeleted(into: EntryId): EntryId {
    return readId(this.#words, this.#at + StreamRoot.DELETED, into);
  }

  writeMaxDeleted(id: EntryId): void {
    writeId(this.#words, this.#at + StreamRoot.DELETED, id);
  }

  readFirst(into: EntryId): EntryId {
    return readId(this.#words, this.#at + StreamRoot.FIRST, into);
  }

  writeFirst(id: EntryId): void {
    writeId(this.#words, this.#at + StreamRoot.FIRST, id);
  }

  get addedHigh(): number {
    return this.#words[this.#at + StreamRoot.ADDED_HIGH] as number;
  }

  get addedLow(): number {
    return this.#words[this.#at + StreamRoot.ADDED_LOW] as number;
  }

  setAdded(high: number, low: number): void {
    const words = this.#words;
    words[this.#at + StreamRoot.ADDED_HIGH] = high;
    words[this.#at + StreamRoot.ADDED_LOW] = low;
  }

  /**
   * Appends an entry, whose ID is behind the last one's. Throws ArenaFull, RangeError: nothing changed. The texts must not lie in the
   * stream itself.
   */
  append(id: EntryId, pairs: Pairs, limits: StreamLimits): void {
    const texts = pairsBytes(pairs);
    const tail = this.#tail();
    const writer = this.#writer;
    if (tail !== 0) writer.open(this.#bytes(tail), placeOf(tail)).scan(pairs);
    if (tail === 0 || this.#isFull(tail, texts, limits)) this.#appendNode(id, pairs, texts);
    else this.#appendEntry(tail, id, pairs, texts);
    const words = this.#words;
    const at = this.#at;
    const low = ((words[at + StreamRoot.ADDED_LOW] as number) + 1) | 0;
    words[at + StreamRoot.ADDED_LOW] = low;
    if (low === 0) words[at + StreamRoot.ADDED_HIGH] = ((words[at + StreamRoot.ADDED_HIGH] as number) + 1) | 0;
    writeId(words, at + StreamRoot.LAST, id);
    const length = ((words[at + StreamRoot.LENGTH] as number) + 1) | 0;
    words[at + StreamRoot.LENGTH] = length;
    if (length === 1) writeId(words, at + StreamRoot.FIRST, id);
  }

  /** Appends a copy of a listpack of `living` entries as the last node. Throws ArenaFull, nothing changed. */
  appendCopy(id: EntryId, bytes: Uint8Array, start: number, length: number, living: number): void {
    const blocks = this.#blocks;
    const handle = blocks.allocate(length + COUNTERS_ROOM);
    copyBytes(bytes, start, length, blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array, placeOf(handle));
    this.#addOrFree(id, handle);
    this.#setLength(this.length + living);
  }

  /**
   * Deletes an entry; false where there is none of this ID. The last ID and the greatest deleted one are the caller's.
   */
  remove(id: EntryId): boolean {
    const { nodes } = this;
    if (!nodes.seekHolder(id.msHigh, id.msLow, id.seqHigh, id.seqLow)) return false;
    const node = this.openNode(this.#node);
    for (;;) {
      if (!node.next()) return false;
      const order = node.id.compare(id);
      if (order > 0) return false;
      if (order < 0) continue;
      if (node.isDeleted) return false;
      break;
    }
    if (node.living <= 1) this.#removeNode(node.living);
    else {
      const bytes = this.#bytes(nodes.handle);
      const writer = this.#writer.open(bytes, placeOf(nodes.handle));
      const { entryAt } = node;
      // Whoever deletes from the front on would have findFirst pass over all that is deleted each time.
      if (this.readFirst(this.#master).compare(id) === 0 && toLiving(node)) this.writeFirst(node.id);
      writer.markDeleted(entryAt, bytes);
      writer.setCounts(node.living - 1, node.deleted + 1);
      this.#setLength(this.length - 1);
    }
    this.#noteRemoved(id);
    return true;
  }

  /**
   * Removes entries from the front until `maxLength` are left; with `isApproximate` whole nodes only, and at most `limit` (0: any number).
   * Returns how many. `isTrimmed` is false where there may be more to remove behind `nodesMax` nodes.
   */
  trimToLength(maxLength: number, isApproximate: boolean, limit: number, nodesMax: number): number {
    const { nodes } = this;
    let removed = 0;
    let nodesLeft = nodesMax;
    for (nodes.seekFirst(); this.length > maxLength && nodes.settle(); nodes.seekFirst()) {
      if (nodesLeft-- === 0) break;
      const { living } = this.openNode(this.#node);
      if (limit > 0 && removed + living > limit) break;
      if (this.length - living < maxLength) {
        if (isApproximate) break;
        this.isTrimmed = true;
        return removed + this.#trimNode(this.length - maxLength, null);
      }
      this.#removeNode(living);
      removed += living;
    }
    this.isTrimmed = nodesLeft >= 0;
    if (removed > 0) this.findFirst();
    return removed;
  }

  /** As trimToLength: removes entries before `minId`. */
  trimToId(minId: EntryId, isApproximate: boolean, limit: number, nodesMax: number): number {
    const { nodes } = this;
    let removed = 0;
    let nodesLeft = nodesMax;
    for (nodes.seekFirst(); nodes.settle(); nodes.seekFirst()) {
      if (nodesLeft-- === 0) break;
      const node = this.openNode(this.#node);
      const { living } = node;
      if (limit > 0 && removed + living > limit) break;
      node.toEnd();
      if (!node.previous() || node.id.compare(minId) >= 0) {
        if (isApproximate) break;
        this.isTrimmed = true;
        return removed + this.#trimNode(Number.POSITIVE_INFINITY, minId);
      }
      this.#removeNode(living);
      removed += living;
    }
    this.isTrimmed = nodesLeft >= 0;
    if (removed > 0) this.findFirst();
    return removed;
  }

  /** Opens the node where `nodes` stands. Throws FormatError. */
  openNode(node: StreamNode): StreamNode {
    const { nodes } = this;
    const { handle } = nodes;
    readNodeId(nodes, node.master);
    const bytes = this.#bytes(handle);
    const at = placeOf(handle);
    return node.open(bytes, at, i32le(bytes, at) >>> 0);
  }

  /** Finds the first living entry, for the root. */
  findFirst(): void {
    const { nodes } = this;
    const node = this.#node;
    for (nodes.seekFirst(); nodes.settle(); nodes.next()) {
      if (!toLiving(this.openNode(node))) continue;
      this.writeFirst(node.id);
      return;
    }
    this.writeFirst(this.#master.setMin());
  }

  /** The ID of the last living entry; false where there is none. */
  readTop(into: EntryId): boolean {
    const { nodes } = this;
    const node = this.#node;
    if (this.length === 0) return false;
    nodes.seekEnd();
    while (nodes.previous()) {
      this.openNode(node).toEnd();
      while (node.previous()) {
        if (node.isDeleted) continue;
        into.copy(node.id);
        return true;
      }
    }
    return false;
  }

  get #words(): Int32Array {
    return this.#blocks.words[this.#root >>> WINDOW_SHIFT] as Int32Array;
  }

  get #at(): number {
    return (this.#root & IN_WINDOW) << 1;
  }

  #bytes(handle: number): Uint8Array {
    return this.#blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
  }

  /** The last node, 0 where there is none; #master is its ID. */
  #tail(): number {
    const words = this.#words;
    const at = this.#at;
    let tail = words[at + StreamRoot.TAIL] as number;
    if (tail === 0) {
      const { nodes } = this;
      if (nodes.entries === 0) return 0;
      nodes.seekLast();
      tail = nodes.handle;
      words[at + StreamRoot.TAIL] = tail;
      writeId(words, at + StreamRoot.TAIL_ID, readNodeId(nodes, this.#master));
    } else readId(words, at + StreamRoot.TAIL_ID, this.#master);
    return tail;
  }

  /** Whether the tail, just scanned, takes no entry of so many bytes any more; it is shrunk to what it needs then. */
  #isFull(tail: number, texts: number, limits: StreamLimits): boolean {
    const writer = this.#writer;
    const total = writer.totalBytes;
    const nodeBytes = limits["stream-node-max-bytes"];
    const nodeEntries = limits["stream-node-max-entries"];
    const bytesMax = nodeBytes === 0 || nodeBytes > LISTPACK_BYTES_MAX ? LISTPACK_BYTES_MAX : nodeBytes;
    const isFull = total + texts >= bytesMax || (nodeEntries > 0 && writer.living + writer.deleted >= nodeEntries);
    if (isFull && total <= this.#blocks.capacity(tail) * SHRUNK_BELOW) {
      this.nodes.seekLast();
      this.#shrink(total);
    }
    return isFull;
  }

  #appendNode(id: EntryId, pairs: Pairs, texts: number): void {
    const blocks = this.#blocks;
    const size = masterBytesMax(texts, pairs.count) + entryBytesMax(texts, pairs.count);
    if (size > LISTPACK_BYTES_MAX) throw new RangeError(`a stream's entry of ${texts} bytes`);
    const handle = blocks.allocate(size);
    const writer = this.#writer.create(this.#bytes(handle), placeOf(handle), pairs);
    writer.append(id, 0, id, pairs, true);
    this.#addOrFree(id, handle);
  }

  /** Adds a node behind all others. */
  #addOrFree(id: EntryId, handle: number): void {
    try {
      this.nodes.add(id.msHigh, id.msLow, id.seqHigh, id.seqLow, handle, 1);
      this.#words[this.#at + StreamRoot.TAIL] = 0;
    } catch (error) {
      this.#blocks.free(handle);
      throw error;
    }
  }

  /** To the tail, which has just been scanned and takes it; its ID is #master. */
  #appendEntry(tail: number, id: EntryId, pairs: Pairs, texts: number): void {
    const blocks = this.#blocks;
    const writer = this.#writer;
    const total = writer.totalBytes;
    const needed = total + entryBytesMax(texts, pairs.count);
    const capacity = blocks.capacity(tail);
    if (needed > capacity) {
      if (needed > LISTPACK_BYTES_MAX) throw new RangeError(`a stream's node of ${needed} bytes`);
      this.nodes.seekLast();
      this.#move(Math.max(needed, Math.min(2 * capacity, DOUBLED_BYTES_MAX)), total);
      const moved = this.nodes.handle;
      writer.open(this.#bytes(moved), placeOf(moved));
    }
    writer.append(this.#master, writer.living, id, pairs, writer.isSame);
  }

  /** Removes the node where `nodes` stands, with its block and `living` entries. */
  #removeNode(living: number): void {
    const { nodes } = this;
    const { handle } = nodes;
    nodes.removeHere();
    this.#blocks.free(handle);
    this.#words[this.#at + StreamRoot.TAIL] = 0;
    this.#setLength(this.length - living);
  }

  #setLength(length: number): void {
    this.#words[this.#at + StreamRoot.LENGTH] = length;
  }

  /**
   * Marks up to `count` entries from the front of the first node, where `nodes` stands, those before `minId`, as deleted; how many. The
   * first entry is noted.
   */
  #trimNode(count: number, minId: EntryId | null): number {
    const { nodes } = this;
    const bytes = this.#bytes(nodes.handle);
    const node = this.openNode(this.#node);
    const writer = this.#writer.open(bytes, placeOf(nodes.handle));
    let removed = 0;
    let hasFirst = false;
    while (!hasFirst && node.next()) {
      if (node.isDeleted) continue;
      hasFirst = removed === count || (minId !== null && node.id.compare(minId) >= 0);
      if (hasFirst) this.writeFirst(node.id);
      else {
        writer.markDeleted(node.entryAt, bytes);
        removed++;
      }
    }
    writer.setCounts(node.living - removed, node.deleted + removed);
    this.#setLength(this.length - removed);
    if (!hasFirst) this.findFirst();
    return removed;
  }

  /** The block of the node where `nodes` stands becomes as small as can be, if there is memory for that. */
  #shrink(total: number): void {
    try {
      this.#move(total + COUNTERS_ROOM, total);
    } catch {
      // It stays as it is.
    }
  }

  #move(bytes: number, used: number): void {
    const { nodes } = this;
    const blocks = this.#blocks;
    const old = nodes.handle;
    const fresh = blocks.allocate(bytes);
    copyBytes(this.#bytes(old), placeOf(old), used, this.#bytes(fresh), placeOf(fresh));
    nodes.handle = fresh;
    const words = this.#words;
    const tailAt = this.#at + StreamRoot.TAIL;
    if (words[tailAt] === old) words[tailAt] = fresh;
    blocks.free(old);
  }

  /** After an entry has been deleted. */
  #noteRemoved(id: EntryId): void {
    const first = this.readFirst(this.#master);
    if (this.length === 0) this.writeFirst(first.setMin());
    else if (first.compare(id) === 0) this.findFirst();
  }
}

/** Goes to the next entry that is not deleted; false where the node has none. */
function toLiving(node: StreamNode): boolean {
  while (node.next()) if (!node.isDeleted) return true;
  return false;
}

/** The ID whose four words begin at words[at]. */
export function readId(words: Int32Array, at: number, into: EntryId): EntryId {
  into.msHigh = words[at] as number;
  into.msLow = words[at + 1] as number;
  into.seqHigh = words[at + 2] as number;
  into.seqLow = words[at + 3] as number;
  return into;
}

export function writeId(words: Int32Array, at: number, id: EntryId): void {
  words[at] = id.msHigh;
  words[at + 1] = id.msLow;
  words[at + 2] = id.seqHigh;
  words[at + 3] = id.seqLow;
}

/** The ID of the entry where a tree stands. */
export function readNodeId(tree: IdTree, into: EntryId): EntryId {
  into.msHigh = tree.idWord(0);
  into.msLow = tree.idWord(1);
  into.seqHigh = tree.idWord(2);
  into.seqLow = tree.idWord(3);
  return into;
}

/** The sum of two 64-bit halves, as a number: exact below 2^53. */
export function toNumber(high: number, low: number): number {
  return high * TWO32 + (low >>> 0);
}
