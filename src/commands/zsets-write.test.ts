/**
 * The commands that write sorted sets beside redis-server: option by option on keys of every form, and on a running server large sets,
 * saves, reloads, restarts and clients that wait.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { commandsOn, formRequests, type KeyForms } from "../../test/support/key-forms.ts";
import { LivePair } from "../../test/support/live-pair.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import type { RespClient } from "../../test/support/resp-client.ts";
import { scoreShape } from "../../test/support/score-shape.ts";
import { rows as geo } from "./geo.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/sorted-sets.ts";
import { rows as zsets } from "./zsets.ts";

const QUESTIONS = ["TYPE", "OBJECT ENCODING", "ZRANGE $ 0 -1 WITHSCORES"];
const FAR_MS = 4_000_000_000_000;

const pairs = (count: number): Word[] => Array.from({ length: count }, (_, i) => [i % 50, `member ${i}`]).flat();
const LONG = "x".repeat(65);

/** How a key of each form is made. */
const FORMS: KeyForms = {
  missing: () => [],
  one: (key) => [["ZADD", key, "1.5", "a"]],
  listpack: (key) => [["ZADD", key, "1", "a", "2.5", "b", "2.5", "17", "-inf", "c", "3", "", "1e17", "d"]],
  full: (key) => [["ZADD", key, ...pairs(128)]],
  skiplist: (key) => [["ZADD", key, ...pairs(129)]],
  large: (key) => [["ZADD", key, ...pairs(700)]],
  long: (key) => [["ZADD", key, "1", "a", "2", LONG]],
  ttl: (key) => [
    ["ZADD", key, "1", "a", "2", "b"],
    ["PEXPIREAT", key, FAR_MS],
  ],
  string: (key) => [["SET", key, "a string"]],
};

