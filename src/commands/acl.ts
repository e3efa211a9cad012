/** ACL, of the one user there is: "default", who may do everything. */
import type { Context } from "./context.ts";
import { ReplyError, wrongSubcommand } from "./errors.ts";
import { helpRow } from "./help.ts";
import { integer } from "./parse.ts";
import type { AclCategory, Command, CommandArgument, CommandFlag } from "./table.ts";

const OPEN: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];

const CATEGORIES: readonly AclCategory[] = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
];

function sub(
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  handler: (c: Context) => void,
  args: readonly CommandArgument[] = [],
): Command {
  const base = { name, arity, flags, categories: [], since, group: "server", summary, handler } as const;
  return { ...base, complexity: "O(1)", arguments: args };
}

export const rows: readonly Command[] = [
  {
    name: "acl",
    arity: -2,
    flags: [],
    categories: [],
    since: "6.0.0",
    group: "server",
    complexity: "Depends on the subcommand",
    summary: "Holds the commands about users and their rights.",
    subcommands: [
      sub("cat", -2, OPEN, "6.0.0", "Gives the categories, or the commands of one.", categories, [
        { name: "categoryname", type: "string", optional: true },
      ]),
      sub("genpass", -2, OPEN, "6.0.0", "Makes a random password.", generatePassword, [
        { name: "bits", type: "integer", optional: true },
      ]),
      sub("getuser", 3, ADMIN, "6.0.0", "Describes a user.", getUser, [{ name: "username", type: "string" }]),
      helpRow("6.0.0", ["loading", "stale"], []),
      sub("list", 2, ADMIN, "6.0.0", "Gives the users as rules.", list),
      sub("log", -2, ADMIN, "6.0.0", "Gives the refusals by rules: none, there are no rules yet.", log, [
        { name: "count", type: "string", optional: true },
      ]),
      sub("users", 2, ADMIN, "6.0.0", "Gives the users' names.", users),
      sub("whoami", 2, OPEN, "6.0.0", "Gives the connection's user.", (c) => c.reply.bulkText(c.client.user)),
    ],
  },
];

function categories(c: Context): void {
  const { args, commands, reply } = c;
  if (args.count > 3) throw wrongSubcommand("acl", args.text(1));
  if (args.count === 2) {
    reply.array(CATEGORIES.length);
    for (const category of CATEGORIES) reply.bulkText(category);
    return;
  }
  const category = args.text(2).toLowerCase() as AclCategory;
  if (!CATEGORIES.includes(category))
    throw new ReplyError(`ERR Unknown category '${args.text(2).split("\0", 1)[0]?.slice(0, 128)}'`);
  const names = [...commands.all()].filter((entry) => entry.categories.has(category)).map((entry) => entry.fullName);
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
}

const PASSWORD_BITS = 256;
const PASSWORD_BITS_MAX = 4096;

function generatePassword(c: Context): void {
  const wrong = `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${PASSWORD_BITS_MAX}`;
  if (c.args.count > 3) throw wrongSubcommand("acl", c.args.text(1));
  const bits = c.args.count === 3 ? integer(c, 2) : PASSWORD_BITS;
  if (bits <= 0 || bits > PASSWORD_BITS_MAX) throw new ReplyError(wrong);
  const digits = Math.ceil(bits / 4);
  c.reply.bulkText(
    Buffer.from(crypto.getRandomValues(new Uint8Array(Math.ceil(digits / 2))))
      .toString("hex")
      .slice(0, digits),
  );
}

/** SHA-256 of the password in hex, none without one. */
function passwordHashes(c: Context): string[] {
  const password = c.server.config.get("requirepass");
  return password === "" ? [] : [new Bun.CryptoHasher("sha256").update(Buffer.from(password, "latin1")).digest("hex")];
}

function getUser(c: Context): void {
  const { reply } = c;
  if (c.args.text(2) !== "default") {
    reply.nil();
    return;
  }
  const hashes = passwordHashes(c);
  const flags = hashes.length > 0 ? ["on", "sanitize-payload"] : ["on", "nopass", "sanitize-payload"];
  reply.map(6);
  reply.bulkText("flags");
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText("passwords");
  reply.array(hashes.length);
  for (const hash of hashes) reply.bulkText(hash);
  for (const [name, value] of [
    ["commands", "+@all"],
    ["keys", "~*"],
    ["channels", "&*"],
  ] as const) {
    reply.bulkText(name);
    reply.bulkText(value);
  }
  reply.bulkText("selectors");
  reply.array(0);
}

function list(c: Context): void {
  const [hash] = passwordHashes(c);
  c.reply.array(1);
  c.reply.bulkText(`user default on ${hash === undefined ? "nopass" : `#${hash}`} sanitize-payload ~* &* +@all`);
}

function log(c: Context): void {
  const { args, reply } = c;
  if (args.count > 3) throw wrongSubcommand("acl", args.text(1));
  if (args.count === 3 && args.is(2, "RESET")) {
    reply.ok();
    return;
  }
  if (args.count === 3) integer(c, 2);
  reply.array(0);
}

function users(c: Context): void {
  c.reply.array(1);
  c.reply.bulkText("default");
}
