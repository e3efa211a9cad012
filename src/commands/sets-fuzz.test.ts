/**
 * Random set commands with hostile arguments on Folio's handlers and on redis-server: replies, states and counts of changes after each,
 * while saves begin and fail. What SPOP has taken here is removed there.
 * FOLIO_SET_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential, unordered } from "../../test/support/differential.ts";
import { bulks, type RunHere, sameChoices } from "../../test/support/differential-choices.ts";
import { keysNamed, runReady } from "../../test/support/differential-writes.ts";
import { BARE_BYTES, INTEGERS_AND_NOT } from "../../test/support/hostile-words.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RandomSaves } from "../../test/support/random-saves.ts";
import { RandomWords } from "../../test/support/random-words.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as debug } from "./debug.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as scans } from "./scan.ts";
import { rows as algebra } from "./set-algebra.ts";
import { rows as sets } from "./sets.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/sets.ts";
import { rows as strings } from "./writes/strings.ts";

const COMMANDS = Number(process.env["FOLIO_SET_COMMANDS"] ?? 3000);
const KEYS = 14;
const FAR_MS = 4_000_000_000_000;

const HOSTILE = [...INTEGERS_AND_NOT, ...BARE_BYTES];

/** Makes words of commands. */
class Words extends RandomWords {
  key(): string {
    return this.below(60) === 0 ? "string" : `k:${this.below(KEYS)}`;
  }

  member(): string {
    switch (this.below(12)) {
      case 0:
        return this.pick(HOSTILE);
      case 1:
        return `${this.below(2 ** 32) - 2 ** 31}`;
      case 2:
        return "x".repeat(this.pick([63, 64, 65]) - this.below(2)) + this.below(3);
      case 3:
        return this.below(30) === 0 ? "long".repeat(this.pick([1000, 4100, 5000])) : `member:${this.below(50)}`;
      case 4:
      case 5:
        return `member:${this.below(300)}`;
      default:
        return `${this.below(700) - 100}`;
    }
  }

  members(): string[] {
    const kind = this.below(80);
    const from = this.below(100);
    // All different: 7.2 goes by how many are given, 7.0 by how many there are.
    if (kind === 0) return Array.from({ length: 700 }, (_, i) => `${i + from}`);
    if (kind === 1) return Array.from({ length: 700 }, (_, i) => `member:${i + this.below(100)}`);
    if (kind < 6) return Array.from({ length: 60 + this.below(100) }, () => `member:${this.below(2000)}`);
    if (kind < 10) return Array.from({ length: 60 + this.below(100) }, () => `${this.below(1000)}`);
    return Array.from({ length: 1 + this.below(5) }, () => this.member());
  }

