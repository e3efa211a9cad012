/** DEL and UNLINK: the same here, since deleting a key costs the same whatever its value (its blocks or its record are left as they are). */
import type { Context } from "./context.ts";

/** Keys looked up between two yields. */
const KEYS_PER_SLICE = 256;

/** DEL, UNLINK. */
export function del(c: Context): void | Generator<void, void, void> {
  if (c.args.count > KEYS_PER_SLICE) return delMany(c);
  deleteAll(c);
}

/** What may take long of it, reading the records from disk, goes in slices; then all are deleted at one moment. */
function* delMany(c: Context): Generator<void, void, void> {
  for (let i = 1; i < c.args.count; i++) {
    const { args, db, nowMs, record } = c;
    db.find(args.bytes, args.starts[i] as number, args.lengths[i] as number, nowMs, record);
    if (i % KEYS_PER_SLICE === 0) yield;
  }
  deleteAll(c);
}

function deleteAll(c: Context): void {
  const { args, db, nowMs } = c;
  let deleted = 0;
  for (let i = 1; i < args.count; i++) {
    if (db.remove(args.bytes, args.starts[i] as number, args.lengths[i] as number, nowMs)) deleted++;
  }
  c.server.keyspace.dirty += deleted;
  c.reply.integer(deleted);
}
