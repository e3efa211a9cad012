/** What the stream commands share: opening, counting and writing entries, IDs in arguments and replies. */

import { ENTRY_ID_TEXT_MAX, EntryId } from "../encodings/entry-id.ts";
import type { Reply } from "../net/reply.ts";
import { NativeType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { StreamReader } from "../types/stream.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { lookup } from "./lookup.ts";

/** Entries walked or written between two yields. */
export const SLICE_ENTRIES = 64;

const INVALID_ID = "ERR Invalid stream ID specified as stream command argument";
const OPEN_BOUND = 40;
const TEXT = new Uint8Array(ENTRY_ID_TEXT_MAX);
/** The milliseconds of the ID that was written last, and the dash behind them. */
const MS_TEXT = new Uint8Array(ENTRY_ID_TEXT_MAX);
const MS = { high: 0, low: 0, length: 0 };
/** Sequence numbers below are written by hand: up to four digits. */
const SHORT_SEQ_END = 10_000;
/** "$", two digits, two line ends. */
const SHORT_BULK_BYTES = 7;
const DOLLAR = 36;
const DASH = 45;
const ZERO = 48;
const CR = 13;
const LF = 10;

/** For commands that run to their end at once. */
const QUICK = new StreamReader();

/** Opens the stream at argument `index` in a reader of the command's own; null when the key is missing. Valid as `c.record` is. */
export function openStream(c: Context, index: number): StreamReader | null {
  if (!lookup(c, index, "stream")) return null;
  const stream = new StreamReader();
  stream.open(c.record);
  return stream;
}

/** As `openStream`, with a record of its own: the stream as it is now, while other keys are looked up and written. */
export function holdStream(c: Context, index: number): StreamReader | null {
  if (!lookup(c, index, "stream")) return null;
  const stream = new StreamReader();
  stream.open(new Record().like(c.record));
  return stream;
}

/** As openStream, in a reader that all quick commands share: valid until the handler returns, not across a yield. */
export function openStreamQuickly(c: Context, index: number): StreamReader | null {
  if (!lookup(c, index, "stream")) return null;
  QUICK.open(c.record);
  return QUICK;
}

/** As openStreamQuickly, to read groups: of a file's stream a reader holds all of them, so that is one of the command's own. */
export function openGroupsQuickly(c: Context, index: number): StreamReader | null {
  if (!lookup(c, index, "stream")) return null;
  const stream = c.record.type === NativeType.STREAM ? QUICK : new StreamReader();
  stream.open(c.record);
  return stream;
}

/** IDs from ≤ id ≤ to. */
export interface IdRange {
  readonly from: EntryId;
  readonly to: EntryId;
}

export function newRange(): IdRange {
  return { from: new EntryId(), to: new EntryId().setMax() };
}

/** Argument `index` as an ID, a missing sequence is 0; "-" and "+" are none. Throws ReplyError. */
export function parseStrictId(c: Context, index: number, into: EntryId): EntryId {
  const { bytes, starts, lengths } = c.args;
  if (into.parse(bytes, starts[index] as number, lengths[index] as number, false, true)) return into;
  throw new ReplyError(INVALID_ID);
}

/** As parseStrictId, but "-" and "+" are IDs. */
export function parseAnyId(c: Context, index: number, into: EntryId): EntryId {
  const { bytes, starts, lengths } = c.args;
  if (into.parse(bytes, starts[index] as number, lengths[index] as number, false, false)) return into;
  throw new ReplyError(INVALID_ID);
}

export function invalidId(): ReplyError {
  return new ReplyError(INVALID_ID);
}

/** The range that two arguments give: "-", "+", ids with or without sequence, "(" for an open bound. Throws ReplyError. */
export function parseRange(c: Context, fromIndex: number, toIndex: number, into: IdRange): IdRange {
  parseFrom(c, fromIndex, into.from);
  if (parseBound(c, toIndex, into.to, true) && !into.to.decrement()) {
    throw new ReplyError("ERR invalid end ID for the interval");
  }
  return into;
}

/** The first ID of a range. Throws ReplyError. */
export function parseFrom(c: Context, index: number, into: EntryId): EntryId {
  if (parseBound(c, index, into, false) && !into.increment()) {
    throw new ReplyError("ERR invalid start ID for the interval");
  }
  return into;
}

/** True where the bound is an open one. */
function parseBound(c: Context, index: number, into: EntryId, isUpTo: boolean): boolean {
  const { bytes, starts, lengths } = c.args;
  const start = starts[index] as number;
  const length = lengths[index] as number;
  const isOpen = length > 1 && bytes[start] === OPEN_BOUND;
  const isId = isOpen
    ? into.parse(bytes, start + 1, length - 1, isUpTo, true)
    : into.parse(bytes, start, length, isUpTo, false);
  if (!isId) throw new ReplyError(INVALID_ID);
  return isOpen;
}

/** Whether argument `i` is this character, as a C string: what follows a NUL byte does not count. */
export function isWord({ args }: Context, i: number, character: number): boolean {
  const start = args.starts[i] as number;
  const length = args.lengths[i] as number;
  if (length === 0 || args.bytes[start] !== character) return false;
  return length === 1 || args.bytes[start + 1] === 0;
}

/** An ID as a bulk string. Those of one millisecond come one after the other: its digits are kept. */
export function writeId(reply: Reply, id: EntryId): void {
  const { msHigh, msLow, seqLow } = id;
  if (id.seqHigh !== 0 || seqLow < 0 || seqLow >= SHORT_SEQ_END) {
    reply.bulk(TEXT, 0, id.write(TEXT, 0));
    return;
  }
  if (msHigh !== MS.high || msLow !== MS.low || MS.length === 0) {
    MS.high = msHigh;
    MS.low = msLow;
    MS.length = id.write(MS_TEXT, 0);
    while (MS_TEXT[MS.length - 1] !== DASH) MS.length--;
  }
  const { length } = MS;
  const digits = seqLow < 10 ? 1 : seqLow < 100 ? 2 : seqLow < 1000 ? 3 : 4;
  const total = length + digits;
  reply.ensure(total + SHORT_BULK_BYTES);
  const { buffer } = reply;
  let at = reply.length;
  buffer[at++] = DOLLAR;
  if (total >= 10) buffer[at++] = ZERO + ((total / 10) | 0);
  buffer[at++] = ZERO + (total % 10);
  buffer[at++] = CR;
  buffer[at++] = LF;
  for (let i = 0; i < length; i++) buffer[at + i] = MS_TEXT[i] as number;
  at += total;
  let rest = seqLow;
  for (let i = 1; i <= digits; i++) {
    const next = (rest / 10) | 0;
    buffer[at - i] = ZERO + rest - next * 10;
    rest = next;
  }
  buffer[at] = CR;
  buffer[at + 1] = LF;
  reply.length = at + 2;
}

/** Counts the living entries in a range, at most `max` of them (0: all). */
export function* countEntries(stream: StreamReader, { from, to }: IdRange, max: number): Generator<void, number, void> {
  let count = 0;
  stream.seek(from, to);
  while ((max === 0 || count < max) && stream.next()) if (++count % SLICE_ENTRIES === 0) yield;
  return count;
}

/**
 * Writes the entries in a range, upwards or (`reverse`) downwards, at most `max` of them (0: all), as one array.
 * They are counted first: an array says its length before its items, and a long reply leaves before it is complete.
 */
export function* writeEntries(
  c: Context,
  stream: StreamReader,
  range: IdRange,
  max: number,
  reverse = false,
): Generator<void, void, void> {
  const count = yield* countEntries(stream, range, max);
  c.reply.array(count);
  stream.seek(range.from, range.to, reverse);
  for (let i = 1; i <= count && stream.next(); i++) {
    writeEntry(c.reply, stream);
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

/**
 * As writeEntries, for at most SLICE_ENTRIES entries, without a yield: they are walked once, and the array's header is put right when
 * their number is known. Returns the number; nothing is written when it is 0.
 */
export function writeFewEntries(
  c: Context,
  stream: StreamReader,
  range: IdRange,
  max: number,
  reverse = false,
): number {
  const { reply } = c;
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let count = 0;
  stream.seek(range.from, range.to, reverse);
  while (count < max && stream.next()) {
    writeEntry(reply, stream);
    count++;
  }
  if (count === 0) reply.rollback(mark);
  else if (count < max) setArrayLength(reply, mark, header, count);
  return count;
}

/** Gives the array whose header of `header` bytes begins at `mark` another length. Nothing has been written by reference since. */
export function setArrayLength(reply: Reply, mark: number, header: number, count: number): void {
  const end = reply.length;
  reply.array(count);
  replaceHeader(reply, mark, header, end);
}

/** As setArrayLength, for a map. */
export function setMapLength(reply: Reply, mark: number, header: number, count: number): void {
  const end = reply.length;
  reply.map(count);
  replaceHeader(reply, mark, header, end);
}

/** Puts what was written from `end` on in the place of the `header` bytes at `mark`. */
function replaceHeader(reply: Reply, mark: number, header: number, end: number): void {
  const fresh = reply.length - end;
  const { buffer } = reply;
  const bytes = buffer.slice(end, end + fresh);
  buffer.copyWithin(mark + fresh, mark + header, end);
  buffer.set(bytes, mark);
  reply.length = end - header + fresh;
}

/** The current entry: its id and the array of its fields and values. */
export function writeEntry(reply: Reply, stream: StreamReader): void {
  reply.array(2);
  writeId(reply, stream.id);
  reply.array(stream.fieldCount * 2);
  while (stream.nextField()) {
    reply.elements(stream.field);
    reply.elements(stream.value);
  }
}

/** In the place of an entry that is pending, but has been deleted. */
export function writeGone(reply: Reply, id: EntryId): void {
  reply.array(2);
  writeId(reply, id);
  reply.nilArray();
}

/** As C sees a string: up to its first NUL byte. */
export function cText(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}
