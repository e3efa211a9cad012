/** Members leave a sorted set: ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX. */
import { LexRange, type ScoreRange } from "../types/range.ts";
import { CHANGED_AT_ONCE_MAX } from "./alone.ts";
import type { Context, Handler } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError } from "./errors.ts";
import { integer } from "./parse.ts";
import { deleteKey } from "./writable.ts";
import { giveZset, takeZset } from "./zsets-cache.ts";
import { EDIT, openQuickly, openToChange } from "./zsets-change.ts";
import { removeNamed, removeRanks } from "./zsets-many.ts";
import { RANKS, RankRange, scoreRange, setRanks } from "./zsets-ranks.ts";
import { isBetterCopied, removeMany } from "./zsets-rest.ts";

export function zrem(c: Context): void | Generator<void, void, void> {
  const { args } = c;
  let removed = 0;
  if (openQuickly(c, 1)) {
    if (args.count > CHANGED_AT_ONCE_MAX && EDIT.isNative) return removeNamed(c);
    for (let i = 2; i < args.count; i++) {
      if (!EDIT.find(args.bytes, args.starts[i] as number, args.lengths[i] as number)) continue;
      removed++;
      if (EDIT.count === 1) {
        deleteKey(c, 1);
        break;
      }
      EDIT.remove();
    }
  }
  c.server.keyspace.dirty += removed;
  c.reply.integer(removed);
}

export const zremrangebyrank: Handler = (c) => removeRange(c, new RankRange(integer(c, 2), integer(c, 3)));

export const zremrangebyscore: Handler = (c) => {
  const range = scoreRange(c, 2, 3);
  if (range === null) throw new ReplyError("ERR min or max is not a float");
  return removeRange(c, range);
};

export const zremrangebylex: Handler = (c) => {
  const range = LexRange.parse(c.args.text(2), c.args.text(3));
  if (range === null) throw new ReplyError("ERR min or max not valid string range item");
  return removeRange(c, range);
};

function removeRange(c: Context, range: RankRange | ScoreRange | LexRange): ReturnType<Handler> {
  if (!openToChange(c, 1)) return c.reply.integer(0);
  const zset = takeZset(c.record, liveLimits(c.server.config));
  setRanks(zset, zset.ranked(), range, false);
  giveZset(zset);
  const { start, end } = RANKS;
  const removed = end - start;
  if (removed === EDIT.count) deleteKey(c, 1);
  else if (isBetterCopied(EDIT.count, removed)) return removeRest(c, range);
  else if (removed > CHANGED_AT_ONCE_MAX && EDIT.isNative) return removeInSlices(c, start, end);
  else if (removed > 0) EDIT.removeRanks(start, end);
  c.server.keyspace.dirty += removed;
  c.reply.integer(removed);
}

function* removeInSlices(c: Context, start: number, end: number): Generator<void, void, void> {
  yield* removeRanks(c, 1, start, end);
  c.reply.integer(end - start);
}

function* removeRest(c: Context, range: RankRange | ScoreRange | LexRange): Generator<void, void, void> {
  const done = yield* removeMany(
    c,
    1,
    (zset, ranked) => {
      setRanks(zset, ranked, range, false);
      return { ...RANKS };
    },
    false,
  );
  const removed = done?.removed ?? 0;
  c.server.keyspace.dirty += removed;
  c.reply.integer(removed);
}
