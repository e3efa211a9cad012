/** The options of SET and GETEX, and times to live as arguments: Redis's conflicts, its order of checks, its words. */
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer, integer64 } from "./parse.ts";

export const Option = { NX: 1, XX: 2, GET: 4, EX: 8, PX: 16, EXAT: 32, PXAT: 64, KEEPTTL: 128, PERSIST: 256 } as const;

const TIMED = Option.EX | Option.PX | Option.EXAT | Option.PXAT;
const RELATIVE = Option.EX | Option.PX;
const IN_SECONDS = Option.EX | Option.EXAT;

/** What `parseOptions` found: bits of Option, and the argument that holds the time (0: none). Valid until the next call. */
export const OPTIONS = { flags: 0, time: 0 };

/** Reads options from argument `first` on, of those that `allowed` has (times always). Throws ReplyError. */
export function parseOptions(c: Context, first: number, allowed: number): void {
  const { args } = c;
  let flags = 0;
  OPTIONS.time = 0;
  for (let i = first; i < args.count; i++) {
    let option = plainOption(c, i) & allowed;
    if (option === 0 && i + 1 < args.count) {
      option = timedOption(c, i);
      // The same unit twice is allowed: the last one counts.
      if (option !== 0) OPTIONS.time = ++i;
    }
    if (option === 0 || (conflicts(option) & flags) !== 0) throw syntaxError();
    flags |= option;
  }
  OPTIONS.flags = flags;
}

function plainOption(c: Context, i: number): number {
  const { args } = c;
  switch (args.lengths[i]) {
    case 2:
      return args.is(i, "NX") ? Option.NX : args.is(i, "XX") ? Option.XX : 0;
    case 3:
      return args.is(i, "GET") ? Option.GET : 0;
    case 7:
      return args.is(i, "KEEPTTL") ? Option.KEEPTTL : args.is(i, "PERSIST") ? Option.PERSIST : 0;
    default:
      return 0;
  }
}

function timedOption(c: Context, i: number): number {
  const { args } = c;
  if (args.is(i, "EX")) return Option.EX;
  if (args.is(i, "PX")) return Option.PX;
  if (args.is(i, "EXAT")) return Option.EXAT;
  return args.is(i, "PXAT") ? Option.PXAT : 0;
}

/** The options that may not stand before this one. */
function conflicts(option: number): number {
  if (option === Option.NX) return Option.XX;
  if (option === Option.XX) return Option.NX;
  if (option === Option.GET) return 0;
  return (TIMED | Option.KEEPTTL | Option.PERSIST) & ~option;
}

const INT64_MAX = 2n ** 63n - 1n;
/** Up to so many digits a time is a number that a double holds exactly. */
const SAFE_DIGITS = 15;
/** The last moment that a record can hold and a double can tell. */
const MS_MAX = 2 ** 63 - 1024;

/**
 * The moment that argument `i` names, milliseconds since 1970. `unit`: EX, PX (from now), EXAT or PXAT of Option.
 * Throws ReplyError; `command` is named in it. Beyond 2^53 the moment is rounded.
 */
export function expiryAt(c: Context, i: number, unit: number, command: string): number {
  const inSeconds = (unit & IN_SECONDS) !== 0;
  const from = (unit & RELATIVE) !== 0 ? c.nowMs : 0;
  if ((c.args.lengths[i] as number) <= SAFE_DIGITS) {
    const value = integer(c, i);
    if (value <= 0) throw invalidExpiry(command);
    return (inSeconds ? value * 1000 : value) + from;
  }
  const value = integer64(c, i);
  if (value <= 0n || (inSeconds && value > INT64_MAX / 1000n)) throw invalidExpiry(command);
  const atMs = (inSeconds ? value * 1000n : value) + BigInt(from);
  if (atMs > INT64_MAX) throw invalidExpiry(command);
  return Math.min(Number(atMs), MS_MAX);
}

function invalidExpiry(command: string): ReplyError {
  return new ReplyError(`ERR invalid expire time in '${command}' command`);
}
