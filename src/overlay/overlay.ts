/**
 * The overlay of one database: what was written since the layer below was saved. An arena with its entries, and the table that
 * finds them. Nothing of a key lies on the JavaScript heap.
 *
 * Frozen, it changes no more but for one flag: an entry that was deleted or overwritten above is marked DEAD, which whoever
 * saves the frozen state ignores.
 */
import { i32le } from "../encodings/packed.ts";
import type { RegionHandle } from "../mmap/anonymous.ts";
import type { Populator } from "../mmap/populate.ts";
import { RDB_TYPE_MAX, RdbType, StringEncoding, VALKEY_TYPE_BASE } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { copyBytes } from "../util/native.ts";
import type { Span } from "../util/span.ts";
import { Arena, BLOCK_BYTES_MAX, WINDOW_SHIFT } from "./arena.ts";
import { nativeForm } from "./encodings/native.ts";
import {
  APART_BYTES,
  EntryAt,
  EntryFlag,
  EXPIRY_BYTES,
  headBytes,
  INLINE_BYTES_MAX,
  keyLength,
  lengthBytes,
  readExpiry,
  readU32,
  typeAt,
  writeExpiry,
  writeHead,
  writeLength,
  writeU32,
} from "./entry.ts";
import { Graveyard } from "./graveyard.ts";
import type { Pins } from "./pins.ts";
import { SEGMENT_BYTES, Table } from "./table.ts";
import type { Tally } from "./tally.ts";

/** Blocks up to this size are written over however short the value has become. */
const REWRITE_BYTES_MIN = 64;
/** An int32 as a string's value: this byte, then the integer. */
const INT32_BYTE = 0xc0 | StringEncoding.INT32;
const INT32_BYTES = 5;
/** A native structure's value: the handle of its root. */
export const ROOT_BYTES = 4;
const GONE = EntryFlag.TOMBSTONE | EntryFlag.DEAD;

/** What a Worker needs to read a frozen overlay. */
export interface OverlayHandle {
  readonly region: RegionHandle;
  readonly directory: Int32Array;
  readonly depth: number;
  /** Bytes of the region in use: no block lies beyond. */
  readonly size: number;
  readonly keys: number;
  readonly expiringKeys: number;
}

export class Overlay {
  readonly arena: Arena;
  readonly table: Table;
  /** Native structures that no entry names any more. */
  readonly graves: Graveyard;
  /** Keys: entries that are neither tombstones nor dead, expired ones too. */
  keys = 0;
  /** Of these, those that have an expiry. */
  expiringKeys = 0;
  /** Of the bytes in use, those of tombstones and dead entries. */
  #goneBytes = 0;
  /** Where the value of the entry made last goes: `valueLength` bytes of `valueBytes` from `valueAt`. */
  valueBytes: Uint8Array;
  valueAt = 0;
  readonly #clock: { readonly value: number };

  /**
   * @param tally what the bytes in use are added to
   * @param clock `value`: the 24 bits of the eviction clock that an entry gets when it is written
   */
  constructor(
    pins: Pins,
    tally?: Tally,
    clock: { readonly value: number } = { value: 0 },
    populator: Populator | null = null,
  ) {
    this.arena = new Arena(pins, tally, populator);
    this.#clock = clock;
    this.graves = new Graveyard(this.arena);
    this.table = new Table(this.arena);
    this.valueBytes = this.arena.windows[0] as Uint8Array;
  }

  /** Of the bytes in use, those of tombstones, of dead entries, and of structures that wait for being freed. */
  get goneBytes(): number {
    return this.#goneBytes + this.graves.bytes;
  }

  /** Bytes in use, the table included. */
  get usedBytes(): number {
    return this.arena.usedBytes + this.table.directoryBytes;
  }

  /** Of these, the table's. */
  get tableBytes(): number {
    return this.table.segments * SEGMENT_BYTES + this.table.directoryBytes;
  }

  /** The handle of the key's entry, be it a tombstone or dead, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): number {
    return this.table.find(hash, bytes, start, length);
  }

  /** Loads an entry's first cache lines, if there is one: for prefetching, of no meaning. */
  touch(handle: number): number {
    if (handle === 0) return 0;
    const bytes = this.arena.locate(handle);
    const { at } = this.arena;
    return (bytes[at] as number) ^ (bytes[at + 64] as number) ^ (bytes[at + 127] as number);
  }

  flags(handle: number): number {
    const bytes = this.arena.locate(handle);
    return bytes[this.arena.at + EntryAt.FLAGS] as number;
  }

