/**
 * One database: a stack of levels, newest first. Reads go down until a level knows the key; writes go to the top.
 *
 *   draining   what was written during a save that failed, until it is merged back (thaw)
 *   top        the overlay that takes writes; made by the first one
 *   frozen     an overlay that is being saved: it changes no more
 *   layers     the file
 *
 * The levels never hold one key twice: a key that is written or deleted above dies below (a dead bit in a layer, a flag in a frozen
 * overlay). While a save runs, the file that is being written will hold it all the same: so an entry above it has the flag COVERS,
 * a deleted key leaves a tombstone with it, and at re-base both are buried in the new layer (saving.ts).
 *
 * Expired keys are absent everywhere. `find` deletes one that it meets in passing, as Redis does on access.
 */

import type { Layer } from "../layer/layer.ts";
import { hashExpiry } from "../overlay/encodings/hash-form.ts";
import { atOnce, nativeForm } from "../overlay/encodings/native.ts";
import { EntryFlag, headBytes, lengthBytes, writeHead, writeU32 } from "../overlay/entry.ts";
import { Overlay, ROOT_BYTES } from "../overlay/overlay.ts";
import { copyValue, valueBytes } from "../rdb/dump.ts";
import { isNativeType, NativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import { copyBytes } from "../util/native.ts";
import { EMPTY_BYTES, type Span } from "../util/span.ts";
import type { Ahead } from "./ahead.ts";
import { fieldsExpireAt } from "./field-expiry.ts";
import { LowerLevels, readEntry } from "./lower-levels.ts";
import { nativeBlocks, nativeRoot } from "./native.ts";
import { averageTtlMs, randomKey, scanKeys } from "./scan.ts";
import type { Shared } from "./shared.ts";

/** `expireAtMs` of a write that leaves the key's expiry as it is. */
export const KEEP_EXPIRY = -2;
/** As Redis's strings: one that grows gets room to grow by as much again, up to so many bytes. */
const RESERVE_BYTES_MAX = 2 ** 20;
const ZEROED_BY_LOOP_MAX = 64;
/** Lower types are no hashes whose fields expire. */
const FIELDS_EXPIRE_FROM = RdbType.HASH_METADATA_PRE_GA;
const PROBE = new Record();

export class Database {
  /** Its number; SWAPDB changes it. */
  dbid: number;
  top: Overlay | null = null;
  draining: Overlay | null = null;
  frozen: Overlay | null = null;
  /** Newest first. */
  layers: readonly Layer[];
  /** Its number in the layers. */
  layerDbid: number;
  /** Its number in the file that is being saved; -1: no save runs, or it came after the freeze. */
  savedAs = -1;
  /** After `write`: where the value's bytes go. */
  valueBytes: Uint8Array = EMPTY_BYTES;
  valueAt = 0;
  /** After `findToChange`: the root of the native structure in the top's arena, or 0. */
  root = 0;
  readonly #shared: Shared;
  readonly #ahead: Ahead;
  readonly #lower: LowerLevels = new LowerLevels(this);

  /** @param layers newest first */
  constructor(dbid: number, layers: readonly Layer[], shared: Shared) {
    this.dbid = dbid;
    this.layerDbid = dbid;
    this.layers = layers;
    this.#shared = shared;
    this.#ahead = shared.ahead;
  }

  /** Keys. Expired ones of the overlays count until they are deleted, those of layers do not. Throws DamagedError. */
  size(nowMs: number): number {
    let keys = (this.top?.keys ?? 0) + (this.frozen?.keys ?? 0) + (this.draining?.keys ?? 0);
    for (const layer of this.layers) keys += layer.keys(this.layerDbid) - layer.expiredKeys(this.layerDbid, nowMs);
    return keys;
  }

  /** Of `size`, the keys that have an expiry. Throws DamagedError. */
  expires(nowMs: number): number {
    let keys = (this.top?.expiringKeys ?? 0) + (this.frozen?.expiringKeys ?? 0) + (this.draining?.expiringKeys ?? 0);
    for (const layer of this.layers) {
      keys += layer.expiringKeys(this.layerDbid) - layer.expiredKeys(this.layerDbid, nowMs);
    }
    return keys;
  }

  /** Bytes of the overlays. */
  get overlayBytes(): number {
    return (this.top?.usedBytes ?? 0) + (this.frozen?.usedBytes ?? 0) + (this.draining?.usedBytes ?? 0);
  }

  /**
   * Reads the record of a key into `record`, the caller's; false when there is none or it has expired (it is deleted then).
   * Valid until the next write, or the end of the command's slice. Throws DamagedError (other keys go on being served), FormatError.
   */
  find(bytes: Uint8Array, start: number, length: number, nowMs: number, record: Record): boolean {
    const hash = this.#hash(bytes, start, length);
    const { top } = this;
    if (this.draining !== null && readEntry(this.draining, hash, bytes, start, length, record) > 0) {
      record.entry = 0;
      return this.#unlessExpired(bytes, start, length, nowMs, record);
    }
    if (top !== null) {
      const handle = top.find(hash, bytes, start, length);
      if (handle !== 0) return this.#readTop(top, handle, bytes, start, length, nowMs, record);
    }
    return this.#findBelow(hash, bytes, start, length, nowMs, record);
  }

  /**
   * As `find`, of a key that is going to be changed. Of a native structure of this type that may be changed at once, where it lies,
   * only `root` is set, and the key is noted as used; `record` is not read. Else `root` is 0.
   */
  findToChange(
    bytes: Uint8Array,
    start: number,
    length: number,
    nowMs: number,
    record: Record,
    nativeType: number,
  ): boolean {
    this.root = 0;
    const { top } = this;
    if (top === null || this.draining !== null) return this.find(bytes, start, length, nowMs, record);
    const hash = this.#hash(bytes, start, length);
    const handle = top.find(hash, bytes, start, length);
    if (handle === 0) return this.#findBelow(hash, bytes, start, length, nowMs, record);
    const root = top.nativeRoot(handle, nativeType);
    const { access, pins } = this.#shared;
    if (root === 0 || pins.count > 0 || top.arena.readers.size > 0) {
      return this.#readTop(top, handle, bytes, start, length, nowMs, record);
    }
    top.setAccess(handle, access.touched(top.access(handle)));
    this.root = root;
    return true;
  }

  #findBelow(hash: number, bytes: Uint8Array, start: number, length: number, nowMs: number, record: Record): boolean {
    if (!this.#lower.find(hash, bytes, start, length, record)) return false;
    if (record.type < FIELDS_EXPIRE_FROM && (record.expireAtMs === -1 || record.expireAtMs >= nowMs)) return true;
    return this.#unlessExpired(bytes, start, length, nowMs, record);
  }

  /** Reads an entry of the top, as `find`. */
  #readTop(
    top: Overlay,
    handle: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    nowMs: number,
    record: Record,
  ): boolean {
    if (!top.isAlive(handle)) return false;
    top.read(handle, record);
    if (record.expireAtMs === -1 || record.expireAtMs >= nowMs) return true;
    return this.#unlessExpired(bytes, start, length, nowMs, record);
  }

  /**
   * Tells that the keys bytes[starts[i], + lengths[i]), i < count ≤ 32, in ascending order, will be looked up next, if they are keys:
   * a hint that lets their cache misses overlap. Never throws.
   */
  prefetch(bytes: Uint8Array, starts: Int32Array, lengths: Int32Array, count: number): void {
    const ahead = this.#ahead;
    ahead.begin(this.#shared.seed, bytes, starts, lengths, count);
    if (this.top !== null) ahead.touchTable(this.top);
    if (this.frozen !== null) ahead.touchTable(this.frozen);
    for (const layer of this.layers) layer.prefetch(this.layerDbid, bytes, starts, ahead.hashes, count);
  }

  /**
   * Makes the key's value one of `valueLength` bytes of the given type (a number of RdbType): whatever it held is gone, and
   * the bytes are the caller's to write at `valueAt` of `valueBytes`, at once. They must not come from this key's old value: see `edit`.
   * @param expireAtMs milliseconds since 1970, -1 for none, KEEP_EXPIRY
   * @param reserve bytes that a long value may grow by later in its place
   * Throws ArenaFull, RangeError; the key is unchanged then.
   */
  write(
    bytes: Uint8Array,
    start: number,
    length: number,
    type: number,
    expireAtMs: number,
    valueLength: number,
    flags = 0,
    reserve = 0,
  ): void {
    const hash = this.#hash(bytes, start, length);
    const top = this.#topFor(hash, bytes, start, length);
    const old = top.find(hash, bytes, start, length);
    if (old !== 0) {
      const isAlive = top.isAlive(old);
      const at = expireAtMs !== KEEP_EXPIRY ? expireAtMs : isAlive ? top.expireAtMs(old) : -1;
      const kept = flags | (top.flags(old) & EntryFlag.COVERS);
      const { access } = this.#shared;
      // A key that is written over keeps the count of its uses.
      const uses = access.isCounting && isAlive ? access.touched(top.access(old)) : -1;
      let handle = old;
      if (!isAlive || !top.rewrite(old, type, at, valueLength, kept)) {
        handle = top.create(bytes, start, length, type, at, valueLength, kept, reserve);
        top.replace(old, handle);
      }
      if (uses >= 0) top.setAccess(handle, uses);
    } else this.#insert(top, hash, bytes, start, length, type, expireAtMs, valueLength, flags, reserve);
    this.valueBytes = top.valueBytes;
    this.valueAt = top.valueAt;
    const { waits } = this.#shared;
    if (waits.count > 0) waits.signal(this.dbid, hash, bytes, start, length);
  }

  /** Writes a record's value under a key: a copy, verbatim. `valueLength`: of the value in the record, whose cursor is moved. */
  writeRecord(
    bytes: Uint8Array,
    start: number,
    length: number,
    from: Record,
    valueLength: number,
    expireAtMs: number,
  ): void {
    if (isNativeType(from.type)) {
      this.#writeNative(bytes, start, length, from, expireAtMs);
      return;
    }
    this.write(bytes, start, length, from.type, expireAtMs, valueLength, from.isRaw ? EntryFlag.RAW : 0);
    copyValue(from, valueLength, this.valueBytes, this.valueAt);
    if (from.type >= RdbType.HASH_METADATA_PRE_GA) (this.top as Overlay).table.noteExpiry(fieldsExpireAt(from));
  }

  /** Fields of the key's hash, which lies in the top, expire then at the earliest. */
  noteExpiry(bytes: Uint8Array, start: number, length: number, expireAtMs: number): void {
    const top = this.top as Overlay;
    top.find(this.#hash(bytes, start, length), bytes, start, length);
    top.table.noteExpiry(expireAtMs);
  }

  /**
   * Makes the key's value a native structure, whose root block lies in the arena of the top (`ensureTop`); `type`: a number of NativeType.
   * Whatever the key held is gone. Throws ArenaFull, RangeError: the key is unchanged, the structure still the caller's.
   */
  install(bytes: Uint8Array, start: number, length: number, type: number, root: number, expireAtMs: number): void {
    this.write(bytes, start, length, type, expireAtMs, ROOT_BYTES);
    writeU32(this.valueBytes, this.valueAt, root);
    if (type !== NativeType.HASH) return;
    const { arena, table } = this.top as Overlay;
    table.noteExpiry(hashExpiry(arena, root));
  }

  /** Deletes a key of the top whose native structure belongs to another one from now on. That takes no memory. */
  disown(bytes: Uint8Array, start: number, length: number): void {
    const hash = this.#hash(bytes, start, length);
    const { waits } = this.#shared;
    if (waits.count > 0) waits.signalDeleted(this.dbid, hash, bytes, start, length);
    const top = this.top as Overlay;
    const handle = top.find(hash, bytes, start, length);
    top.takeRoot(handle);
    if (this.savedAs >= 0 && (top.flags(handle) & EntryFlag.COVERS) !== 0) top.entomb(handle);
    else top.remove(handle);
  }

  /**
   * As `write`, for a value that is one string (a string, a packed collection) made of the key's own old bytes: `record` has just been read by `find` (and `settle`), `old` are the bytes of its
   * value wherever they lie. The first min(old.length, length) bytes of the new value are copied, the rest is zeros. In place where
   * that can be. The expiry stays. `into` are the value's bytes, for the caller to write at once.
   */
  edit(
    bytes: Uint8Array,
    start: number,
    keyLength: number,
    record: Record,
    old: Span,
    length: number,
    into: Span,
    type: number = RdbType.STRING,
  ): void {
    const head = headBytes(type) + lengthBytes(length);
    const top = this.top as Overlay;
    const kept = Math.min(old.length, length);
    const lies = this.isWritable(record) && old.bytes === record.cursor.bytes;
    if (lies && top.resize(record, old, length)) {
      into.set(old.bytes, old.start, length);
      this.touch(record);
    } else {
      const reserve = length > old.length ? Math.min(length, RESERVE_BYTES_MAX) : 0;
      if (record.entry !== 0) {
        const handle = top.find(this.#hash(bytes, start, keyLength), bytes, start, keyLength);
        const flags = EntryFlag.RAW | (top.flags(handle) & EntryFlag.COVERS);
        const at = record.expireAtMs;
        const made = top.create(bytes, start, keyLength, type, at, head + length, flags, reserve);
        writeHead(top.valueBytes, top.valueAt, type, length);
        into.set(top.valueBytes, top.valueAt + head, length);
        copyBytes(old.bytes, old.start, kept, into.bytes, into.start);
        top.setAccess(made, record.access);
        top.replace(handle, made);
        record.entry = made;
        this.touch(record);
      } else {
        this.write(bytes, start, keyLength, type, KEEP_EXPIRY, head + length, EntryFlag.RAW, reserve);
        writeHead(this.valueBytes, this.valueAt, type, length);
        into.set(this.valueBytes, this.valueAt + head, length);
        copyBytes(old.bytes, old.start, kept, into.bytes, into.start);
      }
    }
    zero(into.bytes, into.start + kept, into.start + length);
  }

  /** The key that `find` has just read into `record` is used: its entry notes it. Levels that change no more note nothing. */
  touch(record: Record): void {
    if (record.entry !== 0) (this.top as Overlay).setAccess(record.entry, this.#shared.access.touched(record.access));
  }

  /**
   * The access of a key that is in the top now (RESTORE's IDLETIME in seconds and FREQ, -1: not given; see AccessClock.restored).
   * False when there is no such key.
   */
  setAccess(bytes: Uint8Array, start: number, length: number, idleSeconds: number, frequency: number): boolean {
    const { top } = this;
    const handle = top?.find(this.#hash(bytes, start, length), bytes, start, length) ?? 0;
    if (top === null || handle === 0 || !top.isAlive(handle)) return false;
    top.setAccess(handle, this.#shared.access.restored(idleSeconds, frequency));
    return true;
  }

  /** Bytes of the overlay that hold the key, -1 when it lies in no overlay. */
  blockBytes(bytes: Uint8Array, start: number, length: number): number {
    const hash = this.#hash(bytes, start, length);
    for (const level of [this.draining, this.top, this.frozen]) {
      const handle = level?.find(hash, bytes, start, length) ?? 0;
      if (level !== null && handle !== 0 && level.isAlive(handle)) return level.blockBytes(handle);
    }
    return -1;
  }

  /** The short way to count: see Overlay.addInt32. NaN, nothing changed, where it cannot be taken; the key may be missing then. */
  addInt32(bytes: Uint8Array, start: number, length: number, increment: number): number {
    const { top } = this;
    if (top === null || this.draining !== null || this.#shared.pins.count > 0) return Number.NaN;
    const handle = top.find(this.#hash(bytes, start, length), bytes, start, length);
    if (handle === 0) return Number.NaN;
    const sum = top.addInt32(handle, increment);
    if (!Number.isNaN(sum)) top.setAccess(handle, this.#shared.access.touched(top.access(handle)));
    return sum;
  }

  /** Deletes the key; false when there was none, or it had expired (it is deleted then, too). Throws DamagedError. */
  remove(bytes: Uint8Array, start: number, length: number, nowMs: number): boolean {
    if (!this.find(bytes, start, length, nowMs, PROBE)) return false;
    this.drop(bytes, start, length);
    return true;
  }

  /**
   * Sets the expiry of a key that `find` has just read into `record`; -1 takes it away. The record is not valid after that.
   * Throws ArenaFull.
   */
  setExpiry(bytes: Uint8Array, start: number, length: number, expireAtMs: number, record: Record): void {
    this.touch(record);
    if (record.expireAtMs === expireAtMs) return;
    this.settle(bytes, start, length, record);
    const { top } = this;
    if (record.entry === 0 || top === null) {
      this.#copyUp(bytes, start, length, record, expireAtMs);
      return;
    }
    const hash = this.#hash(bytes, start, length);
    const old = top.find(hash, bytes, start, length);
    if (top.setExpiry(old, expireAtMs)) return;
    top.replaceWithExpiry(old, expireAtMs);
  }

  /**
   * Before a key's value is changed by means of its own old bytes: where it still is in `draining`, it comes over, and `record`
   * is read again.
   */
  settle(bytes: Uint8Array, start: number, length: number, record: Record): void {
    const { top } = this;
    if (this.draining === null || top === null) return;
    const hash = this.#hash(bytes, start, length);
    this.#shared.absorb(this, hash, bytes, start, length);
    const handle = top.find(hash, bytes, start, length);
    if (handle !== 0 && top.isAlive(handle)) top.read(handle, record);
  }

  /** Reads a key that is in the top into `record` again. */
  reread(bytes: Uint8Array, start: number, length: number, record: Record): void {
    const top = this.top as Overlay;
    top.read(top.find(this.#hash(bytes, start, length), bytes, start, length), record);
  }

  /** Whether a write may change the record's bytes where they lie: it is in the top overlay, and nobody holds a view of it. */
  isWritable(record: Record): boolean {
    return record.entry !== 0 && this.#shared.pins.count === 0;
  }

  /**
   * Visits about `count` keys from `cursor` on (0 begins) and returns the next cursor, 0 at the end. A key that is there throughout
   * is visited, whatever is written, saved or re-based between the steps. `record` is read again for each key: visit may use it, not
   * keep it, and must not write. Throws DamagedError, FormatError.
   */
  scan(cursor: number, count: number, nowMs: number, record: Record, visit: (record: Record) => void): number {
    return scanKeys(this, cursor, count, nowMs, record, visit);
  }

  /** Reads a key picked at random into `record`; false when the database is empty. Throws DamagedError, FormatError. */
  random(nowMs: number, record: Record): boolean {
    return randomKey(this, nowMs, record);
  }

  /** Mean milliseconds to live of the keys that expire (an estimate, as Redis's avg_ttl); 0 where there are none. */
  avgTtl(nowMs: number): number {
    return averageTtlMs(this, nowMs);
  }

  /** The place of a key, for whoever moves entries between levels. */
  hash(bytes: Uint8Array, start: number, length: number): number {
    return this.#hash(bytes, start, length);
  }

  /** Gives the top back, which must have become empty: its table has grown with the keys that were in it. Not while a save settles. */
  dropTop(): void {
    const { top } = this;
    if (top === null || top.table.count > 0) return;
    this.top = null;
    this.#shared.retire(top);
  }

  /** Deletes a key that is there, expired or not. */
  drop(bytes: Uint8Array, start: number, length: number): void {
    const hash = this.#hash(bytes, start, length);
    const { draining } = this;
    const { waits } = this.#shared;
    if (waits.count > 0) waits.signalDeleted(this.dbid, hash, bytes, start, length);
    if (draining !== null) {
      const handle = draining.find(hash, bytes, start, length);
      if (handle !== 0) draining.remove(handle);
    }
    const handle = this.top === null ? 0 : this.top.find(hash, bytes, start, length);
    if (handle !== 0) {
      const top = this.top as Overlay;
      const covers = this.savedAs >= 0 ? top.flags(handle) & EntryFlag.COVERS : 0;
      if (covers === 0) top.remove(handle);
      else this.#entomb(top, hash, bytes, start, length, handle);
      return;
    }
    if (!this.#lower.bury(hash, bytes, start, length)) return;
    if (this.savedAs < 0) return;
    const top = this.ensureTop();
    if (handle === 0) top.find(hash, bytes, start, length);
    this.#entomb(top, hash, bytes, start, length, 0);
  }

  /** Puts a tombstone at the place that was just searched, in place of `old` if there is one. */
  #entomb(top: Overlay, hash: number, bytes: Uint8Array, start: number, length: number, old: number): void {
    const flags = EntryFlag.TOMBSTONE | EntryFlag.COVERS;
    const handle = top.create(bytes, start, length, RdbType.STRING, -1, 0, flags);
    if (old === 0) {
      top.insert(hash, handle);
      this.#shared.covered(this, bytes, start, length);
    } else top.replace(old, handle);
  }

  /** Inserts an entry of a key that the top has just been found not to have. */
  #insert(
    top: Overlay,
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    type: number,
    expireAtMs: number,
    valueLength: number,
    flags: number,
    reserve: number,
  ): void {
    const at = expireAtMs !== KEEP_EXPIRY ? expireAtMs : this.#lower.expiry(hash, bytes, start, length);
    // Below, nothing changes before the new entry is there: an arena that is full leaves the key as it was.
    const { access } = this.#shared;
    const uses = access.isCounting ? this.#lower.uses(hash, bytes, start, length, access) : -1;
    const handle = top.create(bytes, start, length, type, at, valueLength, flags, reserve);
    if (uses >= 0) top.setAccess(handle, access.touched(uses));
    top.insert(hash, handle);
    if (this.#lower.bury(hash, bytes, start, length) && this.savedAs >= 0) {
      top.setFlags(handle, top.flags(handle) | EntryFlag.COVERS);
      this.#shared.covered(this, bytes, start, length);
    }
  }

  /** Copies a native structure, at once: whoever knows that it is large has brought it up in slices before (commands/writable.ts). */
  #writeNative(bytes: Uint8Array, start: number, length: number, from: Record, expireAtMs: number): void {
    const { arena } = this.ensureTop();
    const form = nativeForm(from.type);
    const root = atOnce(form.copy(nativeBlocks(from), nativeRoot(from), arena));
    try {
      this.install(bytes, start, length, from.type, root, expireAtMs);
    } catch (error) {
      this.ensureTop().graves.bury(from.type, root);
      throw error;
    }
  }

  /** Copies a key's value from below into the top, with this expiry. */
  #copyUp(bytes: Uint8Array, start: number, length: number, record: Record, expireAtMs: number): void {
    const valueLength = record.valueLength >= 0 ? record.valueLength : valueBytes(record);
    this.writeRecord(bytes, start, length, record, valueLength, expireAtMs);
  }

  /** The number of the record's fields, if it is a hash all of whose fields have expired; else 0. */
  fieldsGone(record: Record, nowMs: number): number {
    return record.type < FIELDS_EXPIRE_FROM ? 0 : this.#shared.fieldsGone(record, nowMs);
  }

  /** So many fields of a hash were removed because their time was past. */
  fieldsExpired(count: number): void {
    this.#shared.fieldsExpired(count);
  }

  /**
   * True, unless the record has expired, or all of its fields: then it is deleted. Redis keeps a key until its time is strictly past.
   */
  #unlessExpired(bytes: Uint8Array, start: number, length: number, nowMs: number, record: Record): boolean {
    const shared = this.#shared;
    const isPast = record.expireAtMs !== -1 && record.expireAtMs < nowMs;
    const fields = isPast ? 0 : this.fieldsGone(record, nowMs);
    if (!isPast && fields === 0) return true;
    if (shared.isExpiryPaused()) return false;
    this.drop(bytes, start, length);
    if (isPast) shared.expired(this, bytes, start, length);
    else shared.fieldsExpired(fields);
    return false;
  }

  /** The top, made if it is not there. A key that is still in `draining` comes over first. */
  #topFor(hash: number, bytes: Uint8Array, start: number, length: number): Overlay {
    const top = this.ensureTop();
    if (this.draining !== null) this.#shared.absorb(this, hash, bytes, start, length);
    return top;
  }

  /** The overlay that takes writes, made if it is not there. */
  ensureTop(): Overlay {
    if (this.top === null) {
      const { pins, tally, access, populator } = this.#shared;
      this.top = new Overlay(pins, tally, access, populator);
    }
    return this.top;
  }

  /** The key's hash: of what was looked ahead for, if it is that. */
  #hash(bytes: Uint8Array, start: number, length: number): number {
    const known = this.#ahead.take(bytes, start, length);
    if (known >= 0) return this.#ahead.hashes[known] as number;
    hashKey(this.#shared.seed, bytes, start, length);
    return hashed.h0;
  }
}

/** Puts zeros at bytes[from, to). Few by a loop: a call costs more. */
function zero(bytes: Uint8Array, from: number, to: number): void {
  if (to - from > ZEROED_BY_LOOP_MAX) bytes.fill(0, from, to);
  else for (let at = from; at < to; at++) bytes[at] = 0;
}
