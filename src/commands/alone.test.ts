/** Commands that change much of a large collection in slices: as redis-server answers, and nobody sees them half done. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { LivePair } from "../../test/support/live-pair.ts";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import { encodeCommand, RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

const TIMEOUT_MS = 60_000;
const SIZE = 20_000;

const words = (from: number, to: number, of: (i: number) => string[]): string[] =>
  Array.from({ length: to - from }, (_, i) => of(from + i)).flat();
const member = (i: number) => [`member:${i}`];
const scored = (i: number) => [`${i % 700}`, `member:${i}`];
const field = (i: number) => [`member:${i}`, `value ${i}`];
const element = (i: number) => [i % 3 === 0 ? `${i}` : `element:${i}`];

/** How a key of each type is filled, and what tells all of it, in an order that both servers have. */
const ALL: { readonly [filler: string]: readonly string[] } = {
  SADD: ["SORT", "key", "ALPHA"],
  ZADD: ["ZRANGE", "key", "0", "-1", "WITHSCORES"],
  HSET: ["SORT", "key:fields", "ALPHA"],
  RPUSH: ["LRANGE", "key", "0", "-1"],
};

const CHANGES: readonly (readonly [filler: string, of: (i: number) => string[], ...changes: readonly string[][]])[] = [
  [
    "SADD",
    member,
    ["SADD", "key", ...words(SIZE - 500, 2 * SIZE, member)],
    ["SREM", "key", ...words(100, SIZE, member), "nothing"],
    ["SREM", "key", ...words(0, 3 * SIZE, member)],
    ["EXISTS", "key"],
    ["SADD", "key", ...words(0, SIZE, member), ...words(0, 10, member)],
  ],
  [
    "ZADD",
    scored,
    ["ZADD", "key", "CH", ...words(SIZE - 500, 2 * SIZE, (i) => [`${i % 900}`, `member:${i}`])],
    ["ZADD", "key", "NX", ...words(0, 2 * SIZE + 5, (i) => ["7", `member:${i}`])],
    ["ZADD", "key", "XX", "GT", "CH", ...words(0, 3 * SIZE, (i) => ["350.5", `member:${i}`])],
    ["ZADD", "missing", "XX", ...words(0, SIZE, scored)],
    ["ZADD", "key", ...words(0, SIZE, scored), "no number", "member"],
    ["ZREMRANGEBYSCORE", "key", "360", "(390"],
    ["ZREMRANGEBYRANK", "key", "5", "3000"],
    ["ZREMRANGEBYRANK", "key", "-3000", "-2"],
    ["ZPOPMIN", "key", "600"],
    ["ZPOPMAX", "key", "5000"],
    ["ZMPOP", "1", "key", "MAX", "COUNT", "1000"],
    ["ZREM", "key", ...words(0, SIZE, member)],
    ["ZREM", "key", ...words(0, 3 * SIZE, member)],
    ["EXISTS", "key"],
    ["ZADD", "key", ...words(0, SIZE, () => ["0", "same"]), ...words(0, SIZE, (i) => ["0", `member:${i}`])],
    ["ZREMRANGEBYLEX", "key", "[member:1", "(member:12"],
    ["ZPOPMIN", "key", "10000"],
    ["ZADD", "key", ...words(0, SIZE, scored)],
    ["ZREMRANGEBYRANK", "key", "5", "15000"],
    ["GEOADD", "geo", ...words(0, 3000, (i) => [`${(i % 360) - 180}`, `${i % 80}`, `member:${i}`])],
  ],
  [
    "HSET",
    field,
    ["HSET", "key", ...words(SIZE - 500, 2 * SIZE, field)],
    ["HMSET", "key", ...words(0, SIZE, (i) => [`member:${i}`, "another"])],
    ["HDEL", "key", ...words(100, 2 * SIZE, member), "nothing"],
    ["HDEL", "key", ...words(0, 3 * SIZE, member)],
    ["EXISTS", "key"],
    ["HMSET", "key", ...words(0, SIZE, field), ...words(0, 10, field)],
  ],
  [
    "RPUSH",
    element,
    ["RPUSH", "key", ...words(0, SIZE, element)],
    ["LPUSH", "key", ...words(0, SIZE, element)],
    ["LPUSHX", "key", ...words(0, 1000, () => ["x".repeat(9000)])],
    ["LTRIM", "key", "1500", "-1500"],
    ["LPOP", "key", "5000"],
    ["RPOP", "key", "5001"],
    ["LMPOP", "1", "key", "LEFT", "COUNT", "1000"],
    ["LTRIM", "key", "10", "12"],
    ["RPUSHX", "missing", ...words(0, SIZE, element)],
    ["LPUSH", "key", ...words(0, SIZE, element)],
    ["RPOP", "key", "100000"],
    ["EXISTS", "key"],
    ["RPUSH", "key", ...words(0, SIZE, element)],
    ["LREM", "key", "-1", "nothing"],
    ["LINSERT", "key", "BEFORE", "element:7000", "same"],
    ["LPUSH", "key", ...words(0, 1000, () => ["same"])],
    ["LREM", "key", "0", "same"],
  ],
];

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let pair: LivePair;
  beforeAll(async () => {
    pair = await LivePair.start("alone");
  });
  afterAll(() => pair.stop());

  for (const [filler, of, ...changes] of CHANGES) {
    test(
      `many elements of what ${filler} fills`,
      async () => {
        await pair.same("FLUSHALL");
        await pair.same("CONFIG", "RESETSTAT");
        for (let i = 0; i < SIZE; i += 1000) await pair.same(filler, "key", ...words(i, i + 1000, of));
        for (const change of changes) {
          await pair.same(...change);
          await sameContent(filler);
          const changed = async (client: RespClient) =>
            String(await client.command("INFO")).match(/rdb_changes_since_last_save:\d+|keyspace_(hits|misses):\d+/g);
          expect([change.slice(0, 3), await changed(pair.ours)]).toEqual([
            change.slice(0, 3),
            await changed(pair.theirs),
          ]);
        }
        // What came of it is saved, and read again.
        await pair.same("DEBUG", "RELOAD");
        await sameContent(filler);
      },
      TIMEOUT_MS,
    );
  }

  async function sameContent(filler: string): Promise<void> {
    if (filler === "HSET") {
      const fields = async (client: RespClient) => {
        const flat = (await client.command("HGETALL", "key")) as string[];
        return flat.map((text, i) => (i % 2 === 0 ? `${text} ${flat[i + 1]}` : "")).sort();
      };
      expect(await fields(pair.ours)).toEqual(await fields(pair.theirs));
    } else await pair.same(...(ALL[filler] as string[]));
    // redis-server 7.0 calls every list a quicklist.
    if (filler !== "RPUSH") await pair.same("OBJECT", "ENCODING", "key");
  }

  test(
    "SPOP of less than half takes as many, each once, and leaves the others",
    async () => {
      await pair.same("FLUSHALL");
      for (let i = 0; i < SIZE; i += 1000) await pair.same("SADD", "key", ...words(i, i + 1000, member));
      const popped = (await pair.ours.command("SPOP", "key", "9000")) as string[];
      const left = (await pair.ours.command("SMEMBERS", "key")) as string[];
      expect([popped.length, left.length]).toEqual([9000, SIZE - 9000]);
      expect([...popped, ...left].sort()).toEqual(words(0, SIZE, member).sort());
    },
    TIMEOUT_MS,
  );
});

