/**
 * Consumer groups of a stream, behind its entries:
 *
 *   count | { name | last id ms, seq | entries read (2 on)
 *           | pending count | { id 16 bytes big-endian | delivery time int64 | delivery count } …
 *           | consumers | { name | seen time int64 | active time int64 (3 on) | count | { id 16 bytes } … } … } …
 *
 * Cold path: objects and bigints; the pending entries, of which there may be many, are columns.
 */
import { readCount, readLength, readLength64 } from "../rdb/length.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { readExpireMs } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { compareStreamIds, type StreamId } from "./stream-nodes.ts";

const ID_BYTES = 16;

/** Pending entries in ID order, columns of equal length. */
export interface PendingEntries {
  readonly count: number;
  readonly ms: BigUint64Array;
  readonly seq: BigUint64Array;
  /** Unix time in ms of the last delivery. */
  readonly deliveryTimeMs: Float64Array;
  readonly deliveryCount: Float64Array;
  /** Index into the group's consumers; -1 where the file names none. */
  readonly consumer: Int32Array;
}

export interface StreamConsumer {
  /** Binary string. */
  readonly name: string;
  readonly seenTimeMs: number;
  /** -1: never active (files before Redis 7.2: as seenTimeMs, as Redis loads them). */
  readonly activeTimeMs: number;
  /** Number of entries pending for this consumer. */
  readonly pendingCount: number;
}

export interface StreamGroup {
  /** Binary string. */
  readonly name: string;
  readonly lastId: StreamId;
  /** -1n: unknown. */
  readonly entriesRead: bigint;
  readonly pending: PendingEntries;
  /** In name order. */
  readonly consumers: readonly StreamConsumer[];
}

/** What the estimate of `entriesRead` needs to know of the stream. */
export interface StreamState {
  readonly length: number;
  readonly lastId: StreamId;
  readonly firstId: StreamId;
  readonly maxDeletedId: StreamId;
  readonly entriesAdded: bigint;
}

/** Reads the groups of a stream record of `type`, the cursor at their count; in name order. Throws FormatError. */
export function readGroups(cursor: Cursor, type: number, stream: StreamState): StreamGroup[] {
  const groups: StreamGroup[] = [];
  for (let left = readCount(cursor, 4); left > 0; left--) groups.push(readGroup(cursor, type, stream));
  return groups.sort(byName);
}

function readGroup(cursor: Cursor, type: number, stream: StreamState): StreamGroup {
  const name = readText(cursor);
  const lastId = { ms: readLength64(cursor), seq: readLength64(cursor) };
  const entriesRead =
    type === RdbType.STREAM_LISTPACKS ? entriesReadEstimate(stream, lastId) : BigInt.asIntN(64, readLength64(cursor));
  const pending = readPending(cursor);
  const consumers: StreamConsumer[] = [];
  for (let left = readCount(cursor, 10); left > 0; left--) {
    consumers.push(readConsumer(cursor, type, pending, consumers.length));
  }
  return { name, lastId, entriesRead, pending, consumers: inNameOrder(consumers, pending) };
}

function readConsumer(cursor: Cursor, type: number, pending: PendingEntries, index: number): StreamConsumer {
  const name = readText(cursor);
  const seenTimeMs = readExpireMs(cursor);
  const activeTimeMs = type === RdbType.STREAM_LISTPACKS_3 ? readExpireMs(cursor) : seenTimeMs;
  const pendingCount = readCount(cursor, ID_BYTES);
  let expected = 0;
  for (let i = 0; i < pendingCount; i++) {
    const { offset } = cursor;
    const id = { ms: cursor.u64be(), seq: cursor.u64be() };
    // Both lists are in ID order: mostly the entry behind the one before.
    const isNext = expected < pending.count && pending.ms[expected] === id.ms && pending.seq[expected] === id.seq;
    const entry = isNext ? expected : findPending(pending, id);
    expected = entry + 1;
    if (entry < 0) {
      throw new FormatError(
        "bad-stream",
        offset,
        `an entry ${id.ms}-${id.seq} of a consumer`,
        "one pending in its group",
      );
    }
    pending.consumer[entry] = index;
  }
  return { name, seenTimeMs, activeTimeMs, pendingCount };
}

