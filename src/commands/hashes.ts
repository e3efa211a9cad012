/** Hashes: fields and values where they lie. Fields whose own time has passed are absent. */
import { ByteStore } from "../types/byte-store.ts";
import { ByteTable } from "../types/byte-table.ts";
import { HashReader } from "../types/hash.ts";
import type { Context } from "./context.ts";
import { lookup } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";
import { type Command, PEEK_FIRST, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "hget",
    arity: 3,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    since: "2.0.0",
    group: "hash",
    complexity: "O(1)",
    summary: "Gives the value of a field of a hash.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "field", type: "string" },
    ],
    handler: hget,
  },
  {
    name: "hmget",
    arity: -3,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    since: "2.0.0",
    group: "hash",
    complexity: "O(N) in the number of fields asked for",
    summary: "Gives the values of several fields of a hash.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "field", type: "string", multiple: true },
    ],
    handler: hmget,
  },
  {
    name: "hgetall",
    arity: 2,
    flags: ["readonly"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    group: "hash",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all fields and values of a hash.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: hgetall,
  },
  {
    name: "hkeys",
    arity: 2,
    flags: ["readonly"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    group: "hash",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all fields of a hash.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: hkeys,
  },
  {
    name: "hvals",
    arity: 2,
    flags: ["readonly"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output_order"],
    since: "2.0.0",
    group: "hash",
    complexity: "O(N) in the size of the hash",
    summary: "Gives all values of a hash.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: hvals,
  },
  {
    name: "hlen",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: PEEK_FIRST,
    since: "2.0.0",
    group: "hash",
    complexity: "O(1)",
    summary: "Counts the fields of a hash.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: hlen,
  },
  {
    name: "hstrlen",
    arity: 3,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: PEEK_FIRST,
    since: "3.2.0",
    group: "hash",
    complexity: "O(1)",
    summary: "Tells how many bytes the value of a field has.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "field", type: "string" },
    ],
    handler: hstrlen,
  },
  {
    name: "hexists",
    arity: 3,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: PEEK_FIRST,
    since: "2.0.0",
    group: "hash",
    complexity: "O(1)",
    summary: "Tells whether a hash has a field.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "field", type: "string" },
    ],
    handler: hexists,
  },
] as const satisfies readonly Command[];

/** Hashes up to this size are answered in one go. */
const FIELDS_AT_ONCE_MAX = 512;
/** Fields between two yields. */
export const FIELDS_PER_SLICE = 256;
/** When fields asked for × fields there are more than this, one walk with a table replaces a search per field. */
const COMPARISONS_MAX = 20_000;

/** Only for handlers that run to their end at once. */
const HASH = new HashReader();

/** Opens the hash at argument 1 for a quick handler; false when it is missing. */
function openHash(c: Context): boolean {
  if (!lookup(c, 1, "hash")) return false;
  HASH.open(c.record, c.nowMs);
  return true;
}

function findField(c: Context, index: number): boolean {
  return findIn(c, HASH, index);
}

/**
 * Finds the field at argument `index` in the hash of `c.record`, which `hash` has open. Throws NotReady where that takes
 * long: only for quick handlers, before they reply.
 */
export function findIn(c: Context, hash: HashReader, index: number): boolean {
  const { bytes, starts, lengths } = c.args;
  const start = starts[index] as number;
  const length = lengths[index] as number;
  if (hash.isSlowToFind(bytes, start, length))
    throw new NotReady(findInSlices(c, Uint8Array.from(bytes.subarray(start, start + length))));
  return hash.find(bytes, start, length);
}

function* findInSlices(c: Context, field: Uint8Array): Generator<void, void, void> {
  const hash = new HashReader();
  hash.open(c.record, c.nowMs);
  yield* hash.findInSlices(field);
}

function hget(c: Context): void {
  if (openHash(c) && findField(c, 2)) c.reply.elements(HASH.value);
  else c.reply.nil();
}

