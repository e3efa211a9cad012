/**
 * Set algebra: SINTER, SINTERCARD, SUNION, SDIFF. One pass over each set, and one table whose marks tell how far a member
 * has come; memory is what the result's candidates take: the smallest set, the union, or the first set.
 */
import { Record } from "../rdb/record.ts";
import { ByteTable } from "../types/byte-table.ts";
import { SetReader } from "../types/set.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookupInto } from "./lookup.ts";
import { integerBetween, positive } from "./parse.ts";
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
/** A mark beyond any number of sets: taken out. */
const REMOVED = 0xffffffff;

/** The sets at `count` arguments from `first` on, null where there is no such key. Throws WRONGTYPE for any of them. */
function openSets(c: Context, first: number, count: number): (SetReader | null)[] {
  const sets: (SetReader | null)[] = [];
  for (let i = 0; i < count; i++) {
    const record = new Record();
    if (lookupInto(c, first + i, "set", record)) {
      const set = new SetReader();
      set.open(record);
      sets.push(set);
    } else sets.push(null);
  }
  return sets;
}

function* sinter(c: Context): Generator<void, void, void> {
  const sets = openSets(c, 1, c.args.count - 1);
  const table = new ByteTable(smallest(sets));
  const count = yield* intersect(sets, table, Number.POSITIVE_INFINITY);
  yield* replyMarked(c, table, sets.length, count);
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
  const sets = openSets(c, 2, keys);
  const table = new ByteTable(smallest(sets));
  c.reply.integer(yield* intersect(sets, table, limit === 0 ? Number.POSITIVE_INFINITY : limit));
}

/** Members of the smallest set; a missing one has none. */
function smallest(sets: readonly (SetReader | null)[]): number {
  return sets.reduce((least, set) => Math.min(least, set?.count ?? 0), Number.POSITIVE_INFINITY);
}

/**
 * Fills the table with the smallest set and lets each set in turn raise the marks: what reaches the number of sets is in
 * all of them. Returns how many are, and no more than `limit`.
 */
function* intersect(
  sets: readonly (SetReader | null)[],
  table: ByteTable,
  limit: number,
): Generator<void, number, void> {
  const there = sets.filter((set) => set !== null);
  if (there.length < sets.length) return 0;
  there.sort((a, b) => a.count - b.count);
  let reached = 0;
  for (const [i, set] of there.entries()) {
    const isLast = i === there.length - 1;
    reached = 0;
    for (let walked = 1; set.next(); walked++) {
      const member = set.text();
      const index =
        i === 0
          ? table.add(member.bytes, member.start, member.length)
          : table.indexOf(member.bytes, member.start, member.length);
      if (index >= 0 && table.marks[index] === i) {
        table.marks[index] = i + 1;
        if (++reached >= limit && isLast) return reached;
      }
      if (walked % MEMBERS_PER_SLICE === 0) yield;
    }
    if (reached === 0) return 0;
  }
  return reached;
}

function* sunion(c: Context): Generator<void, void, void> {
  const sets = openSets(c, 1, c.args.count - 1);
  const table = new ByteTable(sets.reduce((most, set) => Math.max(most, set?.count ?? 0), 0));
  for (const set of sets) if (set !== null) yield* addAll(table, set);
  yield* replyMarked(c, table, 0, table.count);
}

function* sdiff(c: Context): Generator<void, void, void> {
  const [first, ...others] = openSets(c, 1, c.args.count - 1);
  const table = new ByteTable(first?.count ?? 0);
  if (first !== null && first !== undefined) yield* addAll(table, first);
  let left = table.count;
  for (const set of others) {
    if (set === null || left === 0) continue;
    for (let walked = 1; set.next(); walked++) {
      const member = set.text();
      const index = table.indexOf(member.bytes, member.start, member.length);
      if (index >= 0 && table.marks[index] !== REMOVED) {
        table.marks[index] = REMOVED;
        left--;
      }
      if (walked % MEMBERS_PER_SLICE === 0) yield;
    }
  }
  yield* replyMarked(c, table, 0, left);
}

function* addAll(table: ByteTable, set: SetReader): Generator<void, void, void> {
  for (let walked = 1; set.next(); walked++) {
    const member = set.text();
    table.add(member.bytes, member.start, member.length);
    if (walked % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** Answers the `count` members that bear this mark. */
function* replyMarked(c: Context, table: ByteTable, mark: number, count: number): Generator<void, void, void> {
  c.reply.set(count);
  const { members, marks } = table;
  for (let i = 0, left = count; left > 0; i++) {
    if (marks[i] !== mark) continue;
    c.reply.bulk(members.bytes, members.start(i), members.length(i), true);
    if (--left % MEMBERS_PER_SLICE === 0) yield;
  }
}
