/** The commands that write sets beside redis-server: on sets of every form, in the file and in the overlay, and after a reload. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CommandHarness } from "../../test/support/command-harness.ts";
import { Differential, unordered } from "../../test/support/differential.ts";
import { runReady, sameWrites } from "../../test/support/differential-writes.ts";
import { RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as debug } from "./debug.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as algebra } from "./set-algebra.ts";
import { rows as sets } from "./sets.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/sets.ts";
import { rows as strings } from "./writes/strings.ts";

const ROWS = [...sets, ...algebra, ...keys, ...object, ...debug, ...generic, ...strings, ...writes];
const FAR_MS = 4_000_000_000_000;
const integers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i * 3}`);
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `member:${i}`);

/** Members by the name of their kind. "missing", "ttl", "expired", "list" and "string" are made otherwise. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  int16: ["1", "2", "3"],
  int64: ["1", "-9223372036854775808", "9223372036854775807"],
  "one integer": ["17"],
  "128 integers": integers(128),
  "512 integers": integers(512),
  "513 integers": integers(513),
  text: ["a", "b", "17"],
  "one text": ["a"],
  "128 texts": texts(128),
  "129 texts": texts(129),
  long: ["x".repeat(65), "a", "1"],
  large: texts(3000),
};
const KINDS = ["missing", ...Object.keys(MEMBERS), "ttl", "expired", "list", "string"];

/** "$k" stands for a key of each kind. */
const COMMANDS = `
SADD $k 1
SADD $k a
SADD $k a a b 1 17 99999
SADD $k 40000
SADD $k 5000000000
SADD $k 9223372036854775808
SADD $k ${"y".repeat(64)}
SADD $k ${"y".repeat(65)}
SADD $k -0 00 +1 1.0
SADD $k
SREM $k 1
SREM $k 17 a b
SREM $k nothing here
SREM $k 1 2 3 a b 17 -9223372036854775808 9223372036854775807 ${"x".repeat(65)}
SREM $k member:0 member:1 member:127 0 3 6 1533
SMOVE $k $k a
SMOVE $k other:1 17
SMOVE $k other:1 a
SMOVE $k other:1 nothing
SMOVE $k other:string a
SMOVE other:2 $k moved
SMOVE other:3 $k 3
SMOVE nothing:0 $k a
SPOP $k 0
SPOP $k -1
SPOP $k x
SPOP $k 1 2
SINTERSTORE dest:1 $k
SINTERSTORE dest:2 $k other:2
SINTERSTORE dest:3 $k other:2 nothing:0
SINTERSTORE $k $k other:3
SUNIONSTORE dest:4 $k
SUNIONSTORE dest:5 $k other:2 other:3
SUNIONSTORE $k other:2 $k
SUNIONSTORE $k nothing:0
SUNIONSTORE $k $k
SUNIONSTORE dest:10 nothing:0 $k
SDIFFSTORE dest:6 $k other:2
SDIFFSTORE dest:7 $k other:3 other:2
SDIFFSTORE dest:8 $k $k
SDIFFSTORE $k $k other:3
SDIFFSTORE $k nothing:0 $k
SINTERSTORE other:string2 $k $k
SUNIONSTORE dest:9 other:string $k
SMISMEMBER $k a 1 17 member:1
SISMEMBER $k a
SCARD $k
SINTERCARD 2 $k other:2 LIMIT 1
SINTERCARD 2 $k other:3`
  .trim()
  .split("\n")
  .map((line) => line.split(" "));

const QUESTIONS = ["TYPE", "PEXPIRETIME", "OBJECT ENCODING", "DEBUG DIGEST-VALUE", "SCARD"];

/** The commands that make a key of a kind. */
function makeKind(key: string, kind: string): string[][] {
  const members = MEMBERS[kind];
  if (members !== undefined) return [["SADD", key, ...members]];
  if (kind === "list") return [["RPUSH", key, "x"]];
  if (kind === "string") return [["SET", key, "x"]];
  if (kind === "missing") return [];
  const at = kind === "ttl" ? `${FAR_MS}` : "1";
  return [
    ["SADD", key, "a", "b"],
    ["PEXPIREAT", key, at],
  ];
}

/** What the commands combine with: made anew before each. */
const OTHERS: readonly string[][] = [
  ["SADD", "other:2", "moved", "a", "member:5", "member:2000"],
  ["SADD", "other:3", "3", "17", "1", "600"],
  ["SET", "other:string", "x"],
  ["SET", "other:string2", "x"],
];

/** Sets of few texts are hashtables in 7.0, lists of one element quicklists. */
const shape = (reply: string, [name]: readonly Word[]): string =>
  name === "OBJECT" ? reply.replace("$8\r\nlistpack", "$9\r\nhashtable").replace("quicklist", "hashtable") : reply;
const keysOf = (words: readonly Word[]): string[] => [
  ...new Set(words.map(String).filter((word) => /^(layer|top|other|dest|nothing):/.test(word))),
];

