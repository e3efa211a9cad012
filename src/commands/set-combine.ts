/**
 * Sets combined into one: the members that all have, that any has, that only the first has. A member that is looked for in a set that
 * finds it quickly (SetReader.isKeyed) is looked for; sequences of the file are walked, or asked by their index where few members are left
 * to ask for. Memory is what the result's candidates take. Everything in slices: the records stay as they are meanwhile (slices.ts).
 */
import { Record } from "../rdb/record.ts";
import { ByteStore } from "../types/byte-store.ts";
import { ByteTable } from "../types/byte-table.ts";
import { SetReader } from "../types/set.ts";
import type { SetShape, Texts } from "../types/set-pack.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { lookup } from "./lookup.ts";

const MEMBERS_PER_SLICE = 256;
const KEYS_PER_SLICE = 256;
/** A sequence of so many members may have an index (types/member-index.ts). */
const INDEXED_MIN = 8192;
const INDEXED_MAX = 2 ** 21;
/** It is asked for each member when it has so many times as many. */
const ASKED_FACTOR = 4;
/** A mark beyond any number of sets: taken out. */
const REMOVED = 0xffffffff;

/** What a first look at the sets tells. */
export interface Survey {
  /** The sets as they were then, whatever is written later. Null: missing. */
  readonly records: (Record | null)[];
  readonly counts: number[];
  /** Some key is missing: that set is empty. */
  isAnyMissing: boolean;
}

/** Members in the order in which they were found: those whose mark is `mark`, or all where there are no marks. */
export interface Members {
  readonly store: ByteStore;
  readonly marks: Uint32Array | null;
  readonly mark: number;
  readonly count: number;
}

/** Looks at the `count` sets from argument `first` on. Throws WRONGTYPE for any of them, as Redis does before it begins. */
export function* survey(c: Context, first: number, count: number): Generator<void, Survey, void> {
  const seen: Survey = { records: [], counts: [], isAnyMissing: false };
  const set = new SetReader();
  for (let i = 0; i < count; i++) {
    if (lookup(c, first + i, "set")) {
      set.open(c.record);
      seen.counts.push(set.count);
      seen.records.push(new Record().like(c.record));
    } else {
      seen.isAnyMissing = true;
      seen.counts.push(0);
      seen.records.push(null);
    }
    if (i % KEYS_PER_SLICE === KEYS_PER_SLICE - 1) yield;
  }
  return seen;
}

/** The members that have been found so far, in a table where some set is walked and must find them among each other. */
class Candidates {
  readonly table: ByteTable | null;
  readonly store: ByteStore;

  constructor(isTable: boolean, expected: number) {
    this.table = isTable ? new ByteTable(expected) : null;
    this.store = this.table?.members ?? new ByteStore();
  }

  add({ bytes, start, length }: Span): void {
    if (this.table === null) this.store.add(bytes, start, length);
    else this.table.add(bytes, start, length);
  }
}

