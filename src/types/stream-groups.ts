/**
 * Consumer groups of a stream, in a file behind its entries:
 *
 *   count | { name | last id ms, seq | entries read (2 on)
 *           | pending count | { id 16 bytes big-endian | delivery time int64 | delivery count } …
 *           | consumers | { name | seen time int64 | active time int64 (3 on) | count | { id 16 bytes } … } … } …
 *
 * A `Groups` stands at a group, at a consumer of it and at a pending entry; of a file (here) or of a native stream
 * (stream-groups-native.ts). Of a file all is read at once: objects; the pending entries, of which there may be many, are columns.
 */
import { ENTRY_ID_BYTES, EntryId } from "../encodings/entry-id.ts";
import { readCount, readLength64 } from "../rdb/length.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { readExpireMs } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";

const ID_WORDS = 4;

/** The groups of one stream in order of their names. Spans and IDs are valid until it stands elsewhere. */
export interface Groups {
  readonly count: number;
  /** Stands at group `index`. */
  stand(index: number): void;
  /** Stands at the group of this name; false where there is none. */
  find(bytes: Uint8Array, start: number, length: number): boolean;
  readonly name: Span;
  readonly lastId: EntryId;
  /** -1n: unknown. */
  readonly entriesRead: bigint;
  readonly pendingCount: number;

  /** Consumers of the group, in order of their names. */
  readonly consumers: number;
  standAtConsumer(index: number): void;
  /** The consumer's index, -1 where there is none. */
  findConsumer(bytes: Uint8Array, start: number, length: number): number;
  readonly consumerName: Span;
  /** Unix time in ms. */
  readonly seenTimeMs: number;
  /** -1: never active (files before Redis 7.2: as seenTimeMs, as Redis loads them). */
  readonly activeTimeMs: number;
  /** Number of entries pending for this consumer. */
  readonly consumerPending: number;

  /** Before the first pending entry of the group, or (`consumer` ≥ 0: its index) of one consumer, whose ID is not before `from`. */
  seekPending(from: EntryId, consumer: number): void;
  nextPending(): boolean;
  /** The last pending entry of the group; false where there is none. */
  lastPending(): boolean;
  readonly pendingId: EntryId;
  /** Name of the consumer that has it; empty where the file names none. */
  readonly owner: Span;
  /** Unix time in ms of the last delivery. */
  readonly deliveryTimeMs: number;
  readonly deliveryCount: number | bigint;
}

/** What the estimate of `entriesRead` needs to know of the stream. */
export interface StreamState {
  readonly length: number;
  readonly lastId: EntryId;
  readonly firstId: EntryId;
  readonly maxDeletedId: EntryId;
  readonly entriesAdded: bigint;
}

interface Consumer {
  readonly name: Uint8Array;
  readonly seenTimeMs: number;
  readonly activeTimeMs: number;
  readonly pendingCount: number;
  /** Its place among the file's consumers. */
  readonly number: number;
}

interface Group {
  readonly name: Uint8Array;
  readonly lastId: EntryId;
  readonly entriesRead: bigint;
  readonly pending: PendingColumns;
  readonly consumers: readonly Consumer[];
  /** By a consumer's number: its index. */
  readonly order: Int32Array;
}

export class FileGroups implements Groups {
  readonly name = new Span();
  readonly consumerName = new Span();
  readonly owner = new Span();
  readonly pendingId = new EntryId();
  #groups: Group[] = [];
  #group: Group | null = null;
  #consumer: Consumer | null = null;
  #only = -1;
  #row = 0;

  /** Reads the groups of a stream record of `type`, the cursor at their count. Throws FormatError. */
  constructor(cursor: Cursor, type: number, stream: StreamState) {
    for (let left = readCount(cursor, 4); left > 0; left--) this.#groups.push(readGroup(cursor, type, stream));
    this.#groups.sort(byName);
  }

  get count(): number {
    return this.#groups.length;
  }

