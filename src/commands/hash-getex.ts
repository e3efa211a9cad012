/** HGETDEL, HGETEX, HSETEX (Redis 8.0): fields are read or set, and go or get another time in the same moment. */
import { HashReader } from "../types/hash.ts";
import { HashEdit, KEEP_FIELD_EXPIRY, NO_EXPIRY } from "../types/hash-edit.ts";
import type { Context } from "./context.ts";
import { ReplyError, wrongArity } from "./errors.ts";
import { hasAny } from "./hash-expire.ts";
import { fieldExpiry, firstField } from "./hash-fields.ts";
import { findIn } from "./hashes.ts";
import { isHash, makeNative, openHash } from "./hashes-open.ts";
import { removeFound } from "./hashes-write.ts";
import { lookup } from "./lookup.ts";
import { integer } from "./parse.ts";

const FIELDS_MAX = 2 ** 31 - 1;

const HASH = new HashEdit();
const READER = new HashReader();

/** HGETDEL key FIELDS numfields field … */
export function hgetdel(c: Context): void {
  const { args, record, reply, server } = c;
  const isThere = isHash(c, 1, record);
  const first = firstField(c, 2);
  let left = isThere && openHash(c, 1, HASH, record) ? HASH.count : 0;
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (left === 0 || !find(c, i)) {
      reply.nil();
      continue;
    }
    HASH.read();
    reply.elements(HASH.value);
    removeFound(c, HASH, left--);
    server.keyspace.dirty++;
  }
}

function find({ args }: Context, i: number): boolean {
  return HASH.find(args.bytes, args.starts[i] as number, args.lengths[i] as number);
}

/** The unit of a time option: 0: it is none of EX, PX, EXAT, PXAT. */
function unitAt({ args }: Context, i: number): 0 | 1 | 1000 {
  if (args.is(i, "EX") || args.is(i, "EXAT")) return 1000;
  return args.is(i, "PX") || args.is(i, "PXAT") ? 1 : 0;
}

/** What is added to the time of such an option: those of two letters count from now. */
function baseMs(c: Context, option: number): number {
  return c.args.lengths[option] === 2 ? c.nowMs : 0;
}

/** HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS numfields field … */
export function hgetex(c: Context): void {
  const { args, record, reply } = c;
  const isThere = isHash(c, 1, record);
  const unitMs = unitAt(c, 2);
  const isPersisting = unitMs === 0 && args.is(2, "PERSIST");
  const atMs = unitMs === 0 ? NO_EXPIRY : fieldExpiry(c, 3, baseMs(c, 2), unitMs, "hgetex");
  const first = firstField(c, unitMs !== 0 ? 4 : isPersisting ? 3 : 2);
  if (!isThere || (unitMs === 0 && !isPersisting)) {
    answerValues(c, first);
    return;
  }
  let left = openHash(c, 1, HASH, record) ? HASH.count : 0;
  if (left > 0 && atMs > c.nowMs && hasAny(c, HASH, first)) makeNative(c, 1, HASH, record);
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (left === 0 || !find(c, i)) {
      reply.nil();
      continue;
    }
    HASH.read();
    reply.elements(HASH.value);
    if (isPersisting && HASH.expireAtMs === NO_EXPIRY) continue;
    if (isPersisting || atMs > c.nowMs) HASH.setExpiry(atMs);
    else {
      removeFound(c, HASH, left--);
      c.server.keyspace.fieldsExpired(1);
    }
    c.server.keyspace.dirty++;
  }
  if (left > 0) HASH.noteExpiry();
}

/** As HMGET. */
function answerValues(c: Context, first: number): void {
  const { args, reply } = c;
  const found = lookup(c, 1, "hash");
  if (found) READER.open(c.record, c.nowMs);
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (found && findIn(c, READER, i)) reply.elements(READER.value);
    else reply.nil();
  }
}

/** What the arguments of HSETEX say. Valid until the next call. */
const OPTIONS = { mustExist: false, mustNotExist: false, expireAtMs: NO_EXPIRY, first: 0 };

/** HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS numfields field value … */
export function hsetex(c: Context): void {
  parseSetOptions(c);
  const { mustExist, mustNotExist, expireAtMs, first } = OPTIONS;
  const { args, record, reply, server } = c;
  const isThere = openHash(c, 1, HASH, record);
  const pairs = (args.count - first) / 2;
  if ((mustExist || mustNotExist) && !meets(c, isThere, first, mustExist)) {
    reply.integer(0);
    return;
  }
  if (expireAtMs >= 0 && expireAtMs <= c.nowMs) {
    if (isThere) removeAll(c, first);
  } else if (isThere) setAll(c, first, expireAtMs);
  else {
    const isNative = expireAtMs >= 0 || !HASH.fits(args.lengths, first, pairs);
    HASH.create(args.bytes, args.starts, args.lengths, first, pairs, isNative, Math.max(expireAtMs, NO_EXPIRY));
  }
  server.keyspace.dirty += pairs;
  reply.integer(1);
}

/** Whether all fields exist, or none. */
function meets(c: Context, isThere: boolean, first: number, mustExist: boolean): boolean {
  for (let i = first; i < c.args.count; i += 2) if ((isThere && find(c, i)) !== mustExist) return false;
  return true;
}

function setAll(c: Context, first: number, expireAtMs: number): void {
  const { args, record } = c;
  const { bytes, starts, lengths } = args;
  if (expireAtMs >= 0 || !HASH.fits(lengths, first, (args.count - first) / 2)) makeNative(c, 1, HASH, record);
  for (let i = first; i < args.count; i += 2) {
    find(c, i);
    HASH.put(
      bytes,
      starts[i] as number,
      lengths[i] as number,
      bytes,
      starts[i + 1] as number,
      lengths[i + 1] as number,
      expireAtMs,
    );
  }
  if (expireAtMs >= 0) HASH.noteExpiry();
}

/** Fields that are set to expire in the past are gone at once. */
function removeAll(c: Context, first: number): void {
  let left = HASH.count;
  for (let i = first; i < c.args.count && left > 0; i += 2) if (find(c, i)) removeFound(c, HASH, left--);
}

function parseSetOptions(c: Context): void {
  const { args } = c;
  OPTIONS.mustExist = OPTIONS.mustNotExist = false;
  OPTIONS.expireAtMs = NO_EXPIRY;
  for (let i = 2; i < args.count; i++) {
    const unitMs = unitAt(c, i);
    if (args.is(i, "FIELDS")) {
      OPTIONS.first = firstPair(c, i);
      return;
    }
    if (unitMs !== 0 || args.is(i, "KEEPTTL")) {
      if (OPTIONS.expireAtMs !== NO_EXPIRY) {
        throw new ReplyError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
      }
      if (unitMs === 0) OPTIONS.expireAtMs = KEEP_FIELD_EXPIRY;
      else {
        if (i + 1 >= args.count) throw new ReplyError("ERR missing expire time");
        OPTIONS.expireAtMs = fieldExpiry(c, i + 1, baseMs(c, i), unitMs, "hsetex");
        i++;
      }
    } else if (args.is(i, "FXX") || args.is(i, "FNX")) {
      if (OPTIONS.mustExist || OPTIONS.mustNotExist) {
        throw new ReplyError("ERR Only one of FXX or FNX arguments can be specified");
      }
      if (args.is(i, "FXX")) OPTIONS.mustExist = true;
      else OPTIONS.mustNotExist = true;
    } else throw new ReplyError(`ERR unknown argument: ${args.text(i)}`);
  }
  throw wrongArity("hsetex");
}

/** Reads FIELDS at argument `at` and the number of pairs: the first field's index. Throws ReplyError. */
function firstPair(c: Context, at: number): number {
  const { args } = c;
  if (at >= args.count - 3) throw wrongArity("hsetex");
  const wrongCount = "ERR invalid number of fields";
  const pairs = integer(c, at + 1, wrongCount);
  if (pairs < 1 || pairs > FIELDS_MAX) throw new ReplyError(wrongCount);
  if (args.count - at - 2 !== 2 * pairs) throw wrongArity("hsetex");
  return at + 2;
}
