/**
 * A dataset in each of the levels that a database may have it in (src/keyspace/database.ts): whatever is asked, the answer must be the
 * same.
 *
 *   layer      as the file has it
 *   overlay    every key written: in the overlay that takes writes
 *   frozen     … and a save begun
 *   thawed     … which then failed
 *   rebased    … or succeeded: in a file that Folio wrote, its old one closed
 *
 *   native …   the same with every collection a native structure that Redis would not have packed
 */
import { rmSync } from "node:fs";
import { encodingOf } from "../../src/commands/object.ts";
import { type Database, KEEP_EXPIRY } from "../../src/keyspace/database.ts";
import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import { Layer } from "../../src/layer/layer.ts";
import { atOnce } from "../../src/overlay/encodings/native.ts";
import { valueBytes } from "../../src/rdb/dump.ts";
import { isNativeType } from "../../src/rdb/opcodes.ts";
import { Record } from "../../src/rdb/record.ts";
import { builderOf } from "../../src/types/builders.ts";
import { DEFAULT_LIMITS } from "../../src/types/limits.ts";
import { drained, saveTo } from "./saving.ts";

/** How Redis has small collections: in the order in which they were made, which no native structure has. */
const PACKED = new Set(["listpack", "listpackex", "intset"]);

export const LEVELS = [
  "layer",
  "overlay",
  "frozen",
  "thawed",
  "rebased",
  "native",
  "native frozen",
  "native thawed",
  "native rebased",
] as const;
export type Level = (typeof LEVELS)[number];

/** The level that tests without one of their own are run at (levels.test.ts). */
export function levelAsked(): Level {
  const asked = process.env["FOLIO_LEVEL"] ?? "layer";
  const level = LEVELS.find((one) => one === asked);
  if (level === undefined) throw new Error(`FOLIO_LEVEL is ${asked}: one of ${LEVELS.join(", ")}`);
  return level;
}

/** Brings a dataset that lies in `layer` to a level; returns the layer that it stands on then, which is the caller's to close. */
export async function bringTo(level: Level, keyspace: Keyspace, layer: Layer): Promise<Layer> {
  if (level === "layer") return layer;
  const write = level.startsWith("native") ? makeNative : copyUp;
  write(keyspace);
  if (level.endsWith("frozen")) keyspace.freeze();
  else if (level.endsWith("thawed")) {
    keyspace.freeze();
    // Some are in both overlays when they are merged.
    write(keyspace, 3);
    drained(keyspace.thaw());
  } else if (level.endsWith("rebased")) return rebased(keyspace, layer);
  return layer;
}

/** Writes all keys that have not expired, or each `every`-th: collections as native structures. */
export function makeNative(keyspace: Keyspace, every = 1): void {
  copyUp(keyspace, every);
  const nowMs = Date.now();
  const record = new Record();
  for (const database of keyspace.databases) {
    for (const key of keysOf(database)) {
      if (!database.find(key, 0, key.length, nowMs, record)) continue;
      const builder = builderOf(record.type);
      if (builder === null || isNativeType(record.type) || record.entry === 0) continue;
      if (PACKED.has(encodingOf(record, DEFAULT_LIMITS, nowMs))) continue;
      const root = atOnce(builder.build(record, database.ensureTop().arena, nowMs));
      database.install(key, 0, key.length, builder.type, root, KEEP_EXPIRY);
    }
  }
}

function keysOf(database: Database): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const record = new Record();
  let cursor = 0;
  do cursor = database.scan(cursor, 100, Date.now(), record, ({ key }) => keys.push(key.copy()));
  while (cursor !== 0);
  return keys;
}

/** Writes all keys that have not expired, or each `every`-th, as they are. */
export function copyUp(keyspace: Keyspace, every = 1): void {
  const nowMs = Date.now();
  const record = new Record();
  for (const database of keyspace.databases) {
    const keys = keysOf(database);
    for (let i = 0; i < keys.length; i += every) {
      const key = keys[i] as Uint8Array;
      if (!database.find(key, 0, key.length, nowMs, record)) continue;
      const from = new Record().like(record);
      if (isNativeType(from.type)) {
        database.writeRecord(key, 0, key.length, from, from.valueLength, from.expireAtMs);
        continue;
      }
      const length = from.valueLength >= 0 ? from.valueLength : valueBytes(from);
      database.settle(key, 0, key.length, from);
      database.writeRecord(key, 0, key.length, privateCopy(from, length), length, from.expireAtMs);
    }
  }
}

const SAVED = ".saved";

/** Saves, and stands on what was saved; the layer before is closed. */
export async function rebased(keyspace: Keyspace, layer: Layer): Promise<Layer> {
  // In turns: the layer before the last is closed.
  const path = layer.path.endsWith(SAVED) ? layer.path.slice(0, -SAVED.length) : layer.path + SAVED;
  rmSync(path, { force: true });
  rmSync(`${path}.idx`, { force: true });
  saveTo(path, keyspace, { nowMs: Date.now() });
  const next = await Layer.open(path, { databases: keyspace.count, log: () => {}, seed: keyspace.seed });
  drained(keyspace.rebase(next));
  while (keyspace.tick());
  await layer.close();
  return next;
}

/** The record with its value in memory of its own: a key's value must not be written from its own old entry. */
function privateCopy(from: Record, length: number): Record {
  const bytes = new Uint8Array(length);
  from.seekValue();
  for (let i = 0; i < length; i++) bytes[i] = from.cursor.u8();
  const copy = new Record().like(from);
  copy.cursor.open({ size: length, windows: [bytes], admit: () => length }, 0);
  copy.valueOffset = 0;
  return copy;
}
