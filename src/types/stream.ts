/**
 * A stream, in a file or native (overlay/encodings/stream.ts). In a file:
 *
 *   count | { master id 16 bytes big-endian | listpack } … | length | last id ms, seq
 *         | first id | max deleted id | entries added   (versions 2 and 3)
 *         | groups (stream-groups.ts)
 *
 * The listpacks (encodings/stream-node.ts) are the same in both. Of one in a file it must first be learned where they are: a walk over
 * its strings; of a native one a tree finds the one that holds an ID.
 */
import { EntryId } from "../encodings/entry-id.ts";
import { StreamNode } from "../encodings/stream-node.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { NativeStream } from "../overlay/encodings/stream.ts";
import { readCount, readLength, readLength64 } from "../rdb/length.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString, skipString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { Blob } from "./blob.ts";
import { Element, wrongType } from "./elements.ts";
import { FileGroups, type Groups } from "./stream-groups.ts";
import { NativeGroups } from "./stream-groups-native.ts";
import { StreamNodes } from "./stream-nodes.ts";

export class StreamReader {
  /** Number of living entries. */
  length = 0;
  readonly lastId = new EntryId();
  /** ID of the first living entry, 0-0 when there is none. */
  readonly firstId = new EntryId();
  readonly maxDeletedId = new EntryId();
  /** Entries ever added: the halves of 64 bits. */
  addedHigh = 0;
  addedLow = 0;
  /** The current entry's ID, after next(). */
  readonly id: EntryId;
  readonly field = new Element();
  readonly value = new Element();
  /** Not null for a native stream. */
  native: NativeStream | null = null;

  private record: Record | null = null;
  private groupsOffset = 0;
  private readonly nodes = new StreamNodes();
  private ownNative: NativeStream | null = null;
  private readonly from = new EntryId();
  private readonly to = new EntryId().setMax();
  private reverse = false;
  private readonly current = new StreamNode();
  /** In a file: the node that is loaded or will be. */
  private node = -1;
  private loaded = false;
  private atEnd = false;
  private readonly blob = new Blob();
  private readonly span = new Span();
  private readonly scratch = new Scratch();
  private readonly keyScratch = new Scratch();
  private fileGroups: FileGroups | null = null;
  private nativeGroups: NativeGroups | null = null;

  constructor() {
    this.id = this.current.id;
  }

  /** Number of field-value pairs of the current entry. */
  get fieldCount(): number {
    return this.current.fieldCount;
  }

  /** Cold path. */
  get entriesAdded(): bigint {
    return (BigInt(this.addedHigh >>> 0) << 32n) | BigInt(this.addedLow >>> 0);
  }

  /**
   * Opens the record's value; of one in a file passes over its listpacks once. The reader is then before the first of all entries.
   * Reads go through `record.cursor` until the next open(). Throws FormatError.
   */
  open(record: Record): void {
    this.record = record;
    this.fileGroups = null;
    if (record.type === NativeType.STREAM) this.openNative(record);
    else this.openFile(record);
    this.seekAll();
  }

  private openNative(record: Record): void {
    const blocks = nativeBlocks(record);
    this.ownNative ??= new NativeStream(blocks);
    this.openState(this.ownNative.bind(blocks, nativeRoot(record)));
  }

  /** Opens a native stream that no record names: seek before reading. */
  openState(native: NativeStream): void {
    this.native = native;
    this.length = native.length;
    native.readLast(this.lastId);
    native.readFirst(this.firstId);
    native.readMaxDeleted(this.maxDeletedId);
    this.addedHigh = native.addedHigh;
    this.addedLow = native.addedLow;
  }

  private openFile(record: Record): void {
    const { type, cursor } = record;
    if (
      type !== RdbType.STREAM_LISTPACKS &&
      type !== RdbType.STREAM_LISTPACKS_2 &&
      type !== RdbType.STREAM_LISTPACKS_3
    ) {
      throw wrongType(record, "stream");
    }
    this.native = null;
    record.seekValue();
    this.openNodes(cursor);
    this.length = readLength(cursor);
    readId(cursor, this.lastId);
    if (type === RdbType.STREAM_LISTPACKS) {
      this.maxDeletedId.setMin();
      this.setAdded(BigInt(this.length));
      this.groupsOffset = cursor.offset;
      this.seekAll();
      if (this.next()) this.firstId.copy(this.id);
      else this.firstId.setMin();
    } else {
      readId(cursor, this.firstId);
      readId(cursor, this.maxDeletedId);
      this.setAdded(readLength64(cursor));
      this.groupsOffset = cursor.offset;
    }
  }

  private setAdded(added: bigint): void {
    this.addedHigh = Number(BigInt.asIntN(32, added >> 32n));
    this.addedLow = Number(BigInt.asIntN(32, added));
  }

