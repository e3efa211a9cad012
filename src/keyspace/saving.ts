/**
 * What a save does to the databases' levels. Everything that takes long goes in slices; between two of them commands run.
 *
 *            freeze                  re-base                          or, when the save failed: thaw
 *   top      top₂ (new)              top₂                             top    ← merged key by key from top₂ (draining)
 *            frozen = top            └ what it covers is buried
 *   layer    layer                   layer₂ = frozen + layer          layer
 */

import type { DeadPicture } from "../layer/dead-bits.ts";
import type { Layer } from "../layer/layer.ts";
import { atOnce, nativeForm } from "../overlay/encodings/native.ts";
import { EntryFlag, writeU32 } from "../overlay/entry.ts";
import type { Overlay, OverlayHandle } from "../overlay/overlay.ts";
import { SEGMENT_ENTRIES_MAX } from "../overlay/table.ts";
import { copyValue } from "../rdb/dump.ts";
import { isNativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { Span } from "../util/span.ts";
import type { Database } from "./database.ts";
import { fieldsExpireAt } from "./field-expiry.ts";
import { nativeRoot } from "./native.ts";

/** What is to be saved: as long as the phase is "saving", none of it changes. */
export interface FrozenState {
  /** In order of the dbid that they are to be saved as. Databases without anything are there, too. */
  readonly databases: readonly FrozenDatabase[];
  /** Newest first; with each, by database of the layer, its dead bits. */
  readonly layers: readonly { readonly layer: Layer; readonly dead: readonly (DeadPicture | undefined)[] }[];
}

export interface FrozenDatabase {
  readonly dbid: number;
  readonly overlay: OverlayHandle | null;
  /** Its number in the layers; -1: nothing of the layers belongs to it. */
  readonly layerDbid: number;
}

const KEY = new Span();
const RECORD = new Record();
const HASHES = 2 ** 32;

export function freezeAll(databases: readonly Database[], layers: readonly Layer[]): FrozenState {
  const frozen = databases.map((database): FrozenDatabase => {
    const { top } = database;
    database.savedAs = database.dbid;
    if (top !== null && top.table.count > 0) {
      database.frozen = top;
      database.top = null;
    }
    return {
      dbid: database.dbid,
      overlay: database.frozen?.describe() ?? null,
      layerDbid: database.layers.length === 0 ? -1 : database.layerDbid,
    };
  });
  return { databases: frozen, layers: layers.map((layer) => ({ layer, dead: layer.pictureDead() })) };
}

/** Buries in the new layer what was written or deleted since the freeze. Throws DamagedError: nothing else has changed then. */
export function* buryWritten(databases: readonly Database[], layer: Layer): Generator<void, void, void> {
  // What is written from here on is buried at once (Keyspace.covered); a database may be flushed meanwhile.
  for (const database of databases.slice()) {
    const { top } = database;
    if (top === null || database.savedAs < 0) continue;
    yield* eachSegment(top, (handle) => {
      if (database.savedAs < 0 || (top.flags(handle) & EntryFlag.COVERS) === 0) return;
      top.readKey(handle, KEY);
      layer.buryKey(database.savedAs, KEY.bytes, KEY.start, KEY.length);
    });
  }
}

/** Puts the databases on the new layer, in which everything has been buried. Never throws. */
export function standAll(databases: readonly Database[], layer: Layer, retire: (overlay: Overlay) => void): void {
  for (const database of databases) {
    if (database.savedAs < 0) continue;
    if (database.frozen !== null) retire(database.frozen);
    database.frozen = null;
    database.layers = [layer];
    database.layerDbid = database.savedAs;
    database.savedAs = -1;
  }
}

/**
 * Merges what was written since the freeze back into what was frozen, which takes writes again. Throws ArenaFull when memory is short:
 * what is not merged yet stays in `draining`, is served from there, and the next thaw goes on.
 */
export function* thawAll(
  databases: readonly Database[],
  retire: (overlay: Overlay) => void,
): Generator<void, void, void> {
  for (const database of databases) {
    database.savedAs = -1;
    if (database.frozen === null) continue;
    database.draining = database.top;
    database.top = database.frozen;
    database.frozen = null;
  }
  for (const database of databases.slice()) {
    const { draining } = database;
    if (draining === null) continue;
    yield* eachSegment(draining, (handle) => {
      if (database.draining === null) return;
      draining.readKey(handle, KEY);
      // A private copy: the entry's block is freed on the way.
      const key = KEY.copy();
      absorbKey(database, database.hash(key, 0, key.length), key, 0, key.length);
    });
    if (database.draining === null) continue;
    database.draining = null;
    retire(draining);
  }
}

/** Moves a key's entry from `draining` into the top. A tombstone's key is dead in the top already. */
export function absorbKey(database: Database, hash: number, bytes: Uint8Array, start: number, length: number): void {
  const { draining, top } = database;
  if (draining === null || top === null) return;
  const handle = draining.find(hash, bytes, start, length);
  if (handle === 0) return;
  if (draining.isAlive(handle)) {
    draining.read(handle, RECORD);
    const { type, expireAtMs, valueLength, isRaw, access } = RECORD;
    // A large collection is copied in one go: that is the price of a save that failed.
    const root = isNativeType(type) ? atOnce(nativeForm(type).copy(draining.arena, nativeRoot(RECORD), top.arena)) : 0;
    const old = top.find(hash, bytes, start, length);
    let moved: number;
    try {
      moved = top.create(bytes, start, length, type, expireAtMs, valueLength, isRaw ? EntryFlag.RAW : 0);
    } catch (error) {
      if (root !== 0) top.graves.bury(type, root);
      throw error;
    }
    if (root !== 0) writeU32(top.valueBytes, top.valueAt, root);
    else copyValue(RECORD, valueLength, top.valueBytes, top.valueAt);
    if (old === 0) top.insert(hash, moved);
    else top.replace(old, moved);
    if (type >= RdbType.HASH_METADATA_PRE_GA) {
      top.read(moved, RECORD);
      top.table.noteExpiry(fieldsExpireAt(RECORD));
    }
    top.setAccess(moved, access);
    draining.find(hash, bytes, start, length);
  }
  draining.remove(handle);
}

/** Calls `visit` with every entry that is there throughout, a segment between two yields. `visit` may remove it. */
export function* eachSegment(overlay: Overlay, visit: (handle: number) => void): Generator<void, void, void> {
  const { table } = overlay;
  const handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  for (let from = 0; from < HASHES; ) {
    // By position: the table may be split between two steps.
    const index = Math.floor(from / 2 ** (32 - table.depth));
    const count = table.collect(index, from, HASHES, handles);
    from = table.nextSegment(index) * 2 ** (32 - table.depth);
    for (let i = 0; i < count; i++) visit(handles[i] as number);
    yield;
  }
}
