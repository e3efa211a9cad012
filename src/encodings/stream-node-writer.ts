/**
 * Changes a stream's node (drawn in stream-node.ts) where it lies, byte for byte as Redis's t_stream.c does: appends an entry, marks entries
 * as deleted. Room is the caller's business: `entryBytesMax`, `nodeBytesMax`.
 */

import type { EntryId } from "./entry-id.ts";
import { LISTPACK_EMPTY_BYTES, ListpackWriter, writeEmptyListpack } from "./listpack-writer.ts";
import { ENTRY_HEAD_ELEMENTS, EntryFlags } from "./stream-node.ts";

/** An integer as an element: 9 bytes and the back length. */
const INTEGER_BYTES_MAX = 10;
/** What a string takes as an element besides its bytes: 5 of head, 5 of back length. */
const STRING_OVERHEAD_MAX = 10;
/** What the counters of the master entry may grow by. */
const COUNTERS_GROWTH_MAX = 2 * INTEGER_BYTES_MAX;

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
  return texts + 2 * pairs * STRING_OVERHEAD_MAX + (ENTRY_HEAD_ELEMENTS + 2) * INTEGER_BYTES_MAX + COUNTERS_GROWTH_MAX;
}

/** Bytes that a new node with the master entry alone may have at most. */
export function masterBytesMax(texts: number, pairs: number): number {
  return LISTPACK_EMPTY_BYTES + texts + pairs * STRING_OVERHEAD_MAX + 4 * INTEGER_BYTES_MAX;
}

export class StreamNodeWriter {
  readonly #writer = new ListpackWriter();

  /** Opens a node that lies at `at`. */
  open(bytes: Uint8Array, at: number): this {
    this.#writer.open(bytes, at);
    return this;
  }

  get totalBytes(): number {
    return this.#writer.totalBytes;
  }

  /** Makes a node without entries at `at`; its master entry has these fields. */
  create(bytes: Uint8Array, at: number, pairs: Pairs): this {
    writeEmptyListpack(bytes, at);
    const writer = this.#writer.open(bytes, at);
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
    const { bytes, starts, lengths, first, count } = pairs;
    writer.replaceInteger(writer.first, living + 1);
    let pos = writer.putInteger(writer.end, isSame ? EntryFlags.SAME_FIELDS : 0);
    pos = putDifference(writer, pos, id.msHigh, id.msLow, master.msHigh, master.msLow);
    pos = putDifference(writer, pos, id.seqHigh, id.seqLow, master.seqHigh, master.seqLow);
    if (!isSame) pos = writer.putInteger(pos, count);
    for (let i = first; i < first + 2 * count; i += 2) {
      if (!isSame) pos = writer.put(pos, bytes, starts[i] as number, lengths[i] as number);
      pos = writer.put(pos, bytes, starts[i + 1] as number, lengths[i + 1] as number);
    }
    const elements = ENTRY_HEAD_ELEMENTS + (isSame ? count : 2 * count + 1);
    pos = writer.putInteger(pos, elements);
    writer.seal(pos, elements + 1);
  }

  /** Marks the entry whose flags lie at `entryAt` as deleted; the counters are the caller's (`setCounts`). */
  markDeleted(entryAt: number, bytes: Uint8Array): void {
    // Flags are below 128: the element is its byte.
    bytes[entryAt] = (bytes[entryAt] as number) | EntryFlags.DELETED;
  }

  /** Writes the master entry's counters. The node may grow by COUNTERS_GROWTH_MAX at most, and positions in it move. */
  setCounts(living: number, deleted: number): void {
    const writer = this.#writer;
    writer.replaceInteger(writer.replaceInteger(writer.first, living), deleted);
  }

  /** Bytes that a node needs before `setCounts`. */
  get bytesToCount(): number {
    return this.#writer.totalBytes + COUNTERS_GROWTH_MAX;
  }
}

/** Puts the 64-bit difference of two numbers. */
function putDifference(
  writer: ListpackWriter,
  pos: number,
  high: number,
  low: number,
  baseHigh: number,
  baseLow: number,
): number {
  const lower = (low - baseLow) | 0;
  const borrow = low >>> 0 < baseLow >>> 0 ? 1 : 0;
  return writer.putInt64(pos, (high - baseHigh - borrow) | 0, lower);
}
