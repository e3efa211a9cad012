import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand, RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { ArenaFull } from "../overlay/arena.ts";
import { OverlayLimit } from "../overlay/overlay-limit.ts";
import { FormatError } from "../util/format-error.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError } from "./errors.ts";
import type { Command } from "./table.ts";

function testRow(name: string, handler: Handler): Command {
  return {
    name,
    arity: -1,
    flags: ["readonly"],
    categories: [],
    since: "1.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Only in tests.",
    handler,
  };
}

/** Writes `count` integers in small steps; then fails with what `fail` makes, if any. */
function* counting(c: Context, count: number, fail?: () => Error): Generator<void, void, void> {
  c.reply.array(count);
  for (let i = 0; i < count; i++) {
    c.reply.integer(i);
    if (i % 16 === 0) yield;
  }
  if (fail) throw fail();
}

const BIG = Buffer.alloc(1024 * 1024, "b");

const ROWS: readonly Command[] = [
  testRow("count", (c) => counting(c, Number(c.args.text(1)))),
  testRow("countfail", (c) => counting(c, Number(c.args.text(1)), () => new ReplyError("ERR broke late"))),
  testRow("replyerror", (c) => {
    c.reply.array(3);
    c.reply.simple("half");
    throw new ReplyError("WRONGTYPE no");
  }),
  testRow("damaged", (c) => {
    c.reply.array(2);
    throw new FormatError("damaged-block", 77, "a wrong checksum", "the right one");
  }),
  testRow("bug", () => {
    throw new TypeError("undefined is not a function");
  }),
  testRow("full", (c) => {
    c.reply.array(2);
    throw c.args.count > 1 ? new OverlayLimit("too much") : new ArenaFull(64);
  }),
  { ...testRow("unserved", () => {}), flags: ["write"], handler: undefined } as unknown as Command,
  testRow("big", (c) => c.reply.bulk(BIG, 0, BIG.length, true)),
  testRow("loud", writeLoudly),
  testRow("lastword", function* (c) {
    for (let until = performance.now() + 5; performance.now() < until; ) yield;
    c.reply.bulkText(c.args.text(c.args.count - 1));
  }),
];

/** Writes 32 MiB; the last element says how much of it the writer held at most. */
function* writeLoudly(c: Context): Generator<void, void, void> {
  let held = 0;
  for (let i = 0; i < 512; i++) {
    c.reply.bulk(BIG, 0, 65_535);
    held = Math.max(held, c.reply.buffer.length);
    yield;
  }
  loudlyHeld = held;
}
let loudlyHeld = 0;

let server: StubServer;
afterEach(() => server.stop());

async function start(config: Record<string, string> = {}): Promise<RespClient> {
  server = new StubServer(config, ROWS);
  return RespClient.connect(server.port);
}

