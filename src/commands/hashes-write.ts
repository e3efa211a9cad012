/** HSET, HMSET, HSETNX, HDEL: hashes are changed in place, whatever their form (types/hash-edit.ts). */
import { HashEdit } from "../types/hash-edit.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context } from "./context.ts";
import { wrongArity } from "./errors.ts";
import { removeMany, setMany } from "./hashes-many.ts";
import { makeNative, openHash } from "./hashes-open.ts";
import { deleteKey } from "./writable.ts";

const FIRST_FIELD = 2;

/** Only for handlers that run to their end at once. */
const HASH = new HashEdit();

export function hset(c: Context): void | Generator<void, void, void> {
  if (c.args.count > 2 * CHANGED_AT_ONCE_MAX) return setMany(c, "hset");
  c.reply.integer(setFields(c, "hset"));
}

export function hmset(c: Context): void | Generator<void, void, void> {
  if (c.args.count > 2 * CHANGED_AT_ONCE_MAX) return setMany(c, "hmset");
  setFields(c, "hmset");
  c.reply.ok();
}

/** Sets the fields from argument 2 on; how many there were not before. */
export function setFields(c: Context, command: string): number {
  const { args, server } = c;
  const { bytes, starts, lengths, count } = args;
  if (count % 2 === 1) throw wrongArity(command);
  const pairs = (count - FIRST_FIELD) / 2;
  let added = 0;
  let done = 0;
  if (!openHash(c, 1, HASH, c.record)) {
    added = HASH.create(bytes, starts, lengths, FIRST_FIELD, pairs, !HASH.fits(lengths, FIRST_FIELD, pairs));
    server.keyspace.dirty += pairs;
    return added;
  }
  if (!HASH.isNative && !HASH.fits(lengths, FIRST_FIELD, pairs)) makeNative(c, 1, HASH, c.record);
  try {
    for (let i = FIRST_FIELD; i < count; i += 2) {
      const start = starts[i] as number;
      const length = lengths[i] as number;
      const isNew = !HASH.find(bytes, start, length);
      HASH.put(bytes, start, length, bytes, starts[i + 1] as number, lengths[i + 1] as number);
      if (isNew) added++;
      done++;
    }
  } finally {
    server.keyspace.dirty += done;
  }
  return added;
}

export function hsetnx(c: Context): void {
  const { args, reply, server } = c;
  const { bytes, starts, lengths } = args;
  const start = starts[2] as number;
  const length = lengths[2] as number;
  const valueStart = starts[3] as number;
  const valueLength = lengths[3] as number;
  if (openHash(c, 1, HASH, c.record)) {
    if (HASH.find(bytes, start, length)) {
      reply.integer(0);
      return;
    }
    HASH.put(bytes, start, length, bytes, valueStart, valueLength);
  } else HASH.createOne(bytes, start, length, bytes, valueStart, valueLength);
  server.keyspace.dirty++;
  reply.integer(1);
}

export function hdel(c: Context): void | Generator<void, void, void> {
  const { args, server } = c;
  const { bytes, starts, lengths } = args;
  let removed = 0;
  if (openHash(c, 1, HASH, c.record)) {
    if (args.count > CHANGED_AT_ONCE_MAX && HASH.isNative) return removeMany(c);
    try {
      for (let i = FIRST_FIELD, left = HASH.count; i < args.count && left > 0; i++) {
        if (!HASH.find(bytes, starts[i] as number, lengths[i] as number)) continue;
        removeFound(c, HASH, left--);
        removed++;
      }
    } finally {
      server.keyspace.dirty += removed;
    }
  }
  c.reply.integer(removed);
}

/** Removes the field that was found in the hash of argument 1, one of `count`: with the last one the key goes. */
export function removeFound(c: Context, hash: HashEdit, count: number): void {
  if (count > 1) hash.remove();
  else deleteKey(c, 1);
}
