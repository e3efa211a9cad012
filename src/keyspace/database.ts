/**
 * One database: a stack of layers, newest first (today one or none; the overlay will stand above them).
 * Expired keys are absent everywhere: from find, scan, random and size.
 *
 * A SCAN cursor is `slot × LEVELS + level`: level 0 is kept for the overlay, layers follow. Slots of a layer never move, so a key
 * that is present throughout is returned exactly once.
 */
import type { Layer } from "../layer/layer.ts";
import type { Record } from "../rdb/record.ts";

/** Levels of the stack that a cursor can tell apart. */
const LEVELS = 8;
const FIRST_LAYER_LEVEL = 1;
/** Empty slots looked at for each key that was asked for, before a scan returns with less (Redis does the same). */
const SLOTS_PER_KEY = 10;
const RANDOM_TRIES = 128;

export class Database {
  readonly dbid: number;
  readonly #layers: readonly Layer[];

  /** @param layers newest first */
  constructor(dbid: number, layers: readonly Layer[]) {
    if (layers.length > LEVELS - FIRST_LAYER_LEVEL) throw new RangeError(`${layers.length} layers`);
    this.dbid = dbid;
    this.#layers = layers;
  }

  /** Keys that have not expired: exact. Throws DamagedError. */
  size(nowMs: number): number {
    let keys = 0;
    for (const layer of this.#layers) {
      keys += layer.keys(this.dbid) - layer.expiredKeys(this.dbid, nowMs);
    }
    return keys;
  }

  /** Keys that have an expiry and have not expired. Throws DamagedError. */
  expires(nowMs: number): number {
    let keys = 0;
    for (const layer of this.#layers) {
      keys += layer.expiringKeys(this.dbid) - layer.expiredKeys(this.dbid, nowMs);
    }
    return keys;
  }

  /** Mean milliseconds to live of the keys that expire (an estimate, as Redis's avg_ttl); 0 where there are none. */
  avgTtl(nowMs: number): number {
    let weighted = 0;
    let keys = 0;
    for (const layer of this.#layers) {
      const list = layer.expiries(this.dbid);
      if (list === undefined) continue;
      const live = layer.expiringKeys(this.dbid) - layer.expiredKeys(this.dbid, nowMs);
      weighted += live * list.averageTtlMs(nowMs);
      keys += live;
    }
    return keys === 0 ? 0 : Math.floor(weighted / keys);
  }

  /**
   * Reads the record of a key into `record`, the caller's; false when there is none or it has expired.
   * Valid as long as the layer is open. Throws DamagedError (other keys go on being served), FormatError.
   */
  find(bytes: Uint8Array, start: number, length: number, nowMs: number, record: Record): boolean {
    const layers = this.#layers;
    for (let i = 0; i < layers.length; i++) {
      if ((layers[i] as Layer).find(this.dbid, bytes, start, length, record)) return !hasExpired(record, nowMs);
    }
    return false;
  }

  /**
   * Tells that the keys bytes[starts[i], + lengths[i]), i < count ≤ 32, in ascending order, will be looked up next, if they are keys:
   * a hint that lets their cache misses overlap. Never throws.
   */
  prefetch(bytes: Uint8Array, starts: Int32Array, lengths: Int32Array, count: number): void {
    const layers = this.#layers;
    for (let i = 0; i < layers.length; i++) {
      (layers[i] as Layer).prefetch(this.dbid, bytes, starts, lengths, count);
    }
  }

  /**
   * Visits about `count` keys from `cursor` on (0 begins) and returns the next cursor, 0 at the end. A foreign cursor that lies
   * outside ends the scan. `record` is read again for each key: visit may use it, not keep it. Throws DamagedError, FormatError.
   */
  scan(cursor: number, count: number, nowMs: number, record: Record, visit: (record: Record) => void): number {
    let level = cursor % LEVELS;
    let slot = Math.floor(cursor / LEVELS);
    if (level < FIRST_LAYER_LEVEL) {
      level = FIRST_LAYER_LEVEL;
      slot = 0;
    }
    let visits = count;
    let looks = count * SLOTS_PER_KEY;
    for (; level - FIRST_LAYER_LEVEL < this.#layers.length; level++, slot = 0) {
      const layer = this.#layers[level - FIRST_LAYER_LEVEL] as Layer;
      const limit = layer.slotLimit(this.dbid);
      for (; slot < limit; slot++) {
        if (visits <= 0 || looks <= 0) return slot * LEVELS + level;
        looks--;
        if (!layer.readSlot(this.dbid, slot, record) || hasExpired(record, nowMs)) continue;
        visits--;
        visit(record);
      }
    }
    return 0;
  }

  /** Reads a key picked at random into `record`; false when the database is empty. Throws DamagedError, FormatError. */
  random(nowMs: number, record: Record): boolean {
    if (this.size(nowMs) === 0) return false;
    const limits = this.#layers.map((layer) => layer.slotLimit(this.dbid));
    const slots = limits.reduce((sum, limit) => sum + limit, 0);
    for (let tries = 0; tries < RANDOM_TRIES; tries++) {
      if (this.#readSlot(Math.floor(Math.random() * slots), record) && !hasExpired(record, nowMs)) return true;
    }
    // Nearly all have expired: the first one that has not, from a random place on.
    const start = Math.floor(Math.random() * slots);
    for (let i = 0; i < slots; i++) {
      if (this.#readSlot((start + i) % slots, record) && !hasExpired(record, nowMs)) return true;
    }
    return false;
  }

  /** The slot in the layers' slots laid end to end. */
  #readSlot(slot: number, record: Record): boolean {
    let rest = slot;
    for (const layer of this.#layers) {
      const limit = layer.slotLimit(this.dbid);
      if (rest < limit) return layer.readSlot(this.dbid, rest, record);
      rest -= limit;
    }
    return false;
  }
}

/** Redis keeps a key until its time is strictly past. */
function hasExpired(record: Record, nowMs: number): boolean {
  return record.expireAtMs !== -1 && record.expireAtMs < nowMs;
}
