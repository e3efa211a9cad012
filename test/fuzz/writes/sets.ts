/** Sets. */
import { counted } from "./lists.ts";
import type { Family } from "./words.ts";

const POP_COUNTS = ["0", "1", "3", "50", "600", "-1", "x", "9223372036854775807"];

export const SETS: Family = {
  name: "sets",
  pool: "e",
  makers: [
    [5, (w) => ["SADD", w.key(), ...w.members()]],
    [3, (w) => ["SADD", w.key(), `${w.below(100)}`]],
    [2, (w) => ["SREM", w.key(), ...w.members()]],
    [1, (w) => ["SMOVE", w.key(), w.key(), w.member()]],
    [1, (w) => ["SPOP", w.key(), ...w.maybe(0.5, [w.pick(POP_COUNTS)])]],
    [2, (w) => [w.pick(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), w.key(), ...w.keys()]],
    [2, (w) => [w.pick(["SINTER", "SUNION", "SDIFF"]), ...w.keys()]],
    [1, (w) => ["SINTERCARD", ...counted(w, w.keys()), ...w.maybe(0.5, ["LIMIT", w.count()])]],
    [1, (w) => ["SMEMBERS", w.key()]],
    [1, (w) => ["SCARD", w.key()]],
    [1, (w) => ["SISMEMBER", w.key(), w.member()]],
    [1, (w) => ["SMISMEMBER", w.key(), ...w.members()]],
    [1, (w) => ["SRANDMEMBER", w.key(), ...w.maybe(0.8, [w.rank()])]],
    [1, (w) => ["SSCAN", w.key(), w.count(), ...w.maybe(0.5, ["MATCH", "m*"], ["COUNT", w.count()])]],
  ],
};
