/**
 * The reply writer: RESP2 and RESP3 into one output buffer, shared by all clients' batches as Redis's static reply buffer.
 *
 *   buffer   +OK\r\n $3\r\nfoo\r\n $70000\r\n | \r\n :1\r\n …          length = bytes used
 *                                            ^ reference {at, bytes, start, length}
 *
 * Long strings that stay where they are (a mapping) are queued as references between two places of the buffer; all else is
 * copied. A handler's half-written reply can be taken back with `mark` and `rollback`.
 */

import { doubleText, writePlainDouble } from "../util/decimal.ts";
import { copyBytes } from "../util/native.ts";
import type { Span } from "../util/span.ts";

/** Strings at least this long are queued by reference when their bytes are pinned. */
export const REFERENCE_BYTES_MIN = 64 * 1024;
const BUFFER_FIRST_BYTES = 64 * 1024;
/** A buffer that grew beyond this is given back after the batch. */
const BUFFER_KEPT_BYTES_MAX = 1024 * 1024;

const CR = 13;
const LF = 10;
/** The text of a double. */
const DOUBLE = new Uint8Array(32);
/** Shorter texts are written by a loop, longer ones by a call. */
const LOOP_BYTES_MAX = 24;
const { latin1Write } = Buffer.prototype;

/** Type byte, the longest safe integer, line end, and some room. */
const HEADER_BYTES_MAX = 24;

/** Bytes that are sent from where they lie, after `at` bytes of the buffer. They stay valid until they are sent. */
export interface Reference {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
}

/** What `elements` needs of a collection's element (types/elements.ts). */
export interface ElementLike {
  readonly isInt: boolean;
  readonly int: number;
  text(): Span;
}

export class Reply {
  protocol: 2 | 3 = 2;
  buffer = new Uint8Array(BUFFER_FIRST_BYTES);
  /** Bytes used of `buffer`. */
  length = 0;
  references: Reference[] = [];
  /** Bytes in `references`. */
  referencedBytes = 0;
  /** Errors written so far; dispatch compares before and after a handler. */
  errors = 0;
  lastError = "";

  /** Bytes waiting to be sent. */
  get size(): number {
    return this.length + this.referencedBytes;
  }

  /** Empties the writer; gives a grown buffer back. */
  clear(): void {
    this.length = 0;
    this.referencedBytes = 0;
    if (this.references.length > 0) this.references = [];
    if (this.buffer.length > BUFFER_KEPT_BYTES_MAX) this.buffer = new Uint8Array(BUFFER_FIRST_BYTES);
  }

  /** Copies what is queued by reference: whatever it lies in may go. */
  detach(): void {
    this.references = this.references.map(({ at, bytes, start, length }) => ({
      at,
      bytes: bytes.slice(start, start + length),
      start: 0,
      length,
    }));
  }

  /** The place to roll back to. */
  mark(): number {
    return this.length;
  }

  /** Takes back everything written since `mark()` returned `mark` (nothing may have been sent in between). */
  rollback(mark: number): void {
    this.length = mark;
    const { references } = this;
    while (references.length > 0 && (references[references.length - 1] as Reference).at > mark) {
      this.referencedBytes -= (references.pop() as Reference).length;
    }
  }

  /** Puts back what followed `mark` in a writer that has been emptied up to it. */
  restore(bytes: Uint8Array, references: readonly Reference[], mark: number): void {
    this.ensure(bytes.length);
    this.buffer.set(bytes, 0);
    this.length = bytes.length;
    for (const reference of references) {
      this.references.push({ ...reference, at: reference.at - mark });
      this.referencedBytes += reference.length;
    }
  }

  /** "+text". `text` is binary and holds no line break. */
  simple(text: string): void {
    this.#line(43, text);
  }

  ok(): void {
    this.ensure(5);
    const { buffer, length } = this;
    buffer[length] = 43;
    buffer[length + 1] = 79;
    buffer[length + 2] = 75;
    buffer[length + 3] = CR;
    buffer[length + 4] = LF;
    this.length = length + 5;
  }

  /** "-text": the text with its prefix ("ERR …", "WRONGTYPE …"), without dash. Line breaks become spaces. */
  error(text: string): void {
    this.errors++;
    this.lastError = text;
    this.#line(45, text.replace(/[\r\n]/g, " "));
  }

