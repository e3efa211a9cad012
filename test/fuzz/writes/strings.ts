/** Strings, bitmaps and HyperLogLogs. */
import { FAR_MS, type Family, type Words } from "./words.ts";

function value(w: Words): string {
  return w.pick([
    () => w.member(),
    () => w.integer(),
    () => `${w.below(1000)}`,
    () => `${w.below(1000)}.${w.below(1000)}`,
    () => "abc".repeat(w.below(100)),
    () => w.bytes(w.below(80)),
  ])();
}

function options(w: Words): string[] {
  return w
    .some(2, () =>
      w.pick([
        ["NX"],
        ["xx"],
        ["GET"],
        ["KEEPTTL"],
        ["PXAT", `${FAR_MS + w.below(1000)}`],
        ["EX", `${5000 + w.below(1000)}`],
        ["PX", `${5_000_000 + w.below(1000)}`],
        ["EXAT", w.pick(["1", "0", "-5", "x", "9223372036854775807"])],
        ["PERSIST"],
        ["EX"],
      ]),
    )
    .flat();
}

function offset(w: Words): string {
  return w.chance(0.03) ? w.pick(["1048570", "8388600", w.hostile()]) : `${w.below(w.pick([20, 300, 3000]))}`;
}

function field(w: Words): string {
  return w.chance(0.08)
    ? w.pick(["u64", "i65", "u0", "x8", "u", "", "u08"])
    : w.pick(["u", "i"]) + w.pick([1, 2, 5, 8, 16, 31, 32, 33, 62, 63]);
}

function fields(w: Words): string[] {
  return w
    .some(4, () =>
      w.pick([
        ["GET", field(w), w.pick(["#", ""]) + offset(w)],
        ["set", field(w), offset(w), w.integer()],
        ["INCRBY", field(w), offset(w), w.integer()],
        ["OVERFLOW", w.pick(["WRAP", "sat", "FAIL", "NO"])],
      ]),
    )
    .flat();
}

const elements = (w: Words): string[] => Array.from({ length: w.below(30) }, () => `${w.below(3000)}`);
const log = (w: Words): string => `p${w.below(2)}`;

export const STRINGS: Family = {
  name: "strings",
  pool: "s",
  makers: [
    [4, (w) => ["SET", w.key(), value(w), ...(w.chance(0.5) ? options(w) : [])]],
    [1, (w) => ["SETNX", w.key(), value(w)]],
    [1, (w) => ["SETEX", w.key(), w.pick(["5000", "0", "-3", "x", "9223372036854775807"]), value(w)]],
    [1, (w) => ["GETSET", w.key(), value(w)]],
    [1, (w) => ["GETDEL", w.key()]],
    [1, (w) => ["GETEX", w.key(), ...options(w)]],
    [1, (w) => ["MSET", ...w.some(4, () => [w.key(), value(w)]).flat(), ...w.maybe(0.1, ["odd"])]],
    [1, (w) => ["MSETNX", ...w.some(3, () => [w.key(), value(w)]).flat()]],
    [2, (w) => ["APPEND", w.key(), value(w)]],
    [2, (w) => [w.pick(["INCR", "DECR"]), w.key()]],
    [2, (w) => [w.pick(["INCRBY", "DECRBY"]), w.key(), w.integer()]],
    [1, (w) => ["INCRBYFLOAT", w.key(), w.score()]],
    [2, (w) => ["SETRANGE", w.key(), offset(w), value(w)]],
    [2, (w) => ["SETBIT", w.key(), offset(w), w.pick(["0", "1", "1", "2"])]],
    [1, (w) => ["BITOP", w.pick(["and", "OR", "XOR", "NOT", "NOR"]), w.key(), ...w.keys()]],
    [2, (w) => ["BITFIELD", w.key(), ...fields(w)]],
    [1, (w) => ["BITFIELD_RO", w.key(), "GET", field(w), offset(w)]],
    [2, (w) => ["GET", w.key()]],
    [1, (w) => ["MGET", ...w.keys()]],
    [1, (w) => [w.pick(["GETRANGE", "SUBSTR"]), w.key(), w.rank(), w.rank()]],
    [1, (w) => ["STRLEN", w.key()]],
    [1, (w) => ["BITCOUNT", w.key(), ...w.maybe(0.6, [w.rank(), w.rank()], [w.rank(), w.rank(), "BIT"])]],
    [1, (w) => ["BITPOS", w.key(), w.pick(["0", "1", "2"]), ...w.maybe(0.6, [w.rank()], [w.rank(), w.rank(), "BIT"])]],
    [3, (w) => ["PFADD", log(w), ...elements(w)]],
    [
      0.3,
      (w) =>
        w.pick([
          ["DEL", log(w)],
          ["PERSIST", log(w)],
          ["PEXPIREAT", log(w), "4000000000000"],
        ]),
    ],
    [0.5, (w) => ["COPY", log(w), log(w), "REPLACE"]],
    [1, (w) => ["PFMERGE", log(w), log(w), log(w)]],
    // Of one key it stores its estimate in Redis, in Folio only in what was written since the last save: docs/differences.md.
    [1, (w) => ["PFCOUNT", log(w), log(w)]],
  ],
};
