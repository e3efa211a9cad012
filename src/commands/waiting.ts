/**
 * WAIT and WAITAOF: until replicas have what this client wrote, or files. Folio has no replicas and no append-only file yet, so that
 * whoever waits for one waits until the time is up, as with a Redis that has none.
 */
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { integer, integerBetween, positive } from "./parse.ts";
import { syntax } from "./syntax.ts";
import type { Command } from "./table.ts";

export const rows: readonly Command[] = [
  {
    name: "wait",
    arity: 3,
    flags: [],
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    since: "3.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Waits until so many replicas have what this client wrote.",
    arguments: syntax("numreplicas:integer timeout:integer"),
    handler: wait,
  },
  {
    name: "waitaof",
    arity: 4,
    flags: ["noscript"],
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:agg_min"],
    since: "7.2.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Waits until what this client wrote is in append-only files, here and of so many replicas.",
    arguments: syntax("numlocal:integer numreplicas:integer timeout:integer"),
    handler: waitaof,
  },
];

const TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range";
const NO_AOF = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

function* wait(c: Context): Generator<void, void, void> {
  const replicas = integer(c, 1);
  const timeoutMs = timeout(c, 2);
  if (replicas > 0) yield* sleep(c, timeoutMs);
  c.reply.integer(0);
}

function* waitaof(c: Context): Generator<void, void, void> {
  const local = integerBetween(c, 1, 0, 1);
  const replicas = positive(c, 2);
  const timeoutMs = timeout(c, 3);
  if (local > 0) throw new ReplyError(NO_AOF);
  if (replicas > 0) yield* sleep(c, timeoutMs);
  c.reply.array(2);
  c.reply.integer(0);
  c.reply.integer(0);
}

/** Milliseconds; 0: for ever. Throws ReplyError. */
function timeout(c: Context, i: number): number {
  const ms = integer(c, i, TIMEOUT_NOT_INTEGER);
  if (ms < 0) throw new ReplyError("ERR timeout is negative");
  if (ms + c.nowMs >= 2 ** 63) throw new ReplyError("ERR timeout is out of range");
  return ms;
}

/** Until the time is up, or CLIENT UNBLOCK. Throws ReplyError. */
function* sleep({ client }: Context, timeoutMs: number): Generator<void, void, void> {
  client.wakeAtMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
  try {
    while (client.wakeAtMs > Date.now()) yield;
    if (client.unblocked === "error") throw new ReplyError("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  } finally {
    client.wakeAtMs = 0;
    client.unblocked = "";
  }
}
