/** Streams, what is pending for a group: XACK XCLAIM XAUTOCLAIM. */
import { EntryId } from "../encodings/entry-id.ts";
import { readNodeId } from "../overlay/encodings/stream.ts";
import { deliveriesHigh, deliveriesLow, deliveryTime, setDelivery } from "../overlay/encodings/stream-groups.ts";
import { StreamReader } from "../types/stream.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer, integer64, integerBetween } from "./parse.ts";
import { findGroup, GROUP, openToChange, STREAM, seeConsumer } from "./streams-open.ts";
import { noSuchGroup } from "./streams-pending.ts";
import { cText, parseFrom, parseStrictId, setArrayLength, writeEntry, writeId } from "./streams-support.ts";

const READER = new StreamReader();
const ID = new EntryId();
const AUTOCLAIM_COUNT_DEFAULT = 100;
/** Pending entries that XAUTOCLAIM looks at, for each that it may answer. */
const LOOKS_PER_CLAIM = 10;
const AUTOCLAIM_COUNT_MAX = Number((2n ** 63n - 1n) / 16n);

export function xack(c: Context): void {
  const { args } = c;
  if (!openToChange(c, 1) || !findGroup(c, 2)) {
    c.reply.integer(0);
    return;
  }
  // All IDs must be some before anything is done.
  for (let i = 3; i < args.count; i++) parseStrictId(c, i, ID);
  let acknowledged = 0;
  for (let i = 3; i < args.count; i++) {
    const pending = GROUP.findPending(parseStrictId(c, i, ID));
    if (pending === 0) continue;
    GROUP.removePending(ID, pending);
    acknowledged++;
  }
  c.server.keyspace.dirty += acknowledged;
  c.reply.integer(acknowledged);
}

interface Claim {
  idleMsMin: number;
  /** Arguments [5, idsEnd) are IDs. */
  idsEnd: number;
  /** Unix time in ms. */
  deliveredAtMs: number;
  /** -1n: one more than before. */
  retryCount: bigint;
  isForced: boolean;
  justId: boolean;
  /** Of the group, where that is before it. */
  readonly lastId: EntryId;
}

export function xclaim(c: Context): void {
  const { reply } = c;
  if (!openToChange(c, 1) || !findGroup(c, 2)) throw noSuchGroup(c);
  const claim = parseClaim(c);
  READER.open(c.record);
  let movesLast = claim.lastId.compare(GROUP.readLast(ID)) > 0;
  if (movesLast) GROUP.writeLast(claim.lastId);
  const consumer = seeConsumer(c, 3);
  const mark = reply.mark();
  const max = claim.idsEnd - 5;
  reply.array(max);
  const header = reply.mark() - mark;
  let claimed = 0;
  for (let i = 5; i < claim.idsEnd; i++) {
    const change = claimOne(c, parseStrictId(c, i, ID), claim, consumer);
    if (change === "none") continue;
    if (change === "claimed") claimed++;
    movesLast = false;
    c.server.keyspace.dirty++;
  }
  if (movesLast) c.server.keyspace.dirty++;
  if (claimed < max) setArrayLength(reply, mark, header, claimed);
}

function parseClaim(c: Context): Claim {
  const { args, nowMs } = c;
  const idleMsMin = Math.max(0, integer(c, 4, "ERR Invalid min-idle-time argument for XCLAIM"));
  const claim: Claim = {
    idleMsMin,
    idsEnd: 5,
    deliveredAtMs: -1,
    retryCount: -1n,
    isForced: false,
    justId: false,
    lastId: new EntryId(),
  };
  while (claim.idsEnd < args.count && isId(c, claim.idsEnd)) claim.idsEnd++;
  for (let i = claim.idsEnd; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.is(i, "FORCE")) claim.isForced = true;
    else if (args.is(i, "JUSTID")) claim.justId = true;
    else if (hasMore && args.is(i, "IDLE")) {
      claim.deliveredAtMs = nowMs - integer(c, ++i, "ERR Invalid IDLE option argument for XCLAIM");
    } else if (hasMore && args.is(i, "TIME")) {
      claim.deliveredAtMs = integer(c, ++i, "ERR Invalid TIME option argument for XCLAIM");
    } else if (hasMore && args.is(i, "RETRYCOUNT")) {
      claim.retryCount = integer64(c, ++i, "ERR Invalid RETRYCOUNT option argument for XCLAIM");
    } else if (hasMore && args.is(i, "LASTID")) parseStrictId(c, ++i, claim.lastId);
    else throw new ReplyError(`ERR Unrecognized XCLAIM option '${cText(args.text(i))}'`);
  }
  // A time that makes no sense is now.
  if (claim.deliveredAtMs < 0 || claim.deliveredAtMs > nowMs) claim.deliveredAtMs = nowMs;
  return claim;
}

function isId({ args }: Context, i: number): boolean {
  return ID.parse(args.bytes, args.starts[i] as number, args.lengths[i] as number, false, true);
}

