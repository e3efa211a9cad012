/**
 * Changes a set that a key of the overlay has, or makes one, whichever of its forms it has; converts as Redis 7.2 does (t_set.c):
 *
 *   intset ── the first text that is no integer ──► listpack ── too many members, or a long one ──► native
 *     └── more than set-max-intset-entries, or too many for a listpack ──────────────────────────────►┘
 *
 * Intset and listpack are values as RDB has them, edited in place (keyspace/packed-edit.ts); the native form is a member table. One
 * instance serves any number of keys, one after the other; nothing is allocated on the heap but when a form changes. Every single change
 * happens, or throws ArenaFull or RangeError with the set as it was.
 */

import { int64, parseInt64 } from "../encodings/int64.ts";
import { Intset } from "../encodings/intset.ts";
import {
  addToIntset,
  bytesWith,
  findInIntset,
  INTSET_EMPTY_BYTES,
  removeAtFromIntset,
  writeEmptyIntset,
} from "../encodings/intset-writer.ts";
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
import { readMember } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { setForm } from "../overlay/encodings/set-form.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { copyBytes } from "../util/native.ts";
import { EMPTY_BYTES } from "../util/span.ts";
import { Element } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";
import { addMember, buildSet } from "./set-build.ts";

const NO_EXPIRY = -1;
/** A larger copy of a blob is not kept for the next one. */
const ASIDE_BYTES_MAX = 65536;

export class SetEdit {
  #database: Database | null = null;
  #key: Uint8Array = EMPTY_BYTES;
  #keyStart = 0;
  #keyLength = 0;
  #limits: EncodingLimits = DEFAULT_LIMITS;
  /** As the key's value was read last. */
  #record = new Record();
  /** RdbType.SET_INTSET or SET_LISTPACK, NativeType.SET. */
  #form: number = NativeType.SET;
  /** The packed blob is open; not yet after it was made. */
  #isOpen = false;
  readonly #packed = new PackedEdit();
  readonly #intset = new Intset();
  readonly #reader = new Listpack();
  readonly #writer = new ListpackWriter();
  readonly #table = new MemberTable();
  #blocks: Blocks | null = null;
  /** What `pick` has picked: an integer's place, a position from the blob's start, or a block's handle. */
  #picked = 0;
  readonly #element = new Element();
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
   * Opens the key's value, which was just found for a write (commands/writable.ts): packed, or native in the top overlay. The record is
   * the editor's as long as it is used. Throws FormatError.
   */
  open(record: Record): void {
    this.#record = record;
    this.#form = record.type;
    if (record.type === NativeType.SET) this.#bind();
    else this.#openPacked();
  }

  /** As `take` and `open`, of a native set in the top overlay. */
  openNative(blocks: Blocks, root: number): void {
    this.#form = NativeType.SET;
    this.#blocks = blocks;
    this.#table.bind(blocks, root);
  }

  get isNative(): boolean {
    return this.#form === NativeType.SET;
  }

