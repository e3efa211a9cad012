/**
 * The commands that write streams beside redis-server: every option and every complaint, for keys of every kind, in the file and above it;
 * and where 7.2 answers otherwise than the 7.0 beside it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { runReady, sameWrites } from "../../test/support/differential-writes.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { timeless } from "../../test/support/stream-shape.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as streams } from "./streams.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/streams.ts";

const KINDS = ["missing", "one", "many", "emptied", "groups", "last", "list"] as const;
const MAX = "18446744073709551615";

/** "$k" stands for a key of each kind. */
const COMMANDS = `
XADD $k 1000-1 a 1
XADD $k 1000-1 a 1 b 2 a 3
XADD $k 1000 a 1
XADD $k 1000-* a 1
XADD $k 50-* a 1
XADD $k 0-* a 1
XADD $k 0-0 a 1
XADD $k 0 a 1
XADD $k 0-1 a 1
XADD $k 1-1 a 1
XADD $k x a 1
XADD $k - a 1
XADD $k + a 1
XADD $k 5-x a 1
XADD $k ${MAX}-${MAX} a 1
XADD $k ${MAX}-* a 1
XADD $k 2000-1
XADD $k 2000-1 a
XADD $k 2000-1 a 1 b
XADD $k NOMKSTREAM 1000-1 a 1
XADD $k nomkstream maxlen 3 1000-1 a 1
XADD $k MAXLEN 0 1000-1 a 1
XADD $k MAXLEN 3 1000-1 a 1
XADD $k MAXLEN = 3 1000-1 a 1
XADD $k MAXLEN ~ 3 1000-1 a 1
XADD $k MAXLEN ~ 3 LIMIT 0 1000-1 a 1
XADD $k MAXLEN ~ 3 LIMIT 7 1000-1 a 1
XADD $k MAXLEN ~ 3 LIMIT -1 1000-1 a 1
XADD $k MAXLEN 3 LIMIT 7 1000-1 a 1
XADD $k MAXLEN = 3 LIMIT 0 1000-1 a 1
XADD $k LIMIT 7 1000-1 a 1
XADD $k LIMIT 0 1000-1 a 1
XADD $k MAXLEN -1 1000-1 a 1
XADD $k MAXLEN x 1000-1 a 1
XADD $k MAXLEN ~ x 1000-1 a 1
XADD $k MINID 30 1000-1 a 1
XADD $k MINID ~ 30 1000-1 a 1
XADD $k MINID = 30-5 1000-1 a 1
XADD $k MINID x 1000-1 a 1
XADD $k MINID - 1000-1 a 1
XADD $k MINID 3 MAXLEN 4 1000-1 a 1
XADD $k MAXLEN 3 MAXLEN 4 1000-1 a 1
XTRIM $k MAXLEN 5
XTRIM $k MAXLEN 0
XTRIM $k MAXLEN ~ 5
XTRIM $k MAXLEN ~ 0 LIMIT 10
XTRIM $k MAXLEN ~ 0 LIMIT 0
XTRIM $k MINID 17-3
XTRIM $k MINID ~ 17-3
XTRIM $k MINID ${MAX}-${MAX}
XTRIM $k MAXLEN
XTRIM $k MAXLEN 5 LIMIT 4
XTRIM $k LIMIT 4
XTRIM $k NOMKSTREAM 4
XTRIM $k BOGUS 4
XTRIM $k MAXLEN -4
XDEL $k 1-1
XDEL $k 1-1 1-1 20-1 21-1 99999-1
XDEL $k 1-1 x
XDEL $k -
XDEL $k 40-1 39-1 38-1
XSETID $k 100000-1
XSETID $k 1-1
XSETID $k x
XSETID $k -
XSETID $k 100000-1 ENTRIESADDED 1000 MAXDELETEDID 500-1
XSETID $k 100000-1 MAXDELETEDID 200000-1
XSETID $k 100000-1 MAXDELETEDID x
XSETID $k 100000-1 ENTRIESADDED 1
XSETID $k 100000-1 ENTRIESADDED -1
XSETID $k 100000-1 ENTRIESADDED x
XSETID $k 100000-1 ENTRIESADDED
XSETID $k 100000-1 BOGUS 1
XGROUP CREATE $k new 0
XGROUP CREATE $k new $ MKSTREAM
XGROUP CREATE $k new 20-1 MKSTREAM ENTRIESREAD 7
XGROUP CREATE $k new 20 ENTRIESREAD -1 MKSTREAM
XGROUP CREATE $k new 20 ENTRIESREAD -2 MKSTREAM
XGROUP CREATE $k new 20 ENTRIESREAD x MKSTREAM
XGROUP CREATE $k new x MKSTREAM
XGROUP CREATE $k new - MKSTREAM
XGROUP CREATE $k g 0 MKSTREAM
XGROUP CREATE $k new 0 BOGUS
XGROUP CREATE $k new 0 MKSTREAM MKSTREAM ENTRIESREAD 1 ENTRIESREAD 2
XGROUP SETID $k g 5
XGROUP SETID $k g $
XGROUP SETID $k g +
XGROUP SETID $k g - ENTRIESREAD 3
XGROUP SETID $k g x
XGROUP SETID $k nosuch 5
XGROUP SETID $k g 5 MKSTREAM
XGROUP SETID $k g 5 ENTRIESREAD 3 ENTRIESREAD 4
XGROUP DESTROY $k g
XGROUP DESTROY $k nosuch
XGROUP CREATECONSUMER $k g alice
XGROUP CREATECONSUMER $k g new
XGROUP CREATECONSUMER $k nosuch new
XGROUP DELCONSUMER $k g alice
XGROUP DELCONSUMER $k g nobody
XGROUP DELCONSUMER $k nosuch alice
XREADGROUP GROUP g alice STREAMS $k >
XREADGROUP GROUP g alice COUNT 2 STREAMS $k >
XREADGROUP GROUP g alice COUNT 2 NOACK STREAMS $k >
XREADGROUP GROUP g alice COUNT 0 STREAMS $k >
XREADGROUP GROUP g alice COUNT -5 STREAMS $k >
XREADGROUP GROUP g alice STREAMS $k 0
XREADGROUP GROUP g alice COUNT 1 STREAMS $k 2-1
XREADGROUP GROUP g alice STREAMS $k ${MAX}-${MAX}
XREADGROUP GROUP g alice STREAMS $k $
XREADGROUP GROUP g alice STREAMS $k x
XREADGROUP GROUP g alice STREAMS $k -
XREADGROUP GROUP nosuch alice STREAMS $k >
XREADGROUP GROUP g alice COUNT x STREAMS $k >
XREADGROUP GROUP g alice BLOCK -1 STREAMS $k >
XREADGROUP GROUP g alice BLOCK x STREAMS $k >
XREADGROUP GROUP g alice BLOCK 1 STREAMS $k 0
XREADGROUP COUNT 1 NOACK NOACK STREAMS $k >
XREADGROUP GROUP g alice BOGUS STREAMS $k >
XREADGROUP GROUP g alice COUNT 1 NOACK $k >
XREADGROUP GROUP g alice STREAMS $k $k > 0
XACK $k g 1-1 2-1 3-1 1-1
XACK $k g x
XACK $k g 1-1 x
XACK $k nosuch 1-1
XCLAIM $k g bob 0 1-1 2-1
XCLAIM $k g bob 0 1-1 2-1 JUSTID
XCLAIM $k g bob 0 30-1 FORCE
XCLAIM $k g bob 0 30-1 FORCE JUSTID RETRYCOUNT 5
XCLAIM $k g bob 0 99-1 FORCE
XCLAIM $k g bob 1000000 1-1
XCLAIM $k g bob -1 1-1 TIME 1000 RETRYCOUNT 9223372036854775807
XCLAIM $k g bob 0 1-1 IDLE 9223372036854775807
XCLAIM $k g bob 0 1-1 LASTID 77-7
XCLAIM $k g bob 0 1-1 LASTID x
XCLAIM $k g bob x 1-1
XCLAIM $k g bob 0 1-1 IDLE x
XCLAIM $k g bob 0 1-1 TIME x
XCLAIM $k g bob 0 1-1 RETRYCOUNT x
XCLAIM $k g bob 0 1-1 BOGUS
XCLAIM $k g bob 0 1-1 IDLE
XCLAIM $k nosuch bob 0 1-1
XAUTOCLAIM $k g bob 0 -
XAUTOCLAIM $k g bob 0 0 COUNT 2
XAUTOCLAIM $k g bob 0 (1-1 COUNT 2 JUSTID
XAUTOCLAIM $k g bob 1000000 0
XAUTOCLAIM $k g bob 0 x
XAUTOCLAIM $k g bob 0 (${MAX}-${MAX}
XAUTOCLAIM $k g bob x 0
XAUTOCLAIM $k g bob 0 0 COUNT 0
XAUTOCLAIM $k g bob 0 0 COUNT x
XAUTOCLAIM $k g bob 0 0 COUNT 9223372036854775807
XAUTOCLAIM $k g bob 0 0 COUNT
XAUTOCLAIM $k g bob 0 0 BOGUS
XAUTOCLAIM $k nosuch bob 0 0`
  .trim()
  .split("\n")
  .map((line) => line.split(" "));

