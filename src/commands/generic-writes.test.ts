/**
 * The commands that write keys of any type beside redis-server: on keys of every type and encoding, in the layer, in the overlay and in
 * an overlay that is being saved, with and without expiry, expired and missing, across databases.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { sameGenericWrites } from "../../test/support/generic-writes.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as debug } from "./debug.ts";
import { rows as keys } from "./keys.ts";
import { rows as lists } from "./lists.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as waiting } from "./waiting.ts";
import { writes } from "./writes/index.ts";

const FAR_MS = 4_000_000_000_000;

const many = (count: number, make: (i: number) => Word[]) => Array.from({ length: count }, (_, i) => make(i)).flat();

/** How a key of each kind is made; "expired" and "missing" are made otherwise. */
const KINDS: Readonly<Record<string, (key: string) => Word[][]>> = {
  int: (key) => [["SET", key, 77]],
  text: (key) => [["SET", key, "Hello, World!"]],
  lzf: (key) => [["SET", key, "abcdefghij".repeat(500)]],
  list: (key) => [["RPUSH", key, "a", "1", "b"]],
  quicklist: (key) => [["RPUSH", key, ...many(400, (i) => [`element ${i} ${"x".repeat(60)}`])]],
  intset: (key) => [["SADD", key, 1, 2, 300000]],
  set: (key) => [["SADD", key, ...many(600, (i) => [`member ${i}`])]],
  listpack: (key) => [["HSET", key, "f", "v", "g", "12"]],
  hash: (key) => [["HSET", key, ...many(1200, (i) => [`field ${i}`, i])]],
  zset: (key) => [["ZADD", key, 1.5, "a", -2, "b"]],
  skiplist: (key) => [["ZADD", key, ...many(300, (i) => [i / 8, `member ${i}`])]],
  stream: (key) => [
    ...Array.from({ length: 150 }, (_, i) => ["XADD", key, `${i + 1}-1`, "field", i, ...(i % 7 ? [] : ["other", "x"])]),
    ["XGROUP", "CREATE", key, "group", "0"],
    ["XREADGROUP", "GROUP", "group", "alice", "COUNT", "5", "STREAMS", key, ">"],
  ],
  ttl: (key) => [["SET", key, "will expire", "PXAT", FAR_MS]],
  ttlHash: (key) => [
    ["HSET", key, ...many(1100, (i) => [`field ${i}`, i])],
    ["PEXPIREAT", key, FAR_MS],
  ],
};
const NAMES = [...Object.keys(KINDS), "expired", "missing"];
/** Above the layer all collections are copied in the same way. */
const NAMES_ABOVE = ["int", "lzf", "quicklist", "hash", "stream", "ttl", "expired", "missing"];

/** $k: the key; $o: a key of another type; $t: one with an expiry; $m: one that is missing. */
const COMMANDS = `
DEL $k
DEL $k $m $k $o
UNLINK $k $t
EXISTS $k $k $m
TOUCH $k $m $k
PERSIST $k
EXPIRE $k 100000000
EXPIRE $k 0
EXPIRE $k -1
EXPIRE $k 10x
EXPIRE $k 9223372036854775807
EXPIRE $k 9223372036854775
EXPIRE $k -9223372036854775808
EXPIRE $k 100000000 NX
EXPIRE $k 100000000 XX
EXPIRE $k 100000000 GT
EXPIRE $k 100000000 LT
EXPIRE $k 9000000000 GT
EXPIRE $k -5 LT
EXPIRE $k -5 GT
EXPIRE $k 100 NX XX
EXPIRE $k 100 NX GT
EXPIRE $k 100 LT NX
EXPIRE $k 100 GT LT
EXPIRE $k 100 XX GT
EXPIRE $k 100000000 xx lt
EXPIRE $k 100 FOO
EXPIRE $k x FOO
PEXPIRE $k 100000000000
PEXPIRE $k 9223372036854775807
PEXPIRE $k 9223372036854775000
PEXPIRE $k 1.5
EXPIREAT $k 4000000000
EXPIREAT $k 1
EXPIREAT $k 4000000001 GT
EXPIREAT $k 3999999999 GT
EXPIREAT $k 3999999999 LT
EXPIREAT $k 4000000000 LT
EXPIREAT $k 9223372036854775807
PEXPIREAT $k ${FAR_MS + 1}
PEXPIREAT $k -1
PEXPIREAT $k 0
PEXPIREAT $k ${FAR_MS} NX
PEXPIREAT $k ${FAR_MS} GT
PEXPIREAT $k -9223372036854775808
COPY $k $m
COPY $k $o
COPY $k $o REPLACE
COPY $k $t REPLACE
COPY $o $k REPLACE
COPY $t $k REPLACE
COPY $k $k
COPY $k $k REPLACE
COPY $k $m DB 9
COPY $k $k DB 9
COPY $k $k DB 0
COPY $k $m DB 16
COPY $k $m DB -1
COPY $k $m DB x
COPY $k $m DB 4294967296
COPY $k $m DB
COPY $k $m FOO
COPY $k $m DB 9 REPLACE DB 0
MOVE $k 9
MOVE $k 0
MOVE $k 16
MOVE $k x
MOVE $k 99999999999
RENAME $k $m
RENAME $k $o
RENAME $k $t
RENAME $t $k
RENAME $o $k
RENAME $k $k
RENAMENX $k $m
RENAMENX $k $o
RENAMENX $o $k
RENAMENX $k $k
`
  .trim()
  .split("\n");

