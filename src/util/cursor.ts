/**
 * A reading position in a ByteSource. Every read checks first that its bytes exist and are admitted by the source;
 * nothing read through a cursor can lie outside the source, whatever a length in the file says.
 *
 * `bytes`, `pos` and `end` are public for the hot path: after `need(n)`, bytes[pos] … bytes[pos + n - 1] may be read.
 * Invariant: 0 ≤ pos, and bytes[i] is admitted for pos ≤ i < end.
 */
import { type ByteSource, sourceOf, WINDOW_STRIDE_BYTES } from "./byte-source.ts";
import { FormatError } from "./format-error.ts";
import { EMPTY_BYTES, type Span } from "./span.ts";

const NO_SOURCE = sourceOf(EMPTY_BYTES);

export class Cursor {
  source: ByteSource = NO_SOURCE;
  /** The current window. */
  bytes: Uint8Array = EMPTY_BYTES;
  /** Position in the window; may lie past `end` after a skip, the next `need` mends that. */
  pos = 0;
  /** End of the admitted bytes in the window. */
  end = 0;
  /** Offset of the window in the source. */
  base = 0;

  /** Puts the cursor at `offset` of `source`. Touches no byte. */
  open(source: ByteSource, offset: number): this {
    this.source = source;
    const window = offset < WINDOW_STRIDE_BYTES ? 0 : Math.floor(offset / WINDOW_STRIDE_BYTES);
    this.base = window * WINDOW_STRIDE_BYTES;
    this.bytes = source.windows[window] ?? EMPTY_BYTES;
    // Positions are kept int32 (a window is shorter than 2^31): as doubles they cost a conversion at every byte.
    this.pos = (offset - this.base) | 0;
    this.end = this.pos;
    return this;
  }

  /** Puts the cursor where another one is. */
  like(other: Cursor): this {
    this.source = other.source;
    this.bytes = other.bytes;
    this.pos = other.pos;
    this.end = other.end;
    this.base = other.base;
    return this;
  }

  /** Offset in the source. */
  get offset(): number {
    return this.base + this.pos;
  }

  /** Bytes between here and the end of the source; negative never. */
  get left(): number {
    return this.source.size - this.base - this.pos;
  }

  seek(offset: number): void {
    this.open(this.source, offset);
  }

  /** Makes the next `n` bytes readable at bytes[pos]. Throws FormatError "truncated" when the source ends before. */
  need(n: number): void {
    if (n > this.end - this.pos) this.#admit(n);
  }

  #admit(n: number): void {
    const { source } = this;
    const offset = this.base + this.pos;
    if (!(n <= source.size - offset)) {
      throw new FormatError("truncated", offset, `${source.size - offset} bytes before the end`, `${n} bytes`);
    }
    const admitted = source.admit(offset, n);
    if (this.pos >= WINDOW_STRIDE_BYTES) this.open(source, offset);
    this.end = Math.min(admitted - this.base, this.bytes.length) | 0;
    if (n > this.end - this.pos) {
      throw new FormatError("too-long", offset, `an item of ${n} bytes`, `at most ${WINDOW_STRIDE_BYTES} bytes`);
    }
  }

  /** Moves over `n` bytes without looking at them: they must exist, they are not admitted. */
  skip(n: number): void {
    if (!(n >= 0 && n <= this.left)) {
      throw new FormatError("truncated", this.offset, `${this.left} bytes before the end`, `${n} bytes`);
    }
    this.pos += n;
  }

  u8(): number {
    if (this.pos >= this.end) this.need(1);
    return this.bytes[this.pos++] as number;
  }

  u16le(): number {
    this.need(2);
    const { bytes, pos } = this;
    this.pos = pos + 2;
    return (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8);
  }

  u32le(): number {
    this.need(4);
    const { bytes, pos } = this;
    this.pos = pos + 4;
    return (
      ((bytes[pos] as number) |
        ((bytes[pos + 1] as number) << 8) |
        ((bytes[pos + 2] as number) << 16) |
        ((bytes[pos + 3] as number) << 24)) >>>
      0
    );
  }

  u32be(): number {
    this.need(4);
    const { bytes, pos } = this;
    this.pos = pos + 4;
    return (
      (((bytes[pos] as number) << 24) |
        ((bytes[pos + 1] as number) << 16) |
        ((bytes[pos + 2] as number) << 8) |
        (bytes[pos + 3] as number)) >>>
      0
    );
  }

  u64le(): bigint {
    const low = this.u32le();
    return (BigInt(this.u32le()) << 32n) | BigInt(low);
  }

  i64le(): bigint {
    return BigInt.asIntN(64, this.u64le());
  }

  u64be(): bigint {
    const high = this.u32be();
    return (BigInt(high) << 32n) | BigInt(this.u32be());
  }

  /** IEEE 754 double, little-endian, as RDB's binary scores. */
  f64le(): number {
    SCRATCH_WORDS[0] = this.u32le();
    SCRATCH_WORDS[1] = this.u32le();
    return SCRATCH_DOUBLE[0] as number;
  }

  /** The next `n` bytes as a span; valid as long as the source is open. */
  span(n: number, into: Span): void {
    this.need(n);
    into.set(this.bytes, this.pos, n);
    this.pos += n;
  }
}

const SCRATCH_DOUBLE = new Float64Array(1);
const SCRATCH_WORDS = new Uint32Array(SCRATCH_DOUBLE.buffer);
