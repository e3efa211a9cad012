/**
 * XREADGROUP: new entries become a consumer's, and wait for its XACK; or the consumer asks what has been given to it before. What is given
 * out changes the group, so everything is done at once; but for many entries of one stream (streams-many.ts).
 */
import { EntryId } from "../encodings/entry-id.ts";
import { StreamNode } from "../encodings/stream-node.ts";
import { readNodeId } from "../overlay/encodings/stream.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import { blockOnKeys } from "./blocking.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { deliverOne, GroupReading, repeatOne } from "./streams-given.ts";
import { deliverMany, repeatMany } from "./streams-many.ts";
import { findGroup, GROUP, openToChange, STREAM, seeConsumer } from "./streams-open.ts";
import {
  beginStream,
  beginStreams,
  endStreams,
  LAST,
  NEW,
  parseReadOptions,
  type ReadOptions,
  waitOf,
} from "./streams-read.ts";
import { cText, isWord, parseStrictId, setArrayLength, writeEntry, writeGone } from "./streams-support.ts";

const READING = new GroupReading(STREAM, GROUP);
const NODE = new StreamNode();
const FROM = new EntryId();
const ID = new EntryId();

export const xreadgroup: Handler = (c) => {
  const options = parseReadOptions(c, true);
  if (options.group === 0) throw new ReplyError("ERR Missing GROUP option for XREADGROUP");
  checkAll(c, options);
  if (options.keys === 1) {
    const steps = manySteps(c, options);
    if (steps !== null) return steps;
  }
  if (readGroups(c, options)) return;
  if (options.blockMs !== null) return waitAndRead(c, options);
  c.reply.nilArray();
};

function* waitAndRead(c: Context, options: ReadOptions): Generator<void, void, void> {
  const nothing = () => c.reply.nilArray();
  const attempt = () => {
    checkAll(c, options);
    return readGroups(c, options);
  };
  yield* blockOnKeys(c, waitOf(options, true), attempt, nothing);
}

/** Throws ReplyError, NotReady: nothing changed. STREAM and GROUP are the last one's. */
function checkAll(c: Context, options: ReadOptions): void {
  for (let i = 0; i < options.keys; i++) check(c, options, i);
}

/** False, nothing written, where no stream has anything for the consumer. All have just been checked. */
function readGroups(c: Context, options: ReadOptions): boolean {
  const { reply } = c;
  const { firstKey, keys, group } = options;
  const begun = reply.mark();
  beginStreams(c, keys);
  const header = reply.mark() - begun;
  let served = 0;
  for (let i = 0; i < keys; i++) {
    // The only one is open since it was checked.
    if (keys > 1) {
      openToChange(c, firstKey + i);
      findGroup(c, group);
    }
    const consumer = seeConsumer(c, group + 1);
    if (!readOne(c, options, i, consumer)) continue;
    served++;
    c.server.keyspace.dirty++;
  }
  endStreams(c, begun, header, keys, served);
  return served > 0;
}

/** The key, the group and the ID of stream `i`, in Redis's order of complaints. */
function check(c: Context, { firstKey, keys, group }: ReadOptions, i: number): void {
  const key = firstKey + i;
  const { args } = c;
  if (!openToChange(c, key) || !findGroup(c, group)) {
    throw new ReplyError(
      `NOGROUP No such key '${cText(args.text(key))}' or consumer group '${cText(args.text(group))}' in XREADGROUP with GROUP option`,
    );
  }
  const index = firstKey + keys + i;
  if (isWord(c, index, LAST)) {
    throw new ReplyError(
      "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
    );
  }
  if (!isWord(c, index, NEW)) parseStrictId(c, index, FROM);
}

