/**
 * The active expire cycle: deletes keys whose time is past though nobody asks for them, in steps that the caller keeps short.
 *
 *   overlay   each segment of the table remembers the earliest expiry in it: only those whose time has come are looked through
 *   layer     its index has a list sorted by expiry: what has come to lie in the past is buried, and no page of data touched
 *
 * Fields of hashes that expire by themselves count as their key's expiry in those segments: when one's time has come, the hash is swept,
 * and goes with its last field. What the file has of them is absent to readers, and a hash that has none left goes when it is looked up.
 *
 * Redis samples instead and lets a tenth of what has expired stand; here nothing stays behind for longer than one round. What is
 * frozen for a save changes no more: its expired keys are absent to readers and go when the save ends, and so do the layer's.
 */
import { DamagedError } from "../layer/damaged-error.ts";
import type { Layer } from "../layer/layer.ts";
import { ArenaFull } from "../overlay/arena.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { FieldTable } from "../overlay/encodings/field-table.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { SEGMENT_ENTRIES_MAX } from "../overlay/table.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";
import { type Database, KEEP_EXPIRY } from "./database.ts";
import { fieldsExpireAt } from "./field-expiry.ts";
import { KeyCopy } from "./key-copy.ts";
import type { Keyspace } from "./keyspace.ts";
import { nativeBlocks, nativeRoot } from "./native.ts";

const HASHES = 2 ** 32;
/** Segments passed over, or entries of a layer's list, between two looks at the clock. */
const LOOKS_PER_CLOCK = 64;
/** Fields removed between two looks at the clock. */
const FIELDS_PER_CLOCK = 256;
/** Weight of one round in the running estimate, as Redis has it. */
const STALE_WEIGHT = 0.05;

/** Makes a native hash of a record's: types/hash-build.ts. */
export type HashBuilder = (record: Record, blocks: Blocks, nowMs: number) => Generator<void, number, void>;

export class ExpireCycle {
  /** Milliseconds of CPU spent (INFO expire_cycle_cpu_milliseconds). */
  spentMs = 0;
  /** Running estimate: of the keys that have an expiry, the share whose time was past when a round came by; per cent. */
  stalePercent = 0;
  readonly #keyspace: Keyspace;
  readonly #startedMs: number;
  /** Layers that were there at the start: what had expired by then counts as never loaded, as in Redis. */
  readonly #inherited: WeakSet<Layer>;
  /** By layer and its database: entries of the expiry list below are done. */
  readonly #done = new WeakMap<Layer, number[]>();
  readonly #handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  readonly #key = new KeyCopy();
  readonly #record = new Record();
  readonly #fields = new FieldTable();
  readonly #buildHash: HashBuilder | null;
  /** Where the round is: the database; in its overlay (null: not begun, or behind it), the next hash. */
  #dbid = 0;
  #isInLayers = false;
  #overlay: Overlay | null = null;
  #from = 0;
  /** The earliest expiry of the segments that the pass has left behind. */
  #earliestMs = Number.POSITIVE_INFINITY;
  /** Keys of this round: deleted; with an expiry. */
  #expired = 0;
  #expiring = 0;

  /**
   * @param nowMs when the keyspace begins to be served
   * @param buildHash for hashes that lie as in RDB: without it their fields stay
   */
  constructor(keyspace: Keyspace, nowMs: number, buildHash: HashBuilder | null = null) {
    this.#keyspace = keyspace;
    this.#buildHash = buildHash;
    this.#startedMs = nowMs;
    this.#inherited = new WeakSet(keyspace.databases.flatMap(({ layers }) => layers));
  }

  /**
   * Goes on with the round until it ends or the clock passes `untilMs`; false when it has ended.
   * @param untilMs by performance.now
   */
  step(nowMs: number, untilMs: number): boolean {
    const startedMs = performance.now();
    const more = this.#go(nowMs, untilMs);
    this.spentMs += performance.now() - startedMs;
    return more;
  }

