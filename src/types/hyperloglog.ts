/**
 * HyperLogLogs: strings of 16,384 registers that estimate how many different elements were added.
 *
 *   H Y L L | encoding 1 byte | 3 unused | cached cardinality, uint64 le; top bit of its last byte: not valid | registers …
 *
 *   dense    6 bits a register, low bits first
 *   sparse   00xxxxxx           1 + x registers of 0
 *            01xxxxxx yyyyyyyy  1 + x·256 + y registers of 0
 *            1vvvvvxx           1 + x registers of 1 + v
 *
 * The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284).
 */
import type { Span } from "../util/span.ts";

export const REGISTERS = 16_384;
export const HEADER_BYTES = 16;
export const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
const DENSE = 0;
const SPARSE = 1;
export const REGISTER_BITS = 6;
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * REGISTER_BITS) / 8;
/** Bits of the hash that the registers count in: 64 less the 14 that pick one. */
const HASH_BITS = 50;
const ALPHA = 0.7213475204444817;
const NOT_VALID = 0x80;

/** Whether the string is a HyperLogLog by its header, as Redis tells. */
export function isHyperLogLog(value: Span): boolean {
  const { bytes, start, length } = value;
  if (length < HEADER_BYTES) return false;
  for (let i = 0; i < 4; i++) if (bytes[start + i] !== "HYLL".charCodeAt(i)) return false;
  const encoding = bytes[start + ENCODING_AT] as number;
  return encoding === SPARSE || (encoding === DENSE && length === DENSE_BYTES);
}

/** Whether a HyperLogLog is dense. */
export function isDense(value: Span): boolean {
  return value.bytes[value.start + ENCODING_AT] === DENSE;
}

/** Stores the cardinality in the header. */
export function cacheCardinality(value: Span, cardinality: number): void {
  let rest = cardinality;
  for (let i = 0; i < 8; i++) {
    value.bytes[value.start + CARDINALITY_AT + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** The cardinality stored in the header, or null where it must be computed. */
export function cachedCardinality(value: Span): bigint | null {
  const at = value.start + CARDINALITY_AT;
  if (((value.bytes[at + 7] as number) & NOT_VALID) !== 0) return null;
  let cardinality = 0n;
  for (let i = 7; i >= 0; i--) cardinality = (cardinality << 8n) | BigInt(value.bytes[at + i] as number);
  return cardinality;
}

/** Raises `registers` to the HyperLogLog's where that is higher. False when it is damaged. */
export function mergeInto(registers: Uint8Array, value: Span): boolean {
  return isDense(value) ? mergeDense(registers, value) : mergeSparse(registers, value);
}

function mergeDense(registers: Uint8Array, value: Span): boolean {
  const { bytes } = value;
  const base = value.start + HEADER_BYTES;
  for (let i = 0; i < REGISTERS; i++) {
    const bit = i * REGISTER_BITS;
    const at = base + (bit >> 3);
    // The last register ends with the last byte: what is read beyond it is shifted out.
    const pair = (bytes[at] as number) | ((bytes[at + 1] ?? 0) << 8);
    const register = (pair >> (bit & 7)) & 63;
    if (register > (registers[i] as number)) registers[i] = register;
  }
  return true;
}

function mergeSparse(registers: Uint8Array, value: Span): boolean {
  const { bytes } = value;
  const end = value.start + value.length;
  let register = 0;
  for (let at = value.start + HEADER_BYTES; at < end; at++) {
    const code = bytes[at] as number;
    if (code >= 0x80) {
      const last = register + 1 + (code & 3);
      if (last > REGISTERS) return false;
      const level = 1 + ((code >> 2) & 31);
      for (; register < last; register++) if (level > (registers[register] as number)) registers[register] = level;
    } else if (code >= 0x40) {
      if (at + 1 >= end) return false;
      register += 1 + ((code & 63) << 8) + (bytes[++at] as number);
    } else register += 1 + code;
  }
  return register === REGISTERS;
}

/** Estimates the cardinality that these registers stand for. */
export function estimate(registers: Uint8Array): number {
  const histogram = new Float64Array(64);
  for (const register of registers) histogram[register] = (histogram[register] as number) + 1;
  let z = REGISTERS * tau((REGISTERS - (histogram[HASH_BITS + 1] as number)) / REGISTERS);
  for (let level = HASH_BITS; level >= 1; level--) z = (z + (histogram[level] as number)) * 0.5;
  z += REGISTERS * sigma((histogram[0] as number) / REGISTERS);
  return Math.round((ALPHA * REGISTERS * REGISTERS) / z);
}

function sigma(value: number): number {
  if (value === 1) return Number.POSITIVE_INFINITY;
  let x = value;
  let y = 1;
  let z = x;
  for (let before = Number.NaN; before !== z; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(value: number): number {
  if (value === 0 || value === 1) return 0;
  let x = value;
  let y = 1;
  let z = 1 - x;
  for (let before = Number.NaN; before !== z; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