describe("refusals, in Redis's words", () => {
  test("unknown commands and subcommands, arity", async () => {
    const client = await start();
    const cases: [string[], string][] = [
      [["nope"], "-ERR unknown command 'nope', with args beginning with: "],
      [["nope", "a", "b\r\n"], "-ERR unknown command 'nope', with args beginning with: 'a' 'b  ' "],
      [["get"], "-ERR wrong number of arguments for 'get' command"],
      [["GeT", "a", "b"], "-ERR wrong number of arguments for 'get' command"],
      [["client", "nope"], "-ERR unknown subcommand 'nope'. Try CLIENT HELP."],
      [["client"], "-ERR wrong number of arguments for 'client' command"],
      [["client", "setname"], "-ERR wrong number of arguments for 'client|setname' command"],
      [["set", "k"], "-ERR wrong number of arguments for 'set' command"],
      [["unserved", "k"], "-ERR Folio does not have unserved yet"],
    ];
    for (const [words, reply] of cases) expect(await client.command(...words)).toBe(reply);
    const long = await client.command("nope", "x".repeat(200), "y");
    expect(long).toBe(`-ERR unknown command 'nope', with args beginning with: '${"x".repeat(128)}' `);
    expect(server.stats.errors.get("ERR")).toBe(10);
    expect(server.stats.commands.get("get")?.rejected).toBe(2);
  });

  test("a password", async () => {
    const client = await start({ requirepass: "secret" });
    expect(await client.command("PING")).toBe("-NOAUTH Authentication required.");
    expect(await client.command("AUTH", "wrong")).toBe(
      "-WRONGPASS invalid username-password pair or user is disabled.",
    );
    expect(await client.command("AUTH", "nobody", "secret")).toStartWith("-WRONGPASS");
    expect(await client.command("AUTH", "default", "secret")).toBe("+OK");
    expect(await client.command("PING")).toBe("+PONG");
    expect(await client.command("ACL", "WHOAMI")).toBe("default");
    expect(await client.command("RESET")).toBe("+RESET");
    expect(await client.command("PING")).toBe("-NOAUTH Authentication required.");
    expect(await client.command("HELLO", "3", "AUTH", "default", "secret")).toHaveProperty("map");
  });

  test("while loading", async () => {
    const client = await start();
    server.loading = true;
    expect(await client.command("GET", "k")).toBe("-LOADING Redis is loading the dataset in memory");
    expect(await client.command("INFO")).toContain("redis_version");
    server.loading = false;
    expect(await client.command("GET", "k")).toBeNull();
  });

  test("too many clients", async () => {
    await start({ maxclients: "1" });
    const second = await RawSocket.connect(server.port);
    expect(await second.until((socket) => socket.closed)).toBe(true);
    expect(second.received).toBe("-ERR max number of clients reached\r\n");
    expect(server.stats.rejectedConnections).toBe(1);
    expect(server.clients.count).toBe(1);
  });
});

describe("what handlers throw", () => {
  test("half-written replies are rolled back, others go on", async () => {
    const client = await start();
    const all = await Promise.all([
      client.command("PING"),
      client.command("REPLYERROR"),
      client.command("DAMAGED"),
      client.command("FULL"),
      client.command("FULL", "much"),
      client.command("BUG"),
      client.command("PING"),
    ]);
    expect(all).toEqual([
      "+PONG",
      "-WRONGTYPE no",
      "-ERR the value cannot be read: at offset 77: found a wrong checksum, expected the right one",
      "-OOM the overlay's memory has no room for 64 bytes more",
      "-ERR too much",
      "-ERR internal error while running 'bug'; the server's log has the details",
      "+PONG",
    ]);
    expect(server.stats.damagedReplies).toBe(1);
    expect(server.stats.unexpectedErrors).toBe(1);
    expect(server.logged.some((line) => line.includes("dispatch.test.ts"))).toBe(true);
    expect(server.stats.commands.get("replyerror")).toMatchObject({ calls: 1, failed: 1, rejected: 0 });
    expect(server.stats.errors.get("WRONGTYPE")).toBe(1);
  });
});

describe("sliced commands", () => {
  test("replies keep their order in a pipeline", async () => {
    const client = await start();
    const all = await Promise.all([
      client.command("PING"),
      client.command("COUNT", "50000"),
      client.command("PING", "after"),
      client.command("LASTWORD", "a", "kept"),
      client.command("PING", "end"),
    ]);
    expect(all[0]).toBe("+PONG");
    expect((all[1] as number[]).length).toBe(50000);
    expect((all[1] as number[])[49999]).toBe(49999);
    expect(all.slice(2)).toEqual(["after", "kept", "end"]);
  });

  test("others are served meanwhile", async () => {
    const quick = await start();
    const slow = await RawSocket.connect(server.port);
    slow.send(encodeCommand(["COUNT", "1000000"]));
    await slow.until((one) => one.received.length > 0);
    expect(await quick.command("PING")).toBe("+PONG");
    expect(server.dispatcher.slicedCommands).toBe(1);
    expect(await slow.until((one) => one.received.endsWith(":999999\r\n"))).toBe(true);
    slow.close();
    expect(server.dispatcher.slicedCommands).toBe(0);
  });

  test("an error before anything was sent is a plain error", async () => {
    const client = await start();
    expect(await client.command("COUNTFAIL", "1000")).toBe("-ERR broke late");
    expect(await client.command("COUNTFAIL", "20000")).toBe("-ERR broke late");
    expect(await client.command("PING")).toBe("+PONG");
  });

  test("an error after part of the reply was sent ends the connection", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    socket.send(encodeCommand(["COUNTFAIL", "1000000"]));
    expect(await socket.until((one) => one.closed)).toBe(true);
    expect(socket.received).toStartWith("*1000000\r\n:0\r\n");
    expect(socket.received).not.toContain("broke late");
  });

  test("a long reply that CLIENT REPLY OFF drops is not gathered", async () => {
    const client = await start();
    expect(
      await client.raw(
        [["client", "reply", "off"], ["loud"], ["client", "reply", "on"], ["ping"]].map(encodeCommand).join(""),
        2,
      ),
    ).toEqual(["+OK", "+PONG"]);
    expect(loudlyHeld).toBeGreaterThan(0);
    expect(loudlyHeld).toBeLessThan(16 * 1024 * 1024);
    client.close();
  });

  test("a client that goes away ends its command", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    socket.send(encodeCommand(["COUNT", "100000000"]));
    await socket.until((one) => one.received.length > 0);
    socket.close();
    for (let i = 0; i < 200 && server.dispatcher.slicedCommands > 0; i++) await Bun.sleep(10);
    expect(server.dispatcher.slicedCommands).toBe(0);
  });
});