/** The first database's keys of one command and one kind. */
function named(kind: string, i: number) {
  const k = `${kind}:${i}`;
  return { k, o: `${k}:other`, t: `${k}:ttl`, m: `${k}:missing` };
}

function words(command: string, names: ReturnType<typeof named>): string[] {
  return command.split(" ").map((word) => (word[0] === "$" ? names[word[1] as keyof typeof names] : word));
}

async function fill(redis: RedisServer): Promise<void> {
  const requests: Word[][] = [["DEBUG", "SET-ACTIVE-EXPIRE", "0"]];
  for (const kind of NAMES) {
    const make = KINDS[kind];
    if (make !== undefined) requests.push(...make(`master:${kind}`));
    for (let i = 0; i < COMMANDS.length; i++) {
      const { k, o, t } = named(kind, i);
      if (make !== undefined) requests.push(["COPY", `master:${kind}`, k]);
      else if (kind === "expired") requests.push(["SET", k, "gone", "PX", 1]);
      requests.push(["RPUSH", o, "x", "y"], ["SET", t, "will expire", "PXAT", FAR_MS]);
    }
  }
  requests.push(
    ["CONFIG", "RESETSTAT"],
    ["SET", "\0\xff\r\n", "binary"],
    ["SELECT", 9],
    ["SET", "int:46", "in the way"],
  );
  for (const reply of await redis.connection.sendAll([...requests, ["SELECT", 0]])) {
    if (reply.startsWith("-")) throw new Error(reply);
  }
  await Bun.sleep(5);
}

const FLAGS = ["--enable-debug-command", "yes", "--save", ""];

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;

  beforeAll(async () => {
    both = await Differential.start([...keys, ...object, ...strings, ...debug, ...waiting, ...writes], fill, FLAGS);
  }, 60_000);
  afterAll(async () => await both?.stop());

  for (const level of ["overlay", "frozen", "layer"] as const) {
    test(`every command on keys in the ${level}`, async () => {
      const { folio } = both;
      const prefix = level === "layer" ? "" : `${level}:`;
      if (prefix !== "") await copyAll(prefix);
      if (level === "frozen") folio.server.keyspace.freeze();
      for (const kind of prefix === "" ? NAMES : NAMES_ABOVE) {
        for (const [i, command] of COMMANDS.entries()) {
          const names = named(prefix + kind, i);
          await sameGenericWrites(both, [words(command, names)], { keys: Object.values(names) });
        }
      }
      if (level === "frozen") for (const step of folio.server.keyspace.thaw()) expect(step).toBeUndefined();
    }, 120_000);
  }

  /** Copies of all keys, which lie in the overlay then. Expired ones are made anew. */
  async function copyAll(prefix: string): Promise<void> {
    const copies: Word[][] = [];
    for (const kind of NAMES_ABOVE) {
      for (let i = 0; i < COMMANDS.length; i++) {
        const from = named(kind, i);
        const to = named(prefix + kind, i);
        for (const name of ["k", "o", "t"] as const) copies.push(["COPY", from[name], to[name]]);
        if (kind === "expired") copies.push(["SET", to.k, "gone", "PX", 1]);
      }
    }
    await sameGenericWrites(both, copies, { keys: [] });
    await Bun.sleep(5);
  }

  test("what is left is the same, by Redis's digest", async () => {
    const gone = COMMANDS.flatMap((_, i) =>
      ["", "overlay:", "frozen:"].map((prefix) => named(`${prefix}expired`, i).k),
    );
    for (const key of gone) both.folio.run("EXISTS", key);
    await both.redis.send("EXISTS", ...gone);
    await both.redis.send("HELLO", 2);
    expect(both.folio.run("DEBUG", "DIGEST")).toBe(await both.redis.send("DEBUG", "DIGEST"));
  }, 60_000);

  test("SWAPDB, FLUSHDB and FLUSHALL", async () => {
    const swaps = ["0 9", "9 9", "0 16", "-1 0", "x 0", "0 y", "16 x", "99999999999 0", "9 0", "0 9"];
    const tried = [
      ...swaps.map((pair) => ["SWAPDB", ...pair.split(" ")]),
      ["FLUSHDB", "FOO"],
      ["FLUSHALL", "SYNC", "SYNC"],
    ];
    for (const dbid of [0, 9])
      await sameGenericWrites(both, tried, { dbid, keys: ["master:int", "master:set", "int:46"] });
    await sameGenericWrites(both, [["FLUSHDB", "async"], ["FLUSHDB"], ["SET", "again", "1"], ["FLUSHDB", "SYNC"]], {
      dbid: 9,
      keys: ["master:int", "again"],
    });
    await sameGenericWrites(both, [["FLUSHALL", "ASYNC"], ["SET", "again", "1"], ["FLUSHALL"]], {
      keys: ["master:set", "again"],
    });
    await both.redis.send("HELLO", 2);
    expect(both.folio.run("DEBUG", "DIGEST")).toBe(await both.redis.send("DEBUG", "DIGEST"));
    expect(both.folio.run("DEBUG", "DIGEST")).toBe(`+${"0".repeat(40)}\r\n`);
  });

  test("WAIT", async () => {
    await sameGenericWrites(
      both,
      ["0 0", "-1 0", "1 5", "x 0", "0 x", "0 -1", "0 1.5"].map((line) => ["WAIT", ...line.split(" ")]),
      { keys: [] },
    );
  });
});

