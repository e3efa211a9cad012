/**
 * DEBUG: what tests of the server ask for, Redis's own suite among them. enable-debug-command says who may (nobody by default).
 * As in Redis it is one command that looks at its first word itself. What would end the process is refused.
 */
import { Glob } from "../util/glob.ts";
import { awaited } from "./awaited.ts";
import { isLocal } from "./client.ts";
import { rewriteConfig } from "./config-command.ts";
import type { Context, Handler } from "./context.ts";
import { debugObject, digest, digestValue, htstats, htstatsKey, packed, populate, sdslen } from "./debug-data.ts";
import { protocolSample } from "./debug-protocol.ts";
import { PACKED_THRESHOLD_BYTES } from "./debug-settings.ts";
import { ReplyError, wrongSubcommand } from "./errors.ts";
import type { Command } from "./table.ts";

export const rows: readonly Command[] = [
  {
    name: "debug",
    arity: -2,
    flags: ["admin", "noscript", "loading", "stale"],
    categories: [],
    since: "1.0.0",
    group: "server",
    complexity: "Depends on the subcommand",
    summary: "Looks into the server and changes how it works, for tests.",
    handler: debug,
  },
];

interface Subcommand {
  /** Arguments behind the name. */
  readonly syntax: string;
  readonly help: string;
  /** Words of the request, "DEBUG" and the name among them. */
  readonly count: readonly [min: number, max: number];
  readonly handler: Handler;
}

const MANY = Number.MAX_SAFE_INTEGER;
const NOT_ALLOWED =
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
  "connection, otherwise you need to set this option in the configuration file, and then restart the server.";

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  "CHANGE-REPL-ID": { syntax: "", help: "Replication gets a new id: there is none yet.", count: [2, 2], handler: ok },
  "CONFIG-REWRITE-FORCE-ALL": {
    syntax: "",
    help: "As CONFIG REWRITE, of directives that have their default value, too.",
    count: [2, 2],
    handler: (c) => rewriteConfig(c, true),
  },
  DIGEST: { syntax: "", help: "A digest of all databases, as Redis makes it.", count: [2, 2], handler: digest },
  "DIGEST-VALUE": {
    syntax: "<key> [<key> ...]",
    help: "Digests of the keys' values.",
    count: [2, MANY],
    handler: digestValue,
  },
  "DICT-RESIZING": { syntax: "<0|1>", help: "Taken, without effect.", count: [3, 3], handler: ok },
  ERROR: { syntax: "<string>", help: "Answers this error.", count: [3, 3], handler: error },
  HTSTATS: { syntax: "<dbid> [full]", help: "Figures of a database's levels.", count: [3, MANY], handler: htstats },
  "HTSTATS-KEY": {
    syntax: "<key> [full]",
    help: "The number of a value's elements.",
    count: [3, MANY],
    handler: htstatsKey,
  },
  LISTPACK: { syntax: "<key>", help: "Whether a value is a listpack.", count: [3, 3], handler: packed("listpack") },
  LOG: { syntax: "<message>", help: "Writes to the server's log.", count: [3, 3], handler: log },
  OBJECT: { syntax: "<key>", help: "Where and how a value lies.", count: [3, 3], handler: debugObject },
  "PAUSE-CRON": {
    syntax: "<0|1>",
    help: "Stops or starts what the server does by itself.",
    count: [3, 3],
    handler: pauseCron,
  },
  POPULATE: {
    syntax: "<count> [<prefix>] [<size>]",
    help: "Makes keys <prefix>:<number>.",
    count: [3, 5],
    handler: populate,
  },
  PROTOCOL: { syntax: "<type>", help: "An answer of this type.", count: [3, 3], handler: protocolSample },
  QUICKLIST: {
    syntax: "<key> [<0|1>]",
    help: "Whether a list has nodes.",
    count: [3, 4],
    handler: packed("quicklist"),
  },
  "QUICKLIST-PACKED-THRESHOLD": {
    syntax: "<size>",
    help: "Elements from this size on get nodes of their own; 0: 1 GB.",
    count: [3, 3],
    handler: packedThreshold,
  },
  RELOAD: {
    syntax: "[NOSAVE] [NOFLUSH] [MERGE]",
    help: "Saves, and serves what was saved.",
    count: [2, MANY],
    handler: reload,
  },
  REPLYBUFFER: { syntax: "<option> <value>", help: "Taken, without effect.", count: [4, 4], handler: replyBuffer },
  SDSLEN: { syntax: "<key>", help: "Lengths of a key and its string.", count: [3, 3], handler: sdslen },
  "SET-ACTIVE-EXPIRE": {
    syntax: "<0|1>",
    help: "Whether expired keys are deleted without being asked for.",
    count: [3, 3],
    handler: activeExpire,
  },
  "SET-SKIP-CHECKSUM-VALIDATION": {
    syntax: "<0|1>",
    help: "Whether RESTORE takes any checksum.",
    count: [3, 3],
    handler: skipChecksums,
  },
  SLEEP: { syntax: "<seconds>", help: "Serves nobody for so long.", count: [3, 3], handler: sleep },
  "STRINGMATCH-LEN": { syntax: "<pattern> <string>", help: "Whether they match.", count: [4, 4], handler: match },
};