describe("others meanwhile", () => {
  let server: StubServer;
  let client: RespClient;
  let other: RespClient;
  beforeEach(async () => {
    server = new StubServer();
    client = await RespClient.connect(server.port);
    other = await RespClient.connect(server.port);
  });
  afterEach(() => {
    client.close();
    other.close();
    server.stop();
  });

  const BIG = 60_000;
  const keyspace = () => server.keyspace;

  async function fill(filler: string, of: (i: number) => string[]): Promise<void> {
    for (let i = 0; i < BIG; i += 2000) await client.command(filler, "key", ...words(i, i + 2000, of));
  }

  /** Begins a command of the first client; resolves when it is under way. */
  async function begun(...command: string[]): Promise<{ reply: Promise<RespValue> }> {
    const reply = client.command(...command);
    while (keyspace().changing === 0) await Bun.sleep(0);
    return { reply };
  }

  const SIZES: readonly (readonly [filler: string, of: (i: number) => string[], size: string, change: string[]])[] = [
    ["SADD", member, "SCARD", ["SPOP", "key", "25000"]],
    ["ZADD", scored, "ZCARD", ["ZPOPMAX", "key", "15000"]],
    ["ZADD", scored, "ZCARD", ["ZREMRANGEBYRANK", "key", "1000", "15999"]],
    ["HSET", field, "HLEN", ["HDEL", "key", ...words(0, 40_000, member)]],
    ["RPUSH", (i) => ["x".repeat(2000) + i], "LLEN", ["LTRIM", "key", "20000", "-20001"]],
    ["RPUSH", (i) => ["x".repeat(2000) + i], "LLEN", ["LPOP", "key", "30000"]],
  ];

  for (const [filler, of, size, change] of SIZES) {
    test(
      `${change[0]} is seen before or after, and others are served`,
      async () => {
        await fill(filler, of);
        const { reply } = await begun(...change);
        expect(await other.command("PING")).toBe("+PONG");
        expect(keyspace().changing).toBe(1);
        const seen = other.command(size, "key");
        const answered = await reply;
        const gone = Array.isArray(answered) ? answered.length / (change[0] === "ZPOPMAX" ? 2 : 1) : answered;
        expect(await seen).toBe(BIG - (change[0] === "LTRIM" ? 40_000 : Number(gone)));
        expect(keyspace().changing).toBe(0);
        const { arena } = keyspace().database(0).ensureTop();
        // A long reply has been sent before its command has ended.
        for (let i = 0; i < 100 && keyspace().pins.count > 0; i++) await Bun.sleep(1);
        expect([arena.readers.size, arena.awaited.size, keyspace().pins.count]).toEqual([0, 0, 0]);
      },
      TIMEOUT_MS,
    );
  }

  const WAITS: readonly (readonly [
    wait: string[],
    fill: string[],
    next: string[],
    first: RespValue,
    second: RespValue,
  ])[] = [
    [
      ["BLPOP", "key", "0"],
      ["RPUSH", "key", ...words(0, 3000, member)],
      ["LPOP", "key"],
      ["key", "member:0"],
      "member:1",
    ],
    [
      ["BZPOPMAX", "key", "0"],
      ["ZADD", "key", ...words(0, 3000, (i) => [`${i}`, `member:${i}`])],
      ["ZPOPMAX", "key"],
      ["key", "member:2999", "2999"],
      ["member:2998", "2998"],
    ],
  ];

  for (const [wait, fill, next, first, second] of WAITS) {
    test(`${wait[0]} is served before what follows the command that made the key in slices`, async () => {
      const waiting = other.command(...wait);
      while (keyspace().waits.count === 0) await Bun.sleep(1);
      const pipeline = client.pipeline([fill, next]);
      expect(await waiting).toEqual(first);
      expect(await pipeline).toEqual([3000, second]);
      expect(keyspace().database(0).ensureTop().arena.alone.size).toBe(0);
    });
  }

  test(
    "two that pop at random take nothing twice",
    async () => {
      await fill("SADD", member);
      const { reply } = await begun("SPOP", "key", "25000");
      const rest = other.command("SPOP", "key", `${BIG}`);
      const [first, second] = [(await reply) as string[], (await rest) as string[]];
      expect([first.length, second.length]).toEqual([25_000, BIG - 25_000]);
      expect(new Set([...first, ...second]).size).toBe(BIG);
    },
    TIMEOUT_MS,
  );

  for (const words of [
    ["DEL", "key"],
    ["FLUSHALL"],
    ["SWAPDB", "0", "1"],
    ["SET", "key", "x"],
    ["PEXPIRE", "key", "1"],
  ]) {
    test(
      `${words[0]} comes after what is being popped`,
      async () => {
        await fill("SADD", member);
        const { reply } = await begun("SPOP", "key", "25000");
        await other.command(...words);
        const popped = (await reply) as string[];
        expect(new Set(popped).size).toBe(25_000);
        await Bun.sleep(5);
        const left = await other.command("SCARD", "key").catch(String);
        if (words[0] === "SET") expect(left).toContain("WRONGTYPE");
        else expect(left).toBe(0);
        if (words[0] === "SWAPDB") {
          await other.command("SELECT", "1");
          expect(await other.command("SCARD", "key")).toBe(BIG - 25_000);
        }
        while (keyspace().tick(true));
        expect(keyspace().tally.dyingObjects).toBe(0);
        expect(server.logged.filter((line) => line.includes("nexpected"))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "a client that leaves in the midst of it leaves a structure that was changed whole",
    async () => {
      await fill("ZADD", scored);
      const leaving = await RawSocket.connect(server.port);
      leaving.send(encodeCommand(["ZREMRANGEBYRANK", "key", "0", "14999"]));
      while (keyspace().changing === 0) await Bun.sleep(0);
      leaving.close();
      expect(await other.command("ZCARD", "key")).toBe(BIG - 15_000);
      expect([keyspace().changing, keyspace().dirty]).toEqual([0, BIG + 15_000]);
    },
    TIMEOUT_MS,
  );

  test(
    "RENAME comes after what is being removed",
    async () => {
      await fill("HSET", field);
      const { reply } = await begun("HDEL", "key", ...words(0, BIG, member));
      const renamed = other.command("RENAME", "key", "another").catch(String);
      expect(await reply).toBe(BIG);
      expect(await renamed).toContain("no such key");
      expect(await other.command("EXISTS", "key", "another")).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "who reads two that are being changed sees both of them whole",
    async () => {
      for (const key of ["a", "b"]) {
        for (let i = 0; i < BIG; i += 2000)
          await client.command("SADD", key, ...words(i, i + 2000, (n) => [`${key}${n}`]));
      }
      const third = await RespClient.connect(server.port);
      const first = client.command("SPOP", "a", "5000");
      while (keyspace().changing === 0) await Bun.sleep(0);
      const second = other.command("SPOP", "b", "29000");
      while (keyspace().changing < 2) await Bun.sleep(0);
      const before = server.stats.keyspaceHits;
      const union = (await third.command("SUNION", "a", "b")) as string[];
      third.close();
      const gone = [(await first) as string[], (await second) as string[]].map((popped) => popped.length);
      expect([gone, union.length, server.stats.keyspaceHits - before]).toEqual([[5000, 29_000], 2 * BIG - 34_000, 2]);
    },
    TIMEOUT_MS,
  );

  test(
    "what a client that has left began waits for who reads the structure",
    async () => {
      await fill("ZADD", scored);
      const { arena } = keyspace().database(0).ensureTop();
      const leaving = await RawSocket.connect(server.port);
      leaving.send(encodeCommand(["ZREMRANGEBYRANK", "key", "0", "14999"]));
      while (keyspace().changing === 0) await Bun.sleep(0);
      const [root] = [...arena.readers.keys()] as [number];
      // As a command does that held others before.
      arena.readers.set(root, 2);
      leaving.close();
      await Bun.sleep(20);
      const { dirty } = keyspace();
      await Bun.sleep(20);
      expect([keyspace().changing, keyspace().dirty]).toEqual([1, dirty]);
      arena.readers.set(root, 1);
      expect(await other.command("ZCARD", "key")).toBe(BIG - 15_000);
      expect([keyspace().changing, keyspace().dirty, arena.readers.size]).toEqual([0, BIG + 15_000, 0]);
    },
    TIMEOUT_MS,
  );

  test(
    "who waits for a list is served when all of it has been pushed",
    async () => {
      const popped = other.command("BLMPOP", "0", "1", "key", "RIGHT", "COUNT", "2000");
      while (keyspace().waits.count === 0) await Bun.sleep(1);
      const { reply } = await begun("RPUSH", "key", ...words(0, 150_000, element));
      expect(await reply).toBe(150_000);
      const [key, elements] = (await popped) as [string, string[]];
      expect([key, elements.length, elements[0]]).toEqual(["key", 2000, element(149_999)[0] as string]);
      expect(await client.command("LLEN", "key")).toBe(148_000);
    },
    TIMEOUT_MS,
  );
});
