/** maxmemory, the eviction clock and the expire cycle through sockets; beside redis-server where Redis defines the answer. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import type { RespClient, RespValue } from "../../test/support/resp-client.ts";

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.";

let directory: string;
let folio: ServerProcess;
let client: RespClient;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "folio-memory-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function start(args: readonly string[] = []): Promise<void> {
  folio = await spawnFolio(["--dir", directory, "--save", "", "--enable-debug-command", "yes", ...args]).ready();
  client = await folio.connect();
}

async function stop(): Promise<void> {
  client.close();
  await folio.stop("SIGKILL");
}

async function infoOf(from: RespClient, field: string): Promise<number> {
  const text = String(await from.command("INFO", "everything"));
  const value = new RegExp(`^${field}:([0-9.]+)`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`no ${field}`);
  return Number(value);
}

function info(field: string): Promise<number> {
  return infoOf(client, field);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 1000) throw new Error("waited for 10 s");
    await Bun.sleep(10);
  }
}

/** Sends SET for keys prefix:from … of 100 bytes, all at once; the replies that are errors. */
async function fill(prefix: string, from: number, count: number, ...options: string[]): Promise<RespValue[]> {
  const value = "v".repeat(100);
  const refused: RespValue[] = [];
  // In portions: what lies in a query buffer for a while counts as memory, and takes the room of keys.
  for (let first = 0; first < count; first += 100) {
    const words = Array.from({ length: Math.min(100, count - first) }, (_, i) => `${prefix}:${from + first + i}`);
    const replies = await client.pipeline(words.map((key) => ["SET", key, value, ...options]));
    refused.push(...replies.filter((reply) => reply !== "+OK"));
  }
  return refused;
}

