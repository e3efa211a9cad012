/**
 * SORT_RO, SORT: the elements of a list, set or sorted set in order of themselves, or of other keys' values named by a pattern.
 *
 *   elements ─► byte store ─► a score or a text each (BY) ─► order ─► LIMIT ─► themselves, or the values GET names
 *                                                                                     └► the reply, or a list (STORE)
 */
import { objectType } from "../rdb/opcodes.ts";
import { ByteStore } from "../types/byte-store.ts";
import type { Elements } from "../types/elements.ts";
import { ListReader } from "../types/list.ts";
import { SetReader } from "../types/set.ts";
import { ZsetReader } from "../types/zset.ts";
import { mergeSort } from "../util/merge-sort.ts";
import { parseDouble } from "../util/parse-double.ts";
import { EMPTY_BYTES, Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError, wrongType } from "./errors.ts";
import { storeList } from "./lists-store.ts";
import { lookupAny } from "./lookup.ts";
import { integer } from "./parse.ts";
import { SortPattern } from "./sort-pattern.ts";
import type { Command } from "./table.ts";

export const rows = [
  {
    name: "sort_ro",
    arity: -2,
    flags: ["readonly", "movablekeys"],
    categories: ["set", "sortedset", "list", "dangerous"],
    keys: [
      { flags: ["RO", "access"], begin: { index: 1 }, find: { lastKey: 0, step: 1, limit: 0 } },
      {
        flags: ["RO", "access"],
        begin: "unknown",
        find: "unknown",
        notes: "Keys named by BY and GET patterns derive from the elements: they cannot be told beforehand",
      },
    ],
    since: "7.0.0",
    group: "generic",
    complexity: "O(N+M*log(M)): N elements, M of them given back",
    summary: "Gives the elements of a list, set or sorted set in order.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "by-pattern", type: "pattern", token: "BY", keySpec: 1, optional: true },
      {
        name: "limit",
        type: "block",
        token: "LIMIT",
        optional: true,
        arguments: [
          { name: "offset", type: "integer" },
          { name: "count", type: "integer" },
        ],
      },
      {
        name: "get-pattern",
        type: "pattern",
        token: "GET",
        keySpec: 1,
        optional: true,
        multiple: true,
        multipleToken: true,
      },
      {
        name: "order",
        type: "oneof",
        optional: true,
        arguments: [
          { name: "asc", type: "pure-token", token: "ASC" },
          { name: "desc", type: "pure-token", token: "DESC" },
        ],
      },
      { name: "sorting", type: "pure-token", token: "ALPHA", optional: true },
    ],
    handler: (c) => sort(c, false),
  },
] as const satisfies readonly Command[];

const ELEMENTS_PER_SLICE = 256;
const COMPARISONS_PER_SLICE = 1024;

interface SortOptions {
  /** Null: by the elements themselves. */
  by: SortPattern | null;
  /** BY names no element: the stored order stays. */
  asStored: boolean;
  readonly gets: SortPattern[];
  descending: boolean;
  alpha: boolean;
  offset: number;
  /** Negative: all. */
  count: number;
  /** The argument that names the key to store the result under; 0: there is none. */
  store: number;
}

function parseOptions(c: Context, mayStore: boolean): SortOptions {
  const { args } = c;
  const options: SortOptions = {
    by: null,
    asStored: false,
    gets: [],
    descending: false,
    alpha: false,
    offset: 0,
    count: -1,
    store: 0,
  };
  for (let i = 2; i < args.count; i++) {
    const left = args.count - i - 1;
    if (args.is(i, "ASC")) options.descending = false;
    else if (args.is(i, "DESC")) options.descending = true;
    else if (args.is(i, "ALPHA")) options.alpha = true;
    else if (args.is(i, "LIMIT") && left >= 2) {
      options.offset = integer(c, i + 1);
      options.count = integer(c, i + 2);
      i += 2;
    } else if (mayStore && args.is(i, "STORE") && left >= 1) {
      options.store = ++i;
    } else if (args.is(i, "BY") && left >= 1) {
      options.by = new SortPattern(args.text(++i));
      options.asStored ||= !options.by.namesKeys;
    } else if (args.is(i, "GET") && left >= 1) options.gets.push(new SortPattern(args.text(++i)));
    else throw syntaxError();
  }
  return options;
}

/** SORT. */
export function sortOrStore(c: Context): Generator<void, void, void> {
  return sort(c, true);
}

function* sort(c: Context, mayStore: boolean): Generator<void, void, void> {
  const options = parseOptions(c, mayStore);
  const elements = yield* load(c, options);
  let order = Uint32Array.from({ length: elements.count }, (_, i) => i) as Uint32Array;
  if (!options.asStored) order = yield* sorted(c, elements, order, options);
  const [start, end] = limits(order.length, options);
  order = order.subarray(start, end);
  if (options.store > 0) yield* storeResult(c, elements, order, options);
  else yield* reply(c, elements, order, options);
}

