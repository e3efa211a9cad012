/** XPENDING: what a group has handed out and not had acknowledged; as a summary, or entry by entry. */

import { compareStreamIds, pendingId, type StreamGroup } from "../types/stream.ts";
import { idText } from "../types/stream-id.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import { cText } from "./streams-info.ts";
import { type IdRange, openStream, parseRange, SLICE_ENTRIES } from "./streams-support.ts";

interface Filter {
  readonly ids: IdRange;
  readonly count: number;
  readonly idleMsMin: number;
  /** Null: of every consumer. */
  readonly consumer: string | null;
}

export const xpending: Handler = (c) => {
  const { args } = c;
  if (args.count !== 3 && (args.count < 6 || args.count > 9)) throw syntaxError();
  const filter = args.count === 3 ? null : parseFilter(c);
  const name = args.text(2);
  const group = openStream(c, 1)
    ?.groups()
    .find((candidate) => candidate.name === name);
  if (group === undefined) {
    throw new ReplyError(`NOGROUP No such key '${cText(args.text(1))}' or consumer group '${cText(name)}'`);
  }
  if (filter === null) return writeSummary(c, group);
  return writeEntries(c, group, filter);
};

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
  const ids = parseRange(c, at, at + 1);
  const consumer = at + 3 < args.count ? args.text(at + 3) : null;
  return { ids, count, idleMsMin, consumer };
}

function writeSummary(c: Context, group: StreamGroup): void {
  const { reply } = c;
  const { pending } = group;
  reply.array(4);
  reply.integer(pending.count);
  if (pending.count === 0) {
    reply.nil();
    reply.nil();
    reply.nilArray();
    return;
  }
  reply.bulkText(idText(pendingId(pending, 0)));
  reply.bulkText(idText(pendingId(pending, pending.count - 1)));
  const busy = group.consumers.filter((consumer) => consumer.pendingCount > 0);
  reply.array(busy.length);
  for (const consumer of busy) {
    reply.array(2);
    reply.bulkText(consumer.name);
    reply.bulkText(String(consumer.pendingCount));
  }
}

function* writeEntries(c: Context, group: StreamGroup, filter: Filter): Generator<void, void, void> {
  const { reply, nowMs } = c;
  const { pending, consumers } = group;
  const rows = yield* matching(group, filter, nowMs);
  reply.array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    reply.array(4);
    reply.bulkText(idText(pendingId(pending, row)));
    reply.bulkText(consumers[pending.consumer[row] as number]?.name ?? "");
    reply.integer(Math.max(0, nowMs - (pending.deliveryTimeMs[row] as number)));
    reply.integer(pending.deliveryCount[row] as number);
    if ((i + 1) % SLICE_ENTRIES === 0) yield;
  }
}

/** The rows of the pending entries that the filter lets through. */
function* matching(group: StreamGroup, filter: Filter, nowMs: number): Generator<void, number[], void> {
  const { pending, consumers } = group;
  const { ids, count, idleMsMin } = filter;
  const only = filter.consumer === null ? -1 : consumers.findIndex(({ name }) => name === filter.consumer);
  const rows: number[] = [];
  if (filter.consumer !== null && only < 0) return rows;
  for (let i = 0; i < pending.count && rows.length < count; i++) {
    if (i % (SLICE_ENTRIES * 16) === 0) yield;
    const id = pendingId(pending, i);
    if (compareStreamIds(id, ids.from) < 0) continue;
    if (compareStreamIds(id, ids.to) > 0) break;
    if (only >= 0 && pending.consumer[i] !== only) continue;
    if (idleMsMin !== 0 && nowMs - (pending.deliveryTimeMs[i] as number) < idleMsMin) continue;
    rows.push(i);
  }
  return rows;
}
