/**
 * Changes a sorted set of the overlay, be it packed (a listpack of { member, score } in order, ZSET_LISTPACK) or native
 * (overlay/encodings/sorted-set.ts):
 *
 *   | header | member | score | member | score | … | 0xff |
 *              ^ #pairAt        ^ #pairEnd                    offsets from the listpack's start: it may move when it grows
 *                       ^ #scoreAt
 *
 * Scores are as Redis writes them: whole ones as integers, others as the shortest text that reads back as the same number.
 * One instance serves any number of sets, one after the other; nothing is allocated on the heap.
 */
import { Listpack } from "../encodings/listpack.ts";
import {
  LISTPACK_BYTES_MAX,
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  measureInteger,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { type Database, KEEP_EXPIRY } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { readScored } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { SortedSet } from "../overlay/encodings/sorted-set.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { doubleText, writePlainDouble } from "../util/decimal.ts";
import { Span } from "../util/span.ts";
import { Element } from "./elements.ts";
import { elementScore } from "./score.ts";
import type { OrderedPairs } from "./scored-pairs.ts";

/** Whole scores up to this are stored as integers: Redis's double2ll. */
const WHOLE_MAX = 2 ** 62;
const TEXT_BYTES_MAX = 32;

/** The text of the score that was measured last, if it is no integer. */
const TEXT = new Uint8Array(TEXT_BYTES_MAX);
const WRITER = new ListpackWriter();
const MEMBER = new Span();

function isWhole(score: number): boolean {
  return Math.floor(score) === score && score >= -WHOLE_MAX && score <= WHOLE_MAX;
}

/** Length of the text in TEXT. */
function writeText(score: number): number {
  const plain = writePlainDouble(score, TEXT, 0);
  if (plain > 0) return plain;
  const text = doubleText(score);
  for (let i = 0; i < text.length; i++) TEXT[i] = text.charCodeAt(i);
  return text.length;
}

/** Bytes of the score as an element of a listpack. */
function measureScore(score: number): number {
  return isWhole(score) ? measureInteger(score) : measureElement(TEXT, 0, writeText(score));
}

/** Inserts a score at `pos`; the position behind it. Its room is there. */
function insertScore(writer: ListpackWriter, pos: number, score: number): number {
  if (isWhole(score)) return writer.insertInteger(pos, score);
  return writer.insert(pos, TEXT, 0, writeText(score));
}

function replaceScore(writer: ListpackWriter, pos: number, score: number): void {
  if (isWhole(score)) writer.replaceInteger(pos, score);
  else writer.replace(pos, TEXT, 0, writeText(score));
}

const CREATED = new PackedEdit();

/** Makes the key's value a packed sorted set of these pairs; `expireAtMs` as in Database.write. Throws ArenaFull, nothing changed. */
export function createPacked(
  database: Database,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  pairs: OrderedPairs,
  expireAtMs = KEEP_EXPIRY,
): void {
  let size = LISTPACK_EMPTY_BYTES;
  for (let i = 0; i < pairs.count; i++) {
    pairs.member(i, MEMBER);
    size += measureElement(MEMBER.bytes, MEMBER.start, MEMBER.length) + measureScore(pairs.score(i));
  }
  CREATED.create(database, key, keyStart, keyLength, RdbType.ZSET_LISTPACK, size, expireAtMs);
  writeEmptyListpack(CREATED.bytes, CREATED.start);
  const writer = WRITER.open(CREATED.bytes, CREATED.start);
  for (let i = 0; i < pairs.count; i++) {
    pairs.member(i, MEMBER);
    const pos = writer.insert(writer.end, MEMBER.bytes, MEMBER.start, MEMBER.length);
    insertScore(writer, pos, pairs.score(i));
  }
}

/** As createPacked, of one member. */
export function createOne(
  database: Database,
  key: Uint8Array,
  keyStart: number,
  keyLength: number,
  score: number,
  member: Uint8Array,
  start: number,
  length: number,
): void {
  const size = LISTPACK_EMPTY_BYTES + measureElement(member, start, length) + measureScore(score);
  CREATED.create(database, key, keyStart, keyLength, RdbType.ZSET_LISTPACK, size, -1);
  writeEmptyListpack(CREATED.bytes, CREATED.start);
  const writer = WRITER.open(CREATED.bytes, CREATED.start);
  insertScore(writer, writer.insert(writer.end, member, start, length), score);
}

export class ZsetEdit {
  /** Members. */
  count = 0;
  /** After find() or goToEnd(): the member's score. */
  score = 0;
  /** After goToEnd(): the member. Valid until a change. */
  readonly member = new Element();
  isNative = false;
  #blocks: Blocks | null = null;
  #set: SortedSet | null = null;
  /** Of the native member that was found or not. */
  #hash = 0;
  #handle = 0;
  readonly #packed = new PackedEdit();
  readonly #walker = new Listpack();
  readonly #element = new Element();
  #valueOffset = 0;
  /** The listpack has been opened or changed since the walker was. */
  #isChanged = true;
  #pairAt = 0;
  #scoreAt = 0;
  #pairEnd = 0;
  /** Where a member that was sought would stand. */
  #place = 0;

  /** Takes the sorted set of a record that is free to be changed (openForWrite): of type ZSET_LISTPACK, or native. Throws FormatError. */
  open(database: Database, key: Uint8Array, keyStart: number, keyLength: number, record: Record): void {
    this.isNative = record.type === NativeType.ZSET;
    if (this.isNative) {
      this.openNative(nativeBlocks(record), nativeRoot(record));
      return;
    }
    this.#valueOffset = record.valueOffset;
    this.#packed.open(database, key, keyStart, keyLength, record);
    this.#isChanged = true;
    this.count = this.#openWalker().count() >>> 1;
  }

  /** As `open`, of a native sorted set in the top overlay. */
  openNative(blocks: Blocks, root: number): void {
    this.isNative = true;
    this.#blocks = blocks;
    this.#set ??= new SortedSet(blocks);
    this.#set.bind(blocks, root);
    this.count = this.#set.count;
  }

  /** Bytes of the listpack. */
  get packedBytes(): number {
    return this.#packed.length;
  }

  /** Whether a packed set can take a member of so many bytes without becoming too large for a listpack. */
  hasRoom(length: number): boolean {
    return this.#packed.length + length < LISTPACK_BYTES_MAX - 2 * TEXT_BYTES_MAX;
  }

  /** Finds a member: its score is `score` then. The change that follows means it, or adds it. */
  find(member: Uint8Array, start: number, length: number): boolean {
    if (this.isNative) {
      const set = this.#set as SortedSet;
      this.#hash = memberHash(member, start, length);
      this.#handle = set.find(this.#hash, member, start, length);
      if (this.#handle === 0) return false;
      this.score = set.score(this.#handle);
      return true;
    }
    const walker = this.#openWalker();
    if (!walker.find(member, start, length, 2)) return false;
    const from = this.#packed.start;
    this.#scoreAt = walker.pos - from;
    this.#pairAt = WRITER.open(this.#packed.bytes, from).previous(walker.pos) - from;
    this.#readScore(walker);
    return true;
  }

  /** Adds the member that find() has just not found. Throws ArenaFull, RangeError: nothing changed. */
  add(score: number, member: Uint8Array, start: number, length: number): void {
    if (this.isNative) (this.#set as SortedSet).add(this.#hash, score, member, start, length);
    else {
      this.#seek(score, member, start, length, -1);
      const packed = this.#packed;
      this.#isChanged = true;
      packed.resize(packed.length + measureElement(member, start, length) + measureScore(score));
      this.#insert(score, member, start, length);
    }
    this.count++;
  }

  /** Gives the member that find() has just found, these bytes, another score. Throws ArenaFull, RangeError: nothing changed. */
  setScore(score: number, member: Uint8Array, start: number, length: number): void {
    if (this.isNative) {
      (this.#set as SortedSet).setScore(this.#handle, score);
      return;
    }
    const packed = this.#packed;
    const old = this.#pairEnd - this.#pairAt;
    const grown = measureScore(score) - (this.#pairEnd - this.#scoreAt);
    this.#seek(score, member, start, length, this.#pairAt);
    const total = packed.length + grown;
    this.#isChanged = true;
    if (grown < 0) {
      // Aside: when there is no memory to make it shorter, it must be as it was.
      const blob = packed.copyAside();
      this.#move(blob, 0, old, score, member, start, length);
      packed.putBack(blob, total);
      return;
    }
    packed.resize(total);
    this.#move(packed.bytes, packed.start, old, score, member, start, length);
  }

  /** Moves the pair at #pairAt, of `old` bytes, to #place, in the listpack at bytes[at …]. */
  #move(
    bytes: Uint8Array,
    at: number,
    old: number,
    score: number,
    member: Uint8Array,
    start: number,
    length: number,
  ): void {
    const writer = WRITER.open(bytes, at);
    if (this.#place === this.#pairAt || this.#place === this.#pairEnd) {
      replaceScore(writer, at + this.#scoreAt, score);
      return;
    }
    writer.remove(at + this.#pairAt, 2);
    if (this.#place > this.#pairAt) this.#place -= old;
    insertScore(writer, writer.insert(at + this.#place, member, start, length), score);
  }

  /** Removes the member that find() has just found. */
  remove(): void {
    if (this.isNative) (this.#set as SortedSet).remove(this.#handle);
    else this.#cut(this.#pairAt, this.#pairEnd, 1);
    this.count--;
  }

  /** Reads the first member, or the last one, into `member` and `score`. There is one. */
  goToEnd(isLast: boolean): void {
    if (this.isNative) {
      const { tree } = this.#set as SortedSet;
      if (isLast) tree.seekLast();
      else tree.seekFirst();
      this.score = readScored(this.#blocks as Blocks, tree.handle, this.member);
      return;
    }
    const walker = this.#openWalker();
    const from = this.#packed.start;
    if (isLast) {
      walker.toEnd();
      walker.previous(this.#element);
      walker.previous(this.member);
      this.#pairAt = walker.pos - from;
      walker.next(this.member);
    } else {
      this.#pairAt = walker.pos - from;
      walker.next(this.member);
    }
    this.#scoreAt = walker.pos - from;
    this.#readScore(walker);
  }

  /** Removes the member that goToEnd() has just read. */
  removeHere(): void {
    if (this.isNative) this.#removeNative(this.#set as SortedSet);
    else this.#cut(this.#pairAt, this.#pairEnd, 1);
    this.count--;
  }

  /** Removes the members of ranks start ≤ rank < end, of those that are there. */
  removeRanks(start: number, end: number): void {
    const removed = end - start;
    if (this.isNative) this.#removeNativeRanks(start, removed);
    else {
      const from = this.#packed.start;
      const writer = WRITER.open(this.#packed.bytes, from);
      const at = writer.seek(2 * start);
      let behind = at;
      for (let i = 0; i < 2 * removed; i++) behind = writer.next(behind);
      this.#cut(at - from, behind - from, removed);
    }
    this.count -= removed;
  }

  #removeNativeRanks(start: number, removed: number): void {
    const set = this.#set as SortedSet;
    for (let i = 0; i < removed; i++) {
      set.tree.seekWeight(start);
      set.tree.settle();
      readScored(this.#blocks as Blocks, set.tree.handle, this.member);
      this.#removeNative(set);
    }
  }

  /** The tree stands at `member`. */
  #removeNative(set: SortedSet): void {
    const { bytes, start, length } = this.member.text();
    set.removeHere(memberHash(bytes, start, length));
  }

  /** The walker at the first member. The listpack's frame is looked at once, and after each change. */
  #openWalker(): Listpack {
    if (!this.#isChanged) {
      this.#walker.rewind();
      return this.#walker;
    }
    this.#isChanged = false;
    const { blob } = this.#packed;
    return this.#walker.open(blob.bytes, blob.start, blob.length, this.#valueOffset);
  }

  /** The walker stands at the score of the pair at #pairAt. */
  #readScore(walker: Listpack): void {
    walker.next(this.#element);
    this.#pairEnd = walker.pos - this.#packed.start;
    this.score = elementScore(this.#element, this.#valueOffset);
  }

  /** Puts #place where a pair would stand among all but the one at offset `own` (-1: among all). */
  #seek(score: number, member: Uint8Array, start: number, length: number, own: number): void {
    const walker = this.#openWalker();
    const from = this.#packed.start;
    const element = this.#element;
    if (this.#isBehindLast(walker, score)) {
      this.#place = this.#packed.length - 1;
      return;
    }
    walker.rewind();
    for (;;) {
      const at = walker.pos;
      this.#place = at - from;
      if (!walker.skip()) return;
      walker.next(element);
      if (at - from === own) continue;
      const here = elementScore(element, this.#valueOffset);
      if (here < score) continue;
      if (here > score) return;
      const behind = walker.pos;
      walker.pos = at;
      walker.next(element);
      if (element.text().compare(member, start, length) > 0) return;
      walker.pos = behind;
    }
  }

  /** Whether the last score is lower: most often, what comes later comes last. */
  #isBehindLast(walker: Listpack, score: number): boolean {
    walker.toEnd();
    return walker.previous(this.#element) && elementScore(this.#element, this.#valueOffset) < score;
  }

  #insert(score: number, member: Uint8Array, start: number, length: number): void {
    const packed = this.#packed;
    const writer = WRITER.open(packed.bytes, packed.start);
    insertScore(writer, writer.insert(packed.start + this.#place, member, start, length), score);
  }

  /** Removes the pairs that lie in [from, to). */
  #cut(from: number, to: number, pairs: number): void {
    const packed = this.#packed;
    this.#isChanged = true;
    packed.cut(from, to);
    WRITER.open(packed.bytes, packed.start).noteCut(packed.length, 2 * pairs);
  }
}
