/** The clients that applications use, against a Folio that serves examples/dump.rdb: ioredis, node-redis, redis-cli. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { REPOSITORY, type ServerProcess, spawnFolio } from "../support/processes.ts";
import { scoreValue } from "../support/snapshot.ts";

const folder = mkdtempSync(join(tmpdir(), "folio-clients-"));
let server: ServerProcess;

beforeAll(async () => {
  const dump = join(folder, "dump.rdb");
  copyFileSync(join(REPOSITORY, "examples/dump.rdb"), dump);
  server = await spawnFolio([dump]).ready();
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("ioredis", () => {
  test("connects, reads every key by its type, and gets a clear error for a command that is not there yet", async () => {
    const client = new Redis({ host: "127.0.0.1", port: server.port, maxRetriesPerRequest: 0 });
    try {
      const keys: string[] = [];
      for await (const page of client.scanStream({ count: 7 })) keys.push(...(page as string[]));
      expect(new Set(keys).size).toBe(await client.dbsize());
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.type(key);
      const types = (await pipeline.exec())!.map(([error, type]) => (error ? String(error) : String(type)));
      expect(new Set(types)).toEqual(new Set(["string", "list", "set", "zset", "hash", "stream"]));
      await expect(client.publish("channel", "message")).rejects.toThrow("unknown command 'publish'");
    } finally {
      client.disconnect();
    }
  });

  test("what an application writes: collections, a queue that a worker waits for, a leaderboard, a stream with a group", async () => {
    const options = { host: "127.0.0.1", port: server.port, maxRetriesPerRequest: 0, db: 12 };
    const client = new Redis(options);
    const worker = new Redis(options);
    try {
      const waiting = worker.blpop("jobs", 10);
      expect(await client.rpush("jobs", "first", "second")).toBeGreaterThan(0);
      expect(await waiting).toEqual(["jobs", "first"]);
      expect(await client.lrange("jobs", 0, -1)).toEqual(["second"]);
      expect(await client.hset("user:1", { name: "Ada", born: "1815" })).toBe(2);
      expect(await client.hincrby("user:1", "born", 1)).toBe(1816);
      expect(await client.hgetall("user:1")).toEqual({ name: "Ada", born: "1816" });
      expect(await client.sadd("tags", "a", "b", "a")).toBe(2);
      expect(await client.sinterstore("both", "tags", "tags")).toBe(2);
      expect(await client.zadd("board", 10, "x", 30, "y", 20, "z")).toBe(3);
      expect(await client.zrevrange("board", 0, 1, "WITHSCORES")).toEqual(["y", "30", "z", "20"]);
      expect(await client.zpopmin("board")).toEqual(["x", "10"]);
      const id = (await client.xadd("events", "*", "kind", "login")) as string;
      expect(await client.xgroup("CREATE", "events", "readers", "0")).toBe("OK");
      const read = await client.xreadgroup("GROUP", "readers", "one", "COUNT", 10, "STREAMS", "events", ">");
      expect(read).toEqual([["events", [[id, ["kind", "login"]]]]]);
      expect(await client.xack("events", "readers", id)).toBe(1);
      expect(await client.geoadd("places", 13.361389, 38.115556, "Palermo")).toBe(1);
      expect(await client.geoadd("places", 15.087269, 37.502669, "Catania")).toBe(1);
      expect(Number(await client.geodist("places", "Palermo", "Catania", "KM"))).toBeCloseTo(166.2742, 3);
      expect(await client.save()).toBe("OK");
      expect(await client.zscore("board", "y")).toBe("30");
      expect(await client.lpop("jobs")).toBe("second");
      expect(await client.exists("jobs")).toBe(0);
    } finally {
      client.disconnect();
      worker.disconnect();
    }
  });

  test("what an application writes: strings, counters, expiry, locks, pipelines, bytes; there after a save", async () => {
    const client = new Redis({ host: "127.0.0.1", port: server.port, maxRetriesPerRequest: 0, db: 11 });
    try {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      expect(await client.set("session", bytes, "EX", 100)).toBe("OK");
      expect(await client.set("lock", "me", "PX", 5000, "NX")).toBe("OK");
      expect(await client.set("lock", "you", "PX", 5000, "NX")).toBeNull();
      expect(await client.mset({ one: "1", two: "2" })).toBe("OK");
      const results = await client
        .pipeline()
        .incr("hits")
        .incrby("hits", 41)
        .append("one", "x")
        .expire("two", 50)
        .exec();
      expect(results).toEqual([
        [null, 1],
        [null, 42],
        [null, 2],
        [null, 1],
      ]);
      await client.save();
      expect(await client.getBuffer("session")).toEqual(bytes);
      expect(await client.ttl("session")).toBeGreaterThan(90);
      expect(await client.mget("one", "two", "hits", "none")).toEqual(["1x", "2", "42", null]);
      expect(await client.del("lock", "one", "none")).toBe(2);
      expect(await client.rename("hits", "visits")).toBe("OK");
      await expect(client.incr("session")).rejects.toThrow("not an integer");
      expect((await client.keys("*")).sort()).toEqual(["session", "two", "visits"]);
      expect(await client.flushdb()).toBe("OK");
    } finally {
      client.disconnect();
    }
  });
});

describe("node-redis", () => {
  for (const RESP of [2, 3] as const) {
    test(`RESP${RESP}: the same answers as ioredis`, async () => {
      const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP });
      const other = new Redis({ host: "127.0.0.1", port: server.port });
      await client.connect();
      try {
        let seen = 0;
        for await (const keys of client.scanIterator({ COUNT: 5 })) {
          for (const key of keys) {
            seen++;
            const type = await client.type(key);
            if (type === "string") expect(await client.get(key)).toBe(await other.get(key));
            if (type === "hash") expect({ ...(await client.hGetAll(key)) }).toEqual(await other.hgetall(key));
            if (type === "list") expect(await client.lRange(key, 0, -1)).toEqual(await other.lrange(key, 0, -1));
            if (type === "set") expect(await client.sCard(key)).toBe(await other.scard(key));
            if (type === "zset") {
              const scored = await client.zRangeWithScores(key, 0, -1);
              const flat = await other.zrange(key, "0", "-1", "WITHSCORES");
              expect(scored.map((it): (string | number)[] => [it.value, scoreValue(String(it.score))])).toEqual(
                Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, scoreValue(flat[2 * i + 1]!)]),
              );
            }
            if (type === "stream") expect(await client.xLen(key)).toBe(await other.xlen(key));
          }
        }
        expect(seen).toBe(await other.dbsize());
      } finally {
        client.destroy();
        other.disconnect();
      }
    });
  }
});

const REDIS_CLI = Bun.which("redis-cli");
if (!REDIS_CLI) console.log("skipped: no redis-cli on this machine");
describe.skipIf(!REDIS_CLI)("redis-cli", () => {
  const run = (...args: string[]) =>
    Bun.spawnSync([REDIS_CLI!, "-p", `${server.port}`, ...args])
      .stdout.toString()
      .trim();

  test("PING, INFO, --scan and --bigkeys", () => {
    expect(run("PING")).toBe("PONG");
    expect(run("INFO", "server")).toContain("redis_version:");
    expect(run("--scan").split("\n").length).toBe(Number(run("DBSIZE")));
    expect(run("--bigkeys")).toContain("Biggest string found");
  });

  test("--rdb is refused with a clear word, not a hang", () => {
    const refused = Bun.spawnSync([REDIS_CLI!, "-p", `${server.port}`, "--rdb", join(folder, "copy.rdb")], {
      timeout: 10_000,
    });
    expect(refused.exitCode).toBe(1);
  });
});
