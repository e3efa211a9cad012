/** PFADD, PFMERGE, PFDEBUG beside redis-server: the bytes of the HyperLogLogs are compared after each command. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { sameWrites } from "../../test/support/differential-writes.ts";
import { seededRandom } from "../../test/support/random.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as hyperloglog } from "./hyperloglog.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as writes } from "./writes/strings.ts";

/** Damaged in the middle, at the end, in the header. */
const DAMAGED = [
  `HYLL\x01${"\0".repeat(11)}\x7f\xff\x84`,
  `HYLL\x01${"\0".repeat(11)}\x7f\xf0`,
  `HYLL\x01${"\0".repeat(11)}\x84\x88\x40`,
  `HYLL\x01${"\0".repeat(10)}`,
  `HYLL\x01${"\0".repeat(11)}`,
  `HYLL\x02${"\0".repeat(11)}\x7f\xff`,
  `HYLL\0${"\0".repeat(12_298)}`,
];
const SPARSE_BYTES_MAX = 3000;

async function fill(redis: RedisServer): Promise<void> {
  for (const [key, count] of [
    ["k:none", 0],
    ["k:few", 30],
    ["k:many", 800],
    ["k:dense", 5000],
    ["k:other-few", 25],
  ] as const) {
    await redis.send("PFADD", key, ...Array.from({ length: count }, (_, i) => `${key}-${i}`));
  }
  for (const [i, value] of DAMAGED.entries()) await redis.send("SET", `damaged:${i}`, value);
  await redis.send("SET", "int", "12");
  await redis.send("SET", "text", "no HyperLogLog at all");
  await redis.send("RPUSH", "list", "x");
}

const keysOf = (words: readonly Word[]): Word[] =>
  [...new Set(words.slice(1).map(String))].filter((word) => /^(k:|damaged:|int$|text$)/.test(word));

/** A HyperLogLog that was read, or added to without a change, is "raw" from then on in Redis. */
const shape = (reply: string): string => reply.replace("$6\r\nembstr", "$3\r\nraw");

describe.skipIf(!redisInstalled)("HyperLogLogs written as redis-server writes them", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start([...strings, ...keys, ...object, ...hyperloglog, ...writes], fill);
    both.folio.config.set("hll-sparse-max-bytes", SPARSE_BYTES_MAX);
  });
  afterAll(() => both.stop());

  /** As text lines: words parted by single spaces. */
  const same = (lines: string) =>
    sameWrites(
      both,
      lines
        .trim()
        .split("\n")
        .map((line) => line.trim().split(" ")),
      { keysOf, shape },
    );

  test("one element after another, from sparse to dense", async () => {
    const commands: Word[][] = [["PFADD", "k:new"]];
    for (let i = 0; i < 2500; i++) commands.push(["PFADD", "k:new", `element ${i}`]);
    commands.push(["PFCOUNT", "k:new"], ["PFCOUNT", "k:new"], ["PFDEBUG", "ENCODING", "k:new"]);
    await sameWrites(both, commands, { keysOf, shape });
    expect(both.folio.run("PFDEBUG", "ENCODING", "k:new")).toBe("+dense\r\n");
  });

  test("elements of every length, whatever their bytes", async () => {
    const random = seededRandom("elements");
    const commands: Word[][] = [];
    for (let length = 0; length < 70; length++) {
      const element = Uint8Array.from({ length }, () => random() * 256);
      commands.push(["PFADD", "k:lengths", element], ["PFADD", "k:dense", element, element.slice(1)]);
    }
    await sameWrites(both, commands, { keysOf, shape });
  });

  test("runs of equal levels are joined and split", async () => {
    const random = seededRandom("runs");
    for (let round = 0; round < 10; round++) {
      const commands: Word[][] = [];
      for (let i = 0; i < 150; i++) {
        const elements = Array.from({ length: 1 + Math.floor(random() * 6) }, () => `${Math.floor(random() * 1e9)}`);
        commands.push(["PFADD", `k:runs${round}`, ...elements]);
        if (i % 40 === 0) commands.push(["PFDEBUG", "DECODE", `k:runs${round}`]);
      }
      await sameWrites(both, commands, { keysOf, shape });
    }
  });

  test("PFMERGE, PFDEBUG, what keeps its time to live", async () => {
    await same(`
      PFADD k:none
      PFADD k:few k:few-1 k:few-2
      PFMERGE k:to
      PFMERGE k:to k:few
      PFMERGE k:to k:few k:other-few k:missing
      PFMERGE k:few k:other-few
      PFMERGE k:to k:many
      PFMERGE k:to k:dense
      PFMERGE k:to2 k:dense k:few
      PFMERGE k:none k:none
      PFCOUNT k:to
      PFCOUNT k:to k:to2
      PFCOUNT k:missing
      PFCOUNT k:to2
      PFCOUNT k:missing
      GETEX k:few PXAT 4000000000000
      PFADD k:few more
      PFMERGE k:few k:to
      PFDEBUG ENCODING k:many
      PFDEBUG DECODE k:many
      PFDEBUG DECODE k:dense
      PFDEBUG TODENSE k:many
      PFDEBUG TODENSE k:many
      PFDEBUG GETREG k:other-few
      PFDEBUG getreg k:dense
      PFDEBUG GETREG k:missing
      PFDEBUG NOPE k:dense
      PFDEBUG NOPE text
      PFDEBUG NOPE list`);
  });

  test("what is none, or damaged", async () => {
    for (const key of ["int", "text", "list"]) {
      await same(`
        PFADD ${key} a
        PFADD ${key}
        PFMERGE k:to3 ${key}
        PFMERGE ${key} k:few
        PFDEBUG ENCODING ${key}`);
    }
    // One element, which is refused or not: Redis keeps what it had done of several before it met the damage.
    for (const [i] of DAMAGED.entries()) {
      await same(`
        PFMERGE k:to4 damaged:${i}
        PFCOUNT k:few damaged:${i}
        PFDEBUG TODENSE damaged:${i}
        PFADD damaged:${i} a`);
    }
  });

  test("PFSELFTEST", () => {
    expect(both.folio.run("PFSELFTEST")).toBe("+OK\r\n");
  });
});
