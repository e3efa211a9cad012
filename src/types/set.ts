/**
 * A set where it lies: a sequence of strings, an intset or a listpack in the RDB file or in an overlay, or a native structure of an
 * overlay (overlay/encodings/set-form.ts), whose members are walked in order of their hashes.
 */
import { Intset } from "../encodings/intset.ts";
import { Listpack } from "../encodings/listpack.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { readMember } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { HASHES, MemberTable } from "../overlay/encodings/member-table.ts";
import { SEGMENT_MEMBERS_MAX } from "../overlay/encodings/segment.ts";
import { readCount } from "../rdb/length.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { parseInteger64 } from "../util/integer.ts";
import { Blob } from "./blob.ts";
import { countMismatch, Elements, wrongType } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";
import { findInSlices, findMember, isSlowToFind, type MemberFrame } from "./sequence.ts";

type Form = "sequence" | "intset" | "listpack" | "native";
const NO_HANDLES = new Int32Array(0);

export class SetReader extends Elements implements MemberFrame {
  /** Number of members, set by open(). */
  count = 0;
  private form: Form = "sequence";
  private cursor: Cursor | null = null;
  private sequenceOffset = 0;
  private valueOffset = 0;
  /** Members read since the start. */
  private seen = 0;
  private readonly intset = new Intset();
  private readonly listpack = new Listpack();
  private readonly blob = new Blob();
  private readonly scratch = new Scratch();
  private readonly probeScratch = new Scratch();
  private readonly table = new MemberTable();
  private blocks: Blocks | null = null;
  /** Of a native structure: the members of the segment that is walked, how many they are, which one is next, and where the next segment begins. */
  private handles = NO_HANDLES;
  private handleCount = 0;
  private handleIndex = 0;
  private nextHash = 0;

  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }

  /**
   * Opens the record's value; the reader is then before the first member. Reads go through `record.cursor` until the
   * next open(). Throws FormatError.
   */
  open(record: Record): void {
    record.seekValue();
    const { cursor } = record;
    this.cursor = cursor;
    this.valueOffset = record.valueOffset;
    this.seen = 0;
    if (record.type === RdbType.SET) {
      this.form = "sequence";
      this.count = readCount(cursor, 1);
      this.sequenceOffset = cursor.offset;
    } else if (record.type === RdbType.SET_INTSET) {
      this.form = "intset";
      this.count = this.blob.open(cursor, this.scratch, this.intset).count;
    } else if (record.type === RdbType.SET_LISTPACK) {
      this.form = "listpack";
      this.count = this.blob.open(cursor, this.scratch, this.listpack).count();
    } else if (record.type === NativeType.SET) {
      this.form = "native";
      this.blocks = nativeBlocks(record);
      this.count = this.table.bind(this.blocks, nativeRoot(record)).count;
      this.beginNative();
    } else throw wrongType(record, "set");
  }

  /** Whether a member is found, and one picked at random, without a walk over a large set. */
  get isKeyed(): boolean {
    return this.form !== "sequence";
  }

  get isNative(): boolean {
    return this.form === "native";
  }

  /** Back before the first member. */
  rewind(): void {
    this.seen = 0;
    this.intset.index = 0;
    if (this.form === "listpack") this.listpack.rewind();
    if (this.form === "sequence") this.cursor?.seek(this.sequenceOffset);
    if (this.form === "native") this.beginNative();
  }

  private beginNative(): void {
    this.handleCount = this.handleIndex = this.nextHash = 0;
  }

  /** Fetches the members of the next segments until there is one; false at the end. */
  private fetch(): boolean {
    if (this.handles.length === 0) this.handles = new Int32Array(SEGMENT_MEMBERS_MAX);
    this.handleIndex = this.handleCount = 0;
    while (this.handleCount === 0 && this.nextHash < HASHES) {
      this.handleCount = this.table.collect(this.nextHash, HASHES, this.handles);
      this.nextHash = this.table.next;
    }
    return this.handleCount > 0;
  }

  /** Where the member that next() will read begins; good in any reader of the same bytes. Of a native structure: the handle of its block. */
  get place(): number {
    if (this.form === "sequence") return (this.cursor as Cursor).offset;
    if (this.form === "native") {
      return this.handleIndex < this.handleCount || this.fetch() ? (this.handles[this.handleIndex] as number) : 0;
    }
    return this.form === "intset" ? this.intset.index : this.listpack.pos;
  }

  /** Puts the reader before the member that begins there: for one next(). */
  set place(place: number) {
    this.seen = 0;
    if (this.form === "sequence") this.cursor?.seek(place);
    else if (this.form === "intset") this.intset.index = place;
    else if (this.form === "listpack") this.listpack.pos = place;
    else {
      if (this.handles.length === 0) this.handles = new Int32Array(SEGMENT_MEMBERS_MAX);
      this.handles[0] = place;
      this.handleIndex = 0;
      this.handleCount = 1;
    }
  }

  /** As Redis 7.2 would hold the set after loading it. Walks a sequence's first members; rewinds. */
  get encoding(): "intset" | "listpack" | "hashtable" {
    if (this.form === "native") return "hashtable";
    if (this.form === "intset") return this.count > this.limits["set-max-intset-entries"] ? "hashtable" : "intset";
    if (this.form === "listpack")
      return this.count > this.limits["set-max-listpack-entries"] ? "hashtable" : "listpack";
    const encoding = this.sequenceEncoding();
    this.rewind();
    return encoding;
  }

  /** Redis adds member by member: integers to an intset, from the first other one on to a listpack if that may grow. */
  private sequenceEncoding(): "intset" | "listpack" | "hashtable" {
    const { limits } = this;
    if (this.count > limits["set-max-intset-entries"]) return "hashtable";
    this.rewind();
    let encoding: "intset" | "listpack" = "intset";
    let longest = 0;
    for (let size = 0; this.next(); size++) {
      const { bytes, start, length } = this.text();
      longest = Math.max(longest, length);
      const roomy = size < limits["set-max-listpack-entries"];
      if (encoding === "intset") {
        if (parseInteger64(bytes, start, length) !== null) continue;
        if (!roomy || longest > limits["set-max-listpack-value"]) return "hashtable";
        encoding = "listpack";
      } else if (!roomy || length > limits["set-max-listpack-value"]) return "hashtable";
    }
    return encoding;
  }

  next(): boolean {
    if (this.seen >= this.count) return false;
    this.seen++;
    if (this.form === "sequence") {
      this.isInt = false;
      readString(this.cursor as Cursor, this.element, this.scratch);
    } else if (this.form === "native") {
      if (this.handleIndex === this.handleCount && !this.fetch()) throw countMismatch(0, this.seen - 1, this.count);
      readMember(this.blocks as Blocks, this.handles[this.handleIndex++] as number, this);
    } else if (this.form === "intset") this.intset.next(this);
    else if (!this.listpack.next(this)) throw countMismatch(this.valueOffset, this.seen - 1, this.count);
    return true;
  }

  /** Whether these bytes are a member. Leaves the iteration (next) where it was. See findMember. */
  has(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.form === "native") return this.table.find(memberHash(bytes, start, length), bytes, start, length) !== 0;
    if (this.form === "intset") return this.intset.has(bytes, start, length);
    if (this.form === "listpack") {
      const { pos } = this.listpack;
      this.listpack.rewind();
      const found = this.listpack.find(bytes, start, length, 1);
      this.listpack.pos = pos;
      return found;
    }
    const cursor = this.cursor as Cursor;
    const { offset } = cursor;
    const { blob, probeScratch, sequenceOffset, count } = this;
    const found = findMember(this, cursor, blob, probeScratch, sequenceOffset, count, bytes, start, length);
    cursor.seek(offset);
    return found;
  }

  /**
   * Reads a member picked at random, each with the same chance. Only of a set that `isKeyed`, and is not empty; the iteration (next) is
   * moved.
   */
  pick(): void {
    const { count } = this;
    if (this.form === "native") readMember(this.blocks as Blocks, this.table.random(), this);
    else if (this.form === "intset") this.intset.at(Math.floor(Math.random() * count), this);
    else {
      const { listpack } = this;
      listpack.rewind();
      for (let left = Math.floor(Math.random() * count); left > 0; left--) listpack.skip();
      if (!listpack.next(this)) throw countMismatch(this.valueOffset, 0, count);
    }
  }

  /** Whether has() would hold others up: use findInSlices() first, with a reader of the command's own. */
  isSlowToFind(bytes: Uint8Array, start: number, length: number): boolean {
    const { source } = this.cursor as Cursor;
    return this.form === "sequence" && isSlowToFind(source, this.sequenceOffset, this.count, bytes, start, length);
  }

  /** Makes the next has() of `member`, by any reader of this set, quick. */
  findInSlices(member: Uint8Array): Generator<void, void, void> {
    const { blob, probeScratch, sequenceOffset, count } = this;
    return findInSlices(this, this.cursor as Cursor, blob, probeScratch, sequenceOffset, count, member);
  }

  /** For findMember: nothing stands around a member. */
  beforeMember(): void {}
  skipRest(): void {}
}
