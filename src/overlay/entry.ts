/**
 * An entry: one key of the overlay, in one block of the arena. Behind eight bytes of its own lies the record as the RDB format
 * has it, so that one reader serves overlay and file, and saving it is a copy.
 *
 *   0        4       5          8                                                        (docs/formats/overlay.md)
 *   | length | flags | access   | [EXPIRETIME_MS i64] | type | key: length, bytes | value as in RDB |
 *     u32      u8      u24        if EXPIRES                                        or, if APART: handle u32, length u32
 *
 * `length` counts from byte 8. `access` is the eviction clock: seconds (LRU), or minutes and a counter (LFU).
 * A value longer than INLINE_BYTES_MAX has a block of its own (APART): changing the key's expiry or name does not move it.
 */
import { i32le } from "../encodings/packed.ts";
import { QuicklistContainer, RdbType } from "../rdb/opcodes.ts";

export const EntryAt = { LENGTH: 0, FLAGS: 4, ACCESS: 5, RECORD: 8 } as const;

export const EntryFlag = {
  /** The record begins with an expiry. */
  EXPIRES: 1,
  /** No value: hides the key in what is being saved beneath. */
  TOMBSTONE: 2,
  /** The value lies in a block of its own. */
  APART: 4,
  /** A string that was changed in place: OBJECT ENCODING says raw. */
  RAW: 8,
  /** The key is in what is being saved beneath: it must die there when that becomes the layer. */
  COVERS: 16,
  /** In a frozen overlay: deleted or overwritten since. */
  DEAD: 32,
  /** The type is Valkey's (type byte 22). */
  VALKEY: 64,
  /** The type is one of NativeType: the value is the handle of a structure's root block. */
  NATIVE: 128,
} as const;

/** EXPIRETIME_MS and its eight bytes. */
export const EXPIRY_BYTES = 9;
/** Handle and length of a value that lies apart. */
export const APART_BYTES = 8;
export const INLINE_BYTES_MAX = 16 * 1024;

const EXPIRETIME_MS = 252;

/** Bytes that a length takes as the RDB format writes it; lengths are below 2^32. */
export function lengthBytes(length: number): number {
  return length < 64 ? 1 : length < 16384 ? 2 : 5;
}

/** Writes a length as the RDB format does; returns the position behind it. */
export function writeLength(into: Uint8Array, at: number, length: number): number {
  if (length < 64) {
    into[at] = length;
    return at + 1;
  }
  if (length < 16384) {
    into[at] = 0x40 | (length >>> 8);
    into[at + 1] = length;
    return at + 2;
  }
  into[at] = 0x80;
  into[at + 1] = length >>> 24;
  into[at + 2] = length >>> 16;
  into[at + 3] = length >>> 8;
  into[at + 4] = length;
  return at + 5;
}

/** Bytes before the string of a value that is one string: a list's begins with one node that is packed. */
export function headBytes(type: number): number {
  return type === RdbType.LIST_QUICKLIST_2 ? 2 : 0;
}

/** Writes what stands before the bytes of a value that is one string of `length` bytes; returns the position behind it. */
export function writeHead(into: Uint8Array, at: number, type: number, length: number): number {
  if (type !== RdbType.LIST_QUICKLIST_2) return writeLength(into, at, length);
  into[at] = 1;
  into[at + 1] = QuicklistContainer.PACKED;
  return writeLength(into, at + 2, length);
}

export function writeU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return i32le(bytes, at) >>> 0;
}

/** Writes EXPIRETIME_MS and the time. */
export function writeExpiry(into: Uint8Array, at: number, expireAtMs: number): void {
  const high = Math.floor(expireAtMs / 2 ** 32);
  into[at] = EXPIRETIME_MS;
  writeU32(into, at + 1, (expireAtMs - high * 2 ** 32) | 0);
  writeU32(into, at + 5, high | 0);
}

/** Milliseconds since 1970 of the expiry whose opcode lies at `at`. */
export function readExpiry(bytes: Uint8Array, at: number): number {
  return i32le(bytes, at + 5) * 2 ** 32 + (i32le(bytes, at + 1) >>> 0);
}

/** Where the type byte of the entry at `at` lies. */
export function typeAt(bytes: Uint8Array, at: number): number {
  return at + EntryAt.RECORD + ((bytes[at + EntryAt.FLAGS] as number) & EntryFlag.EXPIRES ? EXPIRY_BYTES : 0);
}

/** Whether the entry at `at` has this key. */
export function hasKey(entry: Uint8Array, at: number, bytes: Uint8Array, start: number, length: number): boolean {
  let mine = typeAt(entry, at) + 1;
  // The length as it was written: one comparison where it is short.
  if (length < 64) {
    if (entry[mine++] !== length) return false;
  } else {
    if (keyLength(entry, mine) !== length) return false;
    mine += lengthBytes(length);
  }
  let i = start;
  const end = start + length;
  for (const fours = end - 3; i < fours; i += 4, mine += 4) {
    const difference =
      ((bytes[i] as number) ^ (entry[mine] as number)) |
      ((bytes[i + 1] as number) ^ (entry[mine + 1] as number)) |
      ((bytes[i + 2] as number) ^ (entry[mine + 2] as number)) |
      ((bytes[i + 3] as number) ^ (entry[mine + 3] as number));
    if (difference !== 0) return false;
  }
  for (; i < end; i++) if (bytes[i] !== entry[mine++]) return false;
  return true;
}

/** The length that is written at `at`, of a key or a raw string of the overlay's own making. */
export function keyLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x40) return first;
  if (first < 0x80) return ((first & 0x3f) << 8) | (bytes[at + 1] as number);
  return (
    (((bytes[at + 1] as number) << 24) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 8) |
      (bytes[at + 4] as number)) >>>
    0
  );
}
