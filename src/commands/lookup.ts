/** Finding a key for a handler: expired keys are absent, the wrong type is an error, hits and misses are counted. */
import { type ObjectType, objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import type { Context } from "./context.ts";
import { wrongType } from "./errors.ts";

/**
 * Finds the key at argument `index` into `c.record`; false when it is missing. Throws ReplyError WRONGTYPE.
 * The record is valid until it is read again.
 */
export function lookup(c: Context, index: number, type: ObjectType): boolean {
  return lookupInto(c, index, type, c.record);
}

/** As `lookup`, into a record of the caller's. */
export function lookupInto(c: Context, index: number, type: ObjectType, record: Record): boolean {
  if (!lookupAny(c, index, record)) return false;
  if (objectType(record.type) !== type) throw wrongType();
  return true;
}

/** As `lookupInto`, whatever the type. */
export function lookupAny(c: Context, index: number, record: Record = c.record): boolean {
  const { args, server } = c;
  const found = c.db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, c.nowMs, record);
  if (found) server.stats.keyspaceHits++;
  else server.stats.keyspaceMisses++;
  return found;
}

/** As `lookupAny`, without counting a hit or miss (Redis's LOOKUP_NOSTATS: OBJECT, DEBUG, MEMORY USAGE). */
export function peek(c: Context, index: number, record: Record = c.record): boolean {
  const { args } = c;
  return c.db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, c.nowMs, record);
}
