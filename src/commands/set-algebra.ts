/** Set algebra: SINTER, SINTERCARD, SUNION, SDIFF, and what is stored of them: SINTERSTORE, SUNIONSTORE, SDIFFSTORE. */
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Arena } from "../overlay/arena.ts";
import { setForm } from "../overlay/encodings/set-form.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import type { EncodingLimits } from "../types/limits.ts";
import { SetReader } from "../types/set.ts";
import { SetShape } from "../types/set-pack.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integerBetween, positive } from "./parse.ts";
import {
  difference,
  intersection,
  type Members,
  replyMembers,
  type Survey,
  survey,
  textsOf,
  union,
} from "./set-combine.ts";
import { storeNative, storeSet } from "./set-store.ts";
import { type Command, READ_ALL, readCounted } from "./table.ts";

export const rows = [
  {
    name: "sinter",
    arity: -2,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_ALL,
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    group: "set",
    complexity: "O(N) in the members of all sets",
    summary: "Gives the members that all of the sets have.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: sinter,
  },
  {
    name: "sunion",
    arity: -2,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_ALL,
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    group: "set",
    complexity: "O(N) in the members of all sets",
    summary: "Gives the members that any of the sets has.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: sunion,
  },
  {
    name: "sdiff",
    arity: -2,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_ALL,
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    group: "set",
    complexity: "O(N) in the members of all sets",
    summary: "Gives the members of the first set that no other has.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: sdiff,
  },
  {
    name: "sintercard",
    arity: -3,
    flags: ["readonly", "movablekeys"],
    categories: ["set"],
    keys: readCounted(1),
    since: "7.0.0",
    group: "set",
    complexity: "O(N) in the members of all sets",
    summary: "Counts the members that all of the sets have.",
    arguments: [
      { name: "numkeys", type: "integer" },
      { name: "key", type: "key", keySpec: 0, multiple: true },
      { name: "limit", type: "integer", token: "LIMIT", optional: true },
    ],
    handler: sintercard,
  },
] as const satisfies readonly Command[];

const MEMBERS_PER_SLICE = 256;
const NO_EXPIRY = -1;

function* sinter(c: Context): Generator<void, void, void> {
  const seen = yield* survey(c, 1, c.args.count - 1);
  yield* replyMembers(c, yield* intersection(seen, Number.POSITIVE_INFINITY));
}

function* sunion(c: Context): Generator<void, void, void> {
  yield* replyMembers(c, yield* union(yield* survey(c, 1, c.args.count - 1)));
}

function* sdiff(c: Context): Generator<void, void, void> {
  yield* replyMembers(c, yield* difference(yield* survey(c, 1, c.args.count - 1)));
}

function* sintercard(c: Context): Generator<void, void, void> {
  const { args } = c;
  const keys = integerBetween(c, 1, 1, Number.POSITIVE_INFINITY, "ERR numkeys should be greater than 0");
  if (keys > args.count - 2) throw new ReplyError("ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let i = 2 + keys; i < args.count; i += 2) {
    if (!args.is(i, "LIMIT") || i + 1 >= args.count) throw syntaxError();
    limit = positive(c, i + 1, "ERR LIMIT can't be negative");
  }
  const seen = yield* survey(c, 2, keys);
  c.reply.integer((yield* intersection(seen, limit === 0 ? Number.POSITIVE_INFINITY : limit)).count);
}

export function* sinterstore(c: Context): Generator<void, void, void> {
  const seen = yield* survey(c, 2, c.args.count - 2);
  const members = yield* intersection(seen, Number.POSITIVE_INFINITY);
  const limits = liveLimits(c.server.config);
  const shape = new SetShape(limits, smallestForm(seen, limits));
  yield* hearAll(members, shape);
  shape.settle();
  yield* store(c, members, shape);
}

export function* sunionstore(c: Context): Generator<void, void, void> {
  const limits = liveLimits(c.server.config);
  const seen = yield* survey(c, 2, c.args.count - 2);
  const only = largeAlone(seen, limits);
  if (only !== null) {
    const build = (arena: Arena) => setForm.copy(nativeBlocks(only), nativeRoot(only), arena);
    yield* storeNative(c, 1, build, NO_EXPIRY);
    c.server.keyspace.dirty++;
    c.reply.integer(Math.max(...seen.counts));
    return;
  }
  const members = yield* union(seen);
  const shape = new SetShape(limits);
  yield* hearAll(members, shape);
  yield* store(c, members, shape);
}

export function* sdiffstore(c: Context): Generator<void, void, void> {
  const seen = yield* survey(c, 2, c.args.count - 2);
  const shape = new SetShape(liveLimits(c.server.config));
  const isCutDown = isCutDownByRedis(seen);
  const members = yield* difference(seen, isCutDown ? shape : null);
  if (!isCutDown) yield* hearAll(members, shape);
  yield* store(c, members, shape);
}

/** The one set that there is, where it is native and too large for any other form: null where there are others, or it is not. */
function largeAlone({ records, counts }: Survey, limits: EncodingLimits): Record | null {
  const count = Math.max(...counts);
  if (counts.reduce((sum, one) => sum + one, 0) !== count) return null;
  const only = records[counts.indexOf(count)] ?? null;
  const isLarge = count > limits["set-max-intset-entries"] && count > limits["set-max-listpack-entries"];
  return isLarge && only?.type === NativeType.SET ? only : null;
}

/** What Redis has an intersection begin as: an intset where the smallest set is one. */
function smallestForm({ records, counts, isAnyMissing }: Survey, limits: EncodingLimits): number {
  if (isAnyMissing) return RdbType.SET_INTSET;
  const record = records[counts.indexOf(Math.min(...counts))] ?? null;
  if (record === null) return RdbType.SET_INTSET;
  const set = new SetReader(limits);
  set.open(record);
  return set.encoding === "intset" ? RdbType.SET_INTSET : RdbType.SET_LISTPACK;
}

/**
 * Whether Redis copies the first set and removes the others' members from the copy, which it does when they have few: the copy's form stays
 * what it was for all of them.
 */
function isCutDownByRedis({ records, counts }: Survey): boolean {
  let one = 0;
  let two = 0;
  for (let i = 0; i < records.length; i++) {
    if (records[i] === null) continue;
    one += counts[0] as number;
    two += counts[i] as number;
  }
  return Math.floor(one / 2) > two;
}

/** Tells the shape of each member. */
function* hearAll({ store, marks, mark }: Members, shape: SetShape): Generator<void, void, void> {
  const texts = textsOf(store, marks, mark);
  for (let text = texts.next(), heard = 1; text !== null; text = texts.next(), heard++) {
    shape.add(text.bytes, text.start, text.length);
    if (heard % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** The members become the set at argument 1; without any, the key goes. */
function* store(c: Context, { store, marks, mark, count }: Members, { form }: SetShape): Generator<void, void, void> {
  const { args, reply, server } = c;
  if (count > 0) {
    yield* storeSet(c, 1, form, textsOf(store, marks, mark), NO_EXPIRY);
    server.keyspace.dirty++;
  } else if (c.db.remove(args.bytes, args.starts[1] as number, args.lengths[1] as number, c.nowMs)) {
    server.keyspace.dirty++;
  }
  reply.integer(count);
}
