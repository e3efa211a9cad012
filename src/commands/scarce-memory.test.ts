/** Small collections are changed while views are held and memory is short: a change happens, or leaves the value as it was. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { ArenaFull } from "../overlay/arena.ts";

let server: StubServer;
let client: RespClient;

beforeAll(async () => {
  server = new StubServer();
  client = await RespClient.connect(server.port);
});
afterAll(() => {
  client.close();
  server.stop();
});

const LONG = "a text that is longer than what comes in its place";
const ZSET = ["ZADD", "key", "1.25", "a", "2.125", LONG, "3", "c", "4.75", "d"];
const LIST = ["RPUSH", "key", "a", LONG, "c", "a", "d"];
const HASH = ["HSET", "key", "a", LONG, "b", "2", "c", "3"];
const SET = ["SADD", "key", "a", LONG, "c"];
const INTSET = ["SADD", "key", "1", "70000", "3"];

/** What makes the key, what makes it shorter, what reads it. */
const CASES: readonly (readonly [making: readonly string[], change: readonly string[], read: readonly string[]])[] = [
  ...[
    ["ZADD", "key", "1", "a"],
    ["ZADD", "key", "5", "a"],
    ["ZADD", "key", "2", LONG],
    ["ZINCRBY", "key", "-0.125", LONG],
    ["ZREM", "key", LONG],
    ["ZPOPMIN", "key"],
    ["ZPOPMAX", "key", "2"],
    ["ZREMRANGEBYRANK", "key", "1", "2"],
    ["ZREMRANGEBYSCORE", "key", "-inf", "(3"],
  ].map((change) => [ZSET, change, ["ZRANGE", "key", "0", "-1", "WITHSCORES"]] as const),
  ...[
    ["LSET", "key", "1", "x"],
    ["LREM", "key", "1", LONG],
    ["LREM", "key", "0", "a"],
    ["LPOP", "key"],
    ["RPOP", "key", "2"],
    ["LMOVE", "key", "key", "LEFT", "RIGHT"],
  ].map((change) => [LIST, change, ["LRANGE", "key", "0", "-1"]] as const),
  ...[
    ["HSET", "key", "a", "1"],
    ["HDEL", "key", "a"],
  ].map((change) => [HASH, change, ["HGETALL", "key"]] as const),
  [SET, ["SREM", "key", LONG], ["SMEMBERS", "key"]],
  [SET, ["SPOP", "key"], ["SMEMBERS", "key"]],
  [INTSET, ["SREM", "key", "70000"], ["SMEMBERS", "key"]],
];

/** Commands of several changes: each happens whole, or not at all. LMOVE puts first: its element may be there twice, never not at all. */
const IN_STEPS = new Set(["LMOVE key key", "LREM key 0"]);

for (const [making, change, read] of CASES) {
  test(`${change.join(" ").slice(0, 40)} without memory leaves a value that can be read`, async () => {
    const { keyspace } = server;
    await client.command("DEL", "key");
    await client.command(...making);
    const before = await client.command(...read);
    const { arena } = keyspace.database(0).ensureTop();
    const { allocate } = arena;
    const taken = keyspace.pins.take();
    let failures = 0;
    try {
      for (let allowed = 0; ; allowed++) {
        let left = allowed;
        arena.allocate = (bytes: number) => {
          if (left-- <= 0) throw new ArenaFull(bytes);
          return allocate.call(arena, bytes);
        };
        const reply = await client.command(...change);
        arena.allocate = allocate;
        if (typeof reply !== "string" || !reply.startsWith("-OOM")) break;
        failures++;
        if (!IN_STEPS.has(change.slice(0, 3).join(" "))) expect(await client.command(...read)).toEqual(before);
        await expectSound();
      }
    } finally {
      arena.allocate = allocate;
      keyspace.pins.release(taken);
    }
    expect(failures).toBeGreaterThan(0);
    expect(await client.command(...read)).not.toEqual(before);
    await expectSound();
  });
}

/** RESTORE looks at every byte of a payload. */
async function expectSound(): Promise<void> {
  const payload = await client.command("DUMP", "key");
  expect(await client.command("RESTORE", "copy", "0", payload as string, "REPLACE")).toBe("+OK");
}
