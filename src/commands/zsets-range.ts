/**
 * Ranges of a sorted set: ZRANGE and the older ZREVRANGE, Z[REV]RANGEBYSCORE, Z[REV]RANGEBYLEX.
 * All of them become ranks [start, end) of the members in order, which are then written up or down.
 */
import { LexRange, type ScoreRange } from "../types/range.ts";
import type { Ranked } from "../types/ranked.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import { giveZset, type KeptZset } from "./zsets-cache.ts";
import { RANKS, RankRange, scoreRange, setRanks } from "./zsets-ranks.ts";
import {
  beginMembers,
  isSlow,
  loadRanked,
  openZset,
  SLICE_MEMBERS,
  SLICED_MEMBERS_MIN,
  sliced,
  writeMember,
} from "./zsets-support.ts";

type RangeKind = "rank" | "score" | "lex";

export interface Options {
  kind: RangeKind | null;
  reverse: boolean | null;
  withScores: boolean;
  offset: number;
  /** Negative: no limit. */
  limit: number;
}

export type Query = RankRange | ScoreRange | LexRange;

export const zrange: Handler = (c) => range(c, null, null);
export const zrevrange: Handler = (c) => range(c, "rank", true);
export const zrangebyscore: Handler = (c) => range(c, "score", false);
export const zrevrangebyscore: Handler = (c) => range(c, "score", true);
export const zrangebylex: Handler = (c) => range(c, "lex", false);
export const zrevrangebylex: Handler = (c) => range(c, "lex", true);

function range(c: Context, kind: RangeKind | null, reverse: boolean | null): ReturnType<Handler> {
  const options = parseOptions(c, 1, kind, reverse);
  const query = parseQuery(c, 1, options);
  const zset = openZset(c);
  if (zset === null) return c.reply.array(0);
  if (isSlow(zset)) return sliced(zset, loadAndWrite(c, zset, query, options));
  const ranked = zset.ranked();
  setQueried(zset, ranked, query, options);
  const { start, end } = RANKS;
  if (end - start > SLICED_MEMBERS_MIN) return sliced(zset, writeSliced(c, ranked, start, end, options), true);
  write(c, ranked, start, end, options);
  giveZset(zset);
}

/**
 * The words after key (argument `key`), min and max. A command that fixes kind or direction does not accept the words for it; one that
 * stores (the key comes second) has no scores to give.
 */
export function parseOptions(c: Context, key: number, kind: RangeKind | null, reverse: boolean | null): Options {
  const { args } = c;
  const options: Options = { kind, reverse, withScores: false, offset: 0, limit: -1 };
  for (let i = key + 3; i < args.count; i++) {
    if (key === 1 && args.is(i, "WITHSCORES")) {
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

/** What stands behind the key. */
export function parseQuery(c: Context, key: number, { kind, reverse }: Options): Query {
  const { args } = c;
  if ((kind ?? "rank") === "rank") return new RankRange(integer(c, key + 1), integer(c, key + 2));
  const min = reverse ? key + 2 : key + 1;
  const max = reverse ? key + 1 : key + 2;
  if (kind === "score") {
    const scores = scoreRange(c, min, max);
    if (scores === null) throw new ReplyError("ERR min or max is not a float");
    return scores;
  }
  const lex = LexRange.parse(args.text(min), args.text(max));
  if (lex === null) throw new ReplyError("ERR min or max not valid string range item");
  return lex;
}

/** Sets RANKS to what the command asks for. */
export function setQueried(zset: KeptZset, ranked: Ranked, query: Query, options: Options): void {
  const reverse = options.reverse === true;
  setRanks(zset, ranked, query, reverse);
  if ((options.kind ?? "rank") !== "rank") limit(options, reverse);
}

/** Loads the set where that is needed, then writes. */
function* loadAndWrite(c: Context, zset: KeptZset, query: Query, options: Options): Generator<void, void, void> {
  const ranked = yield* loadRanked(zset);
  setQueried(zset, ranked, query, options);
  yield* writeSliced(c, ranked, RANKS.start, RANKS.end, options);
}

function write(c: Context, ranked: Ranked, start: number, end: number, options: Options): void {
  const reverse = options.reverse === true;
  const { withScores } = options;
  beginMembers(c, end - start, withScores);
  if (start === end) return;
  ranked.goTo(reverse ? end - 1 : start);
  for (let left = end - start; ; ) {
    writeMember(c, ranked.member, ranked.score, withScores);
    if (--left === 0) return;
    if (reverse) ranked.previous();
    else ranked.next();
  }
}

/** As `write`, of many. */
function* writeSliced(
  c: Context,
  ranked: Ranked,
  start: number,
  end: number,
  options: Options,
): Generator<void, void, void> {
  const reverse = options.reverse === true;
  const { withScores } = options;
  beginMembers(c, end - start, withScores);
  if (start < end) ranked.goTo(reverse ? end - 1 : start);
  for (let i = 1; i <= end - start; i++) {
    writeMember(c, ranked.member, ranked.score, withScores);
    if (i < end - start && (reverse ? !ranked.previous() : !ranked.next())) throw new Error("a rank without a member");
    if (i % SLICE_MEMBERS === 0) yield;
  }
}

/** LIMIT offset count on RANKS, counted from the end when `reverse`. A negative offset leaves nothing, a negative count all. */
function limit({ offset, limit }: Options, reverse: boolean): void {
  const found = RANKS.end - RANKS.start;
  const count = offset < 0 ? 0 : Math.max(0, found - offset);
  const kept = limit < 0 ? count : Math.min(count, limit);
  if (reverse) RANKS.start = RANKS.end - offset - kept;
  else RANKS.start += offset;
  RANKS.end = RANKS.start + kept;
}
