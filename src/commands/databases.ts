/** Whole databases: SWAPDB, FLUSHDB, FLUSHALL. */
import type { Database } from "../keyspace/database.ts";
import { FormatError } from "../util/format-error.ts";
import { awaited } from "./awaited.ts";
import type { Context } from "./context.ts";
import { checkDbid, int32Argument } from "./dbid.ts";
import { syntaxError } from "./errors.ts";

export function swapdb(c: Context): void {
  const { keyspace } = c.server;
  const first = int32Argument(c, 1, "ERR invalid first DB index");
  const second = int32Argument(c, 2, "ERR invalid second DB index");
  checkDbid(c, first);
  checkDbid(c, second);
  if (first !== second) keyspace.swap(first, second);
  keyspace.dirty++;
  c.reply.ok();
}

/** FLUSHDB [ASYNC | SYNC]: both are the same here, memory is given back later. */
export function flushdb(c: Context): void {
  checkOption(c);
  const { keyspace } = c.server;
  keyspace.dirty += keysOf(c, c.db);
  keyspace.flush(c.db.dbid);
  c.reply.ok();
}

/** FLUSHALL [ASYNC | SYNC]. With save points it answers when the file is empty, too, or could not be made so: as Redis, OK in any case. */
export function flushall(c: Context): void | Generator<void, void, void> {
  checkOption(c);
  const { keyspace, saving } = c.server;
  for (const database of keyspace.databases) keyspace.dirty += keysOf(c, database);
  keyspace.flushAll();
  const saved = saving.flushed();
  if (saved !== null) return okAfter(c, saved);
  c.reply.ok();
}

function* okAfter(c: Context, saved: Promise<boolean>): Generator<void, void, void> {
  yield* awaited(c, saved);
  c.reply.ok();
}

function checkOption({ args }: Context): void {
  if (args.count === 1) return;
  if (args.count > 2 || !(args.is(1, "ASYNC") || args.is(1, "SYNC"))) throw syntaxError();
}

/** Keys that a flush takes away: at least one where nobody can tell, since the index is damaged. */
function keysOf({ nowMs }: Context, database: Database): number {
  try {
    return database.size(nowMs);
  } catch (error) {
    if (error instanceof FormatError) return 1;
    throw error;
  }
}
