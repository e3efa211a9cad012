/** A table row as COMMAND INFO and COMMAND DOCS show it. */
import type { Reply } from "../net/reply.ts";
import type { Entry } from "./registry.ts";
import type { Command, CommandArgument, KeySpec } from "./table.ts";

/** First key, last key, step: what clients before Redis 7 read. */
export interface LegacyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** The range that the key specs amount to, as far as one range can say it. */
export function legacyRange(keys: readonly KeySpec[]): LegacyRange {
  const none = { first: 0, last: 0, step: 0 };
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    const range = simpleRange(only);
    return range ?? none;
  }
  let first = 0;
  let last = 0;
  for (const spec of keys) {
    const range = simpleRange(spec);
    if (range === null || range.step !== 1 || (last !== 0 && last !== range.first - 1)) continue;
    if (first === 0) first = range.first;
    last = range.last;
  }
  return first === 0 ? none : { first, last, step: 1 };
}

function simpleRange({ begin, find }: KeySpec): LegacyRange | null {
  if (begin === "unknown" || find === "unknown" || !("index" in begin) || !("lastKey" in find)) return null;
  const { lastKey, step } = find;
  return { first: begin.index, last: lastKey >= 0 ? begin.index + lastKey : lastKey, step };
}

export function replyInfo(reply: Reply, entry: Entry): void {
  const { command } = entry;
  const keys = command.keys ?? [];
  const range = legacyRange(keys);
  reply.array(10);
  reply.bulkText(entry.fullName);
  reply.integer(command.arity);
  const flags = command.flags.filter((flag) => flag !== "may_replicate"); // Redis keeps this one to itself
  reply.set(flags.length);
  for (const flag of flags) reply.simple(flag);
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  reply.set(entry.categories.size);
  for (const category of entry.categories) reply.simple(`@${category}`);
  const tips = command.tips ?? [];
  reply.set(tips.length);
  for (const tip of tips) reply.bulkText(tip);
  reply.set(keys.length);
  for (const spec of keys) replyKeySpec(reply, spec);
  const subcommands = entry.subcommands?.entries ?? [];
  reply.array(subcommands.length);
  for (const subcommand of subcommands) replyInfo(reply, subcommand);
}

function replyKeySpec(reply: Reply, spec: KeySpec): void {
  reply.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) {
    reply.bulkText("notes");
    reply.bulkText(spec.notes);
  }
  reply.bulkText("flags");
  reply.set(spec.flags.length);
  for (const flag of spec.flags) reply.simple(flag);
  const { begin, find } = spec;
  if (begin === "unknown") replySearch(reply, "begin_search", "unknown", {});
  else if ("index" in begin) replySearch(reply, "begin_search", "index", { index: begin.index });
  else replySearch(reply, "begin_search", "keyword", { keyword: begin.keyword, startfrom: begin.from });
  if (find === "unknown") replySearch(reply, "find_keys", "unknown", {});
  else if ("keyNum" in find) {
    replySearch(reply, "find_keys", "keynum", { keynumidx: find.keyNum, firstkey: find.firstKey, keystep: find.step });
  } else replySearch(reply, "find_keys", "range", { lastkey: find.lastKey, keystep: find.step, limit: find.limit });
}

function replySearch(reply: Reply, name: string, type: string, spec: Readonly<Record<string, string | number>>): void {
  reply.bulkText(name);
  reply.map(2);
  reply.bulkText("type");
  reply.bulkText(type);
  reply.bulkText("spec");
  const fields = Object.entries(spec);
  reply.map(fields.length);
  for (const [field, value] of fields) {
    reply.bulkText(field);
    if (typeof value === "number") reply.integer(value);
    else reply.bulkText(value);
  }
}

export function replyDocs(reply: Reply, entry: Entry): void {
  const { command } = entry;
  const subcommands = entry.subcommands?.entries ?? [];
  const args = command.arguments ?? [];
  reply.map(4 + (args.length > 0 ? 1 : 0) + (subcommands.length > 0 ? 1 : 0));
  replyField(reply, "summary", command.summary);
  replyField(reply, "since", command.since);
  replyField(reply, "group", command.group);
  replyField(reply, "complexity", command.complexity);
  if (args.length > 0) {
    reply.bulkText("arguments");
    replyArguments(reply, args, command);
  }
  if (subcommands.length > 0) {
    reply.bulkText("subcommands");
    reply.map(subcommands.length);
    for (const subcommand of subcommands) {
      reply.bulkText(subcommand.fullName);
      replyDocs(reply, subcommand);
    }
  }
}

function replyField(reply: Reply, name: string, value: string): void {
  reply.bulkText(name);
  reply.bulkText(value);
}

function replyArguments(reply: Reply, args: readonly CommandArgument[], command: Command): void {
  reply.array(args.length);
  for (const argument of args) replyArgument(reply, argument, command);
}

function replyArgument(reply: Reply, argument: CommandArgument, command: Command): void {
  const flags: string[] = [];
  if (argument.optional) flags.push("optional");
  if (argument.multiple || argument.multipleToken) flags.push("multiple");
  if (argument.multipleToken) flags.push("multiple_token");
  const fields: [string, string][] = [
    ["name", argument.name],
    ["type", argument.type],
  ];
  if (argument.type !== "oneof" && argument.type !== "block") fields.push(["display_text", argument.name]);
  if (argument.token !== undefined) fields.push(["token", argument.token]);
  if (argument.since !== undefined) fields.push(["since", argument.since]);
  const extra =
    (argument.keySpec === undefined ? 0 : 1) + (flags.length > 0 ? 1 : 0) + (argument.arguments === undefined ? 0 : 1);
  reply.map(fields.length + extra);
  for (const [name, value] of fields) replyField(reply, name, value);
  if (argument.keySpec !== undefined) {
    reply.bulkText("key_spec_index");
    reply.integer(argument.keySpec);
  }
  if (flags.length > 0) {
    reply.bulkText("flags");
    reply.set(flags.length);
    for (const flag of flags) reply.simple(flag);
  }
  if (argument.arguments !== undefined) {
    reply.bulkText("arguments");
    replyArguments(reply, argument.arguments, command);
  }
}
