/** The rows of the geo commands that read. Handlers: geo-read, geo-search. */
import { geodist, geohash, geopos } from "./geo-read.ts";
import { georadius, georadiusbymember, georadiusbymemberRo, georadiusRo, geosearch } from "./geo-search.ts";
import { type Command, type CommandArgument, type KeySpec, READ_FIRST } from "./table.ts";

const KEY = { name: "key", type: "key", keySpec: 0 } as const satisfies CommandArgument;
const MEMBER = { name: "member", type: "string" } as const satisfies CommandArgument;
const RADIUS = { name: "radius", type: "double" } as const satisfies CommandArgument;
const UNIT = {
  name: "unit",
  type: "oneof",
  arguments: [
    { name: "m", type: "pure-token", token: "m" },
    { name: "km", type: "pure-token", token: "km" },
    { name: "ft", type: "pure-token", token: "ft" },
    { name: "mi", type: "pure-token", token: "mi" },
  ],
} as const satisfies CommandArgument;
const POSITION = [
  { name: "longitude", type: "double" },
  { name: "latitude", type: "double" },
] as const satisfies readonly CommandArgument[];
const ORDER = {
  name: "order",
  type: "oneof",
  optional: true,
  arguments: [
    { name: "asc", type: "pure-token", token: "ASC" },
    { name: "desc", type: "pure-token", token: "DESC" },
  ],
} as const satisfies CommandArgument;
const COUNT = {
  name: "count-block",
  type: "block",
  optional: true,
  arguments: [
    { name: "count", type: "integer", token: "COUNT" },
    { name: "any", type: "pure-token", token: "ANY", optional: true },
  ],
} as const satisfies CommandArgument;
/** COUNT of the older commands, which ANY was added to later. */
const COUNT_SINCE = {
  ...COUNT,
  arguments: [COUNT.arguments[0], { ...COUNT.arguments[1], since: "6.2.0" }],
} as const satisfies CommandArgument;
const WITH = [
  { name: "withcoord", type: "pure-token", token: "WITHCOORD", optional: true },
  { name: "withdist", type: "pure-token", token: "WITHDIST", optional: true },
  { name: "withhash", type: "pure-token", token: "WITHHASH", optional: true },
] as const satisfies readonly CommandArgument[];
const STORE = {
  name: "store",
  type: "oneof",
  optional: true,
  arguments: [
    { name: "storekey", type: "key", token: "STORE", keySpec: 1 },
    { name: "storedistkey", type: "key", token: "STOREDIST", keySpec: 2 },
  ],
} as const satisfies CommandArgument;

/** The key, and the one that STORE or STOREDIST name after argument `from`. */
function storing(from: number): readonly KeySpec[] {
  const stored = { flags: ["OW", "update"], find: { lastKey: 0, step: 1, limit: 0 } } as const;
  return [
    ...READ_FIRST,
    { ...stored, begin: { keyword: "STORE", from } },
    { ...stored, begin: { keyword: "STOREDIST", from } },
  ];
}

const SEEK = "O(N) with N being the number of members";
const SEARCH = "O(N+M*log(M)) with N being the number of members and M the number of those inside the shape";

export const rows = [
  {
    name: "geohash",
    arity: -2,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "3.2.0",
    group: "geo",
    complexity: "O(M) with M being the number of members asked for",
    summary: "Gives the positions of members as standard geohash texts.",
    arguments: [KEY, { ...MEMBER, optional: true, multiple: true }],
    handler: geohash,
  },
  {
    name: "geopos",
    arity: -2,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "3.2.0",
    group: "geo",
    complexity: "O(M) with M being the number of members asked for",
    summary: "Gives the longitudes and latitudes of members.",
    arguments: [KEY, { ...MEMBER, optional: true, multiple: true }],
    handler: geopos,
  },
  {
    name: "geodist",
    arity: -4,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "3.2.0",
    group: "geo",
    complexity: SEEK,
    summary: "Gives the distance between two members.",
    arguments: [
      KEY,
      { name: "member1", type: "string" },
      { name: "member2", type: "string" },
      { ...UNIT, optional: true },
    ],
    handler: geodist,
  },
  {
    name: "geosearch",
    arity: -7,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "6.2.0",
    group: "geo",
    complexity: SEARCH,
    summary: "Gives the members inside a circle or box around a position or member.",
    arguments: [
      KEY,
      {
        name: "from",
        type: "oneof",
        arguments: [
          { ...MEMBER, token: "FROMMEMBER" },
          { name: "fromlonlat", type: "block", token: "FROMLONLAT", arguments: POSITION },
        ],
      },
      {
        name: "by",
        type: "oneof",
        arguments: [
          { name: "circle", type: "block", arguments: [{ ...RADIUS, token: "BYRADIUS" }, UNIT] },
          {
            name: "box",
            type: "block",
            arguments: [{ name: "width", type: "double", token: "BYBOX" }, { name: "height", type: "double" }, UNIT],
          },
        ],
      },
      ORDER,
      COUNT,
      ...WITH,
    ],
    handler: geosearch,
  },
  {
    name: "georadius",
    arity: -6,
    flags: ["write", "denyoom", "movablekeys"],
    categories: ["geo"],
    keys: storing(6),
    since: "3.2.0",
    group: "geo",
    complexity: SEARCH,
    summary: "Gives (or stores) the members inside a circle around a position.",
    arguments: [KEY, ...POSITION, RADIUS, UNIT, ...WITH, COUNT_SINCE, ORDER, STORE],
    handler: georadius,
  },
  {
    name: "georadius_ro",
    arity: -6,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "3.2.10",
    group: "geo",
    complexity: SEARCH,
    summary: "Gives the members inside a circle around a position.",
    arguments: [KEY, ...POSITION, RADIUS, UNIT, ...WITH, COUNT_SINCE, ORDER],
    handler: georadiusRo,
  },
  {
    name: "georadiusbymember",
    arity: -5,
    flags: ["write", "denyoom", "movablekeys"],
    categories: ["geo"],
    keys: storing(5),
    since: "3.2.0",
    group: "geo",
    complexity: SEARCH,
    summary: "Gives (or stores) the members inside a circle around a member.",
    arguments: [KEY, MEMBER, RADIUS, UNIT, ...WITH, COUNT, ORDER, STORE],
    handler: georadiusbymember,
  },
  {
    name: "georadiusbymember_ro",
    arity: -5,
    flags: ["readonly"],
    categories: ["geo"],
    keys: READ_FIRST,
    since: "3.2.10",
    group: "geo",
    complexity: SEARCH,
    summary: "Gives the members inside a circle around a member.",
    arguments: [KEY, MEMBER, RADIUS, UNIT, ...WITH, COUNT, ORDER],
    handler: georadiusbymemberRo,
  },
] as const satisfies readonly Command[];
