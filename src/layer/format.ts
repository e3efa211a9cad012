/**
 * Constants of the index sidecar: docs/formats/index.md with its picture, in code. Sizes and offsets in bytes.
 */
import type { HashSeed } from "../util/key-hash.ts";
export const INDEX_MAGIC = "FOLIOIDX";
export const INDEX_VERSION = 2;
export const PAGE_BYTES = 4096;
/** Bytes of the RDB under one block checksum. */
export const BLOCK_BYTES = 4096;

/** Every page but the header: check u32, count u16, flags u16, entries. */
export const PageAt = { CHECK: 0, COUNT: 4, FLAGS: 6, ENTRIES: 8 } as const;
/** A search that failed in this page goes on in the next. */
export const FLAG_CONTINUED = 1;
/** Multiplied with the page number into the page's check. */
export const PAGE_NUMBER_MIX = 0x9e3779b1 | 0;

export const SLOTS_PER_PAGE = 511;
/** Keys per home page when the index is laid out: 84% of the slots. */
export const KEYS_PER_HOME_PAGE = 430;
export const EXPIRIES_PER_PAGE = 255;
export const CHECKSUMS_PER_PAGE = 1022;
export const DATABASES_PER_PAGE = 63;
export const FUNCTIONS_PER_PAGE = 511;

export const HeaderAt = {
  MAGIC: 0,
  VERSION: 8,
  PAGE_BYTES: 12,
  INDEX_BYTES: 16,
  RDB_BYTES: 24,
  RDB_MTIME_NS: 32,
  RDB_TAIL: 40,
  SEED: 48,
  BUILT_AT_MS: 64,
  RDB_VERSION: 72,
  FLAGS: 76,
  KEYS: 80,
  EMPTY_SKIPPED: 88,
  DUPLICATES_SKIPPED: 96,
  CHECKSUMS: 104,
  DATABASES: 128,
  FUNCTIONS: 152,
  CHECK: 4092,
} as const;

/** Header flag: the RDB's last 8 bytes are its CRC64, and it was verified. */
export const FLAG_CRC64_VERIFIED = 1;
/** Header flag: a Valkey file, whose types from 22 on mean something else. */
export const FLAG_VALKEY = 2;

/** The page, counted from a database's first, where a key belongs whose hash is `h0`. */
export function homePageOf(h0: number, homePages: number): number {
  return Math.floor(((h0 >>> 0) * homePages) / 2 ** 32);
}

/** The tag of a key: what of h0 × homePages is left behind the page, the upper 16 bits. So (page, tag) is in order of h0. */
export function tagOf(h0: number, homePages: number): number {
  return Math.imul(h0, homePages) >>> 16;
}

/** Size in bytes of one entry of the database table: eight u64. */
export const DATABASE_ENTRY_BYTES = 64;

/** A run of pages of the index. */
export interface Section {
  readonly firstPage: number;
  readonly pages: number;
  readonly entries: number;
}

/** One database's part of the index. */
export interface DatabaseExtent {
  readonly dbid: number;
  readonly keys: number;
  readonly expiringKeys: number;
  readonly firstPage: number;
  readonly homePages: number;
  readonly pages: number;
  readonly expiryFirstPage: number;
  readonly expiryPages: number;
}

export type { HashSeed };

export interface IndexHeader {
  readonly indexBytes: number;
  readonly rdbBytes: number;
  readonly rdbMtimeNs: bigint;
  /** The last 8 bytes of the RDB, as a little-endian number. */
  readonly rdbTail: bigint;
  readonly seed: HashSeed;
  readonly builtAtMs: number;
  readonly rdbVersion: number;
  readonly crc64Verified: boolean;
  readonly valkey: boolean;
  readonly keys: number;
  readonly emptySkipped: number;
  readonly duplicatesSkipped: number;
  readonly checksums: Section;
  readonly databases: Section;
  readonly functions: Section;
}
