/** Lists. Blocking commands wait for a moment at most where there is nothing. */
import type { Family, Words } from "./words.ts";

/** As short as both servers' timers allow, or what is refused. */
export const timeout = (w: Words): string => (w.chance(0.1) ? w.pick(["-1", "x", "", "nan", "1 "]) : "0.001");
const end = (w: Words): string => (w.chance(0.03) ? w.pick(["UP", ""]) : w.pick(["LEFT", "RIGHT", "left", "Right"]));

export function counted(w: Words, keys: readonly string[]): string[] {
  return [w.chance(0.04) ? w.hostile() : `${keys.length}`, ...keys];
}

export const LISTS: Family = {
  name: "lists",
  pool: "l",
  makers: [
    [5, (w) => [w.pick(["LPUSH", "RPUSH"]), w.key(), ...w.members()]],
    [3, (w) => [w.pick(["LPUSH", "RPUSH"]), w.key(), w.member()]],
    [1, (w) => [w.pick(["LPUSHX", "RPUSHX"]), w.key(), ...w.members()]],
    [2, (w) => [w.pick(["LPOP", "RPOP"]), w.key(), ...w.maybe(0.4, [w.count()])]],
    [2, (w) => ["LINSERT", w.key(), w.pick(["BEFORE", "AFTER", "after", "in"]), w.member(), w.member()]],
    [2, (w) => ["LSET", w.key(), w.near(), w.member()]],
    [2, (w) => ["LREM", w.key(), w.rank(), w.member()]],
    [0.4, (w) => ["LTRIM", w.key(), w.rank(), w.rank()]],
    [1, (w) => ["LTRIM", w.key(), w.pick(["0", "1", "2"]), w.pick(["-1", "-2", "300"])]],
    [2, (w) => ["LMOVE", w.key(), w.key(), end(w), end(w)]],
    [1, (w) => ["RPOPLPUSH", w.key(), w.key()]],
    [1, (w) => ["LMPOP", ...counted(w, w.keys()), end(w), ...w.maybe(0.5, ["COUNT", w.count()])]],
    [0.4, (w) => [w.pick(["BLPOP", "BRPOP"]), ...w.keys(), timeout(w)]],
    [0.3, (w) => ["BLMOVE", w.key(), w.key(), end(w), end(w), timeout(w)]],
    [0.3, (w) => ["BRPOPLPUSH", w.key(), w.key(), timeout(w)]],
    [0.3, (w) => ["BLMPOP", timeout(w), ...counted(w, w.keys()), end(w), ...w.maybe(0.5, ["COUNT", w.count()])]],
    [1, (w) => ["LLEN", w.key()]],
    [1, (w) => ["LINDEX", w.key(), w.near()]],
    [2, (w) => ["LRANGE", w.key(), w.rank(), w.rank()]],
    [1, (w) => ["LPOS", w.key(), w.member(), ...w.maybe(0.6, ["COUNT", w.count()], ["RANK", w.rank()])]],
    [1, (w) => ["LPOS", w.key(), w.member(), "MAXLEN", w.count(), "COUNT", w.count(), "RANK", w.rank()]],
  ],
};