/** How STREAM, the only one, has entries for a consumer of GROUP that are too many to be written at once; null: they are not. */
function manySteps(c: Context, options: ReadOptions): Generator<void, void, void> | null {
  const { count } = options;
  if (count > 0 && count <= CHANGED_AT_ONCE_MAX) return null;
  if (isNewWanted(c, options, 0)) {
    if (STREAM.length <= CHANGED_AT_ONCE_MAX) return null;
    GROUP.readLast(FROM);
    if (!hasManyFrom() || !STREAM.readTop(ID) || ID.compare(FROM) <= 0) return null;
    return deliverMany(c, options);
  }
  const { args } = c;
  const name = options.group + 1;
  const consumer = GROUP.findConsumer(args.bytes, args.starts[name] as number, args.lengths[name] as number);
  if (consumer === 0) return null;
  const own = READING.own.bind(STREAM.blocks, consumer);
  if (own.total <= CHANGED_AT_ONCE_MAX) return null;
  FROM.increment();
  own.seekId(FROM.msHigh, FROM.msLow, FROM.seqHigh, FROM.seqLow);
  return own.total - own.position > CHANGED_AT_ONCE_MAX ? repeatMany(c, options, FROM) : null;
}

/** Whether STREAM may have many entries behind FROM: by what the nodes say from the one on that FROM is in. */
function hasManyFrom(): boolean {
  const { nodes } = STREAM;
  let isThere = nodes.seekHolder(FROM.msHigh, FROM.msLow, FROM.seqHigh, FROM.seqLow) || nodes.settle();
  let living = 0;
  for (let looked = 0; isThere; isThere = nodes.next()) {
    living += STREAM.openNode(NODE).living;
    if (living > CHANGED_AT_ONCE_MAX || ++looked > CHANGED_AT_ONCE_MAX) return true;
  }
  return false;
}

/** Whether stream `i` is asked for what is new; else FROM is the ID that it is asked for. */
function isNewWanted(c: Context, options: ReadOptions, i: number): boolean {
  const index = options.firstKey + options.keys + i;
  return isWord(c, index, NEW) || parseStrictId(c, index, FROM).isMax;
}

/** Writes what STREAM has for a consumer of GROUP; false, nothing written, where there is nothing new. */
function readOne(c: Context, options: ReadOptions, i: number, consumer: number): boolean {
  const isNew = isNewWanted(c, options, i);
  if (isNew) {
    GROUP.readLast(FROM);
    if (!STREAM.readTop(ID) || ID.compare(FROM) <= 0) return false;
  }
  FROM.increment();
  beginStream(c, options.firstKey + i);
  READING.open();
  if (isNew) deliver(c, options, consumer);
  else repeat(c, options.count, consumer);
  return true;
}

/** Writes the entries from FROM on, which become the consumer's. `count` 0: all. */
function deliver(c: Context, { count, noAck }: ReadOptions, consumer: number): void {
  const { reply, nowMs } = c;
  const { reader } = READING;
  const max = count === 0 ? STREAM.length : Math.min(count, STREAM.length);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let written = 0;
  READING.seek(FROM);
  while (written < max && reader.next()) {
    deliverOne(READING, noAck ? 0 : consumer, nowMs);
    writeEntry(reply, reader);
    written++;
  }
  if (written > 0 && !noAck) GROUP.setActiveTime(consumer, nowMs);
  if (written < max) setArrayLength(reply, mark, header, written);
}

/** Writes what is pending for the consumer from FROM on; `count` 0: all. What has been deleted meanwhile is an ID and nil. */
function repeat(c: Context, count: number, consumer: number): void {
  const { reply, nowMs } = c;
  const own = READING.own.bind(STREAM.blocks, consumer);
  const max = count === 0 ? own.total : Math.min(count, own.total);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let written = 0;
  own.seekId(FROM.msHigh, FROM.msLow, FROM.seqHigh, FROM.seqLow);
  for (let isThere = own.settle(); isThere && written < max; isThere = own.next()) {
    readNodeId(own, ID);
    written++;
    if (READING.has(ID)) {
      repeatOne(READING, nowMs);
      writeEntry(reply, READING.reader);
    } else writeGone(reply, ID);
  }
  if (written < max) setArrayLength(reply, mark, header, written);
}
