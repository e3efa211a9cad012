/**
 * A layer: an RDB file and its index, both immutable, both mapped. Finds a key's record in place, and vouches for every
 * byte that is read of the file (it is the ByteSource that records read from).
 *
 *   hash(key) → index page → slots with the key's tag → record in the RDB → key compared
 *
 * Opening costs O(1), whatever the size; see index-file.ts and open.ts.
 */
import type { Mapping } from "../mmap/mapping.ts";
import { Record } from "../rdb/record.ts";
import type { ByteSource } from "../util/byte-source.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import { BlockChecks } from "./block-checks.ts";
import { DamagedError } from "./damaged-error.ts";
import { DeadBits, type DeadPicture } from "./dead-bits.ts";
import { ExpiryList } from "./expiry-list.ts";
import type { DatabaseExtent, HashSeed } from "./format.ts";
import type { IndexFile } from "./index-file.ts";
import { KeyTable } from "./key-table.ts";
import { type LayerOptions, openLayer } from "./open.ts";
import { Prefetch } from "./prefetch.ts";

/** Figures for INFO's section # Layers and the log. Bytes, counts; times in milliseconds since 1970. */
export interface LayerFacts {
  readonly path: string;
  readonly sizeBytes: number;
  readonly keys: number;
  readonly databases: number;
  readonly rdbVersion: number;
  readonly valkey: boolean;
  readonly crc64Verified: boolean;
  readonly indexPath: string;
  readonly indexBytes: number;
  readonly indexBuiltAtMs: number;
  /** Milliseconds the build took in this process; 0 when the index was there. */
  readonly indexBuildMs: number;
  /** Empty collections and expired duplicates that were left out, as Redis does. */
  readonly skippedKeys: number;
  readonly blocks: number;
  readonly verifiedBlocks: number;
  readonly damagedBlocksHit: number;
  readonly damagedIndexPagesHit: number;
}

