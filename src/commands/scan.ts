/** SCAN over the keys, and SSCAN, HSCAN, ZSCAN over the elements of a collection. */
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import { isNativeType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { ByteStore } from "../types/byte-store.ts";
import { Glob } from "../util/glob.ts";
import { POSITIONS, partAt } from "./collection-order.ts";
import { type CollectionWalk, newWalk, type WalkedType } from "./collection-walk.ts";
import type { Context } from "./context.ts";
import { encodingLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { typeName } from "./keys.ts";
import { lookup } from "./lookup.ts";
import { integer } from "./parse.ts";
import { type Command, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    categories: ["keyspace"],
    tips: ["nondeterministic_output", "request_policy:special", "response_policy:special"],
    since: "2.8.0",
    group: "generic",
    complexity: "O(1) for each call, O(N) for the whole walk",
    summary: "Walks over the keys of the database, some at each call.",
    arguments: [
      { name: "cursor", type: "integer" },
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
      { name: "type", type: "string", token: "TYPE", since: "6.0.0", optional: true },
    ],
    handler: scan,
  },
  {
    name: "sscan",
    arity: -3,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    group: "set",
    complexity: "O(1) for each call, O(N) for the whole walk",
    summary: "Walks over the members of a set, some at each call.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "cursor", type: "integer" },
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
    ],
    handler: sscan,
  },
  {
    name: "hscan",
    arity: -3,
    flags: ["readonly"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    group: "hash",
    complexity: "O(1) for each call, O(N) for the whole walk",
    summary: "Walks over the fields and values of a hash, some at each call.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "cursor", type: "integer" },
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
      { name: "novalues", type: "pure-token", token: "NOVALUES", optional: true },
    ],
    handler: hscan,
  },
  {
    name: "zscan",
    arity: -3,
    flags: ["readonly"],
    categories: ["sortedset"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "2.8.0",
    group: "sorted-set",
    complexity: "O(1) for each call, O(N) for the whole walk",
    summary: "Walks over the members and scores of a sorted set, some at each call.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "cursor", type: "integer" },
      { name: "pattern", type: "pattern", token: "MATCH", optional: true },
      { name: "count", type: "integer", token: "COUNT", optional: true },
    ],
    handler: zscan,
  },
] as const satisfies readonly Command[];

const COUNT_DEFAULT = 10;
const ELEMENTS_PER_SLICE = 256;
const CURSOR_MAX = 2n ** 64n - 1n;

interface ScanOptions {
  readonly count: number;
  /** Null: everything matches. */
  readonly glob: Glob | null;
  /** Lower case, null: any. */
  readonly type: string | null;
  readonly withoutValues: boolean;
}

/** As strtoul reads it, digits only in base 10: a sign is taken, nothing at all is 0, a NUL ends it. */
function parseCursor(c: Context, index: number): number {
  const text = c.args.text(index).split("\0", 1)[0] as string;
  if (!/^(?:[+-]?[0-9]+)?$/.test(text)) throw new ReplyError("ERR invalid cursor");
  const value = BigInt(text.replace("+", "") || "0");
  if (value > CURSOR_MAX || value < -CURSOR_MAX) throw new ReplyError("ERR invalid cursor");
  return Number(BigInt.asUintN(64, value));
}

function parseOptions(c: Context, first: number, command: "scan" | WalkedType): ScanOptions {
  const { args } = c;
  let count = COUNT_DEFAULT;
  let glob: Glob | null = null;
  let type: string | null = null;
  let withoutValues = false;
  for (let i = first; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (more && args.is(i, "COUNT")) {
      count = integer(c, ++i);
      if (count < 1) throw syntaxError();
    } else if (more && args.is(i, "MATCH")) {
      i++;
      const pattern = new Glob(args.bytes, args.starts[i] as number, args.lengths[i] as number);
      glob = pattern.matchesAll ? null : pattern;
    } else if (more && command === "scan" && args.is(i, "TYPE")) type = args.text(++i).toLowerCase();
    else if (args.is(i, "NOVALUES")) {
      if (command !== "hash") throw new ReplyError("ERR NOVALUES option can only be used in HSCAN");
      withoutValues = true;
    } else throw syntaxError();
  }
  return { count, glob, type, withoutValues };
}

function* scan(c: Context): Generator<void, void, void> {
  let cursor = parseCursor(c, 1);
  const { count, glob, type } = parseOptions(c, 2, "scan");
  const { db, nowMs, record, reply } = c;
  const keys = new ByteStore();
  const visit = (visited: Record) => {
    const { key } = visited;
    if (glob !== null && !glob.matches(key.bytes, key.start, key.length)) return;
    if (type !== null && typeName(visited).toLowerCase() !== type) return;
    keys.add(key.bytes, key.start, key.length);
  };
  for (let left = count; ; left -= ELEMENTS_PER_SLICE) {
    cursor = db.scan(cursor, Math.min(left, ELEMENTS_PER_SLICE), nowMs, record, visit);
    if (cursor === 0 || left <= ELEMENTS_PER_SLICE) break;
    yield;
  }
  reply.array(2);
  reply.bulkInteger(cursor);
  yield* replyStore(c, keys);
}

