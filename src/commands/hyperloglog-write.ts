/** PFADD, PFMERGE, PFDEBUG, PFSELFTEST. What changes lies in types/hyperloglog-edit.ts. */

import { objectType } from "../rdb/opcodes.ts";
import { estimate, isDense, isHyperLogLog, mergeInto, REGISTERS } from "../types/hyperloglog.ts";
import {
  denseLevel,
  ELEMENT,
  forgetEstimate,
  HyperLogLogEditor,
  hashElement,
  setDenseLevel,
} from "../types/hyperloglog-edit.ts";
import { rewriteString } from "../types/string.ts";
import { copyBytes } from "../util/native.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError, wrongType } from "./errors.ts";
import { damagedHyperLogLog, notHyperLogLog } from "./hyperloglog.ts";
import { peek } from "./lookup.ts";
import { readToChange, readValue, stringAt, stringToChange } from "./string-value.ts";

const VALUE = new Span();
const INTO = new Span();
const MERGED = new Uint8Array(REGISTERS);
const EDITOR = new HyperLogLogEditor();

export function pfadd(c: Context): void {
  const { args, reply, server } = c;
  const exists = stringToChange(c);
  if (exists) {
    readToChange(c, VALUE);
    if (!isHyperLogLog(VALUE)) throw notHyperLogLog();
    if (isDense(VALUE)) {
      addToDense(c);
      return;
    }
    EDITOR.load(VALUE.bytes, VALUE.start, VALUE.length);
  } else EDITOR.clear();
  const sparseBytesMax = server.config.number("hll-sparse-max-bytes");
  let updated = exists ? 0 : 1;
  for (let i = 2; i < args.count; i++) {
    hashElement(args.bytes, args.starts[i] as number, args.lengths[i] as number);
    const raised = EDITOR.raise(ELEMENT.register, ELEMENT.level, sparseBytesMax);
    if (raised < 0) throw damagedHyperLogLog();
    updated += raised;
  }
  if (updated > 0) {
    forgetEstimate(EDITOR.bytes, 0);
    store(c, 1, exists);
    server.keyspace.dirty += updated;
  }
  reply.integer(updated > 0 ? 1 : 0);
}

/** Adds to the dense HyperLogLog at VALUE, which becomes the key's own only when an element changes it. */
function addToDense(c: Context): void {
  const { args, db, record, server } = c;
  let bytes: Uint8Array | null = null;
  let updated = 0;
  for (let i = 2; i < args.count; i++) {
    hashElement(args.bytes, args.starts[i] as number, args.lengths[i] as number);
    const { register, level } = ELEMENT;
    if (denseLevel(bytes ?? VALUE.bytes, bytes === null ? VALUE.start : INTO.start, register) >= level) continue;
    if (bytes === null) {
      db.edit(args.bytes, args.starts[1] as number, args.lengths[1] as number, record, VALUE, VALUE.length, INTO);
      ({ bytes } = INTO);
      forgetEstimate(bytes, INTO.start);
    }
    setDenseLevel(bytes, INTO.start, register, level);
    updated++;
  }
  server.keyspace.dirty += updated;
  c.reply.integer(updated > 0 ? 1 : 0);
}

export function pfmerge(c: Context): void {
  const { args, server } = c;
  MERGED.fill(0);
  let anyDense = false;
  for (let i = 1; i < args.count; i++) {
    if (!stringAt(c, i, VALUE)) continue;
    if (!isHyperLogLog(VALUE)) throw notHyperLogLog();
    if (isDense(VALUE)) anyDense = true;
    if (!mergeInto(MERGED, VALUE)) throw damagedHyperLogLog();
  }
  const exists = peek(c, 1);
  if (exists) {
    readValue(c.record, VALUE);
    EDITOR.load(VALUE.bytes, VALUE.start, VALUE.length);
  } else EDITOR.clear();
  if (anyDense) EDITOR.toDense();
  const sparseBytesMax = server.config.number("hll-sparse-max-bytes");
  for (let register = 0; register < REGISTERS; register++) {
    const level = MERGED[register] as number;
    if (level > 0) EDITOR.raise(register, level, sparseBytesMax);
  }
  forgetEstimate(EDITOR.bytes, 0);
  store(c, 1, exists);
  server.keyspace.dirty++;
  c.reply.ok();
}

/** Makes what the editor holds the value of the key at argument `index`, which `c.record` was read from if it exists. */
function store(c: Context, index: number, exists: boolean): void {
  const { args, db, record } = c;
  const expireAtMs = exists ? record.expireAtMs : -1;
  const { bytes, length } = EDITOR;
  rewriteString(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, length, expireAtMs, INTO);
  copyBytes(bytes, 0, length, INTO.bytes, INTO.start);
}

