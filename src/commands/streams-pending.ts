/** XPENDING: what a group has handed out and not had acknowledged; as a summary, or entry by entry. */

import { EntryId } from "../encodings/entry-id.ts";
import type { Groups } from "../types/stream-groups.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import {
  cText,
  type IdRange,
  newRange,
  openGroupsQuickly,
  openStream,
  parseRange,
  SLICE_ENTRIES,
  setArrayLength,
  writeId,
} from "./streams-support.ts";

/** Pending entries looked at between two yields. */
const SLICE_LOOKS = 1024;
/** In the place of a consumer's index: whosever it is; of a consumer that is not there. */
const ANYBODY = -1;
const NOBODY = -2;
const MIN = new EntryId();

interface Filter {
  readonly ids: IdRange;
  readonly count: number;
  readonly idleMsMin: number;
  /** Argument with a consumer's name; 0: of every consumer. */
  readonly consumer: number;
}

export const xpending: Handler = (c) => {
  const { args } = c;
  if (args.count !== 3 && (args.count < 6 || args.count > 9)) throw syntaxError();
  const filter = args.count === 3 ? null : parseFilter(c);
  const isQuick = filter === null || (filter.count <= SLICE_ENTRIES && filter.idleMsMin === 0);
  const groups = (isQuick ? openGroupsQuickly(c, 1) : openStream(c, 1))?.groups();
  if (!groups?.find(args.bytes, args.starts[2] as number, args.lengths[2] as number)) throw noSuchGroup(c);
  if (filter === null) return writeSummary(c, groups);
  const only = onlyOf(c, groups, filter);
  if (only === NOBODY) c.reply.array(0);
  else if (isQuick) writeFew(c, groups, filter, only);
  else return writeEntries(c, groups, filter, only);
};

/** Neither the key at argument 1 nor the group at argument 2 need be there. */
export function noSuchGroup({ args }: Context): ReplyError {
  return new ReplyError(`NOGROUP No such key '${cText(args.text(1))}' or consumer group '${cText(args.text(2))}'`);
}

/** [IDLE ms] start end count [consumer], in Redis's order of complaints. */
function parseFilter(c: Context): Filter {
  const { args } = c;
  let at = 3;
  let idleMsMin = 0;
  if (args.is(3, "IDLE")) {
    idleMsMin = integer(c, 4);
    if (args.count < 8) throw syntaxError();
    at = 5;
  }
  const count = Math.max(0, integer(c, at + 2));
  const ids = parseRange(c, at, at + 1, newRange());
  const consumer = at + 3 < args.count ? at + 3 : 0;
  return { ids, count, idleMsMin, consumer };
}

function writeSummary(c: Context, groups: Groups): void {
  const { reply } = c;
  reply.array(4);
  reply.integer(groups.pendingCount);
  if (groups.pendingCount === 0) {
    reply.nil();
    reply.nil();
    reply.nilArray();
    return;
  }
  groups.seekPending(MIN, ANYBODY);
  if (groups.nextPending()) writeId(reply, groups.pendingId);
  if (groups.lastPending()) writeId(reply, groups.pendingId);
  let busy = 0;
  for (let i = 0; i < groups.consumers; i++) {
    groups.standAtConsumer(i);
    if (groups.consumerPending > 0) busy++;
  }
  reply.array(busy);
  for (let i = 0; i < groups.consumers; i++) {
    groups.standAtConsumer(i);
    if (groups.consumerPending === 0) continue;
    reply.array(2);
    reply.bulkSpan(groups.consumerName);
    reply.bulkInteger(groups.consumerPending);
  }
}

/** The consumer that the filter names: its index, ANYBODY, NOBODY where the group has none of this name. */
function onlyOf({ args }: Context, groups: Groups, { consumer }: Filter): number {
  if (consumer === 0) return ANYBODY;
  const index = groups.findConsumer(args.bytes, args.starts[consumer] as number, args.lengths[consumer] as number);
  return index < 0 ? NOBODY : index;
}

/** The first `count` pending entries, a slice's at most, however long they have waited. */
function writeFew(c: Context, groups: Groups, { ids, count }: Filter, only: number): void {
  const { reply } = c;
  const max = Math.min(count, groups.pendingCount);
  const mark = reply.mark();
  reply.array(max);
  const header = reply.mark() - mark;
  let written = 0;
  groups.seekPending(ids.from, only);
  for (; written < max && groups.nextPending() && groups.pendingId.compare(ids.to) <= 0; written++) {
    writePending(c, groups);
  }
  if (written < max) setArrayLength(reply, mark, header, written);
}

/** The pending entry where `groups` stands: its ID, its consumer, how long ago and how often it was delivered. */
function writePending({ reply, nowMs }: Context, groups: Groups): void {
  reply.array(4);
  writeId(reply, groups.pendingId);
  reply.bulkSpan(groups.owner);
  reply.integer(Math.max(0, nowMs - groups.deliveryTimeMs));
  reply.integer(groups.deliveryCount);
}

function* writeEntries(c: Context, groups: Groups, filter: Filter, only: number): Generator<void, void, void> {
  const { reply, nowMs } = c;
  const { count } = filter;
  // An array says its length first: they are counted before they are written.
  let shown = 0;
  for (const looked of matching(groups, filter, only, nowMs)) {
    if (looked) shown++;
    else yield;
  }
  reply.array(shown);
  let written = 0;
  for (const looked of matching(groups, { ...filter, count: Math.min(count, shown) }, only, nowMs)) {
    if (!looked) {
      yield;
      continue;
    }
    writePending(c, groups);
    if (++written % SLICE_ENTRIES === 0) yield;
  }
}

/** Yields true where `groups` stands at a pending entry that the filter lets through; false now and then between them. */
function* matching(
  groups: Groups,
  { ids, count, idleMsMin }: Filter,
  only: number,
  nowMs: number,
): Generator<boolean, void, void> {
  groups.seekPending(ids.from, only);
  for (let i = 1, found = 0; found < count && groups.nextPending(); i++) {
    if (i % SLICE_LOOKS === 0) yield false;
    if (groups.pendingId.compare(ids.to) > 0) return;
    if (idleMsMin !== 0 && nowMs - groups.deliveryTimeMs < idleMsMin) continue;
    found++;
    yield true;
  }
}
