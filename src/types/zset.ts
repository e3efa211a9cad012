/**
 * A sorted set where it lies:
 *
 *   ZSET             count | { member | score as text } …       ZSET_2   count | { member | score float64 } …
 *   ZSET_ZIPLIST     ziplist of { member, score }               ZSET_LISTPACK   listpack of { member, score }
 *   native           a structure of the overlay (overlay/encodings/sorted-set.ts)
 *
 * Redis writes sequences from the highest to the lowest, packed ones from the lowest to the highest; other writers may
 * use any order. As Elements the reader gives the members in stored order; ranked() gives them in order. Native ones, and
 * listpacks of the overlay, which stand there as whoever wrote them keeps them, are in order; others are loaded and sorted first.
 */
import { Listpack } from "../encodings/listpack.ts";
import type { Packed } from "../encodings/packed.ts";
import { Ziplist } from "../encodings/ziplist.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { readCount } from "../rdb/length.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { Blob } from "./blob.ts";
import { countMismatch, Element, Elements, wrongType } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";
import { ColumnOrder, PackedOrder, type Ranked, TreeOrder } from "./ranked.ts";
import { elementScore, readBinaryScore, readTextScore, skipTextScore } from "./score.ts";
import { findInSlices, findMember, isSlowToFind, type MemberFrame } from "./sequence.ts";
import { type MemberStore, SortedMembers } from "./sorted-members.ts";

export type { SortedMembers } from "./sorted-members.ts";

export class ZsetReader extends Elements implements MemberStore, MemberFrame {
  /** Number of members, set by open(). */
  count = 0;
  /** Score of the current member, after next() or find(). */
  score = 0;

  private record: Record | null = null;
  /** Null for a sequence and a native structure. */
  private packed: Packed | null = null;
  /** Bound to a native structure. */
  private tree: TreeOrder | null = null;
  private isNative = false;
  /** The packed bytes are in order: see ranked(). */
  private inOrder = false;
  private packedOrder: PackedOrder | null = null;
  private columns: ColumnOrder | null = null;
  private binary = false;
  private sequenceOffset = 0;
  private seen = 0;
  /** Where the current member begins: its position in the packed bytes or its offset in the file. */
  private memberPosition = 0;
  private readonly members = new SortedMembers(this);
  private readonly listpack = new Listpack();
  private readonly ziplist = new Ziplist();
  private readonly blob = new Blob();
  private readonly scoreElement = new Element();
  /** The packed bytes when they were compressed; members of a sequence use the scratches below. */
  private readonly scratch = new Scratch();
  private readonly memberScratch = new Scratch();
  /** While loading: the member being read and the one before it, to compare where scores tie. */
  private loading = new Element();
  private loaded = new Element();
  private loadingScratch = new Scratch();
  private loadedScratch = new Scratch();

  /** @param limits what counts as small enough for a listpack */
  constructor(public limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }

  /**
   * Opens the record's value; the reader is then before the first member. Reads go through `record.cursor` until the
   * next open(). Throws FormatError.
   */
  open(record: Record): void {
    record.seekValue();
    const { cursor } = record;
    this.record = record;
    this.seen = 0;
    this.packed = null;
    this.isNative = record.type === NativeType.ZSET;
    this.inOrder = this.isNative;
    if (this.members.count > 0 || this.members.complete) this.members.clear();
    if (this.isNative) {
      const blocks = nativeBlocks(record);
      this.tree ??= new TreeOrder(blocks);
      this.tree.bind(blocks, nativeRoot(record));
      this.count = this.tree.count;
    } else if (record.type === RdbType.ZSET || record.type === RdbType.ZSET_2) {
      this.binary = record.type === RdbType.ZSET_2;
      this.count = readCount(cursor, this.binary ? 9 : 2);
      this.sequenceOffset = cursor.offset;
    } else if (record.type === RdbType.ZSET_LISTPACK || record.type === RdbType.ZSET_ZIPLIST) {
      const walker = record.type === RdbType.ZSET_LISTPACK ? this.listpack : this.ziplist;
      this.packed = this.blob.open(cursor, this.scratch, walker);
      const elements = walker.count();
      if (elements % 2 !== 0) throw countMismatch(record.valueOffset, elements, elements + 1);
      this.count = elements / 2;
      this.inOrder =
        cursor.source.isMutable === true &&
        walker === this.listpack &&
        this.count <= this.limits["zset-max-listpack-entries"];
    } else throw wrongType(record, "zset");
  }

  private get cursor(): Cursor {
    return (this.record as Record).cursor;
  }

  private get valueOffset(): number {
    return (this.record as Record).valueOffset;
  }

  /** Back before the first member in stored order. */
  rewind(): void {
    this.seen = 0;
    if (this.packed !== null) this.packed.rewind();
    else if (!this.isNative) this.cursor.seek(this.sequenceOffset);
  }

  /** Where the member that next() will read begins; good in any reader of the same bytes. Native ones have no places. */
  get place(): number {
    return this.packed === null ? this.cursor.offset : this.packed.pos;
  }

  /** Puts the reader before the member that begins there: for one next(). */
  set place(place: number) {
    this.seen = 0;
    if (this.packed === null) this.cursor.seek(place);
    else this.packed.pos = place;
  }

  /** As Redis 7.2 would hold the sorted set after loading it. May walk; rewinds then. */
  get encoding(): "listpack" | "skiplist" {
    if (this.isNative || this.count > this.limits["zset-max-listpack-entries"]) return "skiplist";
    if (this.packed !== null) return "listpack";
    this.rewind();
    let longest = 0;
    while (this.next()) longest = Math.max(longest, this.element.length);
    this.rewind();
    return longest > this.limits["zset-max-listpack-value"] ? "skiplist" : "listpack";
  }

