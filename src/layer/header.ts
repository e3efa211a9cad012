/**
 * The header page and the entries of the database table: encoding, and decoding with a reason for each refusal.
 */
import {
  DATABASE_ENTRY_BYTES,
  type DatabaseExtent,
  FLAG_CRC64_VERIFIED,
  FLAG_VALKEY,
  HeaderAt,
  INDEX_MAGIC,
  INDEX_VERSION,
  type IndexHeader,
  PAGE_BYTES,
  type Section,
} from "./format.ts";
import { IndexRejected } from "./index-rejected.ts";

/** The header page, checksummed. */
export function encodeHeader(header: IndexHeader): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  for (let i = 0; i < INDEX_MAGIC.length; i++) page[i] = INDEX_MAGIC.charCodeAt(i);
  view.setUint32(HeaderAt.VERSION, INDEX_VERSION, true);
  view.setUint32(HeaderAt.PAGE_BYTES, PAGE_BYTES, true);
  setU64(view, HeaderAt.INDEX_BYTES, header.indexBytes);
  setU64(view, HeaderAt.RDB_BYTES, header.rdbBytes);
  view.setBigUint64(HeaderAt.RDB_MTIME_NS, header.rdbMtimeNs, true);
  view.setBigUint64(HeaderAt.RDB_TAIL, header.rdbTail, true);
  view.setInt32(HeaderAt.SEED, header.seed.seed0, true);
  view.setInt32(HeaderAt.SEED + 4, header.seed.seed1, true);
  view.setInt32(HeaderAt.SEED + 8, header.seed.multiplier0, true);
  view.setInt32(HeaderAt.SEED + 12, header.seed.multiplier1, true);
  setU64(view, HeaderAt.BUILT_AT_MS, header.builtAtMs);
  view.setUint32(HeaderAt.RDB_VERSION, header.rdbVersion, true);
  const flags = (header.crc64Verified ? FLAG_CRC64_VERIFIED : 0) | (header.valkey ? FLAG_VALKEY : 0);
  view.setUint32(HeaderAt.FLAGS, flags, true);
  setU64(view, HeaderAt.KEYS, header.keys);
  setU64(view, HeaderAt.EMPTY_SKIPPED, header.emptySkipped);
  setU64(view, HeaderAt.DUPLICATES_SKIPPED, header.duplicatesSkipped);
  setSection(view, HeaderAt.CHECKSUMS, header.checksums);
  setSection(view, HeaderAt.DATABASES, header.databases);
  setSection(view, HeaderAt.FUNCTIONS, header.functions);
  view.setUint32(HeaderAt.CHECK, Bun.hash.crc32(page.subarray(0, HeaderAt.CHECK)), true);
  return page;
}

/**
 * Decodes the header of an index file of `fileBytes` bytes. Checks magic, version, checksum, size and bounds, in that order.
 * Throws IndexRejected.
 */
export function decodeHeader(page: Uint8Array, fileBytes: number): IndexHeader {
  if (page.length < PAGE_BYTES) throw new IndexRejected(`it is cut short: ${fileBytes} bytes`);
  const view = new DataView(page.buffer, page.byteOffset, PAGE_BYTES);
  for (let i = 0; i < INDEX_MAGIC.length; i++) {
    if (page[i] !== INDEX_MAGIC.charCodeAt(i)) throw new IndexRejected("it is not an index (wrong magic)");
  }
  const version = view.getUint32(HeaderAt.VERSION, true);
  if (version !== INDEX_VERSION) {
    throw new IndexRejected(`it has format version ${version}, this Folio reads and writes ${INDEX_VERSION}`);
  }
  const found = Bun.hash.crc32(page.subarray(0, HeaderAt.CHECK));
  if (found !== view.getUint32(HeaderAt.CHECK, true)) throw new IndexRejected("its header is damaged (bad checksum)");
  const header = readFields(view);
  if (view.getUint32(HeaderAt.PAGE_BYTES, true) !== PAGE_BYTES) throw new IndexRejected("it has another page size");
  if (header.indexBytes !== fileBytes) {
    throw new IndexRejected(`it is ${fileBytes} bytes long, its header says ${header.indexBytes}`);
  }
  for (const section of [header.checksums, header.databases, header.functions]) {
    if (!withinFile(section.firstPage, section.pages, fileBytes)) throw new IndexRejected("a section lies outside it");
  }
  return header;
}

/** Whether the pages lie behind the header and before the end of the file. */
export function withinFile(firstPage: number, pages: number, fileBytes: number): boolean {
  return firstPage >= 1 && (firstPage + pages) * PAGE_BYTES <= fileBytes;
}

function readFields(view: DataView): IndexHeader {
  const flags = view.getUint32(HeaderAt.FLAGS, true);
  return {
    indexBytes: getU64(view, HeaderAt.INDEX_BYTES),
    rdbBytes: getU64(view, HeaderAt.RDB_BYTES),
    rdbMtimeNs: view.getBigUint64(HeaderAt.RDB_MTIME_NS, true),
    rdbTail: view.getBigUint64(HeaderAt.RDB_TAIL, true),
    seed: {
      seed0: view.getInt32(HeaderAt.SEED, true),
      seed1: view.getInt32(HeaderAt.SEED + 4, true),
      multiplier0: view.getInt32(HeaderAt.SEED + 8, true),
      multiplier1: view.getInt32(HeaderAt.SEED + 12, true),
    },
    builtAtMs: getU64(view, HeaderAt.BUILT_AT_MS),
    rdbVersion: view.getUint32(HeaderAt.RDB_VERSION, true),
    crc64Verified: (flags & FLAG_CRC64_VERIFIED) !== 0,
    valkey: (flags & FLAG_VALKEY) !== 0,
    keys: getU64(view, HeaderAt.KEYS),
    emptySkipped: getU64(view, HeaderAt.EMPTY_SKIPPED),
    duplicatesSkipped: getU64(view, HeaderAt.DUPLICATES_SKIPPED),
    checksums: getSection(view, HeaderAt.CHECKSUMS),
    databases: getSection(view, HeaderAt.DATABASES),
    functions: getSection(view, HeaderAt.FUNCTIONS),
  };
}

/** The fields of a database table entry, in order. */
export function databaseFields(extent: DatabaseExtent): number[] {
  return [
    extent.dbid,
    extent.keys,
    extent.expiringKeys,
    extent.firstPage,
    extent.homePages,
    extent.pages,
    extent.expiryFirstPage,
    extent.expiryPages,
  ];
}

export function decodeDatabase(bytes: Uint8Array, at: number): DatabaseExtent {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, DATABASE_ENTRY_BYTES);
  return {
    dbid: getU64(view, 0),
    keys: getU64(view, 8),
    expiringKeys: getU64(view, 16),
    firstPage: getU64(view, 24),
    homePages: getU64(view, 32),
    pages: getU64(view, 40),
    expiryFirstPage: getU64(view, 48),
    expiryPages: getU64(view, 56),
  };
}

function setSection(view: DataView, at: number, section: Section): void {
  setU64(view, at, section.firstPage);
  setU64(view, at + 8, section.pages);
  setU64(view, at + 16, section.entries);
}

function getSection(view: DataView, at: number): Section {
  return { firstPage: getU64(view, at), pages: getU64(view, at + 8), entries: getU64(view, at + 16) };
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
