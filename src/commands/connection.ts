/** The connection itself: PING, ECHO, QUIT, RESET, HELLO, AUTH, SELECT. */
import type { Context } from "./context.ts";
import { ReplyError, syntaxError, wrongArity } from "./errors.ts";
import { integer, integerBetween } from "./parse.ts";
import { constantTimeEqual } from "./secrets.ts";
import type { Command } from "./table.ts";

export const rows = [
  {
    name: "ping",
    arity: -1,
    flags: ["fast"],
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    since: "1.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Answers PONG, or the message it is given.",
    arguments: [{ name: "message", type: "string", optional: true }],
    handler: ping,
  },
  {
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    since: "1.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Answers the message it is given.",
    arguments: [{ name: "message", type: "string" }],
    handler: (c) => c.reply.bulk(c.args.bytes, c.args.starts[1] as number, c.args.lengths[1] as number),
  },
  {
    name: "quit",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    categories: ["connection"],
    since: "1.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Closes the connection after what is pending has been sent.",
    handler: quit,
  },
  {
    name: "reset",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    categories: ["connection"],
    since: "6.2.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Puts the connection back into the state it began in.",
    handler: reset,
  },
  {
    name: "hello",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    categories: ["connection"],
    since: "6.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Chooses the protocol version, may authenticate and name the connection, and describes the server.",
    arguments: [
      {
        name: "arguments",
        type: "block",
        optional: true,
        arguments: [
          { name: "protover", type: "integer" },
          {
            name: "auth",
            type: "block",
            token: "AUTH",
            optional: true,
            arguments: [
              { name: "username", type: "string" },
              { name: "password", type: "string" },
            ],
          },
          { name: "clientname", type: "string", token: "SETNAME", optional: true },
        ],
      },
    ],
    handler: hello,
  },
  {
    name: "auth",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    categories: ["connection"],
    since: "1.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Authenticates the connection.",
    arguments: [
      { name: "username", type: "string", optional: true, since: "6.0.0" },
      { name: "password", type: "string" },
    ],
    handler: auth,
  },
  {
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    since: "1.0.0",
    group: "connection",
    complexity: "O(1)",
    summary: "Chooses the database that the connection's commands use.",
    arguments: [{ name: "index", type: "integer" }],
    handler: select,
  },
] as const satisfies readonly Command[];

function ping(c: Context): void {
  const { args, reply } = c;
  if (args.count > 2) throw wrongArity("ping");
  // As Redis, so that whoever watches by PING hears that saving fails.
  const { refusal } = c.server.saving;
  if (refusal !== "") throw new ReplyError(refusal);
  if (args.count === 1) reply.simple("PONG");
  else reply.bulk(args.bytes, args.starts[1] as number, args.lengths[1] as number);
}

function quit(c: Context): void {
  c.reply.ok();
  c.client.connection.close(true);
}

function reset(c: Context): void {
  const { client, reply } = c;
  const needsPassword = c.server.config.get("requirepass") !== "";
  client.reset();
  client.authenticated = !needsPassword;
  client.connection.restricted = needsPassword;
  reply.protocol = 2;
  reply.simple("RESET");
}

function select(c: Context): void {
  const dbid = integerBetween(c, 1, -(2 ** 31), 2 ** 31 - 1);
  if (dbid < 0 || dbid >= c.server.config.number("databases")) throw new ReplyError("ERR DB index is out of range");
  c.client.dbid = dbid;
  c.reply.ok();
}

const NO_PASSWORD_SET =
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";

function auth(c: Context): void {
  const { args } = c;
  if (args.count > 3) throw syntaxError();
  if (args.count === 2) {
    if (c.server.config.get("requirepass") === "") throw new ReplyError(NO_PASSWORD_SET);
    authenticate(c, "default", args.text(1));
  } else {
    authenticate(c, args.text(1), args.text(2));
  }
  c.reply.ok();
}

/** Throws ReplyError WRONGPASS. Without requirepass the default user accepts any password, as in Redis. */
function authenticate(c: Context, user: string, password: string): void {
  const expected = c.server.config.get("requirepass");
  if (user !== "default" || (expected !== "" && !constantTimeEqual(password, expected))) {
    throw new ReplyError(WRONG_PASSWORD);
  }
  c.client.authenticated = true;
  c.client.connection.restricted = false;
}

function hello(c: Context): void {
  const { args, client, reply, server } = c;
  let protocol = client.protocol;
  if (args.count > 1) {
    const version = integer(c, 1, "ERR Protocol version is not an integer or out of range");
    if (version !== 2 && version !== 3) throw new ReplyError("NOPROTO unsupported protocol version");
    protocol = version;
  }
  const options = helloOptions(c);
  if (options.user !== null) authenticate(c, options.user, options.password);
  if (!client.authenticated) {
    throw new ReplyError(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " +
        "option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
  }
  if (options.name !== null) client.name = options.name;
  client.protocol = protocol;
  reply.protocol = protocol;
  reply.map(7);
  reply.bulkText("server");
  reply.bulkText("redis");
  reply.bulkText("version");
  reply.bulkText(server.version.redis);
  reply.bulkText("proto");
  reply.integer(protocol);
  reply.bulkText("id");
  reply.integer(client.id);
  reply.bulkText("mode");
  reply.bulkText("standalone");
  reply.bulkText("role");
  reply.bulkText("master");
  reply.bulkText("modules");
  reply.array(0);
}

interface HelloOptions {
  user: string | null;
  password: string;
  name: string | null;
}

function helloOptions(c: Context): HelloOptions {
  const { args } = c;
  const options: HelloOptions = { user: null, password: "", name: null };
  for (let i = 2; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (args.is(i, "AUTH") && more >= 2) {
      options.user = args.text(i + 1);
      options.password = args.text(i + 2);
      i += 2;
    } else if (args.is(i, "SETNAME") && more >= 1) {
      options.name = validName(args.text(i + 1), "Client names");
      i++;
    } else {
      throw new ReplyError(`ERR Syntax error in HELLO option '${args.text(i)}'`);
    }
  }
  return options;
}

/** A name without spaces, line breaks or unprintable characters. `what` begins the error's sentence. */
export function validName(name: string, what: string): string {
  if (!/^[!-~]*$/.test(name)) {
    throw new ReplyError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
  }
  return name;
}
