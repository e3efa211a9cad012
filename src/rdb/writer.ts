/**
 * Writes an RDB file from its first byte to its last, through a buffer that goes to a sink in whole blocks.
 *
 *   begin(version) ─ aux … ─ { selectDb ─ resizeDb ─ records } ─ end(version)
 *
 *   buffer   | flushed to the sink: a multiple of BLOCK_BYTES | at … room |
 *
 * Hot path: `reserve(n)`, then bytes are put at `buffer[at …]` by the caller, who moves `at`. The file's CRC64 is taken of what goes
 * to the sink. The version may turn out higher than it was begun with: `end` then has the header changed, and joins the CRC64 of
 * the new header with that of the rest.
 */
import { Crc64, type Crc64Value, crc64Combine } from "./crc64.ts";
import { LzfCompressor } from "./lzf-compress.ts";
import { Opcode, StringEncoding } from "./opcodes.ts";

/** What is flushed is a multiple of this, but for the end of the file. */
const BLOCK_BYTES = 4096;
const BUFFER_BYTES = 2 ** 20;
const HEADER_BYTES = 9;
/** As Redis: shorter strings are never compressed, and compression must save so much. */
const COMPRESSED_LENGTH_MIN = 21;
const COMPRESSED_SAVING_MIN = 4;
/** A longer string is written as it is: compressing it would take that much memory. */
const COMPRESSED_LENGTH_MAX = 16 * 2 ** 20;
/** Of a string that goes through the buffer at once when it is compressed. */
const IN_PLACE_LENGTH_MAX = 64 * 1024;
/** Most bytes of a compressed string's head: encoding, two lengths of five bytes. */
const COMPRESSED_HEAD_BYTES_MAX = 11;

/** Where the bytes go. */
export interface RdbSink {
  /** The next `length` bytes of the file: a multiple of 4096, but for the last. Throws to end the writing. */
  take(bytes: Uint8Array, length: number): void;
  /** The file's first bytes are others than were taken. */
  amendHead(bytes: Uint8Array): void;
}

export interface RdbWriterOptions {
  readonly compression: boolean;
  readonly checksum: boolean;
}

export class RdbWriter {
  /** After reserve(n): n bytes from `at` on are the caller's to write. */
  readonly buffer = new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
  at = 0;
  readonly #sink: RdbSink;
  readonly #compression: boolean;
  readonly #checksum: boolean;
  /** Of everything behind the header. */
  readonly #crc = new Crc64();
  readonly #lzf = new LzfCompressor();
  #compressed = new Uint8Array(0);
  #flushed = 0;
  #header: Uint8Array = new Uint8Array(0);

  constructor(sink: RdbSink, options: RdbWriterOptions) {
    this.#sink = sink;
    this.#compression = options.compression;
    this.#checksum = options.checksum;
  }

  /** Offset in the file of the next byte. */
  get offset(): number {
    return this.#flushed + this.at;
  }

  /** Makes room for `n` bytes in a row, n at most 512 KiB. Throws what the sink throws. */
  reserve(n: number): void {
    if (n > BUFFER_BYTES - this.at) this.#flush();
  }

