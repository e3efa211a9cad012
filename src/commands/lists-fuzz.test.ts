/**
 * Random list commands with hostile arguments on Folio's handlers and on redis-server: replies, states and counts of changes after each.
 * FOLIO_LIST_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RandomSaves } from "../../test/support/random-saves.ts";
import { RandomWords } from "../../test/support/random-words.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as keys } from "./keys.ts";
import { rows as lists } from "./lists.ts";
import { rows as object } from "./object.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/lists.ts";

const COMMANDS = Number(process.env["FOLIO_LIST_COMMANDS"] ?? 3000);
const AT_ONCE = 200;
const KEYS = 12;
const FAR_MS = 4_000_000_000_000;
/** list-max-listpack-size, one after the other. */
const LIMITS = [-2, -1, -5, 4, 128, 1, 0, -2];

/** Makes words of commands. Keys begin with "k:". */
class Words extends RandomWords {
  key(): string {
    return this.below(40) === 0 ? "k:string" : `k:${this.below(KEYS)}`;
  }

  element(): string {
    switch (this.below(9)) {
      case 0:
        return `${this.below(100)}`;
      case 1:
        return `${this.below(2 ** 40) - 2 ** 39}`;
      case 2:
        return this.pick(["", "-0", "00", "9223372036854775807", "-9223372036854775808", "9223372036854775808", " 1"]);
      case 3:
        return "x".repeat(this.pick([62, 63, 64, 65, 126, 127, 128, 4094, 4095, 4096, 300]));
      case 4:
        return this.below(12) === 0 ? "long".repeat(this.pick([2050, 4200, 5000, 20_000])) : "lo";
      case 5:
        return String.fromCharCode(...Array.from({ length: this.below(40) }, () => this.below(256)));
      default:
        return this.pick(["a", "b", "c", "hello", "12", "x"]);
    }
  }

  elements(): string[] {
    const count = this.below(30) === 0 ? this.pick([300, 900]) : 1 + this.below(4);
    return Array.from({ length: count }, () => this.element());
  }

  index(): string {
    if (this.below(25) === 0) return this.pick(["x", "", "1.5", "9223372036854775807", "-9223372036854775808", "-0"]);
    return `${this.below(this.pick([4, 30, 700])) * this.pick([1, 1, -1])}`;
  }

  count(): string {
    if (this.below(20) === 0) return this.pick(["-1", "x", "", "9223372036854775807", "9223372036854775808"]);
    return `${this.below(this.pick([2, 5, 50, 1000]))}`;
  }

  end(): string {
    return this.below(30) === 0 ? this.pick(["UP", ""]) : this.pick(["LEFT", "RIGHT", "left", "Right"]);
  }

  multiPop(): Word[] {
    const count = 1 + this.below(3);
    const names = Array.from({ length: count }, () => this.key());
    const said = this.below(20) === 0 ? this.pick(["0", "-1", "x", "2", "99"]) : `${count}`;
    const options = this.pick([
      [],
      [],
      ["COUNT", this.count()],
      ["count", "3"],
      ["COUNT"],
      ["COUNT", "1", "COUNT", "1"],
      ["X"],
    ]);
    return ["LMPOP", said, ...names, this.end(), ...options];
  }

  command(): Word[] {
    const key = this.key();
    return this.pick<() => Word[]>([
      () => ["LPUSH", key, ...this.elements()],
      () => ["RPUSH", key, ...this.elements()],
      () => ["RPUSH", key, ...this.elements()],
      () => ["LPUSHX", key, ...this.elements()],
      () => ["RPUSHX", key, ...this.elements()],
      () => ["LPOP", key, ...this.pick([[], [], [this.count()], [this.count(), "1"]])],
      () => ["RPOP", key, ...this.pick([[], [], [this.count()]])],
      () => ["LINSERT", key, this.pick(["BEFORE", "AFTER", "before", "in"]), this.element(), this.element()],
      () => ["LINSERT", key, this.pick(["BEFORE", "AFTER"]), this.element(), this.element()],
      () => ["LSET", key, this.index(), this.element()],
      () => ["LSET", key, this.index(), this.element()],
      () => ["LREM", key, this.pick(["0", "1", "-1", "2", "-3", this.index()]), this.element()],
      () => ["LTRIM", key, this.index(), this.index()],
      () => ["LTRIM", key, this.pick(["0", "1"]), this.pick(["-1", "-2"])],
      () => ["LMOVE", key, this.key(), this.end(), this.end()],
      () => ["LMOVE", key, key, this.end(), this.end()],
      () => ["RPOPLPUSH", key, this.key()],
      () => this.multiPop(),
      () => ["LINDEX", key, this.index()],
      () => ["LRANGE", key, this.index(), this.index()],
      () => ["LPOS", key, this.element(), ...this.pick([[], ["COUNT", "0"], ["RANK", "-1"], ["MAXLEN", "3"]])],
      () => ["COPY", this.below(4) === 0 ? "old" : this.key(), key, "REPLACE"],
      () => ["RENAME", this.key(), key],
      () => ["PEXPIREAT", key, `${FAR_MS + this.below(9)}`],
      () => (this.below(5) === 0 ? ["DEL", key] : ["EXISTS", key]),
    ])();
  }
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const words = new Words(seededRandom("lists in the layer"));
  for (let i = 0; i < KEYS - 2; i++) {
    for (let n = words.below(6) * words.below(40); n >= 0; n--)
      await redis.send("RPUSH", `k:${i}`, ...words.elements());
  }
  await redis.send("PEXPIREAT", "k:1", FAR_MS);
  await redis.send("RPUSH", "k:2", ...Array.from({ length: 3000 }, (_, i) => i));
  await redis.send("RPUSH", "old", "1", "two", "x".repeat(100));
  await redis.send("SET", "k:string", "no list");
}

/** Before 7.2 every list says quicklist: lists-write.test.ts looks at encodings. */
const shape = (reply: string, question: readonly Word[]): string => (question[0] === "OBJECT" ? "" : reply);

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start([...keys, ...object, ...lists, ...generic, ...writes], fill);
  });
  afterAll(() => both.stop());

  test("random commands, while saves begin and fail", async () => {
    const words = new Words(seededRandom("list commands"));
    const saves = new RandomSaves(both.folio.server.keyspace, words);
    const questions = ["TYPE", "PEXPIRETIME", "LRANGE $ 0 -1", "LLEN"];
    for (let done = 0; done < COMMANDS; done += AT_ONCE) {
      const limit = LIMITS[Math.floor(done / AT_ONCE) % LIMITS.length] as number;
      both.folio.config.set("list-max-listpack-size", limit);
      await both.redis.send("CONFIG", "SET", "list-max-listpack-size", limit);
      const commands = Array.from({ length: AT_ONCE }, () => words.command());
      await sameWrites(both, commands, { keysOf: keysNamed(/^k:/), shape, between: () => saves.step(), questions });
    }
  }, 3_600_000);
});
