import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential, unordered, unorderedPairs } from "../../test/support/differential.ts";
import { type RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import { rows as hashExpiry } from "./hash-expiry.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as lists } from "./lists.ts";
import { rows as setAlgebra } from "./set-algebra.ts";
import { rows as sets } from "./sets.ts";
import { rows as sort } from "./sort.ts";

const BIG = 2000;

function numbered(count: number, text: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => text(i));
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("SET", "string", "x");
  await redis.send("HSET", "hash-small", "name", "Ada", "born", "1815", "", "empty", "note", "y".repeat(60));
  await redis.send("HSET", "hash-long", "name", "z".repeat(5000), "int", "-77", "other", "w".repeat(70));
  await redis.send(
    "HSET",
    "hash-big",
    ...numbered(BIG * 2, (i) => (i % 2 === 0 ? `field:${i / 2}` : `${((i - 1) / 2) * 3}`)),
  );
  await redis.send("RPUSH", "list-small", "a", "b", "c", "1", "2", "b", "", "b", "300", "b");
  await redis.send("RPUSH", "list-big", ...numbered(BIG, (i) => (i % 3 === 0 ? `${i % 50}` : `element:${i % 70}`)));
  await redis.send("RPUSH", "list-long", ...numbered(20, (i) => `${i}`.repeat(3000)));
  await redis.send("SADD", "set-int", "1", "2", "3", "-5", "100000", "9223372036854775807");
  await redis.send("SADD", "set-small", "a", "b", "c", "3", "100000", "");
  await redis.send("SADD", "set-big", ...numbered(BIG, (i) => (i % 2 === 0 ? `${i}` : `member:${i}`)));
  await redis.send("SADD", "set-big2", ...numbered(BIG, (i) => (i % 2 === 0 ? `${i * 3}` : `member:${i * 3}`)));
  await redis.send("SADD", "set-ints-big", ...numbered(BIG, (i) => `${i * 5 - 1000}`));
  await redis.send("ZADD", "zset", "3", "1", "1", "2", "2", "3", "-1", "10");
  await redis.send(
    "ZADD",
    "zset-big",
    ...numbered(BIG * 2, (i) => (i % 2 === 0 ? `${((i / 2) * 37) % BIG}` : `${(i - 1) / 2}`)),
  );
  for (let i = -5; i < 20; i++) {
    await redis.send("SET", `weight_${i}`, `${(i * 7) % 11}`);
    await redis.send("SET", `text_${i}`, `t${(i * 13) % 17}`);
    await redis.send("HSET", `object_${i}`, "price", `${(i * 5) % 13}.5`, "name", `n${i}`, "long", "q".repeat(100));
  }
  await redis.send("RPUSH", "list-sort", "3", "10", "-4", "2", "10", "0", "7");
  await redis.send("RPUSH", "list-floats", "1.5", "-2e3", "0x10", "1e2", "inf", "-inf", " 3", "");
  await redis.send("RPUSH", "list-names", "pear", "apple", "fig", "Apple", "figs");
}

