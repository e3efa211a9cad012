/**
 * The payload of DUMP: one value as it lies in the file, ready for RESTORE.
 *
 *   | type byte | value bytes, verbatim | RDB version u16le | crc64 of all before it, 8 bytes little-endian |
 *
 * The version is the oldest that can read the type, so that every server able to restore the value does.
 */
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { Crc64 } from "./crc64.ts";
import { RdbType, rdbTypeName, VALKEY_TYPE_BASE } from "./opcodes.ts";
import type { Record } from "./record.ts";
import { skipValueInSlices } from "./skip.ts";

const FOOTER_BYTES = 10;
/** Bytes copied or summed between two yields. */
const SLICE_BYTES = 128 * 1024;
/** Redis's limit for one string of a reply (proto-max-bulk-len). */
const PAYLOAD_BYTES_MAX = 512 * 2 ** 20;
/** The version that came with RESTORE. */
const VERSION_MIN = 6;

const VERSION_OF_TYPE = new Map<number, number>([
  [RdbType.LIST_QUICKLIST, 7],
  [RdbType.ZSET_2, 8],
  [RdbType.MODULE_2, 8],
  [RdbType.STREAM_LISTPACKS, 9],
  [RdbType.HASH_LISTPACK, 10],
  [RdbType.ZSET_LISTPACK, 10],
  [RdbType.LIST_QUICKLIST_2, 10],
  [RdbType.STREAM_LISTPACKS_2, 10],
  [RdbType.SET_LISTPACK, 11],
  [RdbType.STREAM_LISTPACKS_3, 11],
  [RdbType.HASH_METADATA_PRE_GA, 12],
  [RdbType.HASH_LISTPACK_EX_PRE_GA, 12],
  [RdbType.HASH_METADATA, 12],
  [RdbType.HASH_LISTPACK_EX, 12],
  [RdbType.VALKEY_HASH_2, 80],
]);

/** The oldest RDB version, at least 6, whose readers know this type (a number of RdbType). */
export function dumpVersion(type: number): number {
  return VERSION_OF_TYPE.get(type) ?? VERSION_MIN;
}

/** Length in bytes of the value as it lies in the file. Moves the record's cursor behind it. */
export function valueBytes(record: Record): number {
  return drained(valueBytesInSlices(record));
}

/** As `valueBytes`, in slices: the record's cursor must stay alone between them. */
export function* valueBytesInSlices(record: Record): Generator<void, number, void> {
  record.seekValue();
  yield* skipValueInSlices(record.cursor, record.type);
  return record.cursor.offset - record.valueOffset;
}

/** The payload, a fresh array. Throws FormatError, "too-long" for a value beyond 512 MB. */
export function dumpPayload(record: Record): Uint8Array {
  return drained(dumpPayloadInSlices(record));
}

/** As `dumpPayload`, in slices: the record's cursor must stay alone between them. */
export function* dumpPayloadInSlices(record: Record): Generator<void, Uint8Array, void> {
  const length = yield* valueBytesInSlices(record);
  if (length > PAYLOAD_BYTES_MAX) {
    const found = `a ${rdbTypeName(record.type)} of ${length} bytes`;
    throw new FormatError("too-long", record.offset, found, `at most ${PAYLOAD_BYTES_MAX} bytes for DUMP`);
  }
  const payload = new Uint8Array(1 + length + FOOTER_BYTES);
  payload[0] = record.type % VALKEY_TYPE_BASE;
  record.seekValue();
  yield* copyOut(record.cursor, length, payload, 1);
  const version = dumpVersion(record.type);
  payload[1 + length] = version & 0xff;
  payload[2 + length] = version >>> 8;
  const crc = new Crc64();
  const end = 3 + length;
  for (let at = 0; at < end; at += SLICE_BYTES) {
    if (at > 0) yield;
    crc.update(payload, at, Math.min(at + SLICE_BYTES, end));
  }
  const footer = new DataView(payload.buffer, payload.byteOffset + end, 8);
  footer.setInt32(0, crc.low, true);
  footer.setInt32(4, crc.high, true);
  return payload;
}

/** Copies the `length` bytes of a record's value, verbatim, into into[at, at + length). Moves the record's cursor. */
export function copyValue(record: Record, length: number, into: Uint8Array, at: number): void {
  record.seekValue();
  drained(copyOut(record.cursor, length, into, at));
}

function drained<T>(slices: Generator<void, T, void>): T {
  for (;;) {
    const step = slices.next();
    if (step.done === true) return step.value;
  }
}

function* copyOut(cursor: Cursor, length: number, into: Uint8Array, at: number): Generator<void, void, void> {
  const piece = new Span();
  for (let done = 0; done < length; done += piece.length) {
    if (done > 0) yield;
    cursor.span(Math.min(SLICE_BYTES, length - done), piece);
    into.set(piece.bytes.subarray(piece.start, piece.start + piece.length), at + done);
  }
}