  /** Magic and version. */
  begin(version: number): void {
    this.#header = headerOf(version);
    this.bytes(this.#header, 0, HEADER_BYTES);
  }

  /** A pair of strings about the file. Text as latin1; a number as Redis writes it, integer-encoded. */
  aux(name: string, value: string | number): void {
    this.u8(Opcode.AUX);
    this.text(name);
    if (typeof value === "number") this.integer(value);
    else this.text(value);
  }

  selectDb(dbid: number): void {
    this.u8(Opcode.SELECTDB);
    this.length(dbid);
  }

  /** Keys, and keys with an expiry, of the database selected: a hint. */
  resizeDb(keys: number, expires: number): void {
    this.u8(Opcode.RESIZEDB);
    this.length(keys);
    this.length(expires);
  }

  /**
   * EOF, and the CRC64 (zero without checksum). `version` is the file's in the end, at least the one it was begun with. Nothing may be
   * written afterwards. Throws what the sink throws.
   */
  end(version: number): void {
    this.u8(Opcode.EOF);
    const header = headerOf(version);
    const amended = header.some((byte, i) => byte !== this.#header[i]);
    if (amended && this.#flushed === 0) this.buffer.set(header);
    const inBuffer = this.at;
    const crc = this.#checksum ? this.#crcOfAll(header, inBuffer) : { low: 0, high: 0 };
    this.reserve(8);
    putU32(this.buffer, this.at, crc.low);
    putU32(this.buffer, this.at + 4, crc.high);
    this.at += 8;
    if (amended && this.#flushed > 0) this.#sink.amendHead(header);
    this.#sink.take(this.buffer, this.at);
    this.#flushed += this.at;
    this.at = 0;
  }

  u8(value: number): void {
    if (this.at === BUFFER_BYTES) this.#flush();
    this.buffer[this.at++] = value;
  }

  /** A length or a count, below 2^53. */
  length(value: number): void {
    this.reserve(9);
    this.at = putLength(this.buffer, this.at, value);
  }

  /** Copies bytes. Any number of them. */
  bytes(source: Uint8Array, start: number, length: number): void {
    if (length <= BUFFER_BYTES - this.at) {
      putBytes(source, start, length, this.buffer, this.at);
      this.at += length;
      return;
    }
    for (let from = start, end = start + length; from < end; ) {
      if (this.at === BUFFER_BYTES) this.#flush();
      const piece = Math.min(end - from, BUFFER_BYTES - this.at);
      putBytes(source, from, piece, this.buffer, this.at);
      this.at += piece;
      from += piece;
    }
  }

  /** A string of these bytes; compressed where that is wanted and makes it smaller. */
  string(source: Uint8Array, start: number, length: number): void {
    if (this.#compression && length >= COMPRESSED_LENGTH_MIN && this.#stringCompressed(source, start, length)) return;
    this.length(length);
    this.bytes(source, start, length);
  }

  /** A string without compression; text as latin1. Cold path. */
  text(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.length(bytes.length);
    this.bytes(bytes, 0, bytes.length);
  }

  /** A string that is an integer's decimal text: of an int32 in one, two or four bytes, else the text. */
  integer(value: number): void {
    this.reserve(5);
    const { buffer } = this;
    if (value !== (value | 0)) {
      this.text(String(value));
    } else if (value >= -128 && value < 128) {
      buffer[this.at++] = 0xc0 | StringEncoding.INT8;
      buffer[this.at++] = value;
    } else if (value >= -32768 && value < 32768) {
      buffer[this.at++] = 0xc0 | StringEncoding.INT16;
      buffer[this.at++] = value;
      buffer[this.at++] = value >> 8;
    } else {
      buffer[this.at++] = 0xc0 | StringEncoding.INT32;
      putU32(buffer, this.at, value);
      this.at += 4;
    }
  }

  /** EXPIRETIME_MS: milliseconds since 1970. */
  expireAt(ms: number): void {
    this.u8(Opcode.EXPIRETIME_MS);
    this.int64(ms);
  }

  /** A whole number as int64 little-endian. */
  int64(value: number): void {
    this.reserve(8);
    const high = Math.floor(value / 2 ** 32);
    putU32(this.buffer, this.at, value - high * 2 ** 32);
    putU32(this.buffer, this.at + 4, high);
    this.at += 8;
  }

  /** IDLE: seconds since the next key was used. */
  idle(seconds: number): void {
    this.u8(Opcode.IDLE);
    this.length(seconds);
  }

  /** FREQ: the LFU counter of the next key, a byte. */
  freq(counter: number): void {
    this.reserve(2);
    this.buffer[this.at++] = Opcode.FREQ;
    this.buffer[this.at++] = counter;
  }

  /** The type byte and the key, which is never compressed: Folio compares it where it lies. */
  key(type: number, key: Uint8Array, start: number, length: number): void {
    this.u8(type);
    this.length(length);
    this.bytes(key, start, length);
  }

  /** Writes the string compressed, or nothing: false. */
  #stringCompressed(source: Uint8Array, start: number, length: number): boolean {
    if (length > COMPRESSED_LENGTH_MAX) return false;
    const limit = length - COMPRESSED_SAVING_MIN;
    if (length > IN_PLACE_LENGTH_MAX) {
      if (this.#compressed.length < limit) this.#compressed = new Uint8Array(limit);
      const size = this.#lzf.compress(source, start, length, this.#compressed, 0, limit);
      if (size === 0) return false;
      this.reserve(COMPRESSED_HEAD_BYTES_MAX);
      this.#compressedHead(size, length);
      this.bytes(this.#compressed, 0, size);
      return true;
    }
    // Behind where a head of the same number of bytes for both lengths would end; moved up where it turns out shorter.
    this.reserve(COMPRESSED_HEAD_BYTES_MAX + length);
    const { buffer } = this;
    const place = this.at + 1 + 2 * lengthBytes(length);
    const size = this.#lzf.compress(source, start, length, buffer, place, limit);
    if (size === 0) return false;
    this.#compressedHead(size, length);
    if (this.at < place) buffer.copyWithin(this.at, place, place + size);
    this.at += size;
    return true;
  }

  #compressedHead(size: number, length: number): void {
    const { buffer } = this;
    buffer[this.at++] = 0xc0 | StringEncoding.LZF;
    this.at = putLength(buffer, this.at, size);
    this.at = putLength(buffer, this.at, length);
  }

  /** Hands whole blocks to the sink and moves the rest to the front. */
  #flush(): void {
    const { buffer } = this;
    const whole = this.at - (this.at % BLOCK_BYTES);
    if (this.#checksum) this.#crc.update(buffer, this.#flushed === 0 ? HEADER_BYTES : 0, whole);
    this.#sink.take(buffer, whole);
    buffer.copyWithin(0, whole, this.at);
    this.#flushed += whole;
    this.at -= whole;
  }

  /** The CRC64 of the header and everything up to `inBuffer` of the buffer. */
  #crcOfAll(header: Uint8Array, inBuffer: number): Crc64Value {
    this.#crc.update(this.buffer, this.#flushed === 0 ? HEADER_BYTES : 0, inBuffer);
    return crc64Combine(new Crc64().update(header), this.#crc, this.#flushed + inBuffer - HEADER_BYTES);
  }
}

function headerOf(version: number): Uint8Array {
  return Buffer.from(`REDIS${String(version).padStart(4, "0")}`, "latin1");
}

/** Bytes that a length takes. */
export function lengthBytes(length: number): number {
  if (length < 64) return 1;
  if (length < 16384) return 2;
  return length < 2 ** 32 ? 5 : 9;
}

/** Writes a length below 2^53 at `at`; returns the position behind it. */
export function putLength(into: Uint8Array, at: number, length: number): number {
  if (length < 64) {
    into[at] = length;
    return at + 1;
  }
  if (length < 16384) {
    into[at] = 0x40 | (length >>> 8);
    into[at + 1] = length;
    return at + 2;
  }
  if (length < 2 ** 32) {
    into[at] = 0x80;
    putU32be(into, at + 1, length);
    return at + 5;
  }
  into[at] = 0x81;
  putU32be(into, at + 1, Math.floor(length / 2 ** 32));
  putU32be(into, at + 5, length % 2 ** 32);
  return at + 9;
}

function putU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

function putU32be(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

const LOOP_BYTES_MAX = 32;
const { copy } = Buffer.prototype;

/** Copies bytes; a few by a loop, since a call costs more. */
function putBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length > LOOP_BYTES_MAX) copy.call(from, to, at, start, start + length);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
}
