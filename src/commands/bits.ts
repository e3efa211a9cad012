/**
 * Strings as rows of bits: bit 0 is the highest bit of byte 0. Beyond the end of the string all bits are 0.
 *
 *   byte   0                 1
 *   bit    0 1 2 3 4 5 6 7   8 9 …
 */
import { Span } from "../util/span.ts";
import { bitAt, bitOffset } from "./bit-args.ts";
import { bitfieldRo } from "./bitfield.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { integer } from "./parse.ts";
import { readValue, stringAt } from "./string-value.ts";
import { type Command, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "getbit",
    arity: 3,
    flags: ["readonly", "fast"],
    categories: ["bitmap"],
    keys: READ_FIRST,
    since: "2.2.0",
    group: "bitmap",
    complexity: "O(1)",
    summary: "Gives one bit of a string.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "offset", type: "integer" },
    ],
    handler: getbit,
  },
  {
    name: "bitcount",
    arity: -2,
    flags: ["readonly"],
    categories: ["bitmap"],
    keys: READ_FIRST,
    since: "2.6.0",
    group: "bitmap",
    complexity: "O(N)",
    summary: "Counts the set bits of a string or a part of it.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      {
        name: "range",
        type: "block",
        optional: true,
        arguments: [
          { name: "start", type: "integer" },
          { name: "end", type: "integer" },
          {
            name: "unit",
            type: "oneof",
            since: "7.0.0",
            optional: true,
            arguments: [
              { name: "byte", type: "pure-token", token: "BYTE" },
              { name: "bit", type: "pure-token", token: "BIT" },
            ],
          },
        ],
      },
    ],
    handler: bitcount,
  },
  {
    name: "bitpos",
    arity: -3,
    flags: ["readonly"],
    categories: ["bitmap"],
    keys: READ_FIRST,
    since: "2.8.7",
    group: "bitmap",
    complexity: "O(N)",
    summary: "Finds the first bit that is set, or clear, in a string.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "bit", type: "integer" },
      {
        name: "range",
        type: "block",
        optional: true,
        arguments: [
          { name: "start", type: "integer" },
          {
            name: "end-unit-block",
            type: "block",
            optional: true,
            arguments: [
              { name: "end", type: "integer" },
              {
                name: "unit",
                type: "oneof",
                since: "7.0.0",
                optional: true,
                arguments: [
                  { name: "byte", type: "pure-token", token: "BYTE" },
                  { name: "bit", type: "pure-token", token: "BIT" },
                ],
              },
            ],
          },
        ],
      },
    ],
    handler: bitpos,
  },
  {
    name: "bitfield_ro",
    arity: -2,
    flags: ["readonly", "fast"],
    categories: ["bitmap"],
    keys: READ_FIRST,
    since: "6.0.0",
    group: "bitmap",
    complexity: "O(1) for each GET",
    summary: "Reads integers of any width from a string of bits.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      {
        name: "get-block",
        type: "block",
        token: "GET",
        optional: true,
        multiple: true,
        multipleToken: true,
        arguments: [
          { name: "encoding", type: "string" },
          { name: "offset", type: "integer" },
        ],
      },
    ],
    handler: bitfieldRo,
  },
] as const satisfies readonly Command[];

/** Bytes counted or searched between two yields: some 30 microseconds. */
const BYTES_PER_SLICE = 64 * 1024;

const VALUE = new Span();

function getbit(c: Context): void {
  const offset = bitOffset(c, 2);
  stringAt(c, 1, VALUE);
  c.reply.integer(bitAt(VALUE, offset));
}

/** A range of bits [first, last] of the string; empty where first > last. */
interface BitRange {
  readonly first: number;
  readonly last: number;
}

/** The unit at argument `index`: bits (1) or bytes (8). */
function unitAt(c: Context, index: number): number {
  if (index >= c.args.count || c.args.is(index, "BYTE")) return 8;
  if (c.args.is(index, "BIT")) return 1;
  throw syntaxError();
}

/** start and end count units of `unit` bits from the start, or negative ones from the end. */
function rangeOf(length: number, unit: number, start: number, end: number): BitRange {
  const units = (length * 8) / unit;
  const first = start < 0 ? Math.max(units + start, 0) : start;
  const last = Math.min(end < 0 ? Math.max(units + end, 0) : end, units - 1);
  return { first: first * unit, last: (last + 1) * unit - 1 };
}

