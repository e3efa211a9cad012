/**
 * XREADGROUP: new entries become a consumer's, and wait for its XACK; or the consumer asks what has been given to it before. What is given
 * out changes the group, so everything is done at once.
 */
import { EntryId } from "../encodings/entry-id.ts";
import { IdTree } from "../overlay/encodings/id-tree.ts";
import { readNodeId } from "../overlay/encodings/stream.ts";
import { deliveriesHigh, deliveriesLow, setDelivery } from "../overlay/encodings/stream-groups.ts";
import { StreamReader } from "../types/stream.ts";
import { entriesReadEstimate, hasDeletedFrom } from "../types/stream-groups.ts";
import { blockOnKeys } from "./blocking.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError } from "./errors.ts";
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
import { cText, isWord, parseStrictId, setArrayLength, writeEntry, writeId } from "./streams-support.ts";

const READER = new StreamReader();
const MAX = new EntryId().setMax();
const FROM = new EntryId();
const ID = new EntryId();

export const xreadgroup: Handler = (c) => {
  const options = parseReadOptions(c, true);
  if (options.group === 0) throw new ReplyError("ERR Missing GROUP option for XREADGROUP");
  if (readGroups(c, options)) return;
  if (options.blockMs !== null) return waitAndRead(c, options);
  c.reply.nilArray();
};

function* waitAndRead(c: Context, options: ReadOptions): Generator<void, void, void> {
  const nothing = () => c.reply.nilArray();
  yield* blockOnKeys(c, waitOf(options, true), () => readGroups(c, options), nothing);
}

/** False, nothing written, where no stream has anything for the consumer. Throws ReplyError, NotReady: nothing changed. */
function readGroups(c: Context, options: ReadOptions): boolean {
  const { reply } = c;
  const { firstKey, keys, group } = options;
  for (let i = 0; i < keys; i++) check(c, options, i);
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

/** Writes what STREAM has for a consumer of GROUP; false, nothing written, where there is nothing new. */
function readOne(c: Context, options: ReadOptions, i: number, consumer: number): boolean {
  const index = options.firstKey + options.keys + i;
  const isNew = isWord(c, index, NEW) || parseStrictId(c, index, FROM).isMax;
  if (isNew) {
    GROUP.readLast(FROM);
    if (!STREAM.readTop(ID) || ID.compare(FROM) <= 0) return false;
  }
  FROM.increment();
  beginStream(c, options.firstKey + i);
  READER.open(c.record);
  if (isNew) deliver(c, options, consumer);
  else repeat(c, options.count, consumer);
  return true;
}

/** Writes the entries from FROM on, which become the consumer's. `count` 0: all. */
function deliver(c: Context, { count, noAck }: ReadOptions, consumer: number): void {
  const { reply, nowMs } = c;
  const max = count === 0 ? STREAM.length : Math.min(count, STREAM.length);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let written = 0;
  READER.seek(FROM, MAX);
  while (written < max && READER.next()) {
    const { id } = READER;
    noteRead(id);
    writeEntry(reply, READER);
    written++;
    if (noAck) continue;
    const pending = GROUP.findPending(id);
    if (pending === 0) GROUP.addPending(id, consumer, nowMs, 0, 1);
    else {
      GROUP.assign(id, pending, consumer);
      setDelivery(STREAM.blocks, pending, nowMs, 0, 1);
    }
    GROUP.setActiveTime(consumer, nowMs);
  }
  if (written < max) setArrayLength(reply, mark, header, written);
}

/** GROUP has been given the entry, which is behind its last one: counts, and notes it as the last. */
function noteRead(id: EntryId): void {
  if (GROUP.knowsRead && !hasDeletedFrom(READER, id)) GROUP.countRead();
  else if ((READER.addedHigh | READER.addedLow) !== 0) {
    const read = entriesReadEstimate(READER, id);
    GROUP.setRead(Number(BigInt.asIntN(32, read >> 32n)), Number(BigInt.asIntN(32, read)));
  }
  GROUP.writeLast(id);
}

const OWN = new IdTree(STREAM.blocks);

/** Writes what is pending for the consumer from FROM on; `count` 0: all. What has been deleted meanwhile is an ID and nil. */
function repeat(c: Context, count: number, consumer: number): void {
  const { reply, nowMs } = c;
  const { blocks } = STREAM;
  const own = OWN.bind(blocks, consumer);
  const max = count === 0 ? own.total : Math.min(count, own.total);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let written = 0;
  own.seekId(FROM.msHigh, FROM.msLow, FROM.seqHigh, FROM.seqLow);
  for (let isThere = own.settle(); isThere && written < max; isThere = own.next()) {
    readNodeId(own, ID);
    written++;
    if (!READER.has(ID)) {
      reply.array(2);
      writeId(reply, ID);
      reply.nilArray();
      continue;
    }
    writeEntry(reply, READER);
    const pending = own.handle;
    const low = (deliveriesLow(blocks, pending) + 1) | 0;
    setDelivery(blocks, pending, nowMs, deliveriesHigh(blocks, pending) + (low === 0 ? 1 : 0), low);
  }
  if (written < max) setArrayLength(reply, mark, header, written);
}