  /** A whole number: beyond 2^53 the one that the double is exactly. Throws RangeError for what is none (NaN). */
  integer(value: number | bigint): void {
    if (typeof value === "bigint") this.#line(58, value.toString());
    else this.#header(58, value);
  }

  /** A bulk string. `pinned`: the bytes stay as they are until sent (they lie in a mapping), so that long ones need no copy. */
  bulk(bytes: Uint8Array, start: number, length: number, pinned = false): void {
    this.#header(36, length);
    this.#body(bytes, start, length, pinned);
  }

  /** As `bulk`. */
  bulkSpan(span: Span, pinned = false): void {
    this.#header(36, span.length);
    this.#body(span.bytes, span.start, span.length, pinned);
  }

  /** A bulk string from a binary string (latin1). */
  bulkText(binary: string): void {
    this.#header(36, binary.length);
    this.#text(binary);
    this.#crlf();
  }

  /** A bulk string that holds the decimal text of a whole number, as `integer`. */
  bulkInteger(value: number): void {
    if (!isSafe(value)) {
      this.bulkText(BigInt(value).toString());
      return;
    }
    const digits = decimalLength(value);
    this.#header(36, digits);
    this.ensure(digits + 2);
    this.#decimal(value, digits);
    this.#crlf();
  }

  /** RESP3 verbatim string, "txt" or "mkd"; a bulk string in RESP2. */
  verbatim(binary: string, format = "txt"): void {
    if (this.protocol === 2) {
      this.bulkText(binary);
      return;
    }
    this.#header(61, binary.length + 4);
    this.#text(`${format}:`);
    this.#text(binary);
    this.#crlf();
  }

  /** The absent value: "$-1", "_" in RESP3. */
  nil(): void {
    if (this.protocol === 2) this.#header(36, -1);
    else this.#line(95, "");
  }

  /** The absent array: "*-1", "_" in RESP3. */
  nilArray(): void {
    if (this.protocol === 2) this.#header(42, -1);
    else this.#line(95, "");
  }

  /** Begins an array: `count` replies follow. */
  array(count: number): void {
    this.#header(42, count);
  }

  /** Begins a map: `count` pairs follow; a flat array in RESP2. */
  map(count: number): void {
    if (this.protocol === 2) this.#header(42, count * 2);
    else this.#header(37, count);
  }

  /** Begins a set; an array in RESP2. */
  set(count: number): void {
    this.#header(this.protocol === 2 ? 42 : 126, count);
  }

  /** Begins a push message; an array in RESP2. */
  push(count: number): void {
    this.#header(this.protocol === 2 ? 42 : 62, count);
  }

  /** Begins an attribute of `count` pairs. Only for RESP3: check `protocol` first. */
  attribute(count: number): void {
    this.#header(124, count);
  }

  /** A double; a bulk string in RESP2. */
  double(value: number): void {
    if (this.protocol === 3) this.#line(44, doubleText(value));
    else if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.bulkInteger(value);
    else {
      const plain = writePlainDouble(value, DOUBLE, 0);
      if (plain > 0) this.bulk(DOUBLE, 0, plain);
      else this.bulkText(doubleText(value));
    }
  }

  /** A boolean; 1 or 0 in RESP2. */
  boolean(value: boolean): void {
    if (this.protocol === 2) this.#header(58, value ? 1 : 0);
    else this.#line(35, value ? "t" : "f");
  }

  /** A big number, given in decimal; a bulk string in RESP2. */
  bigNumber(decimal: string): void {
    if (this.protocol === 2) this.bulkText(decimal);
    else this.#line(40, decimal);
  }

  /** A collection's element as a bulk string; integers are formatted straight into the output. */
  elements(element: ElementLike): void {
    if (element.isInt) this.bulkInteger(element.int);
    else this.bulkSpan(element.text());
  }

