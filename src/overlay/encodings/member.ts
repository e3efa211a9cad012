/**
 * The block of one member of a set, hash or sorted set in a member table:
 *
 *   set           | member |
 *   hash          | [0xFC expire_at i64] | field | value |        as a key's record has its expiry (entry.ts)
 *   sorted set    | score f64 | member |
 *
 * member, field, value: strings as block-string.ts draws them. No string begins with 0xFC.
 */
import type { Element } from "../../encodings/element.ts";
import { copyBytes } from "../../util/native.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { EXPIRY_BYTES, readExpiry, writeExpiry } from "../entry.ts";
import { readString, storedBytes, stringBytes, writeString } from "./block-string.ts";
import { type Blocks, bytesOf, placeOf } from "./blocks.ts";

/** Bytes before the member or the field, and the sign of an expiry. */
export const SCORE_BYTES = 8;
export const EXPIRY = 0xfc;
/** Blocks up to this size are written over however short the value has become. */
const REWRITE_BYTES_MIN = 64;

const SCORE = new Float64Array(1);
const SCORE_WORDS = new Int32Array(SCORE.buffer);

/** The handle of a new block with a set's member. */
export function createMember(blocks: Blocks, text: Uint8Array, start: number, length: number): number {
  const handle = blocks.allocate(stringBytes(text, start, length));
  writeString(bytesOf(blocks, handle), placeOf(handle), text, start, length);
  return handle;
}

/** The handle of a new block with a sorted set's member. */
export function createScored(blocks: Blocks, score: number, text: Uint8Array, start: number, length: number): number {
  const handle = blocks.allocate(SCORE_BYTES + stringBytes(text, start, length));
  writeScore(blocks, handle, score);
  writeString(bytesOf(blocks, handle), placeOf(handle) + SCORE_BYTES, text, start, length);
  return handle;
}

/** The handle of a new block with a hash's field and value. `expireAtMs`: -1 for none. */
export function createField(
  blocks: Blocks,
  field: Uint8Array,
  fieldStart: number,
  fieldLength: number,
  value: Uint8Array,
  valueStart: number,
  valueLength: number,
  expireAtMs = -1,
): number {
  const expiry = expireAtMs === -1 ? 0 : EXPIRY_BYTES;
  const size = stringBytes(field, fieldStart, fieldLength) + stringBytes(value, valueStart, valueLength);
  const handle = blocks.allocate(expiry + size);
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  if (expiry > 0) writeExpiry(bytes, at, expireAtMs);
  const behind = writeString(bytes, at + expiry, field, fieldStart, fieldLength);
  writeString(bytes, behind, value, valueStart, valueLength);
  return handle;
}

/** Reads the member of a set. Valid until the block is changed. */
export function readMember(blocks: Blocks, handle: number, into: Element): void {
  readString(bytesOf(blocks, handle), placeOf(handle), into);
}

/** Reads the member of a sorted set; its score. */
export function readScored(blocks: Blocks, handle: number, into: Element): number {
  readString(bytesOf(blocks, handle), placeOf(handle) + SCORE_BYTES, into);
  return readScore(blocks, handle);
}

/** Reads a field and its value; when it expires, Unix time in ms, -1: never. */
export function readField(blocks: Blocks, handle: number, field: Element, value: Element): number {
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  const expires = bytes[at] === EXPIRY;
  readString(bytes, readString(bytes, expires ? at + EXPIRY_BYTES : at, field), value);
  return expires ? readExpiry(bytes, at) : -1;
}

/** When the field expires, Unix time in ms, -1: never. */
export function readFieldExpiry(blocks: Blocks, handle: number): number {
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  return bytes[at] === EXPIRY ? readExpiry(bytes, at) : -1;
}

export function readScore(blocks: Blocks, handle: number): number {
  const words = blocks.words[handle >>> WINDOW_SHIFT] as Int32Array;
  const at = (handle & IN_WINDOW) << 1;
  SCORE_WORDS[0] = words[at] as number;
  SCORE_WORDS[1] = words[at + 1] as number;
  return SCORE[0] as number;
}

export function writeScore(blocks: Blocks, handle: number, score: number): void {
  const words = blocks.words[handle >>> WINDOW_SHIFT] as Int32Array;
  const at = (handle & IN_WINDOW) << 1;
  SCORE[0] = score;
  words[at] = SCORE_WORDS[0] as number;
  words[at + 1] = SCORE_WORDS[1] as number;
}

/**
 * Gives a field another value: the handle of the block that has it then. Where that is another block, the old one is still the
 * caller's to replace in its table and to free. The value must not lie in the old block. Throws ArenaFull, nothing changed.
 */
export function changeValue(blocks: Blocks, handle: number, value: Uint8Array, start: number, length: number): number {
  let bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  const field = bytes[at] === EXPIRY ? EXPIRY_BYTES : 0;
  const head = field + storedBytes(bytes, at + field);
  const size = head + stringBytes(value, start, length);
  const capacity = blocks.capacity(handle);
  const fits = size <= capacity && (capacity <= REWRITE_BYTES_MIN || size > capacity / 2);
  if (fits && blocks.pins.count === 0) {
    writeString(bytes, at + head, value, start, length);
    return handle;
  }
  const fresh = blocks.allocate(size);
  const target = bytesOf(blocks, fresh);
  const to = placeOf(fresh);
  bytes = bytesOf(blocks, handle);
  copyBytes(bytes, at, head, target, to);
  writeString(target, to + head, value, start, length);
  return fresh;
}

/** As changeValue, another time of expiry, -1: none. */
export function changeExpiry(blocks: Blocks, handle: number, expireAtMs: number): number {
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  const old = bytes[at] === EXPIRY ? EXPIRY_BYTES : 0;
  const expiry = expireAtMs === -1 ? 0 : EXPIRY_BYTES;
  if (old === expiry && (expiry === 0 || blocks.pins.count === 0)) {
    if (expiry > 0) writeExpiry(bytes, at, expireAtMs);
    return handle;
  }
  const field = storedBytes(bytes, at + old);
  const size = field + storedBytes(bytes, at + old + field);
  const fresh = blocks.allocate(expiry + size);
  const target = bytesOf(blocks, fresh);
  const to = placeOf(fresh);
  if (expiry > 0) writeExpiry(target, to, expireAtMs);
  copyBytes(bytesOf(blocks, handle), at + old, size, target, to + expiry);
  return fresh;
}

/** Copies a block to other blocks; its handle there. Throws ArenaFull. */
export function copyBlock(from: Blocks, handle: number, to: Blocks): number {
  const size = from.capacity(handle);
  const fresh = to.allocate(size);
  copyBytes(bytesOf(from, handle), placeOf(handle), size, bytesOf(to, fresh), placeOf(fresh));
  return fresh;
}
