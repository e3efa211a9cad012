/**
 * A stream where it lies in the RDB file:
 *
 *   count | { master id 16 bytes big-endian | listpack } … | length | last id ms, seq
 *         | first id | max deleted id | entries added   (versions 2 and 3)
 *         | groups (stream-groups.ts)
 *
 * A listpack begins with the master entry, whose fields later entries may share, then holds entries:
 *
 *   count | deleted | fields | field … | 0
 *   flags | ms - master's | seq - master's | [fields] | { field | value } … or value … | elements of this entry
 */
import { Listpack } from "../encodings/listpack.ts";
import { readCount, readLength, readLength64 } from "../rdb/length.ts";
import { RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString, skipString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { Blob } from "./blob.ts";
import { Element, wrongType } from "./elements.ts";
import { readGroups, type StreamGroup } from "./stream-groups.ts";
import { ID_MAX, ID_MIN } from "./stream-id.ts";
import { type StreamId, StreamNodes } from "./stream-nodes.ts";

export {
  entriesReadEstimate,
  findPending,
  type PendingEntries,
  pendingId,
  type StreamConsumer,
  type StreamGroup,
} from "./stream-groups.ts";
export { compareStreamIds, type StreamId } from "./stream-nodes.ts";

const FLAG_DELETED = 1;
const FLAG_SAME_FIELDS = 2;

export class StreamReader {
  /** Number of living entries. */
  length = 0;
  lastId: StreamId = ID_MIN;
  /** ID of the first living entry, 0-0 when there is none. */
  firstId: StreamId = ID_MIN;
  maxDeletedId: StreamId = ID_MIN;
  entriesAdded = 0n;
  /** The current entry's ID, after next(). */
  ms = 0n;
  seq = 0n;
  /** Number of field-value pairs of the current entry. */
  fieldCount = 0;
  readonly field = new Element();
  readonly value = new Element();

  private record: Record | null = null;
  private groupsOffset = 0;
  private readonly nodes = new StreamNodes();
  private from: StreamId = ID_MIN;
  private to: StreamId = ID_MAX;
  private reverse = false;
  /** The node that is loaded, its master ID, its master entry's fields. */
  private node = -1;
  private loaded = false;
  private master: StreamId = ID_MIN;
  private masterFieldCount = 0;
  private masterFieldsAt = 0;
  /** Where the entries of the loaded node begin that are still to come, last first; for the way back. */
  private readonly pendingStarts: number[] = [];
  private entryEnd = 0;
  private sameFields = false;
  private fieldsLeft = 0;
  private firstFieldAt = 0;
  private fieldAt = 0;
  private masterFieldAt = 0;
  private readonly listpack = new Listpack();
  private readonly blob = new Blob();
  private readonly span = new Span();
  private readonly element = new Element();
  private readonly scratch = new Scratch();
  private readonly keyScratch = new Scratch();

  /**
   * Opens the record's value: passes over its listpacks once. The reader is then before the first of all entries.
   * Reads go through `record.cursor` until the next open(). Throws FormatError.
   */
  open(record: Record): void {
    const { type, cursor } = record;
    if (
      type !== RdbType.STREAM_LISTPACKS &&
      type !== RdbType.STREAM_LISTPACKS_2 &&
      type !== RdbType.STREAM_LISTPACKS_3
    ) {
      throw wrongType(record, "stream");
    }
    record.seekValue();
    this.record = record;
    this.openNodes(cursor);
    this.length = readLength(cursor);
    this.lastId = readId(cursor);
    if (type === RdbType.STREAM_LISTPACKS) {
      this.maxDeletedId = ID_MIN;
      this.entriesAdded = BigInt(this.length);
      this.groupsOffset = cursor.offset;
      this.seek(ID_MIN, ID_MAX);
      this.firstId = this.next() ? { ms: this.ms, seq: this.seq } : ID_MIN;
    } else {
      this.firstId = readId(cursor);
      this.maxDeletedId = readId(cursor);
      this.entriesAdded = readLength64(cursor);
      this.groupsOffset = cursor.offset;
    }
    this.seek(ID_MIN, ID_MAX);
  }

  private openNodes(cursor: Cursor): void {
    this.nodes.clear();
    for (let left = readCount(cursor, 2); left > 0; left--) {
      const { offset } = cursor;
      readString(cursor, this.span, this.keyScratch);
      const { bytes, start, length } = this.span;
      if (length !== 16) throw new FormatError("bad-stream", offset, `a key of ${length} bytes`, "a stream ID of 16");
      this.nodes.add(u64be(bytes, start), u64be(bytes, start + 8), cursor.offset);
      skipString(cursor);
    }
    this.nodes.finish();
  }

  /** Number of listpacks: XINFO's radix-tree-keys. */
  get nodeCount(): number {
    return this.nodes.count;
  }

  /**
   * Begins an iteration over the living entries with from ≤ id ≤ to, upwards, or with `reverse` from `to` down to
   * `from`.
   */
  seek(from: StreamId, to: StreamId, reverse = false): void {
    this.from = from;
    this.to = to;
    this.reverse = reverse;
    this.loaded = false;
    this.fieldsLeft = 0;
    this.node = reverse ? this.nodes.find(to) : Math.max(0, this.nodes.find(from));
  }

  /** Moves to the next living entry: sets ms, seq, fieldCount; false at the end of the range. Throws FormatError. */
  next(): boolean {
    this.fieldsLeft = 0;
    while (this.node >= 0 && this.node < this.nodes.count) {
      if (!this.loaded) this.load();
      while (this.nextStored()) {
        const deleted = this.readEntry();
        if (this.reverse ? this.before(this.from) : this.behind(this.to)) {
          this.node = -1;
          return false;
        }
        if (!deleted && !this.before(this.from) && !this.behind(this.to)) {
          this.fieldsLeft = this.fieldCount;
          return true;
        }
      }
      this.loaded = false;
      this.node += this.reverse ? -1 : 1;
    }
    return false;
  }

  private before(id: StreamId): boolean {
    return this.ms < id.ms || (this.ms === id.ms && this.seq < id.seq);
  }

  private behind(id: StreamId): boolean {
    return this.ms > id.ms || (this.ms === id.ms && this.seq > id.seq);
  }

  /** Moves to the next field of the current entry: sets field and value; false after fieldCount of them. */
  nextField(): boolean {
    if (this.fieldsLeft === 0) return false;
    this.fieldsLeft--;
    const { listpack } = this;
    if (this.sameFields) {
      listpack.pos = this.masterFieldAt;
      listpack.next(this.field);
      this.masterFieldAt = listpack.pos;
      listpack.pos = this.fieldAt;
    } else {
      listpack.pos = this.fieldAt;
      listpack.next(this.field);
    }
    listpack.next(this.value);
    this.fieldAt = listpack.pos;
    return true;
  }

  /** Back to the first field of the current entry. */
  rewindFields(): void {
    this.fieldsLeft = this.fieldCount;
    this.fieldAt = this.firstFieldAt;
    this.masterFieldAt = this.masterFieldsAt;
  }

  /** Loads the node and stands before its first entry, or, on the way back, behind its last. */
  private load(): void {
    const { cursor } = this.record as Record;
    const { listpack, node } = this;
    cursor.seek(this.nodes.offset(node));
    this.blob.open(cursor, this.scratch, listpack);
    this.master = this.nodes.id(node);
    this.integer("the count of entries");
    this.integer("the count of deleted entries");
    this.masterFieldCount = this.count("the number of fields");
    this.masterFieldsAt = listpack.pos;
    this.skip(this.masterFieldCount);
    this.integer("the end of the master entry");
    this.entryEnd = listpack.pos;
    this.loaded = true;
    if (!this.reverse) return;
    const starts = this.pendingStarts;
    starts.length = 0;
    while (!listpack.atEnd) {
      starts.push(listpack.pos);
      this.readEntry();
    }
  }

  /** Stands at the next stored entry of the loaded node; false when there is none. */
  private nextStored(): boolean {
    if (this.reverse) {
      const start = this.pendingStarts.pop();
      if (start === undefined) return false;
      this.listpack.pos = start;
      return true;
    }
    this.listpack.pos = this.entryEnd;
    return !this.listpack.atEnd;
  }

  /** Reads the entry that begins here: its ID, where its fields lie, where it ends. Whether it is deleted. */
  private readEntry(): boolean {
    const { listpack } = this;
    const flags = this.count("the flags of an entry");
    this.ms = BigInt.asUintN(64, this.master.ms + this.integer("an entry's time"));
    this.seq = BigInt.asUintN(64, this.master.seq + this.integer("an entry's sequence number"));
    this.sameFields = (flags & FLAG_SAME_FIELDS) !== 0;
    this.fieldCount = this.sameFields ? this.masterFieldCount : this.count("an entry's number of fields");
    this.firstFieldAt = listpack.pos;
    this.fieldAt = listpack.pos;
    this.masterFieldAt = this.masterFieldsAt;
    this.skip(this.sameFields ? this.fieldCount : this.fieldCount * 2);
    this.integer("an entry's number of elements");
    this.entryEnd = listpack.pos;
    return (flags & FLAG_DELETED) !== 0;
  }

  private skip(elements: number): void {
    for (let i = 0; i < elements; i++) if (!this.listpack.skip()) throw this.bad("its end", "a field or value");
  }

  private integer(what: string): bigint {
    const { element } = this;
    if (!this.listpack.next(element)) throw this.bad("its end", what);
    if (element.isInt) return BigInt(element.int);
    const text = element.element.text();
    if (!/^-?[0-9]{1,20}$/.test(text)) throw this.bad("a string", what);
    return BigInt(text);
  }

  private count(what: string): number {
    const { element } = this;
    if (!this.listpack.next(element)) throw this.bad("its end", what);
    if (!element.isInt || element.int < 0) throw this.bad("no count", what);
    return element.int;
  }

  private bad(found: string, expected: string): FormatError {
    return new FormatError("bad-stream", this.nodes.offset(this.node), `${found} in a stream's listpack`, expected);
  }

  /** The groups in name order, read anew at each call. Does not move the iteration. Throws FormatError. */
  groups(): StreamGroup[] {
    const { cursor, type } = this.record as Record;
    cursor.seek(this.groupsOffset);
    return readGroups(cursor, type, this);
  }
}

function readId(cursor: Cursor): StreamId {
  const ms = readLength64(cursor);
  return { ms, seq: readLength64(cursor) };
}

function u64be(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = 0; i < 8; i++) value = (value << 8n) | BigInt(bytes[at + i] as number);
  return value;
}
