/**
 * Eviction: which key goes when memory is short (docs/decisions/0007-eviction.md). As Redis: a few keys of each database are
 * sampled, the best of what samples have shown is kept in a pool, and the best of that goes.
 *
 *   overlay of a database   any of its keys; gives memory back
 *   frozen overlay          the same while a save runs: the bytes go with the overlay when the save ends, and do not count until then
 *   layer                   takes no memory: its keys go only where no overlay has one left that the policy allows, a few a command
 */
import type { Layer } from "../layer/layer.ts";
import { EntryFlag } from "../overlay/entry.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { SEGMENT_ENTRIES_MAX } from "../overlay/table.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";
import type { Database } from "./database.ts";
import { EvictionPool } from "./evict-pool.ts";
import { fieldsExpireAt } from "./field-expiry.ts";
import { KeyCopy } from "./key-copy.ts";
import type { Keyspace } from "./keyspace.ts";

const HASHES = 2 ** 32;
/** Where only keys with an expiry may go, so many more keys are looked at before whole segments are. */
const VOLATILE_LOOKS = 4;
const SAMPLES_MAX = 64;
/** Samples that may come to nothing before it is said that there is nothing (entries vanish from the pool, never from the table). */
const TRIES = 16;
/** Slots of a layer looked at for one key, from a random one on. */
const LAYER_LOOKS = 1024;
const LFU_MAX = 255;

export type Ranking = "lru" | "lfu" | "random" | "ttl";

/** "none" (noeviction), "all" (allkeys-*), "volatile" (volatile-*): which keys may go. */
export type Candidates = "none" | "all" | "volatile";

export class Evictor {
  candidates: Candidates = "none";
  ranking: Ranking = "lru";
  /** The directive maxmemory-samples. */
  samples = 5;
  /** Keys evicted since the start (or CONFIG RESETSTAT). */
  evictedKeys = 0;
  /** Numbers in [0, 1): tests repeat theirs. */
  random: () => number = Math.random;
  readonly #keyspace: Keyspace;
  readonly #pool = new EvictionPool();
  readonly #handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  readonly #hashes = new Int32Array(SEGMENT_ENTRIES_MAX);
  readonly #key = new KeyCopy();
  readonly #record = new Record();
  /** Where the last search through whole segments ended: the next one goes on there. */
  #searchedTo = 0;
  /** By layer and its database: below this, entries of the expiry list are dead. */
  readonly #goneTo = new WeakMap<Layer, number[]>();
  /** Whose turn it is, where keys go at random. */
  #nextDbid = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** Takes the words of the directive maxmemory-policy. */
  usePolicy(policy: string): void {
    this.#pool.clear();
    const [from, ranking] = policy.split("-");
    this.candidates = from === "allkeys" ? "all" : from === "volatile" ? "volatile" : "none";
    if (ranking !== undefined) this.ranking = ranking as Ranking;
  }

  /** Evicts one key of an overlay; false when the policy allows none. */
  evictOne(): boolean {
    if (this.candidates === "none") return false;
    return this.ranking === "random" ? this.#evictRandom() : this.#evictBest();
  }

