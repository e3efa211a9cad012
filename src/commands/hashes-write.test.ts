/**
 * Writing hashes beside redis-server: every command on every form, with its hostile arguments; then the same through saves, reloads and
 * restarts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential, unorderedPairs } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { commandsOn, formRequests, type KeyForms } from "../../test/support/key-forms.ts";
import { LivePair } from "../../test/support/live-pair.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/hashes.ts";

const QUESTIONS = ["TYPE", "OBJECT ENCODING", "HLEN", "PEXPIRETIME", "HGETALL"];
const FAR_MS = 4_000_000_000_000;
const TIMEOUT_MS = 60_000;

const pairs = (count: number): Word[] => Array.from({ length: count }, (_, i) => [`field ${i}`, i % 50]).flat();
const LONG = "x".repeat(65);

/** How a key of each form is made. */
const FORMS: KeyForms = {
  missing: () => [],
  one: (key) => [["HSET", key, "a", "1"]],
  listpack: (key) => [["HSET", key, "a", "1", "b", "2.5", "17", "-300", "", "empty", "c", "", "d", "text"]],
  full: (key) => [["HSET", key, "a", "1", "b", "x", ...pairs(510)]],
  hashtable: (key) => [["HSET", key, "a", "1", "b", "x", ...pairs(511)]],
  long: (key) => [["HSET", key, "a", "1", "b", LONG]],
  ttl: (key) => [
    ["HSET", key, "a", "1", "b", "2"],
    ["PEXPIREAT", key, FAR_MS],
  ],
  string: (key) => [["SET", key, "a string"]],
};

