/** HEXPIRE and its kin, HPERSIST: when fields of a hash expire (Redis 7.4). */
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { HashReader } from "../types/hash.ts";
import { HashEdit, NO_EXPIRY } from "../types/hash-edit.ts";
import type { Context } from "./context.ts";
import { fieldExpiry, firstField } from "./hash-fields.ts";
import { findIn } from "./hashes.ts";
import { isHash, makeNative, openHash } from "./hashes-open.ts";
import { removeFound } from "./hashes-write.ts";

/** What is answered for a field. */
const NO_FIELD = -2;
const NO_TIME = -1;
const NOT_MET = 0;
const SET = 1;
const DELETED = 2;
/** Options. */
const NONE = 0;
const NX = 1;
const XX = 2;
const GT = 3;
const LT = 4;

const HASH = new HashEdit();
const READER = new HashReader();

export function hexpire(c: Context): void {
  expireFields(c, c.nowMs, 1000, "hexpire");
}

export function hpexpire(c: Context): void {
  expireFields(c, c.nowMs, 1, "hpexpire");
}

export function hexpireat(c: Context): void {
  expireFields(c, 0, 1000, "hexpireat");
}

export function hpexpireat(c: Context): void {
  expireFields(c, 0, 1, "hpexpireat");
}

/** key time [NX | XX | GT | LT] FIELDS numfields field … */
function expireFields(c: Context, baseMs: number, unitMs: 1 | 1000, command: string): void {
  const { args, record, reply } = c;
  const isThere = isHash(c, 1, record);
  const atMs = fieldExpiry(c, 2, baseMs, unitMs, command);
  const option = optionAt(c, 3);
  const first = firstField(c, option === NONE ? 3 : 4, "ERR Parameter `numFields` should be greater than 0");
  if (!isThere || !openHash(c, 1, HASH, record)) {
    answerAll(c, first, NO_FIELD);
    return;
  }
  if (atMs > c.nowMs && hasAny(c, HASH, first)) makeNative(c, 1, HASH, record);
  reply.array(args.count - first);
  let left = HASH.count;
  for (let i = first; i < args.count; i++) {
    const isFound = left > 0 && HASH.find(args.bytes, args.starts[i] as number, args.lengths[i] as number);
    const answer = isFound ? expireFound(c, atMs, option, left) : NO_FIELD;
    if (answer === DELETED) left--;
    reply.integer(answer);
  }
  if (left > 0) HASH.noteExpiry();
}

/** The open hash's found field, one of `count`, expires then, or goes at once where that is past; what is answered for it. Counts the change. */
function expireFound(c: Context, atMs: number, option: number, count: number): number {
  HASH.read();
  if (!applies(option, HASH.expireAtMs, atMs)) return NOT_MET;
  if (atMs <= c.nowMs) {
    removeFound(c, HASH, count);
    c.server.keyspace.fieldsExpired(1);
  } else HASH.setExpiry(atMs);
  c.server.keyspace.dirty++;
  return atMs <= c.nowMs ? DELETED : SET;
}

function optionAt(c: Context, i: number): number {
  const { args } = c;
  if (args.lengths[i] !== 2) return NONE;
  if (args.is(i, "NX")) return NX;
  if (args.is(i, "XX")) return XX;
  if (args.is(i, "GT")) return GT;
  return args.is(i, "LT") ? LT : NONE;
}

/** Whether a field that expires at `current` may expire at `atMs`. One without a time lives for ever. */
function applies(option: number, current: number, atMs: number): boolean {
  if (option === NONE) return true;
  if (option === NX) return current === NO_EXPIRY;
  if (option === XX) return current !== NO_EXPIRY;
  if (option === GT) return current !== NO_EXPIRY && atMs > current;
  return current === NO_EXPIRY || atMs < current;
}

/** Whether the open hash has one of the fields from argument `first` on. */
export function hasAny({ args }: Context, hash: HashEdit, first: number): boolean {
  for (let i = first; i < args.count; i++) {
    if (hash.find(args.bytes, args.starts[i] as number, args.lengths[i] as number)) return true;
  }
  return false;
}

function answerAll(c: Context, first: number, answer: number): void {
  c.reply.array(c.args.count - first);
  for (let i = first; i < c.args.count; i++) c.reply.integer(answer);
}

export function hpersist(c: Context): void {
  const { args, record, reply, server } = c;
  const isThere = isHash(c, 1, record);
  const first = firstField(c, 2);
  if (!isThere) {
    answerAll(c, first, NO_FIELD);
    return;
  }
  if (record.type !== NativeType.HASH && record.type < RdbType.HASH_METADATA_PRE_GA) {
    answerTimeless(c, first);
    return;
  }
  if (!openHash(c, 1, HASH, record)) {
    answerAll(c, first, NO_FIELD);
    return;
  }
  let changed = 0;
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (!HASH.find(args.bytes, args.starts[i] as number, args.lengths[i] as number)) {
      reply.integer(NO_FIELD);
      continue;
    }
    HASH.read();
    if (HASH.expireAtMs === NO_EXPIRY) reply.integer(NO_TIME);
    else {
      HASH.setExpiry(NO_EXPIRY);
      changed = 1;
      reply.integer(SET);
    }
  }
  server.keyspace.dirty += changed;
}

/** Of a hash whose fields do not expire, which stays where it lies. */
function answerTimeless(c: Context, first: number): void {
  const { args, record, reply } = c;
  READER.open(record, c.nowMs);
  const { count } = args;
  reply.array(count - first);
  for (let i = first; i < count; i++) reply.integer(findIn(c, READER, i) ? NO_TIME : NO_FIELD);
}
