/**
 * An RDB file from its first byte on, as a typestate: header → metadata → database. Each step has checked what lies
 * before it, and only it offers the next.
 *
 *   "REDIS" + 4 digits  or  "VALKEY" + 3 digits        header
 *   AUX name value …                                   metadata (an AUX further on is one of the scanner's items)
 *   items … EOF                                        database
 *   crc64, 8 bytes little-endian                       trailer, from version 5 on; zero: written without a checksum
 */
import type { ByteSource } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import type { Crc64Value } from "./crc64.ts";
import { type Flavour, Opcode, RDB_VERSION_CHECKSUM, RDB_VERSION_MAX, RDB_VERSION_VALKEY } from "./opcodes.ts";
import { RecordScanner } from "./scan.ts";
import { Scratch } from "./scratch.ts";
import { readString, skipString, stringLength } from "./string.ts";

export const RDB_HEADER_BYTES = 9;
export const RDB_TRAILER_BYTES = 8;

/** What is kept of the metadata: a file may hold more, they are moved over. */
const AUX_FIELDS_MAX = 256;
const AUX_BYTES_MAX = 64 * 1024;

const SUPPORTED = `"REDIS" version 1 to ${RDB_VERSION_MAX} or "VALKEY" version ${RDB_VERSION_VALKEY}`;

/** Reads magic and version. Throws FormatError "empty", "bad-magic", "unsupported-version", "truncated". */
export function openRdb(source: ByteSource): RdbHeader {
  if (source.size === 0) throw new FormatError("empty", 0, "an empty file", "an RDB file");
  const cursor = new Cursor().open(source, 0);
  const span = new Span();
  cursor.span(Math.min(RDB_HEADER_BYTES, source.size), span);
  const text = span.text();
  const match = /^(?:REDIS(\d{4})|VALKEY(\d{3}))$/.exec(text);
  if (match === null) {
    if (
      text.length < RDB_HEADER_BYTES &&
      ("REDIS".startsWith(text.slice(0, 5)) || "VALKEY".startsWith(text.slice(0, 6)))
    ) {
      throw new FormatError("truncated", 0, `a file of ${text.length} bytes`, "at least 9 bytes of an RDB header");
    }
    throw new FormatError("bad-magic", 0, JSON.stringify(text), 'an RDB file, which begins with "REDIS" or "VALKEY"');
  }
  const valkey = match[2] !== undefined;
  const version = Number(match[1] ?? match[2]);
  if (valkey ? version !== RDB_VERSION_VALKEY : version < 1 || version > RDB_VERSION_MAX) {
    const found = `an RDB file with the magic "${valkey ? "VALKEY" : "REDIS"}" of version ${version}`;
    throw new FormatError("unsupported-version", 0, found, SUPPORTED);
  }
  return new RdbHeader(source, version, valkey ? "valkey" : "redis");
}

/** The header has been read and is supported. */
export class RdbHeader {
  readonly source: ByteSource;
  readonly version: number;
  readonly flavour: Flavour;

  constructor(source: ByteSource, version: number, flavour: Flavour) {
    this.source = source;
    this.version = version;
    this.flavour = flavour;
  }

  get valkey(): boolean {
    return this.flavour === "valkey";
  }

  /** Whether a CRC64 follows EOF. */
  get hasTrailer(): boolean {
    return this.version >= RDB_VERSION_CHECKSUM;
  }

  /** Reads the AUX fields at the start of the file. Throws FormatError. */
  metadata(): RdbMetadata {
    const aux = new Map<string, string>();
    const cursor = new Cursor().open(this.source, RDB_HEADER_BYTES);
    const scratch = new Scratch();
    cursor.need(1);
    while (cursor.bytes[cursor.pos] === Opcode.AUX) {
      cursor.pos++;
      const name = readSmallText(cursor, scratch);
      const value = readSmallText(cursor, scratch);
      if (name !== null && value !== null && aux.size < AUX_FIELDS_MAX) aux.set(name, value);
      cursor.need(1);
    }
    return new RdbMetadata(this, aux, cursor.offset);
  }
}

/** The metadata has been read. */
export class RdbMetadata {
  readonly header: RdbHeader;
  /** AUX fields as binary strings: "redis-ver", "ctime", "used-mem", … */
  readonly aux: ReadonlyMap<string, string>;
  /** Where the first item behind them begins. */
  readonly offset: number;

  constructor(header: RdbHeader, aux: ReadonlyMap<string, string>, offset: number) {
    this.header = header;
    this.aux = aux;
    this.offset = offset;
  }

  /** A scanner over everything that follows. */
  database(options: { validate: boolean }): RecordScanner {
    return new RecordScanner(this.header.source, this.offset, {
      valkey: this.header.valkey,
      validate: options.validate,
    });
  }
}

/**
 * The CRC64 that stands at `offset`, behind EOF; null where the file has none (version below 5) or was written with
 * checksums disabled (zero). Throws FormatError "truncated".
 */
export function readTrailer(header: RdbHeader, offset: number): Crc64Value | null {
  if (!header.hasTrailer) return null;
  const cursor = new Cursor().open(header.source, offset);
  const low = cursor.u32le() | 0;
  const high = cursor.u32le() | 0;
  return low === 0 && high === 0 ? null : { low, high };
}

/** A string as a binary string, or null where it is too long to be worth keeping. Moves past it. */
function readSmallText(cursor: Cursor, scratch: Scratch): string | null {
  const start = cursor.offset;
  const length = stringLength(cursor);
  cursor.seek(start);
  if (length > AUX_BYTES_MAX) {
    skipString(cursor);
    return null;
  }
  const span = new Span();
  readString(cursor, span, scratch);
  return span.text();
}
