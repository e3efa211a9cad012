/**
 * Commands that wait for keys: BLPOP and its kin, BZPOPMIN …, XREAD BLOCK.
 *
 *   handler ── nothing there ──► blockOnKeys: a place in each key's queue (keyspace/key-waits.ts), parked (slices.ts), unpinned
 *                                                   ▲ no                    │ attempt()
 *   another command makes the key ── it ends ── serveReady: waiters in the order they came, before any other client's command
 *
 * A waiter's `attempt` looks all its keys up again, as if the command had just come (Redis 7.2 runs it again). One that finds nothing
 * keeps its place. What a served waiter makes ready in its turn (BLMOVE) is served in the same round.
 */
import type { KeyWaits, Waiter, WaitQueue } from "../keyspace/key-waits.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { isNativeType, type ObjectType, objectType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import type { Client } from "./client.ts";
import type { Context, Server } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { NotReady } from "./not-ready.ts";
import { float, integer } from "./parse.ts";

const UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
const INT64_MAX = 2 ** 63;

/** What a command waits for. */
export interface Wait {
  /** Its keys: arguments [firstKey, firstKey + keys). */
  readonly firstKey: number;
  readonly keys: number;
  /** Only a key of this type is ready. */
  readonly type: ObjectType;
  /** Milliseconds; 0: for ever. */
  readonly timeoutMs: number;
  /** `attempt` is to run as well when a key is deleted or becomes one of another type (XREADGROUP: NOGROUP). */
  readonly seesDeletion?: boolean;
}

class BlockedClient implements Waiter {
  readonly client: Client;
  readonly type: ObjectType;
  readonly seesDeletion: boolean;
  readonly queues: WaitQueue[] = [];
  /** One of its keys has become ready since its last attempt. */
  isCalled = false;
  /** It could not finish its attempt at once: who waits behind it waits on. */
  isBusy = false;

  constructor(client: Client, wait: Wait) {
    this.client = client;
    this.type = wait.type;
    this.seesDeletion = wait.seesDeletion === true;
  }
}

/** Argument `i`, seconds as a double, as milliseconds; 0: for ever. Throws ReplyError in Redis's words. */
export function parseTimeout(c: Context, i: number): number {
  const ms = Math.ceil(float(c, i, "ERR timeout is not a float or out of range") * 1000);
  return checkedTimeout(c, ms);
}

/** Argument `i`, whole milliseconds (XREAD BLOCK). As parseTimeout. */
export function parseTimeoutMs(c: Context, i: number): number {
  return checkedTimeout(c, integer(c, i, "ERR timeout is not an integer or out of range"));
}

function checkedTimeout(c: Context, ms: number): number {
  if (ms < 0) throw new ReplyError("ERR timeout is negative");
  if (ms + c.nowMs >= INT64_MAX) throw new ReplyError("ERR timeout is out of range");
  return ms;
}

/**
 * Waits until `attempt` has answered (true), the time is up or CLIENT UNBLOCK says so (`onTimeout` answers). The handler has made a
 * first attempt, in vain, and returns this generator; what it has read before is void. `attempt` replies only when it returns true; it
 * may throw ReplyError, and NotReady before it has changed anything. A long answer may be written in slices by a generator that goes on
 * behind this one: `if (yield* blockOnKeys(…)) …`. Returns whether `attempt` has succeeded.
 */
export function* blockOnKeys(
  c: Context,
  wait: Wait,
  attempt: () => boolean,
  onTimeout: () => void,
): Generator<void, boolean, void> {
  const { client } = c;
  const waiter = new BlockedClient(client, wait);
  const deadlineMs = wait.timeoutMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + wait.timeoutMs;
  try {
    forgetUnblock(client);
    enqueue(c, wait, waiter);
    for (;;) {
      client.wakeAtMs = deadlineMs;
      yield;
      if (client.unblocked === "error") throw new ReplyError(UNBLOCKED);
      if (client.unblocked === "timeout") break;
      if (waiter.isCalled) {
        waiter.isCalled = false;
        if (yield* attempted(c, waiter, attempt)) return true;
      }
      if (deadlineMs <= Date.now()) break;
    }
    onTimeout();
    return false;
  } finally {
    client.wakeAtMs = 0;
    forgetUnblock(client);
    dequeue(c.server.keyspace.waits, waiter);
  }
}

function forgetUnblock(client: Client): void {
  client.unblocked = "";
}

/** Tries until it is known whether it can be: what holds the attempt up is done in slices. */
function* attempted(c: Context, waiter: BlockedClient, attempt: () => boolean): Generator<void, boolean, void> {
  for (;;) {
    c.natives.forget();
    try {
      const isServed = attempt();
      if (!isServed && waiter.isBusy) {
        waiter.isBusy = false;
        passOn(c.server.keyspace.waits, waiter);
      }
      return isServed;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      waiter.isBusy = true;
      waiter.client.wakeAtMs = 0;
      yield* error.work;
    }
  }
}

/** Others may have been passed over while it was at work. */
function passOn(waits: KeyWaits, waiter: BlockedClient): void {
  for (const queue of waiter.queues) waits.markReady(queue);
}

function enqueue(c: Context, { firstKey, keys }: Wait, waiter: BlockedClient): void {
  const { args, db } = c;
  const { waits } = c.server.keyspace;
  for (let i = firstKey; i < firstKey + keys; i++) {
    const start = args.starts[i] as number;
    const length = args.lengths[i] as number;
    waiter.queues.push(waits.add(db.dbid, db.hash(args.bytes, start, length), args.bytes, start, length, waiter));
  }
}

function dequeue(waits: KeyWaits, waiter: BlockedClient): void {
  for (const queue of waiter.queues) waits.remove(queue, waiter);
  if (waiter.isBusy) passOn(waits, waiter);
}

const READY = new Record();

/**
 * Serves who waits for keys that have become ready, until none is left. `run` runs the client's parked command now, up to where it
 * waits again.
 */
export function serveReady(server: Server, run: (client: Client) => void): void {
  const { waits } = server.keyspace;
  while (waits.readyCount > 0) {
    for (const queue of waits.takeReady()) {
      // Those who come meanwhile have just looked.
      for (const waiter of [...queue.waiters] as BlockedClient[]) {
        if (waiter.isBusy) break;
        if (!isFor(server, queue, waiter) || waiter.client.unblocked !== "" || !queue.waiters.has(waiter)) continue;
        waiter.isCalled = true;
        run(waiter.client);
        if (waiter.isBusy) break;
        // Whatever becomes of it: its turn is now, and no later.
        waiter.isCalled = false;
      }
    }
  }
}

/** Whether the key as it is now is what the waiter waits for. One that is half changed will be signalled again (alone.ts). */
function isFor({ keyspace }: Server, queue: WaitQueue, waiter: Waiter): boolean {
  const { key } = queue;
  const isThere = keyspace.database(queue.dbid).find(key, 0, key.length, Date.now(), READY);
  if (isThere && isNativeType(READY.type) && nativeBlocks(READY).alone.has(nativeRoot(READY))) return false;
  return waiter.seesDeletion || (isThere && objectType(READY.type) === waiter.type);
}
