/**
 * Random stream commands with hostile arguments on Folio's handlers and on redis-server: replies, states and counts of changes after each.
 * FOLIO_STREAM_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { keysNamed, sameWrites } from "../../test/support/differential-writes.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RandomSaves } from "../../test/support/random-saves.ts";
import { RandomWords } from "../../test/support/random-words.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { timeless } from "../../test/support/stream-shape.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as streams } from "./streams.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/streams.ts";

const COMMANDS = Number(process.env["FOLIO_STREAM_COMMANDS"] ?? 3000);
const AT_ONCE = 200;
const KEYS = 6;
const FAR_MS = 4_000_000_000_000;
/** stream-node-max-entries and -bytes, one after the other. */
const LIMITS = [
  [10, 4096],
  [3, 4096],
  [1, 0],
  [0, 300],
  [200, 2000],
  [100, 4096],
] as const;

/** Makes words of commands. Keys begin with "k:". */
class Words extends RandomWords {
  /** The milliseconds of most IDs that are added: they grow. */
  clock = 1000;

  key(): string {
    return this.below(60) === 0 ? "k:string" : `k:${this.below(KEYS)}`;
  }

  text(): string {
    switch (this.below(9)) {
      case 0:
        return `${this.below(300) - 100}`;
      case 1:
        return `${this.below(2 ** 40) - 2 ** 39}`;
      case 2:
        return this.pick(["", "-0", "00", "9223372036854775807", "-9223372036854775808", "9223372036854775808", " 1"]);
      case 3:
        return "x".repeat(this.pick([62, 63, 64, 65, 126, 127, 128, 300]));
      case 4:
        return this.below(20) === 0 ? "long".repeat(this.pick([1024, 1200, 5000])) : "lo";
      case 5:
        return String.fromCharCode(...Array.from({ length: this.below(30) }, () => this.below(256)));
      default:
        return this.pick(["a", "b", "c", "hello", "12", "x"]);
    }
  }

  pairs(): string[] {
    const fields = this.pick([["a"], ["a"], ["a", "b"], ["n", "12"], ["b", "a"], [this.text()], ["a", "a", "a"]]);
    const pairs = fields.flatMap((field) => [field, this.text()]);
    return this.below(60) === 0 ? pairs.slice(1) : pairs;
  }

  /** An ID that comes after nearly all others, or is odd. */
  fresh(): string {
    if (this.below(12) === 0) {
      return this.pick(["0-0", "5-5", "x", "", "1-2-3", "-", "+", "0-1", "99", `${this.clock}-*`, "*-5", "-*", "5-*"]);
    }
    this.clock += this.below(3);
    return this.pick([
      `${this.clock}-${this.below(50)}`,
      `${this.clock}-*`,
      `${this.clock}`,
      `${this.clock}-${2 ** 40}`,
    ]);
  }

  /** An ID about where entries are. */
  id(): string {
    if (this.below(25) === 0)
      return this.pick(["x", "", "-", "+", "5-", "18446744073709551615-18446744073709551615", "0"]);
    const ms = this.clock - this.below(this.pick([3, 30, 300]));
    return this.pick([`${ms}-${this.below(30)}`, `${ms}`, `${ms}-0`, `${ms}-1`]);
  }

  bound(): string {
    return this.pick(["-", "+", this.id(), `(${this.id()}`, this.id()]);
  }

  count(): string {
    if (this.below(25) === 0) return this.pick(["-1", "x", "", "9223372036854775807"]);
    return `${this.below(this.pick([2, 5, 50]))}`;
  }

  group(): string {
    return this.pick(["g", "h", "g", "10"]);
  }

  consumer(): string {
    return this.pick(["alice", "bob", "c3", "5"]);
  }

  trim(): string[] {
    const sign = this.pick([[], ["="], ["~"], ["~"]]);
    const limit =
      sign[0] === "~" ? this.pick([[], ["LIMIT", this.count()]]) : this.below(20) === 0 ? ["LIMIT", "5"] : [];
    return this.below(3) === 0
      ? ["MINID", ...sign, this.id(), ...limit]
      : ["MAXLEN", ...sign, this.pick([this.count(), `${this.below(80)}`, `${this.below(200)}`]), ...limit];
  }

