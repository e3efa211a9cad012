/**
 * Random string commands with hostile arguments on Folio's handlers and on redis-server: replies, states and counts of changes after each.
 * FOLIO_STRING_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { sameWrites } from "../../test/support/differential-writes.ts";
import { seededRandom } from "../../test/support/random.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as bits } from "./bits.ts";
import { rows as hyperloglog } from "./hyperloglog.ts";
import { rows as keys } from "./keys.ts";
import { rows as object } from "./object.ts";
import { rows as strings } from "./strings.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/strings.ts";

const COMMANDS = Number(process.env["FOLIO_STRING_COMMANDS"] ?? 4000);
const AT_ONCE = 400;
const KEYS = 24;
const FAR_MS = 4_000_000_000_000;
const LONG = 20_000;
/** proto-max-bulk-len, on both sides. */
const STRING_BYTES_MAX = 1024 * 1024;

/** Makes words of commands. Keys begin with "k:". */
class Words {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  key(): string {
    return `k:${this.below(KEYS)}`;
  }

  bytes(length: number): string {
    return String.fromCharCode(...Array.from({ length }, () => this.below(256)));
  }

  value(): string {
    switch (this.below(12)) {
      case 0:
        return "";
      case 1:
      case 2:
        return `${this.below(400) - 200}`;
      case 3:
        return this.integer();
      case 4:
        return `${this.below(1000)}.${this.below(1000)}`;
      case 5:
        return this.bytes(this.below(70));
      case 6:
        return this.pick([
          "-0",
          "00",
          " 1",
          "1 ",
          "+1",
          "1\0",
          "0x10",
          "1e3",
          "nan",
          "inf",
          "-inf",
          "HYLL",
          "GET",
          "NX",
        ]);
      case 7:
        return "abc".repeat(this.below(300));
      case 8:
        return this.below(40) === 0 ? this.bytes(200).repeat(this.below(500)) : this.bytes(this.below(400));
      case 9:
        return this.pick(["2147483647", "-2147483648", "2147483648", "-2147483649", "99999999999", "-1234567890123"]);
      default:
        return `${this.pick(["Hello", "World", "x"])}${this.below(10)}`;
    }
  }

  integer(): string {
    return this.pick([
      "0",
      "1",
      "-1",
      `${this.below(2 ** 32) - 2 ** 31}`,
      `${this.below(2 ** 53)}`,
      "9007199254740991",
      "-9007199254740993",
      "9223372036854775807",
      "-9223372036854775808",
      "9223372036854775808",
      "4611686018427387904",
      "-4611686018427387904",
      "999999999999999",
      "1000000000000000",
      "1.0",
      "",
      "a",
    ]);
  }

  offset(): string {
    switch (this.below(40)) {
      case 0:
        return this.below(4) === 0 ? `${this.pick([STRING_BYTES_MAX, STRING_BYTES_MAX * 8]) - this.below(20)}` : "";
      case 1:
        return this.pick(["-1", "9223372036854775807", "9223372036854775808", "x", "", "01", "1e3"]);
      case 2:
        return `${STRING_BYTES_MAX * 8 + this.below(100)}`;
      case 3:
        return `${this.below(LONG * 4)}`;
      default:
        return `${this.below(300)}`;
    }
  }

  /** No time from now on: it would not end at the same moment on both sides. */
  options(): string[] {
    const options: string[] = [];
    for (let i = this.below(4); i > 0; i--) {
      options.push(
        ...this.pick([
          ["NX"],
          ["xx"],
          ["GET"],
          ["KEEPTTL"],
          ["PXAT", `${FAR_MS + this.below(1000)}`],
          ["EXAT", `${4_000_000_000 + this.below(1000)}`],
          ["PXAT", this.pick(["1", "0", "-5", "x"])],
          ["EX", this.pick(["0", "-1", "x", "9223372036854775807"])],
          ["PERSIST"],
          ["EX"],
          [this.pick(["FOO", "", "E", "1.5"])],
        ]),
      );
    }
    return options;
  }

  field(): string {
    return this.below(10) === 0
      ? this.pick(["u64", "i65", "u0", "i0", "x8", "u", "", "u08", "i-1"])
      : `${this.pick(["u", "i"])}${this.pick([1, 2, 5, 8, 16, 31, 32, 33, 62, 63, this.below(63) + 1])}`;
  }

  fields(): string[] {
    const words: string[] = [];
    for (let i = this.below(5) + 1; i > 0; i--) {
      const offset = this.below(3) === 0 ? `#${this.below(20)}` : this.offset();
      words.push(
        ...this.pick([
          ["GET", this.field(), offset],
          ["set", this.field(), offset, this.integer()],
          ["INCRBY", this.field(), offset, this.integer()],
          ["OVERFLOW", this.pick(["WRAP", "sat", "FAIL", "NO"])],
          [...(this.below(20) === 0 ? ["SET", "u8"] : [])],
        ]),
      );
    }
    return words;
  }

  elements(): string[] {
    return Array.from({ length: this.below(30) }, () => `${this.below(3000)}`);
  }

  pairs(): string[] {
    return Array.from({ length: this.below(6) + 1 }, () => [this.key(), this.value()]).flat();
  }