function* replyStore(c: Context, store: ByteStore): Generator<void, void, void> {
  c.reply.array(store.count);
  for (let i = 0; i < store.count; i++) {
    c.reply.bulk(store.bytes, store.start(i), store.length(i), true);
    if (i % ELEMENTS_PER_SLICE === ELEMENTS_PER_SLICE - 1) yield;
  }
}

function sscan(c: Context): Generator<void, void, void> {
  return scanCollection(c, "set");
}

function hscan(c: Context): Generator<void, void, void> {
  return scanCollection(c, "hash");
}

function zscan(c: Context): Generator<void, void, void> {
  return scanCollection(c, "zset");
}

function* scanCollection(c: Context, type: WalkedType): Generator<void, void, void> {
  const cursor = parseCursor(c, 2);
  const found = lookup(c, 1, type);
  if (!found) {
    replyEmpty(c);
    return;
  }
  const options = parseOptions(c, 3, type);
  const walk = newWalk(type, encodingLimits(c.server.config));
  walk.begin(c.record);
  const kept = new ByteStore();
  const next = isNativeType(c.record.type)
    ? yield* keepNative(c, walk, options, cursor, kept)
    : walk.isCompact
      ? yield* keepAll(c, walk, options, kept)
      : yield* keepFrom(c, walk, options, cursor, kept);
  c.reply.array(2);
  c.reply.bulkInteger(next);
  yield* replyStore(c, kept);
}

/** All elements of a compact collection, whatever the cursor: it is given in one call, as Redis does. */
function* keepAll(
  c: Context,
  walk: CollectionWalk,
  options: ScanOptions,
  kept: ByteStore,
): Generator<void, number, void> {
  for (let visited = 1; visited <= walk.size && walk.next(); visited++) {
    keep(walk, options, c.nowMs, kept);
    if (visited % ELEMENTS_PER_SLICE === 0) yield;
  }
  return 0;
}

/** Some elements from a cursor on; returns the next cursor, 0 at the end. Elements of one hash are given together. */
function* keepFrom(
  c: Context,
  walk: CollectionWalk,
  options: ScanOptions,
  cursor: number,
  kept: ByteStore,
): Generator<void, number, void> {
  let visited = 0;
  for (let from = cursor; from < POSITIONS; ) {
    const part = yield* partAt(walk, from);
    let lastHash = -1;
    for (let i = part.firstFrom(from); i < part.count; i++) {
      const hash = part.hashes[i] as number;
      if (visited >= options.count && hash !== lastHash) return hash;
      lastHash = hash;
      walk.place = part.places[i] as number;
      walk.next();
      keep(walk, options, c.nowMs, kept);
      if (++visited % ELEMENTS_PER_SLICE === 0) yield;
    }
    from = part.to;
    if (visited >= options.count && from < POSITIONS) return from;
  }
  return 0;
}

/** As keepFrom, of a native collection, whose table is in the same order. */
function* keepNative(
  c: Context,
  walk: CollectionWalk,
  options: ScanOptions,
  cursor: number,
  kept: ByteStore,
): Generator<void, number, void> {
  const blocks = nativeBlocks(walk.record);
  const table = new MemberTable().bind(blocks, nativeRoot(walk.record));
  const visit = (handle: number) => {
    walk.readHandle(blocks, handle);
    keep(walk, options, c.nowMs, kept);
  };
  let next = cursor;
  for (let left = options.count; ; left -= ELEMENTS_PER_SLICE) {
    next = table.scan(next, Math.min(left, ELEMENTS_PER_SLICE), visit);
    if (next === 0 || left <= ELEMENTS_PER_SLICE) return next;
    yield;
  }
}

/** A missing key, whatever the options are. */
function replyEmpty(c: Context): void {
  c.reply.array(2);
  c.reply.bulkInteger(0);
  c.reply.array(0);
}

function keep(walk: CollectionWalk, options: ScanOptions, nowMs: number, kept: ByteStore): void {
  if (!walk.isAlive(nowMs)) return;
  const name = walk.name.text();
  const { glob } = options;
  if (glob !== null && !glob.matches(name.bytes, name.start, name.length)) return;
  kept.add(name.bytes, name.start, name.length);
  if (!options.withoutValues) walk.keepValue(kept);
}
