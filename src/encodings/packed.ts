/**
 * What the packed encodings share: a run of bytes that holds its elements one after another.
 *
 *   start      first                    pos                 limit   end
 *   | header   | element | element | …  | element | …       | 0xff  |
 *
 * A walker stands between two elements (at `pos`): next() reads the one after, previous() the one before. No byte
 * outside [start, end) is believed: lengths that lead out of it are a FormatError, whatever the header says.
 */
import { FormatError } from "../util/format-error.ts";
import { EMPTY_BYTES } from "../util/span.ts";
import { Element } from "./element.ts";

export abstract class Packed {
  /** Lower-case name of the encoding, for messages. */
  protected abstract readonly encoding: string;
  protected bytes: Uint8Array = EMPTY_BYTES;
  protected start = 0;
  /** Where the first element begins. */
  protected first = 0;
  /** Where the terminator lies. */
  protected limit = 0;
  /** Offset in the file that messages give for the first byte. */
  protected origin = 0;
  /** Position in the bytes: the element that next() will read. May be kept and set again, for the same open(). */
  pos = 0;
  private readonly probe = new Element();

  /**
   * Opens `length` bytes from `start`; `origin` is the offset of the first one that errors shall name. Throws
   * FormatError where header and terminator do not fit the length. Elements are views of `bytes`.
   */
  open(bytes: Uint8Array, start: number, length: number, origin = 0): this {
    const problem = this.validateFrame(bytes, start, length);
    if (problem !== null) throw new FormatError(`bad-${this.encoding}`, origin, problem, `a sound ${this.encoding}`);
    this.bytes = bytes;
    this.start = start;
    this.first = start + this.headerBytes;
    this.limit = start + length - 1;
    this.origin = origin;
    this.pos = this.first;
    return this;
  }

  protected abstract readonly headerBytes: number;
  protected abstract validateFrame(bytes: Uint8Array, start: number, length: number): string | null;
  /** Number of elements as the header says, -1 where it says that it does not know. */
  protected abstract headerCount(): number;

  /** Reads the next element; false at the end. Throws FormatError. */
  abstract next(into: Element): boolean;
  /** Moves over the next element; false at the end. */
  abstract skip(): boolean;
  /** Reads the element before the position and moves there; false at the start. */
  abstract previous(into: Element): boolean;

  rewind(): void {
    this.pos = this.first;
  }

  toEnd(): void {
    this.pos = this.limit;
  }

  get atEnd(): boolean {
    return this.pos === this.limit;
  }

  /** Number of elements; walks where the header does not say. */
  count(): number {
    const known = this.headerCount();
    if (known >= 0) return known;
    const { pos } = this;
    this.rewind();
    let count = 0;
    while (this.skip()) count++;
    this.pos = pos;
    return count;
  }

  /**
   * Looks for these bytes among every `stride`-th element from the position on (a hash's fields: 2). When found, the
   * position is after it: next() reads its value.
   */
  find(bytes: Uint8Array, start: number, length: number, stride: number): boolean {
    while (this.next(this.probe)) {
      if (this.probe.equals(bytes, start, length)) return true;
      for (let i = 1; i < stride; i++) this.skip();
    }
    return false;
  }

  protected bad(pos: number, found: string, expected: string): FormatError {
    return new FormatError(`bad-${this.encoding}`, this.origin + pos - this.start, found, expected);
  }

  protected overrun(pos: number): FormatError {
    return this.bad(
      pos,
      `an element longer than the ${this.limit - pos} bytes left`,
      `an element of the ${this.encoding}`,
    );
  }
}

export function u16le(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** Signed; `>>> 0` makes it unsigned. */
export function i32le(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

export function i24le(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 8) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 24)) >> 8;
}

/** Whether `length` bytes of `a` from `at` are those of `b` from `from`. */
export function sameBytes(a: Uint8Array, at: number, b: Uint8Array, from: number, length: number): boolean {
  let i = 0;
  for (const fours = length - 3; i < fours; i += 4) {
    const difference =
      ((a[at + i] as number) ^ (b[from + i] as number)) |
      ((a[at + i + 1] as number) ^ (b[from + i + 1] as number)) |
      ((a[at + i + 2] as number) ^ (b[from + i + 2] as number)) |
      ((a[at + i + 3] as number) ^ (b[from + i + 3] as number));
    if (difference !== 0) return false;
  }
  for (; i < length; i++) if (a[at + i] !== b[from + i]) return false;
  return true;
}
