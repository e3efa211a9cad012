/** Keys whatever their type: existence, type, expiry, names, serialized form. */
import { asPlain } from "../keyspace/plain.ts";
import { dumpPayloadInSlices } from "../rdb/dump.ts";
import { moduleName } from "../rdb/module.ts";
import { objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { ByteStore } from "../types/byte-store.ts";
import { Glob } from "../util/glob.ts";
import type { Context } from "./context.ts";
import { lookupAny, lookupUntouched } from "./lookup.ts";
import { type Command, PEEK_ALL, PEEK_FIRST, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: PEEK_ALL,
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    since: "1.0.0",
    group: "generic",
    complexity: "O(N) in the number of keys",
    summary: "Counts how many of the keys exist.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: exists,
  },
  {
    name: "touch",
    arity: -2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: PEEK_ALL,
    tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
    since: "3.2.1",
    group: "generic",
    complexity: "O(N) in the number of keys",
    summary: "Counts how many of the keys exist, as a use of each.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: touch,
  },
  {
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: PEEK_FIRST,
    since: "1.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Tells the type of a value.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: type,
  },
  {
    name: "ttl",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "1.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Tells the seconds a key has left to live.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: ttl,
  },
  {
    name: "pttl",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "2.6.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Tells the milliseconds a key has left to live.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: pttl,
  },
  {
    name: "expiretime",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: READ_FIRST,
    since: "7.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Tells the Unix time in seconds when a key expires.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: expiretime,
  },
  {
    name: "pexpiretime",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["keyspace"],
    keys: READ_FIRST,
    since: "7.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Tells the Unix time in milliseconds when a key expires.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: pexpiretime,
  },
  {
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    categories: ["keyspace", "dangerous"],
    tips: ["request_policy:all_shards", "nondeterministic_output_order"],
    since: "1.0.0",
    group: "generic",
    complexity: "O(N) in the number of keys of the database",
    summary: "Lists all keys whose names match a pattern.",
    arguments: [{ name: "pattern", type: "pattern" }],
    handler: keys,
  },
  {
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    categories: ["keyspace"],
    tips: ["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    since: "1.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Gives the name of some key.",
    handler: randomkey,
  },
  {
    name: "dump",
    arity: 2,
    flags: ["readonly"],
    categories: ["keyspace"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "2.6.0",
    group: "generic",
    complexity: "O(N) in the size of the value",
    summary: "Gives the serialized form of a value, as RESTORE takes it.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: dump,
  },
] as const satisfies readonly Command[];

/** Keys looked up between two yields. */
const KEYS_PER_SLICE = 256;
/** Bytes of names in one of the stores of KEYS, about. */
const STORE_BYTES = 2 ** 20;

const NO_KEY = -2;
const NO_EXPIRY = -1;

function exists(c: Context): void | Generator<void, void, void> {
  if (c.args.count > KEYS_PER_SLICE) return existsSliced(c, false);
  let count = 0;
  for (let i = 1; i < c.args.count; i++) if (lookupUntouched(c, i)) count++;
  c.reply.integer(count);
}

function touch(c: Context): Generator<void, void, void> {
  return existsSliced(c, true);
}

/** `touches`: also those of a client that has said CLIENT NO-TOUCH, as Redis has it. */
function* existsSliced(c: Context, touches: boolean): Generator<void, void, void> {
  let count = 0;
  for (let i = 1; i < c.args.count; i++) {
    if (lookupUntouched(c, i)) {
      count++;
      if (touches) c.db.touch(c.record);
    }
    if (i % KEYS_PER_SLICE === 0) yield;
  }
  c.reply.integer(count);
}

function type(c: Context): void {
  c.reply.simple(lookupUntouched(c, 1) ? typeName(c.record) : "none");
}

/** What TYPE answers and SCAN's TYPE compares with; of a module's value, the module type's name. */
export function typeName(record: Record): string {
  const type = objectType(record.type);
  return type === "module" ? moduleName(record) : type;
}

function ttl(c: Context): void {
  replyTime(c, lookupUntouched(c, 1) ? seconds(millisecondsLeft(c)) : NO_KEY);
}

function pttl(c: Context): void {
  replyTime(c, lookupUntouched(c, 1) ? millisecondsLeft(c) : NO_KEY);
}

function expiretime(c: Context): void {
  replyTime(c, lookupUntouched(c, 1) ? seconds(c.record.expireAtMs) : NO_KEY);
}

function pexpiretime(c: Context): void {
  replyTime(c, lookupUntouched(c, 1) ? c.record.expireAtMs : NO_KEY);
}

/** A time may be further away than numbers are exact. */
function replyTime({ reply }: Context, time: number): void {
  reply.integer(time <= Number.MAX_SAFE_INTEGER ? time : BigInt(time));
}

function millisecondsLeft(c: Context): number {
  const { expireAtMs } = c.record;
  return expireAtMs < 0 ? NO_EXPIRY : Math.max(expireAtMs - c.nowMs, 0);
}

/** Rounded as Redis rounds; "no expiry" stays what it is. */
function seconds(milliseconds: number): number {
  return milliseconds < 0 ? milliseconds : Math.floor((milliseconds + 500) / 1000);
}

/**
 * Names that match are kept until all are known: an array says its length first, and others may write meanwhile. As SCAN, it
 * finds each key that is there throughout.
 */
function* keys(c: Context): Generator<void, void, void> {
  const { args, reply } = c;
  const glob = new Glob(args.bytes, args.starts[1] as number, args.lengths[1] as number);
  // Many stores: a single one would be copied whole to grow, and could hold no more than 2 GiB.
  let store = new ByteStore();
  const stores = [store];
  let count = 0;
  yield* eachKey(c, ({ key }) => {
    if (!glob.matches(key.bytes, key.start, key.length)) return;
    if (store.used > STORE_BYTES) stores.push((store = new ByteStore()));
    store.add(key.bytes, key.start, key.length);
    count++;
  });
  reply.array(count);
  for (let full = stores.shift(); full !== undefined; full = stores.shift()) {
    for (let i = 0; i < full.count; i++) {
      reply.bulk(full.bytes, full.start(i), full.length(i));
      if (i % KEYS_PER_SLICE === KEYS_PER_SLICE - 1) yield;
    }
  }
}

/** Visits all keys of the selected database, in slices. */
function* eachKey(c: Context, visit: (record: Record) => void): Generator<void, void, void> {
  let cursor = 0;
  for (;;) {
    cursor = c.db.scan(cursor, KEYS_PER_SLICE, c.nowMs, c.record, visit);
    if (cursor === 0) return;
    yield;
  }
}

function randomkey(c: Context): void {
  if (c.db.random(c.nowMs, c.record)) c.reply.bulkSpan(c.record.key);
  else c.reply.nil();
}

function* dump(c: Context): Generator<void, void, void> {
  if (!lookupAny(c, 1)) {
    c.reply.nil();
    return;
  }
  const payload = yield* dumpPayloadInSlices(yield* asPlain(c.record));
  c.reply.bulk(payload, 0, payload.length, true);
}
