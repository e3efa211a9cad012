/** Streams that are to be changed: found, made native where they are not, created. */
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { NativeStream, StreamRoot } from "../overlay/encodings/stream.ts";
import { streamForm } from "../overlay/encodings/stream-form.ts";
import { NameList, NativeGroup } from "../overlay/encodings/stream-groups.ts";
import { valueBytes } from "../rdb/dump.ts";
import { NativeType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { buildStream } from "../types/stream-build.ts";
import type { Context } from "./context.ts";
import { becomeNative, openForWrite } from "./writable.ts";

/** The stream that a handler changes, and the group where it stands. */
export const STREAM = new NativeStream();
export const GROUP = new NativeGroup();
const GROUPS = new NameList();

/** About what an entry takes in a file: as many of them are taken over at once as becomeNative says. */
const ENTRY_BYTES = 32;

/**
 * Opens the stream at argument `index` as STREAM; false when there is none. Throws ReplyError WRONGTYPE, NotReady. Only before the handler
 * has changed or replied anything.
 */
export function openToChange(c: Context, index: number, record: Record = c.record): boolean {
  if (!openForWrite(c, index, "stream", record)) return false;
  if (record.type !== NativeType.STREAM) {
    const size = valueBytes(record);
    becomeNative(c, index, record, size / ENTRY_BYTES, buildStream, NativeType.STREAM);
  }
  STREAM.bind(nativeBlocks(record), nativeRoot(record));
  return true;
}

/** Makes an empty stream, STREAM, that no key names yet: `install` or `discard` it. Throws ArenaFull. */
export function createStream({ db }: Context): void {
  const { arena } = db.ensureTop();
  STREAM.bind(arena, NativeStream.create(arena));
}

/** STREAM, just created, becomes the value of the key at argument `index`, which did not exist. Throws ArenaFull; it is freed then. */
export function installStream(c: Context, index: number): void {
  const { args, db } = c;
  try {
    db.install(
      args.bytes,
      args.starts[index] as number,
      args.lengths[index] as number,
      NativeType.STREAM,
      STREAM.root,
      -1,
    );
  } catch (error) {
    discardStream();
    throw error;
  }
}

export function discardStream(): void {
  atOnce(streamForm.free(STREAM.blocks, STREAM.root));
}

/** Finds the group of STREAM that argument `index` names, for GROUP; false where there is none. */
export function findGroup({ args }: Context, index: number): boolean {
  const groups = GROUPS.bind(STREAM.blocks, STREAM.root, StreamRoot.GROUPS);
  const at = groups.find(args.bytes, args.starts[index] as number, args.lengths[index] as number);
  if (at < 0) return false;
  GROUP.bind(STREAM.blocks, groups.at(at));
  return true;
}

/** Takes the group that argument `index` names out of STREAM: its block, 0 where there is none. */
export function takeGroup({ args }: Context, index: number): number {
  const groups = GROUPS.bind(STREAM.blocks, STREAM.root, StreamRoot.GROUPS);
  const at = groups.find(args.bytes, args.starts[index] as number, args.lengths[index] as number);
  if (at < 0) return 0;
  const handle = groups.at(at);
  groups.remove(at);
  return handle;
}

/** Something was added to the existing stream at argument `index`, or a group of it is gone: who waits for it is served. */
export function signalStream({ args, db, server }: Context, index: number): void {
  const { waits } = server.keyspace;
  if (waits.count === 0) return;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  waits.signal(db.dbid, db.hash(args.bytes, start, length), args.bytes, start, length);
}

/**
 * The consumer of GROUP that argument `index` names, made if it is not there; its handle. It is seen now. Throws ArenaFull, nothing
 * changed.
 */
export function seeConsumer(c: Context, index: number): number {
  const { args, nowMs } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  const known = GROUP.findConsumer(args.bytes, start, length);
  if (known !== 0) {
    GROUP.setSeenTime(known, nowMs);
    return known;
  }
  const made = GROUP.addConsumer(args.bytes, start, length, nowMs, -1);
  c.server.keyspace.dirty++;
  return made;
}