export class Layer implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly windows: readonly Uint8Array[];
  /** The mapped RDB: what the guard protects. */
  readonly mapping: Mapping;
  /** Databases that the file selects, in order of dbid, also those without keys. */
  readonly databases: readonly DatabaseExtent[];
  /** Whether a damaged index page asks for a new index (set by open). */
  onIndexDamaged: (error: DamagedError) => void = () => {};
  /** Ends work in the background that reads the mappings (set by open). */
  beforeClose: () => Promise<void> = () => Promise.resolve();
  indexBuildMs = 0;
  /** Bytes of the dead bits. */
  deadBitBytes = 0;
  #index: IndexFile;
  #seed: HashSeed;
  readonly #checks: BlockChecks;
  readonly #ahead = new Prefetch();
  #tables: (KeyTable | undefined)[] = [];
  #expiries: (ExpiryList | undefined)[] = [];
  readonly #dead: (DeadBits | undefined)[] = [];
  readonly #deadExpiring: number[] = [];
  #damagedPagesBefore = 0;
  /** While more than 0, indexes that were replaced stay mapped. */
  #indexHolds = 0;
  readonly #replaced: IndexFile[] = [];
  readonly #probe = new Record();

  /**
   * Opens the RDB at `path`, building its index where there is none that fits (see open.ts for what options say).
   * Throws FormatError (with the offset in the RDB) and MmapError; nothing is left behind then.
   */
  static open(path: string, options: LayerOptions): Promise<Layer> {
    return openLayer(path, options);
  }

  /** Use `Layer.open`. The layer owns both from now on. */
  constructor(mapping: Mapping, index: IndexFile) {
    this.path = mapping.path;
    this.size = mapping.size;
    this.windows = mapping.windows;
    this.mapping = mapping;
    this.#index = index;
    this.#seed = index.header.seed;
    this.databases = index.databases;
    this.#checks = new BlockChecks(mapping, index);
    this.#useTables(index);
  }

  /** The mapped index. Changes when the index is built again. */
  get indexMapping(): Mapping {
    return this.#index.mapping;
  }

  get indexSeed(): HashSeed {
    return this.#seed;
  }

  /** Offsets of the file's FUNCTION2 opcodes. Throws DamagedError. */
  functionOffsets(): number[] {
    return this.#index.functionOffsets();
  }

  /** ByteSource: blocks are verified when they are first touched. Throws DamagedError "damaged-block". */
  admit(offset: number, length: number): number {
    return this.#checks.admit(offset, length);
  }

  /**
   * Reads the record of a key into `record`: true when there is one that is not dead, expired or not. The record is valid while the layer is open.
   * Throws DamagedError when damage hides the answer, FormatError when a record cannot be read.
   */
  find(dbid: number, bytes: Uint8Array, start: number, length: number, record: Record): boolean {
    return this.locate(dbid, bytes, start, length, record) >= 0;
  }

  /** As `find`; the slot number of the key in its database, or -1. */
  locate(dbid: number, bytes: Uint8Array, start: number, length: number, record: Record): number {
    hashKey(this.#seed, bytes, start, length);
    return this.locateHashed(dbid, hashed.h0, bytes, start, length, record);
  }

  /** As `locate`, of a key whose hash by this layer's seed is `h0`. */
  locateHashed(dbid: number, h0: number, bytes: Uint8Array, start: number, length: number, record: Record): number {
    const table = this.#tables[dbid];
    if (table === undefined) return -1;
    try {
      const dead = this.#dead[dbid] as DeadBits;
      const ahead = this.#ahead.take(dbid, bytes, start);
      if (ahead >= 0) {
        const offset = this.#ahead.offsets[ahead] as number;
        const slot = this.#ahead.slots[ahead] as number;
        if (offset >= 0 && (dead.count === 0 || !dead.has(slot))) {
          this.#read(dbid, offset, record);
          if (record.matches(bytes, start, length)) return slot;
        }
      }
      for (let offset = table.first(h0); offset >= 0; offset = table.next()) {
        if (dead.count !== 0 && dead.has(table.slot)) continue;
        this.#read(dbid, offset, record);
        if (record.matches(bytes, start, length)) return table.slot;
      }
    } catch (error) {
      throw this.#noticed(error);
    }
    return -1;
  }

  /** Looks up keys that will be asked for next: see prefetch.ts. A hint; never throws. */
  prefetch(dbid: number, bytes: Uint8Array, starts: Int32Array, hashes: Int32Array, count: number): void {
    const table = this.#tables[dbid];
    if (table === undefined) return;
    this.#ahead.begin(table, this.#dead[dbid] as DeadBits, this.windows, bytes, starts, hashes, count);
  }

  /** Slot numbers of a database are below this: see `readSlot`. */
  slotLimit(dbid: number): number {
    return this.#tables[dbid]?.slotLimit ?? 0;
  }

  /**
   * Reads the record in slot `slot` of a database; false when the slot is empty or dead. Slots never move while the layer is open,
   * also when its index is built again. Throws DamagedError, FormatError.
   */
  readSlot(dbid: number, slot: number, record: Record): boolean {
    const table = this.#tables[dbid];
    if (table === undefined || (this.#dead[dbid] as DeadBits).has(slot)) return false;
    try {
      const offset = table.offsetAt(slot);
      if (offset < 0) return false;
      this.#read(dbid, offset, record);
      return true;
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  /**
   * Visits the keys that are not dead, expired or not, whose h0, as an unsigned number, is in [from, end); returns the number of slots
   * that were looked at. `record` is read again for each. Throws DamagedError, FormatError.
   */
  scan(dbid: number, from: number, end: number, record: Record, visit: (slot: number) => void): number {
    const table = this.#tables[dbid];
    if (table === undefined) return 0;
    let looks = 0;
    try {
      table.walk(from, end, (slot, offset) => {
        looks++;
        if ((this.#dead[dbid] as DeadBits).has(slot)) return;
        this.#read(dbid, offset, record);
        const { key } = record;
        hashKey(this.#seed, key.bytes, key.start, key.length);
        // A tag is not the whole of the hash, and what overflowed lies in another page's tags.
        const h0 = hashed.h0 >>> 0;
        if (h0 >= from && h0 < end) visit(slot);
      });
    } catch (error) {
      throw this.#noticed(error);
    }
    return looks;
  }

  /** The dead bits of each database as they are now, for whoever saves this state: see dead-bits.ts. */
  pictureDead(): (DeadPicture | undefined)[] {
    return this.#dead.map((dead) => dead?.freeze());
  }

  /**
   * Marks the key in slot `slot` (of `locate` or a scan) dead: it is absent from now on, its bytes and its slot stay. False when it was.
   * @param expireAtMs the record's expiry, -1 without one. Throws DamagedError.
   */
  bury(dbid: number, slot: number, expireAtMs: number): boolean {
    const dead = this.#dead[dbid];
    if (dead === undefined) return false;
    const { bytes } = dead;
    if (!dead.set(slot)) return false;
    this.deadBitBytes += dead.bytes - bytes;
    if (expireAtMs === -1) return true;
    this.#deadExpiring[dbid] = (this.#deadExpiring[dbid] ?? 0) + 1;
    this.#expiries[dbid]?.buried(slot, expireAtMs);
    return true;
  }

  /** Whether the key in a slot is dead. */
  isDead(dbid: number, slot: number): boolean {
    return this.#dead[dbid]?.has(slot) ?? false;
  }

  /** As `bury`, by the key, if the layer has it. Throws DamagedError, FormatError. */
  buryKey(dbid: number, bytes: Uint8Array, start: number, length: number): void {
    const slot = this.locate(dbid, bytes, start, length, this.#probe);
    if (slot >= 0) this.bury(dbid, slot, this.#probe.expireAtMs);
  }

  /** Keys of a database that are not dead, expired ones too. */
  keys(dbid: number): number {
    const table = this.#tables[dbid];
    return table === undefined ? 0 : table.extent.keys - (this.#dead[dbid] as DeadBits).count;
  }

  /** Keys of a database, dead ones too. */
  allKeys(dbid: number): number {
    return this.#tables[dbid]?.extent.keys ?? 0;
  }

  /** Keys of a database that have an expiry and are not dead, expired ones too. */
  expiringKeys(dbid: number): number {
    return (this.#expiries[dbid]?.count ?? 0) - (this.#deadExpiring[dbid] ?? 0);
  }

  /** Keys of a database that have expired and are not dead. Throws DamagedError. */
  expiredKeys(dbid: number, nowMs: number): number {
    return this.#expiries[dbid]?.expiredAlive(nowMs) ?? 0;
  }

  /** The expiry list of a database, dead ones included, if it has keys that expire. */
  expiries(dbid: number): ExpiryList | undefined {
    return this.#expiries[dbid];
  }

  facts(): LayerFacts {
    const { header } = this.#index;
    return {
      path: this.path,
      sizeBytes: this.size,
      keys: header.keys,
      databases: this.databases.length,
      rdbVersion: header.rdbVersion,
      valkey: header.valkey,
      crc64Verified: header.crc64Verified,
      indexPath: this.#index.path,
      indexBytes: header.indexBytes,
      indexBuiltAtMs: header.builtAtMs,
      indexBuildMs: this.indexBuildMs,
      skippedKeys: header.emptySkipped + header.duplicatesSkipped,
      blocks: this.#checks.blocks,
      verifiedBlocks: this.#checks.verifiedBlocks,
      damagedBlocksHit: this.#checks.damagedBlocksHit,
      damagedIndexPagesHit: this.#damagedPagesBefore + this.#index.damagedPagesHit,
    };
  }

  /** Takes another index of the same file, built with the same seed (so that slots stay); closes the old one. */
  replaceIndex(index: IndexFile): void {
    const old = this.#index;
    this.#damagedPagesBefore += old.damagedPagesHit;
    this.#index = index;
    this.#seed = index.header.seed;
    this.#checks.useIndex(index);
    this.#useTables(index);
    if (this.#indexHolds > 0) this.#replaced.push(old);
    else old.close();
  }

  /** The index that is mapped now stays so, until the returned function is called: a Worker reads it. */
  holdIndex(): () => void {
    this.#indexHolds++;
    return () => {
      if (--this.#indexHolds === 0) for (const index of this.#replaced.splice(0)) index.close();
    };
  }

  /** Unmaps both files, once nothing in the background reads them. No record of this layer may be used from the call on. */
  async close(): Promise<void> {
    await this.beforeClose();
    for (const index of this.#replaced.splice(0)) index.close();
    await this.#index.closeGently();
    await this.mapping.closeGently();
  }

  #read(dbid: number, offset: number, record: Record): void {
    record.valkey = this.#index.header.valkey;
    record.readAt(this, offset);
    record.dbid = dbid;
  }

  #useTables(index: IndexFile): void {
    this.#tables = [];
    this.#expiries = [];
    for (const extent of index.databases) {
      if (extent.keys === 0) continue;
      const dead = (this.#dead[extent.dbid] ??= new DeadBits());
      this.#tables[extent.dbid] = new KeyTable(index, extent);
      if (extent.expiringKeys > 0) this.#expiries[extent.dbid] = new ExpiryList(index, extent, dead);
    }
  }

  #noticed(error: unknown): unknown {
    if (error instanceof DamagedError && error.code === "damaged-index") this.onIndexDamaged(error);
    return error;
  }
}
