/**
 * Checks a stream from outside: that every entry of every listpack can be read, that nodes ascend, and that groups, consumers and
 * pending ids fit together: each stands once, and what is pending for a group is pending for one of its consumers.
 * The layouts are drawn in stream.ts and stream-groups.ts.
 */
import { Element } from "../encodings/element.ts";
import { Listpack, validateListpack } from "../encodings/listpack.ts";
import { badValue } from "../rdb/bad-value.ts";
import { readCount, readLength, readLength64, skipLength } from "../rdb/length.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Scratch } from "../rdb/scratch.ts";
import { STREAM_ID_BYTES, StreamBytesMin } from "../rdb/stream-skip.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { parseInteger64 } from "../util/integer.ts";
import { Span } from "../util/span.ts";
import { ByteTable } from "./byte-table.ts";

const FLAG_SAME_FIELDS = 2;
/** Flags, the two halves of the id, and for fields of its own their number: what an entry has besides fields and values. */
const ENTRY_HEAD = 3;
const PER_SLICE = 256;

/** Moves the cursor past the stream. In slices. Throws FormatError. */
export function* checkStreamDeeply(cursor: Cursor, type: number): Generator<void, void, void> {
  const { offset } = cursor;
  const nodes = yield* checkNodes(cursor, type);
  if (readLength(cursor) !== 0 && nodes === 0) throw badValue(offset, type, "entries without a node");
  for (let halves = type === RdbType.STREAM_LISTPACKS ? 2 : 6; halves > 0; halves--) readLength64(cursor);
  if (type !== RdbType.STREAM_LISTPACKS) skipLength(cursor);
  const names = new ByteTable();
  const name = new Span();
  const scratch = new Scratch();
  for (let groups = readCount(cursor, StreamBytesMin.GROUP); groups > 0; groups--) {
    addName(cursor, type, names, name, scratch);
    yield* checkGroup(cursor, type);
  }
}

function* checkNodes(cursor: Cursor, type: number): Generator<void, number, void> {
  const id = new Span();
  const blob = new Span();
  const idScratch = new Scratch();
  const scratch = new Scratch();
  const entries = new NodeChecker();
  const before = new Uint8Array(STREAM_ID_BYTES);
  const count = readCount(cursor, StreamBytesMin.NODE);
  for (let node = 0; node < count; node++) {
    const { offset } = cursor;
    readString(cursor, id, idScratch);
    if (id.length !== STREAM_ID_BYTES) throw badValue(offset, type, `a node's id of ${id.length} bytes`);
    if (node > 0 && id.compare(before, 0, STREAM_ID_BYTES) <= 0) {
      throw badValue(offset, type, "nodes that do not ascend by id");
    }
    before.set(id.bytes.subarray(id.start, id.start + STREAM_ID_BYTES));
    readString(cursor, blob, scratch);
    const problem = entries.check(blob, offset);
    if (problem !== null) throw badValue(offset, type, problem);
    yield;
  }
  return count;
}

/** The entries of one listpack. */
class NodeChecker {
  readonly #listpack = new Listpack();
  readonly #element = new Element();

  /** What is wrong, or null. */
  check({ bytes, start, length }: Span, offset: number): string | null {
    const problem = validateListpack(bytes, start, length, true);
    if (problem !== null) return problem;
    const listpack = this.#listpack.open(bytes, start, length, offset);
    const living = this.#integer();
    const deleted = this.#integer();
    const fields = this.#count();
    if (living === null || deleted === null || fields < 0 || !this.#skip(fields) || this.#count() !== 0) {
      return "a master entry that makes no sense";
    }
    for (let left = living + deleted; left > 0n; left--) if (!this.#entry(fields)) return "an unsound entry";
    return listpack.atEnd && living + deleted >= 0n ? null : "more entries than are counted";
  }

  #entry(masterFields: number): boolean {
    const flags = this.#count();
    if (flags < 0 || this.#integer() === null || this.#integer() === null) return false;
    let elements = ENTRY_HEAD + masterFields;
    if ((flags & FLAG_SAME_FIELDS) !== 0) {
      if (!this.#skip(masterFields)) return false;
    } else {
      const fields = this.#count();
      if (fields < 0 || !this.#skip(2 * fields)) return false;
      elements = ENTRY_HEAD + 1 + 2 * fields;
    }
    return this.#count() === elements;
  }

  /** Null where the next element is no integer. */
  #integer(): bigint | null {
    const element = this.#element;
    if (!this.#listpack.next(element)) return null;
    if (element.isInt) return BigInt(element.int);
    const { bytes, start, length } = element.element;
    const parsed = parseInteger64(bytes, start, length);
    return parsed === null ? null : BigInt(parsed);
  }

  /** -1 where the next element is no count. */
  #count(): number {
    const element = this.#element;
    return this.#listpack.next(element) && element.isInt && element.int >= 0 ? element.int : -1;
  }

  #skip(elements: number): boolean {
    for (let left = elements; left > 0; left--) if (!this.#listpack.skip()) return false;
    return true;
  }
}

/** Reads a name that may not be in the table yet. */
function addName(cursor: Cursor, type: number, names: ByteTable, name: Span, scratch: Scratch): void {
  const { offset } = cursor;
  readString(cursor, name, scratch);
  const { count } = names;
  names.add(name.bytes, name.start, name.length);
  if (names.count === count) throw badValue(offset, type, `the group or consumer ${JSON.stringify(name.text())} twice`);
}

function* checkGroup(cursor: Cursor, type: number): Generator<void, void, void> {
  readLength64(cursor);
  readLength64(cursor);
  if (type !== RdbType.STREAM_LISTPACKS) skipLength(cursor);
  const pending = new ByteTable();
  const id = new Span();
  for (let left = readCount(cursor, StreamBytesMin.PENDING); left > 0; left--) {
    const { offset } = cursor;
    cursor.span(STREAM_ID_BYTES, id);
    const { count } = pending;
    pending.add(id.bytes, id.start, STREAM_ID_BYTES);
    if (pending.count === count) throw badValue(offset, type, "an id pending twice for a group");
    cursor.skip(8);
    readLength(cursor);
    if (left % PER_SLICE === 0) yield;
  }
  const names = new ByteTable();
  const scratch = new Scratch();
  const name = new Span();
  let consumer = 0;
  for (let left = readCount(cursor, StreamBytesMin.CONSUMER); left > 0; left--) {
    addName(cursor, type, names, name, scratch);
    cursor.skip(type === RdbType.STREAM_LISTPACKS_3 ? 16 : 8);
    yield* checkConsumer(cursor, type, pending, ++consumer);
  }
  for (let i = 0; i < pending.count; i++) {
    if (pending.marks[i] === 0) throw badValue(cursor.offset, type, "an id pending for a group, not for a consumer");
  }
}

/** Marks the consumer's ids among those of its group with its number. */
function* checkConsumer(
  cursor: Cursor,
  type: number,
  pending: ByteTable,
  consumer: number,
): Generator<void, void, void> {
  const id = new Span();
  for (let left = readCount(cursor, StreamBytesMin.CONSUMER_PENDING); left > 0; left--) {
    const { offset } = cursor;
    cursor.span(STREAM_ID_BYTES, id);
    const index = pending.indexOf(id.bytes, id.start, STREAM_ID_BYTES);
    if (index < 0) throw badValue(offset, type, "an id pending for a consumer, not for its group");
    if (pending.marks[index] === consumer) throw badValue(offset, type, "an id pending twice for a consumer");
    pending.marks[index] = consumer;
    if (left % PER_SLICE === 0) yield;
  }
}
