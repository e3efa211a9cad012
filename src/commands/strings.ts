/** Strings: GET and its kin. The bytes go from the mapping into the reply; nothing is made of them on the way. */
import { objectType } from "../rdb/opcodes.ts";
import { stringLength } from "../rdb/string.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { lookup, lookupAny } from "./lookup.ts";
import { integer } from "./parse.ts";
import { awaitVerified, replyValue, staysPut, stringAt } from "./string-value.ts";
import { type Command, PEEK_FIRST, READ_ALL, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["string"],
    keys: READ_FIRST,
    since: "1.0.0",
    group: "string",
    complexity: "O(1)",
    summary: "Gives the value of a string.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: get,
  },
  {
    name: "mget",
    arity: -2,
    flags: ["readonly", "fast"],
    categories: ["string"],
    keys: READ_ALL,
    tips: ["request_policy:multi_shard"],
    since: "1.0.0",
    group: "string",
    complexity: "O(N) in the number of keys",
    summary: "Gives the values of several strings at once.",
    arguments: [{ name: "key", type: "key", keySpec: 0, multiple: true }],
    handler: mget,
  },
  {
    name: "strlen",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["string"],
    keys: PEEK_FIRST,
    since: "2.2.0",
    group: "string",
    complexity: "O(1)",
    summary: "Tells how many bytes a string has.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: strlen,
  },
  {
    name: "getrange",
    arity: 4,
    flags: ["readonly"],
    categories: ["string"],
    keys: READ_FIRST,
    since: "2.4.0",
    group: "string",
    complexity: "O(N) in the length of the part",
    summary: "Gives a part of a string.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "start", type: "integer" },
      { name: "end", type: "integer" },
    ],
    handler: getrange,
  },
  {
    name: "substr",
    arity: 4,
    flags: ["readonly"],
    categories: ["string"],
    keys: READ_FIRST,
    since: "1.0.0",
    group: "string",
    complexity: "O(N) in the length of the part",
    summary: "Gives a part of a string: the old name of GETRANGE.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "start", type: "integer" },
      { name: "end", type: "integer" },
    ],
    handler: getrange,
  },
] as const satisfies readonly Command[];

/** MGET of more keys than this lets other clients in between. */
const KEYS_PER_SLICE = 512;
/** So do answers longer than this. */
const BYTES_PER_SLICE = 1024 * 1024;

const VALUE = new Span();

function get(c: Context): void {
  if (!lookup(c, 1, "string")) {
    c.reply.nil();
    return;
  }
  awaitVerified(c.record.cursor);
  replyValue(c.reply, c.record);
}

function mget(c: Context): void | Generator<void, void, void> {
  const { count } = c.args;
  c.reply.array(count - 1);
  for (let i = 1; i < count; i++) {
    if (i > KEYS_PER_SLICE || c.reply.size > BYTES_PER_SLICE) return mgetFrom(c, i);
    replyStringOrNil(c, i);
  }
}

/** From argument `first` on, in slices: long values that are decompressed must not gather before the client takes them. */
function* mgetFrom(c: Context, first: number): Generator<void, void, void> {
  const { count } = c.args;
  for (let i = first; i < count; i++) {
    replyStringOrNil(c, i);
    if (i % KEYS_PER_SLICE === 0 || c.reply.size > BYTES_PER_SLICE) yield;
  }
}

/** MGET treats a key of another type as absent. */
function replyStringOrNil(c: Context, index: number): void {
  if (lookupAny(c, index) && objectType(c.record.type) === "string") replyValue(c.reply, c.record);
  else c.reply.nil();
}

function strlen(c: Context): void {
  c.reply.integer(lookup(c, 1, "string") ? stringLength(c.record.cursor) : 0);
}

function getrange(c: Context): void {
  const first = integer(c, 2);
  const last = integer(c, 3);
  stringAt(c, 1, VALUE);
  const { length } = VALUE;
  const start = first < 0 ? Math.max(length + first, 0) : first;
  const end = Math.min(last < 0 ? Math.max(length + last, 0) : last, length - 1);
  if (start > end || (first < 0 && last < 0 && first > last)) {
    c.reply.bulk(VALUE.bytes, 0, 0);
    return;
  }
  c.reply.bulk(VALUE.bytes, VALUE.start + start, end - start + 1, staysPut(VALUE, c.record));
}
