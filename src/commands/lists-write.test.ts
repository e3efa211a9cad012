/**
 * The commands that write lists beside redis-server: option by option on keys of every form, and on a running server large lists, saves,
 * reloads and restarts. Encodings are as Redis 7.2's, where 7.0 says quicklist of every list.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { commandsOn, type KeyForms, keyOf, otherKeyOf } from "../../test/support/key-forms.ts";
import { LivePair } from "../../test/support/live-pair.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as keys } from "./keys.ts";
import { rows as lists } from "./lists.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/lists.ts";

const QUESTIONS = ["TYPE", "PEXPIRETIME", "LLEN", "LRANGE $ 0 -1"];
const FAR_MS = 4_000_000_000_000;
const many = (count: number, bytes: number): Word[] =>
  Array.from({ length: count }, (_, i) => `element ${i} ${"x".repeat(bytes)}`);

/** How a key of each form is made. */
const FORMS: KeyForms = {
  missing: () => [],
  one: (key) => [["RPUSH", key, "a"]],
  listpack: (key) => [["RPUSH", key, "a", "1", "b", "-70000", "a", "", "9223372036854775807", "c"]],
  nodes: (key) => [["RPUSH", key, "a", ...many(300, 70), "b", "a"]],
  numbers: (key) => [["RPUSH", key, ...Array.from({ length: 4000 }, (_, i) => i % 1000)]],
  long: (key) => [["RPUSH", key, "a", "b".repeat(10_000), "c"]],
  ttl: (key) => [
    ["RPUSH", key, "a", "b"],
    ["PEXPIREAT", key, FAR_MS],
  ],
  string: (key) => [["SET", key, "a string"]],
};

/** $k: the key; $d: another one. */
const COMMANDS = `
LPUSH $k x
RPUSH $k x 12 -1 x
LPUSHX $k x y
RPUSHX $k x y
LPUSH $k
LPOP $k
RPOP $k
LPOP $k 0
LPOP $k 1
RPOP $k 3
LPOP $k 5000
RPOP $k 250
LPOP $k -1
LPOP $k x
LPOP $k 1 2
LINSERT $k BEFORE a new
LINSERT $k after a new
LINSERT $k AFTER b 17
LINSERT $k BEFORE nothing new
LINSERT $k IN a new
LINSERT $k BEFORE 1 new
LSET $k 0 new
LSET $k -1 77
LSET $k 1 ${"y".repeat(9000)}
LSET $k 9999 new
LSET $k -9999 new
LSET $k x new
LREM $k 0 a
LREM $k 1 a
LREM $k -1 a
LREM $k -5 a
LREM $k 0 1
LREM $k 0 nothing
LREM $k x a
LREM $k 9223372036854775808 a
LTRIM $k 0 0
LTRIM $k 1 -2
LTRIM $k 5 1
LTRIM $k -3 -1
LTRIM $k 0 -1
LTRIM $k 100 200
LTRIM $k x 1
LTRIM $k 0 y
LMOVE $k $d LEFT RIGHT
LMOVE $k $d RIGHT left
LMOVE $k $k LEFT RIGHT
LMOVE $k $k RIGHT LEFT
LMOVE $k $k LEFT LEFT
LMOVE $d $k LEFT LEFT
LMOVE $k $d UP LEFT
LMOVE $k $d LEFT DOWN
RPOPLPUSH $k $d
RPOPLPUSH $k $k
RPOPLPUSH $d $k
LMPOP 1 $k LEFT
LMPOP 2 $d $k RIGHT COUNT 3
LMPOP 1 $k left COUNT 5000
LMPOP 0 $k LEFT
LMPOP x $k LEFT
LMPOP 2 $k LEFT
LMPOP 1 $k UP
LMPOP 1 $k LEFT COUNT 0
LMPOP 1 $k LEFT COUNT x
LMPOP 1 $k LEFT COUNT 1 COUNT 1
LMPOP 1 $k LEFT FOO
BLPOP $k x
BLPOP $k -1
BRPOP $d $k abc
BLMOVE $k $d LEFT UP 0
BLMPOP x 1 $k LEFT
`
  .trim()
  .split("\n");