/** What ends the process, or leaks, in Redis. */
const REFUSED: ReadonlySet<string> = new Set([
  "ASSERT",
  "CRASH-AND-RECOVER",
  "LEAK",
  "OOM",
  "PANIC",
  "RESTART",
  "SEGFAULT",
]);

function debug(c: Context): void | Generator<void, void, void> {
  if (!c.server.config.allows("enable-debug-command", isLocal(c.client.connection))) throw new ReplyError(NOT_ALLOWED);
  const { args } = c;
  const word = args.text(1);
  const name = word.toUpperCase();
  if (name === "HELP" && args.count === 2) {
    help(c);
    return;
  }
  if (REFUSED.has(name)) throw new ReplyError(`ERR DEBUG ${name} is refused: Folio does not end on purpose`);
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (subcommand === undefined || args.count < subcommand.count[0] || args.count > subcommand.count[1]) {
    throw wrongSubcommand("debug", word);
  }
  return subcommand.handler(c);
}

function help({ reply }: Context): void {
  const lines = ["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"];
  for (const [name, { syntax, help }] of Object.entries(SUBCOMMANDS)) {
    lines.push(`${name} ${syntax}`.trimEnd(), `    ${help}`);
  }
  lines.push("HELP", "    Prints this help.");
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}

function ok({ reply }: Context): void {
  reply.ok();
}

function error({ args, reply }: Context): void {
  reply.error(args.text(2));
}

function log({ args, reply, server }: Context): void {
  server.log("warning", `DEBUG LOG: ${args.text(2)}`);
  reply.ok();
}

/** As C's atoi: 0 where there is no number. */
function flag({ args }: Context): boolean {
  return (Number.parseInt(args.text(2), 10) || 0) !== 0;
}

function activeExpire(c: Context): void {
  c.server.keyspace.activeExpire = flag(c);
  c.reply.ok();
}

function skipChecksums(c: Context): void {
  c.server.debug.skipsChecksums = flag(c);
  c.reply.ok();
}

function pauseCron(c: Context): void {
  c.server.debug.isCronPaused = flag(c);
  c.reply.ok();
}

function packedThreshold({ args, reply, server }: Context): void {
  const bytes = memoryBytes(args.text(2));
  if (bytes < 0 || bytes > 2 ** 32) {
    throw new ReplyError("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  server.debug.packedThresholdBytes = bytes === 0 ? PACKED_THRESHOLD_BYTES : bytes;
  reply.ok();
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 2 ** 10,
  m: 1_000_000,
  mb: 2 ** 20,
  g: 1_000_000_000,
  gb: 2 ** 30,
};

/** "1gb"; -1 where it is no amount of memory. */
function memoryBytes(word: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,15})([a-z]*)$/.exec(word.toLowerCase()) ?? [];
  const scale = digits === "" ? undefined : UNIT_BYTES[unit];
  return scale === undefined ? -1 : Number(digits) * scale;
}

function replyBuffer({ args, reply }: Context): void {
  const isTime = args.is(2, "PEAK-RESET-TIME");
  if (!isTime && !args.is(2, "RESIZING")) throw wrongSubcommand("debug", args.text(1));
  const isWord = args.is(3, "NEVER") || args.is(3, "RESET");
  if (isTime && !isWord && !/^-?\d{1,18}$/.test(args.text(3))) {
    throw new ReplyError("ERR value is not an integer or out of range");
  }
  reply.ok();
}

/** Everybody waits, as in Redis: that is what it is for. */
function sleep({ args, reply }: Context): void {
  const seconds = Number.parseFloat(args.text(2)) || 0;
  if (seconds > 0) Bun.sleepSync(seconds * 1000);
  reply.ok();
}

function match({ args, reply }: Context): void {
  const glob = new Glob(args.bytes, args.starts[2] as number, args.lengths[2] as number);
  const matches = glob.matchesAll || glob.matches(args.bytes, args.starts[3] as number, args.lengths[3] as number);
  reply.integer(matches ? 1 : 0);
}

function* reload(c: Context): Generator<void, void, void> {
  const { args, reply, server } = c;
  const options = { save: true, flush: true, merge: false };
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, "MERGE")) options.merge = true;
    else if (args.is(i, "NOFLUSH")) options.flush = false;
    else if (args.is(i, "NOSAVE")) options.save = false;
    else throw new ReplyError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
  }
  const problem = yield* awaited(c, server.saving.reload(options));
  if (problem === "") reply.ok();
  else reply.error(problem);
}
