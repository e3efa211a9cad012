/** When fields of a hash expire (Redis 7.4): HTTL and its kin. */
import { HashReader } from "../types/hash.ts";
import type { Context } from "./context.ts";
import { firstField } from "./hash-fields.ts";
import { findIn } from "./hashes.ts";
import { lookup } from "./lookup.ts";
import { type Command, READ_FIRST } from "./table.ts";

const KEY_AND_FIELDS = [
  { name: "key", type: "key", keySpec: 0 },
  {
    name: "fields",
    type: "block",
    token: "FIELDS",
    arguments: [
      { name: "numfields", type: "integer" },
      { name: "field", type: "string", multiple: true },
    ],
  },
] as const;

export const rows = [
  {
    name: "httl",
    arity: -5,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "7.4.0",
    group: "hash",
    complexity: "O(N) in the number of fields asked for",
    summary: "Tells the seconds fields of a hash have left to live.",
    arguments: KEY_AND_FIELDS,
    handler: httl,
  },
  {
    name: "hpttl",
    arity: -5,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "7.4.0",
    group: "hash",
    complexity: "O(N) in the number of fields asked for",
    summary: "Tells the milliseconds fields of a hash have left to live.",
    arguments: KEY_AND_FIELDS,
    handler: hpttl,
  },
  {
    name: "hexpiretime",
    arity: -5,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    since: "7.4.0",
    group: "hash",
    complexity: "O(N) in the number of fields asked for",
    summary: "Tells the Unix times in seconds when fields of a hash expire.",
    arguments: KEY_AND_FIELDS,
    handler: hexpiretime,
  },
  {
    name: "hpexpiretime",
    arity: -5,
    flags: ["readonly", "fast"],
    categories: ["hash"],
    keys: READ_FIRST,
    since: "7.4.0",
    group: "hash",
    complexity: "O(N) in the number of fields asked for",
    summary: "Tells the Unix times in milliseconds when fields of a hash expire.",
    arguments: KEY_AND_FIELDS,
    handler: hpexpiretime,
  },
] as const satisfies readonly Command[];

const NO_FIELD = -2;
const NO_EXPIRY = -1;

const HASH = new HashReader();

function httl(c: Context): void {
  replyTimes(c, c.nowMs, true);
}

function hpttl(c: Context): void {
  replyTimes(c, c.nowMs, false);
}

function hexpiretime(c: Context): void {
  replyTimes(c, 0, true);
}

function hpexpiretime(c: Context): void {
  replyTimes(c, 0, false);
}

/** key FIELDS numfields field …: for each field the time since `baseMs`, in milliseconds or in seconds (rounded up). */
function replyTimes(c: Context, baseMs: number, inSeconds: boolean): void {
  const { args, reply } = c;
  const found = lookup(c, 1, "hash");
  const first = firstField(c, 2);
  if (found) HASH.open(c.record, c.nowMs);
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (!found || !findIn(c, HASH, i)) reply.integer(NO_FIELD);
    else if (HASH.fieldExpireAtMs < 0) reply.integer(NO_EXPIRY);
    else {
      const milliseconds = HASH.fieldExpireAtMs - baseMs;
      reply.integer(inSeconds ? Math.floor((milliseconds + 999) / 1000) : milliseconds);
    }
  }
}