  sources(): string[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.key());
  }

  /** With SPOP the forms of sets that lose most of their members go their own way: Redis 7.2's is another one than 7.0's. */
  command(isPopping: boolean): Word[] {
    const key = this.key();
    return this.pick<() => Word[]>([
      ...(isPopping ? this.pops(key) : []),
      () => ["SADD", key, ...this.members()],
      () => ["SADD", key, ...this.members()],
      () => ["SADD", key, this.member()],
      () => ["SADD", key, this.member()],
      () => ["SADD", key, `${this.below(600)}`],
      () => ["SREM", key, this.member()],
      () => ["SREM", key, ...this.members()],
      () => ["SREM", key, ...this.members()],
      () => ["SMOVE", key, this.key(), this.member()],
      () => ["SMOVE", key, this.key(), `${this.below(600)}`],
      () => [this.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), key, ...this.sources()],
      () => [this.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), key, ...this.sources()],
      () => [this.pick(["SINTER", "SUNION", "SDIFF"]), ...this.sources()],
      () => ["SINTERCARD", "2", key, this.key(), "LIMIT", this.pick(["0", "1", "5", "-1"])],
      () => ["SMEMBERS", key],
      () => ["SISMEMBER", key, this.member()],
      () => ["SMISMEMBER", key, ...this.members()],
      () => ["SRANDMEMBER", key, this.pick(["0", "1", "-1", "5", "-5", "300", "-300", "2000", "x"])],
      () => ["DEL", key],
      () => ["PEXPIREAT", key, `${FAR_MS + this.below(1000)}`],
      () => ["PERSIST", key],
      () => ["COPY", key, this.key(), "REPLACE"],
      () => ["RENAME", key, this.key()],
      () => ["SET", key, "a string"],
    ])();
  }

  pops(key: string): (() => Word[])[] {
    return [
      () => ["SPOP", key],
      () => ["SPOP", key, this.pick(["0", "1", "3", "50", "600", "-1", "x", "9223372036854775807", "100", "500"])],
    ];
  }
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const words = new Words(seededRandom("sets in the layer"));
  for (let i = 0; i < KEYS; i++) {
    for (let times = words.below(6); times > 0; times--) await redis.send("SADD", `k:${i}`, ...words.members());
  }
  await redis.send("SADD", "k:0", ...Array.from({ length: 900 }, (_, i) => `member:${i}`));
  await redis.send("SADD", "k:1", ...Array.from({ length: 900 }, (_, i) => `${i}`));
  await redis.send("SADD", "k:2", "gone", "for", "long");
  await redis.send("PEXPIRE", "k:2", 1);
  await redis.send("SADD", "k:3", "with", "a", "time");
  await redis.send("PEXPIREAT", "k:3", FAR_MS);
  await redis.send("SET", "string", "x");
  await Bun.sleep(5);
}

const QUESTIONS = ["TYPE", "PEXPIRETIME", "DEBUG DIGEST-VALUE", "SCARD", "OBJECT ENCODING"];
const UNORDERED = new Set(["SMEMBERS", "SINTER", "SUNION", "SDIFF"]);

function shape(reply: string, [name]: readonly Word[]): unknown {
  // 7.0 has no listpacks.
  if (name === "OBJECT") return reply.replace("$8\r\nlistpack", "$9\r\nhashtable");
  return UNORDERED.has(String(name)) ? unordered(reply) : reply;
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start(
      [...sets, ...algebra, ...keys, ...object, ...scans, ...debug, ...generic, ...strings, ...writes],
      fill,
    );
  });
  afterAll(() => both.stop());

  /** Runs a command here: the reply, and what redis-server is asked in its place. */
  function runHere(words: readonly Word[]): RunHere {
    const reply = runReady(both.folio, words);
    if (words[0] === "SRANDMEMBER" && !reply.startsWith("-")) {
      const members = bulks(reply);
      const there = ["SMISMEMBER", words[1] as Word, ...members, "nothing"];
      return { reply: `*${members.length + 1}\r\n${":1\r\n".repeat(members.length)}:0\r\n`, there };
    }
    if (words[0] !== "SPOP" || reply.startsWith("-")) return { reply, there: words };
    const members = bulks(reply);
    if (members.length === 0) return { reply: ":0\r\n", there: ["SREM", words[1] as Word, "nothing"] };
    expect(new Set(members).size).toBe(members.length);
    return { reply: `:${members.length}\r\n`, there: ["SREM", words[1] as Word, ...members] };
  }

  test.each([false, true])(
    "random commands, while saves begin and fail (SPOP: %p)",
    async (isPopping) => {
      const words = new Words(seededRandom("set commands"));
      const saves = new RandomSaves(both.folio.server.keyspace, words);
      await sameChoices(both, COMMANDS, {
        command: () => words.command(isPopping),
        runHere,
        keysOf: keysNamed(/^(k:|string)/),
        questions: QUESTIONS,
        shape: (reply, request) => (isPopping && request[0] === "OBJECT" ? "" : shape(reply, request)),
        between: () => saves.step(),
      });
    },
    3_600_000,
  );
});
