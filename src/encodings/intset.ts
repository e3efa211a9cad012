/**
 * Intset: the integers of a small set, ascending.
 *
 *   | bytes an integer u32le (2, 4 or 8) | integers u32le | signed integer little-endian … |
 */
import { FormatError } from "../util/format-error.ts";
import { parseInteger } from "../util/integer.ts";
import { binaryText, EMPTY_BYTES } from "../util/span.ts";
import type { Element } from "./element.ts";
import { i32le, u16le } from "./packed.ts";

const HEADER_BYTES = 8;

/**
 * What is wrong with an intset, or null. Shallow as Redis checks every intset that it loads: the length follows from
 * the header, and it is not empty. Deep: the integers ascend.
 */
export function validateIntset(bytes: Uint8Array, start: number, length: number, deep = false): string | null {
  if (length < HEADER_BYTES || start + length > bytes.length) return `an intset of ${length} bytes`;
  const width = i32le(bytes, start);
  if (width !== 2 && width !== 4 && width !== 8) return `an intset of ${width >>> 0}-byte integers`;
  const count = i32le(bytes, start + 4) >>> 0;
  if (count * width + HEADER_BYTES !== length) return `an intset of ${count} ${width}-byte integers in ${length} bytes`;
  if (count === 0) return "an empty intset";
  if (!deep) return null;
  for (let at = start + HEADER_BYTES + width; at < start + length; at += width) {
    if (!ascends(bytes, at - width, at, width)) return `integers that do not ascend at byte ${at - start}`;
  }
  return null;
}

function ascends(bytes: Uint8Array, a: number, b: number, width: number): boolean {
  const difference = top(bytes, a, width) - top(bytes, b, width);
  return difference !== 0 || width !== 8 ? difference < 0 : i32le(bytes, a) >>> 0 < i32le(bytes, b) >>> 0;
}

/** The integer, or an 8-byte integer's upper half. */
function top(bytes: Uint8Array, at: number, width: number): number {
  if (width === 2) return (u16le(bytes, at) << 16) >> 16;
  return i32le(bytes, width === 4 ? at : at + 4);
}

export class Intset {
  /** Number of integers. */
  count = 0;
  /** Index of the integer that next() will read. */
  index = 0;
  private bytes: Uint8Array = EMPTY_BYTES;
  private first = 0;
  private width = 2;

  /** Opens `length` bytes from `start`; `origin` is the offset that an error shall name. Throws FormatError. */
  open(bytes: Uint8Array, start: number, length: number, origin = 0): this {
    const problem = validateIntset(bytes, start, length);
    if (problem !== null) throw new FormatError("bad-intset", origin, problem, "a sound intset");
    this.bytes = bytes;
    this.width = i32le(bytes, start);
    this.count = i32le(bytes, start + 4) >>> 0;
    this.first = start + HEADER_BYTES;
    this.index = 0;
    return this;
  }

  next(into: Element): boolean {
    if (this.index >= this.count) return false;
    this.at(this.index++, into);
    return true;
  }

  /** Reads integer `index` (0 … count - 1). */
  at(index: number, into: Element): void {
    const { bytes, width } = this;
    const at = this.first + index * width;
    if (width === 8) into.setInt64(i32le(bytes, at + 4), i32le(bytes, at));
    else into.setInt(top(bytes, at, width));
  }

  /** Whether the text of one of the integers is these bytes. Does not move the iteration. */
  has(bytes: Uint8Array, start: number, length: number): boolean {
    const wanted = parseInteger(bytes, start, length);
    if (!Number.isNaN(wanted)) return this.search((index) => this.approximate(index) - wanted);
    if (this.width !== 8 || length < 16 || length > 20) return false;
    const text = binaryText(bytes, start, length);
    if (!/^-?[1-9][0-9]*$/.test(text)) return false;
    const big = BigInt(text);
    return this.search((index) => {
      const value = this.big(index);
      return value < big ? -1 : value > big ? 1 : 0;
    });
  }

  private search(compare: (index: number) => number): boolean {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = compare(middle);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  /** The integer as a double: exact up to 2^53, in order with safe integers beyond. */
  private approximate(index: number): number {
    const { bytes, width } = this;
    const at = this.first + index * width;
    const upper = top(bytes, at, width);
    return width === 8 ? upper * 4294967296 + (i32le(bytes, at) >>> 0) : upper;
  }

  private big(index: number): bigint {
    const at = this.first + index * 8;
    return (BigInt(i32le(this.bytes, at + 4)) << 32n) | BigInt(i32le(this.bytes, at) >>> 0);
  }
}
