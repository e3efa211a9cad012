/**
 * Sorted sets combined: ZUNION ZINTER ZINTERCARD ZDIFF and their STORE forms, over sorted sets and plain sets (every score 1).
 *
 * All read each source once, from its first to its last stored member, into one table; of a native one that is larger than what is left
 * in the table, only those members are looked for. Sources are taken from the smallest to the largest (ZDIFF: the first first), as Redis
 * takes them, so that sums come out to the last bit.
 */
import { isNativeType, objectType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { MemberTable } from "../types/member-table.ts";
import { TableRows } from "../types/scored-pairs.ts";
import { SetReader } from "../types/set.ts";
import { ZsetReader } from "../types/zset.ts";
import { Span } from "../util/span.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError, wrongType } from "./errors.ts";
import { lookupAny } from "./lookup.ts";
import { float, integer, positive } from "./parse.ts";
import { storePairs } from "./zsets-store.ts";
import { beginMembers, runWhole, SLICE_MEMBERS, SLICED_MEMBERS_MIN, writeMember } from "./zsets-support.ts";

type Operation = "union" | "inter" | "card" | "diff";
type Aggregate = "sum" | "min" | "max";

interface Source {
  /** Null: the key is missing. */
  readonly reader: ZsetReader | SetReader | null;
  readonly count: number;
  /** Members are found without a walk. */
  readonly isNative: boolean;
  weight: number;
}

interface Options {
  aggregate: Aggregate;
  withScores: boolean;
  /** ZINTERCARD: 0 = none. */
  limit: number;
}

export const zunion: Handler = (c) => combine(c, "union", false);
export const zinter: Handler = (c) => combine(c, "inter", false);
export const zintercard: Handler = (c) => combine(c, "card", false);
export const zdiff: Handler = (c) => combine(c, "diff", false);
export const zunionstore: Handler = (c) => combine(c, "union", true);
export const zinterstore: Handler = (c) => combine(c, "inter", true);
export const zdiffstore: Handler = (c) => combine(c, "diff", true);

const COMMANDS = { union: "zunion", inter: "zinter", card: "zintercard", diff: "zdiff" } as const;

function combine(c: Context, operation: Operation, stores: boolean): ReturnType<Handler> {
  const first = stores ? 2 : 1;
  const keys = integer(c, first);
  if (keys < 1) {
    const name = `${COMMANDS[operation]}${stores ? "store" : ""}`;
    throw new ReplyError(`ERR at least 1 input key is needed for '${name}' command`);
  }
  if (keys > c.args.count - first - 1) throw syntaxError();
  const sources: Source[] = [];
  for (let i = 0; i < keys; i++) sources.push(openSource(c, first + 1 + i));
  const options = parseOptions(c, first + 1 + keys, operation, stores, sources);
  if (operation !== "diff") sources.sort((a, b) => a.count - b.count);
  const steps = run(c, operation, stores, sources, options);
  if (sources.reduce((sum, source) => sum + source.count, 0) > SLICED_MEMBERS_MIN) return steps;
  runWhole(steps);
}

/** Each source has a record of its own: they are all read before the command ends. */
function openSource(c: Context, index: number): Source {
  const record = new Record();
  if (!lookupAny(c, index, record)) return { reader: null, count: 0, isNative: false, weight: 1 };
  const type = objectType(record.type);
  if (type !== "zset" && type !== "set") throw wrongType();
  const reader = type === "zset" ? new ZsetReader() : new SetReader();
  reader.open(record);
  return { reader, count: reader.count, isNative: isNativeType(record.type), weight: 1 };
}

function parseOptions(c: Context, from: number, operation: Operation, stores: boolean, sources: Source[]): Options {
  const { args } = c;
  const options: Options = { aggregate: "sum", withScores: false, limit: 0 };
  const weighs = operation === "union" || operation === "inter";
  for (let i = from; i < args.count; i++) {
    const left = args.count - i - 1;
    if (weighs && left >= sources.length && args.is(i, "WEIGHTS")) {
      for (const source of sources) source.weight = float(c, ++i, "ERR weight value is not a float");
    } else if (weighs && left >= 1 && args.is(i, "AGGREGATE")) {
      options.aggregate = parseAggregate(c, ++i);
    } else if (operation !== "card" && !stores && args.is(i, "WITHSCORES")) {
      options.withScores = true;
    } else if (operation === "card" && left >= 1 && args.is(i, "LIMIT")) {
      options.limit = positive(c, ++i, "ERR LIMIT can't be negative");
    } else {
      throw syntaxError();
    }
  }
  return options;
}

function parseAggregate(c: Context, index: number): Aggregate {
  if (c.args.is(index, "SUM")) return "sum";
  if (c.args.is(index, "MIN")) return "min";
  if (c.args.is(index, "MAX")) return "max";
  throw syntaxError();
}

function* run(
  c: Context,
  operation: Operation,
  stores: boolean,
  sources: Source[],
  options: Options,
): Generator<void, void, void> {
  const table = new MemberTable();
  if (operation === "union") yield* union(table, sources, options.aggregate);
  else if (operation === "diff") yield* difference(table, sources);
  else yield* intersection(table, sources, options.aggregate);
  if (operation === "card") {
    c.reply.integer(options.limit > 0 ? Math.min(options.limit, table.alive) : table.alive);
    return;
  }
  const rows = yield* table.order(SLICE_MEMBERS);
  if (stores) yield* storePairs(c, 1, new TableRows(table, rows));
  else yield* writeRows(c, table, rows, options.withScores);
}

/** Calls `visit` with each member of a source: its bytes and weighted score (NaN for 0 × ∞). */
function* walk(source: Source, visit: (member: Span, score: number) => void): Generator<void, void, void> {
  const { reader, weight } = source;
  if (reader === null) return;
  reader.rewind();
  const scored = reader instanceof ZsetReader ? reader : null;
  for (let walked = 1; reader.next(); walked++) {
    visit(reader.text(), weight * (scored === null ? 1 : scored.score));
    if (walked % SLICE_MEMBERS === 0) yield;
  }
}

/** Calls `visit` with each row of the table whose member the native source has, and its weighted score there. */
function* findAll(
  { reader, weight }: Source,
  table: MemberTable,
  visit: (row: number, score: number) => void,
): Generator<void, void, void> {
  const member = new Span();
  for (let row = 0; row < table.count; row++) {
    if (row % SLICE_MEMBERS === SLICE_MEMBERS - 1) yield;
    if (table.isDropped(row)) continue;
    table.member(row, member);
    if (reader instanceof ZsetReader) {
      if (reader.find(member.bytes, member.start, member.length)) visit(row, weight * reader.score);
    } else if (reader?.has(member.bytes, member.start, member.length) === true) visit(row, weight);
  }
}

function* union(table: MemberTable, sources: Source[], aggregate: Aggregate): Generator<void, void, void> {
  for (const source of sources) {
    yield* walk(source, (member, score) => {
      const row = table.find(member.bytes, member.start, member.length);
      if (row < 0) table.add(member.bytes, member.start, member.length, numberOr0(score));
      else table.scores[row] = aggregated(table.scores[row] as number, numberOr0(score), aggregate);
    });
  }
}

/** A row's mark counts the sources that have had it; after each source the rows that it lacks are dropped. */
function* intersection(table: MemberTable, sources: Source[], aggregate: Aggregate): Generator<void, void, void> {
  const [smallest, ...others] = sources;
  if (smallest === undefined || smallest.count === 0) return;
  yield* walk(smallest, (member, score) => {
    table.add(member.bytes, member.start, member.length, numberOr0(score));
  });
  let round = 0;
  for (const source of others) {
    round++;
    const meet = (row: number, score: number) => {
      if (row < 0 || table.marks[row] !== round - 1) return;
      table.marks[row] = round;
      table.scores[row] = aggregated(table.scores[row] as number, score, aggregate);
    };
    if (source.isNative) yield* findAll(source, table, meet);
    else {
      yield* walk(source, (member, score) => meet(table.find(member.bytes, member.start, member.length), score));
    }
    for (let row = 0; row < table.count; row++) {
      if (!table.isDropped(row) && (table.marks[row] as number) < round) table.drop(row);
      if (row % 4096 === 4095) yield;
    }
    if (table.alive === 0) return;
  }
}

function* difference(table: MemberTable, sources: Source[]): Generator<void, void, void> {
  const [first, ...others] = sources;
  if (first === undefined) return;
  yield* walk(first, (member, score) => void table.add(member.bytes, member.start, member.length, score));
  for (const source of others) {
    if (table.alive === 0) return;
    if (source.isNative && source.count > table.alive) {
      yield* findAll(source, table, (row) => table.drop(row));
      continue;
    }
    yield* walk(source, (member) => {
      const row = table.find(member.bytes, member.start, member.length);
      if (row >= 0) table.drop(row);
    });
  }
}

/** Redis takes 0 × ∞ for 0; in an intersection only of the smallest set, of the others it makes the whole sum 0. */
function numberOr0(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

function aggregated(score: number, more: number, aggregate: Aggregate): number {
  if (aggregate === "sum") {
    const sum = score + more;
    // +∞ and −∞ together: Redis takes 0.
    return Number.isNaN(sum) ? 0 : sum;
  }
  // Not Math.min and Math.max, which tell −0 from 0: Redis keeps the first of equals.
  const takesMore = aggregate === "min" ? more < score : more > score;
  return takesMore ? more : score;
}

function* writeRows(
  c: Context,
  table: MemberTable,
  rows: Float64Array,
  withScores: boolean,
): Generator<void, void, void> {
  beginMembers(c, rows.length, withScores);
  const member = new Span();
  const element = { isInt: false, int: 0, text: () => member };
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    table.member(row, member);
    writeMember(c, element, table.scores[row] as number, withScores);
    if ((i + 1) % SLICE_MEMBERS === 0) yield;
  }
}
