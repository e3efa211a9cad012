/**
 * Changes a stream's node (drawn in stream-node.ts) where it lies, byte for byte as Redis's t_stream.c does: appends an entry, marks entries
 * as deleted. Room is the caller's business: `entryBytesMax`, `nodeBytesMax`.
 */

import { EMPTY_BYTES } from "../util/span.ts";
import { Element } from "./element.ts";
import type { EntryId } from "./entry-id.ts";
import { backLengthBytes, elementBytes, Listpack } from "./listpack.ts";
import { LISTPACK_EMPTY_BYTES, ListpackWriter, writeEmptyListpack } from "./listpack-writer.ts";
import { i24le, i32le, u16le } from "./packed.ts";
import { ENTRY_HEAD_ELEMENTS, EntryFlags } from "./stream-node.ts";

/** An integer as an element: 9 bytes and the back length. */
const INTEGER_BYTES_MAX = 10;
/** What a string takes as an element besides its bytes: 5 of head, 5 of back length. */
const STRING_OVERHEAD_MAX = 10;
/** The greatest integer that is one byte as an element. */
const BYTE_MAX = 127;
/** Integers from minus this to below it are two bytes as an element: this head and 13 bits. */
const THIRTEEN_BITS = 4096;
const THIRTEEN = 0xc0;
/** Strings up to so long have one byte of head: their length and this. */
const SHORT_BYTES_MAX = 63;
const SHORT = 0x80;
const ZERO = 48;
const NINE = 57;
const MINUS = 45;
const SIGN = 0x80000000 | 0;
/**
 * What the counters of the master entry may grow by as entries are deleted: from 1 byte to 5, in 1 GiB at most. Every node has that room, so
 * that deleting needs no memory.
 */
export const COUNTERS_ROOM = 4;

/** The pairs of an entry: 2 × `pairs` texts, fields and values in turn, from `first` on. */
export interface Pairs {
  bytes: Uint8Array;
  starts: Int32Array;
  lengths: Int32Array;
  first: number;
  count: number;
}

/** Bytes of all fields and values. */
export function pairsBytes({ lengths, first, count }: Pairs): number {
  let sum = 0;
  for (let i = first; i < first + 2 * count; i++) sum += lengths[i] as number;
  return sum;
}

/** Bytes that an entry may add to a node at most; `texts`: bytes of its fields and values. */
export function entryBytesMax(texts: number, pairs: number): number {
  return texts + 2 * pairs * STRING_OVERHEAD_MAX + (ENTRY_HEAD_ELEMENTS + 2) * INTEGER_BYTES_MAX + 2 * COUNTERS_ROOM;
}

/** Bytes that a new node with the master entry alone may have at most. */
export function masterBytesMax(texts: number, pairs: number): number {
  return LISTPACK_EMPTY_BYTES + texts + pairs * STRING_OVERHEAD_MAX + 4 * INTEGER_BYTES_MAX;
}

/** Where the counters begin: behind the listpack's header. */
const COUNTS_AT = 6;

export class StreamNodeWriter {
  /** As the master entry says, after scan(). */
  living = 0;
  deleted = 0;
  /** Whether the fields that scan() was given are those of the master entry. */
  isSame = false;
  readonly #writer = new ListpackWriter();
  readonly #listpack = new Listpack();
  readonly #element = new Element();
  #bytes: Uint8Array = EMPTY_BYTES;
  #start = 0;
  #pos = 0;

  /** Opens a node that lies at `at`. */
  open(bytes: Uint8Array, at: number): this {
    this.#writer.open(bytes, at);
    this.#bytes = bytes;
    this.#start = at;
    return this;
  }

  /** Reads the master entry of a node that is known to be sound. */
  scan(pairs: Pairs): void {
    this.#pos = this.#start + COUNTS_AT;
    this.living = this.#count();
    this.deleted = this.#count();
    this.isSame = this.#count() === pairs.count && this.#hasFields(pairs);
  }