  #go(nowMs: number, untilMs: number): boolean {
    const { databases } = this.#keyspace;
    for (; this.#dbid < databases.length; this.#dbid++) {
      const database = databases[this.#dbid] as Database;
      if (!this.#isInLayers) {
        if (!this.#passOverlay(database, nowMs, untilMs)) return true;
        this.#isInLayers = true;
      }
      if (this.#keyspace.phase === "idle" && !this.#passLayers(database, nowMs, untilMs)) return true;
      this.#isInLayers = false;
    }
    this.#dbid = 0;
    const percent = this.#expiring === 0 ? 0 : (100 * this.#expired) / this.#expiring;
    this.stalePercent += (percent - this.stalePercent) * STALE_WEIGHT;
    this.#expired = this.#expiring = 0;
    return false;
  }

  /** The overlay that takes writes; false when the time is up before its end. */
  #passOverlay(database: Database, nowMs: number, untilMs: number): boolean {
    const { top } = database;
    if (top === null) return true;
    const { table } = top;
    if (top !== this.#overlay) {
      if (!(table.earliestMs < nowMs)) return true;
      this.#overlay = top;
      this.#from = 0;
      this.#earliestMs = Number.POSITIVE_INFINITY;
      this.#expiring += top.expiringKeys;
      table.beginPass();
    }
    for (let looks = 1; this.#from < HASHES; looks++) {
      const width = 2 ** (32 - table.depth);
      const index = Math.floor(this.#from / width);
      let earliestMs = table.earliestExpiry(index);
      const isDue = earliestMs < nowMs;
      if (isDue) {
        earliestMs = this.#passSegment(database, top, index, nowMs, untilMs);
        if (Number.isNaN(earliestMs)) return false;
      }
      this.#earliestMs = Math.min(this.#earliestMs, earliestMs);
      this.#from = table.nextSegment(index) * width;
      // A hook may have had the database flushed.
      if (database.top !== top) break;
      if ((isDue || looks % LOOKS_PER_CLOCK === 0) && performance.now() > untilMs) return false;
    }
    if (database.top === top) table.endPass(this.#earliestMs);
    this.#overlay = null;
    return true;
  }

  /** Deletes the expired keys of one segment; the earliest expiry of the others. NaN: the time was up amid a hash's fields. */
  #passSegment(database: Database, top: Overlay, index: number, nowMs: number, untilMs: number): number {
    const handles = this.#handles;
    const count = top.table.collect(index, 0, HASHES, handles);
    let earliestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const handle = handles[i] as number;
      if (!top.isAlive(handle)) continue;
      const expireAtMs = top.expireAtMs(handle);
      if (mayHaveExpiringFields(top.type(handle)) && (expireAtMs === -1 || expireAtMs >= nowMs)) {
        const fieldsAtMs = this.#passFields(database, top, handle, nowMs, untilMs);
        if (Number.isNaN(fieldsAtMs)) return Number.NaN;
        earliestMs = Math.min(earliestMs, fieldsAtMs);
      }
      if (expireAtMs === -1) continue;
      if (expireAtMs >= nowMs) {
        earliestMs = Math.min(earliestMs, expireAtMs);
        continue;
      }
      const key = this.#key;
      key.take(top, handle);
      database.drop(key.bytes, 0, key.length);
      this.#expired++;
      this.#keyspace.expired(database, key.bytes, 0, key.length);
      if (database.top !== top) return earliestMs;
    }
    top.table.setEarliestExpiry(index, earliestMs);
    return earliestMs;
  }

  /**
   * Removes a hash's expired fields, and the hash when that were all; when the next ones expire. NaN: the time was up. The handle may
   * be another entry's after that.
   */
  #passFields(database: Database, top: Overlay, handle: number, nowMs: number, untilMs: number): number {
    const record = this.#record;
    top.read(handle, record);
    const earliestMs = fieldsExpireAt(record);
    if (!(earliestMs < nowMs)) return earliestMs;
    const key = this.#key;
    key.take(top, handle);
    if (record.type !== NativeType.HASH) {
      if (!this.#makeNative(database, top, record, key)) return Number.POSITIVE_INFINITY;
      database.reread(key.bytes, 0, key.length, record);
    }
    const root = nativeRoot(record);
    // Somebody reads it in slices: the next round.
    if (top.arena.readers.has(root)) return earliestMs;
    const fields = this.#fields.bind(nativeBlocks(record), root);
    const { table } = fields;
    for (let isDone = false; !isDone; ) {
      const before = table.count;
      isDone = fields.expire(nowMs, FIELDS_PER_CLOCK);
      this.#keyspace.fieldsExpired(before - table.count);
      if (!isDone && performance.now() > untilMs) return Number.NaN;
    }
    if (fields.table.count > 0) return fieldsExpireAt(record);
    database.drop(key.bytes, 0, key.length);
    this.#keyspace.onExpired?.(database, key.bytes, 0, key.length);
    return Number.POSITIVE_INFINITY;
  }

  /** Makes the hash one whose fields can be removed. False where it cannot be: no memory, or it is damaged. Readers miss nothing. */
  #makeNative(database: Database, top: Overlay, record: Record, key: KeyCopy): boolean {
    if (this.#buildHash === null) return false;
    let root = 0;
    try {
      // With what has expired: it is removed, and counted, where all of it is.
      root = atOnce(this.#buildHash(record, top.arena, Number.NEGATIVE_INFINITY));
      database.install(key.bytes, 0, key.length, NativeType.HASH, root, KEEP_EXPIRY);
      return true;
    } catch (error) {
      if (root !== 0) top.graves.bury(NativeType.HASH, root);
      if (error instanceof ArenaFull || error instanceof FormatError) return false;
      throw error;
    }
  }

  #passLayers(database: Database, nowMs: number, untilMs: number): boolean {
    for (const layer of database.layers) {
      try {
        if (!this.#passList(database, layer, nowMs, untilMs)) return false;
      } catch (error) {
        // Damage in the index: those keys are absent to readers or answer an error; a new index is built elsewhere.
        if (!(error instanceof DamagedError)) throw error;
      }
    }
    return true;
  }

  #passList(database: Database, layer: Layer, nowMs: number, untilMs: number): boolean {
    const dbid = database.layerDbid;
    const list = layer.expiries(dbid);
    if (list === undefined) return true;
    let done = this.#done.get(layer);
    if (done === undefined) this.#done.set(layer, (done = []));
    let at = (done[dbid] ??= this.#inherited.has(layer) ? list.expired(this.#startedMs) : 0);
    const end = list.expired(nowMs);
    if (at < end) this.#expiring += layer.expiringKeys(dbid);
    for (let looks = 1; at < end; looks++) {
      this.#buryExpired(database, layer, list.slot(at), list.expireAtMs(at));
      at++;
      if (looks % LOOKS_PER_CLOCK === 0 && performance.now() > untilMs) break;
    }
    done[dbid] = at;
    return at >= end;
  }

  #buryExpired(database: Database, layer: Layer, slot: number, expireAtMs: number): void {
    const keyspace = this.#keyspace;
    const dbid = database.layerDbid;
    const record = this.#record;
    // Its key lies on a page of data, which is touched only for whoever wants to know it.
    const isRead = keyspace.onExpired !== null && this.#readSlot(layer, dbid, slot);
    if (!layer.bury(dbid, slot, expireAtMs)) return;
    this.#expired++;
    keyspace.expiredKeys++;
    if (isRead) keyspace.onExpired?.(database, record.key.bytes, record.key.start, record.key.length);
  }

  #readSlot(layer: Layer, dbid: number, slot: number): boolean {
    try {
      return layer.readSlot(dbid, slot, this.#record);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return false;
    }
  }
}

/** Whether an entry of this type byte may be a hash whose fields expire: native, or a form of Redis 7.4 or of Valkey. */
function mayHaveExpiringFields(type: number): boolean {
  return type >= RdbType.HASH_METADATA_PRE_GA && (type <= RdbType.HASH_LISTPACK_EX || type === NativeType.HASH);
}
