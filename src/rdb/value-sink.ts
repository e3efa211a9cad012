/** Where a value is written to as the RDB format has it: a file (RdbWriter), or memory (PayloadSink). */
import { EMPTY_BYTES } from "../util/span.ts";
import { putLength } from "./writer.ts";

export interface ValueSink {
  u8(value: number): void;
  /** A length or a count, below 2^53. */
  length(value: number): void;
  /** Bytes as they are, any number of them. */
  bytes(source: Uint8Array, start: number, length: number): void;
  /** A string of these bytes, compressed where the sink does that. */
  string(source: Uint8Array, start: number, length: number): void;
  /** A whole number as int64 little-endian. */
  int64(value: number): void;
}

const INITIAL_BYTES = 4096;
const { copy } = Buffer.prototype;

/** Bytes in memory that grow. Strings are not compressed. */
export class PayloadSink implements ValueSink {
  /** What was written: the first `size` bytes. */
  buffer: Uint8Array = EMPTY_BYTES;
  size = 0;

  u8(value: number): void {
    this.reserve(1);
    this.buffer[this.size++] = value;
  }

  length(value: number): void {
    this.reserve(9);
    this.size = putLength(this.buffer, this.size, value);
  }

  bytes(source: Uint8Array, start: number, length: number): void {
    this.reserve(length);
    copy.call(source, this.buffer, this.size, start, start + length);
    this.size += length;
  }

  string(source: Uint8Array, start: number, length: number): void {
    this.length(length);
    this.bytes(source, start, length);
  }

  int64(value: number): void {
    this.reserve(8);
    const view = new DataView(this.buffer.buffer, this.buffer.byteOffset + this.size, 8);
    view.setBigInt64(0, BigInt(value), true);
    this.size += 8;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    const wanted = this.size + bytes;
    if (wanted <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(INITIAL_BYTES, wanted, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.size));
    this.buffer = grown;
  }
}
