/** A sorted set that a command has made becomes a key's value: ZRANGESTORE, ZUNIONSTORE and its kin, GEOSEARCHSTORE, GEORADIUS STORE. */
import { NativeType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import type { OrderedPairs } from "../types/scored-pairs.ts";
import { buildOfPairs } from "../types/zset-build.ts";
import { createPacked } from "../types/zset-edit.ts";
import type { ByteSource } from "../util/byte-source.ts";
import { Span } from "../util/span.ts";
import { whileTop } from "./carry.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";

const MEMBER = new Span();

/** Stores the pairs under the key at argument `index`, whatever it held, and answers their number; none: the key is deleted. */
export function* storePairs(c: Context, index: number, pairs: OrderedPairs, changes = 1): Generator<void, void, void> {
  const { keyspace } = c.server;
  if (pairs.count === 0) {
    if (removeKey(c, index)) keyspace.dirty++;
  } else {
    if (isSmall(c, pairs)) {
      const { args, db } = c;
      createPacked(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, pairs, -1);
    } else yield* storeNative(c, index, pairs);
    keyspace.dirty += changes;
  }
  c.reply.integer(pairs.count);
}

/** Deletes the key at argument `index`; false when there is none. */
export function removeKey({ args, db, nowMs }: Context, index: number): boolean {
  return db.remove(args.bytes, args.starts[index] as number, args.lengths[index] as number, nowMs);
}

function isSmall(c: Context, pairs: OrderedPairs): boolean {
  const limits = liveLimits(c.server.config);
  if (pairs.count > limits["zset-max-listpack-entries"]) return false;
  const max = limits["zset-max-listpack-value"];
  for (let i = 0; i < pairs.count; i++) {
    pairs.member(i, MEMBER);
    if (MEMBER.length > max) return false;
  }
  return true;
}

/** Where a value lies that another one is made of. */
export interface Replaced {
  readonly source: ByteSource;
  readonly valueOffset: number;
}

const NOW = new Record();

/** Makes a native structure of the pairs in slices, and puts it under the key at argument `index`. `expireAtMs`: as Database.install. */
function storeNative(c: Context, index: number, pairs: OrderedPairs): Generator<void, boolean, void> {
  return installIf(c, index, pairs, null, -1);
}

/**
 * As storeNative, but false, nothing changed, where the key's value is no longer the one that lay at `was` (null: whatever it is). Begins
 * anew when a save has begun, or the database was emptied, meanwhile.
 */
export function* installIf(
  c: Context,
  index: number,
  pairs: OrderedPairs,
  was: Replaced | null,
  expireAtMs: number,
): Generator<void, boolean, void> {
  for (;;) {
    const top = c.db.ensureTop();
    const root = yield* whileTop(buildOfPairs(top.arena, pairs), () => c.db.top === top);
    if (root === 0) {
      if (was !== null) return false;
      continue;
    }
    const isInstalled = install(c, index, root, was, expireAtMs);
    if (!isInstalled) top.graves.bury(NativeType.ZSET, root);
    return isInstalled;
  }
}

/** Whether the value of the key at argument `index` is the one that lay there. */
export function isStill({ args, db, nowMs }: Context, index: number, { source, valueOffset }: Replaced): boolean {
  const isThere = db.find(args.bytes, args.starts[index] as number, args.lengths[index] as number, nowMs, NOW);
  return isThere && NOW.cursor.source === source && NOW.valueOffset === valueOffset;
}

function install(c: Context, index: number, root: number, was: Replaced | null, expireAtMs: number): boolean {
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  if (was !== null && !isStill(c, index, was)) return false;
  try {
    db.install(args.bytes, start, length, NativeType.ZSET, root, expireAtMs);
  } catch (error) {
    db.ensureTop().graves.bury(NativeType.ZSET, root);
    throw error;
  }
  return true;
}
