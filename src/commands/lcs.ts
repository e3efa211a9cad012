/**
 * LCS: the longest common subsequence of two strings, by the table of lengths
 *
 *   length(i, j) = the longest common subsequence of the first i bytes of a and the first j bytes of b
 *
 * of which only two rows are kept. The way back needs to know, for each cell, only whether the cell above is the longer
 * one: one bit a cell, a 32nd of the memory that Redis takes. The limit on the size of the table is Redis's all the same.
 */
import { objectType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookupAny } from "./lookup.ts";
import { integer } from "./parse.ts";
import { readValue } from "./string-value.ts";
import type { Command } from "./table.ts";

export const rows = [
  {
    name: "lcs",
    arity: -3,
    flags: ["readonly"],
    categories: ["string"],
    keys: [{ flags: ["RO", "access"], begin: { index: 1 }, find: { lastKey: 1, step: 1, limit: 0 } }],
    since: "7.0.0",
    group: "string",
    complexity: "O(N*M) in the lengths of the strings",
    summary: "Finds the longest common subsequence of two strings.",
    arguments: [
      { name: "key1", type: "key", keySpec: 0 },
      { name: "key2", type: "key", keySpec: 0 },
      { name: "len", type: "pure-token", token: "LEN", optional: true },
      { name: "idx", type: "pure-token", token: "IDX", optional: true },
      { name: "min-match-len", type: "integer", token: "MINMATCHLEN", optional: true },
      { name: "withmatchlen", type: "pure-token", token: "WITHMATCHLEN", optional: true },
    ],
    handler: lcs,
  },
] as const satisfies readonly Command[];

const CELL_BYTES = 4;
/** Cells between two yields: a fraction of a millisecond. */
const CELLS_PER_SLICE = 100_000;

interface Options {
  length: boolean;
  indexes: boolean;
  withMatchLength: boolean;
  matchLengthMin: number;
}

interface Match {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

function* lcs(c: Context): Generator<void, void, void> {
  const a = new Span();
  const b = new Span();
  readString(c, 1, a);
  readString(c, 2, b);
  const options = parseOptions(c);
  const tableBytes = (a.length + 1) * (b.length + 1) * CELL_BYTES;
  if (tableBytes > c.server.config.number("proto-max-bulk-len")) {
    throw new ReplyError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const { length, up } = yield* lengths(a, b, !options.length);
  if (options.length) {
    c.reply.integer(length);
    return;
  }
  const { matches, bytes } = wayBack(a, b, up, length);
  if (options.indexes) replyMatches(c, matches, length, options);
  else c.reply.bulk(bytes, 0, bytes.length);
}

/** The string at argument `index`, in a record of its own: it stays valid between slices. A missing key is empty. */
function readString(c: Context, index: number, into: Span): void {
  const record = new Record();
  if (!lookupAny(c, index, record)) return;
  if (objectType(record.type) !== "string") throw new ReplyError("ERR The specified keys must contain string values");
  readValue(record, into);
}

function parseOptions(c: Context): Options {
  const { args } = c;
  const options: Options = { length: false, indexes: false, withMatchLength: false, matchLengthMin: 0 };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, "IDX")) options.indexes = true;
    else if (args.is(i, "LEN")) options.length = true;
    else if (args.is(i, "WITHMATCHLEN")) options.withMatchLength = true;
    else if (args.is(i, "MINMATCHLEN") && i + 1 < args.count) options.matchLengthMin = Math.max(integer(c, ++i), 0);
    else throw syntaxError();
  }
  if (options.length && options.indexes) {
    throw new ReplyError("ERR If you want both the length and indexes, please just use IDX.");
  }
  return options;
}

/** Which cells have the longer neighbour above: bit j of row i, rows of `rowBytes` bytes. */
interface UpBits {
  readonly bits: Uint8Array;
  readonly rowBytes: number;
}

function* lengths(a: Span, b: Span, keepWay: boolean): Generator<void, { length: number; up: UpBits }, void> {
  const rowBytes = (b.length + 8) >> 3;
  const up: UpBits = { bits: new Uint8Array(keepWay ? rowBytes * (a.length + 1) : 0), rowBytes };
  let above = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  let cells = 0;
  for (let i = 1; i <= a.length; i++) {
    const byte = a.bytes[a.start + i - 1];
    const rowStart = rowBytes * i;
    for (let j = 1; j <= b.length; j++) {
      if (b.bytes[b.start + j - 1] === byte) {
        row[j] = (above[j - 1] as number) + 1;
        continue;
      }
      const fromAbove = above[j] as number;
      const fromLeft = row[j - 1] as number;
      if (fromAbove > fromLeft) {
        row[j] = fromAbove;
        if (keepWay) up.bits[rowStart + (j >> 3)] = (up.bits[rowStart + (j >> 3)] as number) | (1 << (j & 7));
      } else row[j] = fromLeft;
    }
    [above, row] = [row, above];
    cells += b.length;
    if (cells >= CELLS_PER_SLICE) {
      cells = 0;
      yield;
    }
  }
  return { length: above[b.length] as number, up };
}

/** Walks back from the end of both strings: the subsequence, and its runs from the last to the first. */
function wayBack(a: Span, b: Span, up: UpBits, length: number): { matches: Match[]; bytes: Uint8Array } {
  const bytes = new Uint8Array(length);
  const matches: Match[] = [];
  let i = a.length;
  let j = b.length;
  let left = length;
  let run = 0;
  while (i > 0 && j > 0) {
    if (a.bytes[a.start + i - 1] === b.bytes[b.start + j - 1]) {
      bytes[--left] = a.bytes[a.start + i - 1] as number;
      run++;
      i--;
      j--;
      continue;
    }
    if (run > 0) matches.push({ a: i, b: j, length: run });
    run = 0;
    if (((up.bits[up.rowBytes * i + (j >> 3)] as number) >> (j & 7)) & 1) i--;
    else j--;
  }
  if (run > 0) matches.push({ a: i, b: j, length: run });
  return { matches, bytes };
}

function replyMatches(c: Context, matches: readonly Match[], length: number, options: Options): void {
  const { reply } = c;
  const shown = matches.filter((match) => match.length >= options.matchLengthMin);
  reply.map(2);
  reply.bulkText("matches");
  reply.array(shown.length);
  for (const match of shown) {
    reply.array(options.withMatchLength ? 3 : 2);
    for (const start of [match.a, match.b]) {
      reply.array(2);
      reply.integer(start);
      reply.integer(start + match.length - 1);
    }
    if (options.withMatchLength) reply.integer(match.length);
  }
  reply.bulkText("len");
  reply.integer(length);
}