function* bitcount(c: Context): Generator<void, void, void> {
  const { args } = c;
  const value = new Span();
  if (!lookup(c, 1, "string")) {
    c.reply.integer(0);
    return;
  }
  if (args.count === 3 || args.count > 5) throw syntaxError();
  readValue(c.record, value);
  let range: BitRange = { first: 0, last: value.length * 8 - 1 };
  if (args.count > 2) {
    const start = integer(c, 2);
    const end = integer(c, 3);
    // Before the unit is looked at, as Redis has it.
    if (start < 0 && end < 0 && start > end) {
      c.reply.integer(0);
      return;
    }
    range = rangeOf(value.length, unitAt(c, 4), start, end);
  }
  c.reply.integer(range.first > range.last ? 0 : yield* countBits(value, range));
}

/** Number of set bits in the range, which lies in the string. */
function* countBits(value: Span, range: BitRange): Generator<void, number, void> {
  const firstByte = Math.floor(range.first / 8);
  const lastByte = Math.floor(range.last / 8);
  const { bytes, start } = value;
  let count = 0;
  for (let at = firstByte; at <= lastByte; at += BYTES_PER_SLICE) {
    if (at > firstByte) yield;
    count += popcount(bytes, start + at, Math.min(BYTES_PER_SLICE, lastByte + 1 - at));
  }
  // Take away what stands beside the range in its first and last byte.
  const beforeMask = 0xff & ~(0xff >> (range.first % 8));
  const afterMask = 0xff >> ((range.last % 8) + 1);
  count -= popcount8((bytes[start + firstByte] as number) & beforeMask);
  count -= popcount8((bytes[start + lastByte] as number) & afterMask);
  return count;
}

function popcount(bytes: Uint8Array, start: number, length: number): number {
  let count = 0;
  let at = start;
  const end = start + length;
  for (; at + 4 <= end; at += 4) {
    count += popcount32(
      (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24),
    );
  }
  for (; at < end; at++) count += popcount8(bytes[at] as number);
  return count;
}

function popcount32(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function popcount8(byte: number): number {
  return popcount32(byte & 0xff);
}

function* bitpos(c: Context): Generator<void, void, void> {
  const { args, reply } = c;
  const bit = integer(c, 2);
  if (bit !== 0 && bit !== 1) throw new ReplyError("ERR The bit argument must be 1 or 0.");
  const isEndGiven = args.count > 4;
  const value = new Span();
  if (!lookup(c, 1, "string")) {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  readValue(c.record, value);
  let range: BitRange = { first: 0, last: value.length * 8 - 1 };
  if (args.count > 3) {
    if (args.count > 6) throw syntaxError();
    const start = integer(c, 3);
    const unit = unitAt(c, 5);
    range = rangeOf(value.length, unit, start, isEndGiven ? integer(c, 4) : Number.MAX_SAFE_INTEGER);
  }
  if (range.first > range.last) {
    reply.integer(-1);
    return;
  }
  const found = yield* findBit(value, range, bit);
  // Without an end the string goes on in zeros for ever.
  if (found < 0 && bit === 0 && !isEndGiven) reply.integer(range.last + 1);
  else reply.integer(found);
}

/** The first bit of the range that is `bit`, -1 where there is none. */
function* findBit(value: Span, range: BitRange, bit: number): Generator<void, number, void> {
  const { bytes, start } = value;
  const skipped = bit === 1 ? 0 : 0xff;
  const end = Math.floor(range.last / 8) + 1;
  for (let at = Math.floor(range.first / 8); at < end; ) {
    const sliceEnd = Math.min(at + BYTES_PER_SLICE, end);
    at = firstOther(bytes, start + at, start + sliceEnd, skipped) - start;
    if (at < sliceEnd) {
      const byte = bytes[start + at] as number;
      const from = Math.max(at * 8, range.first);
      const to = Math.min(at * 8 + 7, range.last);
      for (let offset = from; offset <= to; offset++) if (((byte >> (7 - (offset % 8))) & 1) === bit) return offset;
      at++;
    }
    yield;
  }
  return -1;
}

/** The first position in [from, to) whose byte is not `skipped`, `to` where there is none. */
function firstOther(bytes: Uint8Array, from: number, to: number, skipped: number): number {
  let at = from;
  while (at < to && bytes[at] === skipped) at++;
  return at;
}