describe.skipIf(!redisInstalled)("as redis-server answers", () => {
  let redis: ServerProcess;
  let theirs: RespClient;

  beforeEach(async () => {
    await start();
    redis = await spawnRedis(["--dir", directory, "--dbfilename", "redis.rdb"]).ready();
    theirs = await redis.connect();
  });
  afterEach(async () => {
    theirs.close();
    await redis.stop("SIGKILL");
    await stop();
  });

  /** Both answer the same to each line of words. */
  async function same(lines: string): Promise<void> {
    for (const line of lines.split("\n").map((text) => text.trim())) {
      if (line === "") continue;
      const words = line.split(" ");
      const reply = await client.command(...words);
      expect({ line, reply }).toEqual({ line, reply: await theirs.command(...words) });
    }
  }

  /** Both have the dumped value of `from` restored under `to`. */
  async function restore(from: string, to: string, ...options: string[]): Promise<void> {
    for (const server of [client, theirs]) {
      const { payload } = { payload: String(await theirs.command("DUMP", from)) };
      expect(await server.command("RESTORE", to, "0", payload, ...options)).toBe("+OK");
    }
  }

  test("OBJECT FREQ: what counts as a use, what keeps the counter", async () => {
    // Beyond the sixth use nothing is counted, and nothing decays.
    // Small integers are one object for all keys in redis-server: none here.
    await same(`
      CONFIG SET lfu-log-factor 1000000000
      CONFIG SET lfu-decay-time 0
      SET a 700001
      OBJECT FREQ a
      OBJECT IDLETIME a
      CONFIG SET maxmemory-policy allkeys-lfu
      SET b 700001
      OBJECT FREQ b
      EXISTS b b
      TYPE b
      TTL b
      PTTL b
      OBJECT ENCODING b
      OBJECT FREQ b
      GET b
      OBJECT FREQ b
      SET b 700002
      OBJECT FREQ b
      INCR b
      APPEND b 5
      OBJECT FREQ b
      SET c 700001
      SET c 700002
      OBJECT FREQ c
      SET d 700001
      STRLEN d
      OBJECT FREQ d
      SET e 700001
      EXPIRE e 1000
      OBJECT FREQ e
      SET f 700001
      TOUCH f
      OBJECT FREQ f
      OBJECT IDLETIME f
      SET g 700001
      INCR g
      OBJECT FREQ g`);
    await restore("a", "h", "FREQ", "200");
    await same(`
      OBJECT FREQ h
      SET h 700001
      OBJECT FREQ h
      SETRANGE h 3 x
      OBJECT FREQ h
      EXPIRE h 1000
      PERSIST h
      OBJECT FREQ h
      RENAME h i
      OBJECT FREQ i
      COPY i j
      OBJECT FREQ j
      COPY a i REPLACE
      OBJECT FREQ i
      OBJECT FREQ missing`);
    await restore("a", "k", "FREQ", "200");
    await restore("a", "k", "REPLACE");
    await restore("a", "l", "IDLETIME", "1000");
    await restore("a", "m", "FREQ", "255");
    await same(`
      OBJECT FREQ k
      OBJECT FREQ l
      OBJECT FREQ m
      MOVE m 3
      SELECT 3
      OBJECT FREQ m
      GETDEL m`);
  });

  test("OBJECT IDLETIME: what counts as a use", async () => {
    await same("SET a 1");
    const idle = async (key: string) => {
      const seconds = await Promise.all([client, theirs].map((server) => server.command("OBJECT", "IDLETIME", key)));
      // To within the seconds that the test takes.
      return seconds.map((value) => (Number(value) >= 1000 ? "idle" : Number(value) < 500 ? "used" : value));
    };
    const uses = [
      "GET",
      "STRLEN",
      "TOUCH",
      "PERSIST",
      "INCR",
      "GETRANGE 0 1",
      "DUMP",
      "SET 5",
      "EXPIRE 100",
      "SETBIT 3 1",
    ];
    const looks = ["EXISTS", "TYPE", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"];
    for (const line of [...uses, ...looks]) {
      const [name = "", ...rest] = line.split(" ");
      await restore("a", "key", "REPLACE", "IDLETIME", "1000");
      expect(await idle("key")).toEqual(["idle", "idle"]);
      for (const server of [client, theirs]) await server.command(name, "key", ...rest);
      const expected = looks.includes(line) ? "idle" : "used";
      expect({ line, idle: await idle("key") }).toEqual({ line, idle: [expected, expected] });
    }
    await restore("a", "key", "REPLACE", "IDLETIME", "1000");
    for (const server of [client, theirs]) await server.command("SCAN", "0", "MATCH", "key");
    for (const server of [client, theirs]) await server.command("OBJECT", "ENCODING", "key");
    expect(await idle("key")).toEqual(["idle", "idle"]);
    await same(`
      OBJECT FREQ key
      OBJECT IDLETIME missing`);
  });

  test("OOM, and what is served all the same", async () => {
    await same(`
      SET a 1
      SET b 2 EX 1000
      CONFIG SET maxmemory 1
      SET c 1
      SETNX c 1
      APPEND a 1
      INCR a
      GETSET a 1
      MSET a 1 b 2
      SETRANGE a 0 x
      SETBIT a 1 1
      COPY a c
      GET a
      EXPIRE a 100
      PERSIST a
      TTL a
      GETDEL a
      RENAME b d
      DEL d
      SET a
      SET a 1 BAD
      PFADD p 1
      BITOP AND x a b
      CONFIG SET maxmemory-policy volatile-lru
      SET c 1
      CONFIG SET maxmemory 0
      SET c 1
      GET c`);
    expect(await info("total_eviction_exceeded_time")).toBeGreaterThan(0);
    expect(await info("current_eviction_exceeded_time")).toBeGreaterThanOrEqual(0);
    expect(await info("evicted_keys")).toBe(await infoOf(theirs, "evicted_keys"));
    expect(String(await client.command("INFO", "errorstats"))).toContain("errorstat_OOM:count=");
  });
});

describe("maxmemory", () => {
  beforeEach(() => start());
  afterEach(stop);

  test("allkeys-lru: a stream of writes stays below the limit, and no write is refused", async () => {
    const limit = 4_000_000;
    await client.command("CONFIG", "SET", "maxmemory", `${limit}`, "maxmemory-policy", "allkeys-lru");
    for (let round = 0; round < 12; round++) {
      expect(await fill("key", round * 5000, 5000)).toEqual([]);
      // What is in flight: one command's bytes, connections' buffers.
      expect(await info("used_memory")).toBeLessThan(limit * 1.3);
    }
    const evicted = await info("evicted_keys");
    expect(evicted).toBeGreaterThan(20_000);
    expect(await client.command("DBSIZE")).toBe(60_000 - evicted);
    expect(await client.command("DBSIZE")).toBeGreaterThan(10_000);
    // The last ones written are there, nearly all: the clock of LRU counts seconds.
    const last = Array.from({ length: 100 }, (_, i) => `key:${59_900 + i}`);
    expect(await client.command("EXISTS", ...last)).toBeGreaterThan(80);
  });

  test("CONFIG SET of less than what is used evicts by itself, without a write", async () => {
    await fill("key", 0, 20_000);
    const before = await info("used_memory");
    await client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
    await client.command("CONFIG", "SET", "maxmemory", `${Math.floor(before / 2)}`);
    await until(async () => (await info("used_memory")) - (await info("mem_not_counted_for_evict")) <= before / 2);
    const left = Number(await client.command("DBSIZE"));
    expect(left).toBeGreaterThan(5000);
    expect(left + (await info("evicted_keys"))).toBe(20_000);
    expect(folio.output).toContain("is smaller than the current memory usage");
    // The table shrinks with its keys, so that a tenth of the memory holds a tenth of them.
    await client.command("CONFIG", "SET", "maxmemory", `${Math.floor(before / 10)}`);
    await until(async () => (await info("used_memory")) - (await info("mem_not_counted_for_evict")) <= before / 10);
    expect(await client.command("DBSIZE")).toBeGreaterThan(1400);
    await client.command("CONFIG", "SET", "maxmemory", "100");
    await until(async () => (await client.command("DBSIZE")) === 0);
    // The table has gone with its keys.
    expect((await info("used_memory")) - (await info("mem_not_counted_for_evict"))).toBeLessThan(100_000);
  });

  test("volatile-*: what has no expiry stays, then writes are refused", async () => {
    for (const policy of ["volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"]) {
      await client.command("FLUSHALL");
      await client.command("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", policy);
      await fill("lasting", 0, 3000);
      await fill("mortal", 0, 3000, "EX", "1000");
      const counted = (await info("used_memory")) - (await info("mem_not_counted_for_evict"));
      await client.command("CONFIG", "SET", "maxmemory", `${counted}`);
      const refused = await fill("more", 0, 6000);
      expect(refused.length).toBeGreaterThan(100);
      expect(new Set(refused)).toEqual(new Set([OOM]));
      expect(await client.command("EXISTS", ...Array.from({ length: 3000 }, (_, i) => `lasting:${i}`))).toBe(3000);
      expect(await client.command("EXISTS", ...Array.from({ length: 3000 }, (_, i) => `mortal:${i}`))).toBe(0);
    }
  });

  test("while a save runs allkeys-* refuses nothing, and what is saved is whole", async () => {
    await client.command("CONFIG", "SET", "rdb-key-save-delay", "100");
    await fill("key", 0, 10_000);
    const used = await info("used_memory");
    await client.command("CONFIG", "SET", "maxmemory", `${used}`, "maxmemory-policy", "allkeys-lru");
    expect(await client.command("BGSAVE")).toStartWith("+Background saving started");
    expect(await fill("new", 0, 10_000)).toEqual([]);
    expect(await info("rdb_bgsave_in_progress")).toBe(1);
    expect(await info("evicted_keys")).toBeGreaterThan(5000);
    const alive = Number(await client.command("DBSIZE"));
    await client.command("CONFIG", "SET", "rdb-key-save-delay", "0");
    await until(async () => (await info("rdb_bgsave_in_progress")) === 0);
    expect(String(await client.command("INFO", "persistence"))).toContain("rdb_last_bgsave_status:ok");
    // What the limit's timer still had to evict has gone meanwhile.
    const left = Number(await client.command("DBSIZE"));
    expect(left).toBeLessThanOrEqual(alive);
    expect(left).toBeGreaterThan(alive - 100);
  });

  test("no eviction and no expiry while clients are paused", async () => {
    const other = await folio.connect();
    await fill("key", 0, 2000, "PX", "200");
    await other.command("CLIENT", "PAUSE", "60000", "WRITE");
    await Bun.sleep(600);
    await other.command("CONFIG", "SET", "maxmemory", "100000", "maxmemory-policy", "allkeys-lru");
    await Bun.sleep(100);
    expect(await other.command("GET", "key:1")).toBeNull();
    expect(await other.command("DBSIZE")).toBe(2000);
    expect(await info("evicted_keys")).toBe(0);
    expect(await info("expired_keys")).toBe(0);
    await other.command("CONFIG", "SET", "maxmemory", "0");
    await other.command("CLIENT", "UNPAUSE");
    await until(async () => (await other.command("DBSIZE")) === 0);
    expect(await info("expired_keys")).toBe(2000);
    other.close();
  });

  test("the expire cycle: keys go unasked, unless DEBUG says otherwise; its figures; CONFIG RESETSTAT", async () => {
    await client.command("DEBUG", "SET-ACTIVE-EXPIRE", "0");
    await fill("key", 0, 5000, "PX", "50");
    await Bun.sleep(400);
    expect(await client.command("DBSIZE")).toBe(5000);
    // Nor does it while the cron rests.
    await client.command("DEBUG", "PAUSE-CRON", "1");
    await client.command("DEBUG", "SET-ACTIVE-EXPIRE", "1");
    await Bun.sleep(400);
    expect(await client.command("DBSIZE")).toBe(5000);
    await client.command("DEBUG", "PAUSE-CRON", "0");
    await until(async () => (await client.command("DBSIZE")) === 0);
    expect(await info("expired_keys")).toBe(5000);
    expect(await info("expired_stale_perc")).toBeGreaterThan(0);
    for (const field of ["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"]) {
      expect(await info(field)).toBeGreaterThanOrEqual(0);
    }
    await client.command("CONFIG", "RESETSTAT");
    for (const field of ["expired_keys", "evicted_keys", "total_eviction_exceeded_time"])
      expect(await info(field)).toBe(0);
  });

  test("CLIENT NO-TOUCH", async () => {
    await client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu");
    await client.command("SET", "key", "1");
    expect(await client.command("CLIENT", "NO-TOUCH", "ON")).toBe("+OK");
    await client.command("GET", "key");
    expect(await client.command("OBJECT", "FREQ", "key")).toBe(5);
    await client.command("TOUCH", "key");
    expect(await client.command("OBJECT", "FREQ", "key")).toBe(6);
  });

  test("figures: what is written is used, what is deleted is given back", async () => {
    await fill("key", 0, 20_000);
    const used = await info("used_memory");
    expect(await info("used_memory_dataset")).toBeGreaterThan(20_000 * 110);
    expect(used).toBe((await info("used_memory_dataset")) + (await info("used_memory_overhead")));
    expect(await info("overlay_keys")).toBe(20_000);
    expect(await info("allocator_active")).toBeGreaterThanOrEqual(await info("allocator_allocated"));
    expect(await info("anonymous_memory")).toBeGreaterThan(used);
    expect(await client.command("MEMORY", "USAGE", "key:1")).toBeGreaterThan(110);
    expect(await client.command("MEMORY", "USAGE", "key:1")).toBeLessThan(160);
    const stats = (await client.command("MEMORY", "STATS")) as RespValue[];
    expect(stats[stats.indexOf("keys.count") + 1]).toBe(20_000);
    await client.command("FLUSHALL");
    expect(await client.command("MEMORY", "PURGE")).toBe("+OK");
    await until(async () => (await info("overlay_resident_bytes")) === 0);
    expect(await info("used_memory")).toBeLessThan(used / 10);
    expect(await info("used_memory_peak")).toBeGreaterThanOrEqual(used);
  });
});

test("what FLUSHDB and FLUSHALL take away is not used any more when they answer", async () => {
  await start();
  try {
    for (const flush of [["FLUSHDB"], ["FLUSHDB", "SYNC"], ["FLUSHALL", "SYNC"], ["FLUSHALL", "ASYNC"]]) {
      await fill("key", 0, 5000);
      expect(await info("used_memory")).toBeGreaterThan(500_000);
      const [done, text] = await client.pipeline([flush, ["INFO", "memory"]]);
      expect(done).toBe("+OK");
      expect(Number(/^used_memory:(\d+)\r$/m.exec(String(text))?.[1])).toBeLessThan(20_000);
      expect(Number(/^used_memory_dataset:(\d+)\r$/m.exec(String(text))?.[1])).toBe(0);
    }
  } finally {
    await stop();
  }
}, 30_000);

test("deleted structures that are freed in slices are counted, small ones are not", async () => {
  await start();
  try {
    const members = Array.from({ length: 20_000 }, (_, i) => `member ${i}`);
    await client.command("SADD", "large", ...members);
    await client.command("SADD", "flushed", ...members);
    await client.command("SADD", "small", "a", "b");
    const [deleted, text] = await client.pipeline([
      ["UNLINK", "large", "small"],
      ["INFO", "memory"],
    ]);
    expect([deleted, /^lazyfree_pending_objects:(\d+)\r$/m.exec(String(text))?.[1]]).toEqual([2, "1"]);
    await until(async () => (await info("lazyfree_pending_objects")) === 0);
    expect(await info("lazyfreed_objects")).toBe(1);
    await client.pipeline([["UNLINK", "flushed"], ["FLUSHALL"]]);
    await until(async () => (await info("lazyfree_pending_objects")) === 0);
    expect(await info("lazyfreed_objects")).toBe(2);
    await client.command("CONFIG", "RESETSTAT");
    expect(await info("lazyfreed_objects")).toBe(0);
  } finally {
    await stop();
  }
}, 30_000);

test("keys of a snapshot: evicted only where nothing else is left, a few a command", async () => {
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < 1000; i++) writer.set(`key:${i}`, "v", Date.now() + 1e9);
  writeFileSync(join(directory, "dump.rdb"), writer.finish());
  await start();
  try {
    await client.command("SET", "lasting", "1");
    await client.command("SET", "mortal", "1", "EX", "1000");
    await client.command("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "volatile-random");
    await until(async () => (await client.command("EXISTS", "mortal")) === 0);
    expect(await client.command("DBSIZE")).toBe(1001);
    expect(await info("evicted_keys")).toBe(1);
    expect(await client.command("SET", "new", "1")).toBe(OOM);
    expect(await client.command("DBSIZE")).toBe(1001 - 16);
    expect(await client.command("DEL", "missing")).toBe(0);
    expect(await info("evicted_keys")).toBe(33);
    expect(await client.command("GET", "lasting")).toBe("1");
    expect(await client.command("DBSIZE")).toBe(1001 - 32);
  } finally {
    await stop();
  }
}, 30_000);
