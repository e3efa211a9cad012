/**
 * Listpack, Redis 5's and later packed list.
 *
 *   | total bytes u32le | elements u16le (65535: unknown) | element … | 0xff |
 *
 *   element = encoding and data | back length (1 to 5 bytes: the size of encoding and data, high 7 bits first)
 *   0xxxxxxx                     0 … 127
 *   10llllll + bytes             string of up to 63 bytes
 *   110xxxxx xxxxxxxx            13-bit signed integer
 *   1110llll llllllll + bytes    string of up to 4095 bytes
 *   11110000 + u32le + bytes     string
 *   11110001 … 11110100          signed integer of 2, 3, 4, 8 bytes, little-endian
 */
import type { FormatError } from "../util/format-error.ts";
import { parseInteger, parseInteger64 } from "../util/integer.ts";
import { Element } from "./element.ts";
import { i24le, i32le, Packed, sameBytes, u16le } from "./packed.ts";

const HEADER_BYTES = 6;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;

/** Bytes of the back length of an element of `size` bytes; the limits are Redis's (16383 takes three bytes). */
export function backLengthBytes(size: number): number {
  if (size < 128) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** Bytes of encoding and data of the element at `pos`; 0 where no element begins. May exceed what is there. */
export function elementBytes(bytes: Uint8Array, pos: number): number {
  const head = bytes[pos] as number;
  if (head < 0x80) return 1;
  if (head < 0xc0) return 1 + (head & 0x3f);
  if (head < 0xe0) return 2;
  if (head < 0xf0) return 2 + (((head & 0x0f) << 8) | (bytes[pos + 1] as number));
  if (head === 0xf0) return 5 + (i32le(bytes, pos + 1) >>> 0);
  if (head <= 0xf3) return head - 0xee;
  return head === 0xf4 ? 9 : 0;
}

/** Whether header and terminator fit the length: null, or what is wrong. */
function validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
  if (length < HEADER_BYTES + 1 || start + length > bytes.length) return `a listpack of ${length} bytes`;
  const total = i32le(bytes, start) >>> 0;
  if (total !== length) return `a listpack that says ${total} bytes in ${length} bytes`;
  return bytes[start + length - 1] === END ? null : "a listpack without its end byte";
}

/**
 * What is wrong with a listpack, or null. Shallow as Redis checks every listpack that it loads (header and end);
 * deep walks it, back lengths and count included.
 */
export function validateListpack(bytes: Uint8Array, start: number, length: number, deep = false): string | null {
  const problem = validateFrame(bytes, start, length);
  if (problem !== null || !deep) return problem;
  const limit = start + length - 1;
  let pos = start + HEADER_BYTES;
  let count = 0;
  for (; pos < limit; count++) {
    const size = elementBytes(bytes, pos);
    if (size === 0) return `an unknown element encoding 0x${bytes[pos]?.toString(16)} at byte ${pos - start}`;
    const after = pos + size + backLengthBytes(size);
    if (after > limit) return `an element at byte ${pos - start} that leads out of the listpack`;
    if (!backLengthIs(bytes, after, size)) return `a wrong back length before byte ${after - start}`;
    pos = after;
  }
  const said = u16le(bytes, start + 4);
  return said === COUNT_UNKNOWN || said === count ? null : `a listpack of ${count} elements that says ${said}`;
}

/** Whether the back length that ends before `after` says `size`, in as many bytes as Redis would use. */
function backLengthIs(bytes: Uint8Array, after: number, size: number): boolean {
  let rest = size;
  for (let left = backLengthBytes(size), at = after - 1; left > 0; left--, at--) {
    if (bytes[at] !== ((rest & 127) | (left > 1 ? 128 : 0))) return false;
    rest = Math.floor(rest / 128);
  }
  return rest === 0;
}

export class Listpack extends Packed {
  protected override readonly encoding = "listpack";
  protected override readonly headerBytes = HEADER_BYTES;

