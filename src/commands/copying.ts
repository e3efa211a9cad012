/**
 * COPY, MOVE, RENAME and RENAMENX: a key's value under another name, verbatim, whatever its type and wherever it lies.
 * What takes long, finding the end of a big collection in the file, is done first (measure.ts); the rest is one moment.
 */
import type { Database } from "../keyspace/database.ts";
import { Record } from "../rdb/record.ts";
import type { Context } from "./context.ts";
import { dbidArgument } from "./dbid.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookupAny, peek } from "./lookup.ts";
import { measured } from "./measure.ts";

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
  let valueLength = -1;
  if (lookupAny(c, 1)) valueLength = yield* measured(c);
  const to = c.server.keyspace.database(dbid);
  if (valueLength < 0 || (!replace && holds(c, to, 2))) {
    c.reply.integer(0);
    return;
  }
  writeCopy(c, to, 2, valueLength, -1);
  c.server.keyspace.dirty++;
  c.reply.integer(1);
}

export function* move(c: Context): Generator<void, void, void> {
  const dbid = dbidArgument(c, 2);
  if (dbid === c.db.dbid) throw new ReplyError(SAME_OBJECT);
  const valueLength = peek(c, 1) ? yield* measured(c) : -1;
  const to = c.server.keyspace.database(dbid);
  if (valueLength < 0 || holds(c, to, 1)) {
    c.reply.integer(0);
    return;
  }
  writeCopy(c, to, 1, valueLength, uses(c));
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
  const valueLength = peek(c, 1) ? yield* measured(c) : -1;
  if (valueLength < 0) throw new ReplyError(NO_KEY);
  if (sameKey(c) || (!overwrites && holds(c, c.db, 2))) return false;
  writeCopy(c, c.db, 2, valueLength, uses(c));
  removeSource(c);
  return true;
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
function writeCopy({ args, record }: Context, to: Database, i: number, valueLength: number, frequency: number): void {
  const start = args.starts[i] as number;
  const length = args.lengths[i] as number;
  to.writeRecord(args.bytes, start, length, record, valueLength, record.expireAtMs);
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