  setFlags(handle: number, flags: number): void {
    const bytes = this.arena.locate(handle);
    bytes[this.arena.at + EntryAt.FLAGS] = flags;
  }

  /** Whether the entry holds a key's value. */
  isAlive(handle: number): boolean {
    return (this.flags(handle) & GONE) === 0;
  }

  /** Milliseconds since 1970; -1: none. */
  expireAtMs(handle: number): number {
    const bytes = this.arena.locate(handle);
    const { at } = this.arena;
    return (bytes[at + EntryAt.FLAGS] as number) & EntryFlag.EXPIRES ? readExpiry(bytes, at + EntryAt.RECORD) : -1;
  }

  /** The entry's type byte. */
  type(handle: number): number {
    const bytes = this.arena.locate(handle);
    return bytes[typeAt(bytes, this.arena.at)] as number;
  }

  /** The 24 bits of the eviction clock. */
  access(handle: number): number {
    const bytes = this.arena.locate(handle);
    return readU32(bytes, this.arena.at + EntryAt.FLAGS) >>> 8;
  }

  setAccess(handle: number, access: number): void {
    const words = this.arena.locateWords(handle);
    const at = (this.arena.at + EntryAt.FLAGS) >>> 2;
    words[at] = ((words[at] as number) & 0xff) | (access << 8);
  }

  /**
   * The root of the native structure that the entry holds, if it is of this type (a number of NativeType) and there is nothing else to
   * heed; 0 where it is not, or the key has an expiry.
   */
  nativeRoot(handle: number, type: number): number {
    const bytes = this.arena.locate(handle);
    const { at } = this.arena;
    if (((bytes[at + EntryAt.FLAGS] as number) & ~EntryFlag.COVERS) !== EntryFlag.NATIVE) return 0;
    if (bytes[at + EntryAt.RECORD] !== type) return 0;
    return i32le(bytes, at + EntryAt.RECORD + i32le(bytes, at) - ROOT_BYTES);
  }

  /** Bytes of the entry's blocks; those of a native structure are estimated. */
  blockBytes(handle: number): number {
    const { arena } = this;
    const bytes = arena.locate(handle);
    const { at } = arena;
    const own = arena.capacity(handle);
    const flags = bytes[at + EntryAt.FLAGS] as number;
    if ((flags & (EntryFlag.APART | EntryFlag.NATIVE)) === 0) return own;
    const end = at + EntryAt.RECORD + readU32(bytes, at);
    if ((flags & EntryFlag.APART) !== 0) return own + arena.capacity(i32le(bytes, end - APART_BYTES));
    return own + nativeForm(bytes[typeAt(bytes, at)] as number).bytes(arena, readU32(bytes, end - ROOT_BYTES));
  }

  /** The key of an entry. Valid until the entry is changed. */
  readKey(handle: number, into: Span): void {
    const bytes = this.arena.locate(handle);
    const at = typeAt(bytes, this.arena.at) + 1;
    const length = keyLength(bytes, at);
    into.set(bytes, at + lengthBytes(length), length);
  }

  /** Reads an entry into `record`, its cursor at the value. Valid until the entry is changed, or its block reused (Arena.pins). */
  read(handle: number, record: Record): void {
    const { arena } = this;
    const bytes = arena.locate(handle);
    const { at } = arena;
    const flags = bytes[at + EntryAt.FLAGS] as number;
    let pos = at + EntryAt.RECORD;
    if ((flags & EntryFlag.EXPIRES) !== 0) {
      record.expireAtMs = readExpiry(bytes, pos);
      pos += EXPIRY_BYTES;
    } else record.expireAtMs = -1;
    const type = bytes[pos] as number;
    const length = bytes[pos + 1] as number;
    if (length < 64) {
      record.key.set(bytes, pos + 2, length);
      pos += 2 + length;
    } else {
      const long = keyLength(bytes, pos + 1);
      record.key.set(bytes, pos + 1 + lengthBytes(long), long);
      pos += 1 + lengthBytes(long) + long;
    }
    const { cursor } = record;
    const window = handle >>> WINDOW_SHIFT;
    cursor.source = arena;
    cursor.base = window * WINDOW_STRIDE_BYTES;
    cursor.bytes = bytes;
    cursor.pos = pos;
    cursor.end = at + EntryAt.RECORD + readU32(bytes, at);
    record.type = (flags & EntryFlag.VALKEY) !== 0 ? type + VALKEY_TYPE_BASE : type;
    record.idleSeconds = -1;
    record.freq = -1;
    record.access = readU32(bytes, at + EntryAt.FLAGS) >>> 8;
    record.entry = handle;
    record.isRaw = (flags & EntryFlag.RAW) !== 0;
    record.offset = cursor.base + at + EntryAt.RECORD;
    if ((flags & EntryFlag.APART) !== 0) {
      const block = i32le(bytes, pos);
      const value = arena.locate(block);
      cursor.base = (block >>> WINDOW_SHIFT) * WINDOW_STRIDE_BYTES;
      cursor.bytes = value;
      cursor.pos = arena.at;
      cursor.end = arena.at + readU32(bytes, pos + 4);
    }
    record.valueOffset = cursor.base + cursor.pos;
    record.valueLength = cursor.end - cursor.pos;
  }

