/**
 * Many entries of one stream given out by a consumer group, claimed, acknowledged, deleted: the group is changed in slices (alone.ts), then the entries are written, in
 * slices, too, from the stream as it was changed: it is held as any that is read, also when its key has gone meanwhile.
 *
 *   at once: opened, found to be much ── held alone: entry │ entry │ … ── held as read: entry │ entry │ … written ── let go
 *            pins taken, kept until the end ──────────────────────────────────────────────────────────────────── given back
 */
import { EntryId } from "../encodings/entry-id.ts";
import { EntryIdList } from "../encodings/entry-id-list.ts";
import type { Args } from "../net/args.ts";
import { NativeStream, readNodeId } from "../overlay/encodings/stream.ts";
import { NativeGroup } from "../overlay/encodings/stream-groups.ts";
import { alone, CHANGED_PER_STEP, eachArgument, Target } from "./alone.ts";
import type { Context } from "./context.ts";
import { Autoclaim, type ClaimRules, claimOne, deliverOne, GroupReading, repeatOne } from "./streams-given.ts";
import { GROUP, seeConsumer } from "./streams-open.ts";
import { beginStream, beginStreams, type ReadOptions } from "./streams-read.ts";
import { SLICE_ENTRIES, writeEntry, writeGone, writeId } from "./streams-support.ts";

const IDS_PER_SLICE = 256;
const DELETED = new EntryId();

/** Entries that are to be given out. */
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
  const consumer = seeConsumer(c, group + 1);
  const target = new Target(c, firstKey, c.record);
  const reading = readingOf(target);
  const max = count === 0 ? Number.POSITIVE_INFINITY : count;
  const giving: Giving = { reading, consumer, from, max, nowMs: c.nowMs, given: 0 };
  yield* changeThenWrite(c, target, change(giving), function* () {
    beginStreams(c, 1);
    beginStream(c, firstKey);
    c.reply.array(giving.given);
    yield* write(c, giving);
  });
}

/** Changes the structure alone, then writes what has come of it, from the structure as it is then. */
function* changeThenWrite(
  c: Context,
  target: Target,
  change: Generator<void, void, void>,
  write: () => Generator<void, void, void>,
): Generator<void, void, void> {
  const { pins } = c.server.keyspace;
  const taken = pins.take();
  try {
    yield* alone(c, target, change);
    c.natives.noteOwn(target.arena, target.root);
    yield* write();
  } finally {
    pins.release(taken);
  }
}

/** Readers of the structure, and of GROUP, which has just been found in it, that no other command has. */
function readingOf({ arena, root }: Target): GroupReading {
  const stream = new NativeStream(arena).bind(arena, root);
  return new GroupReading(stream, new NativeGroup(arena).bind(arena, GROUP.handle)).open();
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

/** XAUTOCLAIM of many entries of GROUP, which has just been found. */
export function* autoclaimMany(
  c: Context,
  from: EntryId,
  count: number,
  rules: ClaimRules,
): Generator<void, void, void> {
  const consumer = seeConsumer(c, 3);
  const target = new Target(c, 1, c.record);
  const reading = readingOf(target);
  const claim = new Autoclaim(reading, from, count, rules, consumer, c.nowMs);
  const cursor = new EntryId();
  const claimed = new EntryIdList();
  const gone = new EntryIdList();
  yield* changeThenWrite(c, target, claiming(c, claim, claimed, gone, cursor), function* () {
    const { reply } = c;
    reply.array(3);
    writeId(reply, cursor);
    yield* writeClaimed(c, reading, claimed, rules);
    yield* writeIds(c, gone);
  });
}

/** XCLAIM of the IDs in arguments [5, end) for a consumer of GROUP, which has just been found; `movesLast`: where it changes nothing else, that is a change. */
export function* claimMany(
  c: Context,
  end: number,
  movesLast: boolean,
  rules: ClaimRules,
): Generator<void, void, void> {
  const { nowMs } = c;
  const { keyspace } = c.server;
  const consumer = seeConsumer(c, 3);
  const target = new Target(c, 1, c.record);
  const reading = readingOf(target);
  const claimed = new EntryIdList();
  const id = new EntryId();
  let changes = 0;
  const steps = eachArgument(c, 5, 1, (args, i) => {
    if (i >= end) return false;
    const change = claimOne(reading, readArgument(args, i, id), rules, consumer, nowMs);
    if (change === "none") return true;
    if (changes++ > 0 || !movesLast) keyspace.dirty++;
    if (change === "claimed") claimed.push(id);
    return true;
  });
  if (movesLast) keyspace.dirty++;
  yield* changeThenWrite(c, target, steps, () => writeClaimed(c, reading, claimed, rules));
}

/** XACK of the IDs from argument 3 on, in GROUP, which has just been found. */
export function* acknowledgeMany(c: Context): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const { group } = readingOf(target);
  yield* eachId(c, target, 3, (id) => group.acknowledge(id));
}

