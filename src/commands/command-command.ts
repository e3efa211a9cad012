/** COMMAND: what the server's commands are. Everything comes from the table's rows. */
import type { Args } from "../net/args.ts";
import { Glob } from "../util/glob.ts";
import { replyDocs, replyInfo } from "./command-replies.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { helpRow } from "./help.ts";
import { type KeyPosition, keyPositions } from "./key-positions.ts";
import type { Entry } from "./registry.ts";
import type { AclCategory, Command, CommandArgument } from "./table.ts";

const FLAGS = ["loading", "stale"] as const;
const NAMES: CommandArgument = { name: "command-name", type: "string", optional: true, multiple: true };
const REQUEST: readonly CommandArgument[] = [
  { name: "command", type: "string" },
  { name: "arg", type: "string", optional: true, multiple: true },
];

function sub(
  name: string,
  arity: number,
  since: string,
  summary: string,
  handler: (c: Context) => void,
  args: readonly CommandArgument[] = [],
): Command {
  const base = { name, arity, flags: FLAGS, categories: ["connection"], since, group: "server" } as const;
  const tips = name === "list" || name === "docs" || name === "info" ? ["nondeterministic_output_order"] : [];
  return { ...base, complexity: "O(N) in the number of commands shown", summary, handler, tips, arguments: args };
}

export const rows: readonly Command[] = [
  {
    name: "command",
    arity: -1,
    flags: FLAGS,
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    since: "2.8.13",
    group: "server",
    complexity: "O(N) in the number of commands",
    summary: "Describes all commands.",
    handler: describeAll,
    subcommands: [
      sub("count", 2, "2.8.13", "Counts the commands.", (c) => c.reply.integer(c.commands.entries.length)),
      sub("docs", -2, "7.0.0", "Gives the documentation of commands.", docs, [NAMES]),
      sub("getkeys", -3, "2.8.13", "Finds the keys in a request.", getKeys, REQUEST),
      sub(
        "getkeysandflags",
        -3,
        "7.0.0",
        "Finds the keys in a request, and how they are used.",
        getKeysAndFlags,
        REQUEST,
      ),
      helpRow("5.0.0", FLAGS, ["connection"]),
      sub("info", -2, "2.8.13", "Describes some commands, or all.", info, [NAMES]),
      sub("list", -2, "7.0.0", "Gives the commands' names.", list, [
        {
          name: "filterby",
          type: "oneof",
          token: "FILTERBY",
          optional: true,
          arguments: [
            { name: "module-name", type: "string", token: "MODULE" },
            { name: "category", type: "string", token: "ACLCAT" },
            { name: "pattern", type: "pattern", token: "PATTERN" },
          ],
        },
      ]),
    ],
  },
];

function describeAll(c: Context): void {
  const { entries } = c.commands;
  c.reply.array(entries.length);
  for (const entry of entries) replyInfo(c.reply, entry);
}

function info(c: Context): void {
  const { args, commands, reply } = c;
  if (args.count === 2) {
    describeAll(c);
    return;
  }
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const entry = commands.byFullName(args.text(i));
    if (entry === null) reply.nilArray();
    else replyInfo(reply, entry);
  }
}

function docs(c: Context): void {
  const { args, commands, reply } = c;
  let shown: Entry[] = [...commands.entries];
  if (args.count > 2) {
    shown = [];
    for (let i = 2; i < args.count; i++) {
      const entry = commands.byFullName(args.text(i));
      if (entry !== null) shown.push(entry);
    }
  }
  reply.map(shown.length);
  for (const entry of shown) {
    reply.bulkText(entry.fullName);
    replyDocs(reply, entry);
  }
}

function list(c: Context): void {
  const { args, commands, reply } = c;
  let keeps: (entry: Entry) => boolean = () => true;
  if (args.count > 2) {
    if (args.count !== 5 || !args.is(2, "FILTERBY")) throw syntaxError();
    keeps = filter(args);
  }
  const names: string[] = [];
  for (const entry of commands.all()) if (keeps(entry)) names.push(entry.fullName);
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
}

function filter(args: Args): (entry: Entry) => boolean {
  if (args.is(3, "MODULE")) return () => false;
  if (args.is(3, "ACLCAT")) {
    const category = args.text(4).toLowerCase() as AclCategory;
    return (entry) => entry.categories.has(category);
  }
  if (!args.is(3, "PATTERN")) throw syntaxError();
  const glob = new Glob(args.bytes, args.starts[4] as number, args.lengths[4] as number, true);
  return (entry) => {
    const name = Buffer.from(entry.fullName, "latin1");
    return glob.matches(name, 0, name.length);
  };
}

/** The keys of the request that stands after COMMAND GETKEYS. */
function requestKeys(c: Context): KeyPosition[] {
  const { args, commands } = c;
  let entry = commands.byName(args.text(2));
  if (entry?.subcommands != null && args.count > 3) entry = entry.subcommands.byName(args.text(3));
  if (entry === null) throw new ReplyError("ERR Invalid command specified");
  const specs = entry.command.keys ?? [];
  if (specs.length === 0) throw new ReplyError("ERR The command has no key arguments");
  if (!entry.acceptsCount(args.count - 2)) {
    throw new ReplyError("ERR Invalid number of arguments specified for command");
  }
  const positions = keyPositions(entry.command, args, 2);
  if (positions !== null && (positions.length > 0 || entry.command.flags.includes("no_mandatory_keys")))
    return positions;
  throw new ReplyError("ERR Invalid arguments specified for command");
}

function getKeys(c: Context): void {
  const keys = requestKeys(c);
  c.reply.array(keys.length);
  for (const { index } of keys) c.reply.bulkText(c.args.text(index));
}

function getKeysAndFlags(c: Context): void {
  const keys = requestKeys(c);
  c.reply.array(keys.length);
  for (const { index, flags } of keys) {
    c.reply.array(2);
    c.reply.bulkText(c.args.text(index));
    c.reply.set(flags.length);
    for (const flag of flags) c.reply.simple(flag);
  }
}
