/** Streams change: XADD XTRIM XDEL XSETID. */
import { EntryId } from "../encodings/entry-id.ts";
import { LISTPACK_BYTES_MAX } from "../encodings/listpack-writer.ts";
import { entryBytesMax, masterBytesMax, type Pairs, pairsBytes } from "../encodings/stream-node-writer.ts";
import { StreamTail } from "../overlay/encodings/stream-tail.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType } from "../rdb/opcodes.ts";
import { EMPTY_BYTES } from "../util/span.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context, Handler } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError, wrongArity } from "./errors.ts";
import { whenReady } from "./not-ready.ts";
import { integer64 } from "./parse.ts";
import { deleteMany, deleteOne } from "./streams-many.ts";
import { createStream, discardStream, installStream, openToChange, STREAM, signalStream } from "./streams-open.ts";
import { isWord, parseStrictId, writeId } from "./streams-support.ts";
import { TrimOptions } from "./streams-trim-options.ts";
import { findToChange } from "./writable.ts";

/** Nodes that XTRIM removes at once. */
const TRIMMED_NODES_MAX = 256;
const OPTIONS = new TrimOptions();
const TAIL = new StreamTail();
const STAR = 42;
/** Where the pairs begin behind "*". */
const QUICK_FIRST = 3;
const LAST = new EntryId();
const ID = new EntryId();
const NO_INDEXES = new Int32Array(0);
const PAIRS: Pairs = { bytes: EMPTY_BYTES, starts: NO_INDEXES, lengths: NO_INDEXES, first: 0, count: 0 };
const TOO_LARGE = "ERR Elements are too large to be stored";
const NOT_BEHIND = "ERR The ID specified in XADD is equal or smaller than the target stream top item";

export function xadd(c: Context): void {
  if (addAtEnd(c)) return;
  const { args, reply } = c;
  const options = OPTIONS;
  const first = options.parse(c, true) + 1;
  const texts = args.count - first;
  if (texts < 2 || texts % 2 !== 0) throw wrongArity("xadd");
  if (!options.isAny && !options.isAnySequence && options.id.isMin) {
    throw new ReplyError("ERR The ID specified in XADD must be greater than 0-0");
  }
  if (openToChange(c, 1)) {
    if (STREAM.readLast(LAST).isMax) {
      throw new ReplyError("ERR The stream has exhausted the last possible ID, unable to add more items");
    }
    // Trimmed to a length nearly all are added behind the others, too.
    if (!options.isAny || !appendAtEnd(c, first)) append(c, first);
    signalStream(c, 1);
  } else if (options.noMakeStream) {
    reply.nil();
    return;
  } else {
    createStream(c);
    LAST.setMin();
    try {
      append(c, first);
    } catch (error) {
      discardStream();
      throw error;
    }
    installStream(c, 1);
  }
  writeId(reply, ID);
  c.server.keyspace.dirty++;
  options.trim(STREAM);
}

/** The short way of `XADD key * field value …` to a native stream's last node; false, nothing changed, where it cannot be gone. */
function addAtEnd(c: Context): boolean {
  const { args, db, server } = c;
  if (args.count <= QUICK_FIRST || args.count % 2 === 0 || !isWord(c, 2, STAR)) return false;
  if (!findToChange(c, 1, NativeType.STREAM) || db.root === 0) return false;
  const limits = liveLimits(server.config);
  if (!TAIL.append((db.top as Overlay).arena, db.root, c.nowMs, args, QUICK_FIRST, limits, ID)) return false;
  signalStream(c, 1);
  writeId(c.reply, ID);
  server.keyspace.dirty++;
  return true;
}

/** As `append`, the short way; false where it cannot be gone. */
function appendAtEnd(c: Context, first: number): boolean {
  return TAIL.append(STREAM.blocks, STREAM.root, c.nowMs, c.args, first, liveLimits(c.server.config), ID);
}

/** Appends the pairs from argument `first` on to STREAM, whose last ID is LAST. Throws ReplyError, ArenaFull: nothing changed. */
function append(c: Context, first: number): void {
  const { args } = c;
  PAIRS.bytes = args.bytes;
  PAIRS.starts = args.starts;
  PAIRS.lengths = args.lengths;
  PAIRS.first = first;
  PAIRS.count = (args.count - first) / 2;
  chooseId(c);
  const texts = pairsBytes(PAIRS);
  const size = masterBytesMax(texts, PAIRS.count) + entryBytesMax(texts, PAIRS.count);
  if (size > LISTPACK_BYTES_MAX) throw new ReplyError(TOO_LARGE);
  STREAM.append(ID, PAIRS, liveLimits(c.server.config));
}