describe("a client that does not read", () => {
  test("gets no further request executed, and everything when it reads", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    socket.pause();
    socket.send(encodeCommand(["BIG"]).repeat(100));
    await Bun.sleep(200);
    const calls = server.stats.commands.get("big")?.calls as number;
    expect(calls).toBeLessThan(30);
    const [, slow] = [...server.clients.byId.values()];
    expect(slow?.connection.pendingBytes).toBeLessThan(3 * BIG.length);
    expect(slow?.connection.memoryBytes).toBeLessThan(64 * 1024);
    socket.resume();
    const size = `$${BIG.length}\r\n`.length + BIG.length + 2;
    expect(await socket.until((one) => one.received.length >= 100 * size)).toBe(true);
    expect(socket.received).toBe(`$${BIG.length}\r\n${BIG.toString()}\r\n`.repeat(100));
    socket.close();
  });

  test("parks a long reply until it reads", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    socket.pause();
    socket.send(encodeCommand(["COUNT", "2000000"]));
    await Bun.sleep(300);
    expect(server.dispatcher.slicedCommands).toBe(1);
    const [, slow] = [...server.clients.byId.values()];
    expect(slow?.connection.pendingBytes).toBeLessThan(3 * 1024 * 1024);
    socket.resume();
    expect(await socket.until((one) => one.received.endsWith(":1999999\r\n"))).toBe(true);
    socket.close();
  });

  test("is closed at client-output-buffer-limit", async () => {
    await start({ "client-output-buffer-limit": "normal 500000 0 0" });
    const socket = await RawSocket.connect(server.port);
    socket.pause();
    socket.send(encodeCommand(["BIG"]).repeat(20));
    for (let i = 0; i < 200 && server.clients.count > 1; i++) await Bun.sleep(10);
    expect(server.clients.count).toBe(1);
    expect(server.stats.outputBufferLimitDisconnections).toBe(1);
    expect(server.logged.some((line) => line.includes("overcoming of output buffer limits"))).toBe(true);
    socket.close();
  });

  test("is not read without limit either", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    socket.pause();
    socket.send(encodeCommand(["BIG"]).repeat(20));
    await Bun.sleep(100);
    socket.send(encodeCommand(["PING", "x".repeat(1000)]).repeat(30_000));
    await Bun.sleep(300);
    const [, slow] = [...server.clients.byId.values()];
    expect(slow?.connection.queryBytes).toBeLessThan(4 * 1024 * 1024);
    socket.resume();
    const size = 20 * (BIG.length + 12) + 30_000 * 1009;
    expect(await socket.until((one) => one.received.length >= size - 20)).toBe(true);
    socket.close();
  });
});

