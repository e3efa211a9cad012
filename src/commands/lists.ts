/** Lists: ranges, indexes and searches over the nodes where they lie. */
import { ListReader } from "../types/list.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { integer, positive, signedCount } from "./parse.ts";
import { type Command, PEEK_FIRST, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "lrange",
    arity: 4,
    flags: ["readonly"],
    categories: ["list"],
    keys: READ_FIRST,
    since: "1.0.0",
    group: "list",
    complexity: "O(S+N): S elements from the nearer end to the start, N in the range",
    summary: "Gives a range of a list's elements.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "start", type: "integer" },
      { name: "stop", type: "integer" },
    ],
    handler: lrange,
  },
  {
    name: "lindex",
    arity: 3,
    flags: ["readonly"],
    categories: ["list"],
    keys: READ_FIRST,
    since: "1.0.0",
    group: "list",
    complexity: "O(N) in the elements to pass over",
    summary: "Gives the element of a list at an index.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "index", type: "integer" },
    ],
    handler: lindex,
  },
  {
    name: "llen",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["list"],
    keys: PEEK_FIRST,
    since: "1.0.0",
    group: "list",
    complexity: "O(1)",
    summary: "Counts the elements of a list.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: llen,
  },
  {
    name: "lpos",
    arity: -3,
    flags: ["readonly"],
    categories: ["list"],
    keys: READ_FIRST,
    since: "6.0.6",
    group: "list",
    complexity: "O(N) in the length of the list",
    summary: "Finds the index of matching elements of a list.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "element", type: "string" },
      { name: "rank", type: "integer", token: "RANK", optional: true },
      { name: "num-matches", type: "integer", token: "COUNT", optional: true },
      { name: "len", type: "integer", token: "MAXLEN", optional: true },
    ],
    handler: lpos,
  },
] as const satisfies readonly Command[];

/** Ranges up to this size are answered in one go. */
const ELEMENTS_AT_ONCE_MAX = 512;
const ELEMENTS_PER_SLICE = 256;
/** Passing over elements that are something else takes less time. */
const SEARCHED_PER_SLICE = 4096;

/** Only for handlers that run to their end at once. */
const LIST = new ListReader();

function openList(c: Context): boolean {
  if (!lookup(c, 1, "list")) return false;
  LIST.open(c.record);
  return true;
}

function llen(c: Context): void {
  c.reply.integer(openList(c) ? LIST.count : 0);
}

function lindex(c: Context): void {
  // A missing key is nil whatever the index is: Redis looks at the key first.
  if (openList(c) && LIST.at(integer(c, 2))) c.reply.elements(LIST);
  else c.reply.nil();
}

function lrange(c: Context): void | Generator<void, void, void> {
  let start = integer(c, 2);
  let end = integer(c, 3);
  const size = openList(c) ? LIST.count : 0;
  if (start < 0) start = Math.max(start + size, 0);
  if (end < 0) end += size;
  end = Math.min(end, size - 1);
  const count = Math.max(end - start + 1, 0);
  c.reply.array(count);
  if (count > ELEMENTS_AT_ONCE_MAX) return lrangeSliced(c, start, count);
  if (count === 0) return;
  LIST.seek(start);
  for (let i = 0; i < count && LIST.next(); i++) c.reply.elements(LIST);
}

function* lrangeSliced(c: Context, start: number, count: number): Generator<void, void, void> {
  const list = new ListReader();
  list.open(c.record);
  list.seek(start);
  for (let i = 1; i <= count && list.next(); i++) {
    c.reply.elements(list);
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}

interface Search {
  /** Matches to find; 0: all; -1: one, answered by itself. */
  count: number;
  /** The first match that counts, from 1. */
  rank: number;
  fromTail: boolean;
  /** Elements compared at most; 0: all. */
  comparisonsMax: number;
}

function parseSearch(c: Context): Search {
  const { args } = c;
  const search: Search = { count: -1, rank: 1, fromTail: false, comparisonsMax: 0 };
  for (let i = 3; i < args.count; i += 2) {
    const more = i + 1 < args.count;
    if (more && args.is(i, "RANK")) search.rank = Number(signedCount(c, i + 1));
    else if (more && args.is(i, "COUNT")) search.count = positive(c, i + 1, "ERR COUNT can't be negative");
    else if (more && args.is(i, "MAXLEN")) search.comparisonsMax = positive(c, i + 1, "ERR MAXLEN can't be negative");
    else throw syntaxError();
    if (search.rank === 0) throw rankZero();
  }
  search.fromTail = search.rank < 0;
  search.rank = Math.abs(search.rank);
  return search;
}

function rankZero(): ReplyError {
  return new ReplyError(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
      "or use negative to start from the end of the list",
  );
}

function* lpos(c: Context): Generator<void, void, void> {
  const { reply } = c;
  const search = parseSearch(c);
  const positions = lookup(c, 1, "list") ? yield* findPositions(c, search) : [];
  if (search.count < 0) {
    const [position] = positions;
    if (position === undefined) reply.nil();
    else reply.integer(position);
    return;
  }
  reply.array(positions.length);
  for (const position of positions) reply.integer(position);
}

/** Indexes of the matches, in the order of the search. */
function* findPositions(c: Context, search: Search): Generator<void, number[], void> {
  const list = new ListReader();
  list.open(c.record);
  const size = list.count;
  const comparisons = search.comparisonsMax === 0 ? size : Math.min(search.comparisonsMax, size);
  const wanted = search.count < 0 ? 1 : search.count === 0 ? size : search.count;
  const positions: number[] = [];
  let matches = 0;
  if (search.fromTail) list.seek(size);
  for (let i = 0; i < comparisons; ) {
    // Through the context each time: dispatch swaps the arguments for a copy when it parks the command.
    const { args } = c;
    const start = args.starts[2] as number;
    const length = args.lengths[2] as number;
    const before = i;
    let found: boolean;
    if (search.fromTail) {
      list.previous();
      found = list.equals(args.bytes, start, length);
      i++;
    } else {
      found = list.find(args.bytes, start, length, Math.min(comparisons - i, SEARCHED_PER_SLICE));
      i = list.position;
    }
    if (found && ++matches >= search.rank) {
      positions.push(list.index);
      if (positions.length === wanted) break;
    }
    if (Math.floor(i / ELEMENTS_PER_SLICE) > Math.floor(before / ELEMENTS_PER_SLICE)) yield;
  }
  return positions;
}
