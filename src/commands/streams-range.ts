/** Streams, their entries: XLEN XRANGE XREVRANGE XREAD. */

import { type StreamId, StreamReader } from "../types/stream.ts";
import { ID_MAX, nextId, parseId } from "../types/stream-id.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { integer, integer64 } from "./parse.ts";
import {
  countEntries,
  holdStream,
  type IdRange,
  INVALID_ID,
  openStream,
  openStreamQuickly,
  parseRange,
  putBefore,
  SLICE_ENTRIES,
  writeEntries,
  writeFewEntries,
} from "./streams-support.ts";

export const xlen: Handler = (c) => {
  c.reply.integer(openStreamQuickly(c, 1)?.length ?? 0);
};

export const xrange: Handler = (c) => range(c, false);
export const xrevrange: Handler = (c) => range(c, true);

function range(c: Context, reverse: boolean): ReturnType<Handler> {
  const { args, reply } = c;
  const ids = reverse ? parseRange(c, 3, 2) : parseRange(c, 2, 3);
  let count = -1;
  for (let i = 4; i < args.count; i += 2) {
    if (!args.is(i, "COUNT") || i + 1 >= args.count) throw syntaxError();
    count = Math.max(0, integer(c, i + 1));
  }
  if (count > 0 && count <= SLICE_ENTRIES) return fewInRange(c, ids, count, reverse);
  const stream = openStream(c, 1);
  if (stream === null) return reply.array(0);
  if (count === 0) return reply.nilArray();
  return writeEntries(c, stream, ids, Math.max(0, count), reverse);
}

function fewInRange(c: Context, ids: IdRange, count: number, reverse: boolean): void {
  const stream = openStreamQuickly(c, 1);
  if (stream === null || writeFewEntries(c, stream, ids, count, reverse) === 0) c.reply.array(0);
}

interface ReadOptions {
  /** 0: all. */
  count: number;
  /** Milliseconds to wait for entries, 0: for ever; null: do not wait. */
  blockMs: number | null;
  /** Index of the first key's argument. */
  firstKey: number;
  keys: number;
}

export const xread: Handler = (c) => {
  const options = parseReadOptions(c);
  const starts: (StreamId | null)[] = [];
  for (let i = 0; i < options.keys; i++) starts.push(parseStart(c, options, i));
  if (options.count > 0 && options.count * options.keys <= SLICE_ENTRIES) return readFew(c, options, starts);
  return read(c, options, starts);
};

