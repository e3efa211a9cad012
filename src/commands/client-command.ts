/** CLIENT and its subcommands: who is connected, and how this connection behaves. */

import type { Client } from "./client.ts";
import { clientLine, clientType } from "./client-info.ts";
import { killClients } from "./client-kill.ts";
import { validName } from "./connection.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError, wrongSubcommand } from "./errors.ts";
import { helpRow } from "./help.ts";
import { integer } from "./parse.ts";
import type { Command, CommandArgument, CommandFlag } from "./table.ts";

const PLAIN: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", ...PLAIN];

interface Details {
  readonly arguments?: readonly CommandArgument[];
  readonly tips?: readonly string[];
  readonly complexity?: string;
}

function row(
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  handler: Handler,
  details: Details = {},
): Command {
  const categories = ["connection"] as const;
  return {
    name,
    arity,
    flags,
    categories,
    since,
    group: "connection",
    complexity: "O(1)",
    summary,
    handler,
    ...details,
  };
}

function choice(name: string, ...tokens: string[]): CommandArgument {
  return {
    name,
    type: "oneof",
    arguments: tokens.map((token) => ({ name: token.toLowerCase(), type: "pure-token", token })),
  };
}

const KIND: CommandArgument = { ...choice("client-type", "NORMAL", "MASTER", "REPLICA", "PUBSUB"), token: "TYPE" };
const text = (name: string, token?: string): CommandArgument =>
  token === undefined ? { name, type: "string" } : { name, type: "string", token };

const subcommands: readonly Command[] = [
  row("caching", 3, PLAIN, "6.0.0", "Says whether the next request's keys are tracked.", caching, {
    arguments: [choice("mode", "YES", "NO")],
  }),
  row("getname", 2, PLAIN, "2.6.9", "Gives the connection's name.", getName),
  row("getredir", 2, PLAIN, "6.0.0", "Gives the client that tracking messages are redirected to.", getRedirection),
  helpRow("5.0.0", ["loading", "stale"], ["connection"]),
  row("id", 2, PLAIN, "5.0.0", "Gives the connection's number, unique while the server runs.", (c) =>
    c.reply.integer(c.client.id),
  ),
  row("info", 2, PLAIN, "6.2.0", "Describes this connection.", info, { tips: ["nondeterministic_output"] }),
  row("kill", -3, ADMIN, "2.4.0", "Closes the connections that match.", killClients, {
    complexity: "O(N) in the number of connections",
    arguments: [
      {
        name: "filter",
        type: "oneof",
        arguments: [
          { name: "old-format", type: "string" },
          {
            name: "new-format",
            type: "oneof",
            multiple: true,
            arguments: [
              { name: "client-id", type: "integer", token: "ID", optional: true },
              { ...KIND, optional: true },
              { ...text("username", "USER"), optional: true },
              { ...text("addr", "ADDR"), optional: true },
              { ...text("laddr", "LADDR"), optional: true },
              { ...choice("skipme", "YES", "NO"), token: "SKIPME", optional: true },
            ],
          },
        ],
      },
    ],
  }),
  row("list", -2, ADMIN, "2.4.0", "Describes the connections, a line each.", list, {
    complexity: "O(N) in the number of connections",
    tips: ["nondeterministic_output"],
    arguments: [
      { ...KIND, optional: true },
      { name: "client-id", type: "integer", token: "ID", optional: true, multiple: true },
    ],
  }),
  row("no-evict", 3, ADMIN, "7.0.0", "Keeps the connection from being closed to save memory.", noEvict, {
    arguments: [choice("enabled", "ON", "OFF")],
  }),
  row("no-touch", 3, PLAIN, "7.2.0", "Keeps the connection's reads from counting as use of keys.", noTouch, {
    arguments: [choice("enabled", "ON", "OFF")],
  }),
  row("pause", -3, ADMIN, "3.0.0", "Holds commands back for a time.", pause, {
    arguments: [
      { name: "timeout", type: "integer" },
      { ...choice("mode", "WRITE", "ALL"), optional: true },
    ],
  }),
  row("reply", 3, PLAIN, "3.2.0", "Says whether the connection gets replies.", replyMode, {
    arguments: [choice("action", "ON", "OFF", "SKIP")],
  }),
  row("setinfo", 4, PLAIN, "7.2.0", "Names the client library and its version.", setInfo, {
    arguments: [{ name: "attr", type: "oneof", arguments: [text("libname", "LIB-NAME"), text("libver", "LIB-VER")] }],
  }),
  row("setname", 3, PLAIN, "2.6.9", "Names the connection.", setName, { arguments: [text("connection-name")] }),
  row("tracking", -3, PLAIN, "6.0.0", "Turns messages about changed keys on or off.", tracking, {
    arguments: [choice("status", "ON", "OFF")],
  }),
  row("trackinginfo", 2, PLAIN, "6.2.0", "Describes the connection's tracking.", trackingInfo),
  row("unblock", -3, ADMIN, "5.0.0", "Ends another connection's blocking command.", unblock, {
    arguments: [
      { name: "client-id", type: "integer" },
      { ...choice("unblock-type", "TIMEOUT", "ERROR"), optional: true },
    ],
  }),
  row("unpause", 2, ADMIN, "6.2.0", "Lets commands run again.", unpause),
];

