/**
 * Random hash commands with hostile arguments on Folio's handlers and on redis-server: replies, states and counts of changes after each,
 * while saves begin and fail. FOLIO_HASH_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential, unordered, unorderedPairs, unorderedScan } from "../../test/support/differential.ts";
import { bulks, type RunHere, sameChoices } from "../../test/support/differential-choices.ts";
import { keysNamed, runReady } from "../../test/support/differential-writes.ts";
import { BARE_BYTES, INTEGERS_AND_NOT } from "../../test/support/hostile-words.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RandomSaves } from "../../test/support/random-saves.ts";
import { RandomWords } from "../../test/support/random-words.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as debug } from "./debug.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as scans } from "./scan.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/hashes.ts";
import { rows as strings } from "./writes/strings.ts";

const COMMANDS = Number(process.env["FOLIO_HASH_COMMANDS"] ?? 4000);
const KEYS = 14;
const FAR_MS = 4_000_000_000_000;

const HOSTILE = [
  ...INTEGERS_AND_NOT,
  "3.0e3",
  "0x10",
  "inf",
  "-inf",
  "nan",
  "1e5000",
  "0.1",
  "-12.75",
  "3.141592653589793238",
  ...BARE_BYTES,
];

/** Makes words of commands. */
class Words extends RandomWords {
  key(): string {
    return this.below(60) === 0 ? "string" : `k:${this.below(KEYS)}`;
  }

  text(): string {
    switch (this.below(12)) {
      case 0:
        return this.pick(HOSTILE);
      case 1:
        return `${this.below(2 ** 32) - 2 ** 31}`;
      case 2:
        return "x".repeat(this.pick([62, 63, 64, 65]) - this.below(2)) + this.below(3);
      case 3:
        return this.below(40) === 0 ? "long".repeat(this.pick([1000, 4100, 5000])) : `text:${this.below(50)}`;
      case 4:
        return `${this.below(2000) / 8}`;
      default:
        return `${this.below(700) - 100}`;
    }
  }

  field(): string {
    const kind = this.below(12);
    if (kind === 0) return this.text();
    return kind < 6 ? `field:${this.below(40)}` : `${this.below(40)}`;
  }

  pairs(): string[] {
    const kind = this.below(120);
    const from = this.below(100);
    // All different: 7.2 goes by how many are given, 7.0 by how many there are.
    if (kind === 0) return Array.from({ length: 700 }, (_, i) => [`field:${i + from}`, `${i}`]).flat();
    if (kind < 5)
      return Array.from({ length: 200 + this.below(200) }, () => [`f${this.below(800)}`, this.text()]).flat();
    if (kind < 30) return Array.from({ length: 5 + this.below(20) }, () => [this.field(), `${this.below(100)}`]).flat();
    return Array.from({ length: 1 + this.below(4) }, () => [this.field(), this.text()]).flat();
  }

  fields(): string[] {
    if (this.below(20) === 0) return Array.from({ length: 300 }, () => `f${this.below(800)}`);
    return Array.from({ length: 1 + this.below(this.pick([3, 30])) }, () => this.field());
  }

  number(): string {
    return this.pick<() => string>([
      () => this.pick(HOSTILE),
      () => `${this.below(1000) - 500}`,
      () => `${this.below(100_000) / 1000}`,
      () => `${this.fraction() * 1e20}`,
      () => `${(this.fraction() - 0.5) * 1e-5}`,
    ])();
  }