describe.skipIf(!redisInstalled)("collections as redis-server answers them", () => {
  let both: Differential;
  beforeAll(async () => {
    const rows = [...hashes, ...hashRandom, ...hashExpiry, ...lists, ...sets, ...setAlgebra, ...sort];
    both = await Differential.start(rows, fill);
  });
  afterAll(() => both.stop());

  const hashKeys = ["hash-small", "hash-long", "hash-big", "missing", "string"];
  const setKeys = ["set-int", "set-small", "set-big", "set-big2", "set-ints-big", "missing", "string"];

  test("hashes", async () => {
    const fields = ["name", "born", "", "int", "field:0", "field:1999", "field:2000", "nothing"];
    for (const key of hashKeys) {
      for (const field of fields) {
        for (const command of ["HGET", "HSTRLEN", "HEXISTS"]) await both.same([command, key, field]);
      }
      await both.same(["HLEN", key]);
      await both.same(["HMGET", key, ...fields]);
      // Walked, then indexed, then by the index.
      for (let times = 0; times < 3; times++) {
        await both.same(["HMGET", key, ...numbered(100, (i) => `field:${i * 30}`), "name", "field:0"]);
      }
      await both.same(["HGETALL", key], unorderedPairs);
      await both.same(["HKEYS", key], unordered);
      await both.same(["HVALS", key], unordered);
    }
    await both.sameLines(`
      HGET hash-small
      HMGET hash-small
      HGETALL
      HSTRLEN hash-small name name`);
  });

  test("HRANDFIELD", async () => {
    for (const key of hashKeys) {
      for (const count of ["0", "2000", "9999"]) {
        await both.same(["HRANDFIELD", key, count], unordered);
        await both.same(["HRANDFIELD", key, count, "WITHVALUES"], count === "0" ? undefined : pairsOf);
      }
    }
    await both.sameLines(`
      HRANDFIELD missing
      HRANDFIELD string
      HRANDFIELD missing -3
      HRANDFIELD hash-small x
      HRANDFIELD hash-small 1 VALUES
      HRANDFIELD hash-small 1 WITHVALUES more
      HRANDFIELD hash-small 9223372036854775807 WITHVALUES
      HRANDFIELD hash-small -9223372036854775807 WITHVALUES`);
    both.folio.protocol = 2;
    const one = both.folio.run("HRANDFIELD", "hash-small");
    expect(["$4\r\nname\r\n", "$4\r\nborn\r\n", "$0\r\n\r\n", "$4\r\nnote\r\n"]).toContain(one);
    for (const key of ["hash-small", "hash-big"]) {
      const distinct = words(both.folio.run("HRANDFIELD", key, 3));
      expect(new Set(distinct).size).toBe(3);
      const drawn = words(both.folio.run("HRANDFIELD", key, -500, "WITHVALUES"));
      expect(drawn.length).toBe(1000);
      for (let i = 0; i < drawn.length; i += 2) {
        expect(both.folio.run("HGET", key, drawn[i]!)).toBe(`$${drawn[i + 1]!.length}\r\n${drawn[i + 1]}\r\n`);
      }
    }
  });

  /** RESP3 has pairs as arrays of two, RESP2 one after the other. */
  function pairsOf(reply: string): string[] {
    return both.folio.protocol === 3 ? unordered(reply) : unorderedPairs(reply);
  }

  function words(reply: string): string[] {
    return [...reply.matchAll(/\$\d+\r\n(.*)\r\n/g)].map((match) => match[1] as string);
  }

  test("expiry of fields, where there is none", () => {
    both.folio.protocol = 2;
    for (const command of ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"]) {
      const run = (...rest: string[]) => both.folio.run(command, ...rest);
      expect(run("hash-small", "FIELDS", "2", "name", "none")).toBe("*2\r\n:-1\r\n:-2\r\n");
      expect(run("missing", "FIELDS", "1", "name")).toBe("*1\r\n:-2\r\n");
      expect(run("string", "FIELDS", "1", "name")).toStartWith("-WRONGTYPE");
      expect(run("hash-small", "FIELDS", "2", "name")).toBe(
        "-ERR The `numfields` parameter must match the number of arguments\r\n",
      );
      expect(run("hash-small", "FIELDS", "0", "name")).toBe("-ERR Number of fields must be a positive integer\r\n");
      expect(run("hash-small", "FIELD", "1", "name")).toStartWith("-ERR Mandatory argument FIELDS is missing");
    }
  });

  test("lists", async () => {
    for (const key of ["list-small", "list-big", "list-long", "missing", "string"]) {
      await both.same(["LLEN", key]);
      const ends = [0, 1, 5, 9, 10, 19, 700, 1999, 2000, -1, -2, -10, -1999, -2001, "9223372036854775807"];
      await both.sameAll(ends.map((index) => ["LINDEX", key, index]));
      await both.sameAll(ends.flatMap((start) => ends.map((end) => ["LRANGE", key, start, end])));
    }
    await both.sameLines(`
      LINDEX list-small x
      LINDEX missing x
      LINDEX list-small 9223372036854775808
      LRANGE list-small x 1
      LRANGE list-small 1 x
      LRANGE missing 1 x
      LRANGE list-small 1`);
  });

  test("LPOS", async () => {
    const commands: string[][] = [];
    for (const element of ["b", "a", "1", "300", "element:7", "3", "", "nothing"]) {
      for (const key of ["list-small", "list-big", "missing"]) {
        for (const rank of ["", "RANK 1", "RANK 2", "RANK 3", "RANK -1", "RANK -2", "RANK 100"]) {
          for (const count of ["", "COUNT 0", "COUNT 1", "COUNT 2", "COUNT 100"]) {
            for (const most of ["", "MAXLEN 0", "MAXLEN 3", "MAXLEN 1000"]) {
              const options = [rank, count, most].join(" ").split(" ");
              commands.push(["LPOS", key, element, ...options.filter((word) => word !== "")]);
            }
          }
        }
      }
    }
    await both.sameAll(commands);
    await both.sameLines(`
      LPOS string a
      LPOS list-small
      LPOS list-small a RANK 0
      LPOS list-small a RANK x
      LPOS list-small a RANK
      LPOS list-small a COUNT -1
      LPOS list-small a COUNT x
      LPOS list-small a MAXLEN -1
      LPOS list-small a MAXLEN 99999999999999999999
      LPOS list-small a WHAT 1`);
  });

  test("sets", async () => {
    const members = ["1", "a", "", "member:1", "100000", "-5", "9223372036854775807", "nothing", "01", "1999"];
    for (const key of setKeys) {
      await both.same(["SCARD", key]);
      await both.same(["SMEMBERS", key], unordered);
      for (const member of members) await both.same(["SISMEMBER", key, member]);
      await both.same(["SMISMEMBER", key, ...members]);
      await both.same(["SMISMEMBER", key, ...numbered(60, (i) => `${i * 2}`), ...members]);
    }
    await both.sameLines(`
      SISMEMBER set-int
      SMISMEMBER set-int
      SMEMBERS`);
  });

  test("SRANDMEMBER", async () => {
    for (const key of setKeys) {
      for (const count of ["0", "2000", "99999"]) await both.same(["SRANDMEMBER", key, count], unordered);
    }
    await both.sameLines(`
      SRANDMEMBER missing
      SRANDMEMBER missing 3
      SRANDMEMBER missing -3
      SRANDMEMBER string
      SRANDMEMBER set-int x
      SRANDMEMBER set-int 1 2`);
    both.folio.protocol = 2;
    for (const key of ["set-int", "set-small", "set-big"]) {
      const distinct = words(both.folio.run("SRANDMEMBER", key, 5));
      expect(new Set(distinct).size).toBe(5);
      const drawn = words(both.folio.run("SRANDMEMBER", key, -300));
      expect(drawn.length).toBe(300);
      for (const member of [...distinct, ...drawn]) expect(both.folio.run("SISMEMBER", key, member)).toBe(":1\r\n");
      expect(both.folio.run("SRANDMEMBER", key)).toStartWith("$");
    }
  });

  test("set algebra", async () => {
    for (const command of ["SINTER", "SUNION", "SDIFF"]) {
      for (const a of setKeys) {
        await both.same([command, a], unordered);
        for (const b of setKeys) await both.same([command, a, b], unordered);
      }
      await both.same([command, "set-big", "set-big2", "set-ints-big"], unordered);
      await both.same([command, "set-ints-big", "set-big", "missing", "set-int"], unordered);
      await both.same([command, "set-big", "set-big", "set-big"], unordered);
      await both.same([command]);
    }
    for (const limit of ["", "LIMIT 0", "LIMIT 1", "LIMIT 100", "LIMIT 5000"]) {
      const options = limit === "" ? [] : limit.split(" ");
      await both.same(["SINTERCARD", 2, "set-big", "set-big2", ...options]);
      await both.same(["SINTERCARD", 3, "set-big", "set-big2", "set-ints-big", ...options]);
      await both.same(["SINTERCARD", 1, "set-small", ...options]);
      await both.same(["SINTERCARD", 2, "set-small", "missing", ...options]);
    }
    await both.sameLines(`
      SINTERCARD 0 set-int
      SINTERCARD -1 set-int
      SINTERCARD x set-int
      SINTERCARD 3 set-int set-big
      SINTERCARD 1 set-int set-big
      SINTERCARD 1 set-int LIMIT
      SINTERCARD 1 set-int LIMIT -1
      SINTERCARD 1 set-int LIMIT x
      SINTERCARD 1 string
      SINTERCARD 2 missing string`);
  });

  test("SORT_RO", async () => {
    const options = [
      "",
      "DESC",
      "ALPHA",
      "ALPHA DESC",
      "LIMIT 0 3",
      "LIMIT 1 2 DESC",
      "LIMIT 5 100",
      "LIMIT 100 5",
      "LIMIT -1 2",
      "LIMIT 0 -1",
      "LIMIT 2 0",
      "BY nosort",
      "BY nosort DESC",
      "BY nosort LIMIT 1 3",
      "BY nosort DESC LIMIT 1 3",
      "BY weight_*",
      "BY weight_* DESC",
      "BY object_*->price",
      "BY object_*->price DESC LIMIT 1 4",
      "BY object_*->none",
      "BY text_* ALPHA GET # GET text_*",
      "GET #",
      "GET # GET weight_* GET object_*->name GET object_*->long",
      "GET weight_*->x GET nothing GET object_*",
      "GET object_*->",
      "BY # ALPHA",
    ];
    for (const key of [
      "list-sort",
      "set-int",
      "zset",
      "missing",
      "string",
      "hash-small",
      "list-floats",
      "list-names",
    ]) {
      for (const option of options) {
        const isFree = key === "set-int" && option.startsWith("BY nosort");
        const words = ["SORT_RO", key, ...option.split(" ").filter((word) => word !== "")];
        await both.same(words, isFree && !option.includes("LIMIT") ? unordered : undefined);
      }
    }
    for (const key of ["list-big", "set-big"]) {
      await both.same(["SORT_RO", key, "ALPHA"]);
      await both.same(["SORT_RO", key]);
    }
    await both.sameLines(`
      SORT_RO zset-big
      SORT_RO zset-big DESC LIMIT 10 20
      SORT_RO zset-big BY nosort
      SORT_RO zset-big BY nosort DESC LIMIT 5 5
      SORT_RO list-sort STORE x
      SORT_RO list-sort LIMIT 1
      SORT_RO list-sort LIMIT x 1
      SORT_RO list-sort LIMIT 1 x
      SORT_RO list-sort BY
      SORT_RO list-sort GET
      SORT_RO list-sort WHAT
      SORT_RO`);
  });
});
