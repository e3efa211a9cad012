/** Bits of strings as the bitmap commands name and change them. Bit 0 is the highest bit of byte 0. */
import { createString } from "../types/string.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { integer, parseInt64 } from "./parse.ts";
import { readToChange, stringToChange } from "./string-value.ts";

/** An integer within a string. */
export interface Field {
  readonly signed: boolean;
  /** Its width, 1 … 64. */
  readonly bits: number;
  /** Of its highest bit. */
  readonly offset: number;
}

const OLD = new Span();

/**
 * The string at argument 1, made long enough for the bit at `last`, its bytes at `into` to be changed at once; whether it has grown.
 * Throws ReplyError WRONGTYPE.
 */
export function bitsToChange(c: Context, last: number, into: Span): boolean {
  const { args, db, record } = c;
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  const bytesMin = Math.floor(last / 8) + 1;
  if (!stringToChange(c)) {
    createString(db, args.bytes, start, length, bytesMin, into);
    return true;
  }
  readToChange(c, OLD);
  const isLonger = bytesMin > OLD.length;
  db.edit(args.bytes, start, length, record, OLD, isLonger ? bytesMin : OLD.length, into);
  return isLonger;
}

/** The bit at `offset`; 0 beyond the end. */
export function bitAt(value: Span, offset: number): number {
  const byte = Math.floor(offset / 8);
  if (byte >= value.length) return 0;
  return ((value.bytes[value.start + byte] as number) >> (7 - (offset % 8))) & 1;
}

const OFFSET_ERROR = "ERR bit offset is not an integer or out of range";
/** Offsets of so many digits at most are read without making a string. */
const PLAIN_DIGITS = 6;

/** Parses a bit offset; "#n" counts fields of `width` bits where a width is given. Beyond the longest string: an error. */
export function bitOffset(c: Context, index: number, width = 0): number {
  const { args } = c;
  const length = args.lengths[index] as number;
  const counted = width > 0 && length > 0 && args.bytes[args.starts[index] as number] === 0x23;
  let offset: number;
  if (!counted && length <= PLAIN_DIGITS) {
    offset = integer(c, index, OFFSET_ERROR);
    // Less than proto-max-bulk-len ever is.
    if (offset >= 0) return offset;
  } else {
    const value = parseInt64(counted ? args.text(index).slice(1) : args.text(index));
    // As Redis multiplies: in 64 bits.
    offset = value === null ? -1 : Number(counted ? BigInt.asIntN(64, value * BigInt(width)) : value);
  }
  if (offset < 0 || Math.floor(offset / 8) >= c.server.config.number("proto-max-bulk-len")) {
    throw new ReplyError(OFFSET_ERROR);
  }
  return offset;
}

/** The field whose type is argument `index`, its offset the next. Throws ReplyError. */
export function fieldAt(c: Context, index: number): Field {
  const text = c.args.text(index);
  const signed = text.startsWith("i");
  // As Redis reads it: up to a NUL.
  const bits = Number(parseInt64(text.slice(1).split("\0", 1)[0] as string) ?? 0);
  if (!(signed || text.startsWith("u")) || bits < 1 || bits > (signed ? 64 : 63)) {
    throw new ReplyError(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
  }
  return { signed, bits, offset: bitOffset(c, index + 1, bits) };
}

/** The field's integer: bits beyond the end of the string are 0. */
export function fieldValue(value: Span, field: Field): bigint {
  let bits = 0n;
  for (let done = 0; done < field.bits; ) {
    const count = Math.min(field.bits - done, 32);
    let part = 0;
    for (let i = 0; i < count; i++) part = (part << 1) | bitAt(value, field.offset + done + i);
    bits = (bits << BigInt(count)) | BigInt(part >>> 0);
    done += count;
  }
  return field.signed ? BigInt.asIntN(field.bits, bits) : bits;
}

/** Writes the lowest bits of `integer` into the field, which lies in the string. */
export function setField(value: Span, field: Field, integer: bigint): void {
  const { bytes, start } = value;
  let rest = BigInt.asUintN(64, integer);
  for (let end = field.offset + field.bits; end > field.offset; ) {
    const count = Math.min(end - field.offset, 32);
    let part = Number(rest & 0xffffffffn);
    rest >>= 32n;
    for (let i = 1; i <= count; i++, part >>>= 1) {
      const at = start + Math.floor((end - i) / 8);
      const mask = 0x80 >> ((end - i) % 8);
      bytes[at] = (part & 1) === 1 ? (bytes[at] as number) | mask : (bytes[at] as number) & ~mask;
    }
    end -= count;
  }
}
