/**
 * Words of commands that write: small pools of keys and members, so that commands meet, and what parsers trip over.
 * A family is a table of makers with weights; a maker makes one command's words.
 */
import { BARE_SIGNS, LIMITS_OF_INTEGERS, NOTATIONS } from "../../support/hostile-words.ts";
import { randomFrom } from "../../support/random.ts";
import { RandomWords } from "../../support/random-words.ts";
import { spoilt } from "../spoilt.ts";

/** What number parsers, syntax checks and range checks trip over. */
export const HOSTILE = [
  ...BARE_SIGNS,
  ...NOTATIONS,
  ...LIMITS_OF_INTEGERS,
  "-1",
  "1",
  "nan",
  "inf",
  "-inf",
  "(inf",
  "(1",
  "[1",
  "(nan",
  "1e400",
  "1e-400",
  "0x1p3",
  "0-0",
  "5-",
  "1-1-1",
  "(5-1",
  "$",
  ">",
  "*",
  "\xff\xfe",
  "%s%n",
  "x".repeat(300),
  "9".repeat(400),
] as const;

/** Options of some command, to be put where they do not belong. */
const TOKENS = [
  ..."NX XX GT LT CH INCR COUNT LIMIT WITHSCORES WITHVALUES LEFT RIGHT BEFORE MATCH STORE BY GET ASC DESC ALPHA".split(
    " ",
  ),
  ..."MAXLEN MINID NOMKSTREAM STREAMS GROUP BLOCK NOACK IDLE JUSTID FORCE MKSTREAM ENTRIESREAD KEEPTTL EX PX".split(
    " ",
  ),
  ..."EXAT PXAT PERSIST REPLACE WEIGHTS AGGREGATE SUM BYSCORE BYLEX REV WITHDIST RANK ANY DB ABSTTL = ~".split(" "),
];

/** Moments of expiry in the far future (2096 and later) are the same on both servers. */
export const FAR_MS = 4_000_000_000_000;

export class Words extends RandomWords {
  /** Pool that key() takes from mostly. */
  pool = "s";

  constructor(seed: number) {
    super(randomFrom(seed));
  }

  /** None, or one of the choices. */
  maybe(probability: number, ...choices: readonly (readonly string[])[]): readonly string[] {
    return this.chance(probability) ? this.pick(choices) : [];
  }

  /** A key, mostly of the family's type. */
  key(pool = this.pool): string {
    if (this.chance(0.04)) return this.anyKey();
    return `${pool}${this.below(POOLS[pool] ?? 1)}`;
  }

  /** Of any type, HyperLogLogs apart: what is written into the middle of one damages it, and then Folio differs (docs/differences.md). */
  anyKey(): string {
    return this.pick(EDITABLE);
  }

  keys(max = 3, pool = this.pool): string[] {
    return this.some(max, () => this.key(pool));
  }

  hostile(): string {
    return this.pick(HOSTILE);
  }

  /** A member, field or element: from pools that overlap, of all integer sizes, short and long. */
  member(): string {
    switch (this.below(16)) {
      case 0:
        return `${this.below(600) - 300}`;
      case 1:
        return `${this.below(2 ** 32) - 2 ** 31}`;
      case 2:
        return this.pick(HOSTILE);
      case 3:
        return this.pick(["long ", "x", "0"]).repeat(this.pick([3, 8, 9, 13, 16, 63, 64, 65, 70]));
      case 4:
        return this.chance(0.1) ? this.pick(["big", "x"]).repeat(this.pick([1400, 4096, 9000])) : "b";
      case 5:
        return this.bytes(this.below(12));
      case 6:
      case 7:
        return `${this.below(40)}`;
      default:
        return `m${this.below(40)}`;
    }
  }

  members(): string[] {
    if (this.chance(0.03)) return Array.from({ length: this.pick([20, 70, 140, 600]) }, () => `m${this.below(900)}`);
    if (this.chance(0.03)) return Array.from({ length: this.pick([20, 70, 140, 600]) }, () => `${this.below(900)}`);
    return this.some(this.pick([1, 2, 5]), () => this.member());
  }

  integer(): string {
    if (this.chance(0.06)) return this.pick(HOSTILE);
    return `${this.pick([this.below(5), this.below(60) - 20, this.below(2000) - 500])}`;
  }

  /** An index from the front or the end. */
  rank(): string {
    if (this.chance(0.04)) return this.pick(HOSTILE);
    return `${this.below(this.pick([3, 12, 80, 700])) * this.pick([1, 1, -1])}`;
  }

  /** An index that most collections have. */
  near(): string {
    return this.chance(0.15) ? this.rank() : `${this.below(this.pick([1, 2, 8])) * this.pick([1, -1])}`;
  }

  count(): string {
    if (this.chance(0.06)) return this.pick(HOSTILE);
    return `${this.below(this.pick([2, 4, 12, 200]))}`;
  }

  score(): string {
    switch (this.below(14)) {
      case 0:
        return this.pick(["inf", "-inf", "+inf", "-0", "0", "1e300", "-1e-300", "0x10", "1e5", "4611686018427387904"]);
      case 1:
        return this.chance(0.3) ? this.pick(HOSTILE) : `${this.below(1000)}.${this.below(1000)}`;
      case 2:
      case 3:
        return `${(this.below(4000) - 2000) / 8}`;
      default:
        return `${this.below(30) - 10}`;
    }
  }

  bound(): string {
    return this.pick([this.score(), `(${this.score()}`, this.score(), "-inf", "+inf"]);
  }

  lexBound(): string {
    return this.pick([`[${this.member()}`, `(${this.member()}`, `[m${this.below(10)}`, "-", "+", this.member()]);
  }

  limit(probability = 0.3): string[] {
    return this.chance(probability) ? ["LIMIT", this.rank(), this.rank()] : [];
  }

  /** The words with a thing or two wrong: dropped, doubled, swapped for what trips parsers up. The name stays. */
  spoilt(words: readonly string[]): string[] {
    return spoilt(words, 1, {
      below: (n) => this.below(n),
      token: () => this.pick(TOKENS),
      hostile: () => this.hostile(),
      key: () => this.anyKey(),
    });
  }
}

/** How many keys there are in each pool, by the letter that its keys begin with. */
const POOLS: Readonly<Record<string, number>> = { s: 5, p: 2, h: 5, l: 5, e: 5, z: 5, y: 2, g: 2, x: 4 };

/** Every key that is used; beside the families' pools: p HyperLogLogs, y sorted sets of one score, g geo indexes. */
export const KEYS: readonly string[] = Object.entries(POOLS).flatMap(([pool, count]) =>
  Array.from({ length: count }, (_, i) => `${pool}${i}`),
);

const EDITABLE = KEYS.filter((key) => !key.startsWith("p"));

export type Maker = (w: Words) => readonly string[];

export interface Family {
  readonly name: string;
  /** Its pool of keys. */
  readonly pool: string;
  readonly makers: readonly (readonly [weight: number, make: Maker])[];
}