describe.skipIf(!redisInstalled)("SORT with STORE", () => {
  let both: Differential;

  beforeAll(async () => {
    const fillSort = async (redis: RedisServer) => {
      await redis.connection.sendAll([
        ["RPUSH", "numbers", 3, 10, 2, 1.5],
        ["RPUSH", "many", ...many(700, (i) => [`element ${(i * 7919) % 700} ${"y".repeat(i % 90)}`])],
        ["RPUSH", "long", "z".repeat(20_000), "a", "y".repeat(9000)],
        ["SADD", "set", "b", "c", "a", "10", "9"],
        ["ZADD", "zset", 3, "x", 1, "y", 2, "z"],
        ["MSET", "w_3", "30", "w_10", "1", "w_2", "x", "o_3", "three"],
        ["HSET", "hash", "f", "v"],
        ["SET", "target", "old"],
        ["CONFIG", "RESETSTAT"],
      ]);
    };
    both = await Differential.start([...keys, ...strings, ...lists, ...debug, ...writes], fillSort, FLAGS);
  });
  afterAll(async () => await both?.stop());

  test("stores what it would have answered", async () => {
    const lines = `numbers STORE target|numbers DESC STORE target|many ALPHA STORE target|many ALPHA DESC LIMIT 5 400 STORE target|
      long ALPHA STORE target|set STORE target|set BY nosort STORE target|set ALPHA BY nosort LIMIT 1 2 STORE target|
      zset BY nosort STORE target|zset BY nosort DESC STORE target|zset STORE target|missing STORE target|
      missing STORE absent|numbers GET o_* GET # STORE target|numbers BY w_* STORE target|numbers BY o_* ALPHA STORE target|
      hash STORE target|numbers LIMIT 9 9 STORE target|numbers STORE|numbers STORE target STORE other|numbers STORE numbers|
      numbers|numbers LIMIT 0 -1 DESC|many ALPHA LIMIT 0 3|numbers FOO|many STORE target`;
    const commands = lines.split("|").map((line) => ["SORT", ...line.trim().split(" ")]);
    for (const command of commands) {
      const reads = ["target", "other", "numbers"].flatMap((key) => [
        ["LLEN", key],
        ["LRANGE", key, 0, -1],
      ]);
      await sameGenericWrites(both, [command, ...reads], { keys: ["target", "numbers", "other", "absent"] });
    }
  }, 30_000);

  test("its nodes are as big as list-max-listpack-size says, and load in redis-server", async () => {
    const { folio } = both;
    folio.protocol = 2;
    folio.dbid = 0;
    for (const size of [-5, -2, -1, 1, 3, 128]) {
      folio.config.set("list-max-listpack-size", size);
      folio.run("SORT", "many", "ALPHA", "STORE", "sized");
      const reply = folio.run("DUMP", "sized");
      const payload = new Uint8Array(Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1"));
      await both.redis.connection.sendAll([
        ["SELECT", 0],
        ["HELLO", 2],
        ["DEL", "sized"],
      ]);
      expect(await both.redis.send("RESTORE", "sized", 0, payload)).toBe("+OK\r\n");
      expect(await both.redis.send("DEBUG", "DIGEST-VALUE", "sized")).toBe(folio.run("DEBUG", "DIGEST-VALUE", "sized"));
    }
  });
});