function hmget(c: Context): void | Generator<void, void, void> {
  const { args, reply } = c;
  const wanted = args.count - 2;
  const found = openHash(c);
  if (found && wanted * HASH.storedCount > COMPARISONS_MAX && !HASH.isKeyed) return hmgetByWalk(c);
  reply.array(wanted);
  for (let i = 2; i < args.count; i++) {
    if (found && findField(c, i)) reply.elements(HASH.value);
    else reply.nil();
  }
}

/** Many fields of a large hash: one walk that notes the values of those asked for. */
function* hmgetByWalk(c: Context): Generator<void, void, void> {
  const { reply, record } = c;
  const hash = new HashReader();
  hash.open(record, c.nowMs);
  if (c.args.count < hash.storedCount && (yield* hash.indexInSlices())) {
    reply.array(c.args.count - 2);
    for (let i = 2; i < c.args.count; i++) {
      // Taken anew: a command that is parked gets arguments of its own.
      const { args } = c;
      if (hash.find(args.bytes, args.starts[i] as number, args.lengths[i] as number)) reply.elements(hash.value);
      else reply.nil();
      if (i % FIELDS_PER_SLICE === 0) yield;
    }
    return;
  }
  hash.open(record, c.nowMs);
  const wanted = new ByteTable();
  const indexes = new Uint32Array(c.args.count - 2);
  for (let i = 0; i < indexes.length; i++) {
    indexes[i] = wanted.add(c.args.bytes, c.args.starts[i + 2] as number, c.args.lengths[i + 2] as number);
  }
  const values = new ByteStore();
  for (let walked = 1; hash.nextField(); walked++) {
    const field = hash.field.text();
    const index = wanted.indexOf(field.bytes, field.start, field.length);
    if (index >= 0) {
      const value = hash.value.text();
      wanted.marks[index] = values.add(value.bytes, value.start, value.length) + 1;
    }
    if (walked % FIELDS_PER_SLICE === 0) yield;
  }
  reply.array(indexes.length);
  for (let i = 0; i < indexes.length; i++) {
    const value = (wanted.marks[indexes[i] as number] as number) - 1;
    if (value < 0) reply.nil();
    else reply.bulk(values.bytes, values.start(value), values.length(value), true);
    if (i % FIELDS_PER_SLICE === FIELDS_PER_SLICE - 1) yield;
  }
}

function hlen(c: Context): void {
  c.reply.integer(openHash(c) ? HASH.count : 0);
}

function hstrlen(c: Context): void {
  c.reply.integer(openHash(c) && findField(c, 2) ? HASH.value.length : 0);
}

function hexists(c: Context): void {
  c.reply.integer(openHash(c) && findField(c, 2) ? 1 : 0);
}

function hgetall(c: Context): void | Generator<void, void, void> {
  const count = openHash(c) ? HASH.count : 0;
  c.reply.map(count);
  return replyAll(c, count, true, true);
}

function hkeys(c: Context): void | Generator<void, void, void> {
  const count = openHash(c) ? HASH.count : 0;
  c.reply.array(count);
  return replyAll(c, count, true, false);
}

function hvals(c: Context): void | Generator<void, void, void> {
  const count = openHash(c) ? HASH.count : 0;
  c.reply.array(count);
  return replyAll(c, count, false, true);
}

/** Answers the `count` fields of the hash that was just opened: at once when they are few. */
function replyAll(c: Context, count: number, fields: boolean, values: boolean): void | Generator<void, void, void> {
  if (count > FIELDS_AT_ONCE_MAX) return replySliced(c, count, fields, values);
  for (let i = 0; i < count && HASH.nextField(); i++) {
    if (fields) c.reply.elements(HASH.field);
    if (values) c.reply.elements(HASH.value);
  }
}

function* replySliced(c: Context, count: number, fields: boolean, values: boolean): Generator<void, void, void> {
  const hash = new HashReader();
  hash.open(c.record, c.nowMs);
  for (let i = 1; i <= count && hash.nextField(); i++) {
    if (fields) c.reply.elements(hash.field);
    if (values) c.reply.elements(hash.value);
    if (i % FIELDS_PER_SLICE === 0) yield;
  }
}
