/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT and PERSIST. */
import { carry, discard, isToBeCarried, put } from "./carry.ts";
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { peek } from "./lookup.ts";
import { integer, integer64 } from "./parse.ts";

/** Bits of the options. */
const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** For what PERSIST sets. */
const NEVER = Number.POSITIVE_INFINITY;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** The latest time that the overlay can hold: the greatest double below 2^63. */
export const EXPIRY_MS_MAX = 2 ** 63 - 1024;
/** Arguments of so many characters make no time that overflows, nor one that a double does not hold well. */
const PLAIN_CHARACTERS_MAX = 12;

export function expire(c: Context): void | Generator<void, void, void> {
  return expireGeneric(c, c.nowMs, 1000, "expire");
}

export function pexpire(c: Context): void | Generator<void, void, void> {
  return expireGeneric(c, c.nowMs, 1, "pexpire");
}

export function expireat(c: Context): void | Generator<void, void, void> {
  return expireGeneric(c, 0, 1000, "expireat");
}

export function pexpireat(c: Context): void | Generator<void, void, void> {
  return expireGeneric(c, 0, 1, "pexpireat");
}

export function persist(c: Context): void | Generator<void, void, void> {
  return setExpiry(c, XX, NEVER);
}

/** `baseMs`: added to the argument, which counts units of `unitMs`. */
function expireGeneric(c: Context, baseMs: number, unitMs: 1 | 1000, name: string): void | Generator<void, void, void> {
  const options = c.args.count > 3 ? parseOptions(c) : 0;
  return setExpiry(c, options, expiryMs(c, 2, baseMs, unitMs, name));
}

/** `atMs`: milliseconds since 1970, NEVER to take the expiry away. */
function setExpiry(c: Context, options: number, atMs: number): void | Generator<void, void, void> {
  const { args, db, record, reply } = c;
  if (!peek(c, 1)) {
    reply.integer(0);
    return;
  }
  if (!applies(options, record.expireAtMs, atMs)) {
    db.touch(record);
    reply.integer(0);
    return;
  }
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  if (atMs <= c.nowMs) db.remove(args.bytes, start, length, c.nowMs);
  else if (isToBeCarried(record)) return carriedUp(c, options, atMs);
  else db.setExpiry(args.bytes, start, length, stored(atMs), record);
  c.server.keyspace.dirty++;
  reply.integer(1);
}

/** As databases hold it. */
function stored(atMs: number): number {
  return atMs === NEVER ? -1 : atMs;
}

/** A collection of the file, or of what is being saved, gets its expiry with a copy in memory. */
function* carriedUp(c: Context, options: number, atMs: number): Generator<void, void, void> {
  const { record, reply } = c;
  const carried = yield* carry(c, () => c.db);
  if (carried === null || !applies(options, record.expireAtMs, atMs)) {
    if (carried !== null) discard(carried);
    reply.integer(0);
    return;
  }
  const { args, db } = c;
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  if (carried.arena !== null || (record.entry === 0 && db.draining === null)) {
    put(carried, db, args.bytes, start, length, record, stored(atMs));
  } else db.setExpiry(args.bytes, start, length, stored(atMs), record);
  c.server.keyspace.dirty++;
  reply.integer(1);
}

/** The time, in milliseconds since 1970, that argument `i` tells. Throws ReplyError in Redis's words. */
function expiryMs(c: Context, i: number, baseMs: number, unitMs: 1 | 1000, name: string): number {
  if ((c.args.lengths[i] as number) <= PLAIN_CHARACTERS_MAX) return integer(c, i) * unitMs + baseMs;
  const unit = BigInt(unitMs);
  const units = integer64(c, i);
  const base = BigInt(baseMs);
  if (units > INT64_MAX / unit || units < INT64_MIN / unit || units * unit > INT64_MAX - base) {
    throw new ReplyError(`ERR invalid expire time in '${name}' command`);
  }
  return Math.min(Number(units * unit + base), EXPIRY_MS_MAX);
}

function parseOptions(c: Context): number {
  const { args } = c;
  let options = 0;
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, "NX")) options |= NX;
    else if (args.is(i, "XX")) options |= XX;
    else if (args.is(i, "GT")) options |= GT;
    else if (args.is(i, "LT")) options |= LT;
    // As C sees it: up to a NUL.
    else throw new ReplyError(`ERR Unsupported option ${args.text(i).split("\0", 1)[0]}`);
  }
  if ((options & NX) !== 0 && options !== NX) {
    throw new ReplyError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if ((options & GT) !== 0 && (options & LT) !== 0) {
    throw new ReplyError("ERR GT and LT options at the same time are not compatible");
  }
  return options;
}

/** Whether the options let a key that expires at `current` (-1: never) expire at `atMs`. Without an expiry it lives for ever. */
function applies(options: number, current: number, atMs: number): boolean {
  if (options === 0) return true;
  if ((options & NX) !== 0 && current !== -1) return false;
  if ((options & XX) !== 0 && current === -1) return false;
  if ((options & GT) !== 0 && (current === -1 || atMs <= current)) return false;
  return (options & LT) === 0 || current === -1 || atMs < current;
}
