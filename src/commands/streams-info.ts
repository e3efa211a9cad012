/** XINFO: what there is to know about a stream, its groups and their consumers. */

import { EntryId } from "../encodings/entry-id.ts";
import type { Reply } from "../net/reply.ts";
import { toNumber } from "../overlay/encodings/stream.ts";
import type { StreamReader } from "../types/stream.ts";
import { entriesReadEstimate, type Groups, hasDeletedFrom } from "../types/stream-groups.ts";
import { radixNodeCount } from "../types/stream-radix.ts";
import { copyBytes } from "../util/native.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { integer } from "./parse.ts";
import {
  cText,
  newRange,
  openGroupsQuickly,
  openStream,
  SLICE_ENTRIES,
  writeEntries,
  writeEntry,
  writeId,
} from "./streams-support.ts";

/** What XINFO STREAM FULL shows of entries and of each list of pending ones, unless COUNT says otherwise. */
const FULL_COUNT_DEFAULT = 10;
/** The upper half of numbers that are no safe integers any more. */
const SAFE_HIGH = 0x200000;

const NAMES = [
  "name",
  "pending",
  "idle",
  "inactive",
  "consumers",
  "length",
  "radix-tree-keys",
  "radix-tree-nodes",
  "last-generated-id",
  "max-deleted-entry-id",
  "entries-added",
  "recorded-first-entry-id",
  "groups",
  "first-entry",
  "last-entry",
  "entries",
  "last-delivered-id",
  "pel-count",
  "seen-time",
  "active-time",
  "entries-read",
  "lag",
] as const;
type Name = (typeof NAMES)[number];
/** The names as bulk strings, one behind the other; where each begins and ends. Long enough to be copied from without a loop. */
const NAME_BYTES = new Uint8Array(4096);
const NAME_PLACES = Object.fromEntries(
  NAMES.map((name, i) => {
    const bulk = (it: string) => `$${it.length}\r\n${it}\r\n`;
    const start = NAMES.slice(0, i).map(bulk).join("").length;
    const { written } = new TextEncoder().encodeInto(bulk(name), NAME_BYTES.subarray(start));
    return [name, { start, length: written }];
  }),
) as Record<Name, { readonly start: number; readonly length: number }>;

export const xinfoHelp: Handler = (c) => {
  const lines = [
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
    "HELP",
    "    Print this help.",
  ];
  c.reply.array(lines.length);
  for (const line of lines) c.reply.simple(line);
};

/** Opens the stream at argument 2 as openGroupsQuickly does, or in a reader of the command's own; a missing key is an error here. */
function openKey(c: Context, isQuick = true): StreamReader {
  const stream = isQuick ? openGroupsQuickly(c, 2) : openStream(c, 2);
  if (stream === null) throw new ReplyError("ERR no such key");
  return stream;
}

export const xinfoConsumers: Handler = (c) => {
  const { args, reply } = c;
  const groups = openKey(c).groups();
  if (!groups.find(args.bytes, args.starts[3] as number, args.lengths[3] as number)) {
    const name = cText(args.text(3));
    throw new ReplyError(`NOGROUP No such consumer group '${name}' for key name '${cText(args.text(2))}'`);
  }
  reply.array(groups.consumers);
  for (let i = 0; i < groups.consumers; i++) {
    groups.standAtConsumer(i);
    reply.map(4);
    writeName(c.reply, "name");
    reply.bulkSpan(groups.consumerName);
    writeNumber(c, "pending", groups.consumerPending);
    writeNumber(c, "idle", Math.max(0, c.nowMs - groups.seenTimeMs));
    writeNumber(c, "inactive", groups.activeTimeMs === -1 ? -1 : c.nowMs - groups.activeTimeMs);
  }
};

export const xinfoGroups: Handler = (c) => {
  const stream = openKey(c);
  const groups = stream.groups();
  c.reply.array(groups.count);
  for (let i = 0; i < groups.count; i++) {
    groups.stand(i);
    c.reply.map(6);
    writeName(c.reply, "name");
    c.reply.bulkSpan(groups.name);
    writeNumber(c, "consumers", groups.consumers);
    writeNumber(c, "pending", groups.pendingCount);
    writeNamedId(c, "last-delivered-id", groups.lastId);
    writeProgress(c, stream, groups);
  }
};

export const xinfoStream: Handler = (c) => {
  const { args } = c;
  // Redis looks the key up before it reads the options.
  const isSummary = args.count === 3;
  const stream = openKey(c, isSummary);
  if (isSummary) return writeSummary(c, stream);
  const isFull = args.is(3, "FULL") && (args.count === 4 || (args.count === 6 && args.is(4, "COUNT")));
  if (!isFull) {
    const shown = cText(args.text(1)).slice(0, 128);
    throw new ReplyError(`ERR unknown subcommand or wrong number of arguments for '${shown}'. Try XINFO HELP.`);
  }
  const count = args.count === 6 ? integer(c, 5) : FULL_COUNT_DEFAULT;
  return writeFull(c, stream, count < 0 ? FULL_COUNT_DEFAULT : count);
};