  command(): Word[] {
    const key = this.key();
    return this.pick<() => Word[]>([
      () => ["HSET", key, ...this.pairs()],
      () => ["HSET", key, ...this.pairs()],
      () => ["HSET", key, this.field(), this.text()],
      () => ["HSET", key, this.field(), this.text()],
      () => ["HSET", key, this.field(), this.text(), this.pick(["odd", ""])],
      () => ["HMSET", key, ...this.pairs()],
      () => ["HSETNX", key, this.field(), this.text()],
      () => ["HDEL", key, ...this.fields()],
      () => ["HDEL", key, ...this.fields()],
      () => ["HDEL", key, this.field()],
      () => ["HINCRBY", key, this.field(), this.number()],
      () => ["HINCRBY", key, this.field(), `${this.below(100) - 50}`],
      () => ["HINCRBYFLOAT", key, this.field(), this.number()],
      () => ["HINCRBYFLOAT", key, this.field(), `${this.below(1000) / 100}`],
      () => ["HGET", key, this.field()],
      () => ["HMGET", key, ...this.fields()],
      () => ["HSTRLEN", key, this.field()],
      () => ["HEXISTS", key, this.field()],
      () => [this.pick(["HGETALL", "HKEYS", "HVALS"]), key],
      () => ["HSCAN", key, "0", "COUNT", "1000000"],
      () => ["HRANDFIELD", key],
      () => ["HRANDFIELD", key, this.pick(["0", "1", "-1", "5", "-5", "300", "-300", "2000", "x"])],
      () => ["DEL", key],
      () => ["PEXPIREAT", key, `${FAR_MS + this.below(1000)}`],
      () => ["PERSIST", key],
      () => ["COPY", key, this.key(), "REPLACE"],
      () => ["RENAME", key, this.key()],
      () => ["SET", key, "a string"],
    ])();
  }
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const words = new Words(seededRandom("hashes in the layer"));
  for (let i = 0; i < KEYS; i++) {
    for (let times = words.below(6); times > 0; times--) await redis.send("HSET", `k:${i}`, ...words.pairs());
  }
  await redis.send("HSET", "k:0", ...Array.from({ length: 900 }, (_, i) => [`f${i}`, `${i}`]).flat());
  await redis.send("HSET", "k:1", ...Array.from({ length: 500 }, (_, i) => [`f${i}`, `${i}`]).flat());
  // As a file gives them: a hash that had a long value is a hashtable until it is loaded again.
  await redis.send("DEBUG", "RELOAD");
  await redis.send("HSET", "k:2", "gone", "for", "long", "now");
  await redis.send("PEXPIRE", "k:2", 1);
  await redis.send("HSET", "k:3", "with", "a", "long", "time");
  await redis.send("PEXPIREAT", "k:3", FAR_MS);
  await redis.send("SET", "string", "x");
  await Bun.sleep(5);
}

function shape(reply: string, [name]: readonly Word[]): unknown {
  switch (name) {
    case "HGETALL":
      return unorderedPairs(reply);
    case "HKEYS":
    case "HVALS":
      return unordered(reply);
    case "HSCAN":
      return unorderedScan(true)(reply);
    default:
      return reply;
  }
}

const QUESTIONS = ["TYPE", "PEXPIRETIME", "DEBUG DIGEST-VALUE", "HLEN", "OBJECT ENCODING"];

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start(
      [...hashes, ...hashRandom, ...keys, ...object, ...scans, ...debug, ...generic, ...strings, ...writes],
      fill,
    );
  });
  afterAll(() => both.stop());

  /** Runs a command here: the reply, and what redis-server is asked in its place. */
  function runHere(words: readonly Word[]): RunHere {
    const reply = runReady(both.folio, words);
    if (words[0] !== "HRANDFIELD" || reply.startsWith("-")) return { reply, there: words };
    const fields = reply.startsWith("*") ? bulks(reply) : bulks(`*1\r\n${reply}`);
    const count = Number(words[2] ?? 1);
    if (count > 0) expect(new Set(fields).size).toBe(fields.length);
    if (fields.length === 0) return { reply, there: words };
    // Each of them is one, and they are as many as they should be.
    const size = Number(runReady(both.folio, ["HLEN", words[1] as Word]).slice(1));
    expect(fields.length).toBe(count < 0 ? -count : Math.min(count, size));
    const asked = ["HMGET", words[1] as Word, ...fields];
    const values = runReady(both.folio, asked);
    expect(values.includes("$-1")).toBe(false);
    return { reply: values, there: asked };
  }

  test("random commands, while saves begin and fail", async () => {
    const words = new Words(seededRandom("hash commands"));
    const saves = new RandomSaves(both.folio.server.keyspace, words);
    await sameChoices(both, COMMANDS, {
      command: () => words.command(),
      runHere,
      keysOf: keysNamed(/^(k:|string)/),
      questions: QUESTIONS,
      shape,
      between: () => saves.step(),
    });
  }, 3_600_000);
});
