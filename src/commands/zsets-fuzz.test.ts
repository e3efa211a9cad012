/**
 * Random commands of sorted sets and geo indexes, with hostile arguments, on Folio's handlers and on redis-server: replies, states and
 * counts of changes after each, while saves begin, fail and succeed. FOLIO_ZSET_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { rebased } from "../../test/support/levels.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RandomSaves } from "../../test/support/random-saves.ts";
import { RandomWords } from "../../test/support/random-words.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { scoreShape } from "../../test/support/score-shape.ts";
import { rows as geo } from "./geo.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as sets } from "./sets.ts";
import { rows as strings } from "./strings.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/sorted-sets.ts";
import { rows as zsets } from "./zsets.ts";

const COMMANDS = Number(process.env["FOLIO_ZSET_COMMANDS"] ?? 4000);
const AT_ONCE = 200;
/** Keys with any scores, and keys whose scores are all equal, for ranges of names. */
const KEYS = 12;
const LEX_KEYS = 6;
const FAR_MS = 4_000_000_000_000;
/** On both sides: small sets grow beyond often. */
const LIMITS = { "zset-max-listpack-entries": 20, "zset-max-listpack-value": 24 };
const QUESTIONS = ["TYPE", "PEXPIRETIME", "OBJECT ENCODING", "ZCARD", "ZRANGE $ 0 -1 WITHSCORES"];

/** Makes words of commands. Keys begin with "k:" and "l:". */
class Words extends RandomWords {
  key(): string {
    return this.below(40) === 0 ? this.pick(["k:string", "k:set"]) : `k:${this.below(KEYS)}`;
  }

  lexKey(): string {
    return `l:${this.below(LEX_KEYS)}`;
  }

  member(): string {
    switch (this.below(14)) {
      case 0:
        return `${this.below(300) - 150}`;
      case 1:
        return this.pick(["", "0", "-1", "9223372036854775807", "9223372036854775808", "1e5", "1.5", "\0", "\xff\x80"]);
      case 2:
        return this.below(12) === 0 ? "long ".repeat(5 + this.below(40)) : "m";
      default:
        return `m${this.below(40)}`;
    }
  }

  score(): string {
    switch (this.below(16)) {
      case 0:
        return this.pick(["inf", "-inf", "+inf", "-0", "0", "1e300", "-1e-300", "0x10", "1e5", "4611686018427387904"]);
      case 1:
        return this.pick(["", "nan", "x", " 1", "1 ", "1e999", "(1"]);
      case 2:
      case 3:
        return `${(this.below(4000) - 2000) / 8}`;
      case 4:
        return `${this.below(2 ** 32) * 1_000_000}`;
      case 5:
        return `${this.below(1000)}.${this.below(1000)}`;
      default:
        return `${this.below(30) - 10}`;
    }
  }

  goodScore(): string {
    return this.below(3) === 0 ? `${(this.below(4000) - 2000) / 8}` : `${this.below(30) - 10}`;
  }

  bound(): string {
    const score = this.below(12) === 0 ? this.score() : this.goodScore();
    return this.pick([score, `(${score}`, score, "-inf", "+inf"]);
  }

  lexBound(): string {
    const member = this.member();
    return this.pick([`[${member}`, `(${member}`, `[${member}`, "-", "+", ...(this.below(8) === 0 ? [member] : [])]);
  }

