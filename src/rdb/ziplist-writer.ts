/**
 * Makes a ziplist (drawn in encodings/ziplist.ts) of the elements of a listpack, for readers older than Redis 7.
 *
 * Integers stay integers, in the shortest form that a ziplist has for them; strings stay strings.
 */
import { Element } from "../encodings/element.ts";
import { Listpack } from "../encodings/listpack.ts";

const HEADER_BYTES = 10;
const COUNT_MAX = 0xffff;
const END = 0xff;
const LONG_PREVIOUS = 254;
/** Size before it, encoding and length: the most that stands before an element's data. */
const HEAD_BYTES_MAX = 10;

export class ZiplistWriter {
  bytes = new Uint8Array(1024);
  /** Length of the ziplist in `bytes`. */
  length = 0;
  readonly #listpack = new Listpack();
  readonly #element = new Element();
  #previous = 0;
  #last = HEADER_BYTES;
  #count = 0;

  /** Leaves the ziplist of a listpack's elements in `bytes`, valid until the next call. Throws FormatError for `origin`. */
  convert(bytes: Uint8Array, start: number, length: number, origin: number): void {
    this.#begin();
    const element = this.#element;
    for (this.#listpack.open(bytes, start, length, origin); this.#listpack.next(element); ) {
      if (element.isInt) this.#int(element.int);
      else this.#string(element.element.bytes, element.element.start, element.element.length);
    }
    this.#finish();
  }

  /** Leaves the ziplist of one string in `bytes`. */
  single(bytes: Uint8Array, start: number, length: number): void {
    this.#begin();
    this.#string(bytes, start, length);
    this.#finish();
  }

  #begin(): void {
    this.length = HEADER_BYTES;
    this.#previous = 0;
    this.#last = HEADER_BYTES;
    this.#count = 0;
  }

  #finish(): void {
    this.#reserve(1);
    this.bytes[this.length++] = END;
    this.#u32le(0, this.length);
    this.#u32le(4, this.#last);
    const count = Math.min(this.#count, COUNT_MAX);
    this.bytes[8] = count;
    this.bytes[9] = count >>> 8;
  }

  #string(source: Uint8Array, start: number, length: number): void {
    let at = this.#open(length);
    const { bytes } = this;
    if (length < 64) bytes[at++] = length;
    else if (length < 16384) {
      bytes[at++] = 0x40 | (length >>> 8);
      bytes[at++] = length;
    } else {
      bytes[at++] = 0x80;
      bytes[at++] = length >>> 24;
      bytes[at++] = length >>> 16;
      bytes[at++] = length >>> 8;
      bytes[at++] = length;
    }
    bytes.set(source.subarray(start, start + length), at);
    this.#close(at + length);
  }

  #int(value: number): void {
    let at = this.#open(8);
    const { bytes } = this;
    if (value >= 0 && value <= 12) {
      bytes[at++] = 0xf1 + value;
      this.#close(at);
      return;
    }
    const [encoding, size] = intForm(value);
    bytes[at++] = encoding;
    let rest = BigInt(value);
    for (let i = 0; i < size; i++, rest >>= 8n) bytes[at++] = Number(rest & 0xffn);
    this.#close(at);
  }

  /** Writes the size of the element before; returns where the encoding goes. */
  #open(dataBytes: number): number {
    this.#reserve(HEAD_BYTES_MAX + dataBytes);
    let at = this.length;
    this.#last = at;
    if (this.#previous < LONG_PREVIOUS) this.bytes[at++] = this.#previous;
    else {
      this.bytes[at] = LONG_PREVIOUS;
      this.#u32le(at + 1, this.#previous);
      at += 5;
    }
    return at;
  }

  #close(end: number): void {
    this.#previous = end - this.length;
    this.length = end;
    this.#count++;
  }

  #u32le(at: number, value: number): void {
    for (let i = 0; i < 4; i++) this.bytes[at + i] = value >>> (8 * i);
  }

  #reserve(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const grown = new Uint8Array((this.length + n) * 2);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

/** Encoding byte and size in bytes of an integer outside 0 … 12. */
function intForm(value: number): [encoding: number, size: number] {
  if (value >= -(2 ** 7) && value < 2 ** 7) return [0xfe, 1];
  if (value >= -(2 ** 15) && value < 2 ** 15) return [0xc0, 2];
  if (value >= -(2 ** 23) && value < 2 ** 23) return [0xf0, 3];
  if (value >= -(2 ** 31) && value < 2 ** 31) return [0xd0, 4];
  return [0xe0, 8];
}
