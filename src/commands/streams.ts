/** The rows of the stream commands that read. Handlers: streams-range, -read, -info, -pending. */
import { xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream } from "./streams-info.ts";
import { xpending } from "./streams-pending.ts";
import { xlen, xrange, xrevrange } from "./streams-range.ts";
import { xread } from "./streams-read.ts";
import { type Command, type CommandArgument, type KeySpec, keyAt, PEEK_FIRST, READ_FIRST } from "./table.ts";

const KEY = { name: "key", type: "key", keySpec: 0 } as const satisfies CommandArgument;
const GROUP = { name: "group", type: "string" } as const satisfies CommandArgument;
const COUNT = { name: "count", type: "integer", token: "COUNT", optional: true } as const satisfies CommandArgument;
const START = { name: "start", type: "string" } as const satisfies CommandArgument;
const END = { name: "end", type: "string" } as const satisfies CommandArgument;

/** After STREAMS, the first half of what is left. */
const STREAMS = [
  {
    flags: ["RO", "access"],
    begin: { keyword: "STREAMS", from: 1 },
    find: { lastKey: -1, step: 1, limit: 2 },
  },
] as const satisfies readonly KeySpec[];

const RANGE = "O(log(N) + M) with M being the number of entries given; of a stream in the file O(listpacks) + O(M)";

export const rows = [
  {
    name: "xlen",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["stream"],
    keys: PEEK_FIRST,
    since: "5.0.0",
    group: "stream",
    complexity: "O(1); of a stream in the file O(N) with N being the number of listpacks",
    summary: "Counts the entries of a stream.",
    arguments: [KEY],
    handler: xlen,
  },
  {
    name: "xrange",
    arity: -4,
    flags: ["readonly"],
    categories: ["stream"],
    keys: READ_FIRST,
    since: "5.0.0",
    group: "stream",
    complexity: RANGE,
    summary: "Gives the entries of a stream in a range of ids.",
    arguments: [KEY, START, END, COUNT],
    handler: xrange,
  },
  {
    name: "xrevrange",
    arity: -4,
    flags: ["readonly"],
    categories: ["stream"],
    keys: READ_FIRST,
    since: "5.0.0",
    group: "stream",
    complexity: RANGE,
    summary: "Gives the entries of a stream in a range of ids, last first.",
    arguments: [KEY, END, START, COUNT],
    handler: xrevrange,
  },
  {
    name: "xread",
    arity: -4,
    flags: ["blocking", "readonly", "movablekeys"],
    categories: ["stream"],
    keys: STREAMS,
    since: "5.0.0",
    group: "stream",
    complexity: RANGE,
    summary: "Gives the entries of several streams that come after given ids, and waits for some when told to.",
    arguments: [
      COUNT,
      { name: "milliseconds", type: "integer", token: "BLOCK", optional: true },
      {
        name: "streams",
        type: "block",
        token: "STREAMS",
        arguments: [
          { name: "key", type: "key", keySpec: 0, multiple: true },
          { name: "ID", type: "string", multiple: true },
        ],
      },
    ],
    handler: xread,
  },
  {
    name: "xpending",
    arity: -3,
    flags: ["readonly"],
    categories: ["stream"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "5.0.0",
    group: "stream",
    complexity: "O(N) with N being the number of entries pending in the group",
    summary: "Shows what a consumer group has handed out and not had acknowledged.",
    arguments: [
      KEY,
      GROUP,
      {
        name: "filters",
        type: "block",
        optional: true,
        arguments: [
          { name: "min-idle-time", type: "integer", token: "IDLE", since: "6.2.0", optional: true },
          START,
          END,
          { name: "count", type: "integer" },
          { name: "consumer", type: "string", optional: true },
        ],
      },
    ],
    handler: xpending,
  },
  {
    name: "xinfo",
    arity: -2,
    flags: [],
    categories: [],
    since: "5.0.0",
    group: "stream",
    complexity: "Depends on the subcommand.",
    summary: "Holds the commands that describe streams.",
    subcommands: [
      {
        name: "consumers",
        arity: 4,
        flags: ["readonly"],
        categories: ["stream"],
        keys: keyAt(2, "RO", "access"),
        tips: ["nondeterministic_output"],
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) with N being the size of the stream's groups",
        summary: "Lists the consumers of a group.",
        arguments: [KEY, GROUP],
        handler: xinfoConsumers,
      },
      {
        name: "groups",
        arity: 3,
        flags: ["readonly"],
        categories: ["stream"],
        keys: keyAt(2, "RO", "access"),
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) with N being the size of the stream's groups",
        summary: "Lists the consumer groups of a stream.",
        arguments: [KEY],
        handler: xinfoGroups,
      },
      {
        name: "help",
        arity: 2,
        flags: ["loading", "stale"],
        categories: ["stream"],
        since: "5.0.0",
        group: "stream",
        complexity: "O(1)",
        summary: "Lists the subcommands.",
        handler: xinfoHelp,
      },
      {
        name: "stream",
        arity: -3,
        flags: ["readonly"],
        categories: ["stream"],
        keys: keyAt(2, "RO", "access"),
        since: "5.0.0",
        group: "stream",
        complexity: "O(N) with N being the number of listpacks, and with FULL the size of the groups",
        summary: "Describes a stream.",
        arguments: [
          KEY,
          {
            name: "full-block",
            type: "block",
            optional: true,
            arguments: [{ name: "full", type: "pure-token", token: "FULL" }, COUNT],
          },
        ],
        handler: xinfoStream,
      },
    ],
  },
] as const satisfies readonly Command[];