describe.skipIf(!redisInstalled)("sets written as redis-server writes them", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start(ROWS, async (redis) => {
      await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
      const commands = KINDS.flatMap((kind) => COMMANDS.flatMap((_, i) => makeKind(`layer:${kind}:${i}`, kind)));
      await redis.connection.sendAll(
        commands.map((words) =>
          words.map((word) => (word === "1" && words[0] === "PEXPIREAT" ? `${Date.now() + 1}` : word)),
        ),
      );
      await Bun.sleep(10);
    });
  });
  afterAll(() => both.stop());

  const same = (commands: readonly (readonly Word[])[]) =>
    sameWrites(both, commands, { keysOf, shape, questions: QUESTIONS });

  for (const kind of KINDS) {
    test(`every command on a key of the layer: ${kind}`, async () => {
      await same(
        COMMANDS.flatMap((words, i) => [...OTHERS, words.map((word) => (word === "$k" ? `layer:${kind}:${i}` : word))]),
      );
    });

    test.skipIf(kind === "list")(`every command on a key of the overlay: ${kind}`, async () => {
      await same(
        COMMANDS.flatMap((words, i) => {
          const key = `top:${kind}:${i}`;
          return [...makeKind(key, kind), ...OTHERS, words.map((word) => (word === "$k" ? key : word))];
        }),
      );
    });
  }
});

/** Members of a set here. */
const members = (folio: CommandHarness, key: string): string[] => unordered(folio.run("SMEMBERS", key)).slice(1);

describe.skipIf(!redisInstalled)("forms as Redis 7.2 has them", () => {
  let folio: CommandHarness;
  beforeAll(async () => {
    const redis = await RedisServer.start();
    folio = await CommandHarness.open(await redis.save(), ROWS);
    await redis.stop();
  });
  afterAll(() => folio.close());

  const encoding = (key: string): string => folio.run("OBJECT", "ENCODING", key).split("\r\n")[1] as string;

  test.each([
    ["intset", ["1", "2"]],
    ["intset", integers(512)],
    ["hashtable", integers(513)],
    ["listpack", ["a"]],
    ["listpack", ["1", "a"]],
    ["listpack", ["a", "1"]],
    ["listpack", texts(128)],
    ["hashtable", texts(129)],
    ["listpack", ["x".repeat(64)]],
    ["hashtable", ["x".repeat(65)]],
    ["hashtable", ["1", "x".repeat(65)]],
    ["listpack", [...integers(127), "a"]],
    ["hashtable", [...integers(128), "a"]],
  ] as const)("%s: one SADD, and one a member", (form, words) => {
    folio.run("DEL", "k", "l", "m", "n");
    folio.run("SADD", "k", ...words);
    for (const word of words) folio.run("SADD", "l", word);
    folio.run("SUNIONSTORE", "m", "k");
    folio.run("SINTERSTORE", "n", "k", "l");
    expect(["k", "l", "m", "n"].map(encoding)).toEqual([form, form, form, form]);
    for (const key of ["l", "m", "n"]) expect(members(folio, key)).toEqual(members(folio, "k"));
    expect(members(folio, "k").length).toBe(words.length);
  });

  test("integers that are left of an intersection are an intset", () => {
    folio.run("DEL", "k", "l");
    folio.run("SADD", "k", "a", "1", "2");
    folio.run("SADD", "l", "b", "2", "1");
    folio.run("SINTERSTORE", "m", "k", "l");
    expect(encoding("m")).toBe("intset");
    folio.run("SDIFFSTORE", "m", "k", "l");
    expect(encoding("m")).toBe("listpack");
  });

  test.each([
    ["intset", integers(400)],
    ["listpack", texts(100)],
    ["hashtable", texts(700)],
    ["hashtable", texts(9000)],
  ] as const)("SPOP takes each member of a set once: %s", (_, words) => {
    const all = new Set<string>(words);
    for (const counts of [[1], [3, 50], [words.length - 10], [words.length - 1], [words.length], [words.length * 2]]) {
      folio.run("DEL", "k");
      folio.run("SADD", "k", ...words);
      const taken: string[] = [];
      for (const count of counts) {
        const reply = runReady(folio, count === 1 ? ["SPOP", "k"] : ["SPOP", "k", count]);
        const items = count === 1 ? [reply] : unordered(reply).slice(1);
        taken.push(...items.map((item) => item.split("\r\n")[1] as string));
      }
      const left = members(folio, "k").map((item) => item.split("\r\n")[1] as string);
      expect(taken.length + left.length).toBe(words.length);
      expect(new Set([...taken, ...left])).toEqual(all);
    }
  });

  test("what is left of a large set by SPOP is small again", () => {
    folio.run("DEL", "k");
    folio.run("SADD", "k", ...texts(700));
    runReady(folio, ["SPOP", "k", 600]);
    expect([encoding("k"), folio.run("SCARD", "k")]).toEqual(["listpack", ":100\r\n"]);
    folio.run("DEL", "l");
    folio.run("SADD", "l", ...texts(700));
    runReady(folio, ["SPOP", "l", 500]);
    expect([encoding("l"), folio.run("SCARD", "l")]).toEqual(["hashtable", ":200\r\n"]);
  });

  test("members are picked about as often", () => {
    folio.run("DEL", "k");
    folio.run("SADD", "k", ...texts(300));
    const times = new Map<string, number>();
    for (const item of unordered(folio.run("SRANDMEMBER", "k", -60_000)).slice(1)) {
      times.set(item, (times.get(item) ?? 0) + 1);
    }
    expect(times.size).toBe(300);
    for (const count of times.values()) expect(Math.abs(count - 200)).toBeLessThan(100);
    const some = unordered(folio.run("SRANDMEMBER", "k", 90)).slice(1);
    expect(new Set(some).size).toBe(90);
  });
});
