/**
 * One element of a collection, as a walker or a reader leaves it: an integer, or a run of bytes that lies somewhere
 * else (in the mapping, or in the reader's scratch when it was compressed). Set again and again: no object an element.
 */
import { INTEGER_TEXT_BYTES_MAX, parseInteger, writeInteger, writeSigned64 } from "../util/integer.ts";
import { Span } from "../util/span.ts";

export class Element {
  /** The element's bytes; set by text() (walkers set it at once for elements that are not integers). */
  readonly element = new Span();
  /** Whether the element is stored as a safe integer: then `int` is its value. */
  isInt = false;
  int = 0;
  private readonly digits = new Uint8Array(INTEGER_TEXT_BYTES_MAX);

  /** The element's bytes, whatever its encoding. Valid until the next step of the reader. */
  text(): Span {
    if (this.isInt) this.element.set(this.digits, 0, writeInteger(this.int, this.digits, 0));
    return this.element;
  }

  /** Whether the element is these bytes. */
  equals(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.isInt) return parseInteger(bytes, start, length) === this.int;
    return this.element.equals(bytes, start, length);
  }

  /** Length of text() in bytes. */
  get length(): number {
    return this.text().length;
  }

  setInt(value: number): void {
    this.isInt = true;
    this.int = value;
  }

  setBytes(bytes: Uint8Array, start: number, length: number): void {
    this.isInt = false;
    this.element.set(bytes, start, length);
  }

  /** Sets the two's complement 64-bit integer of these halves (any 32-bit view of them). */
  setInt64(high: number, low: number): void {
    const top = high | 0;
    if (top > -0x200000 && top < 0x200000) {
      this.setInt(top * 4294967296 + (low >>> 0));
    } else {
      this.setBytes(this.digits, 0, writeSigned64(high, low, this.digits, 0));
    }
  }

  setFrom(other: Element): void {
    const span = other.text();
    this.isInt = other.isInt;
    this.int = other.int;
    this.element.set(span.bytes, span.start, span.length);
  }
}
