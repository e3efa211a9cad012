/** Sorted sets, of any scores and of one score (for ranges by name), and geo indexes. */
import { counted, timeout } from "./lists.ts";
import type { Family, Words } from "./words.ts";

const FLAGS = ["NX", "xx", "GT", "LT", "CH", "INCR"];

function add(w: Words): string[] {
  const flags = w.chance(0.35) ? w.some(2, () => w.pick(FLAGS)) : [];
  return ["ZADD", w.key(), ...flags, ...w.members().flatMap((member) => [w.score(), member])];
}

function sources(w: Words): string[] {
  return counted(
    w,
    w.some(3, () => w.key(w.pick(["z", "z", "z", "e", "y"]))),
  );
}

function combined(w: Words): string[] {
  const from = sources(w);
  const weights = w.chance(0.3) ? ["WEIGHTS", ...from.slice(1).map(() => w.score())] : [];
  return [...from, ...weights, ...w.maybe(0.4, ["AGGREGATE", w.pick(["SUM", "min", "MAX", "AVG"])])];
}

function range(w: Words): string[] {
  const shape = w.below(3);
  if (shape === 0) return [w.rank(), w.rank(), ...w.maybe(0.4, ["REV"])];
  if (shape === 1) return [w.bound(), w.bound(), "BYSCORE", ...w.maybe(0.4, ["rev"]), ...w.limit()];
  return [w.lexBound(), w.lexBound(), "BYLEX", ...w.maybe(0.4, ["REV"]), ...w.limit()];
}

const scores = (w: Words) => w.maybe(0.5, ["WITHSCORES"]);
const end = (w: Words) => w.pick(["MIN", "max", "MIN", "MAX", "MID"]);

/** Ranges by name mean something where all scores are the same. */
const LEXICAL: Family["makers"] = [
  [3, (w) => ["ZADD", w.key("y"), ...w.members().flatMap((member) => ["0", member])]],
  [1, (w) => ["ZREM", w.key("y"), ...w.members()]],
  [1, (w) => ["ZREMRANGEBYLEX", w.key("y"), w.lexBound(), w.lexBound()]],
  [1, (w) => [w.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), w.key("y"), w.lexBound(), w.lexBound(), ...w.limit()]],
  [1, (w) => ["ZLEXCOUNT", w.key("y"), w.lexBound(), w.lexBound()]],
];

