/**
 * Changing much of a large native structure in its place, in slices, such that nobody sees it half changed. Whoever wants to read or to
 * change it meanwhile waits (native-reads.ts); saving does before it freezes or thaws (Keyspace.changing). The key may go: the rest is
 * done to a structure that is nobody's, which is as if the command had come first. A client that leaves does not break it off.
 *
 *   open, as any write ── hold it alone ── step │ step │ step … ── let go ── reply, in slices again
 *                                              others are served
 */
import type { Database } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Args } from "../net/args.ts";
import type { Arena } from "../overlay/arena.ts";
import { isNativeType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { holdAlone, isReadByOthers, LOOK_AGAIN_MS, untilAlone } from "./native-reads.ts";
import { SLICE_MS } from "./slices.ts";

/** Fewer elements are changed at once. */
export const CHANGED_AT_ONCE_MAX = 512;
/** Elements that are changed between two yields. */
export const CHANGED_PER_STEP = 64;

/** A structure that is being changed, and the key that it had. */
export class Target {
  readonly arena: Arena;
  readonly root: number;
  /** The database that the key was in, whatever SWAPDB has made of it. */
  readonly db: Database;
  readonly #c: Context;
  readonly #index: number;
  readonly #key = new Span();

  /** The key at argument `index` has just been opened for a write, and is native; `record` is read anew. */
  constructor(c: Context, index: number, record: Record) {
    const { args } = c;
    c.db.reread(args.bytes, args.starts[index] as number, args.lengths[index] as number, record);
    this.arena = nativeBlocks(record);
    this.root = nativeRoot(record);
    this.#c = c;
    this.#index = index;
    this.db = c.db;
  }

  /** The key: valid until the next yield. */
  get key(): Span {
    this.#c.args.span(this.#index, this.#key);
    return this.#key;
  }

  /** Whether the key has the structure still: `record` is as just found then. */
  isThere(record: Record): boolean {
    const { nowMs, server } = this.#c;
    const { bytes, start, length } = this.key;
    if (!server.keyspace.databases.includes(this.db)) return false;
    if (!this.db.find(bytes, start, length, nowMs, record)) return false;
    return isNativeType(record.type) && nativeBlocks(record) === this.arena && nativeRoot(record) === this.root;
  }

  /** Who waits for the key could not be served while it was changed: it is ready now. */
  signal(): void {
    const { waits } = this.#c.server.keyspace;
    if (waits.count === 0) return;
    const { bytes, start, length } = this.key;
    waits.signal(this.db.dbid, this.db.hash(bytes, start, length), bytes, start, length);
  }

  /** Removes the key, if the structure is its still: the last element is to go, and stays in what is nobody's. */
  deleteKey(record: Record): void {
    if (!this.isThere(record)) return;
    const { bytes, start, length } = this.key;
    this.db.drop(bytes, start, length);
  }
}

/**
 * Runs the steps of a change. They change nothing but the structure (with it the key, by Target), reply nothing, and leave it whole between
 * two steps; `c.args` must be taken anew in each. What they throw ends the change as far as it has come.
 */
export function* alone(c: Context, target: Target, steps: Generator<void, void, void>): Generator<void, void, void> {
  const { keyspace } = c.server;
  const { arena, root } = target;
  const letGo = holdAlone(arena, root);
  // What was freed stays as it was for who has its handle, and a key's structure that was deleted is not freed meanwhile.
  const taken = keyspace.pins.take();
  const { natives } = c;
  natives.forget();
  natives.isAlone = true;
  keyspace.changing++;
  const end = () => {
    keyspace.changing--;
    keyspace.pins.release(taken);
    letGo();
    target.signal();
  };
  let isOver = false;
  try {
    for (;;) {
      if (steps.next().done === true) break;
      yield;
      yield* untilAlone(arena, root, c.client);
    }
    isOver = true;
  } catch (error) {
    isOver = true;
    throw error;
  } finally {
    natives.isAlone = false;
    if (isOver) end();
    else finish(target, steps, end);
  }
}

/** The client has left: the change goes on to its end without it. */
function finish(target: Target, steps: Generator<void, void, void>, end: () => void): void {
  setImmediate(() => {
    if (isReadByOthers(target.arena, target.root)) {
      setTimeout(() => finish(target, steps, end), LOOK_AGAIN_MS);
      return;
    }
    const startedMs = performance.now();
    try {
      do {
        if (steps.next().done !== true) continue;
        end();
        return;
      } while (performance.now() - startedMs < SLICE_MS);
    } catch {
      // There is nobody to be told.
      end();
      return;
    }
    finish(target, steps, end);
  });
}

/** Steps of a change that is told of the request's arguments from `first` on, each `stride`-th, until it says that it is enough. */
export function* eachArgument(
  c: Context,
  first: number,
  stride: number,
  visit: (args: Args, i: number) => boolean,
): Generator<void, void, void> {
  for (let i = first; ; ) {
    const { args } = c;
    const end = Math.min(args.count, i + CHANGED_PER_STEP * stride);
    for (; i < end; i += stride) if (!visit(args, i)) return;
    if (i >= args.count) return;
    yield;
  }
}