  command(): Word[] {
    const key = this.key();
    return this.pick<() => Word[]>([
      () => ["SET", key, this.value()],
      () => ["SET", key, this.value()],
      () => ["SET", key, this.value(), ...this.options()],
      () => ["SET", key, this.value(), ...this.options()],
      () => ["SETNX", key, this.value()],
      () => ["SETEX", key, this.pick(["0", "-3", "x", "9223372036854775807"]), this.value()],
      () => ["PSETEX", key, this.pick(["0", "-3", "x", "9223372036854775807"]), this.value()],
      () => ["GETSET", key, this.value()],
      () => ["GETDEL", key],
      () => ["GETEX", key, ...this.options()],
      () => ["GETEX", key, ...this.pick([[], ["PERSIST"], ["PXAT", `${FAR_MS}`], ["EXAT", "1"]])],
      () => ["MSET", ...this.pairs(), ...(this.below(9) === 0 ? ["odd"] : [])],
      () => ["MSETNX", ...this.pairs()],
      () => ["APPEND", key, this.value()],
      () => ["APPEND", key, this.value()],
      () => ["INCR", key],
      () => ["DECR", key],
      () => ["INCRBY", key, this.integer()],
      () => ["DECRBY", key, this.integer()],
      () => ["INCRBYFLOAT", key, this.value()],
      () => ["SETRANGE", key, this.offset(), this.value()],
      () => ["SETRANGE", key, this.offset(), this.value()],
      () => ["SETBIT", key, this.offset(), this.pick(["0", "1", "1", "2", "x"])],
      () => ["SETBIT", key, this.offset(), this.pick(["0", "1"])],
      () => ["BITOP", this.pick(["and", "OR", "XOR", "NOT", "NOR"]), key, ...this.sources()],
      () => ["BITFIELD", key, ...this.fields()],
      () => ["BITFIELD", key, ...this.fields()],
      // Of several elements Redis keeps those that it had added before it met damage.
      () => ["PFADD", key, ...this.elements().slice(0, 1)],
      () => ["PFADD", `k:hll${this.below(4)}`, ...this.elements()],
      () => ["PFMERGE", this.hyperLogLog(), this.hyperLogLog(), this.hyperLogLog()],
      () => ["PFDEBUG", this.pick(["ENCODING", "TODENSE", "DECODE"]), this.hyperLogLog()],
      () => ["GETRANGE", key, this.integer(), this.integer()],
      () => ["BITCOUNT", key],
      () => ["COPY", this.below(3) === 0 ? "list" : this.key(), key, "REPLACE"],
      () => ["RENAME", this.key(), key],
    ])();
  }

  sources(): string[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.key());
  }

  hyperLogLog(): string {
    return this.below(5) === 0 ? this.key() : `k:hll${this.below(4)}`;
  }
}

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const words = new Words(seededRandom("strings in the layer"));
  for (let i = 0; i < KEYS; i++) await redis.send("SET", `k:${i}`, words.value());
  await redis.send("SET", "k:0", "abcdefgh".repeat(3000));
  await redis.send("SET", "k:1", words.bytes(70_000));
  await redis.send("SET", "k:2", "42", "PXAT", FAR_MS);
  await redis.send("SET", "k:3", "gone", "PX", 1);
  await redis.send("DEL", "k:4");
  await redis.send("RPUSH", "list", "x");
  await redis.send("PFADD", "k:hll0", ...words.elements());
  await Bun.sleep(5);
}

const keysOf = (words: readonly Word[]): Word[] => [...new Set(words.filter((word) => String(word).startsWith("k:")))];

/** Encodings differ after INCRBYFLOAT, and of what has been copied for nothing: strings-write.test.ts looks at them. */
const shape = (reply: string, question: readonly Word[]): string => (question[0] === "OBJECT" ? "" : reply);

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start(
      [...strings, ...keys, ...object, ...bits, ...hyperloglog, ...generic, ...writes],
      fill,
    );
    both.folio.config.set("hll-sparse-max-bytes", 3000);
    both.folio.config.set("proto-max-bulk-len", STRING_BYTES_MAX);
    await both.redis.send("CONFIG", "SET", "proto-max-bulk-len", STRING_BYTES_MAX);
  });
  afterAll(() => both.stop());

  test("random commands, while saves begin and fail", async () => {
    const words = new Words(seededRandom("string commands"));
    const { keyspace } = both.folio.server;
    let thaw: Generator<void, void, void> | null = null;
    /** A save freezes what there is; when it has failed, everything goes back in steps. */
    const between = () => {
      // What a timer does: retired overlays give their memory back.
      if (words.below(20) === 0) keyspace.tick();
      if (thaw !== null) {
        if (words.below(3) === 0 && thaw.next().done === true) thaw = null;
      } else if (words.below(60) === 0) {
        if (keyspace.phase === "idle") keyspace.freeze();
        else thaw = keyspace.thaw();
      }
    };
    for (let done = 0; done < COMMANDS; done += AT_ONCE) {
      await sameWrites(
        both,
        Array.from({ length: AT_ONCE }, () => words.command()),
        { keysOf, shape, between },
      );
    }
  }, 3_600_000);
});
