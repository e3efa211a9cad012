/**
 * A hash where it lies: native in an overlay (overlay/encodings/field-table.ts), or as in the RDB file: fields and values in a
 * sequence of strings, a zipmap, a ziplist or a listpack; or with an expiry for each field (Redis 7.4, Valkey 9):
 *
 *   HASH_METADATA       smallest expiry int64 | count | { expiry, 0 none, else minus smallest plus 1 | field | value }
 *   …_PRE_GA            count | { expiry absolute, 0 none | field | value }
 *   HASH_LISTPACK_EX    smallest expiry int64 | listpack of { field, value, expiry absolute, 0 none }; …_PRE_GA without the first
 *   VALKEY_HASH_2       count | { field | value | expiry int64, -1 none }
 *
 * Expiries are Unix times in ms. Fields whose time has passed are absent here.
 */
import { Listpack } from "../encodings/listpack.ts";
import type { Packed } from "../encodings/packed.ts";
import { Ziplist } from "../encodings/ziplist.ts";
import { Zipmap } from "../encodings/zipmap.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { FieldTable } from "../overlay/encodings/field-table.ts";
import { readField } from "../overlay/encodings/member.ts";
import { HASHES } from "../overlay/encodings/member-table.ts";
import { SEGMENT_MEMBERS_MAX } from "../overlay/encodings/segment.ts";
import { readCount, readLength } from "../rdb/length.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { type Record, readExpireMs } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString, skipString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Blob } from "./blob.ts";
import { countMismatch, Element, wrongType } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";
import { builtIndexOf } from "./member-index.ts";
import { findInSlices, findMember, indexInSlices, isSlowToFind, type MemberFrame } from "./sequence.ts";

/** Where a field's expiry stands in a sequence. */
type Expiries = "none" | "before" | "after";
/** Random fields that may be expired ones before a walk is the better way. */
const PICKS_MAX = 64;
const NO_HANDLES = new Int32Array(0);

export class HashReader implements MemberFrame {
  readonly field = new Element();
  readonly value = new Element();
  /** Unix time in ms when the current field expires, -1 when never. */
  fieldExpireAtMs = -1;

  private record: Record | null = null;
  private nowMs = 0;
  /** Null for a sequence. */
  private packed: Packed | null = null;
  private expiries: Expiries = "none";
  /** Added to a non-zero expiry of the sequence form; 0 where those are absolute. */
  private expiryBase = 0;
  /** Fields stored, expired ones too. */
  private stored = 0;
  /** Stored fields passed since the start. */
  private seen = 0;
  private sequenceOffset = 0;
  /** Living fields once counted, else -1. */
  private living = -1;
  private readonly listpack = new Listpack();
  private readonly ziplist = new Ziplist();
  private readonly zipmap = new Zipmap();
  private readonly blob = new Blob();
  private readonly expiry = new Element();
  private readonly scratch = new Scratch();
  private readonly valueScratch = new Scratch();
  private readonly fields = new FieldTable();
  /** Null: it is not native. */
  private blocks: Blocks | null = null;
  /** Of a native hash: the fields of the segment that is walked, how many they are, which one is next, and where the next segment begins. */
  private handles = NO_HANDLES;
  private handleCount = 0;
  private handleIndex = 0;
  private nextHash = 0;
  /** The handle of the block that `pick` has read. */
  picked = 0;

  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {}

  /**
   * Opens the record's value as of `nowMs`; the reader is then before the first field. Reads go through
   * `record.cursor` until the next open(). Throws FormatError.
   */
  open(record: Record, nowMs: number): void {
    record.seekValue();
    this.record = record;
    this.nowMs = nowMs;
    this.packed = null;
    this.expiries = "none";
    this.expiryBase = 0;
    this.blocks = null;
    this.seen = 0;
    this.living = -1;
    if (record.type === NativeType.HASH) this.openNative(record);
    else this.openForm(record);
  }

  private openForm(record: Record): void {
    switch (record.type) {
      case RdbType.HASH_LISTPACK:
        this.openPacked(this.listpack);
        break;
      case RdbType.HASH_ZIPLIST:
        this.openPacked(this.ziplist);
        break;
      case RdbType.HASH_ZIPMAP:
        this.openPacked(this.zipmap);
        break;
      case RdbType.HASH_LISTPACK_EX:
      case RdbType.HASH_LISTPACK_EX_PRE_GA:
        if (record.type === RdbType.HASH_LISTPACK_EX) record.cursor.skip(8);
        this.expiries = "after";
        this.openPacked(this.listpack);
        break;
      case RdbType.HASH:
        this.openSequence();
        break;
      case RdbType.HASH_METADATA:
      case RdbType.HASH_METADATA_PRE_GA:
        if (record.type === RdbType.HASH_METADATA) this.expiryBase = readExpireMs(record.cursor) - 1;
        this.expiries = "before";
        this.openSequence();
        break;
      case RdbType.VALKEY_HASH_2:
        this.expiries = "after";
        this.openSequence();
        break;
      default:
        throw wrongType(record, "hash");
    }
  }