/** Number of the smallest set; none of them is missing. */
function smallestOf({ counts }: Survey): number {
  let smallest = 0;
  for (let i = 1; i < counts.length; i++) if ((counts[i] as number) < (counts[smallest] as number)) smallest = i;
  return smallest;
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

function opened(record: Record): SetReader {
  const set = new SetReader();
  set.open(record);
  return set;
}

function hasEach(sets: readonly SetReader[], { bytes, start, length }: Span): boolean {
  for (let i = 0; i < sets.length; i++) if (!(sets[i] as SetReader).has(bytes, start, length)) return false;
  return true;
}

function hasSome(sets: readonly SetReader[], { bytes, start, length }: Span): boolean {
  for (let i = 0; i < sets.length; i++) if ((sets[i] as SetReader).has(bytes, start, length)) return true;
  return false;
}

/** The members of all sets, no more than `limit`. The smallest set is walked; `whole` hears of each member of the result. */
export function* intersection(seen: Survey, limit: number): Generator<void, Members, void> {
  if (seen.isAnyMissing) return { store: new ByteStore(), marks: null, mark: 0, count: 0 };
  const smallest = smallestOf(seen);
  const { records } = seen;
  const sets = records.filter((_, i) => i !== smallest).map((record) => opened(record as Record));
  const keyed = sets.filter((set) => set.isKeyed).sort((a, b) => a.count - b.count);
  const walked = sets.filter((set) => !set.isKeyed);
  const candidates = new Candidates(walked.length > 0, seen.counts[smallest] as number);
  const { store, table } = candidates;
  const enough = walked.length > 0 ? Number.POSITIVE_INFINITY : limit;
  yield* walk(records[smallest] as Record, new SetReader(), (member) => {
    if (!hasEach(keyed, member)) return;
    candidates.add(member);
    return store.count < enough;
  });
  let { count } = store;
  for (let passed = 0; passed < walked.length && count > 0; passed++) {
    const isLast = passed === walked.length - 1;
    const most = isLast ? limit : Number.POSITIVE_INFINITY;
    count = yield* raise(walked[passed] as SetReader, table as ByteTable, passed, passed + 1, count, most);
  }
  return { store, marks: table?.marks ?? null, mark: walked.length, count };
}

/**
 * Gives the members that are in the set, a sequence, and bear the mark `from` the mark `to`; `count` bear it. Returns how many there were,
 * and ends at `limit`.
 */
function* raise(
  set: SetReader,
  table: ByteTable,
  from: number,
  to: number,
  count: number,
  limit: number,
): Generator<void, number, void> {
  const { marks, members } = table;
  let raised = 0;
  if (set.count >= INDEXED_MIN && set.count <= INDEXED_MAX && count * ASKED_FACTOR <= set.count) {
    for (let i = 0; i < members.count && raised < limit; i++) {
      if (marks[i] === from && (yield* isIn(set, members, i))) {
        marks[i] = to;
        raised++;
      }
      if (i % MEMBERS_PER_SLICE === 0) yield;
    }
    return raised;
  }
  for (let walked = 1; raised < limit && raised < count && set.next(); walked++) {
    const { bytes, start, length } = set.text();
    const at = table.indexOf(bytes, start, length);
    if (at >= 0 && marks[at] === from) {
      marks[at] = to;
      raised++;
    }
    if (walked % MEMBERS_PER_SLICE === 0) yield;
  }
  return raised;
}

function* isIn(set: SetReader, members: ByteStore, i: number): Generator<void, boolean, void> {
  const start = members.start(i);
  const length = members.length(i);
  if (set.isSlowToFind(members.bytes, start, length)) {
    yield* set.findInSlices(members.bytes.slice(start, start + length));
  }
  return set.has(members.bytes, start, length);
}

/** The members of any of the sets. */
export function* union({ records, counts }: Survey): Generator<void, Members, void> {
  const there = counts.filter((count) => count > 0).length;
  const candidates = new Candidates(there > 1, Math.max(...counts));
  const set = new SetReader();
  for (const record of records) {
    yield* walk(record, set, (member) => {
      candidates.add(member);
      return true;
    });
  }
  return { store: candidates.store, marks: null, mark: 0, count: candidates.store.count };
}

/** The members of the first set that no other has; `first` hears of each of the first set's. */
export function* difference(
  { records, counts }: Survey,
  first: SetShape | null = null,
): Generator<void, Members, void> {
  const size = counts[0] as number;
  const others = records.slice(1).filter((record) => record !== null);
  const sets = size === 0 ? [] : others.map((record) => opened(record));
  // A keyed set that is smaller is rather walked.
  const asked = sets.filter((set) => set.isKeyed && set.count >= size).sort((a, b) => b.count - a.count);
  const walked = sets.filter((set) => !asked.includes(set));
  const candidates = new Candidates(walked.length > 0, size);
  const { store, table } = candidates;
  yield* walk(records[0] ?? null, new SetReader(), (member) => {
    first?.add(member.bytes, member.start, member.length);
    if (!hasSome(asked, member)) candidates.add(member);
    return true;
  });
  let left = store.count;
  for (const set of walked) {
    if (left === 0) break;
    left -= yield* raise(set, table as ByteTable, 0, REMOVED, left, Number.POSITIVE_INFINITY);
  }
  return { store, marks: table?.marks ?? null, mark: 0, count: left };
}

/** Answers the members. */
export function* replyMembers(c: Context, { store, marks, mark, count }: Members): Generator<void, void, void> {
  c.reply.set(count);
  for (let i = 0, left = count; left > 0; i++) {
    if (marks !== null && marks[i] !== mark) continue;
    c.reply.bulk(store.bytes, store.start(i), store.length(i), true);
    if (--left % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** The members' texts, one by one. */
export function textsOf(store: ByteStore, marks: Uint32Array | null = null, mark = 0): Texts {
  const span = new Span();
  let i = 0;
  return {
    begin() {
      i = 0;
    },
    next() {
      while (i < store.count && marks !== null && marks[i] !== mark) i++;
      if (i >= store.count) return null;
      span.set(store.bytes, store.start(i), store.length(i));
      i++;
      return span;
    },
  };
}