  /**
   * Makes an entry that is in no table yet; its value's `valueLength` bytes are the caller's to write at `valueAt` of `valueBytes`,
   * before anything else is made. `type`: a number of RdbType. `expireAtMs`: -1 for none. `reserve`: bytes that a value
   * that lies apart may grow by. Throws ArenaFull, RangeError.
   */
  create(
    key: Uint8Array,
    keyStart: number,
    keyLength: number,
    type: number,
    expireAtMs: number,
    valueLength: number,
    flags = 0,
    reserve = 0,
  ): number {
    const { arena } = this;
    const isApart = valueLength > INLINE_BYTES_MAX;
    const record =
      (expireAtMs === -1 ? 1 : 1 + EXPIRY_BYTES) +
      lengthBytes(keyLength) +
      keyLength +
      (isApart ? APART_BYTES : valueLength);
    const handle = arena.allocate(EntryAt.RECORD + record);
    const bytes = arena.locate(handle);
    const { at } = arena;
    writeU32(bytes, at, record);
    let bits = flags;
    if (expireAtMs !== -1) bits |= EntryFlag.EXPIRES;
    if (isApart) bits |= EntryFlag.APART;
    if (type > RDB_TYPE_MAX) bits |= type >= VALKEY_TYPE_BASE ? EntryFlag.VALKEY : EntryFlag.NATIVE;
    writeU32(bytes, at + EntryAt.FLAGS, bits | (this.#clock.value << 8));
    let pos = at + EntryAt.RECORD;
    if (expireAtMs !== -1) {
      writeExpiry(bytes, pos, expireAtMs);
      pos += EXPIRY_BYTES;
    }
    bytes[pos++] = type;
    if (keyLength < 64) bytes[pos++] = keyLength;
    else pos = writeLength(bytes, pos, keyLength);
    copyBytes(key, keyStart, keyLength, bytes, pos);
    pos += keyLength;
    this.valueBytes = bytes;
    this.valueAt = pos;
    if (isApart) this.#createApart(handle, valueLength, reserve, bytes, pos);
    // No structure yet: where the entry is freed before it is anybody's, none goes with it.
    else if ((bits & EntryFlag.NATIVE) !== 0) writeU32(bytes, pos, 0);
    return handle;
  }

  /**
   * Makes room in the entry's own block for another value, which is the caller's to write as after `create`; false, nothing
   * changed, where it does not fit well or a view may be held.
   */
  rewrite(handle: number, type: number, expireAtMs: number, valueLength: number, flags: number): boolean {
    const { arena } = this;
    if (arena.pins.count > 0 || valueLength > INLINE_BYTES_MAX || type > RDB_TYPE_MAX) return false;
    const capacity = arena.capacity(handle);
    const bytes = arena.locate(handle);
    const { at } = arena;
    const old = bytes[at + EntryAt.FLAGS] as number;
    if ((old & (EntryFlag.APART | EntryFlag.NATIVE)) !== 0 || ((old & EntryFlag.EXPIRES) !== 0) !== (expireAtMs !== -1))
      return false;
    let pos = at + EntryAt.RECORD;
    if (expireAtMs !== -1) pos += EXPIRY_BYTES;
    const length = keyLength(bytes, pos + 1);
    const value = pos + 1 + lengthBytes(length) + length;
    const size = value - at + valueLength;
    if (size > capacity || (capacity > REWRITE_BYTES_MIN && size < capacity / 2)) return false;
    const bits = flags | (old & EntryFlag.EXPIRES);
    if (expireAtMs !== -1) {
      writeExpiry(bytes, at + EntryAt.RECORD, expireAtMs);
      this.table.noteExpiry(expireAtMs);
    }
    bytes[pos] = type;
    writeU32(bytes, at, size - EntryAt.RECORD);
    writeU32(bytes, at + EntryAt.FLAGS, bits | (this.#clock.value << 8));
    this.valueBytes = bytes;
    this.valueAt = value;
    return true;
  }

  /**
   * Makes the raw string (or packed collection) of the entry `record` was read from `length` bytes long in its place, where its length's own bytes stay as
   * many and the block has room; else false, nothing changed. `old`: the string as it lies there. Marks it RAW.
   */
  resize(record: Record, old: Span, length: number): boolean {
    const { arena } = this;
    const before = headBytes(record.type);
    const head = before + lengthBytes(length);
    // Of a value that came by RESTORE the length may be written longer than it need be.
    if (before + lengthBytes(old.length) !== head || record.cursor.base + old.start - head !== record.valueOffset) {
      return false;
    }
    const entry = record.entry;
    const bytes = arena.locate(entry);
    const { at } = arena;
    const flags = bytes[at + EntryAt.FLAGS] as number;
    const grown = length - old.length;
    if ((flags & EntryFlag.APART) === 0) {
      const size = EntryAt.RECORD + readU32(bytes, at) + grown;
      if (length + head > INLINE_BYTES_MAX || size > arena.capacity(entry)) return false;
      writeU32(bytes, at, size - EntryAt.RECORD);
    } else {
      const value = at + EntryAt.RECORD + readU32(bytes, at) - APART_BYTES;
      if (length + head <= INLINE_BYTES_MAX || !arena.growTo(i32le(bytes, value), head + length)) return false;
      writeU32(bytes, value + 4, head + length);
    }
    writeHead(old.bytes, old.start - head, record.type, length);
    bytes[at + EntryAt.FLAGS] = flags | EntryFlag.RAW;
    return true;
  }

  /**
   * Adds to the entry's value in its place: the sum. NaN, nothing changed, unless it is a string that holds an int32 as such, and the
   * sum is one; and where the entry has an expiry, or a key of 64 bytes or more.
   */
  addInt32(handle: number, increment: number): number {
    const bytes = this.arena.locate(handle);
    const { at } = this.arena;
    const type = at + EntryAt.RECORD;
    const keyLength = bytes[type + 1] as number;
    const value = type + 2 + keyLength;
    if (
      ((bytes[at + EntryAt.FLAGS] as number) & ~EntryFlag.COVERS) !== 0 ||
      bytes[type] !== RdbType.STRING ||
      readU32(bytes, at) !== 2 + keyLength + INT32_BYTES ||
      keyLength >= 64 ||
      bytes[value] !== INT32_BYTE
    ) {
      return Number.NaN;
    }
    const sum = i32le(bytes, value + 1) + increment;
    if (sum !== (sum | 0)) return Number.NaN;
    writeU32(bytes, value + 1, sum);
    return sum;
  }

  /** Changes the expiry of the entry in its place; false where it has none yet, or should have none (see replaceWithExpiry). */
  setExpiry(handle: number, expireAtMs: number): boolean {
    const { arena } = this;
    const bytes = arena.locate(handle);
    if (((bytes[arena.at + EntryAt.FLAGS] as number) & EntryFlag.EXPIRES) === 0 || expireAtMs === -1) return false;
    writeExpiry(bytes, arena.at + EntryAt.RECORD, expireAtMs);
    this.table.noteExpiry(expireAtMs);
    return true;
  }

  /** Puts an entry with another expiry, or none, in the place of the one that was just found. A value that lies apart stays there. */
  replaceWithExpiry(old: number, expireAtMs: number): void {
    const { arena } = this;
    let bytes = arena.locate(old);
    let from = typeAt(bytes, arena.at);
    const end = arena.at + EntryAt.RECORD + readU32(bytes, arena.at);
    const length = end - from + (expireAtMs === -1 ? 0 : EXPIRY_BYTES);
    const handle = arena.allocate(EntryAt.RECORD + length);
    const target = arena.locate(handle);
    const to = arena.at;
    bytes = arena.locate(old);
    const header = readU32(bytes, arena.at + EntryAt.FLAGS) & ~EntryFlag.EXPIRES;
    from = typeAt(bytes, arena.at);
    writeU32(target, to, length);
    writeU32(target, to + EntryAt.FLAGS, expireAtMs === -1 ? header : header | EntryFlag.EXPIRES);
    let at = to + EntryAt.RECORD;
    if (expireAtMs !== -1) {
      writeExpiry(target, at, expireAtMs);
      at += EXPIRY_BYTES;
    }
    copyBytes(bytes, from, end - from, target, at);
    this.table.replace(handle);
    this.#count(old, -1);
    this.#count(handle, 1);
    // Not #freeBlocks: the value's block is the new entry's.
    arena.free(old);
  }

  /** Puts an entry of a key that was just not found (`find`) into the table. Throws RangeError; the entry is freed then. */
  insert(hash: number, handle: number): void {
    try {
      this.table.insert(hash, handle);
    } catch (error) {
      this.#freeBlocks(handle);
      throw error;
    }
    this.#count(handle, 1);
  }

  /** Puts an entry in the place of the one that was just found. */
  replace(old: number, handle: number): void {
    this.table.replace(handle);
    this.#count(old, -1);
    this.#count(handle, 1);
    this.#freeBlocks(old);
  }

  /** Takes the structure out of a native entry: its root, which is the caller's from now on. The entry must go at once. */
  takeRoot(handle: number): number {
    const bytes = this.arena.locate(handle);
    const value = this.arena.at + EntryAt.RECORD + readU32(bytes, this.arena.at) - ROOT_BYTES;
    const root = readU32(bytes, value);
    writeU32(bytes, value, 0);
    return root;
  }

  /** Makes an entry whose structure was taken (`takeRoot`) a tombstone, in its place: that takes no memory. */
  entomb(handle: number): void {
    this.#count(handle, -1);
    // EXPIRES says where its key lies.
    const kept = this.flags(handle) & (EntryFlag.EXPIRES | EntryFlag.COVERS);
    this.setFlags(handle, kept | EntryFlag.TOMBSTONE);
    this.#count(handle, 1);
  }

  /** Removes the entry that was just found. */
  remove(handle: number): void {
    this.table.remove();
    this.#count(handle, -1);
    this.#freeBlocks(handle);
  }

  /** In a frozen overlay: the key is deleted or overwritten above. */
  bury(handle: number): void {
    this.#count(handle, -1);
    this.setFlags(handle, this.flags(handle) | EntryFlag.DEAD);
    this.#count(handle, 1);
  }

  /** What a Worker needs to read this overlay, which is frozen. */
  describe(): OverlayHandle {
    const { table } = this;
    return {
      region: this.arena.describe(),
      directory: table.directory,
      depth: table.depth,
      size: this.arena.size,
      keys: this.keys,
      expiringKeys: this.expiringKeys,
    };
  }

  #createApart(handle: number, valueLength: number, reserve: number, bytes: Uint8Array, pos: number): void {
    const { arena } = this;
    let block: number;
    try {
      block = arena.allocate(Math.min(valueLength + reserve, Math.max(valueLength, BLOCK_BYTES_MAX)));
    } catch (error) {
      arena.free(handle);
      throw error;
    }
    writeU32(bytes, pos, block);
    writeU32(bytes, pos + 4, valueLength);
    this.valueBytes = arena.locate(block);
    this.valueAt = arena.at;
  }

  #count(handle: number, sign: 1 | -1): void {
    const bytes = this.arena.locate(handle);
    const flags = bytes[this.arena.at + EntryAt.FLAGS] as number;
    if ((flags & GONE) !== 0) {
      const gone = sign * this.blockBytes(handle);
      this.#goneBytes += gone;
      this.arena.tally.goneBytes += gone;
      return;
    }
    this.keys += sign;
    if ((flags & EntryFlag.EXPIRES) === 0) return;
    this.expiringKeys += sign;
    if (sign > 0) this.table.noteExpiry(readExpiry(bytes, this.arena.at + EntryAt.RECORD));
  }

  #freeBlocks(handle: number): void {
    const { arena } = this;
    const bytes = arena.locate(handle);
    const { at } = arena;
    const flags = bytes[at + EntryAt.FLAGS] as number;
    if ((flags & (EntryFlag.APART | EntryFlag.NATIVE)) !== 0) {
      const end = at + EntryAt.RECORD + readU32(bytes, at);
      if ((flags & EntryFlag.APART) !== 0) arena.free(i32le(bytes, end - APART_BYTES));
      else {
        const root = readU32(bytes, end - ROOT_BYTES);
        if (root !== 0) this.graves.bury(bytes[typeAt(bytes, at)] as number, root);
      }
    }
    arena.free(handle);
  }
}
