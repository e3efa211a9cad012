/** Arguments that name a database. */
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { integerBetween } from "./parse.ts";

const INT32_MAX = 2 ** 31 - 1;
const INT32_MIN = -(2 ** 31);

/** Argument `i` as an integer of 32 bits. Throws ReplyError, with `message` if there is one. */
export function int32Argument(c: Context, i: number, message?: string): number {
  return integerBetween(c, i, INT32_MIN, INT32_MAX, message);
}

/** Throws ReplyError unless there is a database of this number. */
export function checkDbid(c: Context, dbid: number): void {
  if (dbid < 0 || dbid >= c.server.keyspace.count) throw new ReplyError("ERR DB index is out of range");
}

/** The number of the database that argument `i` names. Throws ReplyError. */
export function dbidArgument(c: Context, i: number): number {
  const dbid = int32Argument(c, i);
  checkDbid(c, dbid);
  return dbid;
}