  /** The integer at #pos, which moves behind it. */
  #count(): number {
    const bytes = this.#bytes;
    const pos = this.#pos;
    const head = bytes[pos] as number;
    if (head < 0x80) {
      this.#pos = pos + 2;
      return head;
    }
    this.#pos = pos + elementBytes(bytes, pos) + 1;
    if ((head & 0xe0) === 0xc0) return ((((head & 0x1f) << 8) | (bytes[pos + 1] as number)) << 19) >> 19;
    if (head === 0xf1) return (u16le(bytes, pos + 1) << 16) >> 16;
    return head === 0xf2 ? i24le(bytes, pos + 1) : i32le(bytes, pos + 1);
  }

  #hasFields({ bytes, starts, lengths, first, count }: Pairs): boolean {
    const mine = this.#bytes;
    let pos = this.#pos;
    for (let i = first; i < first + 2 * count; i += 2) {
      const start = starts[i] as number;
      const length = lengths[i] as number;
      const head = mine[pos] as number;
      if (head >= 0x80 && head < 0xc0) {
        if ((head & 0x3f) !== length) return false;
        for (let k = 0; k < length; k++) if (mine[pos + 1 + k] !== bytes[start + k]) return false;
        pos += length + 2;
        continue;
      }
      if (!this.#isElement(pos, bytes, start, length)) return false;
      const size = elementBytes(mine, pos);
      pos += size + backLengthBytes(size);
    }
    return true;
  }

  #isElement(pos: number, bytes: Uint8Array, start: number, length: number): boolean {
    const listpack = this.#listpack.open(this.#bytes, this.#start, this.totalBytes);
    listpack.pos = pos;
    listpack.next(this.#element);
    return this.#element.equals(bytes, start, length);
  }

  get totalBytes(): number {
    return this.#writer.totalBytes;
  }

  /** Makes a node without entries at `at`; its master entry has these fields. */
  create(bytes: Uint8Array, at: number, pairs: Pairs): this {
    writeEmptyListpack(bytes, at);
    this.open(bytes, at);
    const writer = this.#writer;
    let pos = writer.putInteger(writer.end, 0);
    pos = writer.putInteger(pos, 0);
    pos = writer.putInteger(pos, pairs.count);
    for (let i = pairs.first; i < pairs.first + 2 * pairs.count; i += 2) {
      pos = writer.put(pos, pairs.bytes, pairs.starts[i] as number, pairs.lengths[i] as number);
    }
    pos = writer.putInteger(pos, 0);
    writer.seal(pos, pairs.count + 4);
    return this;
  }

  /** Appends an entry to a node of ID `master` with `living` entries. `isSame`: its fields are the master entry's. */
  append(master: EntryId, living: number, id: EntryId, pairs: Pairs, isSame: boolean): void {
    const writer = this.#writer;
    const node = this.#bytes;
    const { bytes, starts, lengths, first, count } = pairs;
    if (living < BYTE_MAX) node[this.#start + COUNTS_AT] = living + 1;
    else writer.replaceInteger(writer.first, living + 1);
    let pos = putByte(node, writer.end, isSame ? EntryFlags.SAME_FIELDS : 0);
    pos = putDifference(writer, node, pos, id.msHigh, id.msLow, master.msHigh, master.msLow);
    pos = putDifference(writer, node, pos, id.seqHigh, id.seqLow, master.seqHigh, master.seqLow);
    if (!isSame) pos = writer.putInteger(pos, count);
    for (let i = first; i < first + 2 * count; i += 2) {
      if (!isSame) pos = writer.put(pos, bytes, starts[i] as number, lengths[i] as number);
      pos = writer.put(pos, bytes, starts[i + 1] as number, lengths[i + 1] as number);
    }
    const elements = ENTRY_HEAD_ELEMENTS + (isSame ? count : 2 * count + 1);
    pos = elements <= BYTE_MAX ? putByte(node, pos, elements) : writer.putInteger(pos, elements);
    writer.seal(pos, elements + 1);
  }

  /** Marks the entry whose flags lie at `entryAt` as deleted; the counters are the caller's (`setCounts`). */
  markDeleted(entryAt: number, bytes: Uint8Array): void {
    // Flags are below 128: the element is its byte.
    bytes[entryAt] = (bytes[entryAt] as number) | EntryFlags.DELETED;
  }

  /** Writes the master entry's counters. The node may grow by COUNTERS_ROOM, and positions in it move. */
  setCounts(living: number, deleted: number): void {
    const writer = this.#writer;
    writer.replaceInteger(writer.replaceInteger(writer.first, living), deleted);
  }
}

/** Puts an integer 0 … 127. */
function putByte(bytes: Uint8Array, pos: number, value: number): number {
  bytes[pos] = value;
  bytes[pos + 1] = 1;
  return pos + 2;
}

/** Puts a text as ListpackWriter.put does; most are short and no numbers. */
export function putText(
  writer: ListpackWriter,
  bytes: Uint8Array,
  pos: number,
  text: Uint8Array,
  from: number,
  length: number,
): number {
  const first = text[from] as number;
  if (length === 0 || length > SHORT_BYTES_MAX || (first <= NINE && (first >= ZERO || first === MINUS))) {
    return writer.put(pos, text, from, length);
  }
  bytes[pos] = SHORT | length;
  const at = pos + 1;
  for (let i = 0; i < length; i++) bytes[at + i] = text[from + i] as number;
  bytes[at + length] = length + 1;
  return at + length + 1;
}

/** Puts the 64-bit difference of two numbers. */
export function putDifference(
  writer: ListpackWriter,
  bytes: Uint8Array,
  pos: number,
  high: number,
  low: number,
  baseHigh: number,
  baseLow: number,
): number {
  const lower = (low - baseLow) | 0;
  if (high === baseHigh && lower >= -THIRTEEN_BITS && lower < THIRTEEN_BITS) {
    // So near, but for those that lie across the end of 32 bits.
    if (lower >= 0 === (low ^ SIGN) >= (baseLow ^ SIGN)) {
      if (lower >= 0 && lower <= BYTE_MAX) return putByte(bytes, pos, lower);
      bytes[pos] = THIRTEEN | ((lower >>> 8) & 0x1f);
      bytes[pos + 1] = lower;
      bytes[pos + 2] = 2;
      return pos + 3;
    }
  }
  const borrow = low >>> 0 < baseLow >>> 0 ? 1 : 0;
  return writer.putInt64(pos, (high - baseHigh - borrow) | 0, lower);
}
