/** Finding a key for a handler: expired keys are absent, the wrong type is an error, hits and misses are counted. */
import { isNativeType, NativeType, type ObjectType, objectType } from "../rdb/opcodes.ts";
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

/** As `lookupInto`, whatever the type. Notes the use of the key, unless the client has said CLIENT NO-TOUCH. */
export function lookupAny(c: Context, index: number, record: Record = c.record): boolean {
  const { args, db, server } = c;
  const found = db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, c.nowMs, record);
  if (!found) {
    server.stats.keyspaceMisses++;
    return false;
  }
  if (record.type >= NativeType.HASH) noteReading(c, record);
  server.stats.keyspaceHits++;
  if (!c.client.noTouch) db.touch(record);
  return true;
}

/** As `lookupAny`, but the key's use is not noted (Redis's LOOKUP_NOTOUCH: EXISTS, TYPE, TTL and its kin, OBJECT). */
export function lookupUntouched(c: Context, index: number, record: Record = c.record): boolean {
  const { args, server } = c;
  const found = c.db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, c.nowMs, record);
  if (found && record.type >= NativeType.HASH) noteReading(c, record);
  if (found) server.stats.keyspaceHits++;
  else server.stats.keyspaceMisses++;
  return found;
}

/** As `lookupUntouched`, without counting a hit or miss: for MEMORY USAGE, DEBUG, and writes, which note the use themselves. */
export function peek(c: Context, index: number, record: Record = c.record): boolean {
  const { args } = c;
  return c.db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, c.nowMs, record);
}

/** A structure that is changed in its place: a command that reads it in slices holds it (native-reads.ts). */
export function noteReading(c: Context, record: Record): void {
  if (isNativeType(record.type)) c.natives.note(record, c.client);
}