/** What makes a key of each kind. */
function making(kind: string, key: string): Word[][] {
  const add = (count: number) =>
    Array.from({ length: count }, (_, i) => [
      "XADD",
      key,
      `${i + 1}-1`,
      "n",
      `${i}`,
      ...(i % 5 === 0 ? ["m", "x"] : []),
    ]);
  switch (kind) {
    case "missing":
      return [];
    case "list":
      return [["RPUSH", key, "x"]];
    case "one":
      return [...add(1), ["XGROUP", "CREATE", key, "g", "0"]];
    case "many":
      return [...add(40), ["XGROUP", "CREATE", key, "g", "$"], ["XDEL", key, "4-1", "5-1"]];
    case "emptied":
      return [...add(3), ["XTRIM", key, "MAXLEN", "0"], ["XGROUP", "CREATE", key, "g", "0"]];
    case "last":
      return [["XADD", key, `${MAX}-${MAX}`, "a", "b"]];
    default:
      return [
        ...add(40),
        ["XGROUP", "CREATE", key, "g", "0"],
        ["XREADGROUP", "GROUP", "g", "alice", "COUNT", "20", "STREAMS", key, ">"],
        ["XREADGROUP", "GROUP", "g", "bob", "COUNT", "5", "STREAMS", key, ">"],
        ["XDEL", key, "2-1", "21-1", "33-1"],
      ];
  }
}

