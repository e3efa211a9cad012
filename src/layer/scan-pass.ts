/**
 * The pass over the RDB that understands it: every record is found, checked as Redis checks it and hashed; then keys, expiries,
 * the database table and the offsets of functions are laid out in the index. Memory stays bounded however many keys there are.
 */
import type { Mapping } from "../mmap/mapping.ts";
import type { Crc64Value } from "../rdb/crc64.ts";
import { openRdb, type RdbMetadata, readTrailer } from "../rdb/reader.ts";
import { type RecordScanner, ScanKind } from "../rdb/scan.ts";
import { FormatError } from "../util/format-error.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import { duplicateJudge } from "./duplicates.ts";
import type { HashSeed, Section } from "./format.ts";
import { layOut } from "./lay-out.ts";
import { PageWriter } from "./page-writer.ts";
import { movePast, type PassControl, REPORT_BYTES } from "./pass.ts";
import { SpilledDatabase, Spiller, SpillFile } from "./spill.ts";

/** More libraries than this in one file is a file made to hurt. */
const FUNCTIONS_MAX = 2 ** 20;

export interface ScanRequest {
  /** Descriptor of the index being written. */
  readonly fd: number;
  /** Descriptor of an empty file for what does not fit in memory. */
  readonly spillFd: number;
  /** First page behind the block checksums. */
  readonly firstPage: number;
  readonly seed: HashSeed;
  /** Databases configured. */
  readonly databases: number;
  /** The clock when the build began: of two keys of one name, an expired one is left out, as Redis does. */
  readonly nowMs: number;
}

export interface ScanResult {
  readonly rdbVersion: number;
  readonly valkey: boolean;
  /** Behind the EOF opcode: what the CRC64 is taken of. */
  readonly endOffset: number;
  /** The CRC64 that the file claims; null where it has none. */
  readonly trailer: Crc64Value | null;
  readonly keys: number;
  readonly emptySkipped: number;
  readonly duplicatesSkipped: number;
  readonly databases: Section;
  readonly functions: Section;
  /** Pages of the index, all told. */
  readonly pages: number;
}

/** Throws FormatError when Redis would not load the file either, and node:fs errors. */
export function scanPass(mapping: Mapping, request: ScanRequest, control: PassControl): ScanResult {
  const metadata = openRdb(mapping).metadata();
  const { header } = metadata;
  const spill = new SpillFile(request.spillFd);
  const found = scanRecords(mapping, metadata, spill, request, control);
  const trailer = readTrailer(header, found.endOffset);

  const writer = new PageWriter(request.fd, request.firstPage, request.seed.seed0);
  const judge = duplicateJudge(mapping, header.valkey, request.nowMs);
  const { databases, functions, dropped, pages } = layOut(spill, writer, found.databases, found.functions, judge, () =>
    control.report(mapping.size, found.keys),
  );
  return {
    rdbVersion: header.version,
    valkey: header.valkey,
    endOffset: found.endOffset,
    trailer,
    keys: found.keys - dropped,
    emptySkipped: found.emptySkipped,
    duplicatesSkipped: dropped,
    databases,
    functions,
    pages,
  };
}

interface Found {
  readonly databases: readonly SpilledDatabase[];
  readonly functions: readonly number[];
  readonly keys: number;
  readonly emptySkipped: number;
  readonly endOffset: number;
}

function scanRecords(
  mapping: Mapping,
  metadata: RdbMetadata,
  spill: SpillFile,
  request: ScanRequest,
  control: PassControl,
): Found {
  const scanner = metadata.database({ validate: true });
  const spiller = new Spiller(spill);
  const databases = new Map<number, SpilledDatabase>();
  const functions: number[] = [];
  const { seed } = request;
  const { key } = scanner;
  let keys = 0;
  let emptySkipped = 0;
  let reported = 0;
  let itemOffset = scanner.offset;
  // Keys before the first SELECTDB belong to database 0.
  let selected = -1;
  movePast(mapping, 0, 0);
  while (scanner.next()) {
    if (scanner.kind === ScanKind.RECORD) {
      if (scanner.elementCount === 0) emptySkipped++;
      else {
        if (scanner.dbid !== selected) {
          selected = scanner.dbid;
          spiller.select(databaseOf(databases, selected));
        }
        hashKey(seed, key.bytes, key.start, key.length);
        spiller.add(hashed.h0, hashed.h1, scanner.recordOffset, scanner.expireAtMs);
        keys++;
      }
    } else takeItem(scanner, itemOffset, request.databases, databases, functions);
    itemOffset = scanner.offset;
    if (itemOffset - reported >= REPORT_BYTES) {
      movePast(mapping, reported, itemOffset);
      reported = itemOffset;
      control.report(itemOffset, keys);
    }
  }
  spiller.finish();
  spill.flush();
  return {
    databases: [...databases.values()].sort((a, b) => a.dbid - b.dbid),
    functions,
    keys,
    emptySkipped,
    endOffset: scanner.endOffset,
  };
}

function takeItem(
  scanner: RecordScanner,
  offset: number,
  databasesMax: number,
  databases: Map<number, SpilledDatabase>,
  functions: number[],
): void {
  if (scanner.kind === ScanKind.SELECTDB) {
    if (scanner.dbid >= databasesMax) {
      throw new FormatError(
        "too-many-databases",
        offset,
        `database ${scanner.dbid}`,
        `at most ${databasesMax} databases; set "databases" to ${scanner.dbid + 1} or more`,
      );
    }
    databaseOf(databases, scanner.dbid);
  } else if (scanner.kind === ScanKind.FUNCTION) {
    if (functions.length === FUNCTIONS_MAX) {
      throw new FormatError("too-many-functions", offset, "one more function library", `at most ${FUNCTIONS_MAX}`);
    }
    functions.push(offset);
  } else if (scanner.kind === ScanKind.FUNCTION_PRE_GA) {
    throw new FormatError(
      "function-pre-ga",
      offset,
      "a function library of a Redis 7.0 release candidate",
      "the format of Redis 7.0 or later; load the file in the server that wrote it and save it without functions",
    );
  }
}

function databaseOf(databases: Map<number, SpilledDatabase>, dbid: number): SpilledDatabase {
  let database = databases.get(dbid);
  if (database === undefined) {
    database = new SpilledDatabase(dbid);
    databases.set(dbid, database);
  }
  return database;
}
