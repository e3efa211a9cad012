/**
 * MEMORY. A key of a layer takes no memory of the process: MEMORY USAGE tells the bytes that its record takes in the
 * snapshot, and its slot in the index; of a key of an overlay, its blocks (docs/formats/overlay.md) and its slot in the table.
 */
import { valueBytesInSlices } from "../rdb/dump.ts";
import type { Context } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { helpRow } from "./help.ts";
import { peek } from "./lookup.ts";
import { integer } from "./parse.ts";
import { type Command, keyAt } from "./table.ts";

export const rows = [
  {
    name: "memory",
    arity: -2,
    flags: [],
    categories: [],
    since: "4.0.0",
    group: "server",
    complexity: "Depends on the subcommand",
    summary: "Container of commands about memory.",
    subcommands: [
      {
        name: "doctor",
        arity: 2,
        flags: [],
        categories: [],
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        since: "4.0.0",
        group: "server",
        complexity: "O(1)",
        summary: "Reports problems with memory.",
        handler: doctor,
      },
      {
        name: "malloc-stats",
        arity: 2,
        flags: [],
        categories: [],
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        since: "4.0.0",
        group: "server",
        complexity: "O(1)",
        summary: "Reports the allocator's statistics.",
        handler: mallocStats,
      },
      {
        name: "purge",
        arity: 2,
        flags: [],
        categories: [],
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        since: "4.0.0",
        group: "server",
        complexity: "O(1)",
        summary: "Asks the allocator to give memory back.",
        handler: purge,
      },
      {
        name: "stats",
        arity: 2,
        flags: [],
        categories: [],
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        since: "4.0.0",
        group: "server",
        complexity: "O(1)",
        summary: "Gives figures of the memory in use.",
        handler: memoryStats,
      },
      {
        name: "usage",
        arity: -3,
        flags: ["readonly"],
        categories: [],
        keys: keyAt(2, "RO"),
        since: "4.0.0",
        group: "server",
        complexity: "O(N) in the size of the value",
        summary: "Tells the bytes a key and its value take.",
        arguments: [
          { name: "key", type: "key", keySpec: 0 },
          { name: "count", type: "integer", token: "SAMPLES", optional: true },
        ],
        handler: usage,
      },
      helpRow("4.0.0", ["loading", "stale"], []),
    ],
  },
] as const satisfies readonly Command[];

/** Bytes of a slot, in an index as in a table. */
const SLOT_BYTES = 8;

function* usage(c: Context): Generator<void, void, void> {
  const { args, record, reply } = c;
  for (let i = 3; i < args.count; i += 2) {
    if (!args.is(i, "SAMPLES") || i + 1 >= args.count || integer(c, i + 1) < 0) throw syntaxError();
  }
  if (!peek(c, 2)) {
    reply.nil();
    return;
  }
  const own = c.db.blockBytes(args.bytes, args.starts[2] as number, args.lengths[2] as number);
  const bytes = own >= 0 ? own : record.valueOffset - record.offset + (yield* valueBytesInSlices(record));
  reply.integer(bytes + SLOT_BYTES);
}

function doctor(c: Context): void {
  c.reply.verbatim(
    "The snapshot is served from its mapping: its pages belong to the page cache and are given back whenever they are " +
      "needed elsewhere. INFO memory tells what was written since and what the process itself holds, INFO layers what is " +
      "mapped.\n",
  );
}

function mallocStats(c: Context): void {
  c.reply.bulkText("Stats not supported for the current allocator");
}

function* purge(c: Context): Generator<void, void, void> {
  Bun.gc(true);
  while (c.server.keyspace.tick(true)) yield;
  c.reply.ok();
}

/** The figures of INFO memory under the names that MEMORY STATS has for them; those that end in a ratio or per cent are doubles. */
const STATS: readonly (readonly [name: string, infoField: string])[] = [
  ["peak.allocated", "used_memory_peak"],
  ["total.allocated", "used_memory"],
  ["startup.allocated", "used_memory_startup"],
  ["replication.backlog", "mem_replication_backlog"],
  ["clients.slaves", "mem_clients_slaves"],
  ["clients.normal", "mem_clients_normal"],
  ["cluster.links", "mem_cluster_links"],
  ["aof.buffer", "mem_aof_buffer"],
  ["lua.caches", "used_memory_scripts_eval"],
  ["functions.caches", "used_memory_functions"],
  ["overhead.total", "used_memory_overhead"],
  ["keys.count", "keys.count"],
  ["keys.bytes-per-key", "keys.bytes-per-key"],
  ["dataset.bytes", "used_memory_dataset"],
  ["dataset.percentage", "used_memory_dataset_perc"],
  ["peak.percentage", "used_memory_peak_perc"],
  ["allocator.allocated", "allocator_allocated"],
  ["allocator.active", "allocator_active"],
  ["allocator.resident", "allocator_resident"],
  ["allocator-fragmentation.ratio", "allocator_frag_ratio"],
  ["allocator-fragmentation.bytes", "allocator_frag_bytes"],
  ["allocator-rss.ratio", "allocator_rss_ratio"],
  ["allocator-rss.bytes", "allocator_rss_bytes"],
  ["rss-overhead.ratio", "rss_overhead_ratio"],
  ["rss-overhead.bytes", "rss_overhead_bytes"],
  ["fragmentation", "mem_fragmentation_ratio"],
  ["fragmentation.bytes", "mem_fragmentation_bytes"],
];

const IS_DOUBLE = /ratio$|percentage$|^fragmentation$/;

/** Without Redis's db.N: the overlays' tables are not told apart by database (used_memory_overhead has them all). */
function memoryStats(c: Context): void {
  const { reply, server, nowMs } = c;
  const info = new Map<string, number>();
  for (const line of server.info(["memory"]).split("\r\n")) {
    const [field = "", value = ""] = line.split(":");
    info.set(field, Number.parseFloat(value));
  }
  let keys = 0;
  for (const database of server.keyspace.databases) keys += database.size(nowMs);
  info.set("keys.count", keys);
  info.set("keys.bytes-per-key", keys === 0 ? 0 : Math.floor((info.get("used_memory") ?? 0) / keys));
  reply.map(STATS.length);
  for (const [name, field] of STATS) {
    reply.bulkText(name);
    const value = info.get(field) ?? 0;
    if (IS_DOUBLE.test(name)) reply.double(value);
    else reply.integer(value);
  }
}
