/**
 * The incremental request parser: RESP arrays of bulk strings, and inline lines. It works on bytes where they lie and
 * remembers where it stopped, so that a request which arrives in many pieces is parsed once.
 *
 *   bytes  … *2\r\n$3\r\nGET\r\n$1\r\n k \r\n *1\r\n$4\r\nPI
 *            ^requestStart          (parsed)   ^next request, incomplete
 *
 * What is accepted and each error's words are Redis's, down to a NUL byte hiding the line end from its strchr.
 */
import { Args } from "./args.ts";
import { splitInline } from "./inline.ts";

/** A line (counts, inline requests) may be this long. Redis notices a longer one only when its end has not come yet. */
export const INLINE_BYTES_MAX = 64 * 1024;
const MULTIBULK_COUNT_MAX = 2 ** 31 - 1;
const UNAUTHENTICATED_COUNT_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;

export enum Parsed {
  /** Bytes are missing. */
  MORE = 0,
  /** `args` hold a request. */
  REQUEST = 1,
  /** `error` says what is wrong; the connection cannot go on. */
  ERROR = 2,
}

/** What #count returns instead of a count. */
const MISSING = -1;
const INVALID = -2;

export class RequestParser {
  readonly args = new Args();
  bytes: Uint8Array = this.args.bytes;
  /** Where parsing goes on. */
  pos = 0;
  end = 0;
  /** First byte of the request being parsed. */
  requestStart = 0;
  /** "Protocol error: …" */
  error = "";
  /** The client has not authenticated yet but must: tight limits. */
  restricted = false;
  bulkBytesMax = 512 * 1024 * 1024;

  /** Arguments still missing; 0: between requests (or in an inline line). */
  #missing = 0;
  /** Length of the bulk string whose bytes come next; -1: its "$" line comes next. */
  #bulkLength = -1;
  /** How far a line's end has been searched. */
  #searched = 0;

  /** True when part of a request has been seen. */
  get begun(): boolean {
    return this.#missing > 0 || this.pos < this.end;
  }

  /** Gives the parser bytes[pos, end). Must hold the unfinished request, if any, at the same offsets (see `rebase`). */
  feed(bytes: Uint8Array, pos: number, end: number): void {
    this.bytes = bytes;
    this.pos = pos;
    this.end = end;
  }

  /** The unfinished request's bytes have moved by `delta`. */
  rebase(delta: number): void {
    this.pos += delta;
    this.requestStart += delta;
    this.#searched += delta;
    const { args } = this;
    for (let i = 0; i < args.count; i++) args.starts[i] = (args.starts[i] as number) + delta;
  }

  /** Forgets everything, the bytes too. */
  reset(): void {
    this.args.clear();
    this.args.bytes = this.bytes = NO_BYTES;
    this.pos = this.end = this.requestStart = this.#searched = this.#missing = 0;
    this.#bulkLength = -1;
  }

  /** Parses the next request; empty ones ("*0", a blank line) are passed over. */
  next(): Parsed {
    for (;;) {
      if (this.#missing === 0) {
        if (this.pos >= this.end) return Parsed.MORE;
        this.requestStart = this.pos;
        this.args.clear();
        if (this.bytes[this.pos] !== STAR) {
          const parsed = this.#inline();
          if (parsed !== Parsed.REQUEST || this.args.count > 0) return parsed;
          continue;
        }
        const count = this.#count();
        if (count < 0) return this.#countFailed(count);
        if (this.restricted && count > UNAUTHENTICATED_COUNT_MAX) {
          return this.#fail("unauthenticated multibulk length");
        }
        if (count === 0) continue;
        this.#missing = count;
      }
      return this.#bulks();
    }
  }

  #bulks(): Parsed {
    const { args, bytes, end } = this;
    args.bytes = bytes;
    do {
      let length = this.#bulkLength;
      if (length < 0) {
        length = this.#bulkHeader();
        if (length < 0) return length === MISSING ? Parsed.MORE : Parsed.ERROR;
        this.#bulkLength = length;
      }
      if (end - this.pos < length + 2) return Parsed.MORE;
      args.add(this.pos, length);
      this.pos += length + 2;
      this.#bulkLength = -1;
    } while (--this.#missing > 0);
    return Parsed.REQUEST;
  }

