/** What the stream commands share: opening, counting and writing entries. */

import type { Reply } from "../net/reply.ts";
import { Record } from "../rdb/record.ts";
import { type StreamId, StreamReader } from "../types/stream.ts";
import { ID_MAX, ID_MIN, idText, nextId, parseBound, previousId, SEQ_MAX } from "../types/stream-id.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { lookup } from "./lookup.ts";

/** Entries walked or written between two yields. */
export const SLICE_ENTRIES = 64;

export const INVALID_ID = "ERR Invalid stream ID specified as stream command argument";

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

/** Ids from ≤ id ≤ to. */
export interface IdRange {
  readonly from: StreamId;
  readonly to: StreamId;
}

export const ALL_IDS: IdRange = { from: ID_MIN, to: ID_MAX };

/** The range that two arguments give: "-", "+", ids with or without sequence, "(" for an open bound. Throws ReplyError. */
export function parseRange(c: Context, fromIndex: number, toIndex: number): IdRange {
  const from = parseBound(c.args.text(fromIndex), 0n);
  if (from === null) throw new ReplyError(INVALID_ID);
  const first = from.open ? nextId(from.id) : from.id;
  if (first === null) throw new ReplyError("ERR invalid start ID for the interval");
  const to = parseBound(c.args.text(toIndex), SEQ_MAX);
  if (to === null) throw new ReplyError(INVALID_ID);
  const last = to.open ? previousId(to.id) : to.id;
  if (last === null) throw new ReplyError("ERR invalid end ID for the interval");
  return { from: first, to: last };
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
    writeEntry(c, stream);
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

/**
 * As writeEntries, for at most SLICE_ENTRIES entries, without a yield: they are walked once, and the array's header is put
 * before them when their number is known. Returns the number; nothing is written when it is 0.
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
  let count = 0;
  stream.seek(range.from, range.to, reverse);
  while (count < max && stream.next()) {
    writeEntry(c, stream);
    count++;
  }
  if (count > 0) putBefore(reply, mark, () => reply.array(count));
  return count;
}

/** Puts what `write` writes (an aggregate's header) before what has been written since `mark`, none of it by reference. */
export function putBefore(reply: Reply, mark: number, write: () => void): void {
  const end = reply.length;
  write();
  const header = reply.buffer.slice(end, reply.length);
  reply.buffer.copyWithin(mark + header.length, mark, end);
  reply.buffer.set(header, mark);
}

/** The current entry: its id and the array of its fields and values. */
export function writeEntry(c: Context, stream: StreamReader): void {
  const { reply } = c;
  reply.array(2);
  reply.bulkText(idText(stream));
  reply.array(stream.fieldCount * 2);
  while (stream.nextField()) {
    reply.elements(stream.field);
    reply.elements(stream.value);
  }
}