/** Sets ID to that of the new entry. */
function chooseId({ nowMs }: Context): void {
  const { isAny, isAnySequence, id } = OPTIONS;
  if (isAny) {
    ID.setMs(nowMs);
    if (ID.compare(LAST) > 0 && !ID.hasMsOf(LAST)) return;
    ID.copy(LAST).increment();
    return;
  }
  ID.copy(id);
  if (isAnySequence && id.hasMsOf(LAST)) {
    ID.copy(LAST).increment();
    // The sequence is at its end: the milliseconds were given.
    if (!ID.hasMsOf(LAST)) throw new ReplyError(NOT_BEHIND);
  }
  if (ID.compare(LAST) <= 0) throw new ReplyError(NOT_BEHIND);
}

export const xtrim: Handler = (c) => {
  OPTIONS.parse(c, false);
  let removed = 0;
  if (openToChange(c, 1)) {
    removed = trimSome(c, OPTIONS);
    if (!STREAM.isTrimmed) return trimRest(c, removed);
  }
  c.reply.integer(removed);
};

function trimSome(c: Context, options: TrimOptions): number {
  const removed = options.trim(STREAM, TRIMMED_NODES_MAX);
  c.server.keyspace.dirty += removed;
  return removed;
}

/** What more there is to be trimmed, in slices: others see the stream become shorter. */
function* trimRest(c: Context, trimmed: number): Generator<void, void, void> {
  let removed = trimmed;
  const options = new TrimOptions();
  options.parse(c, false);
  const { limit } = options;
  for (let isTrimmed = false; !isTrimmed && (limit === 0 || removed < limit); isTrimmed = STREAM.isTrimmed) {
    yield;
    if (!(yield* whenReady(c, () => openToChange(c, 1)))) break;
    if (limit > 0) options.limit = limit - removed;
    removed += trimSome(c, options);
  }
  c.reply.integer(removed);
}

export const xdel: Handler = (c) => {
  const { args } = c;
  if (!openToChange(c, 1)) {
    c.reply.integer(0);
    return;
  }
  // All IDs must be some before anything is done.
  for (let i = 2; i < args.count; i++) parseStrictId(c, i, ID);
  if (args.count - 2 > CHANGED_AT_ONCE_MAX) return deleteMany(c);
  let removed = 0;
  for (let i = 2; i < args.count; i++) {
    if (!deleteOne(STREAM, parseStrictId(c, i, ID))) continue;
    removed++;
    c.server.keyspace.dirty++;
  }
  c.reply.integer(removed);
};

export function xsetid(c: Context): void {
  const { args } = c;
  const id = parseStrictId(c, 2, new EntryId());
  const maxDeleted = new EntryId();
  let added = -1n;
  for (let i = 3; i < args.count; i += 2) {
    const hasMore = i + 1 < args.count;
    if (hasMore && args.is(i, "ENTRIESADDED")) {
      added = integer64(c, i + 1);
      if (added < 0n) throw new ReplyError("ERR entries_added must be positive");
    } else if (hasMore && args.is(i, "MAXDELETEDID")) {
      if (id.compare(parseStrictId(c, i + 1, maxDeleted)) < 0) {
        throw new ReplyError("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
    } else throw syntaxError();
  }
  if (!openToChange(c, 1)) throw new ReplyError("ERR no such key");
  checkLastId(id, added);
  STREAM.writeLast(id);
  if (added >= 0n) STREAM.setAdded(Number(BigInt.asIntN(32, added >> 32n)), Number(BigInt.asIntN(32, added)));
  if (!maxDeleted.isMin) STREAM.writeMaxDeleted(maxDeleted);
  c.server.keyspace.dirty++;
  c.reply.ok();
}

/** Whether STREAM may have this last ID, and (unless -1) this number of entries added. */
function checkLastId(id: EntryId, added: bigint): void {
  if (id.compare(STREAM.readMaxDeleted(ID)) < 0) {
    throw new ReplyError("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  if (!STREAM.readTop(ID)) return;
  if (id.compare(ID) < 0) {
    throw new ReplyError("ERR The ID specified in XSETID is smaller than the target stream top item");
  }
  if (added >= 0n && BigInt(STREAM.length) > added) {
    throw new ReplyError("ERR The entries_added specified in XSETID is smaller than the target stream length");
  }
}