  protected override validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
    return validateFrame(bytes, start, length);
  }

  protected override headerCount(): number {
    const count = u16le(this.bytes, this.start + 4);
    return count === COUNT_UNKNOWN ? -1 : count;
  }

  override next(into: Element): boolean {
    const { bytes, pos, limit } = this;
    if (pos >= limit) return false;
    const head = bytes[pos] as number;
    let after: number;
    if (head < 0x80) {
      into.setInt(head);
      after = pos + 2;
    } else if (head < 0xc0) {
      const length = head & 0x3f;
      into.setBytes(bytes, pos + 1, length);
      after = pos + 2 + length;
    } else if (head < 0xe0) {
      into.setInt(((((head & 0x1f) << 8) | (bytes[pos + 1] as number)) << 19) >> 19);
      after = pos + 3;
    } else {
      const size = elementBytes(bytes, pos);
      after = this.behind(pos, size);
      this.readLong(into, head, pos, size);
    }
    if (after > limit) throw this.overrun(pos);
    this.pos = after;
    return true;
  }

  override skip(): boolean {
    const { pos } = this;
    if (pos >= this.limit) return false;
    this.pos = this.behind(pos, elementBytes(this.bytes, pos));
    return true;
  }

  override previous(into: Element): boolean {
    const { bytes, pos, first } = this;
    if (pos <= first) return false;
    let at = pos - 1;
    let size = (bytes[at] as number) & 127;
    for (let scale = 128; (bytes[at] as number) >= 128; scale *= 128) {
      at--;
      if (at < first || pos - at > 5) throw this.bad(pos, "a back length without an end", "at most 5 bytes");
      size += ((bytes[at] as number) & 127) * scale;
    }
    const before = at - size;
    if (before < first) throw this.bad(at, `a back length of ${size}`, `at most ${at - first}`);
    this.pos = before;
    this.next(into);
    if (this.pos !== pos) throw this.bad(at, `a back length of ${size}`, "the size of the element before it");
    this.pos = before;
    return true;
  }

  /** As Packed.find; compares where the elements lie, and nothing but their heads where lengths differ. */
  override find(wanted: Uint8Array, from: number, length: number, stride: number): boolean {
    const { bytes, limit } = this;
    const number = parseInteger(wanted, from, length);
    // Names that begin alike differ at their ends. (Of the empty string: its head.)
    const last = length === 0 ? 0x80 : (wanted[from + length - 1] as number);
    let turn = 0;
    for (let pos = this.pos; pos < limit; ) {
      const head = bytes[pos] as number;
      const size = elementBytes(bytes, pos);
      const after = pos + size + (size < 128 ? 1 : backLengthBytes(size));
      if (size === 0 || after > limit) throw this.unsound(pos, size);
      if (turn === 0) {
        const found =
          head < 0x80
            ? head === number
            : head < 0xc0
              ? size === length + 1 && bytes[pos + length] === last && sameBytes(bytes, pos + 1, wanted, from, length)
              : this.isLong(head, pos, size, wanted, from, length);
        if (found) {
          this.pos = after;
          return true;
        }
      }
      turn = turn + 1 === stride ? 0 : turn + 1;
      pos = after;
    }
    this.pos = limit;
    return false;
  }

  /**
   * Looks for these bytes among the next `elements` elements: how many lie before the first that is them, behind which the position is
   * then; `elements` when none is, and the position is behind all of them. There must be as many. Throws FormatError.
   */
  search(wanted: Uint8Array, from: number, length: number, elements: number): number {
    const { bytes, limit } = this;
    const number = parseInteger(wanted, from, length);
    let pos = this.pos;
    for (let i = 0; i < elements; i++) {
      const head = bytes[pos] as number;
      const size = elementBytes(bytes, pos);
      const after = pos + size + (size < 128 ? 1 : backLengthBytes(size));
      if (size === 0 || after > limit) throw this.unsound(pos, size);
      const found =
        head < 0x80
          ? head === number
          : head < 0xc0
            ? size === length + 1 && sameBytes(bytes, pos + 1, wanted, from, length)
            : this.isLong(head, pos, size, wanted, from, length);
      pos = after;
      if (!found) continue;
      this.pos = pos;
      return i;
    }
    this.pos = pos;
    return elements;
  }

  private readonly long = new Element();

  private isLong(head: number, pos: number, size: number, wanted: Uint8Array, from: number, length: number): boolean {
    if (head >= 0xe0 && head <= 0xf0) {
      const headBytes = head === 0xf0 ? 5 : 2;
      return size === length + headBytes && sameBytes(this.bytes, pos + headBytes, wanted, from, length);
    }
    this.readLong(this.long, head, pos, size);
    return this.long.equals(wanted, from, length);
  }

  /** Reads an element whose head is ≥ 0xc0; its bytes have been checked to lie inside. */
  private readLong(into: Element, head: number, pos: number, size: number): void {
    const { bytes } = this;
    if (head < 0xe0) into.setInt(((((head & 0x1f) << 8) | (bytes[pos + 1] as number)) << 19) >> 19);
    else if (head < 0xf0) into.setBytes(bytes, pos + 2, size - 2);
    else if (head === 0xf0) into.setBytes(bytes, pos + 5, size - 5);
    else if (head === 0xf1) into.setInt((u16le(bytes, pos + 1) << 16) >> 16);
    else if (head === 0xf2) into.setInt(i24le(bytes, pos + 1));
    else if (head === 0xf3) into.setInt(i32le(bytes, pos + 1));
    else into.setInt64(i32le(bytes, pos + 5), i32le(bytes, pos + 1));
  }

  /** Where the element after the one at `pos`, of `size` bytes, begins. Throws FormatError where there is none. */
  private behind(pos: number, size: number): number {
    const after = pos + size + (size < 128 ? 1 : backLengthBytes(size));
    if (size === 0 || after > this.limit) throw this.unsound(pos, size);
    return after;
  }

  private unsound(pos: number, size: number): FormatError {
    if (size !== 0) return this.overrun(pos);
    return this.bad(pos, `an element encoding 0x${this.bytes[pos]?.toString(16)}`, "a listpack element");
  }
}

/** Bytes that the string takes as an element of a listpack, as an integer where it spells one. */
export function encodedListpackBytes(bytes: Uint8Array, start: number, length: number): number {
  const number = parseInteger64(bytes, start, length);
  let size: number;
  if (number === null) size = length + (length < 64 ? 1 : length < 4096 ? 2 : 5);
  else if (number >= 0 && number < 128) size = 1;
  else if (number >= -4096 && number < 4096) size = 2;
  else if (number >= -32768 && number < 32768) size = 3;
  else if (number >= -8388608 && number < 8388608) size = 4;
  else size = number >= -2147483648 && number < 2147483648 ? 5 : 9;
  return size + backLengthBytes(size);
}
