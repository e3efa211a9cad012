/**
 * Changes a hash that a key of the overlay has, or makes one, whichever of its forms it has; converts as Redis 7.2 does (t_hash.c):
 *
 *   listpack ── more than hash-max-listpack-entries fields, a long field or value, a field that expires ──► native
 *
 * The listpack of { field, value } is a value as RDB has it, edited in place (keyspace/packed-edit.ts); the native form is a member
 * table (overlay/encodings/field-table.ts). One instance serves any number of keys, one after the other; nothing is allocated on the
 * heap but when the form changes. Every single change happens, or throws ArenaFull or RangeError with the hash as it was.
 */
import { Listpack } from "../encodings/listpack.ts";
import {
  LISTPACK_BYTES_MAX,
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { type Database, KEEP_EXPIRY } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { FieldTable, KEEP_FIELD_EXPIRY, NO_EXPIRY } from "../overlay/encodings/field-table.ts";
import { hashForm } from "../overlay/encodings/hash-form.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { copyBytes } from "../util/native.ts";
import { EMPTY_BYTES } from "../util/span.ts";
import { countMismatch, Element } from "./elements.ts";
import { buildHash } from "./hash-build.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";

export { KEEP_FIELD_EXPIRY, NO_EXPIRY };

/** A larger copy of a listpack is not kept for the next one. */
const ASIDE_BYTES_MAX = 65536;

export class HashEdit {
  /** After read(): the field's value, valid until a change, and when it expires: Unix time in ms, NO_EXPIRY. */
  readonly value = new Element();
  expireAtMs = NO_EXPIRY;
  #database: Database | null = null;
  #key: Uint8Array = EMPTY_BYTES;
  #keyStart = 0;
  #keyLength = 0;
  #limits: EncodingLimits = DEFAULT_LIMITS;
  /** As the key's value was read last. */
  #record = new Record();
  #isNative = false;
  readonly #fields = new FieldTable();
  readonly #field = new Element();
  readonly #packed = new PackedEdit();
  readonly #reader = new Listpack();
  readonly #writer = new ListpackWriter();
  /** Of the field that was sought, from the listpack's start: where its value begins, 0: it was not found; and where the next field does. */
  #valueAt = 0;
  #nextAt = 0;
  /** The listpack has been changed since the reader was opened. */
  #isStale = false;
  #aside = new Uint8Array(1024);

  /** Takes a key, and the thresholds. `open` or `create` follows. */
  take(database: Database, key: Uint8Array, start: number, length: number, limits: EncodingLimits): void {
    this.#database = database;
    this.#key = key;
    this.#keyStart = start;
    this.#keyLength = length;
    this.#limits = limits;
  }

  /**
   * Opens the key's value, which was just found for a write (commands/writable.ts): of type HASH_LISTPACK, or native in the top overlay.
   * The record is the editor's as long as it is used. Throws FormatError.
   */
  open(record: Record): void {
    this.#record = record;
    this.#isNative = record.type === NativeType.HASH;
    if (this.#isNative) {
      this.#fields.bind(nativeBlocks(record), nativeRoot(record));
      return;
    }
    this.#packed.open(this.#database as Database, this.#key, this.#keyStart, this.#keyLength, record);
    this.#openReader();
    const elements = this.#reader.count();
    if (elements % 2 === 1) throw countMismatch(record.valueOffset, elements, elements + 1);
  }

  /** As `open`, of a native hash in the top overlay. */
  openNative(blocks: Blocks, root: number): void {
    this.#isNative = true;
    this.#fields.bind(blocks, root);
  }

  get isNative(): boolean {
    return this.#isNative;
  }

  /** Number of fields, those that have expired too: `expire` removes them. */
  get count(): number {
    if (this.#isNative) return this.#fields.table.count;
    if (this.#isStale) this.#openReader();
    return this.#reader.count() >>> 1;
  }

  /** Removes expired fields, about `most` of them; false where there may be more. */
  expire(nowMs: number, most: number): boolean {
    if (!this.#isNative || !this.#fields.isDue(nowMs)) return true;
    const { table } = this.#fields;
    const before = table.count;
    const isDone = this.#fields.expire(nowMs, most);
    (this.#database as Database).fieldsExpired(before - table.count);
    return isDone;
  }

  /** Finds a field. `read`, `put`, `setExpiry` and `remove` mean it, until another one is sought. */
  find(field: Uint8Array, start: number, length: number): boolean {
    return this.#isNative ? this.#fields.find(field, start, length) : this.#findPacked(field, start, length);
  }

  /** Reads the field that was just found: `value`, `expireAtMs`. */
  read(): void {
    if (this.#isNative) {
      this.expireAtMs = this.#fields.read(this.#field, this.value);
      return;
    }
    this.expireAtMs = NO_EXPIRY;
    this.#reader.pos = this.#packed.start + this.#valueAt;
    this.#reader.next(this.value);
  }

  /** Whether so many fields and values, lengths[from …], leave a listpack one, as Redis guesses before it sets them. */
  fits(lengths: Int32Array, from: number, pairs: number): boolean {
    const limits = this.#limits;
    if (pairs > limits["hash-max-listpack-entries"]) return false;
    let sum = 0;
    for (let i = from; i < from + 2 * pairs; i++) {
      const length = lengths[i] as number;
      if (length > limits["hash-max-listpack-value"]) return false;
      sum += length;
    }
    return sum <= LISTPACK_BYTES_MAX;
  }

  /**
   * Makes the key's value a hash of these pairs of texts, bytes[starts[from], + lengths[from]) …, in the form that `fits` tells, as
   * `isNative` asks; whatever it held is gone, its expiry too. Returns the number of fields. Throws ArenaFull: of a native hash the first
   * fields may be there then, else nothing has changed.
   */
  create(
    bytes: Uint8Array,
    starts: Int32Array,
    lengths: Int32Array,
    from: number,
    pairs: number,
    isNative: boolean,
    expireAtMs = NO_EXPIRY,
  ): number {
    if (isNative) return this.#createNative(bytes, starts, lengths, from, pairs, expireAtMs);
    let size = LISTPACK_EMPTY_BYTES;
    for (let i = from; i < from + 2 * pairs; i++) {
      size += measureElement(bytes, starts[i] as number, lengths[i] as number);
    }
    const blob = this.#asideOf(size);
    writeEmptyListpack(blob, 0);
    const writer = this.#writer.open(blob, 0);
    const reader = this.#reader;
    let fields = 0;
    for (let i = from; i < from + 2 * pairs; i += 2) {
      const start = starts[i] as number;
      const length = lengths[i] as number;
      const valueStart = starts[i + 1] as number;
      const valueLength = lengths[i + 1] as number;
      if (fields > 0 && reader.open(blob, 0, writer.totalBytes).find(bytes, start, length, 2)) {
        writer.replace(reader.pos, bytes, valueStart, valueLength);
        continue;
      }
      fields++;
      writer.insert(writer.insert(writer.end, bytes, start, length), bytes, valueStart, valueLength);
    }
    this.#makePacked(blob, writer.totalBytes);
    return fields;
  }

  /** As create, of one field, whose value lies elsewhere. */
  createOne(
    field: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    const longest = Math.max(length, valueLength);
    const limits = this.#limits;
    if (longest > limits["hash-max-listpack-value"] || limits["hash-max-listpack-entries"] < 1) {
      this.#makeNative();
      this.#putFirst(field, start, length, value, valueStart, valueLength, NO_EXPIRY);
      return;
    }
    const size =
      LISTPACK_EMPTY_BYTES + measureElement(field, start, length) + measureElement(value, valueStart, valueLength);
    const blob = this.#asideOf(size);
    writeEmptyListpack(blob, 0);
    const writer = this.#writer.open(blob, 0);
    writer.insert(writer.insert(writer.end, field, start, length), value, valueStart, valueLength);
    this.#makePacked(blob, size);
  }

  /**
   * Gives the field that was just sought, these bytes, a value; one that was not found is added. `expireAtMs`: NO_EXPIRY,
   * KEEP_FIELD_EXPIRY, or, in a native hash, a time. Throws ArenaFull, RangeError: nothing changed.
   */
  put(
    field: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    expireAtMs = NO_EXPIRY,
  ): void {
    if (!this.#isNative) {
      if (this.#hasRoom(length, valueLength)) {
        if (this.#valueAt === 0) this.#append(field, start, length, value, valueStart, valueLength);
        else this.#replace(value, valueStart, valueLength);
        return;
      }
      this.becomeNative();
      this.#fields.find(field, start, length);
    }
    this.#fields.put(field, start, length, value, valueStart, valueLength, expireAtMs);
  }

  /** Gives the field that was just found another expiry. Only of a native hash. Throws ArenaFull, nothing changed. */
  setExpiry(expireAtMs: number): void {
    this.#fields.setExpiry(expireAtMs);
    this.expireAtMs = expireAtMs;
  }

  /** Removes the field that was just found. The last one must not go this way: the key goes then. Throws ArenaFull, nothing changed. */
  remove(): void {
    if (this.#isNative) {
      this.#fields.remove();
      return;
    }
    const blob = this.#copyAside();
    const writer = this.#writer.open(blob, 0);
    const fieldAt = writer.previous(this.#valueAt);
    writer.remove(fieldAt, 2);
    this.#putBack(blob, this.#packed.length - (this.#nextAt - fieldAt));
  }

  /** Makes a listpack a native structure, at once. Throws ArenaFull, nothing changed. */
  becomeNative(): void {
    const database = this.#database as Database;
    // Of an entry that has grown in its place the record knows the end as it was.
    if (this.#record.entry !== 0) database.reread(this.#key, this.#keyStart, this.#keyLength, this.#record);
    const { arena } = database.ensureTop();
    this.#install(arena, atOnce(buildHash(this.#record, arena, Number.NEGATIVE_INFINITY)), KEEP_EXPIRY);
  }

  /** The segment of the keyspace's table is told of fields that expire: the expiry cycle comes by then. After `setExpiry` or `put`. */
  noteExpiry(): void {
    const { table } = this.#fields;
    if (!this.#isNative || table.expiring === 0) return;
    (this.#database as Database).noteExpiry(this.#key, this.#keyStart, this.#keyLength, table.earliestExpiry);
  }

  #findPacked(field: Uint8Array, start: number, length: number): boolean {
    const reader = this.#reader;
    if (this.#isStale) this.#openReader();
    this.#valueAt = 0;
    reader.rewind();
    if (!reader.find(field, start, length, 2)) return false;
    const base = this.#packed.start;
    const { pos } = reader;
    if (!reader.skip()) throw countMismatch(this.#record.valueOffset, 1, 2);
    this.#valueAt = pos - base;
    this.#nextAt = reader.pos - base;
    return true;
  }

  /** Whether the listpack stays one when the field that was sought gets such a value. */
  #hasRoom(length: number, valueLength: number): boolean {
    const limits = this.#limits;
    const longest = limits["hash-max-listpack-value"];
    if (length > longest || valueLength > longest) return false;
    if (this.#packed.length + length + valueLength + 32 > LISTPACK_BYTES_MAX) return false;
    return this.count + (this.#valueAt === 0 ? 1 : 0) <= limits["hash-max-listpack-entries"];
  }

  #append(
    field: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
  ): void {
    const packed = this.#packed;
    packed.resize(
      packed.length + measureElement(field, start, length) + measureElement(value, valueStart, valueLength),
    );
    const writer = this.#writer.open(packed.bytes, packed.start);
    writer.insert(writer.insert(writer.end, field, start, length), value, valueStart, valueLength);
    this.#isStale = true;
  }

  #replace(value: Uint8Array, valueStart: number, valueLength: number): void {
    const packed = this.#packed;
    const grown = measureElement(value, valueStart, valueLength) - (this.#nextAt - this.#valueAt);
    const total = packed.length + grown;
    if (grown === 0 && packed.isWritable) {
      this.#writer.open(packed.bytes, packed.start).put(packed.start + this.#valueAt, value, valueStart, valueLength);
      return;
    }
    if (grown < 0) {
      const blob = this.#copyAside();
      this.#writer.open(blob, 0).replace(this.#valueAt, value, valueStart, valueLength);
      this.#putBack(blob, total);
      return;
    }
    packed.resize(total);
    const writer = this.#writer.open(packed.bytes, packed.start);
    writer.replace(packed.start + this.#valueAt, value, valueStart, valueLength);
    this.#isStale = true;
  }

  #openReader(): void {
    const { bytes, start, length } = this.#packed;
    this.#reader.open(bytes, start, length);
    this.#isStale = false;
  }

  /** A copy of the listpack: when there is no memory to make it shorter, it must be as it was. */
  #copyAside(): Uint8Array {
    const { bytes, start, length } = this.#packed;
    const blob = this.#asideOf(length);
    copyBytes(bytes, start, length, blob, 0);
    return blob;
  }

  #asideOf(size: number): Uint8Array {
    if (this.#aside.length >= size) return this.#aside;
    const blob = new Uint8Array(2 * size);
    if (blob.length <= ASIDE_BYTES_MAX) this.#aside = blob;
    return blob;
  }

  #putBack(blob: Uint8Array, length: number): void {
    const packed = this.#packed;
    packed.resize(length);
    copyBytes(blob, 0, length, packed.bytes, packed.start);
    this.#isStale = true;
  }

  /** Makes the key's value this listpack. Nothing may be changed after that before it is opened. */
  #makePacked(blob: Uint8Array, length: number): void {
    const packed = this.#packed;
    const database = this.#database as Database;
    packed.create(database, this.#key, this.#keyStart, this.#keyLength, RdbType.HASH_LISTPACK, length, NO_EXPIRY);
    copyBytes(blob, 0, length, packed.bytes, packed.start);
    this.#isNative = false;
  }

  #createNative(
    bytes: Uint8Array,
    starts: Int32Array,
    lengths: Int32Array,
    from: number,
    pairs: number,
    expireAtMs: number,
  ): number {
    this.#makeNative();
    for (let i = from; i < from + 2 * pairs; i += 2) {
      const start = starts[i] as number;
      const length = lengths[i] as number;
      const valueStart = starts[i + 1] as number;
      const valueLength = lengths[i + 1] as number;
      if (i === from) this.#putFirst(bytes, start, length, bytes, valueStart, valueLength, expireAtMs);
      else {
        this.#fields.find(bytes, start, length);
        this.#fields.put(bytes, start, length, bytes, valueStart, valueLength, expireAtMs);
      }
    }
    this.noteExpiry();
    return this.count;
  }

  /** Makes the key's value a native hash without fields: one must be put at once. */
  #makeNative(): void {
    const { arena } = (this.#database as Database).ensureTop();
    this.#install(arena, MemberTable.create(arena), NO_EXPIRY);
  }

  /** Puts the first field of a hash that has just been made; where there is no memory for it, the key goes. */
  #putFirst(
    field: Uint8Array,
    start: number,
    length: number,
    value: Uint8Array,
    valueStart: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    try {
      this.#fields.find(field, start, length);
      this.#fields.put(field, start, length, value, valueStart, valueLength, expireAtMs);
    } catch (error) {
      (this.#database as Database).drop(this.#key, this.#keyStart, this.#keyLength);
      throw error;
    }
  }

  /** The structure becomes the key's value, or is freed. */
  #install(arena: Blocks, root: number, expireAtMs: number): void {
    const database = this.#database as Database;
    try {
      database.install(this.#key, this.#keyStart, this.#keyLength, NativeType.HASH, root, expireAtMs);
    } catch (error) {
      atOnce(hashForm.free(arena, root));
      throw error;
    }
    this.#isNative = true;
    this.#fields.bind(arena, root);
  }
}