function parseReadOptions(c: Context): ReadOptions {
  const { args } = c;
  const options: ReadOptions = { count: 0, blockMs: null, firstKey: 0, keys: 0 };
  for (let i = 1; i < args.count && options.firstKey === 0; i++) {
    const left = args.count - i - 1;
    if (left >= 1 && args.is(i, "BLOCK")) {
      options.blockMs = parseBlock(c, ++i);
    } else if (left >= 1 && args.is(i, "COUNT")) {
      options.count = Math.max(0, integer(c, ++i));
    } else if (left >= 1 && args.is(i, "STREAMS")) {
      options.firstKey = i + 1;
      options.keys = left / 2;
      if (left % 2 !== 0) {
        throw new ReplyError(
          "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
        );
      }
    } else if (left >= 2 && args.is(i, "GROUP")) {
      throw new ReplyError("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    } else if (args.is(i, "NOACK")) {
      throw new ReplyError("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    } else {
      throw syntaxError();
    }
  }
  if (options.firstKey === 0) throw syntaxError();
  return options;
}

const LONG_MAX = 2n ** 63n - 1n;

function parseBlock(c: Context, index: number): number {
  const timeout = integer64(c, index, "ERR timeout is not an integer or out of range");
  if (timeout < 0n) throw new ReplyError("ERR timeout is negative");
  if (timeout > LONG_MAX - BigInt(c.nowMs)) throw new ReplyError("ERR timeout is out of range");
  return Number(timeout);
}

/** The first id that stream `i` is asked for; null when none can come after it. Checks the key's type first, as Redis. */
function parseStart(c: Context, { firstKey, keys }: ReadOptions, i: number): StreamId | null {
  const found = lookup(c, firstKey + i, "stream");
  const text = c.args.text(firstKey + keys + i);
  // Redis compares C strings here: what follows a NUL byte does not count.
  const word = text.split("\0", 1)[0];
  if (word === ">") {
    throw new ReplyError(
      "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    );
  }
  if (word === "$") {
    if (!found) return nextId({ ms: 0n, seq: 0n });
    const stream = new StreamReader();
    stream.open(c.record);
    return nextId(stream.lastId);
  }
  const id = parseId(text, 0n, true);
  if (id === null) throw new ReplyError(INVALID_ID);
  return nextId(id);
}

/** A few entries of each stream, written in one walk. */
function readFew(c: Context, options: ReadOptions, starts: (StreamId | null)[]): ReturnType<Handler> {
  const { reply } = c;
  const { firstKey, count } = options;
  const begun = reply.mark();
  let served = 0;
  for (const [i, from] of starts.entries()) {
    const stream = from === null ? null : openStreamQuickly(c, firstKey + i);
    if (from === null || stream === null) continue;
    const mark = reply.mark();
    beginStream(c, firstKey + i);
    if (writeFewEntries(c, stream, { from, to: ID_MAX }, count) > 0) served++;
    else reply.rollback(mark);
  }
  if (served === 0) return answerNothing(c, options);
  putBefore(reply, begun, () => beginStreams(c, served));
}

/** No stream has anything: nil, at once or after the time to wait. */
function* answerNothing(c: Context, { blockMs }: ReadOptions): Generator<void, void, void> {
  if (blockMs !== null) yield* waitFor(c, blockMs);
  c.reply.nilArray();
}

/** Counts what each stream has to give, then writes the streams that have something; both of the streams as they are now. */
function* read(c: Context, options: ReadOptions, starts: (StreamId | null)[]): Generator<void, void, void> {
  const { firstKey, count: max } = options;
  const streams = starts.map((from, i) => (from === null ? null : holdStream(c, firstKey + i)));
  const counts: number[] = [];
  for (const [i, stream] of streams.entries()) {
    const from = starts[i];
    counts.push(stream === null || !from ? 0 : yield* countEntries(stream, { from, to: ID_MAX }, 1));
  }
  const served = counts.filter((count) => count > 0).length;
  if (served === 0) {
    yield* answerNothing(c, options);
    return;
  }
  beginStreams(c, served);
  for (const [i, stream] of streams.entries()) {
    const from = starts[i];
    if (!from || stream === null || counts[i] === 0) continue;
    beginStream(c, firstKey + i);
    yield* writeEntries(c, stream, { from, to: ID_MAX }, max);
  }
}

/**
 * Waits until the client's time is up (0: for ever) or CLIENT UNBLOCK. Nobody can add entries yet, so there is
 * nothing else to wait for; answering at once would make clients that poll with BLOCK spin. Nothing that was looked up before may be
 * read after it (slices.ts).
 */
function* waitFor({ client }: Context, blockMs: number): Generator<void, void, void> {
  client.wakeAtMs = blockMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + blockMs;
  try {
    while (client.wakeAtMs > Date.now()) yield;
    if (client.unblocked === "error") throw new ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  } finally {
    client.wakeAtMs = 0;
    client.unblocked = "";
  }
}

/** The key of one stream's answer; its entries follow. */
function beginStream({ args, reply }: Context, key: number): void {
  if (reply.protocol === 2) reply.array(2);
  reply.bulk(args.bytes, args.starts[key] as number, args.lengths[key] as number);
}

/** A map of key to entries in RESP3; in RESP2 an array of such pairs. */
function beginStreams(c: Context, count: number): void {
  if (c.reply.protocol === 2) c.reply.array(count);
  else c.reply.map(count);
}