/** $k: the key; $d: another one. */
const COMMANDS = `
ZADD $k 1 a
ZADD $k 1 new
ZADD $k 1.5 new 2.5 new 1 a
ZADD $k -0 new
ZADD $k NX 5 a 6 new
ZADD $k XX 5 a 6 new
ZADD $k XX CH 5 a 6 new
ZADD $k GT 0.5 a
ZADD $k GT CH 99 a 1 new
ZADD $k LT CH 0.5 a 7 b
ZADD $k CH 1 a
ZADD $k INCR 1 a
ZADD $k NX INCR 1 a
ZADD $k XX INCR 1 new
ZADD $k GT INCR -1 a
ZADD $k INCR -inf a
ZADD $k INCR +inf c
ZADD $k INCR 1 a 2 b
ZADD $k NX XX 1 a
ZADD $k NX GT 1 a
ZADD $k GT LT 1 a
ZADD $k nx
ZADD $k 1
ZADD $k 1 a 2
ZADD $k x a
ZADD $k nan a
ZADD $k 1 a x b
ZADD $k inf a -inf b
ZADD $k 1${"0".repeat(300)} a -0.${"0".repeat(300)}1 b
ZADD $k 1${"0".repeat(309)} a
ZADD $k 4611686018427387904 a 4611686018427387905 b 9223372036854775807 c
ZADD $k 1 ${LONG}
ZADD $k XX 1 ${LONG}
ZINCRBY $k 2.5 a
ZINCRBY $k 1 new
ZINCRBY $k inf c
ZINCRBY $k x a
ZINCRBY $k CH 2
ZINCRBY $k nx xx
ZINCRBY $k incr a
ZREM $k a
ZREM $k nosuch
ZREM $k a b 17 c d a
ZREM $k a b
ZREMRANGEBYRANK $k 0 0
ZREMRANGEBYRANK $k -2 -1
ZREMRANGEBYRANK $k 0 -1
ZREMRANGEBYRANK $k 5 2
ZREMRANGEBYRANK $k 10 600
ZREMRANGEBYRANK $k x 1
ZREMRANGEBYSCORE $k -inf +inf
ZREMRANGEBYSCORE $k (1 2.5
ZREMRANGEBYSCORE $k 3 (40
ZREMRANGEBYSCORE $k x 1
ZREMRANGEBYLEX $k - (a
ZREMRANGEBYLEX $k x y
ZPOPMIN $k
ZPOPMAX $k
ZPOPMIN $k 2
ZPOPMAX $k 3
ZPOPMIN $k 1000
ZPOPMAX $k 200
ZPOPMIN $k 0
ZPOPMIN $k -1
ZPOPMIN $k x
ZPOPMIN $k 1 2
ZMPOP 1 $k MIN
ZMPOP 2 $d $k MAX COUNT 2
ZMPOP 1 $k MAX COUNT 1000
ZMPOP 0 $k MIN
ZMPOP x $k MIN
ZMPOP 3 $k MIN
ZMPOP 1 $k MID
ZMPOP 1 $k MIN COUNT 0
ZMPOP 1 $k MIN COUNT 1 COUNT 2
ZMPOP 1 $k MIN FOO
BZPOPMIN $k 0.01
BZPOPMAX $d $k 0.01
BZPOPMIN $k -1
BZPOPMIN $k x
BZMPOP 0.01 1 $k MAX COUNT 2
BZMPOP x 1 $k MAX
ZRANGESTORE $d $k 0 -1
ZRANGESTORE $k $k 0 1
ZRANGESTORE $d $k 0 1 REV
ZRANGESTORE $d $k 1 3 BYSCORE LIMIT 1 2
ZRANGESTORE $d $k 40 1 BYSCORE REV LIMIT 0 5
ZRANGESTORE $d $k [a [b BYLEX
ZRANGESTORE $d $k 0 1 WITHSCORES
ZRANGESTORE $d $k 0 1 LIMIT 0 1
ZRANGESTORE $d $k x 1
ZUNIONSTORE $d 1 $k
ZUNIONSTORE $k 2 $k $k WEIGHTS 2 3
ZUNIONSTORE $d 2 $k $d AGGREGATE MAX
ZUNIONSTORE $d 0 $k
ZUNIONSTORE $d 2 $k
ZUNIONSTORE $d 1 $k WITHSCORES
ZINTERSTORE $d 2 $k $k AGGREGATE MIN
ZINTERSTORE $d 2 $k nosuch
ZDIFFSTORE $d 1 $k
ZDIFFSTORE $d 2 $k $k
GEOADD $k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
GEOADD $k CH 13.361389 38.115556 a
GEOADD $k NX XX 1 1 a
GEOADD $k 181 1 a
GEOADD $k 1 1
GEOSEARCHSTORE $d $k FROMLONLAT 0 0 BYRADIUS 10000 km
GEOSEARCHSTORE $d $k FROMMEMBER a BYBOX 100 100 km STOREDIST
GEOSEARCHSTORE $d $k FROMLONLAT 0 0 BYRADIUS 10 km WITHDIST
GEORADIUS $k 0 0 10 km STORE $d WITHHASH
GEORADIUS $k 0 0 20000 km STOREDIST $d
GEORADIUSBYMEMBER $k a 10 km STORE $d
COPY $k $d REPLACE
RENAME $k $d
`
  .trim()
  .split("\n");

async function fill(redis: RedisServer): Promise<void> {
  await redis.connection.sendAll(formRequests(FORMS, COMMANDS.length));
  await redis.send("DEBUG", "RELOAD");
}

