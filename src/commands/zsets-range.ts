/**
 * Ranges of a sorted set: ZRANGE and the older ZREVRANGE, Z[REV]RANGEBYSCORE, Z[REV]RANGEBYLEX.
 * All of them become ranks [start, end) of the members in order, which are then written up or down.
 */
import { LexRange, ScoreRange } from "../types/range.ts";
import type { SortedMembers } from "../types/zset.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import type { KeptZset } from "./zsets-cache.ts";
import { beginMembers, loadSorted, openZset, SLICE_MEMBERS, sliced, writeMember } from "./zsets-support.ts";

type RangeKind = "rank" | "score" | "lex";

/** Ranks start ≤ rank < end. */
export interface Ranks {
  start: number;
  end: number;
}

interface Options {
  kind: RangeKind | null;
  reverse: boolean | null;
  withScores: boolean;
  offset: number;
  /** Negative: no limit. */
  limit: number;
}

type Query = { readonly first: number; readonly last: number } | ScoreRange | LexRange;

export const zrange: Handler = (c) => range(c, null, null);
export const zrevrange: Handler = (c) => range(c, "rank", true);
export const zrangebyscore: Handler = (c) => range(c, "score", false);
export const zrevrangebyscore: Handler = (c) => range(c, "score", true);
export const zrangebylex: Handler = (c) => range(c, "lex", false);
export const zrevrangebylex: Handler = (c) => range(c, "lex", true);

function range(c: Context, kind: RangeKind | null, reverse: boolean | null): ReturnType<Handler> {
  const options = parseOptions(c, kind, reverse);
  const query = parseQuery(c, options);
  const zset = openZset(c);
  if (zset === null) return c.reply.array(0);
  return sliced(zset, writeRange(c, zset, query, options));
}

/** The words after key, min and max. A command that fixes kind or direction does not accept the words for it. */
function parseOptions(c: Context, kind: RangeKind | null, reverse: boolean | null): Options {
  const { args } = c;
  const options: Options = { kind, reverse, withScores: false, offset: 0, limit: -1 };
  for (let i = 4; i < args.count; i++) {
    if (args.is(i, "WITHSCORES")) {
      options.withScores = true;
    } else if (args.is(i, "LIMIT") && i + 2 < args.count) {
      options.offset = integer(c, i + 1);
      options.limit = integer(c, i + 2);
      i += 2;
    } else if (options.reverse === null && args.is(i, "REV")) {
      options.reverse = true;
    } else if (options.kind === null && args.is(i, "BYLEX")) {
      options.kind = "lex";
    } else if (options.kind === null && args.is(i, "BYSCORE")) {
      options.kind = "score";
    } else {
      throw syntaxError();
    }
  }
  // Redis takes LIMIT with a count of -1 by rank too, and passes over it.
  if (options.limit !== -1 && (options.kind ?? "rank") === "rank") {
    throw new ReplyError("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (options.withScores && options.kind === "lex") {
    throw new ReplyError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return options;
}

function parseQuery(c: Context, { kind, reverse }: Options): Query {
  const { args } = c;
  if ((kind ?? "rank") === "rank") return { first: integer(c, 2), last: integer(c, 3) };
  const min = args.text(reverse ? 3 : 2);
  const max = args.text(reverse ? 2 : 3);
  if (kind === "score") {
    const scores = ScoreRange.parse(min, max);
    if (scores === null) throw new ReplyError("ERR min or max is not a float");
    return scores;
  }
  const lex = LexRange.parse(min, max);
  if (lex === null) throw new ReplyError("ERR min or max not valid string range item");
  return lex;
}

function* writeRange(c: Context, zset: KeptZset, query: Query, options: Options): Generator<void, void, void> {
  const reverse = options.reverse === true;
  const { withScores } = options;
  const members = yield* loadSorted(zset);
  const inRange = ranksOf(zset, members, query, reverse);
  const byRank = (options.kind ?? "rank") === "rank";
  const ranks = byRank ? inRange : limited(inRange, options, reverse);
  const count = ranks.end - ranks.start;
  beginMembers(c, count, withScores);
  for (let i = 0; i < count; i++) {
    const rank = reverse ? ranks.end - 1 - i : ranks.start + i;
    writeMember(c, members.member(rank), members.score(rank), withScores);
    if ((i + 1) % SLICE_MEMBERS === 0) yield;
  }
}

function ranksOf(zset: KeptZset, members: SortedMembers, query: Query, reverse: boolean): Ranks {
  if (query instanceof ScoreRange) return scoreBounds(members, query);
  if (query instanceof LexRange) return lexBounds(zset, members, query, reverse);
  const { count } = members;
  const first = Math.max(0, query.first < 0 ? count + query.first : query.first);
  const last = Math.min(count - 1, query.last < 0 ? count + query.last : query.last);
  if (first > last) return { start: 0, end: 0 };
  return reverse ? { start: count - 1 - last, end: count - first } : { start: first, end: last + 1 };
}

/** LIMIT offset count, counted from the end when `reverse`. A negative offset leaves nothing, a negative count all. */
function limited(ranks: Ranks, { offset, limit }: Options, reverse: boolean): Ranks {
  const found = ranks.end - ranks.start;
  const count = offset < 0 ? 0 : Math.max(0, found - offset);
  const kept = limit < 0 ? count : Math.min(count, limit);
  if (kept === 0) return { start: 0, end: 0 };
  const start = reverse ? ranks.end - offset - kept : ranks.start + offset;
  return { start, end: start + kept };
}

/** The ranks of the members in a range of scores. */
export function scoreBounds(members: SortedMembers, scores: ScoreRange): Ranks {
  const { count } = members;
  const start = firstRank(0, count, (rank) => !scores.below(members.score(rank)));
  return { start, end: firstRank(start, count, (rank) => scores.above(members.score(rank))) };
}

/**
 * The ranks of the members in a lexicographic range. It means something only where all scores are equal; where they are
 * not, a listpack is walked as Redis walks it (from the near end, as long as members fit), a skiplist is bisected.
 */
export function lexBounds(zset: KeptZset, members: SortedMembers, lex: LexRange, reverse: boolean): Ranks {
  const { count } = members;
  const none = { start: 0, end: 0 };
  if (count === 0 || lex.empty) return none;
  const below = (rank: number) => lex.below(members.member(rank).text());
  const above = (rank: number) => lex.above(members.member(rank).text());
  if (zset.encoding === "skiplist") {
    const start = firstRank(0, count, (rank) => !below(rank));
    return { start, end: firstRank(start, count, above) };
  }
  if (below(count - 1) || above(0)) return none;
  if (reverse) {
    let end = count;
    while (end > 0 && above(end - 1)) end--;
    let start = end;
    while (start > 0 && !below(start - 1)) start--;
    return { start, end };
  }
  let start = 0;
  while (start < count && below(start)) start++;
  let end = start;
  while (end < count && !above(end)) end++;
  return { start, end };
}

/** The first rank from `start` on that holds `there`, which once true stays true; `end` when none does. */
function firstRank(start: number, end: number, there: (rank: number) => boolean): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (there(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
