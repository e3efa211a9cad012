/**
 * Walks over collections in the order they are stored, that SSCAN, HSCAN and ZSCAN go on with from call to call. A
 * cursor is the number of elements already passed: it stays true because a layer's bytes never change. Walks that have
 * not ended are parked, so that the next call need not walk from the start again; where a walk was dropped (too many at
 * once, or a cursor that nobody was given), passing over the elements finds the place again.
 */
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
  /** Elements passed. */
  passed = 0;
  /** Number of elements of the collection. */
  size = 0;
  /** True for what Redis would hold in a compact encoding: it is given in one call. */
  isCompact = false;
  /** The current element's name: member or field. */
  abstract readonly name: Element;

  /** Begins at the record, which must be this walk's own. */
  begin(): void {
    this.passed = 0;
    this.open();
  }

  protected abstract open(): void;
  protected abstract step(): boolean;

  /** Moves to the next element; false at the end. */
  next(): boolean {
    if (!this.step()) return false;
    this.passed++;
    return true;
  }

  /** Whether the current element has not expired by itself. */
  isAlive(_nowMs: number): boolean {
    return true;
  }

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

  protected step(): boolean {
    return this.name.next();
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
    this.size = this.#reader.count;
    this.isCompact = this.#reader.encoding !== "hashtable";
    this.#reader.rewind();
  }

  protected step(): boolean {
    return this.#reader.nextField();
  }

  override isAlive(nowMs: number): boolean {
    const { fieldExpireAtMs } = this.#reader;
    return fieldExpireAtMs === -1 || fieldExpireAtMs >= nowMs;
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

  protected step(): boolean {
    return this.name.next();
  }

  /** Redis gives the scores of big sorted sets with seventeen digits here, and nowhere else. */
  keepValue(store: ByteStore): void {
    const score = binaryBytes(this.isCompact ? doubleText(this.name.score) : double17Text(this.name.score));
    store.add(score, 0, score.length);
  }
}

/** Walks parked at once: each holds a reader's scratch. */
const PARKED_MAX = 32;

/** Walks between two calls of a scan, the longest parked first. */
export class ParkedWalks {
  readonly #walks: CollectionWalk[] = [];

  /** Takes out the walk over this record that has passed `passed` elements, or null. */
  take(record: Record, passed: number): CollectionWalk | null {
    const { source } = record.cursor;
    const at = this.#walks.findIndex(
      (walk) =>
        walk.passed === passed &&
        walk.record.offset === record.offset &&
        walk.record.type === record.type &&
        walk.record.cursor.source === source,
    );
    return at < 0 ? null : (this.#walks.splice(at, 1)[0] as CollectionWalk);
  }

  park(walk: CollectionWalk): void {
    if (this.#walks.length === PARKED_MAX) this.#walks.shift();
    this.#walks.push(walk);
  }
}
