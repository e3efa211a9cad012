/**
 * XREAD: entries of several streams that come after given IDs; with BLOCK, waits for some. XREADGROUP is in streams-readgroup.ts; both
 * parse their options here.
 */

import { EntryId } from "../encodings/entry-id.ts";
import { StreamReader } from "../types/stream.ts";
import { blockOnKeys, parseTimeoutMs, type Wait } from "./blocking.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { integer } from "./parse.ts";
import {
  countEntries,
  holdStream,
  type IdRange,
  isWord,
  openStreamQuickly,
  parseStrictId,
  SLICE_ENTRIES,
  setArrayLength,
  setMapLength,
  writeEntries,
  writeFewEntries,
} from "./streams-support.ts";

export const LAST = 36;
export const NEW = 62;
const MAX = new EntryId().setMax();

export interface ReadOptions {
  /** 0: all. */
  count: number;
  /** Milliseconds to wait for entries, 0: for ever; null: do not wait. */
  blockMs: number | null;
  /** Index of the first key's argument; as many IDs follow as there are keys. */
  firstKey: number;
  keys: number;
  /** XREADGROUP: index of the group's argument, that of the consumer follows; 0: none. */
  group: number;
  noAck: boolean;
}

export function parseReadOptions(c: Context, isGroup: boolean): ReadOptions {
  const { args } = c;
  const options: ReadOptions = { count: 0, blockMs: null, firstKey: 0, keys: 0, group: 0, noAck: false };
  for (let i = 1; i < args.count && options.firstKey === 0; i++) {
    const left = args.count - i - 1;
    if (left >= 1 && args.is(i, "BLOCK")) {
      options.blockMs = parseTimeoutMs(c, ++i);
    } else if (left >= 1 && args.is(i, "COUNT")) {
      options.count = Math.max(0, integer(c, ++i));
    } else if (left >= 1 && args.is(i, "STREAMS")) {
      options.firstKey = i + 1;
      options.keys = left / 2;
      if (left % 2 !== 0) throw unbalanced(isGroup);
    } else if (left >= 2 && args.is(i, "GROUP")) {
      if (!isGroup) throw onlyForGroups("GROUP");
      options.group = i + 1;
      i += 2;
    } else if (args.is(i, "NOACK")) {
      if (!isGroup) throw onlyForGroups("NOACK");
      options.noAck = true;
    } else {
      throw syntaxError();
    }
  }
  if (options.firstKey === 0) throw syntaxError();
  return options;
}

function unbalanced(isGroup: boolean): ReplyError {
  const [name, sign] = isGroup ? ["xreadgroup", ">"] : ["xread", "$"];
  return new ReplyError(
    `ERR Unbalanced '${name}' list of streams: for each stream key an ID or '${sign}' must be specified.`,
  );
}

function onlyForGroups(option: string): ReplyError {
  return new ReplyError(`ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`);
}

/** What the command's client waits for. */
export function waitOf({ firstKey, keys, blockMs }: ReadOptions, seesDeletion: boolean): Wait {
  return { firstKey, keys, type: "stream", timeoutMs: blockMs as number, seesDeletion };
}

export const xread: Handler = (c) => {
  const options = parseReadOptions(c, false);
  // "$" is the last entry there is now, also for later attempts.
  const starts: (EntryId | null)[] = [];
  for (let i = 0; i < options.keys; i++) starts.push(parseStart(c, options, i));
  const isFew = options.count > 0 && options.count * options.keys <= SLICE_ENTRIES;
  if (!isFew) return readMany(c, options, starts);
  if (readFew(c, options, starts)) return;
  if (options.blockMs !== null) return waitAndRead(c, options, starts, true);
  c.reply.nilArray();
};