describe("requests in pieces", () => {
  test("large ones byte chunks at a time", async () => {
    await start();
    const socket = await RawSocket.connect(server.port);
    const text = encodeCommand(["PING", "v".repeat(8_000_000)]) + encodeCommand(["PING"]);
    for (let at = 0; at < text.length; at += 50_000) {
      socket.send(text.slice(at, at + 50_000));
      if (at % 500_000 === 0) await Bun.sleep(1);
    }
    expect(await socket.until((one) => one.received.endsWith("+PONG\r\n"), 20_000)).toBe(true);
    expect(socket.received.length).toBe("$8000000\r\n".length + 8_000_000 + 2 + 7);
    socket.close();
  });

  test("the query buffer has a limit", async () => {
    await start({ "client-query-buffer-limit": "1048576" });
    const socket = await RawSocket.connect(server.port);
    socket.send(`*2\r\n$4\r\nPING\r\n$100000000\r\n${"x".repeat(2_000_000)}`);
    expect(await socket.until((one) => one.closed)).toBe(true);
    expect(server.stats.queryBufferLimitDisconnections).toBe(1);
  });

  test("an idle connection holds no buffer", async () => {
    const client = await start();
    await client.command("PING", "x".repeat(100_000));
    const [one] = [...server.clients.byId.values()];
    expect(one?.connection.memoryBytes).toBeLessThan(1024);
  });
});

test("a mistake outside handlers ends its connection, is logged, and leaves nothing for the next one", async () => {
  const client = await start({ "slowlog-log-slower-than": "0" });
  const { slowLog } = server.dispatcher;
  spyOn(slowLog, "add").mockImplementationOnce(() => {
    throw new TypeError("a mistake");
  });
  const other = await RawSocket.connect(server.port);
  await client.command("ECHO", "secret").catch(() => {});
  other.send("ECHO a\r\n");
  expect(await other.until((one) => one.received.endsWith("a\r\n"))).toBe(true);
  expect(other.received).toBe("$1\r\na\r\n");
  expect(server.logged.at(-1)).toContain("a mistake");
  other.close();
});

test("protocol errors close the connection after the error", async () => {
  await start();
  const socket = await RawSocket.connect(server.port);
  socket.send("PING\r\n*1\r\n:x\r\nPING\r\n");
  expect(await socket.until((one) => one.closed)).toBe(true);
  expect(socket.received).toBe("+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  for (let i = 0; i < 100 && server.clients.count > 1; i++) await Bun.sleep(10);
  expect(server.clients.count).toBe(1);
});

test("QUIT answers, then closes", async () => {
  await start();
  const socket = await RawSocket.connect(server.port);
  socket.send("QUIT\r\nPING\r\n");
  expect(await socket.until((one) => one.closed)).toBe(true);
  expect(socket.received).toBe("+OK\r\n");
});

test("a unix socket", async () => {
  const path = `/tmp/folio-test-${process.pid}.sock`;
  server = new StubServer({}, ROWS, path);
  const client = await RespClient.connect(path);
  expect(await client.command("PING")).toBe("+PONG");
  expect(await client.command("CLIENT", "INFO")).toContain(`addr=${path}:0 `);
});

test("idle clients are closed after the timeout", async () => {
  await start({ timeout: "1" });
  server.dispatcher.tick(Date.now() + 500);
  expect(server.clients.count).toBe(1);
  server.dispatcher.tick(Date.now() + 1500);
  for (let i = 0; i < 100 && server.clients.count > 0; i++) await Bun.sleep(10);
  expect(server.clients.count).toBe(0);
});

test("the statistics add up", async () => {
  const client = await start();
  await Promise.all(Array.from({ length: 100 }, () => client.command("PING")));
  await client.command("GET", "absent");
  const { stats } = server;
  expect(stats.commandsProcessed).toBe(101);
  expect(stats.commands.get("ping")?.calls).toBe(100);
  expect(stats.commands.get("ping")?.usec).toBeGreaterThan(0);
  expect(stats.keyspaceMisses).toBe(1);
  expect(stats.connectionsReceived).toBe(1);
  expect(stats.netInputBytes).toBe(100 * encodeCommand(["PING"]).length + encodeCommand(["GET", "absent"]).length);
  expect(stats.netOutputBytes).toBe(100 * 7 + 5);
});
