/** Rows of the commands that write whole databases. */
import { flushall, flushdb, swapdb } from "../databases.ts";
import { restore } from "../restore.ts";
import { syntax } from "../syntax.ts";
import type { Command } from "../table.ts";

export const rows: readonly Command[] = [
  {
    name: "flushall",
    arity: -1,
    flags: ["write"],
    categories: ["keyspace", "dangerous"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    since: "1.0.0",
    group: "server",
    complexity: "O(N) in the number of keys",
    summary: "Deletes every key of every database.",
    arguments: syntax("[(ASYNC | SYNC)]"),
    handler: flushall,
  },
  {
    name: "flushdb",
    arity: -1,
    flags: ["write"],
    categories: ["keyspace", "dangerous"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    since: "1.0.0",
    group: "server",
    complexity: "O(N) in the number of keys",
    summary: "Deletes every key of the database.",
    arguments: syntax("[(ASYNC | SYNC)]"),
    handler: flushdb,
  },
  {
    name: "restore-asking",
    arity: -4,
    flags: ["write", "denyoom", "asking"],
    categories: ["keyspace", "dangerous"],
    keys: [{ flags: ["OW", "update"], begin: { index: 1 }, find: { lastKey: 0, step: 1, limit: 0 } }],
    since: "3.0.0",
    group: "server",
    complexity: "O(N) in the size of the value",
    summary: "RESTORE as a cluster moving slots calls it.",
    arguments: syntax(
      "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency:integer]",
    ),
    handler: restore,
  },
  {
    name: "swapdb",
    arity: 3,
    flags: ["write", "fast"],
    categories: ["keyspace", "dangerous"],
    since: "4.0.0",
    group: "server",
    complexity: "O(N) in the number of clients that watch or wait for keys",
    summary: "Swaps two databases.",
    arguments: syntax("index1:integer index2:integer"),
    handler: swapdb,
  },
];