const keysOf = (words: readonly Word[]): Word[] => [
  ...new Set(words.filter((word) => /^(layer|top):/.test(String(word)))),
];
const QUESTIONS = ["TYPE", "PEXPIRETIME", "OBJECT ENCODING", "XINFO STREAM $ FULL COUNT 0", "XREVRANGE $ + -"];
/** 7.0 makes a consumer only when it is given something: tests that look at that are below. */
const CONSUMERS = ["alice", "bob"];

/** In 7.2's words. */
function shape(reply: string, question: readonly Word[]): string {
  const quicklist = question[0] === "OBJECT" ? reply.replace("$9\r\nquicklist", "$8\r\nlistpack") : reply;
  const refused =
    question[0] === "XSETID"
      ? quicklist.replace("current max_deleted_entry_id", "the target stream top item")
      : quicklist;
  return timeless(refused);
}

function commandsFor(level: string, kind: string): Word[][] {
  return COMMANDS.flatMap((words, i) => {
    const key = `${level}:${kind}:${i}`;
    return [
      ...(level === "top" ? making(kind, key) : []),
      ...(["one", "many", "emptied", "groups"].includes(kind)
        ? CONSUMERS.map((name) => ["XGROUP", "CREATECONSUMER", key, "g", name])
        : []),
      words.map((word) => (word === "$k" ? key : word)),
    ];
  });
}

