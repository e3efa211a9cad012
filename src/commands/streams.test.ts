/** Streams beside a real redis-server: entries, groups and pending ones, in all their shapes, RESP2 and RESP3. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { replyDifference } from "../../test/support/compare-replies.ts";
import { Differential } from "../../test/support/differential.ts";
import { type RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import { as70 } from "../../test/support/stream-shape.ts";
import { rows } from "./streams.ts";

const NODE_ENTRIES = 20;
const HOUR_MS = 3_600_000;

async function fill(redis: RedisServer): Promise<void> {
  const add = (key: string, id: string, ...fields: string[]) => redis.send("XADD", key, id, ...fields);
  await add("small", "1-1", "a", "1", "b", "two");
  await add("small", "1-2", "a", "2", "b", "\xff\x00");
  await add("small", "5-0", "other", "x".repeat(300));
  await add("small", "5-1", "", "");
  await add("small", "18446744073709551614-5", "last", "-9223372036854775808");
  for (let i = 1; i <= 500; i++) {
    if (i % 3 === 0) await add("large", `${i * 10}-${i}`, "n", `${i}`, "extra", `e${i}`);
    else await add("large", `${i * 10}-${i}`, "n", `${i}`);
  }
  for (let i = 1; i <= 500; i += 7) await redis.send("XDEL", "large", `${i * 10}-${i}`);
  for (let i = 1; i <= 60; i++) await add("headless", `${i}-0`, "n", `${i}`);
  for (let i = 1; i <= 45; i++) await redis.send("XDEL", "headless", `${i}-0`);
  for (let i = 1; i <= 90; i++) await add("trimmed", `${2 ** 32 * i}-0`, "n", `${i}`);
  await redis.send("XTRIM", "trimmed", "MAXLEN", 33);
  await add("emptied", "7-7", "a", "b");
  await redis.send("XDEL", "emptied", "7-7");
  await redis.send("XGROUP", "CREATE", "fresh", "g", "$", "MKSTREAM");
  await redis.send("SET", "text", "hello");
  await fillGroups(redis);
}

async function fillGroups(redis: RedisServer): Promise<void> {
  const group = (key: string, name: string, id: string, ...more: string[]) =>
    redis.send("XGROUP", "CREATE", key, name, id, ...more);
  const read = (key: string, name: string, consumer: string, count: number) =>
    redis.send("XREADGROUP", "GROUP", name, consumer, "COUNT", count, "STREAMS", key, ">");
  await group("small", "all", "0");
  await group("small", "none", "$");
  await group("small", "middle", "1-2");
  await group("small", "counted", "5-0", "ENTRIESREAD", "3");
  await read("small", "all", "zoe", 2);
  await read("small", "all", "adam", 2);
  await redis.send("XGROUP", "CREATECONSUMER", "small", "all", "idler");
  await redis.send("XDEL", "small", "5-0");
  await group("large", "g\x00bin", "0");
  await group("large", "behind", "100");
  await group("large", "ahead", "99999999");
  for (let i = 0; i < 30; i++) await read("large", "g\x00bin", `consumer${i % 4}`, 1 + (i % 9));
  await read("large", "behind", "solo", 3);
  await group("headless", "g", "0");
  await read("headless", "g", "c", 5);
  await group("trimmed", "g", "0");
  await group("trimmed", "h", `${2 ** 32 * 58}-0`);
  await group("emptied", "g", "0");
  // Deliveries of an hour ago and of three, so that IDLE has something to tell apart.
  const now = Date.now();
  const claim = (key: string, name: string, consumer: string, id: string, time: number) =>
    redis.send("XCLAIM", key, name, consumer, 0, id, "TIME", time, "RETRYCOUNT", 7, "JUSTID");
  await claim("small", "all", "zoe", "1-1", now - HOUR_MS);
  await claim("small", "all", "adam", "5-1", now - 3 * HOUR_MS);
  for (let i = 20; i < 40; i++) await claim("large", "g\x00bin", "consumer1", `${i * 10}-${i}`, now - 3 * HOUR_MS);
}

const KEYS = ["small", "large", "headless", "trimmed", "emptied", "fresh", "none", "text"];
const GROUPS = ["all", "none", "middle", "counted", "g", "g\x00bin", "behind", "ahead", "h", "nosuch"];

function commands(): string[][] {
  const list: string[][] = [];
  const add = (...words: (string | number)[]) => list.push(words.map(String));
  const bounds = [
    "-",
    "+",
    "0",
    "1",
    "5",
    "5-0",
    "(5-0",
    "(5",
    "1-2",
    "(1-1",
    "100",
    "(230-23",
    "1000-100",
    "99999999",
    "18446744073709551614-5",
  ];
  const odd = [
    "(18446744073709551615-18446744073709551615",
    "(0-0",
    "x",
    "",
    "(",
    "(-",
    "(+",
    "1-",
    "-1",
    "1-x",
    "18446744073709551616",
    "01-01",
    "$",
  ];
  for (const key of KEYS) {
    add("XLEN", key);
    for (const from of bounds) {
      for (const to of bounds) {
        add("XRANGE", key, from, to);
        add("XREVRANGE", key, to, from, "COUNT", 3);
      }
      add("XREVRANGE", key, "+", from);
      add("XREVRANGE", key, from, "-");
      add("XREAD", "STREAMS", key, from.replace("(", "") || "0");
      add("XREAD", "COUNT", 2, "STREAMS", key, "small", from.replace("(", ""), "1-1");
    }
    for (const id of odd) {
      add("XRANGE", key, id, "+");
      add("XRANGE", key, "-", id);
      add("XREVRANGE", key, id, "-");
      add("XREAD", "STREAMS", key, id);
    }
    for (const count of ["0", "-1", "1", "100000", "x"]) add("XRANGE", key, "-", "+", "COUNT", count);
    add("XRANGE", key, "-", "+", "COUNT");
    add("XRANGE", key, "-", "+", "BOGUS", 1);
    add("XRANGE", key, "-", "+", "COUNT", 5, "count", 2);
    add("XREAD", "COUNT", 0, "STREAMS", key, 0);
    add("XREAD", "COUNT", -5, "STREAMS", key, 0);
    add("XREAD", "STREAMS", key, key, 0, "1-1");
    add("XREAD", "STREAMS", key, "$");
    add("XREAD", "STREAMS", key, ">");
    add("XREAD", "STREAMS", "small", key, "x", 0);
    add("XREAD", "BLOCK", 5, "STREAMS", key, 0, "small", 0);
    add("XREAD", "STREAMS", key, "small", "headless", "none", 0, "$", 50, 0);
    pendingCommands(add, key);
    add("XINFO", "GROUPS", key);
    add("XINFO", "STREAM", key);
    for (const bad of [
      ["BOGUS"],
      ["FULL", "COUNT"],
      ["FULL", "BOGUS", 1],
      ["FULL", "COUNT", "x"],
      ["FULL", "COUNT", 1, 2],
    ]) {
      add("XINFO", "STREAM", key, ...bad);
    }
    add("XINFO", "CONSUMERS", key, "nosuch");
  }
  add("XREAD", "COUNT", "x", "STREAMS", "small", 0);
  add("XREAD", "BLOCK", "x", "STREAMS", "small", 0);
  add("XREAD", "BLOCK", -1, "STREAMS", "small", 0);
  add("XREAD", "BLOCK", 0, "STREAMS", "small", 0);
  add("XREAD", "GROUP", "g", "c", "STREAMS", "small", 0);
  add("XREAD", "NOACK", "STREAMS", "small", 0);
  add("XREAD", "COUNT", 1, "small", 0);
  add("XREAD", "COUNT", 1, "STREAMS");
  add("XINFO", "help", "x");
  add("XINFO", "NOSUCH", "x");
  add("XINFO", "STREAM");
  add("XINFO", "GROUPS");
  add("XINFO", "CONSUMERS", "small");
  for (const row of rows) add(row.name);
  return list;
}

function pendingCommands(add: (...words: (string | number)[]) => void, key: string): void {
  for (const group of GROUPS) {
    add("XPENDING", key, group);
    add("XPENDING", key, group, "-", "+", 10);
    add("XPENDING", key, group, "(1-1", "300", 1000);
    add("XPENDING", key, group, "-", "+", 3, "zoe");
    add("XPENDING", key, group, "-", "+", 30, "consumer1");
    add("XPENDING", key, group, "-", "+", 30, "nobody");
    add("XPENDING", key, group, "IDLE", 600_000, "-", "+", 100);
    add("XPENDING", key, group, "IDLE", 2 * HOUR_MS, "-", "+", 100, "adam");
    add("XPENDING", key, group, "idle", 0, "200", "(300", 5, "consumer1");
    add("XPENDING", key, group, "-", "+", 0);
    add("XPENDING", key, group, "-", "+", -4);
  }
  add("XPENDING", key, "all", "-");
  add("XPENDING", key, "all", "-", "+");
  add("XPENDING", key, "all", "-", "+", "x");
  add("XPENDING", key, "all", "x", "+", 1);
  add("XPENDING", key, "all", "-", "(0-0", 1);
  add("XPENDING", key, "all", "IDLE", 1, "-", "+");
  add("XPENDING", key, "all", "IDLE", "x", "-", "+", 1);
  add("XPENDING", key, "all", "IDLE", 1, "-", "+", 1, "a", "b");
}

describe.skipIf(!redisInstalled)("streams beside redis-server (skipped where none is installed)", () => {
  let both: Differential;

  beforeAll(async () => {
    both = await Differential.start(rows, fill, [
      "--stream-node-max-entries",
      `${NODE_ENTRIES}`,
      "--enable-debug-command",
      "yes",
    ]);
    // Redis's own radix tree keeps traces of what was deleted; ours is the tree after loading, so let Redis load too.
    expect(await both.redis.send("DEBUG", "RELOAD")).toBe("+OK\r\n");
  });
  afterAll(() => both.stop());

  const compare = async (protocol: 2 | 3, list: string[][], tolerance: number) => {
    await both.redis.send("HELLO", protocol);
    both.folio.protocol = protocol;
    const differences: string[] = [];
    for (let at = 0; at < list.length; at += 200) {
      const part = list.slice(at, at + 200);
      const theirs = await both.redis.connection.sendAll(part);
      part.forEach((words, i) => {
        const isClocked = words[0] === "XPENDING" || words[1] === "CONSUMERS";
        const ours = as70(both.folio.run(...words));
        const difference = replyDifference(ours, theirs[i] as string, isClocked ? tolerance : 0);
        if (difference !== null) differences.push(`${JSON.stringify(words)}: ${difference}`);
      });
    }
    expect(differences.slice(0, 20)).toEqual([]);
  };

  for (const protocol of [2, 3] as const) {
    test(`every reply is the same in RESP${protocol}`, async () => {
      const list = commands();
      expect(list.length).toBeGreaterThan(4000);
      await compare(protocol, list, 60_000);
    });

    test(`XINFO STREAM FULL and CONSUMERS are the same in RESP${protocol}, but for what is new in 7.2`, async () => {
      const list: string[][] = [];
      for (const key of KEYS) {
        list.push(["XINFO", "STREAM", key, "FULL"], ["xinfo", "stream", key, "full", "count", "3"]);
        list.push(["XINFO", "STREAM", key, "FULL", "COUNT", "0"], ["XINFO", "STREAM", key, "FULL", "COUNT", "-3"]);
        for (const group of GROUPS) list.push(["XINFO", "CONSUMERS", key, group]);
      }
      await compare(protocol, list, 60_000);
    });
  }

  test("a list of streams that does not come out even, in 7.2's words", () => {
    both.folio.protocol = 2;
    expect(both.folio.run("XREAD", "STREAMS", "small", "large", "0")).toBe(
      "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.\r\n",
    );
  });

  test("what 7.2 words in another way", () => {
    both.folio.protocol = 2;
    expect(both.folio.run("XREAD", "BLOCK", "9223372036854775807", "STREAMS", "small", "0")).toBe(
      "-ERR timeout is out of range\r\n",
    );
    const help = both.folio.run("XINFO", "HELP");
    expect(help).toStartWith("*9\r\n+XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
    expect(help).toEndWith("+HELP\r\n+    Print this help.\r\n");
  });

  test("BLOCK waits for its time, then answers nil", () => {
    both.folio.protocol = 2;
    const begun = Date.now();
    expect(both.folio.run("XREAD", "BLOCK", "30", "STREAMS", "small", "none", "$", "0")).toBe("*-1\r\n");
    expect(Date.now() - begun).toBeGreaterThanOrEqual(30);
  });

  test("consumers tell when they were last active (new in 7.2)", () => {
    both.folio.protocol = 3;
    expect(both.folio.run("XINFO", "CONSUMERS", "small", "all")).toMatch(/\$8\r\ninactive\r\n:\d+\r\n/);
    expect(both.folio.run("XINFO", "STREAM", "small", "FULL")).toMatch(/\$11\r\nactive-time\r\n:\d+\r\n/);
    both.folio.protocol = 2;
  });
});
