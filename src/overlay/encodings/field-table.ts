/**
 * The fields of a large hash: a member table whose blocks are fields with their values, and of those that expire by themselves the count
 * and the earliest times.
 *
 *   root       expiring: fields that have an expiry     earliest: before that time none expires
 *   segment    earliest: the same, of its fields
 *
 * Earliest times are bounds: what is removed or lives longer than before leaves them as they are; `expire` makes them exact. A flyweight:
 * one instance serves any number of hashes, one after the other.
 */
import { Element } from "../../encodings/element.ts";
import type { Blocks } from "./blocks.ts";
import { changeExpiry, changeValue, createField, readField, readFieldExpiry } from "./member.ts";
import { memberHash } from "./member-hash.ts";
import { HASHES, MemberTable } from "./member-table.ts";
import { SEGMENT_MEMBERS_MAX } from "./segment.ts";

export const NO_EXPIRY = -1;
/** For `put`: the field's expiry stays. */
export const KEEP_FIELD_EXPIRY = -2;

/** Only between two calls of the table: nothing that uses them re-enters. */
const HANDLES = new Int32Array(SEGMENT_MEMBERS_MAX);
const FIELD = new Element();
const VALUE = new Element();

export class FieldTable {
  readonly table = new MemberTable();
  /** The block of the field that was found; 0: it was not. */
  handle = 0;
  #blocks: Blocks | null = null;
  #hash = 0;

  bind(blocks: Blocks, root: number): this {
    this.#blocks = blocks;
    this.table.bind(blocks, root);
    return this;
  }

  /** Finds a field, expired or not. `read`, `put`, `setExpiry` and `remove` mean it, until another one is sought. */
  find(field: Uint8Array, start: number, length: number): boolean {
    this.#hash = memberHash(field, start, length);
    this.handle = this.table.find(this.#hash, field, start, length);
    return this.handle !== 0;
  }

  /** Reads the found field: when it expires, Unix time in ms, NO_EXPIRY. Valid until its block is changed. */
  read(field: Element, value: Element): number {
    return readField(this.#blocks as Blocks, this.handle, field, value);
  }

  /**
   * Gives the field that was sought, these bytes, a value; one that was not found is added. None of the bytes may lie in its block.
   * Throws ArenaFull, RangeError: nothing changed.
   */
  put(
    field: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    const blocks = this.#blocks as Blocks;
    if (this.handle === 0) {
      const at = expireAtMs === KEEP_FIELD_EXPIRY ? NO_EXPIRY : expireAtMs;
      const made = createField(blocks, field, start, length, value, valueStart, valueLength, at);
      this.#insert(made);
      if (at !== NO_EXPIRY) this.#begin(at);
      return;
    }
    const before = readFieldExpiry(blocks, this.handle);
    if (expireAtMs === KEEP_FIELD_EXPIRY || expireAtMs === before) {
      this.#replace(changeValue(blocks, this.handle, value, valueStart, valueLength));
      return;
    }
    this.#replace(createField(blocks, field, start, length, value, valueStart, valueLength, expireAtMs));
    this.#note(before, expireAtMs);
  }

  /** Gives the found field another expiry; NO_EXPIRY takes it away. Throws ArenaFull: nothing changed. */
  setExpiry(expireAtMs: number): void {
    const blocks = this.#blocks as Blocks;
    const before = readFieldExpiry(blocks, this.handle);
    this.#replace(changeExpiry(blocks, this.handle, expireAtMs));
    this.#note(before, expireAtMs);
  }

  /** Removes the found field. */
  remove(): void {
    const blocks = this.#blocks as Blocks;
    if (readFieldExpiry(blocks, this.handle) !== NO_EXPIRY) this.#end();
    this.table.remove();
    blocks.free(this.handle);
    this.handle = 0;
  }

  /** Fields that have not expired. Looks through the segments whose time has come. */
  living(nowMs: number): number {
    const { table } = this;
    let { count } = table;
    if (!this.isDue(nowMs)) return count;
    const blocks = this.#blocks as Blocks;
    for (let from = 0; from < HASHES; from = table.next) {
      table.seekSegment(from);
      if (!(table.segmentExpiry < nowMs)) continue;
      const fields = table.collect(from, HASHES, HANDLES);
      for (let i = 0; i < fields; i++) {
        const expireAtMs = readFieldExpiry(blocks, HANDLES[i] as number);
        if (expireAtMs !== NO_EXPIRY && expireAtMs < nowMs) count--;
      }
    }
    return count;
  }

  /** Whether fields may have expired. */
  isDue(nowMs: number): boolean {
    const { table } = this;
    return table.expiring > 0 && table.earliestExpiry < nowMs;
  }

  /** Removes expired fields, about `most` of them; false where there may be more. */
  expire(nowMs: number, most: number): boolean {
    if (!this.isDue(nowMs)) return true;
    const { table } = this;
    let left = most;
    let earliestMs = Number.POSITIVE_INFINITY;
    for (let from = 0; from < HASHES; from = table.next) {
      table.seekSegment(from);
      // Segments may be joined meanwhile: then this one, which is larger, is looked through again.
      while (table.segmentExpiry < nowMs) {
        if (left <= 0 && table.expiring > 0) return false;
        left -= this.#expireSegment(from, nowMs);
        table.seekSegment(from);
      }
      earliestMs = Math.min(earliestMs, table.segmentExpiry);
    }
    table.earliestExpiry = table.expiring === 0 ? Number.POSITIVE_INFINITY : earliestMs;
    return true;
  }

  /** How many fields were removed. */
  #expireSegment(from: number, nowMs: number): number {
    const { table } = this;
    const blocks = this.#blocks as Blocks;
    const { segments } = table;
    const fields = table.collect(from, HASHES, HANDLES);
    let earliestMs = Number.POSITIVE_INFINITY;
    let removed = 0;
    for (let i = 0; i < fields; i++) {
      const handle = HANDLES[i] as number;
      const expireAtMs = readFieldExpiry(blocks, handle);
      if (expireAtMs === NO_EXPIRY) continue;
      if (expireAtMs >= nowMs) {
        earliestMs = Math.min(earliestMs, expireAtMs);
        continue;
      }
      readField(blocks, handle, FIELD, VALUE);
      const { bytes, start, length } = FIELD.text();
      this.find(bytes, start, length);
      this.remove();
      removed++;
    }
    if (table.segments === segments) {
      table.seekSegment(from);
      table.segmentExpiry = earliestMs;
    }
    return removed;
  }

  #insert(handle: number): void {
    try {
      this.table.insert(this.#hash, handle);
    } catch (error) {
      (this.#blocks as Blocks).free(handle);
      throw error;
    }
    this.handle = handle;
  }

  #replace(handle: number): void {
    if (handle === this.handle) return;
    this.table.replace(handle);
    (this.#blocks as Blocks).free(this.handle);
    this.handle = handle;
  }

  #note(before: number, expireAtMs: number): void {
    if (before !== NO_EXPIRY) this.#end();
    if (expireAtMs !== NO_EXPIRY) this.#begin(expireAtMs);
  }

  /** The field of the last search expires from now on. */
  #begin(expireAtMs: number): void {
    const { table } = this;
    table.expiring++;
    if (expireAtMs < table.segmentExpiry) table.segmentExpiry = expireAtMs;
    if (expireAtMs < table.earliestExpiry) table.earliestExpiry = expireAtMs;
  }

  /** One field less that expires. */
  #end(): void {
    const { table } = this;
    table.expiring--;
    if (table.expiring === 0) table.earliestExpiry = Number.POSITIVE_INFINITY;
  }
}