function writeHead(c: Context, stream: StreamReader): void {
  writeNumber(c, "length", stream.length);
  writeNumber(c, "radix-tree-keys", stream.nodeCount);
  writeNumber(c, "radix-tree-nodes", radixNodeCount(stream));
  writeNamedId(c, "last-generated-id", stream.lastId);
  writeNamedId(c, "max-deleted-entry-id", stream.maxDeletedId);
  const { addedHigh, addedLow } = stream;
  const isSafe = addedHigh >= 0 && addedHigh < SAFE_HIGH;
  writeNumber(c, "entries-added", isSafe ? toNumber(addedHigh, addedLow) : BigInt.asIntN(64, stream.entriesAdded));
  writeNamedId(c, "recorded-first-entry-id", stream.firstId);
}

function writeSummary(c: Context, stream: StreamReader): void {
  c.reply.map(10);
  writeHead(c, stream);
  writeNumber(c, "groups", stream.groups().count);
  writeName(c.reply, "first-entry");
  writeEnd(c, stream, false);
  writeName(c.reply, "last-entry");
  writeEnd(c, stream, true);
}

/** The first living entry, or the last one. */
function writeEnd(c: Context, stream: StreamReader, isLast: boolean): void {
  stream.seekAll(isLast);
  if (stream.next()) writeEntry(c.reply, stream);
  else c.reply.nil();
}

function* writeFull(c: Context, stream: StreamReader, count: number): Generator<void, void, void> {
  const { reply } = c;
  reply.map(9);
  writeHead(c, stream);
  writeName(c.reply, "entries");
  yield* writeEntries(c, stream, newRange(), count);
  writeName(c.reply, "groups");
  const groups = stream.groups();
  reply.array(groups.count);
  for (let i = 0; i < groups.count; i++) {
    groups.stand(i);
    reply.map(7);
    writeName(c.reply, "name");
    reply.bulkSpan(groups.name);
    writeNamedId(c, "last-delivered-id", groups.lastId);
    writeProgress(c, stream, groups);
    writeNumber(c, "pel-count", groups.pendingCount);
    writeName(c.reply, "pending");
    yield* writePending(c, groups, -1, atMost(groups.pendingCount, count));
    writeName(c.reply, "consumers");
    yield* writeConsumers(c, groups, count);
  }
}

/** `max` 0: all. */
function atMost(count: number, max: number): number {
  return max === 0 ? count : Math.min(max, count);
}

/** The first `count` pending entries: id, consumer, last delivery, number of deliveries; of one consumer without its name. */
function* writePending(c: Context, groups: Groups, consumer: number, count: number): Generator<void, void, void> {
  const { reply } = c;
  reply.array(count);
  groups.seekPending(new EntryId(), consumer);
  for (let i = 1; i <= count && groups.nextPending(); i++) {
    reply.array(consumer < 0 ? 4 : 3);
    writeId(reply, groups.pendingId);
    if (consumer < 0) reply.bulkSpan(groups.owner);
    reply.integer(groups.deliveryTimeMs);
    reply.integer(groups.deliveryCount);
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

function* writeConsumers(c: Context, groups: Groups, max: number): Generator<void, void, void> {
  const { reply } = c;
  reply.array(groups.consumers);
  for (let i = 0; i < groups.consumers; i++) {
    groups.standAtConsumer(i);
    reply.map(5);
    writeName(c.reply, "name");
    reply.bulkSpan(groups.consumerName);
    writeNumber(c, "seen-time", groups.seenTimeMs);
    writeNumber(c, "active-time", groups.activeTimeMs);
    writeNumber(c, "pel-count", groups.consumerPending);
    writeName(c.reply, "pending");
    yield* writePending(c, groups, i, atMost(groups.consumerPending, max));
    if (i % SLICE_ENTRIES === 0) yield;
  }
}

function writeName(reply: Reply, name: Name): void {
  const { start, length } = NAME_PLACES[name];
  reply.ensure(length);
  copyBytes(NAME_BYTES, start, length, reply.buffer, reply.length);
  reply.length += length;
}

function writeNumber(c: Context, name: Name, value: number | bigint): void {
  writeName(c.reply, name);
  c.reply.integer(value);
}

function writeNamedId(c: Context, name: Name, id: EntryId): void {
  writeName(c.reply, name);
  writeId(c.reply, id);
}

/** How far the group has read, and how many entries it has not: nil where that cannot be known. */
function writeProgress(c: Context, stream: StreamReader, groups: Groups): void {
  const { reply } = c;
  writeName(c.reply, "entries-read");
  if (groups.entriesRead !== -1n) reply.integer(groups.entriesRead);
  else reply.nil();
  writeName(c.reply, "lag");
  const read = entriesBehind(stream, groups);
  if (read === -1n) reply.nil();
  else reply.integer(BigInt.asIntN(64, stream.entriesAdded - read));
}

/** The number of entries ever added up to the group's last id, -1n when deletions make it unknowable. */
function entriesBehind(stream: StreamReader, { entriesRead, lastId }: Groups): bigint {
  if (stream.entriesAdded === 0n) return 0n;
  if (entriesRead !== -1n && !hasDeletedFrom(stream, lastId)) return entriesRead;
  return entriesReadEstimate(stream, lastId);
}