  /** Moves to the next member in stored order: sets score. */
  next(): boolean {
    return this.readNext(this, this.memberScratch);
  }

  private readNext(into: Element, scratch: Scratch): boolean {
    if (this.seen >= this.count) return false;
    this.seen++;
    if (this.isNative) return this.nextNative(into);
    const { packed } = this;
    if (packed !== null) {
      this.memberPosition = packed.pos;
      if (!packed.next(into)) throw countMismatch(this.valueOffset, this.seen - 1, this.count);
      this.readPackedScore(packed);
    } else {
      const { cursor } = this;
      this.memberPosition = cursor.base + cursor.pos;
      into.isInt = false;
      readString(cursor, into.element, scratch);
      this.score = this.binary ? readBinaryScore(cursor) : readTextScore(cursor);
    }
    return true;
  }

  private nextNative(into: Element): boolean {
    const tree = this.tree as TreeOrder;
    if (this.seen === 1) tree.goTo(0);
    else tree.next();
    const { member } = tree;
    if (member.isInt) into.setInt(member.int);
    else into.setBytes(member.element.bytes, member.element.start, member.element.length);
    this.score = tree.score;
    return true;
  }

  private readPackedScore(packed: Packed): void {
    if (!packed.next(this.scoreElement)) throw countMismatch(this.valueOffset, this.seen - 1, this.count);
    this.score = elementScore(this.scoreElement, this.valueOffset);
  }

  /** Finds a member: sets `score`. Moves the iteration: rewind() before walking again. See findMember. */
  find(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.isNative) {
      const tree = this.tree as TreeOrder;
      if (!tree.find(bytes, start, length)) return false;
      this.setBytes(bytes, start, length);
      this.score = tree.score;
      return true;
    }
    this.rewind();
    const { packed } = this;
    if (packed !== null) {
      if (!packed.find(bytes, start, length, 2)) return false;
      this.setBytes(bytes, start, length);
      this.readPackedScore(packed);
      return true;
    }
    const { cursor, blob, memberScratch, sequenceOffset, count } = this;
    if (!findMember(this, cursor, blob, memberScratch, sequenceOffset, count, bytes, start, length)) return false;
    this.setBytes(bytes, start, length);
    this.score = this.binary ? readBinaryScore(cursor) : readTextScore(cursor);
    return true;
  }

  /** Whether find() would hold others up: use findInSlices() first, with a reader of the command's own. */
  isSlowToFind(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.isNative || this.packed !== null) return false;
    return isSlowToFind(this.cursor.source, this.sequenceOffset, this.count, bytes, start, length);
  }

  /** Makes the next find() of `member`, by any reader of this sorted set, quick. */
  findInSlices(member: Uint8Array): Generator<void, void, void> {
    const { cursor, blob, memberScratch, sequenceOffset, count } = this;
    return findInSlices(this, cursor, blob, memberScratch, sequenceOffset, count, member);
  }

  /** Whether ranked() has all it needs: else loadSome() comes first, if it is large. */
  get isRanked(): boolean {
    return this.inOrder || this.members.complete;
  }

  /** Whether members are found, and ranks told, without walking. */
  get isTree(): boolean {
    return this.isNative;
  }

  /**
   * The members in order; loads them where that is needed. Valid until the next open(); next() and find() move it, and it moves the
   * iteration.
   */
  ranked(): Ranked {
    if (this.isNative) return this.tree as TreeOrder;
    if (this.inOrder) {
      this.packedOrder ??= new PackedOrder();
      return this.packedOrder.open(this.listpack, this.count, this.valueOffset);
    }
    this.sorted();
    this.columns ??= new ColumnOrder(this.members);
    return this.columns;
  }

  /** A member picked at random from a native one, each with the same chance: this reader's element and score then. */
  pick(): void {
    const tree = this.tree as TreeOrder;
    tree.pick();
    this.setFrom(tree.member);
    this.score = tree.score;
  }

  /** For findMember: nothing stands before a member. */
  beforeMember(): void {}

  /** For findMember. */
  skipRest(cursor: Cursor): void {
    if (this.binary) cursor.skip(8);
    else skipTextScore(cursor);
  }

  /**
   * Loads up to `n` more members for ranked(); true when all are there. A sliced command yields between calls; it
   * calls neither next() nor find() meanwhile. Members in a foreign writer's order take more calls, for the sort.
   */
  loadSome(n: number): boolean {
    const { members } = this;
    if (this.inOrder || members.complete) return true;
    if (members.count === 0) this.rewind();
    for (let i = 0; i < n && this.readNext(this.loading, this.loadingScratch); i++) {
      members.add(this.score, this.memberPosition, this.loading, this.loaded);
      [this.loading, this.loaded] = [this.loaded, this.loading];
      [this.loadingScratch, this.loadedScratch] = [this.loadedScratch, this.loadingScratch];
    }
    return this.seen >= this.count && members.finishSome(n);
  }

  /** The members of a form that is not in order, in columns; loads what is not loaded yet. Valid until the next open(). */
  sorted(): SortedMembers {
    this.inOrder = false;
    while (!this.loadSome(this.count + 1));
    return this.members;
  }

  /** Reads the member that begins at `position` again, decompressing into `scratch`. Moves the iteration. */
  readMember(position: number, into: Element, scratch: Scratch): void {
    if (this.packed !== null) {
      this.packed.pos = position;
      this.packed.next(into);
      return;
    }
    const { cursor } = this;
    cursor.seek(position);
    into.isInt = false;
    readString(cursor, into.element, scratch);
  }
}