describe.skipIf(!redisInstalled)("beside redis-server (skipped where none is installed)", () => {
  for (const freezes of [false, true]) {
    describe(freezes ? "while a save runs" : "without a save", () => {
      let both: Differential;
      beforeAll(async () => {
        both = await Differential.start(
          [...zsets, ...geo, ...strings, ...keys, ...object, ...generic, ...writes],
          fill,
        );
        if (freezes) both.folio.server.keyspace.freeze();
      });
      afterAll(() => both.stop());
      for (const form of Object.keys(FORMS)) {
        test(form, async () => {
          const commands = commandsOn(form, COMMANDS).filter(
            (words) => form !== "missing" || !/^BZ/.test(words[0] as string) || words.includes("x"),
          );
          await sameWrites(both, commands, { keysOf: keysNamed(/^k:/), shape: scoreShape, questions: QUESTIONS });
        });
      }
    });
  }
});

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let live: LivePair;
  beforeAll(async () => {
    live = await LivePair.start("zsets");
  });
  afterAll(() => live.stop());

  const same = (...words: string[]) => live.same(...words);
  const fillBoth = async (key: string, count: number, score: (i: number) => number = (i) => (i * 7919) % 5000) => {
    for (let from = 0; from < count; from += 500) {
      const words = Array.from({ length: Math.min(500, count - from) }, (_, i) => [
        `${score(from + i)}`,
        `member ${from + i}`,
      ]);
      await same("ZADD", key, ...words.flat());
    }
  };
  const sameSet = async (key: string) => {
    await same("ZRANGE", key, "0", "-1", "WITHSCORES");
    await same("OBJECT", "ENCODING", key);
  };

  test("much of a large set goes at once", async () => {
    await fillBoth("big", 30_000);
    await same("ZREMRANGEBYSCORE", "big", "100", "4000");
    await sameSet("big");
    await same("ZREMRANGEBYRANK", "big", "-5", "-1");
    await same("ZPOPMAX", "big", "100");
    await sameSet("big");
    await fillBoth("pop", 30_000);
    await same("ZPOPMIN", "pop", "20000");
    await same("ZMPOP", "1", "pop", "MAX", "COUNT", "9000");
    await sameSet("pop");
    await same("ZPOPMIN", "pop", "2000");
    await same("EXISTS", "pop");
    await fillBoth("all", 20_000);
    await same("PEXPIREAT", "all", `${FAR_MS}`);
    await same("ZREMRANGEBYRANK", "all", "10", "-10");
    await same("PEXPIRETIME", "all");
    await same("ZREMRANGEBYSCORE", "all", "-inf", "+inf");
    await same("EXISTS", "all");
  });

  test("large sets are combined, stored, copied, dumped", async () => {
    await fillBoth("one", 20_000);
    await fillBoth("two", 12_000, (i) => i / 4);
    await same("ZUNIONSTORE", "union", "2", "one", "two", "WEIGHTS", "1", "2");
    await sameSet("union");
    await same("ZINTERSTORE", "inter", "2", "one", "two", "AGGREGATE", "MAX");
    await sameSet("inter");
    await same("ZDIFFSTORE", "diff", "2", "one", "two");
    await sameSet("diff");
    await same("ZRANGESTORE", "range", "one", "1000", "(4000", "BYSCORE");
    await sameSet("range");
    await same("ZRANGESTORE", "one", "one", "0", "-1");
    await same("COPY", "one", "copy");
    await sameSet("copy");
    await same("ZINTERCARD", "2", "one", "two");
    const payload = await live.ours.command("DUMP", "one");
    expect(await live.ours.command("RESTORE", "restored", "0", payload as string)).toBe("+OK");
    expect(await live.ours.command("ZRANGE", "restored", "0", "-1", "WITHSCORES")).toEqual(
      await live.ours.command("ZRANGE", "one", "0", "-1", "WITHSCORES"),
    );
    expect(await live.ours.command("ZADD", "restored", "1", "new")).toBe(1);
  });

  test("what redis-server dumps of a listpack is what is dumped here", async () => {
    await same("ZADD", "lp", "1", "a", "2.5", "b", "-17", "300", "inf", "c", "9007199254740993", "d", "-0", "e");
    await same("ZINCRBY", "lp", "0.25", "a");
    // Nothing that redis-server would compress.
    await same("ZADD", "lp", "-70000", "c", "3", "The5quick!brown~fox;jumps,over(the)lazy*dog%0123=&^#@[]{}|ABCGHI");
    await same("ZREM", "lp", "b");
    const cut = (payload: unknown) => String(payload).slice(0, -10);
    expect(cut(await live.ours.command("DUMP", "lp"))).toBe(cut(await live.theirs.command("DUMP", "lp")));
  });

  test("every form is saved, reloaded, served after a restart, and written again", async () => {
    await fillBoth("kept:big", 3000, (i) => (i % 300) / 8);
    await fillBoth("kept:small", 100);
    await same("ZADD", "kept:score", "inf", "a", "-inf", "b", "1e-300", "c", "-0.5", "d");
    const all = async () => {
      for (const key of ["kept:big", "kept:small", "kept:score"]) {
        await same("ZRANGE", key, "0", "-1", "WITHSCORES");
        await same("OBJECT", "ENCODING", key);
        await same("ZRANK", key, "member 77");
        await same("ZCOUNT", key, "(3", "20");
      }
    };
    const change = async (member: string) => {
      for (const key of ["kept:big", "kept:small", "kept:score"]) {
        await same("ZADD", key, "5", member);
        await same("ZINCRBY", key, "2", "member 50");
        await same("ZPOPMIN", key);
      }
    };
    await all();
    expect(await live.ours.command("DEBUG", "RELOAD")).toBe("+OK");
    await live.theirs.command("DEBUG", "RELOAD");
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

  test("ZSCAN gives every member that stays, once, while others come and go", async () => {
    await fillBoth("scan", 5000);
    const seen = new Map<string, number>();
    let cursor = "0";
    let round = 0;
    do {
      const [next, flat] = (await live.ours.command("ZSCAN", "scan", cursor, "COUNT", "100")) as [string, string[]];
      for (let i = 0; i < flat.length; i += 2) seen.set(flat[i] as string, (seen.get(flat[i] as string) ?? 0) + 1);
      cursor = next;
      await live.ours.command("ZADD", "scan", "1", `passing ${round}`, "2", `member ${round}`);
      await live.ours.command("ZREM", "scan", `passing ${round - 5}`);
      if (++round === 20) await live.ours.command("DEBUG", "RELOAD");
    } while (cursor !== "0");
    expect(round).toBeGreaterThan(30);
    for (let i = 0; i < 5000; i++) expect(seen.get(`member ${i}`)).toBe(1);
    await live.theirs.command("DEL", "scan");
    await live.ours.command("DEL", "scan");
  });

  test("random members of a large set", async () => {
    await fillBoth("random", 2000);
    const members = new Set((await live.ours.command("ZRANGE", "random", "0", "-1")) as string[]);
    for (const count of ["5", "100", "1500", "3000"]) {
      const found = (await live.ours.command("ZRANDMEMBER", "random", count)) as string[];
      expect(new Set(found).size).toBe(Math.min(Number(count), 2000));
      expect(found.every((member) => members.has(member))).toBe(true);
    }
    expect(((await live.ours.command("ZRANDMEMBER", "random", "-5000", "WITHSCORES")) as string[]).length).toBe(10_000);
    const single = new Set<unknown>();
    for (let i = 0; i < 50; i++) single.add(await live.ours.command("ZRANDMEMBER", "random"));
    expect(single.size).toBeGreaterThan(20);
  });

  test("clients wait for members, and are served in order", async () => {
    const waiters = await Promise.all(Array.from({ length: 4 }, () => live.folio.connect()));
    const [a, b, c, d] = waiters as [RespClient, RespClient, RespClient, RespClient];
    const first = a.command("BZPOPMIN", "none", "queue", "0");
    await Bun.sleep(20);
    const second = b.command("BZPOPMAX", "queue", "0");
    await Bun.sleep(20);
    const third = c.command("BZMPOP", "0", "2", "queue", "none", "MIN", "COUNT", "5");
    const timeout = d.command("BZPOPMIN", "elsewhere", "0.05");
    await Bun.sleep(20);
    expect(await live.ours.command("ZADD", "queue", "1", "one", "2", "two", "3", "three", "4", "four")).toBe(4);
    expect(await first).toEqual(["queue", "one", "1"]);
    expect(await second).toEqual(["queue", "four", "4"]);
    expect(await third).toEqual([
      "queue",
      [
        ["two", "2"],
        ["three", "3"],
      ],
    ]);
    expect(await timeout).toBe(null);
    expect(await live.ours.command("EXISTS", "queue")).toBe(0);
    for (const waiter of waiters) waiter.close();
  });
});