/** Gives one entry to a consumer of GROUP, and writes it; "gone" where it is not in the stream any more: it is pending no longer. */
function claimOne(c: Context, id: EntryId, claim: Claim, consumer: number): "none" | "claimed" | "gone" {
  const { reply, nowMs } = c;
  const { blocks } = STREAM;
  let pending = GROUP.findPending(id);
  if (!READER.has(id)) {
    if (pending === 0) return "none";
    GROUP.removePending(id, pending);
    return "gone";
  }
  if (pending !== 0) {
    if (claim.idleMsMin > 0 && nowMs - deliveryTime(blocks, pending) < claim.idleMsMin) return "none";
    GROUP.assign(id, pending, consumer);
  } else {
    if (!claim.isForced) return "none";
    pending = GROUP.addPending(id, consumer, nowMs, 0, 1);
  }
  setClaimed(pending, claim);
  if (claim.justId) writeId(reply, id);
  else writeEntry(reply, READER);
  GROUP.setActiveTime(consumer, nowMs);
  return "claimed";
}

function setClaimed(pending: number, { retryCount, justId, deliveredAtMs }: Claim): void {
  const { blocks } = STREAM;
  let high = deliveriesHigh(blocks, pending);
  let low = deliveriesLow(blocks, pending);
  if (retryCount >= 0n) {
    high = Number(BigInt.asIntN(32, retryCount >> 32n));
    low = Number(BigInt.asIntN(32, retryCount));
  } else if (!justId) {
    low = (low + 1) | 0;
    if (low === 0) high++;
  }
  setDelivery(blocks, pending, deliveredAtMs, high, low);
}

export function xautoclaim(c: Context): void {
  const { reply, nowMs } = c;
  const idleMsMin = Math.max(0, integer(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM"));
  const from = parseFrom(c, 5, new EntryId());
  const [count, justId] = parseAutoclaim(c);
  if (!openToChange(c, 1) || !findGroup(c, 2)) throw noSuchGroup(c);
  READER.open(c.record);
  const consumer = seeConsumer(c, 3);
  const claim: Claim = {
    idleMsMin,
    idsEnd: 0,
    deliveredAtMs: nowMs,
    retryCount: -1n,
    isForced: false,
    justId,
    lastId: new EntryId(),
  };
  reply.array(3);
  const mark = reply.mark();
  const gone = claimFrom(c, from, count, claim, consumer);
  putCursor(c, mark);
  reply.array(gone.length);
  for (const id of gone) writeId(reply, id);
}

function parseAutoclaim(c: Context): [count: number, justId: boolean] {
  const { args } = c;
  let count = AUTOCLAIM_COUNT_DEFAULT;
  let justId = false;
  for (let i = 6; i < args.count; i++) {
    if (i + 1 < args.count && args.is(i, "COUNT")) {
      count = integerBetween(c, ++i, 1, AUTOCLAIM_COUNT_MAX, "ERR COUNT must be > 0");
    } else if (args.is(i, "JUSTID")) justId = true;
    else throw syntaxError();
  }
  return [count, justId];
}

/**
 * Claims up to `max` pending entries from `from` on and writes them as an array; the IDs of those that are gone. `GROUP.pending` stands
 * where the next call would begin.
 */
function claimFrom(c: Context, from: EntryId, max: number, claim: Claim, consumer: number): EntryId[] {
  const { reply } = c;
  const { pending } = GROUP;
  const gone: EntryId[] = [];
  const bound = Math.min(max, pending.total);
  const mark = reply.mark();
  reply.array(bound);
  const header = reply.mark() - mark;
  let claimed = 0;
  let left = max;
  seekPending(from);
  for (let looks = max * LOOKS_PER_CLAIM; looks > 0 && left > 0 && pending.settle(); looks--) {
    readNodeId(pending, ID);
    const change = claimOne(c, ID, claim, consumer);
    // What has been removed has its place taken by the next one.
    seekPending(ID);
    if (change === "gone") gone.push(new EntryId().copy(ID));
    // The seek may stand behind the leaf before the entry's: next() alone would come to the entry once more.
    else if (pending.settle()) pending.next();
    if (change === "none") continue;
    if (change === "claimed") claimed++;
    left--;
    c.server.keyspace.dirty++;
  }
  if (claimed < bound) setArrayLength(reply, mark, header, claimed);
  return gone;
}

function seekPending(id: EntryId): void {
  GROUP.pending.seekId(id.msHigh, id.msLow, id.seqHigh, id.seqLow);
}

/** Puts the ID where the next XAUTOCLAIM would begin, 0-0 at the end, before what has been written since `mark`. */
function putCursor({ reply }: Context, mark: number): void {
  const { pending } = GROUP;
  if (pending.settle()) readNodeId(pending, ID);
  else ID.setMin();
  const end = reply.length;
  writeId(reply, ID);
  const bytes = reply.buffer.slice(end, reply.length);
  reply.buffer.copyWithin(mark + bytes.length, mark, end);
  reply.buffer.set(bytes, mark);
}