function* reply(
  c: Context,
  elements: ByteStore,
  order: Uint32Array,
  { gets }: SortOptions,
): Generator<void, void, void> {
  c.reply.array(order.length * Math.max(gets.length, 1));
  const element = new Span();
  for (let i = 0; i < order.length; i++) {
    const at = order[i] as number;
    element.set(elements.bytes, elements.start(at), elements.length(at));
    if (gets.length === 0) c.reply.bulkSpan(element, true);
    for (const get of gets) replyGet(c, get, element);
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}

/** STORE: a list of what would have been the reply, empty where that has nothing; no key where the list would be empty. */
function* storeResult(
  c: Context,
  elements: ByteStore,
  order: Uint32Array,
  { gets, store }: SortOptions,
): Generator<void, void, void> {
  const results = new ByteStore();
  const element = new Span();
  for (let i = 0; i < order.length; i++) {
    const at = order[i] as number;
    element.set(elements.bytes, elements.start(at), elements.length(at));
    if (gets.length === 0) results.add(element.bytes, element.start, element.length);
    for (const get of gets) {
      const value = get.isElement ? element : get.find(c, element);
      results.add(value?.bytes ?? EMPTY_BYTES, value?.start ?? 0, value?.length ?? 0);
    }
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
  const { args } = c;
  let changes = results.count;
  if (changes > 0) yield* storeList(c, store, results);
  else if (c.db.remove(args.bytes, args.starts[store] as number, args.lengths[store] as number, c.nowMs)) changes = 1;
  c.server.keyspace.dirty += changes;
  c.reply.integer(results.count);
}

function replyGet(c: Context, get: SortPattern, element: Span): void {
  const { reply } = c;
  if (get.isElement) reply.bulkSpan(element, true);
  else {
    const value = get.find(c, element);
    if (value === null) reply.nil();
    else reply.bulkSpan(value);
  }
}

/** The part [start, end) of `size` elements that LIMIT leaves. */
function limits(size: number, options: SortOptions): [start: number, end: number] {
  const start = Math.min(Math.max(options.offset, 0), size);
  if (options.count < 0) return [start, size];
  return [start, Math.min(start + options.count, size)];
}

function* load(c: Context, options: SortOptions): Generator<void, ByteStore, void> {
  if (!lookupAny(c, 1)) return new ByteStore();
  const { record } = c;
  switch (objectType(record.type)) {
    case "list": {
      const list = new ListReader();
      list.open(record);
      if (!options.asStored || !options.descending) return yield* store(list);
      list.seek(list.count);
      return yield* store(list, () => list.previous());
    }
    case "set": {
      const set = new SetReader();
      set.open(record);
      // What is stored is to be the same wherever it is done again: a set has no order of its own.
      if (options.asStored && options.store > 0) {
        options.asStored = false;
        options.alpha = true;
        options.by = null;
      }
      return yield* store(set);
    }
    case "zset": {
      const zset = new ZsetReader();
      zset.open(record);
      return options.asStored ? yield* storeSorted(zset, options.descending) : yield* store(zset);
    }
    default:
      throw wrongType();
  }
}

function* store(elements: Elements, step = () => elements.next()): Generator<void, ByteStore, void> {
  const kept = new ByteStore();
  while (step()) {
    const element = elements.text();
    kept.add(element.bytes, element.start, element.length);
    if (kept.count % ELEMENTS_PER_SLICE === 0) yield;
  }
  return kept;
}

function* storeSorted(zset: ZsetReader, descending: boolean): Generator<void, ByteStore, void> {
  while (!zset.loadSome(ELEMENTS_PER_SLICE)) yield;
  const members = zset.ranked();
  const kept = new ByteStore();
  if (members.count > 0) members.goTo(descending ? members.count - 1 : 0);
  for (let i = 0; i < members.count; i++) {
    if (i > 0) descending ? members.previous() : members.next();
    const member = members.member.text();
    kept.add(member.bytes, member.start, member.length);
    if (kept.count % ELEMENTS_PER_SLICE === 0) yield;
  }
  return kept;
}

function* sorted(
  c: Context,
  elements: ByteStore,
  order: Uint32Array,
  options: SortOptions,
): Generator<void, Uint32Array, void> {
  const compare = options.alpha
    ? yield* textOrder(c, elements, options.by)
    : yield* numberOrder(c, elements, options.by);
  const directed = options.descending ? (a: number, b: number) => -compare(a, b) : compare;
  return yield* mergeSort(order, directed, COMPARISONS_PER_SLICE);
}

type Compare = (a: number, b: number) => number;

/** By number; elements of the same number by their bytes. A key that is missing counts as 0. */
function* numberOrder(c: Context, elements: ByteStore, by: SortPattern | null): Generator<void, Compare, void> {
  const scores = new Float64Array(elements.count);
  const element = new Span();
  let failed = false;
  for (let i = 0; i < scores.length; i++) {
    element.set(elements.bytes, elements.start(i), elements.length(i));
    const text = by === null || by.isElement ? element : by.find(c, element);
    const score = text === null ? 0 : scoreOf(text.text());
    if (score === undefined) failed = true;
    else scores[i] = score;
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
  if (failed) throw new ReplyError("ERR One or more scores can't be converted into double");
  return (a, b) => (scores[a] as number) - (scores[b] as number) || elements.compare(a, b);
}

/** As C's strtod over a C string: spaces before it are passed over, nothing at all is 0. */
function scoreOf(text: string): number | undefined {
  const [visible = ""] = text.split("\0", 1);
  return visible === "" ? 0 : parseDouble(visible.replace(/^[ \t\n\v\f\r]+/, ""));
}

/** By bytes; a key that is missing comes first. */
function* textOrder(c: Context, elements: ByteStore, by: SortPattern | null): Generator<void, Compare, void> {
  if (by === null || by.isElement) return (a, b) => elements.compare(a, b);
  const texts = new ByteStore();
  // Number of the text of element i plus 1; 0: missing.
  const textOf = new Uint32Array(elements.count);
  const element = new Span();
  for (let i = 0; i < textOf.length; i++) {
    element.set(elements.bytes, elements.start(i), elements.length(i));
    const text = by.find(c, element);
    if (text !== null) textOf[i] = texts.add(text.bytes, text.start, text.length) + 1;
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
  return (a, b) => {
    const textA = textOf[a] as number;
    const textB = textOf[b] as number;
    return textA === 0 || textB === 0 ? Math.sign(textA) - Math.sign(textB) : texts.compare(textA - 1, textB - 1);
  };
}