export const rows: readonly Command[] = [
  {
    name: "client",
    arity: -2,
    flags: [],
    categories: [],
    since: "2.4.0",
    group: "connection",
    complexity: "Depends on the subcommand",
    summary: "Holds the commands about client connections.",
    subcommands,
  },
];

function getName(c: Context): void {
  if (c.client.name === "") c.reply.nil();
  else c.reply.bulkText(c.client.name);
}

function setName(c: Context): void {
  c.client.name = validName(c.args.text(2), "Client names");
  c.reply.ok();
}

function setInfo(c: Context): void {
  const { args, client } = c;
  if (args.is(2, "LIB-NAME")) client.libraryName = validName(args.text(3), "lib-name");
  else if (args.is(2, "LIB-VER")) client.libraryVersion = validName(args.text(3), "lib-ver");
  else throw new ReplyError(`ERR Unrecognized option '${args.text(2)}'`);
  c.reply.ok();
}

function info(c: Context): void {
  c.reply.verbatim(`${clientLine(c.client, Date.now(), c.args)}\n`);
}

function list(c: Context): void {
  const { args, server } = c;
  let shown: Iterable<Client> = server.clients.byId.values();
  if (args.is(2, "TYPE") && args.count === 4) {
    if (clientType(args.text(3)) !== "normal") shown = [];
  } else if (args.is(2, "ID") && args.count > 3) {
    shown = clientsWithIds(c);
  } else if (args.count !== 2) {
    throw syntaxError();
  }
  const nowMs = Date.now();
  let lines = "";
  for (const client of shown) lines += `${clientLine(client, nowMs, client === c.client ? args : null)}\n`;
  c.reply.verbatim(lines);
}

function clientsWithIds(c: Context): Client[] {
  const found: Client[] = [];
  for (let i = 3; i < c.args.count; i++) {
    const client = c.server.clients.byId.get(integer(c, i, "ERR Invalid client ID"));
    if (client !== undefined) found.push(client);
  }
  return found;
}

function replyMode(c: Context): void {
  const { args, client, reply } = c;
  if (args.is(2, "ON")) {
    client.replyMode = "on";
    reply.ok();
  } else if (args.is(2, "OFF")) {
    client.replyMode = "off";
  } else if (args.is(2, "SKIP")) {
    if (client.replyMode !== "off") client.replyMode = "skip-next";
  } else {
    throw syntaxError();
  }
}

function onOff(c: Context): boolean {
  if (c.args.is(2, "ON")) return true;
  if (c.args.is(2, "OFF")) return false;
  throw syntaxError();
}

function noEvict(c: Context): void {
  c.client.noEvict = onOff(c);
  c.reply.ok();
}

function noTouch(c: Context): void {
  c.client.noTouch = onOff(c);
  c.reply.ok();
}

function pause(c: Context): void {
  const { args, server } = c;
  if (args.count > 4) throw wrongSubcommand("client", args.text(1));
  let kind: "all" | "write" = "all";
  if (args.is(3, "WRITE")) kind = "write";
  else if (args.count === 4 && !args.is(3, "ALL")) throw new ReplyError("ERR CLIENT PAUSE mode must be WRITE or ALL");
  const forMs = integer(c, 2, "ERR timeout is not an integer or out of range");
  if (forMs < 0) throw new ReplyError("ERR timeout is negative");
  if (forMs > Number.MAX_SAFE_INTEGER - c.nowMs) throw new ReplyError("ERR timeout is out of range");
  server.clients.pause(Date.now() + forMs, kind);
  c.reply.ok();
}

function unpause(c: Context): void {
  c.server.clients.unpause();
  c.reply.ok();
}

function unblock(c: Context): void {
  const { args } = c;
  if (args.count > 4) throw wrongSubcommand("client", args.text(1));
  if (args.count === 4 && !args.is(3, "TIMEOUT") && !args.is(3, "ERROR")) {
    throw new ReplyError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const client = c.server.clients.byId.get(integer(c, 2));
  if (client === undefined || client.wakeAtMs === 0) {
    c.reply.integer(0);
    return;
  }
  client.unblocked = args.is(3, "ERROR") ? "error" : "timeout";
  client.wakeAtMs = 0;
  client.wake?.();
  c.reply.integer(1);
}

function caching(): void {
  throw new ReplyError(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
  );
}

function tracking(c: Context): void {
  if (onOff(c))
    throw new ReplyError("ERR CLIENT TRACKING is not available yet: this server serves its snapshot read-only");
  c.reply.ok();
}

function getRedirection(c: Context): void {
  c.reply.integer(-1);
}

function trackingInfo(c: Context): void {
  const { reply } = c;
  reply.map(3);
  reply.bulkText("flags");
  reply.set(1);
  reply.bulkText("off");
  reply.bulkText("redirect");
  reply.integer(-1);
  reply.bulkText("prefixes");
  reply.array(0);
}
