/** Commands that change many elements at once of the collections that a round has large from the start: they do so in slices. */
import type { Maker, Words } from "./words.ts";

/** Around and beyond what is changed at once. */
const COUNTS = [500, 512, 513, 600, 1100, 2500];
const NUMBERS = 3000;

/** Other ones each time, some of them there. */
function names(w: Words, of: (i: number) => readonly string[]): string[] {
  const from = w.below(NUMBERS);
  return Array.from({ length: w.pick(COUNTS) }, (_, i) => of((from + i) % NUMBERS)).flat();
}

const count = (w: Words) => `${w.pick(COUNTS)}`;
const member = (i: number) => `m${i}`;
const large = (w: Words) => w.pick(["z0", "y0"]);

export const MANY: readonly Maker[] = [
  (w) => ["HSET", w.pick(["h0", "h1"]), ...names(w, (i) => [member(i), w.chance(0.01) ? w.member() : `${i}`])],
  (w) => ["HMSET", "h0", ...names(w, (i) => [member(i), "x"])],
  (w) => ["HDEL", "h0", ...names(w, (i) => [member(i)])],
  (w) => ["SADD", w.pick(["e0", "e2"]), ...names(w, (i) => [member(i * 3)])],
  (w) => ["SADD", w.pick(["e1", "e3"]), ...names(w, (i) => [`${i * 5}`])],
  (w) => ["SREM", "e0", ...names(w, (i) => [member(i * 3)])],
  (w) => ["SREM", "e1", ...names(w, (i) => [`${i * 5}`])],
  (w) => ["SPOP", w.pick(["e0", "e1"]), count(w)],
  (w) => [
    "ZADD",
    large(w),
    ...w.maybe(0.6, ["NX"], ["XX", "CH"], ["GT"], ["LT", "CH"]),
    ...names(w, (i) => [`${i % 7}`, member(i)]),
  ],
  (w) => ["ZADD", "z1", ...names(w, (i) => [`${((i * 7919) % 999) / 8}`, member(i)])],
  (w) => ["ZREM", large(w), ...names(w, (i) => [member(i)])],
  (w) => [w.pick(["ZPOPMIN", "ZPOPMAX"]), large(w), count(w)],
  (w) => ["ZMPOP", "2", "z4", large(w), w.pick(["MIN", "MAX"]), "COUNT", count(w)],
  (w) => ["ZREMRANGEBYRANK", large(w), w.rank(), count(w)],
  (w) => ["ZREMRANGEBYSCORE", "z0", "-inf", `${w.below(1000)}`],
  (w) => [
    w.pick(["LPUSH", "RPUSH", "RPUSHX"]),
    "l0",
    ...names(w, (i) => (w.chance(0.01) ? [w.member()] : [member(i % 50)])),
  ],
  (w) => [w.pick(["LPUSH", "RPUSH"]), "l1", ...names(w, (i) => [`${i}`])],
  (w) => [w.pick(["LPOP", "RPOP"]), w.pick(["l0", "l1"]), count(w)],
  (w) => ["LMPOP", "2", "l4", "l0", w.pick(["LEFT", "RIGHT"]), "COUNT", count(w)],
  (w) => ["LTRIM", w.pick(["l0", "l1"]), `${w.below(700)}`, `${-1 - w.below(700)}`],
  (w) => ["LTRIM", "l0", `${w.below(20)}`, `${w.below(900)}`],
];