  stand(index: number): void {
    this.#group = this.#groups[index] as Group;
    setAll(this.name, this.#group.name);
  }

  find(bytes: Uint8Array, start: number, length: number): boolean {
    const index = indexOfName(this.#groups, bytes, start, length);
    if (index >= 0) this.stand(index);
    return index >= 0;
  }

  get lastId(): EntryId {
    return this.#here.lastId;
  }

  get entriesRead(): bigint {
    return this.#here.entriesRead;
  }

  get pendingCount(): number {
    return this.#here.pending.count;
  }

  get consumers(): number {
    return this.#here.consumers.length;
  }

  standAtConsumer(index: number): void {
    this.#consumer = this.#here.consumers[index] as Consumer;
    setAll(this.consumerName, this.#consumer.name);
  }

  findConsumer(bytes: Uint8Array, start: number, length: number): number {
    return indexOfName(this.#here.consumers, bytes, start, length);
  }

  get seenTimeMs(): number {
    return (this.#consumer as Consumer).seenTimeMs;
  }

  get activeTimeMs(): number {
    return (this.#consumer as Consumer).activeTimeMs;
  }

  get consumerPending(): number {
    return (this.#consumer as Consumer).pendingCount;
  }

  seekPending(from: EntryId, consumer: number): void {
    this.#only = consumer < 0 ? -1 : (this.#here.consumers[consumer] as Consumer).number;
    this.#row = this.#here.pending.firstFrom(from) - 1;
  }

  nextPending(): boolean {
    const { pending } = this.#here;
    do {
      if (this.#row + 1 >= pending.count) return false;
      this.#row++;
    } while (this.#only >= 0 && pending.consumer[this.#row] !== this.#only);
    pending.readId(this.#row, this.pendingId);
    this.#standAtOwner();
    return true;
  }

  lastPending(): boolean {
    const { pending } = this.#here;
    if (pending.count === 0) return false;
    this.#row = pending.count - 1;
    pending.readId(this.#row, this.pendingId);
    this.#standAtOwner();
    return true;
  }

  get deliveryTimeMs(): number {
    return this.#here.pending.deliveryTimeMs[this.#row] as number;
  }

  get deliveryCount(): bigint {
    return this.#here.pending.deliveryCount[this.#row] as bigint;
  }

  #standAtOwner(): void {
    const { pending, consumers, order } = this.#here;
    const number = pending.consumer[this.#row] as number;
    const consumer = number < 0 ? undefined : consumers[order[number] as number];
    if (consumer === undefined) this.owner.length = 0;
    else setAll(this.owner, consumer.name);
  }

  get #here(): Group {
    return this.#group as Group;
  }
}

/** Pending entries in ID order, columns of equal length. */
class PendingColumns {
  readonly deliveryTimeMs: Float64Array;
  readonly deliveryCount: BigUint64Array;
  /** A number of the group's consumers as the file has them; -1 where it names none. */
  readonly consumer: Int32Array;
  readonly #ids: Int32Array;

  constructor(readonly count: number) {
    this.deliveryTimeMs = new Float64Array(count);
    this.deliveryCount = new BigUint64Array(count);
    this.consumer = new Int32Array(count).fill(-1);
    this.#ids = new Int32Array(count * ID_WORDS);
  }

  readId(row: number, into: EntryId): EntryId {
    const ids = this.#ids;
    const at = row * ID_WORDS;
    return into.set(ids[at] as number, ids[at + 1] as number, ids[at + 2] as number, ids[at + 3] as number);
  }

  set(row: number, id: EntryId, timeMs: number, count: bigint): void {
    this.#ids.set([id.msHigh, id.msLow, id.seqHigh, id.seqLow], row * ID_WORDS);
    this.deliveryTimeMs[row] = timeMs;
    this.deliveryCount[row] = count;
  }

  /** The first row whose ID is not before `id`. */
  firstFrom(id: EntryId): number {
    const mine = new EntryId();
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.readId(middle, mine).compare(id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The row of this ID, -1 when there is none. */
  find(id: EntryId): number {
    const row = this.firstFrom(id);
    return row < this.count && this.readId(row, new EntryId()).compare(id) === 0 ? row : -1;
  }

  /** In order of IDs. */
  sorted(): PendingColumns {
    const ids = Array.from({ length: this.count }, (_, row) => ({ row, id: this.readId(row, new EntryId()) }));
    ids.sort((a, b) => a.id.compare(b.id));
    const sorted = new PendingColumns(this.count);
    ids.forEach(({ row, id }, to) => {
      sorted.set(to, id, this.deliveryTimeMs[row] as number, this.deliveryCount[row] as bigint);
    });
    return sorted;
  }
}

function readGroup(cursor: Cursor, type: number, stream: StreamState): Group {
  const name = readName(cursor);
  const ms = readLength64(cursor);
  const lastId = new EntryId().setBig(ms, readLength64(cursor));
  const entriesRead =
    type === RdbType.STREAM_LISTPACKS ? entriesReadEstimate(stream, lastId) : BigInt.asIntN(64, readLength64(cursor));
  const pending = readPending(cursor);
  const consumers: Consumer[] = [];
  for (let left = readCount(cursor, 10); left > 0; left--) {
    consumers.push(readConsumer(cursor, type, pending, consumers.length));
  }
  consumers.sort(byName);
  const order = new Int32Array(consumers.length);
  consumers.forEach(({ number }, index) => {
    order[number] = index;
  });
  return { name, lastId, entriesRead, pending, consumers, order };
}

function readConsumer(cursor: Cursor, type: number, pending: PendingColumns, number: number): Consumer {
  const name = readName(cursor);
  const seenTimeMs = readExpireMs(cursor);
  const activeTimeMs = type === RdbType.STREAM_LISTPACKS_3 ? readExpireMs(cursor) : seenTimeMs;
  const pendingCount = readCount(cursor, ENTRY_ID_BYTES);
  const id = new EntryId();
  const probe = new EntryId();
  let expected = 0;
  for (let i = 0; i < pendingCount; i++) {
    const { offset } = cursor;
    id.setBig(cursor.u64be(), cursor.u64be());
    // Both lists are in ID order: mostly the entry behind the one before.
    const isNext = expected < pending.count && pending.readId(expected, probe).compare(id) === 0;
    const row = isNext ? expected : pending.find(id);
    expected = row + 1;
    if (row < 0) {
      throw new FormatError("bad-stream", offset, `an entry ${id.text()} of a consumer`, "one pending in its group");
    }
    pending.consumer[row] = number;
  }
  return { name, seenTimeMs, activeTimeMs, pendingCount, number };
}

function readPending(cursor: Cursor): PendingColumns {
  const count = readCount(cursor, ENTRY_ID_BYTES + 9);
  const pending = new PendingColumns(count);
  const before = new EntryId();
  const id = new EntryId();
  let isSorted = true;
  for (let row = 0; row < count; row++) {
    id.setBig(cursor.u64be(), cursor.u64be());
    const timeMs = readExpireMs(cursor);
    pending.set(row, id, timeMs, readLength64(cursor));
    if (row > 0 && before.compare(id) > 0) isSorted = false;
    before.copy(id);
  }
  return isSorted ? pending : pending.sorted();
}

function indexOfName(named: readonly { name: Uint8Array }[], bytes: Uint8Array, start: number, length: number): number {
  return named.findIndex(({ name }) => {
    if (name.length !== length) return false;
    for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
    return true;
  });
}

function byName(a: { name: Uint8Array }, b: { name: Uint8Array }): number {
  return Buffer.compare(a.name, b.name);
}

function readName(cursor: Cursor): Uint8Array {
  const span = new Span();
  readString(cursor, span, new Scratch());
  return span.copy();
}

function setAll(span: Span, bytes: Uint8Array): void {
  span.set(bytes, 0, bytes.length);
}

/**
 * How many entries were added up to `id`, as Redis guesses it for files that do not say (before 7.0), and for XINFO's
 * lag; -1n when nothing can be said.
 */
export function entriesReadEstimate(stream: StreamState, id: EntryId): bigint {
  const { length, lastId, firstId, maxDeletedId } = stream;
  const entriesAdded = BigInt.asIntN(64, stream.entriesAdded);
  if (entriesAdded === 0n) return 0n;
  const toLast = id.compare(lastId);
  if (toLast === 0 || (length === 0 && toLast < 0)) return entriesAdded;
  if (toLast > 0) return -1n;
  const toFirst = id.compare(firstId);
  const noGapAhead = maxDeletedId.isMin || maxDeletedId.compare(firstId) < 0;
  if (noGapAhead && toFirst < 0) return entriesAdded - BigInt(length);
  if (noGapAhead && toFirst === 0) return entriesAdded - BigInt(length) + 1n;
  return -1n;
}

/** Whether an entry from `id` on may have been deleted, so that counting entries is no way to count those added. */
export function hasDeletedFrom({ length, firstId, maxDeletedId }: StreamState, id: EntryId): boolean {
  if (length === 0 || maxDeletedId.isMin || firstId.compare(maxDeletedId) > 0) return false;
  return id.compare(maxDeletedId) <= 0;
}