/** $k: the key; $d: another one. */
const COMMANDS = `
HSET $k a 2
HSET $k new value
HSET $k a 1 a 2 new 3 new 4
HSET $k a
HSET $k a 1 b
HSET $k ${LONG} 1
HSET $k a ${LONG}
HSET $k a 123456789012 b -1 c 9223372036854775808
HMSET $k a 2 new value
HMSET $k a 1 b
HSETNX $k a 2
HSETNX $k new 2
HSETNX $k new ${LONG}
HDEL $k a
HDEL $k nosuch
HDEL $k a b 17 c d a
HDEL $k a b
HINCRBY $k a 1
HINCRBY $k new 5
HINCRBY $k new -0
HINCRBY $k 17 9223372036854775807
HINCRBY $k a 9223372036854775807
HINCRBY $k a -9223372036854775808
HINCRBY $k b 1
HINCRBY $k c 1
HINCRBY $k a x
HINCRBY $k a 1.5
HINCRBY $k a 9223372036854775808
HINCRBY $k ${LONG} 1
HINCRBYFLOAT $k a 1.5
HINCRBYFLOAT $k a -1
HINCRBYFLOAT $k new 0.1
HINCRBYFLOAT $k new 3.0e3
HINCRBYFLOAT $k b 0.25
HINCRBYFLOAT $k a inf
HINCRBYFLOAT $k a nan
HINCRBYFLOAT $k a x
HINCRBYFLOAT $k d 1
HINCRBYFLOAT $k c 1
HINCRBYFLOAT $k a 1e300
HINCRBYFLOAT $k ${LONG} 1
HSET $d x y
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
        both = await Differential.start([...hashes, ...strings, ...keys, ...object, ...generic, ...writes], fill);
        if (freezes) both.folio.server.keyspace.freeze();
      });
      afterAll(() => both.stop());
      for (const form of Object.keys(FORMS)) {
        test(form, async () => {
          const commands = commandsOn(form, COMMANDS);
          const shape = (reply: string, [name]: readonly Word[]) =>
            name === "HGETALL" ? unorderedPairs(reply).join("") : reply;
          await sameWrites(both, commands, { keysOf: keysNamed(/^k:/), shape, questions: QUESTIONS });
        });
      }
    });
  }
});

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let live: LivePair;
  beforeAll(async () => {
    live = await LivePair.start("hashes");
  });
  afterAll(() => live.stop());

  const same = (...words: string[]) => live.same(...words);
  const sameHash = async (key: string) => {
    await same("DEBUG", "DIGEST-VALUE", key);
    await same("OBJECT", "ENCODING", key);
    await same("HLEN", key);
    await same("TYPE", key);
  };
  const fillBoth = async (key: string, count: number) => {
    for (let from = 0; from < count; from += 500) {
      const words = Array.from({ length: Math.min(500, count - from) }, (_, i) => [`field ${from + i}`, `${from - i}`]);
      await same("HSET", key, ...words.flat());
    }
  };

  test(
    "what redis-server dumps of a listpack is what is dumped here",
    async () => {
      await same("HSET", "lp", "a", "1", "b", "2.5", "-17", "300", "c", "9007199254740993", "", "5000");
      await same("HINCRBY", "lp", "a", "100000");
      await same("HSET", "lp", "b", "The5quick!brown~fox;jumps,over(the)lazy*dog%0123=&^#@[]{}|ABC", "d", "-5");
      await same("HDEL", "lp", "-17");
      await same("HSET", "lp", "c", "1");
      const cut = (payload: unknown) => String(payload).slice(0, -10);
      expect(cut(await live.ours.command("DUMP", "lp"))).toBe(cut(await live.theirs.command("DUMP", "lp")));
    },
    TIMEOUT_MS,
  );

  test(
    "large hashes are copied, dumped, restored, renamed, and written",
    async () => {
      await fillBoth("one", 20_000);
      await same("COPY", "one", "copy");
      await same("HSET", "copy", "field 7", "seven");
      await same("HDEL", "one", "field 9", "field 10");
      await sameHash("one");
      await sameHash("copy");
      expect(
        await live.ours.command("RESTORE", "restored", "0", (await live.theirs.command("DUMP", "one")) as string),
      ).toBe("+OK");
      expect(
        await live.theirs.command("RESTORE", "restored", "0", (await live.ours.command("DUMP", "one")) as string),
      ).toBe("+OK");
      await same("HINCRBY", "restored", "field 8", "5");
      await sameHash("restored");
      await same("RENAME", "restored", "renamed");
      await same("HSETNX", "renamed", "new", "1");
      await sameHash("renamed");
    },
    TIMEOUT_MS,
  );

  test(
    "every form is saved, reloaded, served after a restart, and written again",
    async () => {
      await fillBoth("kept:big", 3000);
      await fillBoth("kept:small", 100);
      await same("HSET", "kept:long", "a", "x".repeat(70), "b", "2");
      await same("PEXPIREAT", "kept:big", `${FAR_MS}`);
      const names = ["kept:big", "kept:small", "kept:long"];
      const all = async () => {
        for (const key of names) {
          await sameHash(key);
          await same("PEXPIRETIME", key);
          await same("HMGET", key, "field 77", "a", "nosuch");
        }
      };
      const change = async (field: string) => {
        for (const key of names) {
          await same("HSET", key, field, "5", "field 3", field);
          await same("HINCRBY", key, "field 50", "2");
          await same("HDEL", key, "field 51", `${field} of another`);
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
    },
    TIMEOUT_MS,
  );

  test(
    "HSCAN gives every field that stays, once, while others come and go",
    async () => {
      await fillBoth("scan", 5000);
      const seen = new Map<string, number>();
      let cursor = "0";
      let round = 0;
      do {
        const [next, flat] = (await live.ours.command("HSCAN", "scan", cursor, "COUNT", "100")) as [string, string[]];
        for (let i = 0; i < flat.length; i += 2) seen.set(flat[i] as string, (seen.get(flat[i] as string) ?? 0) + 1);
        cursor = next;
        await live.ours.command("HSET", "scan", `passing ${round}`, "2", `field ${round}`, "changed");
        await live.ours.command("HDEL", "scan", `passing ${round - 5}`);
        if (++round === 20) await live.ours.command("DEBUG", "RELOAD");
      } while (cursor !== "0");
      expect(round).toBeGreaterThan(30);
      for (let i = 0; i < 5000; i++) expect(seen.get(`field ${i}`)).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    "random fields of a large hash",
    async () => {
      await fillBoth("random", 2000);
      for (const count of ["5", "100", "1500", "3000"]) {
        const found = (await live.ours.command("HRANDFIELD", "random", count)) as string[];
        expect(new Set(found).size).toBe(Math.min(Number(count), 2000));
        expect(found.every((field) => /^field \d+$/.test(field))).toBe(true);
      }
      const flat = (await live.ours.command("HRANDFIELD", "random", "-5000", "WITHVALUES")) as string[];
      expect(flat.length).toBe(10_000);
      const single = new Set<unknown>();
      for (let i = 0; i < 50; i++) single.add(await live.ours.command("HRANDFIELD", "random"));
      expect(single.size).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );
});