/** Only where a list is there: else they would wait. */
const WAITING = `
BLPOP $k 0
BRPOP $d $k 0.5
BLMOVE $k $d LEFT RIGHT 0
BRPOPLPUSH $k $d 1
BLMPOP 0 2 $d $k LEFT COUNT 2
`
  .trim()
  .split("\n");

const ALL = [...COMMANDS, ...WAITING];
async function fill(redis: RedisServer): Promise<void> {
  const requests: Word[][] = [];
  for (const [form, make] of Object.entries(FORMS)) {
    for (const [i, line] of ALL.entries()) {
      requests.push(...make(keyOf(form, i)));
      if (/LMOVE|PUSH/.test(line) && i % 2 === 0) requests.push(["RPUSH", otherKeyOf(form, i), "there"]);
    }
  }
  for (const reply of await redis.connection.sendAll(requests)) if (reply.startsWith("-")) throw new Error(reply);
}

describe.skipIf(!redisInstalled)("beside redis-server (skipped where none is installed)", () => {
  for (const level of ["layer", "frozen", "overlay"] as const) {
    describe(`keys in the ${level}`, () => {
      let both: Differential;
      beforeAll(async () => {
        both = await Differential.start([...keys, ...object, ...strings, ...lists, ...generic, ...writes], fill);
        if (level === "layer") return;
        for (const form of Object.keys(FORMS)) {
          for (let i = 0; i < ALL.length; i++) {
            for (const key of [keyOf(form, i), otherKeyOf(form, i)]) {
              both.folio.run("COPY", key, "copy", "REPLACE");
              both.folio.run("RENAME", "copy", key);
            }
          }
        }
        await both.redis.send("CONFIG", "RESETSTAT");
        if (level === "frozen") both.folio.server.keyspace.freeze();
      });
      afterAll(() => both.stop());
      for (const form of Object.keys(FORMS)) {
        test(form, async () => {
          const commands = commandsOn(form, ALL).filter((_, i) => form !== "missing" || i < COMMANDS.length);
          both.folio.server.keyspace.dirty = Number(
            /rdb_changes_since_last_save:(\d+)/.exec(await both.redis.send("INFO", "persistence"))?.[1],
          );
          await sameWrites(both, commands, { keysOf: keysNamed(/^k:/), questions: QUESTIONS });
        });
      }
    });
  }
});

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let live: LivePair;
  beforeAll(async () => {
    live = await LivePair.start("lists");
  });
  afterAll(() => live.stop());

  const same = (...words: string[]) => live.same(...words);
  const fillBoth = async (key: string, count: number, element = (i: number) => `element ${i % 5000}`) => {
    for (let from = 0; from < count; from += 500) {
      await same("RPUSH", key, ...Array.from({ length: Math.min(500, count - from) }, (_, i) => element(from + i)));
    }
  };
  const encoding = async (key: string) => await live.ours.command("OBJECT", "ENCODING", key);

  test("much of a large list goes, is searched, is moved", async () => {
    await fillBoth("big", 30_000);
    await same("LREM", "big", "0", "element 77");
    await same("LREM", "big", "-2", "element 4000");
    await same("LREM", "big", "3", "element 4999");
    await same("LINSERT", "big", "BEFORE", "element 2500", "new");
    await same("LINSERT", "big", "AFTER", "nothing", "new");
    for (const index of ["0", "-1", "15000", "-14000", "29000", "50000"]) await same("LINDEX", "big", index);
    await same("LSET", "big", "15000", "x".repeat(20_000));
    await same("LPOS", "big", "element 3333", "RANK", "-2");
    await same("LRANGE", "big", "0", "-1");
    await same("LPOP", "big", "700");
    await same("RPOP", "big", "10000");
    await same("LRANGE", "big", "0", "-1");
    await same("LTRIM", "big", "100", "-100");
    await same("LRANGE", "big", "0", "-1");
    expect(await encoding("big")).toBe("quicklist");
    await same("LTRIM", "big", "-5", "-1");
    expect(await encoding("big")).toBe("listpack");
    await same("LRANGE", "big", "0", "-1");
  });

  test("a search that finds much leaves a new list in the place of the old one", async () => {
    await fillBoth("many", 20_000, (i) => (i % 3 === 0 ? "same" : `other ${i}`));
    await same("PEXPIREAT", "many", `${FAR_MS}`);
    await same("LREM", "many", "-5000", "same");
    await same("LRANGE", "many", "0", "-1");
    await same("LREM", "many", "0", "same");
    await same("LRANGE", "many", "0", "-1");
    await same("PEXPIRETIME", "many");
    await fillBoth("all", 10_000, () => "same");
    await same("LREM", "all", "0", "same");
    await same("EXISTS", "all");
  });

  test("encodings are those of Redis 7.2", async () => {
    const push = async (count: number, bytes: number) => {
      await live.ours.command("DEL", "enc");
      for (let i = 0; i < count; i++) await live.ours.command("RPUSH", "enc", "x".repeat(bytes));
    };
    // A listpack of 8191 bytes: a header, an end, 33 elements of 240 bytes and their 4 bytes, and one that fills it up.
    await push(33, 240);
    expect(await encoding("enc")).toBe("listpack");
    await live.ours.command("RPUSH", "enc", "x".repeat(8192 - 7 - 33 * 244 - 4 + 4));
    expect(await encoding("enc")).toBe("listpack");
    await live.ours.command("RPUSH", "enc", "x");
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("LTRIM", "enc", "0", "16");
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("RPOP", "enc");
    expect(await encoding("enc")).toBe("listpack");
    // One element that is too large by itself; replaced by a small one.
    await live.ours.command("DEL", "enc");
    await live.ours.command("RPUSH", "enc", "x".repeat(9000));
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("LSET", "enc", "0", "small");
    expect(await encoding("enc")).toBe("listpack");
    // LINSERT makes room before it knows whether the pivot is there.
    await live.ours.command("LINSERT", "enc", "BEFORE", "nothing", "x".repeat(9000));
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("CONFIG", "SET", "list-max-listpack-size", "4");
    await push(4, 1);
    expect(await encoding("enc")).toBe("listpack");
    await live.ours.command("RPUSH", "enc", "5");
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("LPOP", "enc", "2");
    expect(await encoding("enc")).toBe("quicklist");
    // One of four and one of one element have become one each: two nodes.
    await live.ours.command("LPOP", "enc");
    expect(await encoding("enc")).toBe("quicklist");
    await live.ours.command("LPOP", "enc");
    expect(await encoding("enc")).toBe("listpack");
    await live.ours.command("CONFIG", "SET", "list-max-listpack-size", "-2");
  });

  test("what redis-server dumps of a list is loaded, and the other way round", async () => {
    await fillBoth("dump:nodes", 3000, (i) => `${i} ${"y".repeat(i % 50)}`);
    await fillBoth("dump:small", 20, (i) => `${i * 1000 - 7}`);
    await same("RPUSH", "dump:long", "a", "b".repeat(30_000));
    for (const key of ["dump:nodes", "dump:small", "dump:long"]) {
      const mine = String(await live.ours.command("DUMP", key));
      const yours = String(await live.theirs.command("DUMP", key));
      // Ours says a version of RDB that 7.0 may not know yet.
      if (mine.charCodeAt(mine.length - 10) <= 10)
        expect(await live.theirs.command("RESTORE", `${key}:2`, "0", mine)).toBe("+OK");
      expect(await live.ours.command("RESTORE", `${key}:2`, "0", yours)).toBe("+OK");
      expect(await live.ours.command("LRANGE", `${key}:2`, "0", "-1")).toEqual(
        await live.ours.command("LRANGE", key, "0", "-1"),
      );
      expect(await live.ours.command("RESTORE", `${key}:3`, "0", mine)).toBe("+OK");
      expect(await live.ours.command("LPUSH", `${key}:3`, "new")).toBe(
        Number(await live.ours.command("LLEN", key)) + 1,
      );
      expect(await live.ours.command("COPY", key, `${key}:4`)).toBe(1);
      expect(await live.ours.command("RPOP", `${key}:4`)).toBe(
        (await live.ours.command("LINDEX", key, "-1")) as string,
      );
    }
  });

  test("one element at a time at both ends of large lists, while they are saved, reloaded, copied", async () => {
    const elements = ["xxx", "12", "-4097", "3000000000", "", "y".repeat(63), "y".repeat(64), "y".repeat(4096)];
    const rounds = async (key: string, count: number) => {
      for (let i = 0; i < count; i++) {
        const element = i % 200 < 195 ? `element ${i}` : (elements[i % elements.length] as string);
        await same(i % 5 < 3 ? "LPUSH" : "RPUSH", key, element);
        if (i % 3 === 0) await same(i % 2 === 0 ? "RPOP" : "LPOP", key);
        if (i % 50 === 0) await same("LMOVE", key, key, "LEFT", "RIGHT");
      }
      await same("LRANGE", key, "0", "-1");
    };
    await fillBoth("ends:one", 1200);
    await fillBoth("ends:many", 20_000);
    for (const key of ["ends:one", "ends:many"]) {
      await rounds(key, 900);
      expect(await live.ours.command("DEBUG", "RELOAD")).toBe("+OK");
      await same("LRANGE", key, "0", "-1");
      await rounds(key, 300);
      expect(await live.ours.command("BGSAVE")).toBe("+Background saving started");
      await rounds(key, 600);
      await live.saved();
      await rounds(key, 300);
      await same("COPY", key, `${key}:copy`);
      await rounds(`${key}:copy`, 200);
      const dump = String(await live.ours.command("DUMP", key));
      expect(await live.ours.command("RESTORE", `${key}:restored`, "0", dump)).toBe("+OK");
      expect(await live.ours.command("LRANGE", `${key}:restored`, "0", "-1")).toEqual(
        await live.ours.command("LRANGE", key, "0", "-1"),
      );
      expect(await live.ours.command("DEL", `${key}:restored`)).toBe(1);
      while (Number(await live.ours.command("LLEN", key)) > 400) await same("LPOP", key, "300");
      await same("LRANGE", key, "0", "-1");
      for (let i = 0; i < 400; i++) await same(i % 3 === 0 ? "LPOP" : "RPOP", key);
      await same("EXISTS", key);
    }
  });

  test("SORT stores lists of every size", async () => {
    await fillBoth("sort:big", 9000, (i) => `${(i * 7919) % 9000}`);
    await same("SORT", "sort:big", "STORE", "sort:stored");
    await same("LRANGE", "sort:stored", "0", "-1");
    expect(await encoding("sort:stored")).toBe("quicklist");
    await same("RPUSH", "sort:stored", "new");
    await same("SORT", "sort:big", "LIMIT", "10", "20", "DESC", "STORE", "sort:stored");
    await same("LRANGE", "sort:stored", "0", "-1");
    expect(await encoding("sort:stored")).toBe("listpack");
    await same("SORT", "sort:big", "LIMIT", "0", "0", "STORE", "sort:stored");
    await same("EXISTS", "sort:stored");
  });

  test("every form is saved, reloaded, served after a restart, and written again", async () => {
    await fillBoth("kept:big", 3000);
    await fillBoth("kept:small", 50);
    await same("RPUSH", "kept:long", "a", "b".repeat(30_000), "c");
    const names = ["kept:big", "kept:small", "kept:long"];
    const all = async () => {
      for (const key of names) {
        await same("LRANGE", key, "0", "-1");
        await same("LINDEX", key, "-2");
        expect(await encoding(key)).toBe(key === "kept:small" ? "listpack" : "quicklist");
      }
    };
    const change = async (element: string) => {
      for (const key of names) {
        await same("RPUSH", key, element);
        await same("LPUSH", key, element, "12");
        await same("LINSERT", key, "AFTER", element, "between");
        await same("LPOP", key);
        await same("LMOVE", key, key, "LEFT", "RIGHT");
      }
    };
    await all();
    expect(await live.ours.command("DEBUG", "RELOAD")).toBe("+OK");
    await all();
    await change("first");
    await all();
    expect(await live.ours.command("BGSAVE")).toBe("+Background saving started");
    await change("second");
    await all();
    await live.saved();
    await all();
    expect(await live.ours.command("SAVE")).toBe("+OK");
    await live.restart();
    await all();
    await change("third");
    await all();
  });
});