  add(key: string): Word[] {
    const options = this.pick([[], [], [], ["NOMKSTREAM"], this.trim(), [...this.trim(), "NOMKSTREAM"]]);
    return ["XADD", key, ...options, this.fresh(), ...this.pairs()];
  }

  /** Consumers are made before: redis-server 7.0 makes them only when they are given something. */
  #asConsumer(key: string, group: string, consumer: string, command: Word[]): Word[][] {
    return [["XGROUP", "CREATECONSUMER", key, group, consumer], command];
  }

  readGroup(): Word[][] {
    const [key, other, group, consumer] = [this.key(), this.key(), this.group(), this.consumer()];
    const options = this.pick([[], ["COUNT", this.count()], ["COUNT", "3"], ["NOACK"], ["COUNT", "2", "NOACK"]]);
    const id = this.pick([">", ">", ">", "0", this.id(), "$"]);
    if (this.below(4) > 0) {
      const read = ["XREADGROUP", "GROUP", group, consumer, ...options, "STREAMS", key, id];
      return this.#asConsumer(key, group, consumer, read);
    }
    const read = ["XREADGROUP", "GROUP", group, consumer, ...options, "STREAMS", key, other, id, ">"];
    return [["XGROUP", "CREATECONSUMER", other, group, consumer], ...this.#asConsumer(key, group, consumer, read)];
  }

  claim(): Word[][] {
    const [key, group, consumer] = [this.key(), this.group(), this.consumer()];
    const ids = Array.from({ length: 1 + this.below(4) }, () => this.id());
    const options: string[] = [];
    for (let i = this.below(3); i > 0; i--) {
      options.push(
        ...this.pick([
          ["FORCE"],
          ["FORCE"],
          ["JUSTID"],
          ["TIME", "1000000"],
          ["RETRYCOUNT", this.pick(["0", "7", "9223372036854775807", "-5", "x"])],
          ["LASTID", this.id()],
          ["IDLE", this.pick(["0", "x", "9223372036854775807"])],
          ["BOGUS"],
        ]),
      );
    }
    const idle = this.pick(["0", "0", "0", "100000", "-1", "x"]);
    return this.#asConsumer(key, group, consumer, ["XCLAIM", key, group, consumer, idle, ...ids, ...options]);
  }

  autoclaim(): Word[][] {
    const [key, group, consumer] = [this.key(), this.group(), this.consumer()];
    const options = this.pick([
      [],
      ["COUNT", this.pick(["1", "2", "5", "0", "x"])],
      ["JUSTID"],
      ["COUNT", "3", "JUSTID"],
    ]);
    const idle = this.pick(["0", "0", "100000", "x"]);
    const from = this.pick(["-", "0", this.id(), `(${this.id()}`]);
    return this.#asConsumer(key, group, consumer, ["XAUTOCLAIM", key, group, consumer, idle, from, ...options]);
  }

  commands(): Word[][] {
    const key = this.key();
    const one = (...words: Word[]) => [words];
    return this.pick<() => Word[][]>([
      () => [this.add(key)],
      () => [this.add(key)],
      () => [this.add(key)],
      () => [this.add(key)],
      () => [this.add(key), this.add(key), this.add(key), this.add(key), this.add(key)],
      () => one("XTRIM", key, ...this.trim()),
      () => one("XDEL", key, ...Array.from({ length: 1 + this.below(5) }, () => this.id())),
      () => one("XDEL", key, ...Array.from({ length: 1 + this.below(5) }, () => this.id())),
      () => one("XGROUP", "CREATE", key, this.group(), this.pick(["$", "0", this.id()]), ...this.createOptions()),
      () => one("XGROUP", "SETID", key, this.group(), this.pick(["$", "0", this.id()]), ...this.readOptions()),
      () => one("XGROUP", "DESTROY", key, this.below(5) === 0 ? this.group() : "gone"),
      () => one("XGROUP", "DELCONSUMER", key, this.group(), this.consumer()),
      () => this.readGroup(),
      () => this.readGroup(),
      () => this.readGroup(),
      () => one("XACK", key, this.group(), ...Array.from({ length: 1 + this.below(5) }, () => this.id())),
      () => one("XACK", key, this.group(), ...Array.from({ length: 1 + this.below(5) }, () => this.id())),
      () => this.claim(),
      () => this.claim(),
      () => this.autoclaim(),
      () => one("XPENDING", key, this.group()),
      () => one("XPENDING", key, this.group(), this.bound(), this.bound(), this.count(), ...this.pick([[], ["bob"]])),
      () => one("XRANGE", key, this.bound(), this.bound(), ...this.pick([[], ["COUNT", this.count()]])),
      () => one("XREVRANGE", key, this.bound(), this.bound(), ...this.pick([[], ["COUNT", this.count()]])),
      () => one("XREAD", ...this.pick([[], ["COUNT", this.count()]]), "STREAMS", key, this.key(), this.id(), "$"),
      () => one("XSETID", key, `${(this.clock += 2)}-${this.below(9)}`, ...this.setidOptions()),
      () => one("XLEN", key),
      () => one("COPY", this.key(), key, "REPLACE"),
      () => one("RENAME", this.key(), key),
      () => one("PEXPIREAT", key, `${FAR_MS + this.below(9)}`),
      () => (this.below(8) === 0 ? one("DEL", key) : one("EXISTS", key)),
    ])();
  }

  createOptions(): string[] {
    return this.pick([["MKSTREAM"], ["MKSTREAM"], ["MKSTREAM", ...this.readOptions()], [], ["X"]]);
  }

  readOptions(): string[] {
    return this.pick([[], [], ["ENTRIESREAD", this.pick(["0", "3", "-1", "-2", "x", "9223372036854770000"])]]);
  }

  setidOptions(): string[] {
    return this.pick([
      [],
      [],
      ["ENTRIESADDED", this.pick(["1000", "0", "-1", "x", "9223372036854775807"])],
      ["MAXDELETEDID", this.pick([`${this.clock - 1}`, `${this.clock + 9}`, "x"])],
      ["BOGUS"],
    ]);
  }
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  await redis.send("CONFIG", "SET", "stream-node-max-entries", "7");
  const words = new Words(seededRandom("streams in the layer"));
  await redis.connection.sendAll(Array.from({ length: 600 }, () => words.commands()).flat());
  // Enough for making it native to take slices.
  const many = Array.from({ length: 1500 }, (_, i) => ["XADD", "k:0", `${(words.clock += 1)}-0`, "n", i, "m", "text"]);
  await redis.connection.sendAll(many);
  await redis.send("SET", "k:string", "no stream");
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start([...keys, ...object, ...streams, ...generic, ...writes], fill);
  }, 60_000);
  afterAll(() => both.stop());

  test("random commands, while saves begin and fail", async () => {
    const words = new Words(seededRandom("stream commands"));
    words.clock = 4000;
    const saves = new RandomSaves(both.folio.server.keyspace, words);
    const questions = ["TYPE", "PEXPIRETIME", "OBJECT ENCODING", "XINFO STREAM $ FULL COUNT 0", "XREVRANGE $ + -"];
    for (let done = 0; done < COMMANDS; done += AT_ONCE) {
      const [entries, bytes] = LIMITS[Math.floor(done / AT_ONCE) % LIMITS.length] as readonly [number, number];
      both.folio.config.set("stream-node-max-entries", entries);
      both.folio.config.set("stream-node-max-bytes", bytes);
      await both.redis.send("CONFIG", "SET", "stream-node-max-entries", entries, "stream-node-max-bytes", bytes);
      const commands = Array.from({ length: AT_ONCE }, () => words.commands()).flat();
      await sameWrites(both, commands, {
        keysOf: keysNamed(/^k:/),
        shape: timeless,
        between: () => saves.step(),
        questions,
      });
    }
  }, 3_600_000);
});
