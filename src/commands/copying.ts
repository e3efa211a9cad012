/**
 * COPY, MOVE, RENAME and RENAMENX: a key's value under another name, verbatim, whatever its type and wherever it lies.
 * What takes long, making a copy of a big collection, is done first (carry.ts); the rest is one moment.
 */
import type { Database } from "../keyspace/database.ts";
import { nativeRoot } from "../keyspace/native.ts";
import { isNativeType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { type Carried, carry, discard, put } from "./carry.ts";
import type { Context } from "./context.ts";
import { dbidArgument } from "./dbid.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookupAny, peek } from "./lookup.ts";
import { untilUnchanging } from "./native-reads.ts";

/** For the key that is written; used between two yields only. */
const TARGET = new Record();

const SAME_OBJECT = "ERR source and destination objects are the same";
const NO_KEY = "ERR no such key";

export function* copy(c: Context): Generator<void, void, void> {
  const { args } = c;
  let replace = false;
  let { dbid } = c.db;
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, "REPLACE")) replace = true;
    else if (args.is(i, "DB") && i + 1 < args.count) dbid = dbidArgument(c, ++i);
    else throw syntaxError();
  }
  if (dbid === c.db.dbid && sameKey(c)) throw new ReplyError(SAME_OBJECT);
  const target = () => c.server.keyspace.database(dbid);
  const isFree = () => replace || !holds(c, target(), 2);
  const carried = lookupAny(c, 1) && isFree() ? yield* carry(c, target) : null;
  if (carried === null || !isFree()) {
    if (carried !== null) discard(carried);
    c.reply.integer(0);
    return;
  }
  writeCopy(c, target(), 2, carried, -1);
  c.server.keyspace.dirty++;
  c.reply.integer(1);
}

export function* move(c: Context): Generator<void, void, void> {
  const dbid = dbidArgument(c, 2);
  if (dbid === c.db.dbid) throw new ReplyError(SAME_OBJECT);
  const target = () => c.server.keyspace.database(dbid);
  const carried = peek(c, 1) && !holds(c, target(), 1) ? yield* carry(c, target) : null;
  if (carried === null || holds(c, target(), 1)) {
    if (carried !== null) discard(carried);
    c.reply.integer(0);
    return;
  }
  writeCopy(c, target(), 1, carried, uses(c));
  removeSource(c);
  c.reply.integer(1);
}

export function* rename(c: Context): Generator<void, void, void> {
  yield* renameKey(c, true);
  c.reply.ok();
}

export function* renamenx(c: Context): Generator<void, void, void> {
  c.reply.integer((yield* renameKey(c, false)) ? 1 : 0);
}

/** Whether the key has another name now. Throws ReplyError. */
function* renameKey(c: Context, overwrites: boolean): Generator<void, boolean, void> {
  // A structure that is half changed takes the change with it to its new name, but for the end of it: the key's going.
  yield* untilUnchanging(c, 1);
  if (!peek(c, 1)) throw new ReplyError(NO_KEY);
  if (sameKey(c) || (!overwrites && holds(c, c.db, 2))) return false;
  if (isNativeType(c.record.type) && c.record.entry !== 0) {
    moveStructure(c);
    return true;
  }
  const carried = yield* carry(c, () => c.db);
  if (carried === null) throw new ReplyError(NO_KEY);
  if (!overwrites && holds(c, c.db, 2)) {
    discard(carried);
    return false;
  }
  writeCopy(c, c.db, 2, carried, uses(c));
  removeSource(c);
  return true;
}

/** A native structure of the top overlay stays where it is: another entry names it. */
function moveStructure(c: Context): void {
  const { args, db, record } = c;
  const { bytes, starts, lengths } = args;
  const { type, expireAtMs } = record;
  const frequency = uses(c);
  db.install(bytes, starts[2] as number, lengths[2] as number, type, nativeRoot(record), expireAtMs);
  db.disown(bytes, starts[1] as number, lengths[1] as number);
  db.setAccess(bytes, starts[2] as number, lengths[2] as number, -1, frequency);
  c.server.keyspace.dirty++;
}

function sameKey({ args }: Context): boolean {
  const { bytes, starts, lengths } = args;
  const length = lengths[1] as number;
  if (lengths[2] !== length) return false;
  const a = starts[1] as number;
  const b = starts[2] as number;
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

function holds({ args, nowMs }: Context, db: Database, i: number): boolean {
  return db.find(args.bytes, args.starts[i] as number, args.lengths[i] as number, nowMs, TARGET);
}

/** Writes the value of `c.record`, just found, under the name that argument `i` is in `to`. `frequency`: see Database.setAccess. */
function writeCopy({ args, record }: Context, to: Database, i: number, carried: Carried, frequency: number): void {
  const start = args.starts[i] as number;
  const length = args.lengths[i] as number;
  put(carried, to, args.bytes, start, length, record, record.expireAtMs);
  to.setAccess(args.bytes, start, length, -1, frequency);
}

/** The counter of uses that goes with the value to another name. */
function uses({ record, server }: Context): number {
  const { access } = server.keyspace;
  return access.isCounting ? access.touchedFrequency(record) : -1;
}

function removeSource({ args, db, nowMs, server }: Context): void {
  db.remove(args.bytes, args.starts[1] as number, args.lengths[1] as number, nowMs);
  server.keyspace.dirty++;
}
