/** PFCOUNT. The estimate itself is in types/hyperloglog.ts. */
import { cachedCardinality, estimate, isHyperLogLog, mergeInto, REGISTERS } from "../types/hyperloglog.ts";
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

function pfcount(c: Context): void {
  MERGED.fill(0);
  for (let i = 1; i < c.args.count; i++) {
    if (!stringAt(c, i, VALUE)) continue;
    if (!isHyperLogLog(VALUE)) throw new ReplyError("WRONGTYPE Key is not a valid HyperLogLog string value.");
    const cached = c.args.count === 2 ? cachedCardinality(VALUE) : null;
    if (cached !== null) {
      c.reply.integer(BigInt.asIntN(64, cached));
      return;
    }
    if (!mergeInto(MERGED, VALUE)) throw new ReplyError("INVALIDOBJ Corrupted HLL object detected");
  }
  c.reply.integer(estimate(MERGED));
}
