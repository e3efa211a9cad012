/**
 * A row of the command table, as Redis 7.2 describes its commands. Dispatch, COMMAND, COMMAND DOCS, ACL categories and the
 * keys of a request all derive from it. Families export `rows` (`as const satisfies readonly Command[]`); index.ts joins them.
 */
import type { Handler } from "./context.ts";

export type CommandFlag =
  | "admin"
  | "allow_busy"
  | "asking"
  | "blocking"
  | "denyoom"
  | "fast"
  | "loading"
  | "may_replicate"
  | "movablekeys"
  | "no_async_loading"
  | "no_auth"
  | "no_mandatory_keys"
  | "no_multi"
  | "noscript"
  | "pubsub"
  | "readonly"
  | "skip_monitor"
  | "skip_slowlog"
  | "stale"
  | "write";

export type AclCategory =
  | "keyspace"
  | "read"
  | "write"
  | "set"
  | "sortedset"
  | "list"
  | "hash"
  | "string"
  | "bitmap"
  | "hyperloglog"
  | "geo"
  | "stream"
  | "pubsub"
  | "admin"
  | "fast"
  | "slow"
  | "blocking"
  | "dangerous"
  | "connection"
  | "transaction"
  | "scripting";

export type KeySpecFlag =
  | "RW"
  | "RO"
  | "OW"
  | "RM"
  | "access"
  | "update"
  | "insert"
  | "delete"
  | "not_key"
  | "incomplete"
  | "variable_flags";

/** Where keys stand in a request. */
export interface KeySpec {
  readonly flags: readonly KeySpecFlag[];
  /** The argument the search begins at: a fixed index, or the one after a keyword searched from `from` (negative: backwards from the end). */
  readonly begin: { readonly index: number } | { readonly keyword: string; readonly from: number } | "unknown";
  /**
   * From there: keys up to `lastKey` (relative; negative counts from the end; with −1, `limit` > 1 uses only 1/limit of the rest)
   * in steps, or a count at `keyNum` and the first key at `firstKey` (both relative).
   */
  readonly find:
    | { readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly keyNum: number; readonly firstKey: number; readonly step: number }
    | "unknown";
  readonly notes?: string;
}

export type ArgumentType =
  | "string"
  | "integer"
  | "double"
  | "key"
  | "pattern"
  | "unix-time"
  | "pure-token"
  | "oneof"
  | "block";

/** An argument in COMMAND DOCS. */
export interface CommandArgument {
  readonly name: string;
  readonly type: ArgumentType;
  readonly token?: string;
  /** Index into the row's `keys`. */
  readonly keySpec?: number;
  readonly since?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  /** The token is repeated with each value. */
  readonly multipleToken?: boolean;
  /** Of "oneof" and "block". */
  readonly arguments?: readonly CommandArgument[];
}

export type CommandGroup =
  | "generic"
  | "string"
  | "list"
  | "set"
  | "sorted-set"
  | "hash"
  | "pubsub"
  | "transactions"
  | "connection"
  | "server"
  | "scripting"
  | "hyperloglog"
  | "cluster"
  | "geo"
  | "stream"
  | "bitmap";

export interface Command {
  /** Lower case; of a subcommand, its own word only ("list" of CLIENT LIST). */
  readonly name: string;
  /** Arguments with the name: exactly n, or at least −n. A subcommand counts its container's name too. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** Only what the flags do not imply: @write, @read, @admin, @dangerous (of admin), @pubsub, @fast/@slow, @blocking are added. */
  readonly categories: readonly AclCategory[];
  readonly keys?: readonly KeySpec[];
  /** Redis's command tips ("nondeterministic_output", …). */
  readonly tips?: readonly string[];
  readonly since: string;
  readonly group: CommandGroup;
  readonly complexity: string;
  /** One sentence, our own words. */
  readonly summary: string;
  readonly arguments?: readonly CommandArgument[];
  /** Absent: the command exists but cannot be served yet (writes, until the overlay is there). */
  readonly handler?: Handler;
  readonly subcommands?: readonly Command[];
}

const FIRST = { index: 1 } as const;
const ONE = { lastKey: 0, step: 1, limit: 0 } as const;
const REST = { lastKey: -1, step: 1, limit: 0 } as const;

/** Key specs that many rows share. */
export const READ_FIRST = [{ flags: ["RO", "access"], begin: FIRST, find: ONE }] as const satisfies readonly KeySpec[];
/** Looks at the key but returns nothing of its content (TYPE, TTL, STRLEN…). */
export const PEEK_FIRST = [{ flags: ["RO"], begin: FIRST, find: ONE }] as const satisfies readonly KeySpec[];
export const READ_ALL = [{ flags: ["RO", "access"], begin: FIRST, find: REST }] as const satisfies readonly KeySpec[];
export const PEEK_ALL = [{ flags: ["RO"], begin: FIRST, find: REST }] as const satisfies readonly KeySpec[];
/** `numkeys key [key …]` from argument `index` (SINTERCARD 1, …). */
export function readCounted(index: number, ...flags: KeySpecFlag[]): readonly KeySpec[] {
  return [
    {
      flags: flags.length > 0 ? flags : ["RO", "access"],
      begin: { index },
      find: { keyNum: 0, firstKey: 1, step: 1 },
    },
  ];
}
/** One key at argument `index`. */
export function keyAt(index: number, ...flags: KeySpecFlag[]): readonly KeySpec[] {
  return [{ flags, begin: { index }, find: ONE }];
}