  rank(): string {
    return this.below(25) === 0
      ? this.pick(["x", "", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808"])
      : `${this.below(40) - 15}`;
  }

  limit(): string[] {
    return this.below(3) > 0 ? [] : ["LIMIT", this.rank(), this.rank()];
  }

  /** Fewer than the threshold at once: 7.0 counts others otherwise than 7.2. */
  add(): Word[] {
    const flags = this.below(3) > 0 ? [] : this.some(2, () => this.pick(["NX", "xx", "GT", "LT", "CH", "INCR"]));
    const score = () => (this.below(6) === 0 ? this.score() : this.goodScore());
    const pairs = this.some(this.pick([1, 1, 3, 15]), () => [score(), this.member()]);
    return ["ZADD", this.key(), ...flags, ...pairs.flat(), ...(this.below(60) === 0 ? ["1"] : [])];
  }

  place(): string[] {
    if (this.below(40) === 0)
      return this.pick([
        ["181", "0"],
        ["0", "86"],
        ["x", "1"],
        ["-180", "-85.05112878"],
        ["180", "85.05112878"],
      ]);
    return [`${this.below(3600) / 10 - 180}`, `${this.below(1700) / 10 - 85}`];
  }

  geoAdd(): Word[] {
    const flags = this.below(4) > 0 ? [] : this.some(2, () => this.pick(["NX", "XX", "CH"]));
    return ["GEOADD", this.key(), ...flags, ...this.some(4, () => [...this.place(), this.member()]).flat()];
  }

  shape(): string[] {
    const unit = this.pick(["km", "km", "mi", "m", "ft"]);
    const by = this.pick([
      ["BYRADIUS", `${this.below(9000)}`, unit],
      ["BYBOX", `${this.below(9000)}`, `${this.below(9000)}`, unit],
    ]);
    const from = this.below(3) === 0 ? ["FROMMEMBER", this.member()] : ["FROMLONLAT", ...this.place()];
    return [...from, ...by, ...this.pick([[], ["ASC"], ["DESC"]])];
  }

  combined(): string[] {
    const keys = this.some(3, () => (this.below(8) === 0 ? "k:set" : this.key()));
    const weights = this.below(3) > 0 ? [] : ["WEIGHTS", ...keys.map(() => this.goodScore())];
    const aggregate = this.below(3) > 0 ? [] : ["AGGREGATE", this.pick(["SUM", "min", "MAX", "AVG"])];
    return [`${keys.length}`, ...keys, ...weights, ...aggregate];
  }

  sources(): string[] {
    const keys = this.some(3, () => this.key());
    return [`${keys.length}`, ...keys];
  }

  count(): string[] {
    return this.pick([[], [], [this.rank()], ["1"], ["5"]]);
  }

  command(): Word[] {
    if (this.below(5) === 0) return this.lexCommand();
    const key = this.key();
    return this.pick<() => Word[]>([
      () => this.add(),
      () => this.add(),
      () => this.add(),
      () => this.add(),
      () => ["ZINCRBY", key, this.score(), this.member()],
      () => ["ZREM", key, ...this.some(6, () => this.member())],
      () => ["ZPOPMIN", key, ...this.count()],
      () => ["ZPOPMAX", key, ...this.count()],
      () => ["ZMPOP", ...this.sources(), this.pick(["MIN", "max", "MID"]), ...this.pick([[], ["COUNT", this.rank()]])],
      () => ["BZMPOP", "x", ...this.sources(), "MIN"],
      () => ["ZREMRANGEBYRANK", key, this.rank(), this.rank()],
      () => ["ZREMRANGEBYSCORE", key, this.bound(), this.bound()],
      () => ["ZRANGESTORE", this.key(), key, this.rank(), this.rank(), ...this.pick([[], ["REV"], ["WITHSCORES"]])],
      () => ["ZRANGESTORE", this.key(), key, this.bound(), this.bound(), "BYSCORE", ...this.limit()],
      () => ["ZRANGESTORE", this.key(), key, this.bound(), this.bound(), "byscore", "rev", ...this.limit()],
      () => ["ZUNIONSTORE", key, ...this.combined()],
      () => ["ZINTERSTORE", key, ...this.combined()],
      () => ["ZDIFFSTORE", key, ...this.sources()],
      () => this.geoAdd(),
      () => ["GEOSEARCHSTORE", key, this.key(), ...this.shape(), ...this.pick([[], ["STOREDIST"]])],
      () => [
        "GEORADIUS",
        key,
        ...this.place(),
        "5000",
        "km",
        ...this.pick([["STORE", this.key()], ["STOREDIST", this.key()], [], ["WITHDIST", "STORE", key]]),
      ],
      () => ["GEORADIUSBYMEMBER", key, this.member(), "5000", "km", ...this.pick([["STORE", this.key()], []])],
      () => this.generic(key),
      () => this.read(key),
      () => this.read(key),
      () => this.read(key),
    ])();
  }

  generic(key: string): Word[] {
    return this.pick<Word[]>([
      ["COPY", key, this.key(), "REPLACE"],
      ["RENAME", key, this.key()],
      ["DEL", key],
      ["PEXPIREAT", key, FAR_MS + this.below(5)],
      ["PERSIST", key],
    ]);
  }

  read(key: string): Word[] {
    const scores = this.pick([[], ["WITHSCORES"]]);
    return this.pick<Word[]>([
      ["ZSCORE", key, this.member()],
      ["ZMSCORE", key, this.member(), this.member()],
      ["ZRANK", key, this.member()],
      ["ZREVRANK", key, this.member()],
      ["ZCOUNT", key, this.bound(), this.bound()],
      ["ZRANGE", key, this.rank(), this.rank(), ...scores],
      ["ZRANGE", key, this.rank(), this.rank(), "REV", ...scores],
      ["ZREVRANGE", key, this.rank(), this.rank(), ...scores],
      ["ZRANGEBYSCORE", key, this.bound(), this.bound(), ...scores, ...this.limit()],
      ["ZREVRANGEBYSCORE", key, this.bound(), this.bound(), ...scores, ...this.limit()],
      ["ZUNION", ...this.combined(), ...scores],
      ["ZINTER", ...this.combined(), ...scores],
      ["ZDIFF", ...this.sources(), ...scores],
      ["ZINTERCARD", ...this.sources(), ...this.pick([[], ["LIMIT", "3"]])],
      ["GEOPOS", key, this.member()],
      ["GEODIST", key, this.member(), this.member()],
    ]);
  }

  lexCommand(): Word[] {
    const key = this.lexKey();
    const range = [this.lexBound(), this.lexBound()];
    return this.pick<() => Word[]>([
      () => ["ZADD", key, ...this.some(this.pick([1, 12]), () => ["0", this.member()]).flat()],
      () => ["ZADD", key, ...this.some(this.pick([1, 12]), () => ["0", this.member()]).flat()],
      () => ["ZREM", key, this.member(), this.member()],
      () => ["ZREMRANGEBYLEX", key, ...range],
      () => ["ZRANGESTORE", this.lexKey(), key, ...range, "BYLEX", ...this.pick([[], ["REV"]]), ...this.limit()],
      () => ["ZRANGEBYLEX", key, ...range, ...this.limit()],
      () => ["ZREVRANGEBYLEX", key, ...range, ...this.limit()],
      () => ["ZLEXCOUNT", key, ...range],
      () => ["ZPOPMIN", key],
      () => ["ZPOPMAX", key, "2"],
    ])();
  }
}

async function fill(redis: RedisServer): Promise<void> {
  for (const [name, value] of Object.entries(LIMITS)) await redis.send("CONFIG", "SET", name, value);
  const words = new Words(seededRandom("sorted sets in the layer"));
  for (let i = 0; i < KEYS; i++) {
    for (let left = words.below(50); left > 0; left--)
      await redis.send("ZADD", `k:${i}`, words.goodScore(), words.member());
  }
  for (let i = 0; i < 700; i++) await redis.send("ZADD", "k:0", i % 50, `many ${i}`);
  for (let i = 0; i < LEX_KEYS; i++) {
    for (let left = words.below(40); left > 0; left--) await redis.send("ZADD", `l:${i}`, 0, words.member());
  }
  await redis.send("PEXPIREAT", "k:1", FAR_MS);
  await redis.send("SET", "k:string", "a string");
  await redis.send("DEBUG", "RELOAD");
  await redis.send("SADD", "k:set", 1, 2, 5, 17, -30);
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start(
      [...zsets, ...geo, ...strings, ...sets, ...keys, ...object, ...generic, ...writes],
      fill,
    );
    for (const [name, value] of Object.entries(LIMITS)) both.folio.config.set(name, value);
  });
  afterAll(() => both.stop());

  test("random commands, while saves begin, fail and succeed", async () => {
    const words = new Words(seededRandom("sorted-set commands"));
    const { folio } = both;
    const { keyspace } = folio.server;
    const saves = new RandomSaves(keyspace, words);
    for (let done = 0; done < COMMANDS; done += AT_ONCE) {
      const commands = Array.from({ length: AT_ONCE }, () => words.command());
      await sameWrites(both, commands, {
        keysOf: keysNamed(/^[kl]:/),
        shape: scoreShape,
        between: () => saves.step(),
        questions: QUESTIONS,
      });
      if (words.below(4) > 0) continue;
      // Saved, and served from the new file: small sets are listpacks then.
      saves.end();
      folio.layer = await rebased(keyspace, folio.layer);
      await both.redis.send("DEBUG", "RELOAD");
      keyspace.dirty = 0;
    }
  }, 3_600_000);
});
