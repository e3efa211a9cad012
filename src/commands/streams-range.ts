/** Streams, their entries: XLEN XRANGE XREVRANGE. */

import type { Context, Handler } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import {
  newRange,
  openStream,
  openStreamQuickly,
  parseRange,
  SLICE_ENTRIES,
  writeEntries,
  writeFewEntries,
} from "./streams-support.ts";

const QUICK_RANGE = newRange();

export const xlen: Handler = (c) => {
  c.reply.integer(openStreamQuickly(c, 1)?.length ?? 0);
};

export const xrange: Handler = (c) => range(c, false);
export const xrevrange: Handler = (c) => range(c, true);

function range(c: Context, reverse: boolean): ReturnType<Handler> {
  const { args, reply } = c;
  const ids = reverse ? parseRange(c, 3, 2, QUICK_RANGE) : parseRange(c, 2, 3, QUICK_RANGE);
  let count = -1;
  for (let i = 4; i < args.count; i += 2) {
    if (!args.is(i, "COUNT") || i + 1 >= args.count) throw syntaxError();
    count = Math.max(0, integer(c, i + 1));
  }
  if (count > 0 && count <= SLICE_ENTRIES) {
    const stream = openStreamQuickly(c, 1);
    if (stream === null || writeFewEntries(c, stream, ids, count, reverse) === 0) reply.array(0);
    return;
  }
  const stream = openStream(c, 1);
  if (stream === null) return reply.array(0);
  if (count === 0) return reply.nilArray();
  const own = newRange();
  own.from.copy(ids.from);
  own.to.copy(ids.to);
  return writeEntries(c, stream, own, Math.max(0, count), reverse);
}
