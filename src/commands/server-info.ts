/** The server itself: DBSIZE, INFO, CONFIG, TIME, ROLE, LOLWUT. */
import { configRow } from "./config-command.ts";
import type { Context } from "./context.ts";
import { integer } from "./parse.ts";
import type { Command } from "./table.ts";

export const rows: readonly Command[] = [
  {
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    tips: ["request_policy:all_shards", "response_policy:agg_sum"],
    since: "1.0.0",
    group: "server",
    complexity: "O(1)",
    summary: "Counts the keys of the database.",
    handler: (c) => c.reply.integer(c.db.size(c.nowMs)),
  },
  {
    name: "info",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["dangerous"],
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    since: "1.0.0",
    group: "server",
    complexity: "O(1)",
    summary: "Gives figures and facts about the server.",
    arguments: [{ name: "section", type: "string", optional: true, multiple: true }],
    handler: info,
  },
  configRow,
  {
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: [],
    tips: ["nondeterministic_output"],
    since: "2.6.0",
    group: "server",
    complexity: "O(1)",
    summary: "Gives the server's clock: seconds and microseconds.",
    handler: time,
  },
  {
    name: "role",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    since: "2.8.12",
    group: "server",
    complexity: "O(1)",
    summary: "Tells the server's part in replication.",
    handler: role,
  },
  {
    name: "lolwut",
    arity: -1,
    flags: ["readonly", "fast"],
    categories: [],
    since: "5.0.0",
    group: "server",
    complexity: "O(1)",
    summary: "Shows a picture and the server's version.",
    arguments: [{ name: "version", type: "integer", token: "VERSION", optional: true }],
    handler: lolwut,
  },
];

function info(c: Context): void {
  const { args } = c;
  const sections: string[] = [];
  for (let i = 1; i < args.count; i++) sections.push(args.text(i).toLowerCase());
  c.reply.verbatim(c.server.info(sections));
}

function time(c: Context): void {
  const nowUsec = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  c.reply.array(2);
  c.reply.bulkInteger(Math.floor(nowUsec / 1_000_000));
  c.reply.bulkInteger(nowUsec % 1_000_000);
}

function role(c: Context): void {
  c.reply.array(3);
  c.reply.bulkText("master");
  c.reply.integer(0);
  c.reply.array(0);
}

/** Sheets of paper, drawn from the run's id: another picture at each start. */
function lolwut(c: Context): void {
  const { runId, version } = c.server;
  if (c.args.count > 2 && c.args.is(1, "VERSION")) integer(c, 2);
  let picture = "";
  for (let row = 0; row < 4; row++) {
    for (const digit of runId.slice(row * 10, row * 10 + 10)) {
      picture += ["____", "/ / ", "\\ \\ ", "|__ "][Number.parseInt(digit, 16) % 4];
    }
    picture += "\n";
  }
  c.reply.verbatim(`${picture}\nFolio ver. ${version.folio}, speaks as Redis ver. ${version.redis}\n`);
}