  /** "$<length>\r\n": the length, MISSING, or INVALID with `error` set. */
  #bulkHeader(): number {
    if (this.pos < this.end && this.bytes[this.pos] !== DOLLAR) {
      if (this.#lineEnd() < 0) return this.#lineMissing("too big bulk count string");
      this.#fail(`expected '$', got '${String.fromCharCode(this.bytes[this.pos] as number)}'`);
      return INVALID;
    }
    const length = this.#count();
    if (length === MISSING) return this.#lineMissing("too big bulk count string");
    if (length < 0 || length > this.bulkBytesMax || this.#negative) {
      this.#fail("invalid bulk length");
      return INVALID;
    }
    if (this.restricted && length > UNAUTHENTICATED_BULK_BYTES_MAX) {
      this.#fail("unauthenticated bulk length");
      return INVALID;
    }
    return length;
  }

  #countFailed(count: number): Parsed {
    if (count === INVALID) return this.#fail("invalid multibulk length");
    return this.#lineMissing("too big mbulk count string") === MISSING ? Parsed.MORE : Parsed.ERROR;
  }

  /** The line has no end yet: MISSING, or INVALID when it is too long already. */
  #lineMissing(error: string): number {
    if (this.#hasCarriageReturn || this.end - this.pos <= INLINE_BYTES_MAX) return MISSING;
    this.#fail(error);
    return INVALID;
  }

  #fail(what: string): Parsed {
    this.error = `Protocol error: ${what}`;
    return Parsed.ERROR;
  }

  /** The last count was below zero. */
  #negative = false;
  /** The last line searched ends with CR, only its LF is missing. */
  #hasCarriageReturn = false;

  /** The number after the type byte at `pos`, moving past its line; MISSING or INVALID; 0 for negative ones (see #negative). */
  #count(): number {
    const { bytes, end } = this;
    let at = this.pos + 1;
    if (at < end) {
      let digit = (bytes[at] as number) - 48;
      if (digit > 0 && digit <= 9) {
        let value = digit;
        while (++at < end) {
          digit = (bytes[at] as number) - 48;
          if (digit < 0 || digit > 9 || value > 100_000_000) break;
          value = value * 10 + digit;
        }
        if (at + 1 < end && bytes[at] === CR) {
          this.pos = at + 2;
          this.#negative = false;
          return value;
        }
      }
    }
    return this.#countSlowly();
  }

  #countSlowly(): number {
    const lineEnd = this.#lineEnd();
    if (lineEnd < 0) return MISSING;
    const text = Buffer.prototype.latin1Slice.call(this.bytes, this.pos + 1, Math.min(lineEnd, this.pos + 32));
    if (!/^(?:0|-?[1-9][0-9]*)$/.test(text)) return INVALID;
    const value = Number(text);
    if (value > MULTIBULK_COUNT_MAX || value < -(2 ** 63)) return INVALID;
    this.pos = lineEnd + 2;
    this.#negative = value < 0;
    return Math.max(0, value);
  }

  /** Index of the CR that ends the line at `pos` when the byte after it is there too; -1 otherwise. */
  #lineEnd(): number {
    const { bytes, end } = this;
    let at = Math.max(this.pos, this.#searched);
    while (at < end && bytes[at] !== CR && bytes[at] !== 0) at++;
    this.#searched = at;
    this.#hasCarriageReturn = at < end && bytes[at] === CR && at - this.pos <= INLINE_BYTES_MAX;
    return this.#hasCarriageReturn && at + 1 < end ? at : -1;
  }

  #inline(): Parsed {
    const { bytes, end, pos } = this;
    let at = Math.max(pos, this.#searched);
    while (at < end && bytes[at] !== LF && bytes[at] !== 0) at++;
    this.#searched = at;
    if (at - pos > INLINE_BYTES_MAX) return this.#fail("too big inline request");
    if (at === end || bytes[at] === 0) {
      return end - pos > INLINE_BYTES_MAX ? this.#fail("too big inline request") : Parsed.MORE;
    }
    const lineEnd = at > pos && bytes[at - 1] === CR ? at - 1 : at;
    if (!splitInline(bytes, pos, lineEnd, this.args)) return this.#fail("unbalanced quotes in request");
    this.pos = at + 1;
    return Parsed.REQUEST;
  }
}

const NO_BYTES = new Uint8Array(0);
