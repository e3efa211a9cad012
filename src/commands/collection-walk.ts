/**
 * Walks over the elements of a set, hash or sorted set, for SSCAN, HSCAN and ZSCAN: whatever its type and encoding, by name, in stored
 * order, from place to place, or (native ones) from handle to handle. In which order they are given is collection-order.ts's affair.
 */
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { readField, readMember, readScored } from "../overlay/encodings/member.ts";
import { Record } from "../rdb/record.ts";
import type { ByteStore } from "../types/byte-store.ts";
import type { Element } from "../types/elements.ts";
import { HashReader } from "../types/hash.ts";
import type { EncodingLimits } from "../types/limits.ts";
import { SetReader } from "../types/set.ts";
import { ZsetReader } from "../types/zset.ts";
import { double17Text, doubleText } from "../util/decimal.ts";
import { binaryBytes } from "../util/span.ts";

export type WalkedType = "set" | "hash" | "zset";

/** One walk, with a record and a reader of its own. */
export abstract class CollectionWalk {
  readonly record = new Record();
  /** Number of elements of the collection. */
  size = 0;
  /** True for what Redis would hold in a compact encoding: it is given in one call. */
  isCompact = false;
  /** The current element's name: member or field. */
  abstract readonly name: Element;

  /** Begins at a record, which may be read again at once. Throws FormatError. */
  begin(record: Record): void {
    this.record.like(record);
    this.open();
  }

  protected abstract open(): void;
  /** Moves to the next element; false at the end. */
  abstract next(): boolean;
  /** Back before the first element. */
  abstract rewind(): void;
  /** Where the element that next() will read begins: may be set, in any walk over the same bytes. */
  abstract place: number;

  /** Whether the current element has not expired by itself. */
  isAlive(_nowMs: number): boolean {
    return true;
  }

  /** Reads a native collection's member by its handle: it is the current element then. */
  abstract readHandle(blocks: Blocks, handle: number): void;

  /** Keeps what goes with the current element's name: nothing for sets. */
  abstract keepValue(store: ByteStore): void;
}

export function newWalk(type: WalkedType, limits: EncodingLimits): CollectionWalk {
  if (type === "set") return new SetWalk(limits);
  if (type === "hash") return new HashWalk(limits);
  return new ZsetWalk(limits);
}

class SetWalk extends CollectionWalk {
  readonly name: SetReader;

  constructor(limits: EncodingLimits) {
    super();
    this.name = new SetReader(limits);
  }

  protected open(): void {
    this.name.open(this.record);
    this.size = this.name.count;
    this.isCompact = this.name.encoding !== "hashtable";
    this.name.rewind();
  }

  next(): boolean {
    return this.name.next();
  }

  rewind(): void {
    this.name.rewind();
  }

  get place(): number {
    return this.name.place;
  }

  set place(place: number) {
    this.name.place = place;
  }

  readHandle(blocks: Blocks, handle: number): void {
    readMember(blocks, handle, this.name);
  }

  keepValue(): void {}
}

class HashWalk extends CollectionWalk {
  readonly name: Element;
  readonly #reader: HashReader;

  constructor(limits: EncodingLimits) {
    super();
    this.#reader = new HashReader(limits);
    this.name = this.#reader.field;
  }

  protected open(): void {
    // As of the beginning of time: fields that expire meanwhile must not shift those that stay.
    this.#reader.open(this.record, Number.NEGATIVE_INFINITY);
    this.size = this.#reader.storedCount;
    this.isCompact = this.#reader.encoding !== "hashtable";
    this.#reader.rewind();
  }

  next(): boolean {
    return this.#reader.nextField();
  }

  rewind(): void {
    this.#reader.rewind();
  }

  get place(): number {
    return this.#reader.place;
  }

  set place(place: number) {
    this.#reader.place = place;
  }

  override isAlive(nowMs: number): boolean {
    const { fieldExpireAtMs } = this.#reader;
    return fieldExpireAtMs === -1 || fieldExpireAtMs >= nowMs;
  }

  readHandle(blocks: Blocks, handle: number): void {
    const reader = this.#reader;
    reader.fieldExpireAtMs = readField(blocks, handle, reader.field, reader.value);
  }

  keepValue(store: ByteStore): void {
    const value = this.#reader.value.text();
    store.add(value.bytes, value.start, value.length);
  }
}

class ZsetWalk extends CollectionWalk {
  readonly name: ZsetReader;

  constructor(limits: EncodingLimits) {
    super();
    this.name = new ZsetReader(limits);
  }

  protected open(): void {
    this.name.open(this.record);
    this.size = this.name.count;
    this.isCompact = this.name.encoding === "listpack";
    this.name.rewind();
  }

  next(): boolean {
    return this.name.next();
  }

  rewind(): void {
    this.name.rewind();
  }

  get place(): number {
    return this.name.place;
  }

  set place(place: number) {
    this.name.place = place;
  }

  readHandle(blocks: Blocks, handle: number): void {
    this.name.score = readScored(blocks, handle, this.name);
  }

  /** Redis gives the scores of big sorted sets with seventeen digits here, and nowhere else. */
  keepValue(store: ByteStore): void {
    const score = binaryBytes(this.isCompact ? doubleText(this.name.score) : double17Text(this.name.score));
    store.add(score, 0, score.length);
  }
}
