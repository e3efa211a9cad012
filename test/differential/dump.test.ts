/**
 * The same dump in a real redis-server and in Folio: every key of every database compared through the wire, and every
 * DUMP payload of Folio restored into the real server. Data is random by a seed (FOLIO_SEED replays it), of every type
 * and encoding, small and large, with and without TTL.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REDIS_SERVER, type ServerProcess, spawnFolio, spawnRedis } from "../support/processes.ts";
import type { RespClient } from "../support/resp-client.ts";
import { readSnapshot } from "../support/snapshot.ts";

if (!REDIS_SERVER) console.log("skipped: no redis-server on this machine to compare with");

/** mulberry32: the seed's random stream. */
function randomStream(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomStream>;

/** A value that exercises an encoding: small and large integers, short and long bytes, compressible and not. */
function randomValue(random: Random): string {
  const bytes = (count: number) => String.fromCharCode(...Array.from({ length: count }, () => random(256)));
  switch (random(8)) {
    case 0:
      return `${random(256) - 128}`;
    case 1:
      return `${random(2 ** 31) * (random(2) === 0 ? 1 : -1)}`;
    case 2:
      return `${BigInt(random(2 ** 31)) * 4294967291n}`;
    case 3:
      return "";
    case 4:
      return bytes(random(60) + 1);
    case 5:
      return "compressible ".repeat(random(40) + 2);
    case 6:
      return bytes(random(900) + 60);
    default:
      return `item:${random(1_000_000)}`;
  }
}

function randomKey(random: Random, name: string, i: number): string[][] {
  const key = `${name}:${i}`;
  const size = [1, 3, 20, 130, 700][random(5)]!;
  const many = (make: () => string[]) => Array.from({ length: size }, make).flat();
  switch (name) {
    case "string":
      return [["SET", key, randomValue(random)]];
    case "list":
      return [["RPUSH", key, ...many(() => [randomValue(random)])]];
    case "set":
      return [["SADD", key, ...many(() => [random(3) === 0 ? randomValue(random) : `${random(10_000)}`])]];
    case "intset":
      return [["SADD", key, ...many(() => [`${random(2) === 0 ? random(60_000) - 30_000 : random(2 ** 31)}`])]];
    case "hash":
      return [["HSET", key, ...many(() => [`f${random(5000)}`, randomValue(random)])]];
    case "zset":
      return [["ZADD", key, ...many(() => [`${(random(2000) - 1000) / 8}`, randomValue(random)])]];
    default:
      return randomStreamKey(random, key, size);
  }
}

function randomStreamKey(random: Random, key: string, size: number): string[][] {
  const commands: string[][] = [];
  for (let i = 1; i <= size; i++) {
    const fields = random(3) === 0 ? [`f${random(9)}`, randomValue(random)] : ["a", randomValue(random), "b", `${i}`];
    commands.push(["XADD", key, `${1000 + (i >> 2)}-${i}`, ...fields]);
  }
  commands.push(["XDEL", key, `${1000 + (size >> 3)}-${size >> 1}`]);
  commands.push(["XGROUP", "CREATE", key, "g1", "0"], ["XGROUP", "CREATE", key, "g2", "$"]);
  commands.push(["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "5", "STREAMS", key, ">"]);
  commands.push(["XREADGROUP", "GROUP", "g1", "bob", "COUNT", "2", "STREAMS", key, ">"]);
  return commands;
}

async function fill(client: RespClient, random: Random): Promise<void> {
  for (const db of [0, 3, 15]) {
    const commands: string[][] = [["SELECT", `${db}`]];
    for (const name of ["string", "list", "set", "intset", "hash", "zset", "stream"]) {
      for (let i = 0; i < 24; i++) {
        commands.push(...randomKey(random, name, i));
        if (random(4) === 0) commands.push(["PEXPIREAT", `${name}:${i}`, `${4_102_444_800_000 + random(1_000_000)}`]);
      }
    }
    commands.push(["SET", "gone", "x", "PX", "1"], ["SET", "\x00binary\r\n\xff", "\x00\xff"], ["SET", "", "empty key"]);
    for (const reply of await client.pipeline(commands)) {
      if (typeof reply === "string" && reply.startsWith("-")) throw new Error(reply);
    }
  }
}

describe.skipIf(!REDIS_SERVER)("one dump, two servers", () => {
  const seed = Number(process.env["FOLIO_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const folder = mkdtempSync(join(tmpdir(), "folio-differential-"));
  let redisProcess: ServerProcess;
  let folioProcess: ServerProcess;
  let redis: RespClient;
  let folio: RespClient;

  beforeAll(async () => {
    console.log(`seed ${seed} (FOLIO_SEED=${seed} replays)`);
    redisProcess = await spawnRedis(["--dir", folder, "--dbfilename", "dump.rdb"]).ready();
    redis = await redisProcess.connect();
    await fill(redis, randomStream(seed));
    expect(await redis.command("SAVE")).toBe("+OK");
    folioProcess = await spawnFolio([join(folder, "dump.rdb")]).ready();
    folio = await folioProcess.connect();
  }, 60_000);

  afterAll(async () => {
    redis?.close();
    folio?.close();
    await folioProcess?.stop();
    await redisProcess?.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test("every key of every database is the same", async () => {
    const served = await readSnapshot(folio);
    const expected = await readSnapshot(redis);
    expect(served.length).toBe(expected.length);
    for (let i = 0; i < expected.length; i++) expect(served[i]).toEqual(expected[i]!);
  }, 60_000);

  test("DBSIZE and INFO keyspace agree", async () => {
    for (const db of [0, 1, 3, 15]) {
      await redis.command("SELECT", `${db}`);
      await folio.command("SELECT", `${db}`);
      expect(await folio.command("DBSIZE")).toEqual(await redis.command("DBSIZE"));
    }
    const keyspace = async (client: RespClient) =>
      String(await client.command("INFO", "keyspace"))
        .replace(/avg_ttl=\d+/g, "avg_ttl")
        .trim();
    expect(await keyspace(folio)).toBe(await keyspace(redis));
  });

  test("every DUMP payload restores into a real server as the same value", async () => {
    const target = await spawnRedis(["--dir", folder, "--dbfilename", "restored.rdb"]).ready();
    const restored = await target.connect();
    try {
      for (const db of [0, 3, 15]) {
        for (const client of [folio, restored]) await client.command("SELECT", `${db}`);
        for (const key of (await folio.command("KEYS", "*")) as string[]) {
          const payload = (await folio.command("DUMP", key)) as string;
          const ttl = String(Math.max(0, (await folio.command("PEXPIRETIME", key)) as number));
          expect(await restored.command("RESTORE", key, ttl, payload, "ABSTTL")).toBe("+OK");
        }
      }
      expect(await readSnapshot(restored)).toEqual(await readSnapshot(redis));
    } finally {
      restored.close();
      await target.stop("SIGKILL");
    }
  }, 60_000);

  test("OBJECT ENCODING is the real server's, save for what Redis 7.2 changed", async () => {
    for (const client of [folio, redis]) await client.command("SELECT", "0");
    for (const key of (await redis.command("KEYS", "*")) as string[]) {
      const expected = await redis.command("OBJECT", "ENCODING", key);
      const served = await folio.command("OBJECT", "ENCODING", key);
      // 7.2 keeps short lists and small sets of strings in one listpack; 7.0 did not.
      const since72 = served === "listpack" && (expected === "quicklist" || expected === "hashtable");
      if (!since72) expect(`${key} ${String(served)}`).toBe(`${key} ${String(expected)}`);
    }
  });
});
