/**
 * Set algebra: SINTER, SINTERCARD, SUNION, SDIFF. One pass over each set, and one table whose marks tell how far a member
 * has come; memory is what the result's candidates take: the smallest set, the union, or the first set.
 */
import { Record } from "../rdb/record.ts";
import { ByteTable } from "../types/byte-table.ts";
import { SetReader } from "../types/set.ts";
import type { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
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
const KEYS_PER_SLICE = 256;
/** A mark beyond any number of sets: taken out. */
const REMOVED = 0xffffffff;

/** What a first look at the sets tells. */
interface Survey {
  /** The sets as they were then, whatever is written later. Null: missing. */
  readonly records: (Record | null)[];
  /** Some key is missing: that set is empty. */
  isAnyMissing: boolean;
  /** Number of the smallest set. */
  smallestAt: number;
  smallest: number;
  largest: number;
}

/** Looks at the `count` sets from argument `first` on. Throws WRONGTYPE for any of them, as Redis does before it begins. */
function* survey(c: Context, first: number, count: number): Generator<void, Survey, void> {
  const seen: Survey = {
    records: [],
    isAnyMissing: false,
    smallestAt: 0,
    smallest: Number.POSITIVE_INFINITY,
    largest: 0,
  };
  const set = new SetReader();
  for (let i = 0; i < count; i++) {
    if (lookup(c, first + i, "set")) {
      set.open(c.record);
      if (set.count < seen.smallest) {
        seen.smallest = set.count;
        seen.smallestAt = i;
      }
      seen.largest = Math.max(seen.largest, set.count);
      seen.records.push(new Record().like(c.record));
    } else {
      seen.isAnyMissing = true;
      seen.records.push(null);
    }
    if (i % KEYS_PER_SLICE === KEYS_PER_SLICE - 1) yield;
  }
  return seen;
}

/** Walks a set that has been surveyed; `visit` may end the walk by answering false. */
function* walk(
  record: Record | null,
  set: SetReader,
  visit: (member: Span) => boolean | undefined,
): Generator<void, void, void> {
  if (record === null) return;
  set.open(record);
  for (let walked = 1; set.next(); walked++) {
    if (visit(set.text()) === false) return;
    if (walked % MEMBERS_PER_SLICE === 0) yield;
  }
}

function* sinter(c: Context): Generator<void, void, void> {
  const sets = c.args.count - 1;
  const seen = yield* survey(c, 1, sets);
  const table = new ByteTable(seen.isAnyMissing ? 0 : seen.smallest);
  const count = yield* intersect(seen, table, Number.POSITIVE_INFINITY);
  yield* replyMarked(c, table, sets, count);
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
  const table = new ByteTable(seen.isAnyMissing ? 0 : seen.smallest);
  c.reply.integer(yield* intersect(seen, table, limit === 0 ? Number.POSITIVE_INFINITY : limit));
}

/**
 * Fills the table with the smallest set and lets each other in turn raise the marks: what reaches the number of sets is in
 * all of them. Returns how many are, and no more than `limit`.
 */
function* intersect(seen: Survey, table: ByteTable, limit: number): Generator<void, number, void> {
  if (seen.isAnyMissing) return 0;
  const { records, smallestAt } = seen;
  const count = records.length;
  const set = new SetReader();
  let reached = 0;
  for (let passed = 0; passed < count; passed++) {
    // The smallest one first; the one whose turn that was takes the smallest one's.
    const index = passed === 0 ? smallestAt : passed === smallestAt ? 0 : passed;
    const isLast = passed === count - 1;
    reached = 0;
    yield* walk(records[index] as Record | null, set, ({ bytes, start, length }) => {
      const at = passed === 0 ? table.add(bytes, start, length) : table.indexOf(bytes, start, length);
      if (at < 0 || table.marks[at] !== passed) return;
      table.marks[at] = passed + 1;
      return !(++reached >= limit && isLast);
    });
    if (reached === 0) return 0;
  }
  return reached;
}

function* sunion(c: Context): Generator<void, void, void> {
  const sets = c.args.count - 1;
  const { largest, records } = yield* survey(c, 1, sets);
  const table = new ByteTable(largest);
  const set = new SetReader();
  for (const record of records) yield* walk(record, set, (member) => addTo(table, member));
  yield* replyMarked(c, table, 0, table.count);
}

function* sdiff(c: Context): Generator<void, void, void> {
  const sets = c.args.count - 1;
  const [first = null, ...others] = (yield* survey(c, 1, sets)).records;
  const table = new ByteTable();
  const set = new SetReader();
  yield* walk(first, set, (member) => addTo(table, member));
  let left = table.count;
  for (const record of others) {
    if (left === 0) break;
    yield* walk(record, set, ({ bytes, start, length }) => {
      const at = table.indexOf(bytes, start, length);
      if (at < 0 || table.marks[at] === REMOVED) return;
      table.marks[at] = REMOVED;
      left--;
      return left > 0;
    });
  }
  yield* replyMarked(c, table, 0, left);
}

function addTo(table: ByteTable, member: Span): undefined {
  table.add(member.bytes, member.start, member.length);
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
