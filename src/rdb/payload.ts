/**
 * What DUMP made and RESTORE is given: type, value, footer (drawn in dump.ts). Whatever it holds comes from outside.
 */
import { sourceOf } from "../util/byte-source.ts";
import { Crc64 } from "./crc64.ts";
import { RDB_VERSION_MAX, RDB_VERSION_VALKEY, rdbTypeOf } from "./opcodes.ts";
import type { Record } from "./record.ts";

const FOOTER_BYTES = 10;
const CRC_BYTES = 8;
/** Bytes summed between two yields. */
const SLICE_BYTES = 128 * 1024;

/**
 * Whether the footer of bytes[start, + length) names a version that is understood, and the sum is right (`checksum`: false takes any).
 * In slices: the bytes must stay.
 */
export function* isSealed(
  bytes: Uint8Array,
  start: number,
  length: number,
  checksum: boolean,
): Generator<void, boolean, void> {
  if (length < FOOTER_BYTES) return false;
  const version = payloadVersion(bytes, start, length);
  if (version > RDB_VERSION_MAX && version !== RDB_VERSION_VALKEY) return false;
  if (!checksum) return true;
  const end = start + length - CRC_BYTES;
  const crc = new Crc64();
  for (let at = start; at < end; at += SLICE_BYTES) {
    if (at > start) yield;
    crc.update(bytes, at, Math.min(at + SLICE_BYTES, end));
  }
  const stored = new DataView(bytes.buffer, bytes.byteOffset + end, CRC_BYTES);
  return stored.getInt32(0, true) === crc.low && stored.getInt32(4, true) === crc.high;
}

/** Sets the record to the value of a sealed payload, its cursor at the value; false where the type is none. */
export function openPayload(bytes: Uint8Array, start: number, length: number, record: Record): boolean {
  const value = bytes.subarray(start, start + length - FOOTER_BYTES);
  if (value.length === 0) return false;
  const type = rdbTypeOf(value[0] as number, payloadVersion(bytes, start, length) === RDB_VERSION_VALKEY);
  if (type < 0) return false;
  record.type = type;
  record.offset = 0;
  record.valueOffset = 1;
  record.valueLength = -1;
  record.expireAtMs = record.idleSeconds = record.freq = record.access = -1;
  record.entry = 0;
  record.isRaw = false;
  record.cursor.open(sourceOf(value), 1);
  return true;
}

function payloadVersion(bytes: Uint8Array, start: number, length: number): number {
  const at = start + length - FOOTER_BYTES;
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}