export const SORTED_SETS: Family = {
  name: "sorted sets",
  pool: "z",
  makers: [
    [7, add],
    [2, (w) => ["ZINCRBY", w.key(), w.score(), w.member()]],
    [2, (w) => ["ZREM", w.key(), ...w.members()]],
    [1, (w) => [w.pick(["ZPOPMIN", "ZPOPMAX"]), w.key(), ...w.maybe(0.4, [w.count()])]],
    [1, (w) => ["ZMPOP", ...sources(w), end(w), ...w.maybe(0.4, ["COUNT", w.count()])]],
    [0.3, (w) => [w.pick(["BZPOPMIN", "BZPOPMAX"]), ...w.keys(), timeout(w)]],
    [0.3, (w) => ["BZMPOP", timeout(w), ...sources(w), end(w), ...w.maybe(0.4, ["COUNT", w.count()])]],
    [1, (w) => ["ZREMRANGEBYRANK", w.key(), w.rank(), w.rank()]],
    [1, (w) => ["ZREMRANGEBYSCORE", w.key(), w.bound(), w.bound()]],
    [2, (w) => ["ZRANGESTORE", w.key(), w.key(), ...range(w)]],
    [2, (w) => [w.pick(["ZUNIONSTORE", "ZINTERSTORE"]), w.key(), ...combined(w)]],
    [1, (w) => ["ZDIFFSTORE", w.key(), ...sources(w)]],
    [1, (w) => [w.pick(["ZUNION", "ZINTER"]), ...combined(w), ...scores(w)]],
    [1, (w) => ["ZDIFF", ...sources(w), ...scores(w)]],
    [1, (w) => ["ZINTERCARD", ...sources(w), ...w.maybe(0.5, ["LIMIT", w.count()])]],
    [2, (w) => ["ZRANGE", w.key(), ...range(w), ...scores(w)]],
    [1, (w) => ["ZREVRANGE", w.key(), w.rank(), w.rank(), ...scores(w)]],
    [
      1,
      (w) => [w.pick(["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]), w.key(), w.bound(), w.bound(), ...scores(w), ...w.limit()],
    ],
    [1, (w) => ["ZCOUNT", w.key(), w.bound(), w.bound()]],
    [1, (w) => ["ZCARD", w.key()]],
    [1, (w) => ["ZSCORE", w.key(), w.member()]],
    [1, (w) => ["ZMSCORE", w.key(), ...w.members()]],
    [1, (w) => [w.pick(["ZRANK", "ZREVRANK"]), w.key(), w.member()]],
    [1, (w) => ["ZRANDMEMBER", w.key(), ...w.maybe(0.8, [w.rank()], [w.rank(), "WITHSCORES"])]],
    [1, (w) => ["ZSCAN", w.key(), w.count(), ...w.maybe(0.5, ["MATCH", "m*"], ["COUNT", w.count()])]],
    ...LEXICAL,
  ],
};

function place(w: Words): string[] {
  if (w.chance(0.05))
    return w.pick([
      ["181", "0"],
      ["0", "86"],
      ["x", "1"],
      ["-180", "-85.05112878"],
      ["180", "85.05112878"],
    ]);
  return [`${w.below(3600) / 10 - 180}`, `${w.below(1700) / 10 - 85}`];
}

function around(w: Words): string[] {
  const unit = w.pick(["km", "km", "mi", "m", "ft"]);
  const area = w.pick([
    ["BYRADIUS", `${w.below(9000)}`, unit],
    ["BYBOX", `${w.below(9000)}`, `${w.below(9000)}`, unit],
  ]);
  const from = w.chance(0.3) ? ["FROMMEMBER", w.member()] : ["FROMLONLAT", ...place(w)];
  return [...from, ...area, ...w.maybe(0.6, ["ASC"], ["DESC"])];
}

const details = (w: Words) => w.maybe(0.5, ["WITHDIST"], ["WITHCOORD"], ["WITHHASH"], ["WITHHASH", "WITHDIST"]);
const store = (w: Words) => w.maybe(0.5, ["STORE", w.key()], ["STOREDIST", w.key("z")], ["WITHDIST", "STORE", w.key()]);

export const GEO: Family = {
  name: "geo",
  pool: "g",
  makers: [
    [
      4,
      (w) => [
        "GEOADD",
        w.key(),
        ...w.maybe(0.2, ["NX"], ["XX"], ["CH"]),
        ...w.some(4, () => [...place(w), w.member()]).flat(),
      ],
    ],
    [1, (w) => ["GEOSEARCHSTORE", w.key(), w.key(), ...around(w), ...w.maybe(0.4, ["STOREDIST"])]],
    [1, (w) => ["GEOSEARCH", w.key(), ...around(w), ...details(w)]],
    [1, (w) => ["GEORADIUS", w.key(), ...place(w), `${w.below(9000)}`, "km", ...store(w)]],
    [1, (w) => ["GEORADIUSBYMEMBER", w.key(), w.member(), `${w.below(9000)}`, "km", ...store(w)]],
    [1, (w) => ["GEOPOS", w.key(), ...w.members()]],
    [1, (w) => ["GEODIST", w.key(), w.member(), w.member(), ...w.maybe(0.5, ["km"], ["ft"], ["x"])]],
    [1, (w) => ["GEOHASH", w.key(), ...w.members()]],
    [1, (w) => ["ZREM", w.key(), ...w.members()]],
  ],
};
