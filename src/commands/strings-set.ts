/** SET and its kin: a string's value is replaced as a whole, or goes. Bytes go from the request into the overlay. */
import { setString } from "../types/string.ts";
import type { Context } from "./context.ts";
import { wrongArity } from "./errors.ts";
import { lookup, peek } from "./lookup.ts";
import { expiryAt, OPTIONS, Option, parseOptions } from "./string-options.ts";
import { awaitVerified, replyValue } from "./string-value.ts";

const SET_OPTIONS = Option.NX | Option.XX | Option.GET | Option.KEEPTTL;
const NO_EXPIRY = -1;

export function set(c: Context): void {
  const { args } = c;
  if (args.count === 3) {
    put(c, 1, 2, NO_EXPIRY);
    c.reply.ok();
    return;
  }
  parseOptions(c, 3, SET_OPTIONS);
  const { flags, time } = OPTIONS;
  const expireAtMs = time === 0 ? NO_EXPIRY : expiryAt(c, time, flags, "set");
  if (assign(c, flags, expireAtMs)) {
    if ((flags & Option.GET) === 0) c.reply.ok();
  } else if ((flags & Option.GET) === 0) c.reply.nil();
}

export function setnx(c: Context): void {
  c.reply.integer(assign(c, Option.NX, NO_EXPIRY) ? 1 : 0);
}

export function setex(c: Context): void {
  put(c, 1, 3, expiryAt(c, 2, Option.EX, "setex"));
  c.reply.ok();
}

export function psetex(c: Context): void {
  put(c, 1, 3, expiryAt(c, 2, Option.PX, "psetex"));
  c.reply.ok();
}

export function getset(c: Context): void {
  replyOld(c);
  put(c, 1, 2, NO_EXPIRY);
}

export function getdel(c: Context): void {
  if (!replyOld(c)) return;
  const { args, server } = c;
  c.db.remove(args.bytes, args.starts[1] as number, args.lengths[1] as number, c.nowMs);
  server.keyspace.dirty++;
}

export function getex(c: Context): void {
  const { args, db, record, server } = c;
  parseOptions(c, 2, Option.PERSIST);
  const { flags, time } = OPTIONS;
  if (!lookup(c, 1, "string")) {
    c.reply.nil();
    return;
  }
  const expireAtMs = time === 0 ? NO_EXPIRY : expiryAt(c, time, flags, "getex");
  awaitVerified(record.cursor);
  replyValue(c.reply, record);
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  if ((flags & (Option.EXAT | Option.PXAT)) !== 0 && expireAtMs <= c.nowMs) {
    db.remove(args.bytes, start, length, c.nowMs);
  } else if (time !== 0) {
    db.setExpiry(args.bytes, start, length, expireAtMs, record);
  } else if ((flags & Option.PERSIST) !== 0 && record.expireAtMs !== NO_EXPIRY) {
    db.setExpiry(args.bytes, start, length, NO_EXPIRY, record);
  } else return;
  server.keyspace.dirty++;
}

export function mset(c: Context): void {
  const { count } = c.args;
  if (count % 2 === 0) throw wrongArity("mset");
  for (let i = 1; i < count; i += 2) put(c, i, i + 1, NO_EXPIRY);
  c.reply.ok();
}

export function msetnx(c: Context): void {
  const { count } = c.args;
  if (count % 2 === 0) throw wrongArity("msetnx");
  for (let i = 1; i < count; i += 2) {
    if (!peek(c, i)) continue;
    c.reply.integer(0);
    return;
  }
  for (let i = 1; i < count; i += 2) put(c, i, i + 1, NO_EXPIRY);
  c.reply.integer(1);
}

/** Sets the key at one argument to the value at another. */
function put(c: Context, key: number, value: number, expireAtMs: number): void {
  const { bytes, starts, lengths } = c.args;
  setString(
    c.db,
    bytes,
    starts[key] as number,
    lengths[key] as number,
    bytes,
    starts[value] as number,
    lengths[value] as number,
    expireAtMs,
  );
  c.server.keyspace.dirty++;
}

/** SET with options: NX, XX, GET (the old value is answered), KEEPTTL. Whether the key was set. */
function assign(c: Context, flags: number, expireAtMs: number): boolean {
  let at = expireAtMs;
  if ((flags & SET_OPTIONS) !== 0) {
    const found = (flags & Option.GET) !== 0 ? replyOld(c) : peek(c, 1);
    if (found ? (flags & Option.NX) !== 0 : (flags & Option.XX) !== 0) {
      if (found && (flags & Option.GET) === 0) c.db.touch(c.record);
      return false;
    }
    if ((flags & Option.KEEPTTL) !== 0 && found) at = c.record.expireAtMs;
  }
  put(c, 1, 2, at);
  return true;
}

/** Answers the string at argument 1, or nil; whether there is one. Throws ReplyError WRONGTYPE, NotReady. */
function replyOld(c: Context): boolean {
  if (!lookup(c, 1, "string")) {
    c.reply.nil();
    return false;
  }
  awaitVerified(c.record.cursor);
  replyValue(c.reply, c.record);
  return true;
}