/** XDEL of the IDs from argument 2 on from the stream that has just been opened. */
export function* deleteMany(c: Context): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const stream = new NativeStream(target.arena).bind(target.arena, target.root);
  yield* eachId(c, target, 2, (id) => deleteOne(stream, id));
}

/** Deletes an entry, and notes the greatest ID that was; false where there is none. */
export function deleteOne(stream: NativeStream, id: EntryId): boolean {
  if (!stream.remove(id)) return false;
  if (stream.readMaxDeleted(DELETED).compare(id) < 0) stream.writeMaxDeleted(id);
  return true;
}

/** Changes something by each ID from argument `first` on; replies how often something was changed. */
function* eachId(
  c: Context,
  target: Target,
  first: number,
  change: (id: EntryId) => boolean,
): Generator<void, void, void> {
  const { keyspace } = c.server;
  const id = new EntryId();
  let changes = 0;
  const steps = eachArgument(c, first, 1, (args, i) => {
    if (!change(readArgument(args, i, id))) return true;
    changes++;
    keyspace.dirty++;
    return true;
  });
  yield* alone(c, target, steps);
  c.reply.integer(changes);
}

/** Argument `i`, which is known to be an ID. */
function readArgument({ bytes, starts, lengths }: Args, i: number, into: EntryId): EntryId {
  into.parse(bytes, starts[i] as number, lengths[i] as number, false, true);
  return into;
}

/** Claims, and notes which entries that were, and where it has come to. */
function* claiming(
  c: Context,
  claim: Autoclaim,
  claimed: EntryIdList,
  gone: EntryIdList,
  cursor: EntryId,
): Generator<void, void, void> {
  const { keyspace } = c.server;
  for (;;) {
    for (let left = CHANGED_PER_STEP; left > 0; left--) {
      const change = claim.next();
      if (change === "end") {
        claim.readCursor(cursor);
        return;
      }
      if (change === "none") continue;
      keyspace.dirty++;
      (change === "claimed" ? claimed : gone).push(claim.id);
    }
    yield;
  }
}

function* writeIds({ reply }: Context, ids: EntryIdList): Generator<void, void, void> {
  const id = new EntryId();
  reply.array(ids.count);
  for (let i = 0; i < ids.count; i++) {
    writeId(reply, ids.read(i, id));
    if ((i + 1) % IDS_PER_SLICE === 0) yield;
  }
}

/** The entries of these IDs, which are all there: nobody has changed the stream since they were claimed. */
function* writeClaimed(
  c: Context,
  reading: GroupReading,
  ids: EntryIdList,
  { justId }: ClaimRules,
): Generator<void, void, void> {
  if (justId) return yield* writeIds(c, ids);
  const { reply } = c;
  const id = new EntryId();
  reply.array(ids.count);
  for (let i = 0; i < ids.count; i++) {
    if (reading.has(ids.read(i, id))) writeEntry(reply, reading.reader);
    if ((i + 1) % SLICE_ENTRIES === 0) yield;
  }
}
