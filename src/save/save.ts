/**
 * One save, in the Worker: the layer's live records and the frozen overlays become a new RDB file and its index in one pass; then
 * both are brought to the disk and put in place, the RDB first. A crash in between leaves an index that does not fit, which the
 * next start notices.
 *
 *   header, AUX ─ layer-part: functions, …, per database: live records ─ overlay-part ─ EOF, CRC64      → draft of the RDB
 *                             └─ index-part: hash and offset of each key ─ pages                        → draft of the index
 *   fsync, rename RDB, fsync directory ─ fsync, rename index, fsync directory
 */

import { readFully } from "../mmap/file.ts";
import { ValueConverter } from "../rdb/convert.ts";
import { RDB_TRAILER_BYTES } from "../rdb/reader.ts";
import { RdbWriter } from "../rdb/writer.ts";
import { BaseLayer } from "./base-layer.ts";
import { IndexPart, type RdbFacts } from "./index-part.ts";
import { LayerPart } from "./layer-part.ts";
import { OverlayPart } from "./overlay-part.ts";
import { RdbFile } from "./rdb-file.ts";
import type { SaveRequest, SaveResult } from "./request.ts";
import { type Section, Sections } from "./sections.ts";
import { Types, versionLimit } from "./types.ts";

/** How a save tells how far it is, and learns that it is to end. */
export interface SaveControl {
  /** Called every few thousand keys. Throws SaveStopped when the save has been given up. */
  report(keys: number): void;
}

/**
 * Writes the file and its index. Nothing is left behind when it throws: DamagedError or FormatError (the layer), NotExpressible (a key
 * that the version cannot hold), node:fs errors, what `control` throws.
 */
export function save(request: SaveRequest, control: SaveControl): SaveResult {
  const index = new IndexPart(request.indexPath, request.seed);
  let file: RdbFile | undefined;
  let isDone = false;
  let indexFd = -1;
  let result: SaveResult;
  try {
    file = new RdbFile(request.path, index);
    const rdbVersion = writeRdb(request, file, index, control);
    const identity = file.sync();
    index.write(facts(request, file, identity, rdbVersion), () => control.report(index.keys));
    file.publish();
    index.publish();
    isDone = true;
    const notes: string[] = [];
    if (rdbVersion !== request.options.rdbVersion) {
      notes.push(
        `The file has RDB version ${rdbVersion} instead of ${request.options.rdbVersion}: it holds fields that expire`,
      );
    }
    result = {
      sizeBytes: identity.size,
      mtimeNs: identity.mtimeNs,
      inode: identity.inode,
      device: identity.device,
      rdbVersion,
      keys: index.keys,
      indexProblem: index.problem !== "" ? index.problem : (index.lost ?? ""),
      indexFd: -1,
      notes,
    };
  } finally {
    file?.close();
    indexFd = index.close(isDone);
  }
  return { ...result, indexFd };
}

/** Keys between two reports. */
const STEP_KEYS = 4096;
/** A longer pause is made in pieces, so that the save can be given up. */
const PAUSE_MS = 20;

/** Reports, after a pause of so many microseconds. */
function stepper(delayUs: number, report: () => void): () => void {
  if (delayUs === 0) return report;
  let owedMs = 0;
  return () => {
    for (owedMs += delayUs / 1000; owedMs >= 1; owedMs -= PAUSE_MS) {
      Bun.sleepSync(Math.min(owedMs, PAUSE_MS));
      report();
    }
    owedMs = Math.max(0, owedMs);
  };
}

/** Writes all of the file; returns its version. */
function writeRdb(request: SaveRequest, file: RdbFile, index: IndexPart, control: SaveControl): number {
  const { options, seed } = request;
  const writer = new RdbWriter(file, options);
  const converter = new ValueConverter(writer, versionLimit(options));
  const types = new Types(writer, converter, options);
  const stepKeys = options.keyDelayUs > 0 ? 1 : STEP_KEYS;
  const step = stepper(options.keyDelayUs, () => control.report(index.keys));
  const layer = request.layer === null ? null : new BaseLayer(request.layer);
  try {
    const all = request.databases.map((database): Section => ({ ...database, keys: keysOf(database, layer) }));
    const targets: (Section | undefined)[] = [];
    for (const section of all) if (section.layerDbid >= 0) targets[section.layerDbid] = section;
    const overlays = new OverlayPart({ writer, types, index, seed, options, stepKeys, step });
    const sections = new Sections(writer, index, (section) => overlays.write(section));
    writer.begin(options.rdbVersion);
    writer.aux("redis-ver", options.redisVersion);
    writer.aux("redis-bits", 64);
    writer.aux("ctime", Math.floor(options.nowMs / 1000));
    writer.aux("used-mem", options.usedMemoryBytes);
    writer.aux("aof-base", 0);
    const walk =
      layer === null
        ? null
        : new LayerPart({ layer, writer, types, index, seed, sections, targets, options, stepKeys, step });
    walk?.write();
    sections.finish(all);
    walk?.writeLast();
    writer.end(types.version);
    return types.version;
  } finally {
    layer?.close();
  }
}

function keysOf(database: SaveRequest["databases"][number], layer: BaseLayer | null): number {
  const table = database.layerDbid < 0 ? undefined : layer?.tables[database.layerDbid];
  const live = table === undefined ? 0 : table.extent.keys - (layer?.deadKeys(database.layerDbid) ?? 0);
  return live + (database.overlay?.keys ?? 0);
}

function facts(request: SaveRequest, file: RdbFile, identity: RdbFacts["identity"], rdbVersion: number): RdbFacts {
  const tail = Buffer.alloc(RDB_TRAILER_BYTES);
  readFully(file.fd, tail, identity.size - RDB_TRAILER_BYTES);
  return {
    draft: file.draft,
    identity,
    rdbVersion,
    tail: tail.readBigUInt64LE(),
    hasChecksum: request.options.checksum,
  };
}