  private openNative(record: Record): void {
    const blocks = nativeBlocks(record);
    this.blocks = blocks;
    this.stored = this.fields.bind(blocks, nativeRoot(record)).table.count;
    this.handleCount = this.handleIndex = this.nextHash = 0;
  }

  private openPacked(packed: Packed): void {
    this.packed = this.blob.open(this.cursor, this.scratch, packed);
    const stride = this.stride;
    const elements = packed.count();
    if (elements % stride !== 0)
      throw countMismatch(this.valueOffset, elements, elements + stride - (elements % stride));
    this.stored = elements / stride;
  }

  private openSequence(): void {
    this.stored = readCount(this.cursor, 2);
    this.sequenceOffset = this.cursor.offset;
  }

  private get cursor(): Cursor {
    return (this.record as Record).cursor;
  }

  private get valueOffset(): number {
    return (this.record as Record).valueOffset;
  }

  private get stride(): number {
    return this.expiries === "none" ? 2 : 3;
  }

  /** Number of fields, expired ones too. */
  get storedCount(): number {
    return this.stored;
  }

  get isNative(): boolean {
    return this.blocks !== null;
  }

  /** Number of living fields. Walks the hash, once, when fields have expiries of their own; rewinds then. */
  get count(): number {
    if (this.blocks !== null) {
      if (this.living < 0) this.living = this.fields.living(this.nowMs);
      return this.living;
    }
    if (this.expiries === "none") return this.stored;
    if (this.living < 0) {
      this.rewind();
      let living = 0;
      while (this.nextField()) living++;
      this.living = living;
      this.rewind();
    }
    return this.living;
  }

  /** Back before the first field. */
  rewind(): void {
    this.seen = 0;
    if (this.packed !== null) this.packed.rewind();
    else if (this.blocks !== null) this.handleCount = this.handleIndex = this.nextHash = 0;
    else this.cursor.seek(this.sequenceOffset);
  }

  /** Where the field that nextField() will read begins; good in any reader of the same bytes. Not of a native hash. */
  get place(): number {
    return this.packed === null ? this.cursor.offset : this.packed.pos;
  }

  /** Puts the reader before the field that begins there: for one nextField(). */
  set place(place: number) {
    this.seen = 0;
    if (this.packed === null) this.cursor.seek(place);
    else this.packed.pos = place;
  }

  /** As Redis 7.2 (7.4, Valkey 9 for field expiries) would hold the hash after loading it. May walk; rewinds then. */
  get encoding(): "listpack" | "listpackex" | "hashtable" {
    const { limits } = this;
    if (this.blocks !== null) return "hashtable";
    if (this.stored > limits["hash-max-listpack-entries"]) return "hashtable";
    const type = (this.record as Record).type;
    if (type === RdbType.VALKEY_HASH_2) return "hashtable";
    const small = this.expiries === "none" ? "listpack" : "listpackex";
    if (this.packed !== null && this.packed !== this.zipmap) return small;
    const nowMs = this.nowMs;
    this.nowMs = Number.NEGATIVE_INFINITY;
    this.rewind();
    let longest = 0;
    while (this.nextField()) longest = Math.max(longest, this.field.length, this.value.length);
    this.nowMs = nowMs;
    this.rewind();
    return longest > limits["hash-max-listpack-value"] ? "hashtable" : small;
  }

  /** Moves to the next living field: sets field, value, fieldExpireAtMs; false at the end. */
  nextField(): boolean {
    while (this.seen < this.stored) {
      this.seen++;
      if (this.blocks !== null) this.readNative(this.blocks);
      else if (this.packed !== null) this.readPacked(this.packed);
      else this.readSequence(this.cursor);
      if (!this.expired) return true;
    }
    return false;
  }

  private readNative(blocks: Blocks): void {
    if (this.handleIndex === this.handleCount) this.fetch();
    this.fieldExpireAtMs = readField(blocks, this.handles[this.handleIndex++] as number, this.field, this.value);
  }

  /** Fetches the fields of the next segment that has any. */
  private fetch(): void {
    if (this.handles.length === 0) this.handles = new Int32Array(SEGMENT_MEMBERS_MAX);
    const { table } = this.fields;
    this.handleIndex = this.handleCount = 0;
    while (this.handleCount === 0) {
      if (this.nextHash >= HASHES) throw countMismatch(0, this.seen - 1, this.stored);
      this.handleCount = table.collect(this.nextHash, HASHES, this.handles);
      this.nextHash = table.next;
    }
  }

