/** XINFO: what there is to know about a stream, its groups and their consumers. */

import {
  compareStreamIds,
  entriesReadEstimate,
  pendingId,
  type StreamGroup,
  type StreamId,
  StreamReader,
} from "../types/stream.ts";
import { idText } from "../types/stream-id.ts";
import { radixNodeCount } from "../types/stream-radix.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { integer } from "./parse.ts";
import { ALL_IDS, SLICE_ENTRIES, writeEntries, writeEntry } from "./streams-support.ts";

/** What XINFO STREAM FULL shows of entries and of each list of pending ones, unless COUNT says otherwise. */
const FULL_COUNT_DEFAULT = 10;

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

/** Opens the stream at argument 2; a missing key is an error here. */
function openKey(c: Context): StreamReader {
  if (!lookup(c, 2, "stream")) throw new ReplyError("ERR no such key");
  const stream = new StreamReader();
  stream.open(c.record);
  return stream;
}

export const xinfoConsumers: Handler = (c) => {
  const { args, reply } = c;
  const name = args.text(3);
  const group = openKey(c)
    .groups()
    .find((candidate) => candidate.name === name);
  if (group === undefined) {
    throw new ReplyError(`NOGROUP No such consumer group '${cText(name)}' for key name '${cText(args.text(2))}'`);
  }
  reply.array(group.consumers.length);
  for (const consumer of group.consumers) {
    reply.map(4);
    reply.bulkText("name");
    reply.bulkText(consumer.name);
    writeNumber(c, "pending", consumer.pendingCount);
    writeNumber(c, "idle", Math.max(0, c.nowMs - consumer.seenTimeMs));
    writeNumber(c, "inactive", consumer.activeTimeMs === -1 ? -1 : c.nowMs - consumer.activeTimeMs);
  }
};

export const xinfoGroups: Handler = (c) => {
  const stream = openKey(c);
  const groups = stream.groups();
  c.reply.array(groups.length);
  for (const group of groups) {
    c.reply.map(6);
    writeText(c, "name", group.name);
    writeNumber(c, "consumers", group.consumers.length);
    writeNumber(c, "pending", group.pending.count);
    writeText(c, "last-delivered-id", idText(group.lastId));
    writeProgress(c, stream, group);
  }
};

export const xinfoStream: Handler = (c) => {
  const { args } = c;
  // Redis looks the key up before it reads the options.
  const stream = openKey(c);
  if (args.count === 3) return writeSummary(c, stream);
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
  writeNumber(c, "radix-tree-nodes", radixNodeCount(c.record));
  writeText(c, "last-generated-id", idText(stream.lastId));
  writeText(c, "max-deleted-entry-id", idText(stream.maxDeletedId));
  writeNumber(c, "entries-added", stream.entriesAdded);
  writeText(c, "recorded-first-entry-id", idText(stream.firstId));
}

function writeSummary(c: Context, stream: StreamReader): void {
  c.reply.map(10);
  writeHead(c, stream);
  writeNumber(c, "groups", stream.groups().length);
  for (const [name, reverse] of [
    ["first-entry", false],
    ["last-entry", true],
  ] as const) {
    c.reply.bulkText(name);
    stream.seek(ALL_IDS.from, ALL_IDS.to, reverse);
    if (stream.next()) writeEntry(c, stream);
    else c.reply.nil();
  }
}

function* writeFull(c: Context, stream: StreamReader, count: number): Generator<void, void, void> {
  const { reply } = c;
  reply.map(9);
  writeHead(c, stream);
  reply.bulkText("entries");
  yield* writeEntries(c, stream, ALL_IDS, count);
  reply.bulkText("groups");
  const groups = stream.groups();
  reply.array(groups.length);
  for (const group of groups) {
    reply.map(7);
    writeText(c, "name", group.name);
    writeText(c, "last-delivered-id", idText(group.lastId));
    writeProgress(c, stream, group);
    writeNumber(c, "pel-count", group.pending.count);
    reply.bulkText("pending");
    yield* writePending(c, group, count);
    reply.bulkText("consumers");
    yield* writeConsumers(c, group, count);
  }
}

/** The group's pending entries, at most `max` (0: all): id, consumer, last delivery, number of deliveries. */
function* writePending(c: Context, { pending, consumers }: StreamGroup, max: number): Generator<void, void, void> {
  const shown = max === 0 ? pending.count : Math.min(max, pending.count);
  c.reply.array(shown);
  for (let i = 0; i < shown; i++) {
    c.reply.array(4);
    c.reply.bulkText(idText(pendingId(pending, i)));
    c.reply.bulkText(consumers[pending.consumer[i] as number]?.name ?? "");
    c.reply.integer(pending.deliveryTimeMs[i] as number);
    c.reply.integer(pending.deliveryCount[i] as number);
    if ((i + 1) % SLICE_ENTRIES === 0) yield;
  }
}

function* writeConsumers(c: Context, group: StreamGroup, max: number): Generator<void, void, void> {
  const { reply } = c;
  const { pending } = group;
  reply.array(group.consumers.length);
  for (const [index, consumer] of group.consumers.entries()) {
    reply.map(5);
    writeText(c, "name", consumer.name);
    writeNumber(c, "seen-time", consumer.seenTimeMs);
    writeNumber(c, "active-time", consumer.activeTimeMs);
    writeNumber(c, "pel-count", consumer.pendingCount);
    reply.bulkText("pending");
    let left = max === 0 ? consumer.pendingCount : Math.min(max, consumer.pendingCount);
    reply.array(left);
    for (let i = 0; left > 0 && i < pending.count; i++) {
      if (i % (SLICE_ENTRIES * 16) === 0) yield;
      if (pending.consumer[i] !== index) continue;
      left--;
      reply.array(3);
      reply.bulkText(idText(pendingId(pending, i)));
      reply.integer(pending.deliveryTimeMs[i] as number);
      reply.integer(pending.deliveryCount[i] as number);
    }
  }
}

function writeNumber(c: Context, name: string, value: number | bigint): void {
  c.reply.bulkText(name);
  c.reply.integer(value);
}

function writeText(c: Context, name: string, text: string): void {
  c.reply.bulkText(name);
  c.reply.bulkText(text);
}

/** How far the group has read, and how many entries it has not: nil where that cannot be known. */
function writeProgress(c: Context, stream: StreamReader, group: StreamGroup): void {
  const { reply } = c;
  reply.bulkText("entries-read");
  if (group.entriesRead >= 0n) reply.integer(group.entriesRead);
  else reply.nil();
  reply.bulkText("lag");
  const read = entriesBehind(stream, group);
  if (read < 0n) reply.nil();
  else reply.integer(stream.entriesAdded - read);
}

/** The number of entries ever added up to the group's last id, -1n when deletions make it unknowable. */
function entriesBehind(stream: StreamReader, { entriesRead, lastId }: StreamGroup): bigint {
  if (stream.entriesAdded === 0n) return 0n;
  if (entriesRead >= 0n && !hasDeletedAfter(stream, lastId)) return entriesRead;
  return entriesReadEstimate(stream, lastId);
}

function hasDeletedAfter(stream: StreamReader, id: StreamId): boolean {
  const { maxDeletedId, firstId } = stream;
  if (stream.length === 0 || isZero(maxDeletedId)) return false;
  if (compareStreamIds(firstId, maxDeletedId) > 0) return false;
  return compareStreamIds(id, maxDeletedId) <= 0;
}

function isZero(id: StreamId): boolean {
  return id.ms === 0n && id.seq === 0n;
}

/** As C sees a string: up to its first NUL byte. */
export function cText(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}