  /** Evicts one key of a layer: false when the policy allows none, or a save runs (a tombstone would cost memory). */
  evictLayerKey(nowMs: number): boolean {
    const { databases, phase } = this.#keyspace;
    if (this.candidates === "none" || phase !== "idle") return false;
    for (const _ of databases) {
      const database = this.#nextDatabase();
      for (const layer of database.layers) if (this.#evictFromLayer(database, layer, nowMs)) return true;
    }
    return false;
  }

  #evictBest(): boolean {
    const pool = this.#pool;
    for (let tries = 0; tries < TRIES; tries++) {
      let keys = 0;
      for (const database of this.#keyspace.databases) {
        keys += this.#sample(database.top) + this.#sample(database.frozen);
      }
      if (keys === 0) return false;
      while (pool.pop()) if (this.#take(pool.overlay as Overlay, pool.hash, pool.handle)) return true;
    }
    return false;
  }

  /** As Redis: databases in turn, a random key of each. */
  #evictRandom(): boolean {
    for (const _ of this.#keyspace.databases) {
      const { top, frozen } = this.#nextDatabase();
      const inTop = this.#keys(top);
      const inFrozen = this.#keys(frozen);
      if (inTop + inFrozen === 0) continue;
      const overlay = (this.random() * (inTop + inFrozen) < inTop ? top : frozen) as Overlay;
      if (this.#find(overlay, 1) === 0) continue;
      if (this.#take(overlay, this.#hashes[0] as number, this.#handles[0] as number)) return true;
    }
    return false;
  }

  #nextDatabase(): Database {
    const { databases } = this.#keyspace;
    this.#nextDbid = (this.#nextDbid + 1) % databases.length;
    return databases[this.#nextDbid] as Database;
  }

  /** Keys of an overlay that the policy allows. */
  #keys(overlay: Overlay | null): number {
    if (overlay === null) return 0;
    return this.candidates === "all" ? overlay.keys : overlay.expiringKeys;
  }

  /** Offers a few keys of an overlay to the pool; the number of keys that the policy allows. */
  #sample(overlay: Overlay | null): number {
    const keys = this.#keys(overlay);
    if (overlay === null || keys === 0) return 0;
    const count = this.#find(overlay, Math.min(this.samples, SAMPLES_MAX));
    for (let i = 0; i < count; i++) {
      const handle = this.#handles[i] as number;
      this.#pool.offer(this.#score(overlay, handle), overlay, this.#hashes[i] as number, handle);
    }
    return keys;
  }

