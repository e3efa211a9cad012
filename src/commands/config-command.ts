/** CONFIG: what the server was configured with. Changing it while running is not available. */
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
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
      summary: "Would write the configuration to its file; it cannot change while the server runs.",
      handler: refuse,
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
      summary: "Would change a directive; not available yet.",
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
      handler: refuse,
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
  c.server.stats.reset();
  c.reply.ok();
}

function refuse(c: Context): void {
  const name = c.args.text(1).toUpperCase();
  throw new ReplyError(
    `ERR CONFIG ${name} is not available: Folio's configuration is fixed while it runs; edit the file or the flags and restart`,
  );
}