  private openNodes(cursor: Cursor): void {
    const id = new EntryId();
    this.nodes.clear();
    for (let left = readCount(cursor, 2); left > 0; left--) {
      const { offset } = cursor;
      readString(cursor, this.span, this.keyScratch);
      const { bytes, start, length } = this.span;
      if (length !== 16) throw new FormatError("bad-stream", offset, `a key of ${length} bytes`, "a stream ID of 16");
      this.nodes.add(id.readBytes(bytes, start), cursor.offset);
      skipString(cursor);
    }
    this.nodes.finish();
  }

  /** Number of listpacks: XINFO's radix-tree-keys. */
  get nodeCount(): number {
    return this.native === null ? this.nodes.count : this.native.nodes.entries;
  }

  /** The IDs of the first nodes, four words each, the upper ones first, as many as have room; how many they are. */
  firstNodes(into: Int32Array): number {
    return this.native === null ? this.nodes.first(into) : this.native.nodes.first(into);
  }

  /** Begins an iteration over all living entries. */
  seekAll(reverse = false): void {
    this.from.setMin();
    this.to.setMax();
    this.begin(reverse);
  }

  /**
   * Begins an iteration over the living entries with from ≤ id ≤ to, upwards, or with `reverse` from `to` down to
   * `from`.
   */
  seek(from: EntryId, to: EntryId, reverse = false): void {
    this.from.copy(from);
    this.to.copy(to);
    this.begin(reverse);
  }

  private begin(reverse: boolean): void {
    this.reverse = reverse;
    this.loaded = false;
    const { native } = this;
    const sought = reverse ? this.to : this.from;
    if (native === null) {
      const holder = this.nodes.find(sought);
      this.node = reverse ? holder : Math.max(0, holder);
      this.atEnd = this.node < 0 || this.node >= this.nodes.count;
    } else {
      const { nodes } = native;
      const isHeld = nodes.seekHolder(sought.msHigh, sought.msLow, sought.seqHigh, sought.seqLow);
      this.atEnd = !isHeld && (reverse || !nodes.settle());
    }
  }

  /** Moves to the next living entry: sets id, fieldCount; false at the end of the range. Throws FormatError. */
  next(): boolean {
    const { current, id, reverse } = this;
    while (!this.atEnd) {
      if (!this.loaded) this.load();
      while (reverse ? current.previous() : current.next()) {
        if (reverse ? id.compare(this.from) < 0 : id.compare(this.to) > 0) {
          this.atEnd = true;
          return false;
        }
        if (!current.isDeleted && (reverse ? id.compare(this.to) <= 0 : id.compare(this.from) >= 0)) return true;
      }
      this.loaded = false;
      this.leave();
    }
    return false;
  }

  /** Goes on to the next node. */
  private leave(): void {
    if (this.native !== null) {
      this.atEnd = !(this.reverse ? this.native.nodes.previous() : this.native.nodes.next());
      return;
    }
    this.node += this.reverse ? -1 : 1;
    this.atEnd = this.node < 0 || this.node >= this.nodes.count;
  }

  /** Whether a living entry of this ID is there; ends an iteration. */
  has(id: EntryId): boolean {
    this.seek(id, id);
    return this.next();
  }

  /** Moves to the next field of the current entry: sets field and value; false after fieldCount of them. */
  nextField(): boolean {
    return this.current.nextField(this.field, this.value);
  }

  /** Back to the first field of the current entry. */
  rewindFields(): void {
    this.current.rewindFields();
  }

  /** Loads the node and stands before its first entry, or, on the way back, behind its last. */
  private load(): void {
    const { current, native } = this;
    if (native !== null) native.openNode(current);
    else {
      const { cursor } = this.record as Record;
      cursor.seek(this.nodes.offset(this.node));
      this.nodes.readId(this.node, current.master);
      this.blob.open(cursor, this.scratch, current);
    }
    this.loaded = true;
    if (this.reverse) current.toEnd();
  }

  /** The groups, in name order. Those of a file are read once, at the first call. Does not move the iteration. Throws FormatError. */
  groups(): Groups {
    if (this.native !== null) {
      this.nativeGroups ??= new NativeGroups(this.native.blocks);
      return this.nativeGroups.open(this.native);
    }
    if (this.fileGroups === null) {
      const { cursor, type } = this.record as Record;
      cursor.seek(this.groupsOffset);
      this.fileGroups = new FileGroups(cursor, type, this);
    }
    return this.fileGroups;
  }
}

function readId(cursor: Cursor, into: EntryId): void {
  const ms = readLength64(cursor);
  into.setBig(ms, readLength64(cursor));
}