  /**
   * Reads a living field picked at random, each with the same chance: field, value, fieldExpireAtMs; false where none is found quickly,
   * since most have expired. Only of a native hash that is not empty.
   */
  pick(): boolean {
    for (let picks = 0; picks < PICKS_MAX; picks++) {
      this.picked = this.fields.table.random();
      this.fieldExpireAtMs = readField(this.blocks as Blocks, this.picked, this.field, this.value);
      if (!this.expired) return true;
    }
    return false;
  }

  private get expired(): boolean {
    return this.fieldExpireAtMs !== -1 && this.fieldExpireAtMs < this.nowMs;
  }

  private readPacked(packed: Packed): void {
    if (!packed.next(this.field)) throw countMismatch(this.valueOffset, this.seen - 1, this.stored);
    this.readPackedValue(packed);
  }

  private readPackedValue(packed: Packed): void {
    if (!packed.next(this.value)) throw countMismatch(this.valueOffset, this.seen - 1, this.stored);
    if (this.expiries === "none") {
      this.fieldExpireAtMs = -1;
      return;
    }
    const { expiry } = this;
    if (!packed.next(expiry) || !expiry.isInt) {
      throw new FormatError("bad-hash", this.valueOffset, "a field without an expiry", "an integer after its value");
    }
    this.fieldExpireAtMs = expiry.int > 0 ? expiry.int : -1;
  }

  private readSequence(cursor: Cursor): void {
    if (this.expiries === "before") this.readExpiryBefore(cursor);
    this.field.isInt = false;
    readString(cursor, this.field.element, this.scratch);
    this.readSequenceValue(cursor);
  }

  private readSequenceValue(cursor: Cursor): void {
    this.value.isInt = false;
    readString(cursor, this.value.element, this.valueScratch);
    if (this.expiries === "after") this.fieldExpireAtMs = readExpireMs(cursor);
    else if (this.expiries === "none") this.fieldExpireAtMs = -1;
  }

  private readExpiryBefore(cursor: Cursor): void {
    const expiry = readLength(cursor);
    this.fieldExpireAtMs = expiry === 0 ? -1 : expiry + this.expiryBase;
  }

  /**
   * Finds a living field: sets field, value, fieldExpireAtMs when it is there. Moves the iteration: rewind() before
   * walking again. A sequence is walked.
   */
  find(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.blocks !== null) {
      const { fields } = this;
      if (!fields.find(bytes, start, length)) return false;
      this.fieldExpireAtMs = fields.read(this.field, this.value);
      return !this.expired;
    }
    this.rewind();
    const { packed } = this;
    const found =
      packed !== null ? packed.find(bytes, start, length, this.stride) : this.findInSequence(bytes, start, length);
    if (!found) return false;
    this.field.setBytes(bytes, start, length);
    if (packed !== null) this.readPackedValue(packed);
    else this.readSequenceValue(this.cursor);
    return !this.expired;
  }

  /** Whether find() would hold others up: use findInSlices() first, with a reader of the command's own. */
  isSlowToFind(bytes: Uint8Array, start: number, length: number): boolean {
    return (
      this.packed === null &&
      this.blocks === null &&
      isSlowToFind(this.cursor.source, this.sequenceOffset, this.stored, bytes, start, length)
    );
  }

  /** Makes the next find() of `field`, by any reader of this hash, quick. */
  findInSlices(field: Uint8Array): Generator<void, void, void> {
    const { cursor, blob, scratch, sequenceOffset, stored } = this;
    return findInSlices(this, cursor, blob, scratch, sequenceOffset, stored, field);
  }

  /** Whether any field is found without a walk, or can be from now on: see indexInSlices. With a reader of the command's own. */
  *indexInSlices(): Generator<void, boolean, void> {
    if (this.packed !== null || this.blocks !== null) return true;
    return yield* indexInSlices(this, this.cursor, this.scratch, this.sequenceOffset, this.stored);
  }

  /** Whether find() of any field is quick: it is native, or has an index. */
  get isKeyed(): boolean {
    if (this.blocks !== null) return true;
    return this.packed === null && builtIndexOf(this.cursor.source, this.sequenceOffset) !== null;
  }

  private findInSequence(bytes: Uint8Array, start: number, length: number): boolean {
    const { cursor, blob, scratch, sequenceOffset, stored } = this;
    return findMember(this, cursor, blob, scratch, sequenceOffset, stored, bytes, start, length);
  }

  /** For findMember. */
  beforeMember(cursor: Cursor): void {
    if (this.expiries === "before") this.readExpiryBefore(cursor);
  }

  /** For findMember. */
  skipRest(cursor: Cursor): void {
    skipString(cursor);
    if (this.expiries === "after") cursor.skip(8);
  }
}