  /** Number of members. Walks a listpack of more than 65534. */
  get count(): number {
    if (this.#form === NativeType.SET) return this.#table.count;
    this.#reopen();
    if (this.#form === RdbType.SET_INTSET) return this.#intset.count;
    return this.#reader.count();
  }

  /**
   * Makes the key's value a set of this one member, in the form that Redis chooses when it expects `hint` members; whatever it held is
   * gone, its expiry too. `record` is the editor's as long as it is used. Throws ArenaFull, nothing changed.
   */
  create(record: Record, text: Uint8Array, start: number, length: number, hint: number): void {
    const limits = this.#limits;
    this.#record = record;
    if (hint <= limits["set-max-intset-entries"] && parseInt64(text, start, length)) {
      const packed = this.#make(RdbType.SET_INTSET, INTSET_EMPTY_BYTES + int64.width, NO_EXPIRY);
      writeEmptyIntset(packed.bytes, packed.start);
      addToIntset(packed.bytes, packed.start);
    } else if (hint <= limits["set-max-listpack-entries"] && length <= limits["set-max-listpack-value"]) {
      const size = LISTPACK_EMPTY_BYTES + measureElement(text, start, length);
      const packed = this.#make(RdbType.SET_LISTPACK, size, NO_EXPIRY);
      writeEmptyListpack(packed.bytes, packed.start);
      const writer = this.#writer.open(packed.bytes, packed.start);
      writer.insertLast(text, start, length);
    } else this.#createNative(text, start, length);
  }

  /** Before a command adds up to `hint` members: as Redis, which converts what they might not fit into. Throws ArenaFull. */
  expect(hint: number): void {
    const limits = this.#limits;
    if (this.#form === NativeType.SET) return;
    const most = this.#form === RdbType.SET_INTSET ? "set-max-intset-entries" : "set-max-listpack-entries";
    if (hint > limits[most]) this.#becomeNative();
  }

  has(text: Uint8Array, start: number, length: number): boolean {
    if (this.#form === NativeType.SET) {
      return this.#table.find(memberHash(text, start, length), text, start, length) !== 0;
    }
    this.#reopen();
    if (this.#form === RdbType.SET_LISTPACK) return this.#find(text, start, length) >= 0;
    return parseInt64(text, start, length) && findInIntset(this.#packed.bytes, this.#packed.start) >= 0;
  }

  /** Adds a member; whether it was not there. Throws ArenaFull, RangeError, nothing changed. */
  add(text: Uint8Array, start: number, length: number): boolean {
    if (this.#form === NativeType.SET) return addMember(this.#table, this.#blocks as Blocks, text, start, length);
    this.#reopen();
    return this.#form === RdbType.SET_INTSET
      ? this.#addToIntset(text, start, length)
      : this.#addToListpack(text, start, length);
  }

  /** Removes a member; whether it was there. The last one must not go this way: the key goes then. Throws ArenaFull, nothing changed. */
  remove(text: Uint8Array, start: number, length: number): boolean {
    if (this.#form === NativeType.SET) return this.#removeNative(text, start, length);
    this.#reopen();
    if (this.#form === RdbType.SET_INTSET) {
      if (!parseInt64(text, start, length)) return false;
      const place = findInIntset(this.#packed.bytes, this.#packed.start);
      if (place < 0) return false;
      this.#removeInteger(place);
      return true;
    }
    const at = this.#find(text, start, length);
    if (at < 0) return false;
    this.#removeElement(at);
    return true;
  }

  /** Reads a member picked at random, each with the same chance, valid until the set is changed; `removePicked` removes it. */
  pick(into: Element): void {
    if (this.#form === NativeType.SET) {
      this.#picked = this.#table.random();
      readMember(this.#blocks as Blocks, this.#picked, into);
      return;
    }
    this.#reopen();
    const index = Math.floor(Math.random() * this.count);
    if (this.#form === RdbType.SET_INTSET) {
      this.#picked = index;
      this.#intset.at(index, into);
      return;
    }
    const at = this.#writer.open(this.#packed.bytes, this.#packed.start).seek(index);
    this.#picked = at - this.#packed.start;
    this.#reader.pos = at;
    this.#reader.next(into);
  }

  /** Removes what `pick` has read, `into`, and nothing has been changed since. Not the last member: see `remove`. */
  removePicked(into: Element): void {
    if (this.#form === RdbType.SET_INTSET) this.#removeInteger(this.#picked);
    else if (this.#form === RdbType.SET_LISTPACK) this.#removeElement(this.#picked);
    else {
      const { bytes, start, length } = into.text();
      this.#removeNative(bytes, start, length);
    }
  }

  #addToIntset(text: Uint8Array, start: number, length: number): boolean {
    const packed = this.#packed;
    const limits = this.#limits;
    const count = this.#intset.count;
    if (parseInt64(text, start, length)) {
      const size = bytesWith(packed.bytes, packed.start);
      if (size === 0) return false;
      if (count < limits["set-max-intset-entries"]) {
        packed.resize(size);
        addToIntset(packed.bytes, packed.start);
        this.#reopenPacked();
        return true;
      }
    } else if (
      count < limits["set-max-listpack-entries"] &&
      length <= limits["set-max-listpack-value"] &&
      this.#longest() <= limits["set-max-listpack-value"]
    ) {
      this.#becomeListpack(text, start, length);
      return true;
    }
    this.#becomeNative();
    return addMember(this.#table, this.#blocks as Blocks, text, start, length);
  }

  #addToListpack(text: Uint8Array, start: number, length: number): boolean {
    this.#reader.rewind();
    if (this.#reader.find(text, start, length, 1)) return false;
    const packed = this.#packed;
    const limits = this.#limits;
    const size = packed.length + measureElement(text, start, length);
    if (
      size <= LISTPACK_BYTES_MAX &&
      length <= limits["set-max-listpack-value"] &&
      this.#reader.count() < limits["set-max-listpack-entries"]
    ) {
      packed.resize(size);
      const writer = this.#writer.open(packed.bytes, packed.start);
      writer.insertLast(text, start, length);
      this.#reopenPacked();
      return true;
    }
    this.#becomeNative();
    return addMember(this.#table, this.#blocks as Blocks, text, start, length);
  }

  #removeNative(text: Uint8Array, start: number, length: number): boolean {
    const handle = this.#table.find(memberHash(text, start, length), text, start, length);
    if (handle === 0) return false;
    this.#table.remove();
    (this.#blocks as Blocks).free(handle);
    return true;
  }

  #removeInteger(place: number): void {
    const blob = this.#copyAside();
    const { length } = this.#packed;
    removeAtFromIntset(blob, 0, place);
    this.#putBack(blob, length - (length - INTSET_EMPTY_BYTES) / this.#intset.count);
  }

  /** `at`: from the blob's start on. */
  #removeElement(at: number): void {
    const blob = this.#copyAside();
    const writer = this.#writer.open(blob, 0);
    writer.remove(at);
    this.#putBack(blob, writer.totalBytes);
  }

  /** A copy of the blob: when there is no memory to make it shorter, it must be as it was. */
  #copyAside(): Uint8Array {
    const { bytes, start, length } = this.#packed;
    const blob = this.#aside.length >= length ? this.#aside : new Uint8Array(Math.max(length, 2 * this.#aside.length));
    if (blob.length <= ASIDE_BYTES_MAX) this.#aside = blob;
    copyBytes(bytes, start, length, blob, 0);
    return blob;
  }

  #putBack(blob: Uint8Array, length: number): void {
    const packed = this.#packed;
    packed.resize(length);
    copyBytes(blob, 0, length, packed.bytes, packed.start);
    this.#reopenPacked();
  }

  /** Where the element begins, counted from the blob's start; -1: there is none. */
  #find(text: Uint8Array, start: number, length: number): number {
    const reader = this.#reader;
    reader.rewind();
    if (!reader.find(text, start, length, 1)) return -1;
    const packed = this.#packed;
    return this.#writer.open(packed.bytes, packed.start).previous(reader.pos) - packed.start;
  }

  /** Length of the longest text of an intset: that of its first or its last integer. */
  #longest(): number {
    const intset = this.#intset;
    const element = this.#element;
    intset.at(0, element);
    const first = element.length;
    intset.at(intset.count - 1, element);
    return Math.max(first, element.length);
  }

  #openPacked(): void {
    const database = this.#database as Database;
    this.#packed.open(database, this.#key, this.#keyStart, this.#keyLength, this.#record);
    this.#reopenPacked();
  }

  /** The blob has changed, or moved. Throws FormatError where it is none: nothing may be written by its header then. */
  #reopenPacked(): void {
    const { bytes, start, length } = this.#packed;
    if (this.#form === RdbType.SET_INTSET) this.#intset.open(bytes, start, length);
    else this.#reader.open(bytes, start, length);
    this.#isOpen = true;
  }

  #reopen(): void {
    if (this.#isOpen) return;
    this.#reread();
    this.#openPacked();
  }

  #reread(): void {
    (this.#database as Database).reread(this.#key, this.#keyStart, this.#keyLength, this.#record);
  }

  /** Makes the key's value a blob of so many bytes, to be written at once. */
  #make(form: number, length: number, expireAtMs: number): PackedEdit {
    this.#packed.create(
      this.#database as Database,
      this.#key,
      this.#keyStart,
      this.#keyLength,
      form,
      length,
      expireAtMs,
    );
    this.#form = form;
    this.#isOpen = false;
    return this.#packed;
  }

  /** An intset becomes a listpack that has this text at its end. */
  #becomeListpack(text: Uint8Array, start: number, length: number): void {
    const intset = this.#intset;
    const element = this.#element;
    intset.index = 0;
    let size = LISTPACK_EMPTY_BYTES + measureElement(text, start, length);
    while (intset.next(element)) {
      const { bytes, start: from, length: digits } = element.text();
      size += measureElement(bytes, from, digits);
    }
    // Aside: the integers lie where the listpack will.
    const blob = new Uint8Array(size);
    writeEmptyListpack(blob, 0);
    const writer = this.#writer.open(blob, 0);
    for (intset.index = 0; intset.next(element); ) {
      const { bytes, start: from, length: digits } = element.text();
      writer.insert(writer.end, bytes, from, digits);
    }
    writer.insertLast(text, start, length);
    const packed = this.#make(RdbType.SET_LISTPACK, size, KEEP_EXPIRY);
    packed.bytes.set(blob, packed.start);
  }

  #becomeNative(): void {
    this.#reopen();
    const { arena } = (this.#database as Database).ensureTop();
    this.#install(arena, atOnce(buildSet(this.#record, arena)), KEEP_EXPIRY);
  }

  #createNative(text: Uint8Array, start: number, length: number): void {
    const { arena } = (this.#database as Database).ensureTop();
    const root = MemberTable.create(arena);
    try {
      addMember(this.#table.bind(arena, root), arena, text, start, length);
    } catch (error) {
      atOnce(setForm.free(arena, root));
      throw error;
    }
    this.#install(arena, root, NO_EXPIRY);
  }

  /** The structure becomes the key's value, or is freed. */
  #install(arena: Blocks, root: number, expireAtMs: number): void {
    const database = this.#database as Database;
    try {
      database.install(this.#key, this.#keyStart, this.#keyLength, NativeType.SET, root, expireAtMs);
    } catch (error) {
      atOnce(setForm.free(arena, root));
      throw error;
    }
    this.#form = NativeType.SET;
    this.#blocks = arena;
    this.#table.bind(arena, root);
  }

  #bind(): void {
    this.#blocks = nativeBlocks(this.#record);
    this.#table.bind(this.#blocks, nativeRoot(this.#record));
  }
}