const KEY = 2;

export function pfdebug(c: Context): void {
  const { args, reply } = c;
  if (!peek(c, KEY)) throw new ReplyError("ERR The specified key does not exist");
  if (objectType(c.record.type) !== "string") throw wrongType();
  readValue(c.record, VALUE);
  if (!isHyperLogLog(VALUE)) throw notHyperLogLog();
  EDITOR.load(VALUE.bytes, VALUE.start, VALUE.length);
  if (args.is(1, "GETREG")) {
    makeDense(c);
    reply.array(REGISTERS);
    for (let i = 0; i < REGISTERS; i++) reply.integer(denseLevel(EDITOR.bytes, 0, i));
  } else if (args.is(1, "DECODE")) {
    if (!EDITOR.isSparse) throw new ReplyError("ERR HLL encoding is not sparse");
    reply.bulkText(EDITOR.decode());
  } else if (args.is(1, "ENCODING")) reply.simple(EDITOR.isSparse ? "sparse" : "dense");
  else if (args.is(1, "TODENSE")) reply.integer(makeDense(c) ? 1 : 0);
  else throw new ReplyError(`ERR Unknown PFDEBUG subcommand '${args.text(1).split("\0", 1)[0]}'`);
}

/** Makes the key's value dense if it is not; whether it was not. */
function makeDense(c: Context): boolean {
  if (!EDITOR.isSparse) return false;
  if (!EDITOR.toDense()) throw damagedHyperLogLog();
  store(c, KEY, true);
  c.server.keyspace.dirty++;
  return true;
}

const TESTED_ROUNDS = 50;
const TESTED_ELEMENTS = 1_000_000;
/** The standard error of the estimate is 1.04 / √registers: so many of it are bad luck beyond belief. */
const ERRORS_MAX = 6;

/** Registers keep what is set beside each other; dense and sparse agree; the estimate is near. */
export function* pfselftest(c: Context): Generator<void, void, void> {
  yield* testRegisters();
  const dense = new HyperLogLogEditor();
  const sparse = new HyperLogLogEditor();
  dense.clear();
  dense.toDense();
  sparse.clear();
  const sparseBytesMax = c.server.config.number("hll-sparse-max-bytes");
  const element = new Uint8Array(8);
  const words = new Uint32Array(element.buffer);
  words[1] = Math.floor(Math.random() * 2 ** 32);
  let checkpoint = 1;
  for (let i = 1; i <= TESTED_ELEMENTS; i++) {
    words[0] = i;
    hashElement(element, 0, 8);
    dense.raise(ELEMENT.register, ELEMENT.level, 0);
    sparse.raise(ELEMENT.register, ELEMENT.level, sparseBytesMax);
    if (i === checkpoint) {
      if (i < sparseBytesMax / 2 && !sparse.isSparse) throw new ReplyError("ERR TESTFAILED sparse encoding not used");
      checkEstimates(i, dense, sparse);
      checkpoint *= 10;
    }
    if (i % 256 === 0) yield;
  }
  c.reply.ok();
}

function* testRegisters(): Generator<void, void, void> {
  const tested = new HyperLogLogEditor();
  tested.clear();
  tested.toDense();
  const levels = new Uint8Array(REGISTERS);
  for (let round = 0; round < TESTED_ROUNDS; round++) {
    for (let i = 0; i < REGISTERS; i++) {
      levels[i] = Math.random() * 64;
      setDenseLevel(tested.bytes, 0, i, levels[i] as number);
    }
    for (let i = 0; i < REGISTERS; i++) {
      const level = denseLevel(tested.bytes, 0, i);
      if (level === levels[i]) continue;
      throw new ReplyError(`ERR TESTFAILED Register ${i} should be ${levels[i]} but is ${level}`);
    }
    yield;
  }
}

function checkEstimates(count: number, dense: HyperLogLogEditor, sparse: HyperLogLogEditor): void {
  const [one, two] = [dense, sparse].map(({ bytes, length }) => {
    const levels = new Uint8Array(REGISTERS);
    VALUE.set(bytes, 0, length);
    mergeInto(levels, VALUE);
    return estimate(levels);
  }) as [number, number];
  if (one !== two) throw new ReplyError("ERR TESTFAILED dense/sparse disagree");
  const error = Math.abs(count - one);
  const errorMax = count === 10 ? 1 : Math.ceil((1.04 / Math.sqrt(REGISTERS)) * ERRORS_MAX * count);
  if (error > errorMax) throw new ReplyError(`ERR TESTFAILED Too big error. card:${count} abserr:${error}`);
}