  #score(overlay: Overlay, handle: number): number {
    if (this.ranking === "ttl") return -overlay.expireAtMs(handle);
    const { access } = this.#keyspace;
    const bits = overlay.access(handle);
    return this.ranking === "lfu" ? LFU_MAX - access.frequency(bits) : access.idleSeconds(bits);
  }

  /** Puts up to `count` keys from a random place on, which the policy allows, into #handles and #hashes. There is at least one. */
  #find(overlay: Overlay, count: number): number {
    const { table } = overlay;
    const looks = this.candidates === "all" ? count : count * VOLATILE_LOOKS;
    const from = (this.random() * HASHES) | 0;
    const found = this.#keep(overlay, table.collectFrom(from, looks, this.#handles, this.#hashes), count);
    return found > 0 ? found : this.#search(overlay, count);
  }

  /** As `#find`, where such keys are rare: whole segments are looked through, those in which nothing expires not even that. */
  #search(overlay: Overlay, count: number): number {
    const { table } = overlay;
    const isVolatile = this.candidates === "volatile";
    for (let segments = table.segments; segments >= 0; segments--) {
      const width = 2 ** (32 - table.depth);
      const index = Math.floor(this.#searchedTo / width);
      this.#searchedTo = (table.nextSegment(index) * width) % HASHES;
      if (isVolatile && table.earliestExpiry(index) === Number.POSITIVE_INFINITY) continue;
      const entries = table.collect(index, 0, HASHES, this.#handles, this.#hashes);
      const found = this.#keep(overlay, entries, count);
      if (found > 0) return found;
      if (isVolatile) table.setEarliestExpiry(index, this.#fieldsExpireAt(overlay, entries));
    }
    return 0;
  }

  /** Of `count` entries collected, none of which expires: when fields of hashes do, for the expiry cycle. */
  #fieldsExpireAt(overlay: Overlay, count: number): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const handle = this.#handles[i] as number;
      if (overlay.type(handle) < RdbType.HASH_METADATA_PRE_GA || !overlay.isAlive(handle)) continue;
      overlay.read(handle, this.#record);
      earliestMs = Math.min(earliestMs, fieldsExpireAt(this.#record));
    }
    return earliestMs;
  }

  /** Of `count` entries collected, keeps the first `max` that may go, at the front. */
  #keep(overlay: Overlay, count: number, max: number): number {
    const handles = this.#handles;
    const hashes = this.#hashes;
    let kept = 0;
    for (let i = 0; i < count && kept < max; i++) {
      const handle = handles[i] as number;
      if (!this.#mayGo(overlay, handle)) continue;
      hashes[kept] = hashes[i] as number;
      handles[kept++] = handle;
    }
    return kept;
  }

  #mayGo(overlay: Overlay, handle: number): boolean {
    const flags = overlay.flags(handle);
    if ((flags & (EntryFlag.TOMBSTONE | EntryFlag.DEAD)) !== 0) return false;
    return this.candidates === "all" || (flags & EntryFlag.EXPIRES) !== 0;
  }

  /** Evicts an entry, if it is still there and may go. */
  #take(overlay: Overlay, hash: number, handle: number): boolean {
    const keyspace = this.#keyspace;
    const database = keyspace.databases.find(({ top, frozen }) => top === overlay || frozen === overlay);
    if (database === undefined || !overlay.table.has(hash, handle) || !this.#mayGo(overlay, handle)) return false;
    const key = this.#key;
    key.take(overlay, handle);
    database.drop(key.bytes, 0, key.length);
    if (database.top === overlay) {
      // The table shrinks with its keys: else a low limit would cost all of them.
      overlay.table.join(hash);
      if (keyspace.phase === "idle" && database.draining === null) database.dropTop();
    }
    this.#evicted(database, key.bytes, 0, key.length);
    return true;
  }

  #evictFromLayer(database: Database, layer: Layer, nowMs: number): boolean {
    const dbid = database.layerDbid;
    const record = this.#record;
    try {
      const slot = this.candidates === "all" ? this.#anySlot(layer, dbid) : this.#expiringSlot(layer, dbid, nowMs);
      if (slot < 0 || !layer.readSlot(dbid, slot, record)) return false;
      if (!layer.bury(dbid, slot, record.expireAtMs)) return false;
      this.#evicted(database, record.key.bytes, record.key.start, record.key.length);
      return true;
    } catch (error) {
      // Damage: that key stays.
      if (!(error instanceof FormatError)) throw error;
      return false;
    }
  }

  /** A slot with a key picked at random, since a file says of few keys when they were used; -1: none was met. */
  #anySlot(layer: Layer, dbid: number): number {
    if (layer.keys(dbid) === 0) return -1;
    const limit = layer.slotLimit(dbid);
    const first = Math.floor(this.random() * limit);
    for (let looks = 0; looks < LAYER_LOOKS && looks < limit; looks++) {
      const slot = (first + looks) % limit;
      if (layer.readSlot(dbid, slot, this.#record)) return slot;
    }
    return -1;
  }

  /** The slot of a key that will expire: one at random, or by volatile-ttl the one that expires first; -1: there is none, or none was met. */
  #expiringSlot(layer: Layer, dbid: number, nowMs: number): number {
    const list = layer.expiries(dbid);
    if (list === undefined) return -1;
    const first = list.expired(nowMs);
    if (this.ranking === "ttl") {
      let goneTo = this.#goneTo.get(layer);
      if (goneTo === undefined) this.#goneTo.set(layer, (goneTo = []));
      let at = Math.max(first, goneTo[dbid] ?? 0);
      while (at < list.count && layer.isDead(dbid, list.slot(at))) at++;
      goneTo[dbid] = at;
      return at < list.count ? list.slot(at) : -1;
    }
    const count = list.count - first;
    const start = Math.floor(this.random() * count);
    for (let looks = 0; looks < LAYER_LOOKS && looks < count; looks++) {
      const slot = list.slot(first + ((start + looks) % count));
      if (!layer.isDead(dbid, slot)) return slot;
    }
    return -1;
  }

  #evicted(database: Database, bytes: Uint8Array, start: number, length: number): void {
    this.evictedKeys++;
    this.#keyspace.onEvicted?.(database, bytes, start, length);
  }
}