function readPending(cursor: Cursor): PendingEntries {
  const count = readCount(cursor, ID_BYTES + 9);
  const pending = emptyPending(count);
  let sorted = true;
  for (let i = 0; i < count; i++) {
    pending.ms[i] = cursor.u64be();
    pending.seq[i] = cursor.u64be();
    pending.deliveryTimeMs[i] = readExpireMs(cursor);
    pending.deliveryCount[i] = readLength(cursor);
    if (i > 0 && compareStreamIds(pendingId(pending, i - 1), pendingId(pending, i)) > 0) sorted = false;
  }
  return sorted ? pending : sortPending(pending);
}

function emptyPending(count: number): PendingEntries {
  return {
    count,
    ms: new BigUint64Array(count),
    seq: new BigUint64Array(count),
    deliveryTimeMs: new Float64Array(count),
    deliveryCount: new Float64Array(count),
    consumer: new Int32Array(count).fill(-1),
  };
}

function sortPending(pending: PendingEntries): PendingEntries {
  const order = Array.from({ length: pending.count }, (_, i) => i);
  order.sort((a, b) => compareStreamIds(pendingId(pending, a), pendingId(pending, b)));
  const sorted = emptyPending(pending.count);
  order.forEach((from, to) => {
    sorted.ms[to] = pending.ms[from] as bigint;
    sorted.seq[to] = pending.seq[from] as bigint;
    sorted.deliveryTimeMs[to] = pending.deliveryTimeMs[from] as number;
    sorted.deliveryCount[to] = pending.deliveryCount[from] as number;
  });
  return sorted;
}

/** The ID of pending entry i. */
export function pendingId(pending: PendingEntries, i: number): StreamId {
  return { ms: pending.ms[i] as bigint, seq: pending.seq[i] as bigint };
}

/** Index of the pending entry with this ID, -1 when there is none. */
export function findPending(pending: PendingEntries, id: StreamId): number {
  let low = 0;
  let high = pending.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareStreamIds(pendingId(pending, middle), id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Consumers as Redis lists them: in name order. Their numbers in `pending` follow. */
function inNameOrder(consumers: StreamConsumer[], pending: PendingEntries): StreamConsumer[] {
  const order = consumers.map((consumer, index) => ({ name: consumer.name, index })).sort(byName);
  const numbers = new Int32Array(consumers.length);
  order.forEach(({ index }, number) => {
    numbers[index] = number;
  });
  for (let i = 0; i < pending.count; i++) {
    const consumer = pending.consumer[i] as number;
    if (consumer >= 0) pending.consumer[i] = numbers[consumer] as number;
  }
  return order.map(({ index }) => consumers[index] as StreamConsumer);
}

/** Binary strings compare as their bytes do. */
function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function readText(cursor: Cursor): string {
  const span = new Span();
  readString(cursor, span, new Scratch());
  return span.text();
}

/**
 * How many entries were added up to `id`, as Redis guesses it for files that do not say (before 7.0), and for XINFO's
 * lag; -1n when nothing can be said.
 */
export function entriesReadEstimate(stream: StreamState, id: StreamId): bigint {
  const { entriesAdded, length, lastId, firstId, maxDeletedId } = stream;
  if (entriesAdded === 0n) return 0n;
  const toLast = compareStreamIds(id, lastId);
  if (toLast === 0 || (length === 0 && toLast < 0)) return entriesAdded;
  if (toLast > 0) return -1n;
  const toFirst = compareStreamIds(id, firstId);
  const noGapAhead = (maxDeletedId.ms === 0n && maxDeletedId.seq === 0n) || compareStreamIds(maxDeletedId, firstId) < 0;
  if (noGapAhead && toFirst < 0) return entriesAdded - BigInt(length);
  if (noGapAhead && toFirst === 0) return entriesAdded - BigInt(length) + 1n;
  return -1n;
}
