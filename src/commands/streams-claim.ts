/** Streams, what is pending for a group: XACK XCLAIM XAUTOCLAIM. */
import { EntryId } from "../encodings/entry-id.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer, integer64, integerBetween } from "./parse.ts";
import { Autoclaim, type ClaimRules, claimOne, GroupReading, LOOKS_PER_CLAIM } from "./streams-given.ts";
import { acknowledgeMany, autoclaimMany, claimMany } from "./streams-many.ts";
import { findGroup, GROUP, openToChange, STREAM, seeConsumer } from "./streams-open.ts";
import { noSuchGroup } from "./streams-pending.ts";
import { cText, parseFrom, parseStrictId, setArrayLength, writeEntry, writeId } from "./streams-support.ts";

const READING = new GroupReading(STREAM, GROUP);
const ID = new EntryId();
const AUTOCLAIM_COUNT_DEFAULT = 100;
/** Pending entries that XAUTOCLAIM looks at without a yield. */
const LOOKED_AT_ONCE_MAX = 2048;
const AUTOCLAIM_COUNT_MAX = Number((2n ** 63n - 1n) / 16n);

export const xack: Handler = (c) => {
  const { args } = c;
  if (!openToChange(c, 1) || !findGroup(c, 2)) {
    c.reply.integer(0);
    return;
  }
  // All IDs must be some before anything is done.
  for (let i = 3; i < args.count; i++) parseStrictId(c, i, ID);
  if (args.count - 3 > CHANGED_AT_ONCE_MAX) return acknowledgeMany(c);
  let acknowledged = 0;
  for (let i = 3; i < args.count; i++) if (GROUP.acknowledge(parseStrictId(c, i, ID))) acknowledged++;
  c.server.keyspace.dirty += acknowledged;
  c.reply.integer(acknowledged);
};

interface Claim extends ClaimRules {
  /** Arguments [5, idsEnd) are IDs. */
  idsEnd: number;
  deliveredAtMs: number;
  retryCount: bigint;
  isForced: boolean;
  justId: boolean;
  /** Of the group, where that is before it. */
  readonly lastId: EntryId;
}

export const xclaim: Handler = (c) => {
  const { reply } = c;
  if (!openToChange(c, 1) || !findGroup(c, 2)) throw noSuchGroup(c);
  const claim = parseClaim(c);
  READING.open();
  const movesLast = claim.lastId.compare(GROUP.readLast(ID)) > 0;
  if (movesLast) GROUP.writeLast(claim.lastId);
  const max = claim.idsEnd - 5;
  if (max > CHANGED_AT_ONCE_MAX) return claimMany(c, claim.idsEnd, movesLast, claim);
  const consumer = seeConsumer(c, 3);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let claimed = 0;
  let changes = 0;
  for (let i = 5; i < claim.idsEnd; i++) {
    const change = claimOne(READING, parseStrictId(c, i, ID), claim, consumer, c.nowMs);
    if (change === "none") continue;
    if (change === "claimed") {
      writeClaimed(c, ID, claim);
      claimed++;
    }
    changes++;
    c.server.keyspace.dirty++;
  }
  if (movesLast && changes === 0) c.server.keyspace.dirty++;
  if (claimed < max) setArrayLength(reply, mark, header, claimed);
};

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

function writeClaimed({ reply }: Context, id: EntryId, { justId }: ClaimRules): void {
  if (justId) writeId(reply, id);
  else writeEntry(reply, READING.reader);
}

export const xautoclaim: Handler = (c) => {
  const { reply, nowMs } = c;
  const idleMsMin = Math.max(0, integer(c, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM"));
  const from = parseFrom(c, 5, new EntryId());
  const [count, justId] = parseAutoclaim(c);
  if (!openToChange(c, 1) || !findGroup(c, 2)) throw noSuchGroup(c);
  const rules: ClaimRules = { idleMsMin, deliveredAtMs: nowMs, retryCount: -1n, isForced: false, justId };
  if (isMuch(from, count)) return autoclaimMany(c, from, count, rules);
  const consumer = seeConsumer(c, 3);
  reply.array(3);
  const mark = reply.mark();
  const claim = new Autoclaim(READING.open(), from, count, rules, consumer, nowMs);
  const gone = claimFrom(c, claim, count, rules);
  putCursor(c, claim, mark);
  reply.array(gone.length);
  for (const id of gone) writeId(reply, id);
};

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

/** Whether there is too much to be looked at, or to be claimed, for it to be done at once. */
function isMuch(from: EntryId, count: number): boolean {
  const { pending } = GROUP;
  const looks = count * LOOKS_PER_CLAIM;
  if (pending.total <= CHANGED_AT_ONCE_MAX || looks <= LOOKED_AT_ONCE_MAX) return false;
  pending.seekId(from.msHigh, from.msLow, from.seqHigh, from.seqLow);
  const there = pending.total - pending.position;
  return Math.min(there, count) > CHANGED_AT_ONCE_MAX || Math.min(there, looks) > LOOKED_AT_ONCE_MAX;
}

/** Claims, and writes what it has claimed as an array of up to `max`; the IDs of those that are gone. */
function claimFrom(c: Context, claim: Autoclaim, max: number, rules: ClaimRules): EntryId[] {
  const { reply } = c;
  const gone: EntryId[] = [];
  const bound = Math.min(max, GROUP.pending.total);
  const mark = reply.mark();
  reply.array(bound);
  const header = reply.mark() - mark;
  let claimed = 0;
  for (let change = claim.next(); change !== "end"; change = claim.next()) {
    if (change === "none") continue;
    c.server.keyspace.dirty++;
    if (change === "gone") gone.push(new EntryId().copy(claim.id));
    else {
      writeClaimed(c, claim.id, rules);
      claimed++;
    }
  }
  if (claimed < bound) setArrayLength(reply, mark, header, claimed);
  return gone;
}

/** Puts the ID where the next XAUTOCLAIM would begin before what has been written since `mark`. */
function putCursor({ reply }: Context, claim: Autoclaim, mark: number): void {
  const end = reply.length;
  writeId(reply, claim.readCursor(ID));
  const bytes = reply.buffer.slice(end, reply.length);
  reply.buffer.copyWithin(mark + bytes.length, mark, end);
  reply.buffer.set(bytes, mark);
}
