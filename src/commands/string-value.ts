/** The value of a string key where it lies: what the string, bitmap and HyperLogLog families share. */
import type { Reply } from "../net/reply.ts";
import { objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { readString, skipString } from "../rdb/string.ts";
import type { ByteSource } from "../util/byte-source.ts";
import type { Cursor } from "../util/cursor.ts";
import { EMPTY_BYTES, Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError, wrongType } from "./errors.ts";
import { lookup, peek } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";

const VALUE = new Span();
/** Strings longer than this are verified in slices, so many bytes at a time, before they are read. */
const VERIFIED_AT_ONCE_BYTES_MAX = 1024 * 1024;
const VERIFIED_PER_SLICE_BYTES = 128 * 1024;
/** First bytes of strings that may be long: of a length in 32 or 64 bits, of LZF. */
const LENGTH_32 = 0x80;
const LENGTH_64 = 0x81;
const LZF = 0xc3;
/** The least that proto-max-bulk-len may be. */
const PROTO_MAX_BULK_LEN_MIN = 1024 * 1024;
/** A string that was decompressed into more than this is handed to the reply, not copied. */
const HANDED_OVER_BYTES_MIN = 1024 * 1024;

/**
 * Reads the value of a string record whose cursor stands at the value. The span lies in the source, or in the record's
 * own scratch: valid until the record is read again.
 */
export function readValue(record: Record, into: Span): void {
  awaitVerified(record.cursor);
  readString(record.cursor, into, record.scratch);
}

/** Whether the value that was read from `record` stays as it lies until a reply is sent: not in scratch, not in an overlay. */
export function staysPut(value: Span, record: Record): boolean {
  return value.bytes === record.cursor.bytes && record.cursor.source.isMutable !== true;
}

/** Answers the value of a string record whose cursor stands at the value. No allocation unless it is long. */
export function replyValue(reply: Reply, record: Record): void {
  const { cursor } = record;
  readString(cursor, VALUE, record.scratch);
  if (VALUE.bytes === cursor.bytes || VALUE.length < HANDED_OVER_BYTES_MIN) {
    reply.bulkSpan(VALUE, staysPut(VALUE, record));
    return;
  }
  record.scratch.release();
  reply.bulkSpan(VALUE, true);
  VALUE.set(EMPTY_BYTES, 0, 0);
}

/** Long strings that have been verified, by their offset: a cache, the source itself lets nothing through unverified. */
const VERIFIED = new WeakMap<ByteSource, Set<number>>();

/**
 * Throws NotReady where the string at the cursor is long and has not been verified since the start: then reading it would
 * take a while. Only before anything has been replied.
 */
export function awaitVerified(cursor: Cursor): void {
  cursor.need(1);
  const first = cursor.bytes[cursor.pos] as number;
  if (first === LENGTH_32 || first === LENGTH_64 || first === LZF) awaitLongVerified(cursor);
}

function awaitLongVerified(cursor: Cursor): void {
  const { source, offset } = cursor;
  // The overlay's bytes were checked when they came, and others may come in their place.
  if (source.isMutable === true) return;
  skipString(cursor);
  const end = cursor.offset;
  cursor.seek(offset);
  if (end - offset > VERIFIED_AT_ONCE_BYTES_MAX && VERIFIED.get(source)?.has(offset) !== true) {
    throw new NotReady(verifyInSlices(source, offset, end));
  }
}

function* verifyInSlices(source: ByteSource, from: number, end: number): Generator<void, void, void> {
  for (let at = from; at < end; at += VERIFIED_PER_SLICE_BYTES) {
    source.admit(at, Math.min(VERIFIED_PER_SLICE_BYTES, end - at));
    yield;
  }
  const verified = VERIFIED.get(source);
  if (verified === undefined) VERIFIED.set(source, new Set([from]));
  else verified.add(from);
}

/** The string at argument `index`, empty where there is no such key. Throws ReplyError WRONGTYPE. Valid as `c.record` is. */
export function stringAt(c: Context, index: number, into: Span): boolean {
  if (lookup(c, index, "string")) {
    readValue(c.record, into);
    return true;
  }
  into.length = 0;
  return false;
}

/**
 * Finds the string at argument 1 for a write, which counts as neither hit nor miss; false when there is none.
 * Throws ReplyError WRONGTYPE. Valid as `c.record` is.
 */
export function stringToChange(c: Context): boolean {
  if (!peek(c, 1)) return false;
  if (objectType(c.record.type) !== "string") throw wrongType();
  return true;
}

/** As `readValue`, of what `stringToChange` found. Throws NotReady; nothing may have been changed yet. */
export function readToChange(c: Context, into: Span): void {
  const { args, record } = c;
  c.db.settle(args.bytes, args.starts[1] as number, args.lengths[1] as number, record);
  // Whenever a handler is not ready, dispatch takes back the hit that was counted.
  const { stats } = c.server;
  stats.keyspaceHits++;
  readValue(record, into);
  stats.keyspaceHits--;
}

/** No string is longer than a client could send one. Throws ReplyError. */
export function checkLength(c: Context, length: number): void {
  // The directive is never below a megabyte: most strings need no look at it.
  if (length > PROTO_MAX_BULK_LEN_MIN && length > c.server.config.number("proto-max-bulk-len")) {
    throw new ReplyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  }
}
