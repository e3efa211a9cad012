/** SLOWLOG: the commands that took long. */
import type { Context } from "./context.ts";
import { ReplyError, wrongSubcommand } from "./errors.ts";
import { helpRow } from "./help.ts";
import { integer } from "./parse.ts";
import type { Command, CommandArgument, CommandFlag } from "./table.ts";

const FLAGS: readonly CommandFlag[] = ["admin", "loading", "stale"];
const HELP_FLAGS: readonly CommandFlag[] = ["loading", "stale"];
const SHARDED = ["request_policy:all_nodes", "nondeterministic_output"];
const RESET_TIPS = ["request_policy:all_nodes", "response_policy:all_succeeded"];
const SLOWLOG_SHOWN = 10;

function sub(
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  handler: (c: Context) => void,
  tips: readonly string[],
  args: readonly CommandArgument[] = [],
): Command {
  const base = { name, arity, flags, categories: [], since, group: "server", summary, handler, tips } as const;
  return { ...base, complexity: "O(N) in the number of entries", arguments: args };
}

function container(name: string, since: string, summary: string, subcommands: readonly Command[]): Command {
  const base = { name, arity: -2, flags: [], categories: [], since, group: "server", summary, subcommands } as const;
  return { ...base, complexity: "Depends on the subcommand" };
}

export const rows: readonly Command[] = [
  container("slowlog", "2.2.12", "Holds the commands about the slow log.", [
    sub("get", -2, FLAGS, "2.2.12", "Gives the latest slow commands.", slowLogGet, SHARDED, [
      { name: "count", type: "integer", optional: true },
    ]),
    helpRow("6.2.0", HELP_FLAGS, []),
    sub("len", 2, FLAGS, "2.2.12", "Counts the entries of the slow log.", slowLogLength, [
      "request_policy:all_nodes",
      "response_policy:agg_sum",
      "nondeterministic_output",
    ]),
    sub("reset", 2, FLAGS, "2.2.12", "Empties the slow log.", slowLogReset, RESET_TIPS),
  ]),
];

function slowLogGet(c: Context): void {
  const { args, reply, slowLog } = c;
  let shown = SLOWLOG_SHOWN;
  if (args.count > 3) throw wrongSubcommand("slowlog", args.text(1));
  if (args.count === 3) {
    const wrong = "ERR count should be greater than or equal to -1";
    shown = integer(c, 2, wrong);
    if (shown < -1) throw new ReplyError(wrong);
    if (shown === -1) shown = slowLog.entries.length;
  }
  const entries = slowLog.entries.slice(0, shown);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.atSeconds);
    reply.integer(entry.usec);
    reply.array(entry.args.length);
    for (const word of entry.args) reply.bulkText(word);
    reply.bulkText(entry.address);
    reply.bulkText(entry.clientName);
  }
}

function slowLogLength(c: Context): void {
  c.reply.integer(c.slowLog.entries.length);
}

function slowLogReset(c: Context): void {
  c.slowLog.entries = [];
  c.reply.ok();
}