/** The first ID that stream `i` is asked for; null when none can come after it. Checks the key's type first, as Redis. */
function parseStart(c: Context, { firstKey, keys }: ReadOptions, i: number): EntryId | null {
  const found = lookup(c, firstKey + i, "stream");
  const index = firstKey + keys + i;
  const id = new EntryId();
  if (isWord(c, index, NEW)) {
    throw new ReplyError(
      "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
  }
  if (!isWord(c, index, LAST)) parseStrictId(c, index, id);
  else if (found) {
    const stream = new StreamReader();
    stream.open(c.record);
    id.copy(stream.lastId);
  }
  return id.increment() ? id : null;
}

/** A few entries of each stream, written in one walk; false, nothing written, where there are none. */
function readFew(c: Context, options: ReadOptions, starts: readonly (EntryId | null)[]): boolean {
  const { reply } = c;
  const { firstKey, count } = options;
  const begun = reply.mark();
  beginStreams(c, options.keys);
  const header = reply.mark() - begun;
  let served = 0;
  for (let i = 0; i < options.keys; i++) {
    const from = starts[i];
    const stream = openStreamQuickly(c, firstKey + i);
    if (!from || stream === null) continue;
    const mark = reply.mark();
    beginStream(c, firstKey + i);
    if (writeFewEntries(c, stream, { from, to: MAX }, count) > 0) served++;
    else reply.rollback(mark);
  }
  endStreams(c, begun, header, options.keys, served);
  if (served === 0) c.natives.forget();
  return served > 0;
}

/** Counts what each stream has to give, then writes the streams that have something; both of the streams as they are now. */
function* readMany(c: Context, options: ReadOptions, starts: readonly (EntryId | null)[]): Generator<void, void, void> {
  const { firstKey, count: max } = options;
  const streams = starts.map((from, i) => (from === null ? null : holdStream(c, firstKey + i)));
  const counts: number[] = [];
  for (const [i, stream] of streams.entries()) {
    const from = starts[i];
    counts.push(stream === null || !from ? 0 : yield* countEntries(stream, rangeFrom(from), 1));
  }
  const served = counts.filter((count) => count > 0).length;
  if (served === 0) {
    if (options.blockMs !== null) yield* waitAndRead(c, options, starts, false);
    else c.reply.nilArray();
    return;
  }
  beginStreams(c, served);
  for (const [i, stream] of streams.entries()) {
    const from = starts[i];
    if (!from || stream === null || counts[i] === 0) continue;
    beginStream(c, firstKey + i);
    yield* writeEntries(c, stream, rangeFrom(from), max);
  }
}

function* waitAndRead(
  c: Context,
  options: ReadOptions,
  starts: readonly (EntryId | null)[],
  isFew: boolean,
): Generator<void, void, void> {
  const attempt = () => (isFew ? readFew(c, options, starts) : hasAny(c, options, starts));
  const isThere = yield* blockOnKeys(c, waitOf(options, false), attempt, () => c.reply.nilArray());
  if (isThere && !isFew) yield* readMany(c, options, starts);
}

/** Whether a stream has entries that are asked for. */
function hasAny(c: Context, { firstKey, keys }: ReadOptions, starts: readonly (EntryId | null)[]): boolean {
  let isThere = false;
  for (let i = 0; i < keys; i++) {
    const from = starts[i];
    const stream = openStreamQuickly(c, firstKey + i);
    if (!from || stream === null) continue;
    stream.seek(from, MAX);
    if (stream.next()) isThere = true;
  }
  if (!isThere) c.natives.forget();
  return isThere;
}

function rangeFrom(from: EntryId): IdRange {
  return { from, to: MAX };
}

/** The key of one stream's answer; its entries follow. */
export function beginStream({ args, reply }: Context, key: number): void {
  if (reply.protocol === 2) reply.array(2);
  reply.bulk(args.bytes, args.starts[key] as number, args.lengths[key] as number);
}

/** A map of key to entries in RESP3; in RESP2 an array of such pairs. */
export function beginStreams(c: Context, count: number): void {
  if (c.reply.protocol === 2) c.reply.array(count);
  else c.reply.map(count);
}

/** Of `keys` streams that beginStreams announced, `served` have something. */
export function endStreams({ reply }: Context, begun: number, header: number, keys: number, served: number): void {
  if (served === 0) reply.rollback(begun);
  else if (served < keys && reply.protocol === 2) setArrayLength(reply, begun, header, served);
  else if (served < keys) setMapLength(reply, begun, header, served);
}
