/** What is told of how long commands take: single ones, and equal ones of a pipeline that are timed together. */
import { afterEach, describe, expect, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand, RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { clockMs } from "../util/native.ts";
import { CallTimes } from "./call-times.ts";
import type { Context } from "./context.ts";
import { COMMANDS } from "./index.ts";
import { CommandTable, type Entry } from "./registry.ts";
import { CommandStats, Stats } from "./stats.ts";
import type { Command } from "./table.ts";

function busyMs(ms: number): void {
  for (const end = clockMs() + ms; clockMs() < end; );
}

function entriesOf(...names: string[]): Entry[] {
  const table = new CommandTable(COMMANDS, new Stats());
  return names.map((name) => table.byName(name) as Entry);
}

describe("calls", () => {
  test("of a brief command that is repeated share their time; all of it is counted once", () => {
    const [get, keys, info] = entriesOf("get", "keys", "info") as [Entry, Entry, Entry];
    const times = new CallTimes();
    times.begin();
    const from = times.clockMs;
    busyMs(1);
    expect(times.ended(get, true)).toBe(0);
    busyMs(1);
    expect(times.ended(get, true)).toBe(0);
    expect([get.stats.usec, get.stats.latency, times.untimed]).toEqual([0, null, 2]);
    busyMs(1);
    const usec = times.ended(get, false);
    expect(usec).toBeGreaterThanOrEqual(3000);
    expect(get.stats.usec).toBeCloseTo(usec, 3);
    expect(usec / 1000).toBeCloseTo(times.clockMs - from, 6);
    expect(get.stats.latency?.calls).toBe(3);
    expect(get.stats.latency?.percentile(1)).toBe(get.stats.latency?.percentile(100) as number);
    // One that may take longer is timed each time.
    expect(times.ended(keys, true)).toBeGreaterThan(0);
    expect(keys.stats.latency?.calls).toBe(1);
    // The next INFO tells how long this one took.
    expect(times.ended(info, true)).toBeGreaterThan(0);
  });

  test("that are not timed yet are when something else comes, is refused, or goes on in slices", () => {
    const [get] = entriesOf("get") as [Entry];
    const times = new CallTimes();
    const ends: (() => void)[] = [
      () => times.settle(get),
      () => times.refused(get),
      () => expect(times.parted(get)).toBeGreaterThan(0),
    ];
    for (const end of ends) {
      const { usec } = get.stats;
      times.begin();
      times.ended(get, true);
      times.ended(get, true);
      end();
      expect(get.stats.usec).toBeGreaterThan(usec);
      expect(times.untimed).toBe(0);
    }
    expect(get.stats.latency?.calls).toBe(6);
    times.settle(get);
    times.settle(null);
    expect(get.stats.latency?.calls).toBe(6);
  });

  test("are timed one by one where short ones are told of, and not counted where nobody asks", () => {
    const [get] = entriesOf("get") as [Entry];
    const times = new CallTimes();
    times.follow(false, 999);
    times.begin();
    expect(times.ended(get, true)).toBeGreaterThan(0);
    expect(get.stats.latency).toBe(null);
    times.follow(true, 1000);
    expect(times.ended(get, true)).toBe(0);
  });
});

/** A command that is brief by its flags, and takes a millisecond. */
const STALLING: Command = {
  name: "stall",
  arity: -1,
  flags: ["readonly", "fast"],
  categories: [],
  since: "1.0.0",
  group: "generic",
  complexity: "O(1)",
  summary: "Only in tests.",
  handler: (c) => {
    busyMs(1);
    c.reply.ok();
  },
};

describe("a pipeline", () => {
  let server: StubServer;
  let client: RespClient;
  afterEach(() => {
    client.close();
    server.stop();
  });

  async function start(config: Record<string, string> = {}): Promise<void> {
    server = new StubServer(config, [STALLING]);
    client = await RespClient.connect(server.port);
  }

  const calls = (name: string) => server.stats.command(name);

  test("every call is counted, by its own command, whatever comes between", async () => {
    await start();
    const text = "PING,PING,PING,ECHO a,ECHO,ECHO a,PING,PING a b c,PING,ECHO b,NOSUCH,PING";
    const words = text.split(",");
    const replies = await client.pipeline(words.map((line) => line.split(" ")));
    expect(replies.length).toBe(words.length);
    expect([calls("ping").calls, calls("ping").failed, calls("echo").calls, calls("echo").rejected]).toEqual([
      7, 1, 3, 1,
    ]);
    expect([calls("ping").latency?.calls, calls("echo").latency?.calls]).toEqual([7, 3]);
    expect(calls("ping").usec).toBeGreaterThan(0);
  });

  test("the same name in other letters, and of other clients, is the same command", async () => {
    await start();
    const other = await RespClient.connect(server.port);
    const [mine, theirs] = await Promise.all([
      client.pipeline([["ping"], ["PING"], ["Ping"], ["pinG", "x"]]),
      other.pipeline([["ECHO", "y"], ["PING"]]),
    ]);
    expect(mine).toEqual(["+PONG", "+PONG", "+PONG", "x"]);
    expect(theirs).toEqual(["y", "+PONG"]);
    expect([calls("ping").calls, calls("echo").calls]).toEqual([5, 1]);
    other.close();
  });

  test("that ends before its requests do has been timed as far as it came, and told of", async () => {
    const handler = (c: Context) => {
      busyMs(1);
      if (calls("stall").calls === 2) c.client.connection.close(true);
    };
    server = new StubServer({ "slowlog-log-slower-than": "2500" }, [{ ...STALLING, handler }]);
    client = await RespClient.connect(server.port);
    const leaving = await RawSocket.connect(server.port);
    leaving.send(encodeCommand(["STALL"]).repeat(9));
    expect(await leaving.until(({ closed }) => closed)).toBe(true);
    expect([calls("stall").calls, calls("stall").latency?.calls]).toEqual([3, 3]);
    expect(calls("stall").usec).toBeGreaterThanOrEqual(3000);
    expect(server.dispatcher.slowLog.entries[0]?.args).toEqual(["STALL", "... (one of 3 calls in a pipeline)"]);
  });

  test("others are let into it as soon as it has taken a turn's time: much at once is not brief", async () => {
    await start();
    const keys = Array.from({ length: 40 }, (_, i) => `key:${i}`);
    await client.command("RPUSH", "list", ...keys, ...keys.map(() => "x".repeat(500)));
    for (const [line, isBrief] of [
      [["MGET", ...keys.slice(0, 10)], true],
      [["MGET", ...keys], false],
      [["LPOP", "list"], true],
      [["RPOP", "list", "9"], false],
    ] as const) {
      const stats = calls(line[0].toLowerCase());
      const before = stats.latency?.calls ?? 0;
      let [counted, together] = [before, 0];
      stats.track = (usec, n) => {
        counted += n;
        together = Math.max(together, n);
        CommandStats.prototype.track.call(stats, usec, n);
      };
      await client.pipeline([line, line, line].map((words) => [...words]));
      expect([line[0], counted - before, together]).toEqual([line[0], 3, isBrief ? 3 : 1]);
    }
  });

  test("the slow log has each call when it logs all; of calls timed together, that it was one of them", async () => {
    await start({ "slowlog-log-slower-than": "0" });
    await client.pipeline([
      ["PING", "a"],
      ["PING", "b"],
      ["PING", "c"],
    ]);
    const { slowLog } = server.dispatcher;
    expect(slowLog.entries.slice(0, 3).map(({ args }) => args)).toEqual([
      ["PING", "c"],
      ["PING", "b"],
      ["PING", "a"],
    ]);
  });

  test("that has stalled is one entry of the slow log, which does not pretend to know which call it was", async () => {
    await start({ "slowlog-log-slower-than": "2500" });
    await client.pipeline([["STALL", "a"], ["STALL", "b"], ["STALL", "c"], ["PING"]]);
    const { entries } = server.dispatcher.slowLog;
    const stalled = entries.filter(({ args }) => args[0] === "STALL");
    expect(stalled.map(({ args }) => args)).toEqual([["STALL", "... (one of 3 calls in a pipeline)"]]);
    expect(stalled[0]?.usec).toBeGreaterThanOrEqual(3000);
  });
});
