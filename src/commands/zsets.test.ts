/** Sorted sets beside a real redis-server: every command on every encoding, good and bad arguments, RESP2 and RESP3. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CommandHarness } from "../../test/support/command-harness.ts";
import { replyDifference, tokens } from "../../test/support/compare-replies.ts";
import { RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import { rows } from "./zsets.ts";

const SETS = ["lp", "tie", "sk", "lex", "lexbig", "long", "big", "none", "plain", "ints", "text"];

async function fill(redis: RedisServer): Promise<void> {
  const add = (key: string, pairs: [number | string, string][]) => redis.send("ZADD", key, ...pairs.flat());
  await add("lp", [
    [1, "one"],
    [2, "two"],
    [2.5, "17"],
    [3, "-5"],
    ["-inf", "low"],
    ["inf", "high"],
    [1e20, "9007199254740993"],
    [0.1, "\xff\x00bin"],
    [-1e-7, ""],
    [3, "three"],
  ]);
  await add(
    "tie",
    [..."hgfedcba"].map((name, i) => [i < 4 ? 1 : 2, name]),
  );
  await add(
    "lex",
    [..."zyxwbcda"]
      .map((name) => [0, name])
      .concat([
        [0, "bb"],
        [0, "b\x00"],
        [0, "10"],
      ]) as [number, string][],
  );
  for (let i = 0; i < 300; i++) await add("sk", [[Math.round(Math.sin(i) * 1e6) / 7, `m${i % 7 === 0 ? i : `x${i}`}`]]);
  await add("sk", [
    ["inf", "top"],
    ["-inf", "bottom"],
    [1.5, "12345678901"],
  ]);
  for (let i = 0; i < 400; i++) await add("lexbig", [[5, `${(i * 7919) % 1000}`]]);
  await add("long", [
    [1, "l".repeat(100)],
    [2, "k".repeat(30)],
    [2, "j".repeat(3000)],
  ]);
  for (let at = 0; at < 9000; at += 500) {
    await add(
      "big",
      Array.from({ length: 500 }, (_, i) => [((at + i) * 31) % 5000, `member:${at + i}`]),
    );
  }
  await redis.send("SADD", "plain", "one", "17", "m7", "zz", "member:5");
  await redis.send("SADD", "ints", 1, 2, 17, -5);
  await redis.send("SET", "text", "hello");
}

function commands(): string[][] {
  const list: string[][] = [];
  const add = (...words: (string | number)[]) => list.push(words.map(String));
  const members = [
    "one",
    "17",
    "m7",
    "mx8",
    "low",
    "high",
    "top",
    "b",
    "b\x00",
    "member:77",
    "\xff\x00bin",
    "",
    "nosuch",
    "l".repeat(100),
  ];
  const scores = [
    ["-inf", "+inf"],
    ["1", "3"],
    ["(1", "(3"],
    ["(3", "inf"],
    ["3", "1"],
    ["2", "2"],
    ["(2", "2"],
    ["1000", "1010"],
    ["", "0x10"],
    [" 1", "5"],
    ["-1e400", "1e400"],
  ];
  const lexes = [
    ["-", "+"],
    ["[b", "[d"],
    ["(b", "(d"],
    ["[b", "+"],
    ["-", "(b"],
    ["+", "-"],
    ["[d", "[b"],
    ["[b", "[b"],
    ["(b", "[b"],
    ["[", "["],
    ["[50", "(60"],
    ["-", "-"],
    ["+", "+"],
  ];
  const ranks = [
    [0, -1],
    [0, 0],
    [1, 3],
    [-3, -1],
    [5, 2],
    [100, 200],
    [-1000, 1000],
    [-1, 0],
    [8990, 9100],
    ["9223372036854775807", "-9223372036854775808"],
  ];
  const limits = [
    [0, 2],
    [1, 3],
    [2, -1],
    [0, 0],
    [-1, 2],
    [1000, 5],
    [1, -7],
  ];
  for (const key of SETS) {
    add("ZCARD", key);
    for (const member of members) {
      add("ZSCORE", key, member);
      add("ZRANK", key, member);
      add("ZREVRANK", key, member);
    }
    add("ZMSCORE", key, ...members);
    for (const [min, max] of scores as [string, string][]) {
      add("ZCOUNT", key, min, max);
      for (const scored of [[], ["WITHSCORES"]]) {
        add("ZRANGEBYSCORE", key, min, max, ...scored);
        add("ZREVRANGEBYSCORE", key, max, min, ...scored);
        add("ZRANGE", key, min, max, "BYSCORE", ...scored);
        add("ZRANGE", key, max, min, "byscore", "rev", ...scored);
      }
    }
    for (const [offset, count] of limits as [number, number][]) {
      add("ZRANGEBYSCORE", key, "-inf", "(3", "LIMIT", offset, count);
      add("ZREVRANGEBYSCORE", key, "3", "-inf", "LIMIT", offset, count, "WITHSCORES");
      add("ZRANGE", key, "3", "-inf", "REV", "LIMIT", offset, count, "BYSCORE", "WITHSCORES");
    }
    // Where scores differ, what a lexicographic range of a skiplist means depends on its random levels.
    if (!["sk", "big", "long"].includes(key)) {
      for (const [min, max] of lexes as [string, string][]) {
        add("ZLEXCOUNT", key, min, max);
        add("ZRANGEBYLEX", key, min, max);
        add("ZREVRANGEBYLEX", key, max, min);
        add("ZRANGE", key, min, max, "BYLEX");
        add("ZRANGE", key, max, min, "BYLEX", "REV", "LIMIT", 1, 2);
      }
    }
    // In a listpack of different scores Redis counts LIMIT's offset beyond the end of the range.
    if (!["sk", "big", "long", "lp", "tie"].includes(key)) {
      for (const [offset, count] of limits as [number, number][]) {
        add("ZRANGEBYLEX", key, "[b", "+", "LIMIT", offset, count);
        add("ZREVRANGEBYLEX", key, "+", "(b", "LIMIT", offset, count);
      }
    }
    for (const [start, stop] of ranks as [number, number][]) {
      for (const scored of [[], ["WITHSCORES"]]) {
        add("ZRANGE", key, start, stop, ...scored);
        add("ZRANGE", key, start, stop, "REV", ...scored);
        add("ZREVRANGE", key, start, stop, ...scored);
      }
    }
    for (const other of SETS) {
      add("ZUNION", 2, key, other, "WITHSCORES");
      add("ZINTER", 2, key, other, "WITHSCORES", "WEIGHTS", 2, -0.5);
      add("ZDIFF", 2, key, other, "WITHSCORES");
      add("ZINTERCARD", 2, key, other);
    }
    add("ZUNION", 3, key, "lp", key, "AGGREGATE", "MAX", "WITHSCORES", "WEIGHTS", 1, "inf", "-inf");
    add("ZUNION", 3, key, "lp", "tie", "AGGREGATE", "min");
    add("ZINTER", 3, key, key, key, "AGGREGATE", "sum", "WITHSCORES");
    add("ZINTER", 2, key, "plain", "WEIGHTS", 0, 0, "WITHSCORES", "AGGREGATE", "MIN");
    add("ZINTERCARD", 3, key, key, key, "LIMIT", 4);
    add("ZINTERCARD", 1, key, "LIMIT", 0);
    add("ZDIFF", 4, key, "plain", "ints", "tie");
    add("ZDIFF", 1, key);
    add("ZRANDMEMBER", key, 0);
    add("ZRANDMEMBER", key, 100000, "NONSENSE");
  }
  badCommands(add);
  return list;
}

function badCommands(add: (...words: (string | number)[]) => void): void {
  for (const key of ["lp", "none", "text"]) {
    for (const [min, max] of [
      ["a", "1"],
      ["1", "nan"],
      ["(", "((1"],
      ["1 ", "2"],
      ["1", "2x"],
    ] as const) {
      add("ZCOUNT", key, min, max);
      add("ZRANGEBYSCORE", key, min, max);
      add("ZRANGE", key, min, max, "BYSCORE", "REV");
    }
    for (const [min, max] of [
      ["a", "+"],
      ["-", "b"],
      ["", "+"],
      ["+1", "-"],
      ["-", "+\x00"],
    ] as const) {
      add("ZLEXCOUNT", key, min, max);
      add("ZRANGEBYLEX", key, min, max);
    }
    add("ZRANGE", key, "a", 1);
    add("ZRANGE", key, 0, "1.5");
    add("ZRANGE", key, 0, "9223372036854775808");
    add("ZRANGE", key, "01", 1);
    add("ZRANGE", key, 0, 1, "LIMIT", 0, 1);
    add("ZRANGE", key, 0, 1, "LIMIT", 0, -1);
    add("ZRANGE", key, 0, 1, "LIMIT", 0);
    add("ZRANGE", key, 0, 1, "LIMIT", "x", 1);
    add("ZRANGE", key, "-", "+", "BYLEX", "WITHSCORES");
    add("ZRANGE", key, 0, 1, "BYLEX", "BYSCORE");
    add("ZRANGE", key, 0, 1, "BOGUS");
    add("ZREVRANGE", key, 0, 1, "REV");
    add("ZREVRANGE", key, 0, 1, "BYSCORE");
    add("ZRANGEBYSCORE", key, 0, 1, "BYLEX");
    add("ZRANGEBYLEX", key, "-", "+", "WITHSCORES");
    add("ZRANGEBYLEX", key, "-", "+", "REV");
    for (const count of ["x", "-9223372036854775808", "9223372036854775807", "-9223372036854775807"]) {
      add("ZRANDMEMBER", "none", count, "WITHSCORES");
      add("ZRANDMEMBER", key, count, "WITHSCORES", "more");
    }
    for (const name of ["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD"]) {
      add(name, "x", key);
      add(name, 0, key);
      add(name, -1, key);
      add(name, 2, key);
      add(name, 1, key, "BOGUS");
      add(name, 1, key, "WEIGHTS");
      add(name, 1, key, "WEIGHTS", "x");
      add(name, 1, key, "WEIGHTS", 1, 2);
      add(name, 1, key, "AGGREGATE", "AVG");
      add(name, 1, key, "AGGREGATE");
      add(name, 1, key, "WITHSCORES", "LIMIT", 1);
      add(name, 1, key, "LIMIT", -1);
      add(name, 1, key, "LIMIT", "x");
      add(name, 1, key, "LIMIT");
    }
  }
  for (const row of rows) {
    add(row.name);
    if (row.arity > 0) add(row.name, ...new Array<string>(row.arity).fill("a"));
  }
}

describe.skipIf(!redisInstalled)("sorted sets beside redis-server (skipped where none is installed)", () => {
  let redis: RedisServer;
  let ours: CommandHarness;

  beforeAll(async () => {
    redis = await RedisServer.start();
    await fill(redis);
    ours = await CommandHarness.open(await redis.save(), rows);
  });
  afterAll(async () => {
    await ours.close();
    await redis.stop();
  });

  for (const protocol of [2, 3] as const) {
    test(`every reply is the same in RESP${protocol}`, async () => {
      await redis.send("HELLO", protocol);
      ours.protocol = protocol;
      const list = commands();
      const theirs = await redis.connection.sendAll(list);
      expect(list.length).toBeGreaterThan(1500);
      const differences: string[] = [];
      list.forEach((words, i) => {
        const difference = replyDifference(ours.run(...words), theirs[i] as string);
        if (difference !== null) differences.push(`${JSON.stringify(words)}: ${difference}`);
      });
      expect(differences.slice(0, 20)).toEqual([]);
    });
  }

  test("the place with the score (new in 7.2)", () => {
    const resp3 = (...words: string[]) => {
      ours.protocol = 3;
      const reply = ours.run(...words);
      ours.protocol = 2;
      return reply;
    };
    ours.protocol = 2;
    expect(ours.run("ZRANK", "tie", "b", "WITHSCORE")).toBe("*2\r\n:5\r\n$1\r\n2\r\n");
    expect(resp3("ZREVRANK", "tie", "b", "withscore")).toBe("*2\r\n:2\r\n,2\r\n");
    expect(ours.run("ZRANK", "tie", "nosuch", "WITHSCORE")).toBe("*-1\r\n");
    expect(resp3("ZRANK", "none", "b", "WITHSCORE")).toBe("_\r\n");
    expect(ours.run("ZRANK", "tie", "b", "WITHSCORES")).toBe("-ERR syntax error\r\n");
    expect(ours.run("ZRANK", "tie", "b", "WITHSCORE", "x")).toStartWith("-ERR wrong number of arguments for 'zrank'");
  });

  test("large sets are read in slices, small ones at once", () => {
    ours.run("ZRANGE", "big", "0", "-1");
    expect(ours.slices).toBeGreaterThan(10);
    ours.run("ZRANGE", "sk", "0", "-1");
    expect(ours.slices).toBe(0);
  });

  test("a sliced command is not disturbed by others", () => {
    const alone = ours.run("ZRANGE", "big", "0", "-1", "WITHSCORES");
    const union = ours.run("ZUNION", "2", "big", "sk", "WITHSCORES");
    ours.between = () => {
      ours.between = () => {};
      ours.run("ZRANGE", "lp", "0", "-1");
      ours.run("ZUNION", "2", "lp", "tie");
      ours.run("ZSCORE", "big", "member:1");
    };
    const { between } = ours;
    expect(ours.run("ZRANGE", "big", "0", "-1", "WITHSCORES")).toBe(alone);
    ours.between = between;
    expect(ours.run("ZUNION", "2", "big", "sk", "WITHSCORES")).toBe(union);
  });
});

describe.skipIf(!redisInstalled)("ZRANDMEMBER beside redis-server (skipped where none is installed)", () => {
  let redis: RedisServer;
  let ours: CommandHarness;
  const scores = new Map<string, Map<string, number>>();

  beforeAll(async () => {
    redis = await RedisServer.start();
    await fill(redis);
    ours = await CommandHarness.open(await redis.save(), rows);
    for (const key of ["lp", "sk", "big"]) {
      const flat = tokens(ours.run("ZRANGE", key, "0", "-1", "WITHSCORES")).slice(1);
      const pairs = new Map<string, number>();
      for (let i = 0; i < flat.length; i += 2)
        pairs.set(flat[i]?.text ?? "", Number(flat[i + 1]?.text.replace("inf", "Infinity")));
      scores.set(key, pairs);
    }
  });
  afterAll(async () => {
    await ours.close();
    await redis.stop();
  });

  for (const key of ["lp", "sk", "big"]) {
    test(`members of ${key}`, () => {
      const pairs = scores.get(key) as Map<string, number>;
      for (const count of [1, 2, 5, pairs.size - 1, pairs.size, pairs.size + 10, -1, -3, -700]) {
        const flat = tokens(ours.run("ZRANDMEMBER", key, `${count}`, "WITHSCORES")).slice(1);
        expect(flat.length).toBe(2 * (count < 0 ? -count : Math.min(count, pairs.size)));
        const names = new Set<string>();
        for (let i = 0; i < flat.length; i += 2) {
          const name = flat[i]?.text ?? "";
          names.add(name);
          expect(pairs.get(name)).toBe(Number(flat[i + 1]?.text.replace("inf", "Infinity")));
        }
        if (count > 0) expect(names.size).toBe(flat.length / 2);
      }
      expect(pairs.has(tokens(ours.run("ZRANDMEMBER", key))[0]?.text ?? "")).toBe(true);
    });
  }

  test("every member has its chance", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) seen.add(ours.run("ZRANDMEMBER", "lp"));
    expect(seen.size).toBe(10);
    const first = new Set<string>();
    for (let i = 0; i < 400; i++) first.add(tokens(ours.run("ZRANDMEMBER", "lp", "3"))[1]?.text ?? "");
    expect(first.size).toBeGreaterThan(4);
  });

  test("shapes", () => {
    expect(ours.run("ZRANDMEMBER", "none")).toBe("$-1\r\n");
    expect(ours.run("ZRANDMEMBER", "none", "3")).toBe("*0\r\n");
    ours.protocol = 3;
    expect(ours.run("ZRANDMEMBER", "lp", "-2", "WITHSCORES")).toStartWith("*2\r\n*2\r\n$");
  });
});
