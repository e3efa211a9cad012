/** XGROUP: consumer groups and consumers are made, moved on, deleted. */
import { EntryId } from "../encodings/entry-id.ts";
import { addGroup, orphan } from "../overlay/encodings/stream-form.ts";
import { NativeType } from "../rdb/opcodes.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, wrongSubcommand } from "./errors.ts";
import { whenReady } from "./not-ready.ts";
import { integer64 } from "./parse.ts";
import {
  createStream,
  discardStream,
  findGroup,
  GROUP,
  installStream,
  openToChange,
  STREAM,
  signalStream,
  takeGroup,
} from "./streams-open.ts";
import { LAST } from "./streams-read.ts";
import { cText, isWord, parseAnyId, parseStrictId } from "./streams-support.ts";

/** Pending entries of a consumer that are removed at once. */
const REMOVED_AT_ONCE = 512;

interface Options {
  makesStream: boolean;
  /** -1n: unknown. */
  entriesRead: bigint;
}

/** Options from argument 5 on. */
function parseOptions(c: Context, isCreate: boolean): Options {
  const { args } = c;
  const options: Options = { makesStream: false, entriesRead: -1n };
  for (let i = 5; i < args.count; i++) {
    if (isCreate && args.is(i, "MKSTREAM")) options.makesStream = true;
    else if (i + 1 < args.count && args.is(i, "ENTRIESREAD")) {
      options.entriesRead = integer64(c, ++i);
      if (options.entriesRead < -1n) throw new ReplyError("ERR value for ENTRIESREAD must be positive or -1");
    } else throw wrongSubcommand("xgroup", args.text(1));
  }
  return options;
}

/** Opens the stream at argument 2, which must exist. */
function openExisting(c: Context): void {
  if (openToChange(c, 2)) return;
  throw new ReplyError(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
  );
}

/** Opens the stream at argument 2 and its group that argument 3 names: both must exist. */
function openGroup(c: Context): void {
  openExisting(c);
  if (findGroup(c, 3)) return;
  const { args } = c;
  throw new ReplyError(`NOGROUP No such consumer group '${cText(args.text(3))}' for key name '${cText(args.text(2))}'`);
}

export function xgroupCreate(c: Context): void {
  const { args } = c;
  const { makesStream, entriesRead } = parseOptions(c, true);
  const exists = openToChange(c, 2);
  if (!exists && !makesStream) openExisting(c);
  if (args.count > 8) throw wrongSubcommand("xgroup", args.text(1));
  const id = new EntryId();
  const isLast = isWord(c, 4, LAST);
  if (!isLast) parseStrictId(c, 4, id);
  else if (exists) STREAM.readLast(id);
  if (exists && findGroup(c, 3)) throw new ReplyError("BUSYGROUP Consumer Group name already exists");
  if (!exists) createStream(c);
  try {
    addGroup(STREAM.blocks, STREAM.root, args.bytes, args.starts[3] as number, args.lengths[3] as number, GROUP);
  } catch (error) {
    if (!exists) discardStream();
    throw error;
  }
  GROUP.writeLast(id);
  setRead(entriesRead);
  if (!exists) installStream(c, 2);
  c.server.keyspace.dirty++;
  c.reply.ok();
}

export function xgroupSetid(c: Context): void {
  const { args } = c;
  const { entriesRead } = parseOptions(c, false);
  openGroup(c);
  if (args.count > 7) throw wrongSubcommand("xgroup", args.text(1));
  const id = new EntryId();
  if (isWord(c, 4, LAST)) STREAM.readLast(id);
  else parseAnyId(c, 4, id);
  GROUP.writeLast(id);
  setRead(entriesRead);
  c.server.keyspace.dirty++;
  c.reply.ok();
}

function setRead(entriesRead: bigint): void {
  GROUP.setRead(Number(BigInt.asIntN(32, entriesRead >> 32n)), Number(BigInt.asIntN(32, entriesRead)));
}

export function xgroupDestroy(c: Context): void {
  openExisting(c);
  const { blocks } = STREAM;
  if (!findGroup(c, 3)) {
    c.reply.integer(0);
    return;
  }
  // As a stream that nobody knows: a large one is freed in slices.
  const root = orphan(blocks, GROUP.handle);
  takeGroup(c, 3);
  c.db.ensureTop().graves.bury(NativeType.STREAM, root);
  signalStream(c, 2);
  c.server.keyspace.dirty++;
  c.reply.integer(1);
}

export function xgroupCreateconsumer(c: Context): void {
  const { args } = c;
  openGroup(c);
  const start = args.starts[4] as number;
  const length = args.lengths[4] as number;
  const isNew = GROUP.findConsumer(args.bytes, start, length) === 0;
  if (isNew) {
    GROUP.addConsumer(args.bytes, start, length, c.nowMs, -1);
    c.server.keyspace.dirty++;
  }
  c.reply.integer(isNew ? 1 : 0);
}

export const xgroupDelconsumer: Handler = (c) => {
  openGroup(c);
  const removed = removeSome(c);
  if (removed === REMOVED_AT_ONCE) return removeRest(c, removed);
  c.reply.integer(removed);
};

/** Removes the consumer, or some of what is pending for it: REMOVED_AT_ONCE, there may be more then. */
function removeSome(c: Context): number {
  const { args } = c;
  const index = GROUP.consumers.find(args.bytes, args.starts[4] as number, args.lengths[4] as number);
  if (index < 0) return 0;
  const removed = GROUP.removeConsumer(index, REMOVED_AT_ONCE);
  if (removed < REMOVED_AT_ONCE) c.server.keyspace.dirty++;
  return removed;
}

/** A consumer with much that is pending goes in slices: others see that become less. */
function* removeRest(c: Context, before: number): Generator<void, void, void> {
  let removed = before;
  for (let some = before; some === REMOVED_AT_ONCE; removed += some) {
    yield;
    if (!(yield* whenReady(c, () => openToChange(c, 2) && findGroup(c, 3)))) break;
    some = removeSome(c);
  }
  c.reply.integer(removed);
}
