/**
 * Changes an intset (drawn in intset.ts) where it lies, as Redis's intset.c does: the integers ascend, all of them as wide as the
 * widest one ever added; removing one never makes them narrower.
 *
 * An integer is given as two int32 halves (encodings/int64.ts). Room is the caller's business: `bytesWith` tells before anything is
 * changed how long the intset will be.
 */
import { int64, setInt64 } from "./int64.ts";
import { i32le, u16le } from "./packed.ts";

export const INTSET_EMPTY_BYTES = 8;
const HEADER_BYTES = 8;

/** Writes an intset without integers: INTSET_EMPTY_BYTES bytes. */
export function writeEmptyIntset(bytes: Uint8Array, at: number): void {
  writeI32(bytes, at, 2);
  writeI32(bytes, at + 4, 0);
}

export function intsetBytes(bytes: Uint8Array, at: number): number {
  return HEADER_BYTES + i32le(bytes, at) * count(bytes, at);
}

/** The place of the integer `int64` among those of the intset at `at`; where it is not there, minus one minus the place it would have. */
export function findInIntset(bytes: Uint8Array, at: number): number {
  const width = i32le(bytes, at);
  const { high, low } = int64;
  const length = count(bytes, at);
  if (int64.width > width) return high < 0 ? -1 : -1 - length;
  let from = 0;
  let to = length;
  // Sets often grow at their end.
  if (length > 0 && compare(bytes, at, width, length - 1, high, low) < 0) return -1 - length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const order = compare(bytes, at, width, middle, high, low);
    if (order === 0) return middle;
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return -1 - from;
}

/** Bytes of the intset when `int64` has been added; 0: it is there already. */
export function bytesWith(bytes: Uint8Array, at: number): number {
  if (findInIntset(bytes, at) >= 0) return 0;
  return HEADER_BYTES + Math.max(i32le(bytes, at), int64.width) * (count(bytes, at) + 1);
}

/** Adds `int64`; `bytesWith` has said that it is not there and how many bytes there must be. */
export function addToIntset(bytes: Uint8Array, at: number): void {
  const place = -1 - findInIntset(bytes, at);
  const { high, low } = int64;
  const old = i32le(bytes, at);
  const width = Math.max(old, int64.width);
  const length = count(bytes, at);
  const first = at + HEADER_BYTES;
  if (width > old) widen(bytes, at, old, width, length, place === 0 ? 1 : 0);
  else bytes.copyWithin(first + (place + 1) * width, first + place * width, first + length * width);
  writeInt(bytes, first + place * width, width, high, low);
  writeI32(bytes, at, width);
  writeI32(bytes, at + 4, length + 1);
}

/** Removes `int64`; false when it is not there. */
export function removeFromIntset(bytes: Uint8Array, at: number): boolean {
  const place = findInIntset(bytes, at);
  if (place < 0) return false;
  removeAtFromIntset(bytes, at, place);
  return true;
}

/** Removes the integer at `place`, 0 ≤ place < count. */
export function removeAtFromIntset(bytes: Uint8Array, at: number, place: number): void {
  const width = i32le(bytes, at);
  const length = count(bytes, at);
  const first = at + HEADER_BYTES;
  bytes.copyWithin(first + place * width, first + (place + 1) * width, first + length * width);
  writeI32(bytes, at + 4, length - 1);
}

/** Sets `int64` to the integer at `place`, 0 ≤ place < count. */
export function readFromIntset(bytes: Uint8Array, at: number, place: number): void {
  const width = i32le(bytes, at);
  const pos = at + HEADER_BYTES + place * width;
  if (width < 8) setInt64(top(bytes, pos, width));
  else {
    int64.high = i32le(bytes, pos + 4);
    int64.low = i32le(bytes, pos);
    int64.width = 8;
  }
}

/** Rewrites the integers `width` bytes wide, the last first, `shift` places further on. */
function widen(bytes: Uint8Array, at: number, old: number, width: number, length: number, shift: number): void {
  const first = at + HEADER_BYTES;
  for (let i = length - 1; i >= 0; i--) {
    const value = top(bytes, first + i * old, old);
    writeInt(bytes, first + (i + shift) * width, width, value >> 31, value);
  }
}

function compare(bytes: Uint8Array, at: number, width: number, place: number, high: number, low: number): number {
  const pos = at + HEADER_BYTES + place * width;
  const mine = top(bytes, pos, width);
  if (width < 8) return mine - low;
  return mine !== high ? mine - high : (i32le(bytes, pos) >>> 0) - (low >>> 0);
}

/** The integer, or an 8-byte integer's upper half. */
function top(bytes: Uint8Array, pos: number, width: number): number {
  if (width === 2) return (u16le(bytes, pos) << 16) >> 16;
  return i32le(bytes, width === 4 ? pos : pos + 4);
}

function count(bytes: Uint8Array, at: number): number {
  return i32le(bytes, at + 4) >>> 0;
}

function writeInt(bytes: Uint8Array, pos: number, width: number, high: number, low: number): void {
  bytes[pos] = low;
  bytes[pos + 1] = low >>> 8;
  if (width === 2) return;
  bytes[pos + 2] = low >>> 16;
  bytes[pos + 3] = low >>> 24;
  if (width === 8) writeI32(bytes, pos + 4, high);
}

function writeI32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
