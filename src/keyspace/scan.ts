/**
 * Going through a database: SCAN, RANDOMKEY, samples.
 *
 * A cursor is a position among the hashes, 0 … 2^32 - 1, and every level is ordered by them: one step visits, in all levels, the
 * keys whose hashes lie in a range, and the next step goes on behind it. So a key that is there throughout is visited once, whichever
 * level it is in meanwhile: written over, frozen, saved and re-based.
 */
import type { Overlay } from "../overlay/overlay.ts";
import { SEGMENT_ENTRIES_MAX } from "../overlay/table.ts";
import type { Record } from "../rdb/record.ts";
import type { Database } from "./database.ts";

const HASHES = 2 ** 32;
/** Slots looked at for each key that was asked for, before a step returns with less (Redis does the same). */
const LOOKS_PER_KEY = 10;
const RANDOM_TRIES = 128;
const TTL_SAMPLES = 64;
const HANDLES = new Int32Array(SEGMENT_ENTRIES_MAX);

/** See Database.scan. */
export function scanKeys(
  database: Database,
  cursor: number,
  count: number,
  nowMs: number,
  record: Record,
  visit: (record: Record) => void,
): number {
  let visits = 0;
  let looks = 0;
  const seen = () => {
    if (record.expireAtMs !== -1 && record.expireAtMs < nowMs) return;
    if (database.fieldsGone(record, nowMs) > 0) return;
    visits++;
    visit(record);
  };
  const width = Math.max(1, Math.ceil((count * HASHES) / Math.max(1, slots(database))));
  for (let from = cursor; from < HASHES; ) {
    const end = Math.min(from + width, HASHES);
    for (const overlay of overlays(database)) looks += scanOverlay(overlay, from, end, record, seen);
    for (const layer of database.layers) looks += layer.scan(database.layerDbid, from, end, record, seen);
    from = end;
    if (from < HASHES && (visits >= count || looks >= count * LOOKS_PER_KEY)) return from;
  }
  return 0;
}

/** Visits the keys of an overlay whose hashes are in [from, end); returns how many entries it looked at. */
function scanOverlay(overlay: Overlay, from: number, end: number, record: Record, seen: () => void): number {
  const { table } = overlay;
  let looks = 0;
  for (let index = Math.floor(from / 2 ** (32 - table.depth)); index < table.directory.length; ) {
    if (index * 2 ** (32 - table.depth) >= end) break;
    const count = table.collect(index, from, end, HANDLES);
    looks += count;
    for (let i = 0; i < count; i++) {
      const handle = HANDLES[i] as number;
      if (!overlay.isAlive(handle)) continue;
      overlay.read(handle, record);
      seen();
    }
    index = table.nextSegment(index);
  }
  return looks;
}

/** Reads a key picked at random; see Database.random. */
export function randomKey(database: Database, nowMs: number, record: Record): boolean {
  if (database.size(nowMs) === 0) return false;
  for (let tries = 0; tries < RANDOM_TRIES; tries++) {
    if (!readRandom(database, record) || hasExpired(record, nowMs)) continue;
    if (database.fieldsGone(record, nowMs) === 0) return true;
  }
  // Nearly all have expired or died: the first that has not, from a random place on, then from the start.
  const start = Math.floor(Math.random() * HASHES);
  return firstFrom(database, start, nowMs, record) || firstFrom(database, 0, nowMs, record);
}

/** Reads the first key from a hash on that has not expired. */
function firstFrom(database: Database, start: number, nowMs: number, record: Record): boolean {
  let cursor = start;
  do {
    let key: Uint8Array | undefined;
    cursor = scanKeys(database, cursor, 1, nowMs, record, (found) => {
      key ??= found.key.copy();
    });
    if (key !== undefined && database.find(key, 0, key.length, nowMs, record)) return true;
  } while (cursor !== 0);
  return false;
}

/** Reads the key of a random slot of all levels' laid end to end; false where that is empty. */
function readRandom(database: Database, record: Record): boolean {
  let rest = Math.floor(Math.random() * slots(database));
  for (const overlay of overlays(database)) {
    if (rest < overlay.table.count) return readRandomEntry(overlay, record);
    rest -= overlay.table.count;
  }
  for (const layer of database.layers) {
    const limit = layer.slotLimit(database.layerDbid);
    const keys = layer.allKeys(database.layerDbid);
    if (rest < keys) return layer.readSlot(database.layerDbid, Math.floor(Math.random() * limit), record);
    rest -= keys;
  }
  return false;
}

function readRandomEntry(overlay: Overlay, record: Record): boolean {
  const handle = randomEntry(overlay);
  if (handle === 0 || !overlay.isAlive(handle)) return false;
  overlay.read(handle, record);
  return true;
}

/** The handle of an entry picked at random; 0: the place picked was empty. */
export function randomEntry(overlay: Overlay): number {
  const { table } = overlay;
  const count = table.collect(Math.floor(Math.random() * table.directory.length), 0, HASHES, HANDLES);
  return count === 0 ? 0 : (HANDLES[Math.floor(Math.random() * count)] as number);
}

/** See Database.avgTtl. */
export function averageTtlMs(database: Database, nowMs: number): number {
  let weighted = 0;
  let keys = 0;
  for (const layer of database.layers) {
    const list = layer.expiries(database.layerDbid);
    if (list === undefined) continue;
    const live = layer.expiringKeys(database.layerDbid) - layer.expiredKeys(database.layerDbid, nowMs);
    weighted += live * list.averageTtlMs(nowMs);
    keys += live;
  }
  for (const overlay of overlays(database)) {
    if (overlay.expiringKeys === 0) continue;
    weighted += overlay.expiringKeys * sampledTtlMs(overlay, nowMs);
    keys += overlay.expiringKeys;
  }
  return keys === 0 ? 0 : Math.floor(weighted / keys);
}

function sampledTtlMs(overlay: Overlay, nowMs: number): number {
  let sum = 0;
  let samples = 0;
  for (let tries = 0; tries < TTL_SAMPLES; tries++) {
    const handle = randomEntry(overlay);
    if (handle === 0 || !overlay.isAlive(handle)) continue;
    const at = overlay.expireAtMs(handle);
    if (at < nowMs) continue;
    sum += at - nowMs;
    samples++;
  }
  return samples === 0 ? 0 : sum / samples;
}

/** The levels above the layers, newest first. */
export function* overlays({ draining, top, frozen }: Database): Generator<Overlay> {
  if (draining !== null) yield draining;
  if (top !== null) yield top;
  if (frozen !== null) yield frozen;
}

/** Keys that the levels hold, dead ones too: what a scan has to go through. */
function slots(database: Database): number {
  let count = 0;
  for (const overlay of overlays(database)) count += overlay.table.count;
  for (const layer of database.layers) count += layer.allKeys(database.layerDbid);
  return count;
}

function hasExpired(record: Record, nowMs: number): boolean {
  return record.expireAtMs !== -1 && record.expireAtMs < nowMs;
}
