/**
 * Zipmap, the small hash of Redis 2.0 to 2.4: fields and values in turn, each one an element here.
 *
 *   | pairs u8 (254 or more: unknown) | field | value | field | value | … | 0xff |
 *
 *   field = length | bytes          value = length | unused bytes u8 | bytes | that many unused bytes
 *   length = one byte below 254, or 254 + u32le
 */
import type { Element } from "./element.ts";
import { i32le, Packed } from "./packed.ts";

const HEADER_BYTES = 1;
const COUNT_UNKNOWN = 254;
const LONG_LENGTH = 254;
const END = 0xff;

function validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
  if (length < HEADER_BYTES + 1 || start + length > bytes.length) return `a zipmap of ${length} bytes`;
  return bytes[start + length - 1] === END ? null : "a zipmap without its end byte";
}

/** What is wrong with a zipmap, or null. Deep, as Redis checks every zipmap that it loads: every pair, the count. */
export function validateZipmap(bytes: Uint8Array, start: number, length: number, deep = false): string | null {
  const problem = validateFrame(bytes, start, length);
  if (problem !== null || !deep) return problem;
  const limit = start + length - 1;
  let pos = start + HEADER_BYTES;
  let elements = 0;
  for (; pos < limit; elements++) {
    const after = behind(bytes, pos, elements % 2 === 1);
    if (!(after <= limit) || bytes[pos] === END)
      return `an element at byte ${pos - start} that leads out of the zipmap`;
    pos = after;
  }
  if (elements % 2 === 1) return "a zipmap whose last field has no value";
  const said = bytes[start] as number;
  return said >= COUNT_UNKNOWN || said * 2 === elements ? null : `a zipmap of ${elements / 2} pairs that says ${said}`;
}

/** Where the element after the one at `pos` begins; may lie beyond the end. */
function behind(bytes: Uint8Array, pos: number, isValue: boolean): number {
  const short = bytes[pos] as number;
  const head = pos + (short < LONG_LENGTH ? 1 : 5);
  const length = short < LONG_LENGTH ? short : i32le(bytes, pos + 1) >>> 0;
  return isValue ? head + 1 + length + (bytes[head] ?? 0) : head + length;
}

export class Zipmap extends Packed {
  protected override readonly encoding = "zipmap";
  protected override readonly headerBytes = HEADER_BYTES;
  private isValue = false;

  protected override validateFrame(bytes: Uint8Array, start: number, length: number): string | null {
    this.isValue = false;
    return validateFrame(bytes, start, length);
  }

  protected override headerCount(): number {
    const pairs = this.bytes[this.start] as number;
    return pairs >= COUNT_UNKNOWN ? -1 : pairs * 2;
  }

  override rewind(): void {
    super.rewind();
    this.isValue = false;
  }

  /** Walks from the first pair; the position is before it afterwards. */
  override count(): number {
    const count = super.count();
    this.rewind();
    return count;
  }

  override next(into: Element): boolean {
    const { bytes, pos, isValue } = this;
    if (!this.skip()) return false;
    const short = bytes[pos] as number;
    const head = pos + (short < LONG_LENGTH ? 1 : 5) + (isValue ? 1 : 0);
    into.setBytes(bytes, head, short < LONG_LENGTH ? short : i32le(bytes, pos + 1) >>> 0);
    return true;
  }

  override skip(): boolean {
    const { bytes, pos, limit } = this;
    if (pos >= limit) {
      if (this.isValue) throw this.bad(pos, "the end", "the value of the last field");
      return false;
    }
    const after = behind(bytes, pos, this.isValue);
    if (!(after <= limit) || bytes[pos] === END) throw this.overrun(pos);
    this.pos = after;
    this.isValue = !this.isValue;
    return true;
  }

  /** A zipmap cannot be walked backwards; nothing asks for it. */
  override previous(): boolean {
    throw new Error("a zipmap has no way back");
  }
}