describe.skipIf(!redisInstalled)("streams written as redis-server writes them", () => {
  let both: Differential;
  beforeAll(async () => {
    const fill = async (redis: RedisServer) => {
      await redis.send("CONFIG", "SET", "stream-node-max-entries", "10");
      for (const kind of KINDS) {
        const made = COMMANDS.flatMap((_, i) => making(kind, `layer:${kind}:${i}`));
        if (made.length > 0) await redis.connection.sendAll(made);
      }
    };
    both = await Differential.start([...keys, ...object, ...streams, ...generic, ...writes], fill);
    both.folio.config.set("stream-node-max-entries", 10);
  }, 60_000);
  afterAll(() => both.stop());

  for (const kind of KINDS) {
    test(`every command on a key of the file: ${kind}`, async () => {
      const commands = commandsFor("layer", kind);
      await sameWrites(both, commands, { keysOf, shape, questions: QUESTIONS });
    }, 60_000);

    test.skipIf(kind === "list")(
      `every command on a key in memory: ${kind}`,
      async () => {
        const commands = commandsFor("top", kind);
        await sameWrites(both, commands, { keysOf, shape, questions: QUESTIONS });
      },
      60_000,
    );
  }

  test("where 7.2 answers otherwise than 7.0", () => {
    const run = (line: string) => runReady(both.folio, line.split(" "));
    both.folio.protocol = 2;
    run("XADD v 5-1 a 1");
    run("XADD v 6-1 a 1");
    run("XGROUP CREATE v g $");
    // A consumer that is given nothing is there.
    expect(run("XREADGROUP GROUP g idler STREAMS v >")).toBe("*-1\r\n");
    expect(run("XCLAIM v g claimer 0 5-1")).toBe("*0\r\n");
    expect(run("XAUTOCLAIM v g auto 0 0")).toBe("*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n");
    expect(run("XINFO CONSUMERS v g").match(/\$\d+\r\n(?:idler|claimer|auto)\r\n/g)?.length).toBe(3);
    // Seen, but not active.
    expect(run("XINFO CONSUMERS v g").match(/inactive\r\n:-1\r\n/g)?.length).toBe(3);
    expect(run("XDEL v 6-1")).toBe(":1\r\n");
    expect(run("XSETID v 5-1")).toBe(
      "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id\r\n",
    );
    expect(run("XREADGROUP GROUP g c STREAMS v w 0")).toBe(
      "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.\r\n",
    );
    expect(run("XADD w 7-18446744073709551615 a 1")).toBe("$22\r\n7-18446744073709551615\r\n");
    expect(run("XADD w 7-* a 1")).toStartWith("-ERR The ID specified in XADD is equal or smaller");
  });

  test("IDs that the server makes: of now, and behind the last", () => {
    both.folio.protocol = 2;
    const before = Date.now();
    const made = Array.from(
      { length: 50 },
      () => runReady(both.folio, ["XADD", "auto", "*", "n", "1"]).split("\r\n")[1],
    );
    const parts = made.map((id) => (id as string).split("-").map(Number) as [number, number]);
    for (const [i, [ms, seq]] of parts.entries()) {
      const [lastMs, lastSeq] = parts[i - 1] ?? [before, -1];
      expect(ms).toBeWithin(before, Date.now() + 1);
      expect(ms > lastMs ? seq === 0 : seq === lastSeq + 1).toBe(true);
    }
    runReady(both.folio, ["XADD", "auto", "9999999999999-5", "n", "1"]);
    for (let seq = 6; seq < 10_100; seq++) {
      const id = `9999999999999-${seq}`;
      expect(runReady(both.folio, ["XADD", "auto", "*", "n", "1"])).toBe(`$${id.length}\r\n${id}\r\n`);
    }
  });
});
