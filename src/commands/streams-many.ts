/**
 * Many entries of one stream given out by a consumer group: the group is changed in slices (alone.ts), then the entries are written, in
 * slices, too, from the stream as it was changed: it is held as any that is read, also when its key has gone meanwhile.
 *
 *   at once: opened, found to be much ── held alone: entry │ entry │ … ── held as read: entry │ entry │ … written ── let go
 *            pins taken, kept until the end ──────────────────────────────────────────────────────────────────── given back
 */
import { EntryId } from "../encodings/entry-id.ts";
import { NativeStream, readNodeId } from "../overlay/encodings/stream.ts";
import { NativeGroup } from "../overlay/encodings/stream-groups.ts";
import { alone, CHANGED_PER_STEP, Target } from "./alone.ts";
import type { Context } from "./context.ts";
import { deliverOne, GroupReading, repeatOne } from "./streams-given.ts";
import { GROUP, seeConsumer } from "./streams-open.ts";
import { beginStream, beginStreams, type ReadOptions } from "./streams-read.ts";
import { SLICE_ENTRIES, writeEntry, writeGone } from "./streams-support.ts";

/** A group that is read in slices. */
interface Giving {
  readonly reading: GroupReading;
  readonly consumer: number;
  readonly from: EntryId;
  /** At most so many entries. */
  readonly max: number;
  /** When the command began. */
  readonly nowMs: number;
  /** Entries given out so far. */
  given: number;
}

/** Gives the new entries of the stream that has just been opened to the consumer: there are some. */
export function* deliverMany(c: Context, options: ReadOptions): Generator<void, void, void> {
  const from = GROUP.readLast(new EntryId());
  from.increment();
  yield* giveMany(c, options, from, (giving) => delivering(c, giving, options.noAck), writeDelivered);
}

/** Repeats what is pending for the consumer, which there is, from this ID on, in the stream that has just been opened. */
export function* repeatMany(c: Context, options: ReadOptions, from: EntryId): Generator<void, void, void> {
  yield* giveMany(c, options, new EntryId().copy(from), (giving) => repeating(c, giving), writeRepeated);
}

function* giveMany(
  c: Context,
  { firstKey, group, count }: ReadOptions,
  from: EntryId,
  change: (giving: Giving) => Generator<void, void, void>,
  write: (c: Context, giving: Giving) => Generator<void, void, void>,
): Generator<void, void, void> {
  const { pins } = c.server.keyspace;
  const consumer = seeConsumer(c, group + 1);
  const target = new Target(c, firstKey, c.record);
  const reading = readingOf(target, GROUP.handle);
  const max = count === 0 ? Number.POSITIVE_INFINITY : count;
  const giving: Giving = { reading, consumer, from, max, nowMs: c.nowMs, given: 0 };
  const taken = pins.take();
  try {
    yield* alone(c, target, change(giving));
    c.natives.noteOwn(target.arena, target.root);
    beginStreams(c, 1);
    beginStream(c, firstKey);
    c.reply.array(giving.given);
    yield* write(c, giving);
  } finally {
    pins.release(taken);
  }
}

/** Readers of the structure that no other command has. */
function readingOf({ arena, root }: Target, group: number): GroupReading {
  const stream = new NativeStream(arena).bind(arena, root);
  return new GroupReading(stream, new NativeGroup(arena).bind(arena, group)).open();
}

function* delivering(c: Context, giving: Giving, noAck: boolean): Generator<void, void, void> {
  const { reading, from, max } = giving;
  c.server.keyspace.dirty++;
  reading.seek(from);
  while (deliverSome(giving, noAck) && giving.given < max) yield;
}

/** As many entries as a step may change; false where there are no more. */
function deliverSome(giving: Giving, noAck: boolean): boolean {
  const { reading, consumer, max, nowMs } = giving;
  const { reader, group } = reading;
  const owner = noAck ? 0 : consumer;
  const end = Math.min(max, giving.given + CHANGED_PER_STEP);
  while (giving.given < end) {
    if (!reader.next()) return false;
    deliverOne(reading, owner, nowMs);
    if (owner !== 0 && giving.given === 0) group.setActiveTime(owner, nowMs);
    giving.given++;
  }
  return true;
}

function* writeDelivered(c: Context, { reading, from, given }: Giving): Generator<void, void, void> {
  const { reader } = reading;
  reading.seek(from);
  for (let i = 1; i <= given && reader.next(); i++) {
    writeEntry(c.reply, reader);
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

function* repeating(c: Context, giving: Giving): Generator<void, void, void> {
  c.server.keyspace.dirty++;
  const { reading, nowMs, max } = giving;
  const { own } = reading;
  const id = new EntryId();
  for (let isThere = seekOwn(giving); isThere && giving.given < max; isThere = own.next()) {
    if (reading.has(readNodeId(own, id))) repeatOne(reading, nowMs);
    if (++giving.given % CHANGED_PER_STEP === 0) yield;
  }
}

function* writeRepeated(c: Context, giving: Giving): Generator<void, void, void> {
  const { reading, given } = giving;
  const { own, reader } = reading;
  const id = new EntryId();
  let isThere = seekOwn(giving);
  for (let i = 1; i <= given && isThere; i++) {
    if (reading.has(readNodeId(own, id))) writeEntry(c.reply, reader);
    else writeGone(c.reply, id);
    isThere = own.next();
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

/** Stands at the first entry that is pending for the consumer from the ID on; false where there is none. */
function seekOwn({ reading, consumer, from }: Giving): boolean {
  const { own, stream } = reading;
  own.bind(stream.blocks, consumer).seekId(from.msHigh, from.msLow, from.seqHigh, from.seqLow);
  return own.settle();
}
