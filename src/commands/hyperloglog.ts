/** PFCOUNT. The estimate itself is in types/hyperloglog.ts. */
import {
  cacheCardinality,
  cachedCardinality,
  estimate,
  isHyperLogLog,
  mergeInto,
  REGISTERS,
} from "../types/hyperloglog.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { stringAt } from "./string-value.ts";
import type { Command } from "./table.ts";

export const rows = [
  {
    name: "pfcount",
    arity: -2,
    flags: ["readonly", "may_replicate"],
    categories: ["hyperloglog"],
    keys: [
      {
        flags: ["RW", "access"],
        begin: { index: 1 },
        find: { lastKey: -1, step: 1, limit: 0 },
        notes: "The cached estimate may be renewed",
      },
    ],
    since: "2.8.9",
    group: "hyperloglog",
    complexity: "O(N) in the number of keys",
    summary: "Estimates how many different elements HyperLogLogs have seen.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: pfcount,
  },
] as const satisfies readonly Command[];

const VALUE = new Span();
const MERGED = new Uint8Array(REGISTERS);

export function notHyperLogLog(): ReplyError {
  return new ReplyError("WRONGTYPE Key is not a valid HyperLogLog string value.");
}

export function damagedHyperLogLog(): ReplyError {
  return new ReplyError("INVALIDOBJ Corrupted HLL object detected");
}

function pfcount(c: Context): void {
  MERGED.fill(0);
  for (let i = 1; i < c.args.count; i++) {
    if (!stringAt(c, i, VALUE)) continue;
    if (!isHyperLogLog(VALUE)) throw notHyperLogLog();
    const cached = c.args.count === 2 ? cachedCardinality(VALUE) : null;
    if (cached !== null) {
      c.reply.integer(BigInt.asIntN(64, cached));
      return;
    }
    if (!mergeInto(MERGED, VALUE)) throw damagedHyperLogLog();
  }
  const cardinality = estimate(MERGED);
  if (c.args.count === 2) remember(c, cardinality);
  c.reply.integer(cardinality);
}

/** Stores the estimate of argument 1 beside its registers, as Redis does; not where the value would have to be copied for it. */
function remember(c: Context, cardinality: number): void {
  const { db, record, server } = c;
  if (VALUE.length === 0 || VALUE.bytes !== record.cursor.bytes || !db.isWritable(record)) return;
  cacheCardinality(VALUE, cardinality);
  server.keyspace.dirty++;
}
