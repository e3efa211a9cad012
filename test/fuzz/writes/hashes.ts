/** Hashes. Fields with times of their own are of 7.4: redis-server 7.0 has none to compare with. */
import type { Family, Words } from "./words.ts";

const pairs = (w: Words): string[] => w.members().flatMap((field) => [field, w.member()]);
const number = (w: Words): string => w.pick(["1", "-1", w.integer(), w.score()]);

export const HASHES: Family = {
  name: "hashes",
  pool: "h",
  makers: [
    [6, (w) => ["HSET", w.key(), ...pairs(w), ...w.maybe(0.02, ["odd"])]],
    [1, (w) => ["HMSET", w.key(), ...pairs(w)]],
    [1, (w) => ["HSETNX", w.key(), w.member(), w.member()]],
    [3, (w) => ["HDEL", w.key(), ...w.members()]],
    [2, (w) => ["HINCRBY", w.key(), w.member(), number(w)]],
    [1, (w) => ["HINCRBY", w.key(), `n${w.below(3)}`, number(w)]],
    [1, (w) => ["HINCRBYFLOAT", w.key(), `n${w.below(3)}`, number(w)]],
    [1, (w) => ["HGET", w.key(), w.member()]],
    [1, (w) => ["HMGET", w.key(), ...w.members()]],
    [1, (w) => ["HEXISTS", w.key(), w.member()]],
    [1, (w) => ["HSTRLEN", w.key(), w.member()]],
    [1, (w) => ["HLEN", w.key()]],
    [1, (w) => [w.pick(["HGETALL", "HKEYS", "HVALS"]), w.key()]],
    [1, (w) => ["HRANDFIELD", w.key(), ...w.maybe(0.8, [w.rank()], [w.rank(), "WITHVALUES"])]],
    [1, (w) => ["HSCAN", w.key(), w.count(), ...w.maybe(0.5, ["MATCH", "m*"], ["COUNT", w.count()])]],
  ],
};
