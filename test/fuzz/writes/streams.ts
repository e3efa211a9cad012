/** Streams. Times that decide something are far from what both servers' clocks can differ by. */
import type { Family, Words } from "./words.ts";

const GROUPS = ["g1", "g2"];
const CONSUMERS = ["alice", "bob", "carol"];
/** Milliseconds beyond which an entry counts as idle: at once, only where IDLE said so, never. */
const IDLE = ["0", "0", "50000", "1000000000", "-1", "x"];

/** An ID for the entries that random commands make: small numbers, seldom the largest. */
function id(w: Words): string {
  switch (w.below(20)) {
    case 0:
      return w.hostile();
    case 1:
      return w.pick(["-", "+", "$", ">", "*", "0", "0-0", "0-1", "(5", "18446744073709551615-18446744073709551615"]);
    case 2:
      return `${w.below(300)}`;
    default:
      return `${w.below(300)}-${w.below(4)}`;
  }
}

function newId(w: Words): string {
  if (w.chance(0.01))
    return w.pick(["18446744073709551615-18446744073709551615", "18446744073709551614-*", "1-18446744073709551615"]);
  return w.pick([
    `${w.below(300)}-${w.below(4)}`,
    `${w.below(300)}-*`,
    `${250 + w.below(100)}-*`,
    "*",
    `${w.below(400)}`,
    id(w),
  ]);
}

const group = (w: Words) => (w.chance(0.05) ? w.pick(["nope", "", "\xff"]) : w.pick(GROUPS));
const consumer = (w: Words) => (w.chance(0.03) ? w.pick(["", "\xff\0"]) : w.pick(CONSUMERS));
const ids = (w: Words) => w.some(4, () => id(w));
const bound = (w: Words) => w.pick(["-", "+", id(w), id(w), `(${id(w)}`]);

function trim(w: Words): string[] {
  const about = w.maybe(0.6, ["="], ["~"], ["~"]);
  const limit = w.maybe(0.2, ["LIMIT", w.count()]);
  return w.chance(0.5) ? ["MAXLEN", ...about, w.count(), ...limit] : ["MINID", ...about, id(w), ...limit];
}

const fields = (w: Words) =>
  w.chance(0.6) ? ["a", w.member(), "b", w.member()] : w.some(3, () => [w.member(), w.member()]).flat();

function read(w: Words): string[] {
  const keys = w.keys(w.chance(0.2) ? 2 : 1);
  return ["STREAMS", ...keys, ...keys.map(() => (w.chance(0.75) ? ">" : id(w)))];
}

const readOptions = (w: Words) => [...w.maybe(0.5, ["COUNT", w.count()]), ...w.maybe(0.04, ["BLOCK", "1"])];

function claimOptions(w: Words): string[] {
  return w
    .some(2, () =>
      w.pick([
        ["IDLE", "100000"],
        ["TIME", "1000"],
        ["RETRYCOUNT", w.count()],
        ["FORCE"],
        ["JUSTID"],
        ["LASTID", id(w)],
      ]),
    )
    .flat();
}

const GROUP_MAKERS: Family["makers"] = [
  [
    3,
    (w) => [
      "XGROUP",
      "CREATE",
      w.key(),
      group(w),
      w.pick(["$", "0", id(w)]),
      ...w.maybe(0.4, ["MKSTREAM"], ["ENTRIESREAD", w.integer()]),
    ],
  ],
  [
    1,
    (w) => [
      "XGROUP",
      "SETID",
      w.key(),
      group(w),
      w.pick(["$", "0", id(w)]),
      ...w.maybe(0.3, ["ENTRIESREAD", w.integer()]),
    ],
  ],
  [0.4, (w) => ["XGROUP", "DESTROY", w.key(), group(w)]],
  [1, (w) => ["XGROUP", w.pick(["CREATECONSUMER", "DELCONSUMER"]), w.key(), group(w), consumer(w)]],
  [
    5,
    (w) => ["XREADGROUP", "GROUP", group(w), consumer(w), ...readOptions(w), ...w.maybe(0.15, ["NOACK"]), ...read(w)],
  ],
  [2, (w) => ["XACK", w.key(), group(w), ...ids(w)]],
  [
    2,
    (w) => [
      "XCLAIM",
      w.key(),
      group(w),
      consumer(w),
      w.pick(IDLE),
      ...ids(w),
      ...(w.chance(0.5) ? claimOptions(w) : []),
    ],
  ],
  [
    2,
    (w) => [
      "XAUTOCLAIM",
      w.key(),
      group(w),
      consumer(w),
      w.pick(IDLE),
      id(w),
      ...w.maybe(0.5, ["COUNT", w.count()], ["JUSTID"]),
    ],
  ],
  [1, (w) => ["XPENDING", w.key(), group(w)]],
  [
    1,
    (w) => [
      "XPENDING",
      w.key(),
      group(w),
      ...w.maybe(0.4, ["IDLE", w.pick(IDLE)]),
      bound(w),
      bound(w),
      w.count(),
      ...w.maybe(0.3, [consumer(w)]),
    ],
  ],
  [1, (w) => ["XINFO", "GROUPS", w.key()]],
  [1, (w) => ["XINFO", "CONSUMERS", w.key(), group(w)]],
];

export const STREAMS: Family = {
  name: "streams",
  pool: "x",
  makers: [
    [
      9,
      (w) => [
        "XADD",
        w.key(),
        ...w.maybe(0.1, ["NOMKSTREAM"]),
        ...(w.chance(0.15) ? trim(w) : []),
        newId(w),
        ...fields(w),
      ],
    ],
    [4, (w) => ["XADD", w.key(), "*", ...fields(w)]],
    [2, (w) => ["XDEL", w.key(), ...ids(w)]],
    [1, (w) => ["XTRIM", w.key(), ...trim(w)]],
    [
      0.5,
      (w) => [
        "XSETID",
        w.key(),
        w.chance(0.5) ? id(w) : `${1_900_000_000_000 + w.below(99)}`,
        ...w.maybe(0.4, ["ENTRIESADDED", w.count(), "MAXDELETEDID", id(w)]),
      ],
    ],
    [1, (w) => ["XLEN", w.key()]],
    [2, (w) => ["XRANGE", w.key(), bound(w), bound(w), ...w.maybe(0.5, ["COUNT", w.count()])]],
    [1, (w) => ["XREVRANGE", w.key(), bound(w), bound(w), ...w.maybe(0.5, ["COUNT", w.count()])]],
    [1, (w) => ["XREAD", ...readOptions(w), ...read(w)]],
    [1, (w) => ["XINFO", "STREAM", w.key(), ...w.maybe(0.5, ["FULL"], ["FULL", "COUNT", w.count()])]],
    ...GROUP_MAKERS,
  ],
};
