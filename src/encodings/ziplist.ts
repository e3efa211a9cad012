/**
 * Ziplist, the packed list of Redis 2.4 to 6.2.
 *
 *   | total bytes u32le | offset of the last element u32le | elements u16le (65535: unknown) | element … | 0xff |
 *
 *   element = size of the element before (one byte below 254, else 254 + u32le) | encoding and data
 *   00llllll + bytes             string of up to 63 bytes
 *   01llllll llllllll + bytes    string of up to 16383 bytes
 *   10------ + u32be + bytes     string
 *   0xc0 0xd0 0xe0 0xf0 0xfe     signed integer of 2, 4, 8, 3, 1 bytes, little-endian
 *   0xf1 … 0xfd                  0 … 12
 */
import type { Element } from "./element.ts";
import { i24le, i32le, Packed, u16le } from "./packed.ts";

const HEADER_BYTES = 10;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
const LONG_PREVIOUS = 254;

/** Bytes of encoding and data at `at`; 0 where no encoding stands. May exceed what is there. */
function bodyBytes(bytes: Uint8Array, at: number): number {
  const head = bytes[at] as number;
  if (head < 0x40) return 1 + head;
  if (head < 0x80) return 2 + (((head & 0x3f) << 8) | (bytes[at + 1] as number));
  if (head < 0xc0) return 5 + u32be(bytes, at + 1);
  if (head === 0xc0) return 3;
  if (head === 0xd0) return 5;
  if (head === 0xe0) return 9;
  if (head === 0xf0) return 4;
  if (head === 0xfe) return 2;
  return head > 0xf0 && head < 0xfe ? 1 : 0;
}

function u32be(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
  if (length < HEADER_BYTES + 1 || start + length > bytes.length) return `a ziplist of ${length} bytes`;
  const total = i32le(bytes, start) >>> 0;
  if (total !== length) return `a ziplist that says ${total} bytes in ${length} bytes`;
  if (bytes[start + length - 1] !== END) return "a ziplist without its end byte";
  const last = i32le(bytes, start + 4) >>> 0;
  return last >= HEADER_BYTES && last < length ? null : `a ziplist whose last element is at byte ${last} of ${length}`;
}

/**
 * What is wrong with a ziplist, or null. Shallow: header and end. Deep, as Redis 7 checks every ziplist that it
 * loads: every element, the sizes before them, the offset of the last one, the count.
 */
export function validateZiplist(bytes: Uint8Array, start: number, length: number, deep = false): string | null {
  const problem = validateFrame(bytes, start, length);
  if (problem !== null || !deep) return problem;
  const limit = start + length - 1;
  let pos = start + HEADER_BYTES;
  let previousBytes = 0;
  let last = pos;
  let count = 0;
  for (; pos < limit; count++) {
    const long = (bytes[pos] as number) >= LONG_PREVIOUS;
    const said = long ? i32le(bytes, pos + 1) >>> 0 : (bytes[pos] as number);
    if (said !== previousBytes) return `an element at byte ${pos - start} that says ${said} bytes before it`;
    const head = pos + (long ? 5 : 1);
    const size = head < limit ? bodyBytes(bytes, head) : 0;
    if (size === 0) return `no element encoding at byte ${head - start}`;
    if (head + size > limit) return `an element at byte ${pos - start} that leads out of the ziplist`;
    last = pos;
    pos = head + size;
    previousBytes = pos - last;
  }
  if ((i32le(bytes, start + 4) >>> 0) + start !== last) return "a wrong offset of the last element";
  const said = u16le(bytes, start + 8);
  return said === COUNT_UNKNOWN || said === count ? null : `a ziplist of ${count} elements that says ${said}`;
}

export class Ziplist extends Packed {
  protected override readonly encoding = "ziplist";
  protected override readonly headerBytes = HEADER_BYTES;

  protected override validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
    return validateFrame(bytes, start, length);
  }

  protected override headerCount(): number {
    const count = u16le(this.bytes, this.start + 8);
    return count === COUNT_UNKNOWN ? -1 : count;
  }

  override next(into: Element): boolean {
    const { bytes } = this;
    if (this.pos >= this.limit) return false;
    const at = this.head(this.pos);
    const size = this.advance(at);
    const head = bytes[at] as number;
    if (head < 0x40) into.setBytes(bytes, at + 1, size - 1);
    else if (head < 0x80) into.setBytes(bytes, at + 2, size - 2);
    else if (head < 0xc0) into.setBytes(bytes, at + 5, size - 5);
    else if (head === 0xc0) into.setInt((u16le(bytes, at + 1) << 16) >> 16);
    else if (head === 0xd0) into.setInt(i32le(bytes, at + 1));
    else if (head === 0xe0) into.setInt64(i32le(bytes, at + 5), i32le(bytes, at + 1));
    else if (head === 0xf0) into.setInt(i24le(bytes, at + 1));
    else if (head === 0xfe) into.setInt(((bytes[at + 1] as number) << 24) >> 24);
    else into.setInt(head - 0xf1);
    return true;
  }

  override skip(): boolean {
    if (this.pos >= this.limit) return false;
    this.advance(this.head(this.pos));
    return true;
  }

  override previous(into: Element): boolean {
    const { bytes, pos, first } = this;
    if (pos <= first) return false;
    const before =
      pos === this.limit ? this.start + (i32le(bytes, this.start + 4) >>> 0) : pos - this.previousBytes(pos);
    if (before < first || before >= pos) throw this.bad(pos, "a wrong size of the element before", "its size");
    this.pos = before;
    this.next(into);
    if (this.pos !== pos)
      throw this.bad(before, `an element that ends at byte ${this.pos - this.start}`, `${pos - this.start}`);
    this.pos = before;
    return true;
  }

  private previousBytes(pos: number): number {
    const { bytes } = this;
    return (bytes[pos] as number) < LONG_PREVIOUS ? (bytes[pos] as number) : i32le(bytes, pos + 1) >>> 0;
  }

  /** Where the encoding of the element at `pos` stands. */
  private head(pos: number): number {
    const head = pos + ((this.bytes[pos] as number) < LONG_PREVIOUS ? 1 : 5);
    if (head >= this.limit) throw this.overrun(pos);
    return head;
  }

  /** Moves behind the element whose encoding stands at `head`; returns the bytes of encoding and data. */
  private advance(head: number): number {
    const size = bodyBytes(this.bytes, head);
    if (size === 0)
      throw this.bad(head, `an element encoding 0x${this.bytes[head]?.toString(16)}`, "a ziplist element");
    if (head + size > this.limit) throw this.overrun(this.pos);
    this.pos = head + size;
    return size;
  }
}
