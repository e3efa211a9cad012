/** Arguments of the commands about times of fields (Redis 7.4, 8.0): FIELDS numfields field …, and times. Redis's order of checks, its words. */
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { integer, integer64 } from "./parse.ts";

/** Redis's HFE_MAX_ABS_TIME_MSEC: the last moment that a field may expire. */
const EXPIRY_MS_MAX = 2 ** 46 - 1;
/** Arguments of so many characters are safe integers. */
const SAFE_CHARACTERS = 15;

/** Reads FIELDS at argument `at` and the number of fields, which must be all arguments that follow: the first field's index. Throws ReplyError. */
export function firstField(
  c: Context,
  at: number,
  wrongCount = "ERR Number of fields must be a positive integer",
): number {
  const { args } = c;
  if (at >= args.count || !args.is(at, "FIELDS")) {
    throw new ReplyError("ERR Mandatory argument FIELDS is missing or not at the right position");
  }
  if (at + 1 >= args.count) throw new ReplyError(wrongCount);
  const count = integer(c, at + 1, wrongCount);
  if (count < 1) throw new ReplyError(wrongCount);
  if (count !== args.count - at - 2) {
    throw new ReplyError("ERR The `numfields` parameter must match the number of arguments");
  }
  return at + 2;
}

/** The moment that argument `i` tells, ms since 1970. `baseMs`: added to it; `unitMs`: what it counts. Throws ReplyError; `command` is named in it. */
export function fieldExpiry(c: Context, i: number, baseMs: number, unitMs: 1 | 1000, command: string): number {
  const isShort = (c.args.lengths[i] as number) <= SAFE_CHARACTERS;
  // Rounded where it is larger than what is allowed anyway.
  const units = isShort ? integer(c, i) : Number(integer64(c, i));
  if (units < 0) throw new ReplyError("ERR invalid expire time, must be >= 0");
  if (units > Math.floor(EXPIRY_MS_MAX / unitMs) || units * unitMs > EXPIRY_MS_MAX - baseMs) {
    throw new ReplyError(`ERR invalid expire time in '${command}' command`);
  }
  return units * unitMs + baseMs;
}
