/** Many fields at once of a large hash: HSET, HMSET, HDEL change it in slices (alone.ts), and reply when that is done. */
import { FieldTable, NO_EXPIRY } from "../overlay/encodings/field-table.ts";
import { Record } from "../rdb/record.ts";
import { HashEdit } from "../types/hash-edit.ts";
import { alone, eachArgument, Target } from "./alone.ts";
import type { Context } from "./context.ts";
import { wrongArity } from "./errors.ts";
import { makeNative, openHash } from "./hashes-open.ts";

const FIRST_FIELD = 2;

/** Only between two yields. */
const HASH = new HashEdit();

/** HSET and HMSET of the many fields from argument 2 on. */
export function setMany(c: Context, command: "hset" | "hmset"): void | Generator<void, void, void> {
  const { args, record, server } = c;
  const { bytes, starts, lengths, count } = args;
  if (count % 2 === 1) throw wrongArity(command);
  const pairs = (count - FIRST_FIELD) / 2;
  let first = FIRST_FIELD;
  let added = 0;
  if (!openHash(c, 1, HASH, record)) {
    const isNative = !HASH.fits(lengths, FIRST_FIELD, pairs);
    // Of those that stay a listpack all are set at once, as configured.
    const made = isNative ? 1 : pairs;
    added = HASH.create(bytes, starts, lengths, FIRST_FIELD, made, isNative);
    server.keyspace.dirty += made;
    first += 2 * made;
    c.db.reread(bytes, starts[1] as number, lengths[1] as number, record);
  } else if (!HASH.isNative) {
    if (HASH.fits(lengths, FIRST_FIELD, pairs)) return setAtOnce(c, command);
    makeNative(c, 1, HASH, record);
  }
  return setRest(c, first, added, command);
}

/** Sets them in a listpack that may hold so many. */
function setAtOnce(c: Context, command: string): void {
  const { bytes, starts, lengths, count } = c.args;
  let added = 0;
  for (let i = FIRST_FIELD; i < count; i += 2) {
    const start = starts[i] as number;
    const length = lengths[i] as number;
    if (!HASH.find(bytes, start, length)) added++;
    HASH.put(bytes, start, length, bytes, starts[i + 1] as number, lengths[i + 1] as number);
    c.server.keyspace.dirty++;
  }
  answer(c, command, added);
}

function answer({ reply }: Context, command: string, added: number): void {
  if (command === "hset") reply.integer(added);
  else reply.ok();
}

function* setRest(c: Context, first: number, before: number, command: string): Generator<void, void, void> {
  let added = before;
  if (first < c.args.count) {
    const { keyspace } = c.server;
    const target = new Target(c, 1, c.record);
    const fields = new FieldTable().bind(target.arena, target.root);
    const steps = eachArgument(c, first, 2, ({ bytes, starts, lengths }, i) => {
      const start = starts[i] as number;
      const length = lengths[i] as number;
      if (!fields.find(bytes, start, length)) added++;
      fields.put(bytes, start, length, bytes, starts[i + 1] as number, lengths[i + 1] as number, NO_EXPIRY);
      keyspace.dirty++;
      return true;
    });
    yield* alone(c, target, steps);
  }
  answer(c, command, added);
}

/** Removes the fields from argument 2 on from the native hash at argument 1, just opened. */
export function* removeMany(c: Context): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const fields = new FieldTable().bind(target.arena, target.root);
  const { keyspace } = c.server;
  let removed = 0;
  const steps = eachArgument(c, FIRST_FIELD, 1, ({ bytes, starts, lengths }, i) => {
    if (!fields.find(bytes, starts[i] as number, lengths[i] as number)) return true;
    removed++;
    keyspace.dirty++;
    const isLast = fields.table.count === 1;
    if (isLast) target.deleteKey(new Record());
    else fields.remove();
    return !isLast;
  });
  yield* alone(c, target, steps);
  c.reply.integer(removed);
}
