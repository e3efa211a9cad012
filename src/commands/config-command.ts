/** CONFIG: what the server is configured with, changed while it runs, and written back into its file. */
import { isLocal } from "./client.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { helpRow } from "./help.ts";
import type { Command, CommandFlag } from "./table.ts";

const FLAGS: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];

export const configRow: Command = {
  name: "config",
  arity: -2,
  flags: [],
  categories: [],
  since: "2.0.0",
  group: "server",
  complexity: "Depends on the subcommand",
  summary: "Holds the commands about the configuration.",
  subcommands: [
    {
      name: "get",
      arity: -3,
      flags: FLAGS,
      categories: [],
      since: "2.0.0",
      group: "server",
      complexity: "O(N) in the number of directives",
      summary: "Gives the directives that match the patterns.",
      arguments: [{ name: "parameter", type: "string", multiple: true }],
      handler: get,
    },
    helpRow("5.0.0", ["loading", "stale"], []),
    {
      name: "resetstat",
      arity: 2,
      flags: FLAGS,
      categories: [],
      since: "2.0.0",
      group: "server",
      complexity: "O(1)",
      summary: "Sets the statistics of INFO back to zero.",
      handler: resetStatistics,
    },
    {
      name: "rewrite",
      arity: 2,
      flags: FLAGS,
      categories: [],
      since: "2.8.0",
      group: "server",
      complexity: "O(1)",
      summary: "Writes the configuration into its file.",
      handler: rewrite,
    },
    {
      name: "set",
      arity: -4,
      flags: FLAGS,
      categories: [],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
      since: "2.0.0",
      group: "server",
      complexity: "O(1)",
      summary: "Changes directives, all of those given or none.",
      arguments: [
        {
          name: "data",
          type: "block",
          multiple: true,
          arguments: [
            { name: "parameter", type: "string" },
            { name: "value", type: "string" },
          ],
        },
      ],
      handler: set,
    },
  ],
};

function get(c: Context): void {
  const { args, reply } = c;
  const patterns: string[] = [];
  for (let i = 2; i < args.count; i++) patterns.push(args.text(i));
  const found = [...c.server.config.matching(patterns)];
  reply.map(found.length);
  for (const [name, value] of found) {
    reply.bulkText(name);
    reply.bulkText(value);
  }
}

function resetStatistics(c: Context): void {
  c.server.resetStatistics();
  c.reply.ok();
}

function set(c: Context): void {
  const { args, server } = c;
  if (args.count % 2 === 1) throw syntaxError();
  const pairs: [string, string][] = [];
  for (let i = 2; i < args.count; i += 2) pairs.push([args.text(i), args.text(i + 1)]);
  server.config.set(pairs, { isLocal: isLocal(c.client.connection), isLoading: server.loading });
  c.reply.ok();
}

function rewrite(c: Context): void {
  rewriteConfig(c, false);
}

/** CONFIG REWRITE; `all`: of what has its default value, too. */
export function rewriteConfig(c: Context, all: boolean): void {
  const { server } = c;
  try {
    server.config.rewrite(all);
  } catch (error) {
    if (error instanceof ReplyError) server.log("warning", `CONFIG REWRITE failed: ${error.message.slice(4)}`);
    throw error;
  }
  server.log("notice", "CONFIG REWRITE executed with success.");
  c.reply.ok();
}