  /** Makes room for `bytes` more bytes. */
  ensure(bytes: number): void {
    if (bytes > this.buffer.length - this.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + bytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  #body(bytes: Uint8Array, start: number, length: number, pinned: boolean): void {
    if (pinned && length >= REFERENCE_BYTES_MIN) {
      this.references.push({ at: this.length, bytes, start, length });
      this.referencedBytes += length;
      this.ensure(2);
    } else {
      this.ensure(length + 2);
      copyBytes(bytes, start, length, this.buffer, this.length);
      this.length += length;
    }
    this.#crlf();
  }

  /** Room must be there. */
  #crlf(): void {
    const { buffer, length } = this;
    buffer[length] = CR;
    buffer[length + 1] = LF;
    this.length = length + 2;
  }

  /** Writes a binary string and leaves room for the line end. */
  #text(text: string): void {
    this.ensure(text.length + 2);
    const { buffer, length } = this;
    if (text.length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < text.length; i++) buffer[length + i] = text.charCodeAt(i);
    } else {
      latin1Write.call(buffer, text, length, text.length);
    }
    this.length = length + text.length;
  }

  #line(type: number, text: string): void {
    this.ensure(1);
    this.buffer[this.length++] = type;
    this.#text(text);
    this.#crlf();
  }

  /** Type byte, decimal number, line end. */
  #header(type: number, value: number): void {
    if (this.buffer.length - this.length < HEADER_BYTES_MAX) this.#grow(HEADER_BYTES_MAX);
    const { buffer } = this;
    let at = this.length;
    buffer[at++] = type;
    const small = value | 0;
    if (small === value && small >= 0 && small < 1000) {
      // The common case without calls: lengths and counts of up to three digits.
      const hundreds = (small / 100) | 0;
      const tens = (small / 10) | 0;
      if (hundreds > 0) buffer[at++] = 48 + hundreds;
      if (tens > 0) buffer[at++] = 48 + tens - hundreds * 10;
      buffer[at++] = 48 + small - tens * 10;
      buffer[at] = CR;
      buffer[at + 1] = LF;
      this.length = at + 2;
      return;
    }
    if (small === value && small >= 0) {
      at = writeDigits(buffer, at, small);
      buffer[at] = CR;
      buffer[at + 1] = LF;
      this.length = at + 2;
      return;
    }
    if (!isSafe(value)) {
      this.#line(type, BigInt(value).toString());
      return;
    }
    this.length = at;
    this.#decimal(value, decimalLength(value));
    this.#crlf();
  }

  /** Room must be there. `value` is a safe integer of `digits` characters. */
  #decimal(value: number, digits: number): void {
    const { buffer } = this;
    let at = this.length + digits;
    this.length = at;
    let rest = value;
    if (rest < 0) {
      buffer[at - digits] = 45;
      rest = -rest;
    }
    while (rest > 0x7fffffff) {
      const next = Math.floor(rest / 10);
      buffer[--at] = 48 + (rest - next * 10);
      rest = next;
    }
    let small = rest | 0;
    do {
      const next = (small / 10) | 0;
      buffer[--at] = 48 + (small - next * 10);
      small = next;
    } while (small > 0);
  }
}

/** Writes an int32 from 1000 on in decimal, two digits at a time; returns the position behind it. */
function writeDigits(buffer: Uint8Array, start: number, value: number): number {
  let digits = 4;
  if (value >= 1_000_000) digits = value >= 100_000_000 ? 9 : value >= 10_000_000 ? 8 : 7;
  else if (value >= 10_000) digits = value >= 100_000 ? 6 : 5;
  if (value >= 1_000_000_000) digits = 10;
  let at = start + digits;
  let rest = value;
  while (rest >= 100) {
    const hundreds = (rest / 100) | 0;
    const pair = rest - hundreds * 100;
    const tens = (pair / 10) | 0;
    buffer[--at] = 48 + pair - tens * 10;
    buffer[--at] = 48 + tens;
    rest = hundreds;
  }
  const tens = (rest / 10) | 0;
  buffer[--at] = 48 + rest - tens * 10;
  if (tens > 0) buffer[--at] = 48 + tens;
  return start + digits;
}

/** Whether sums and quotients of the number are exact. */
function isSafe(value: number): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

/** Characters of a safe integer in decimal, sign included. */
function decimalLength(value: number): number {
  let digits = 1;
  let rest = value;
  if (rest < 0) {
    digits = 2;
    rest = -rest;
  }
  for (let bound = 10; rest >= bound; bound *= 10) digits++;
  return digits;
}
