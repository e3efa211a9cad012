/**
 * Sliced commands: generators that have not ended in their first slice. Each turn of the event loop runs one slice of one
 * of them, in turn, so that other clients wait a slice at most. A command whose client does not read waits for it.
 *
 * Between two slices others may write. A parked command keeps what it sees:
 *
 *   runnable, or waiting for its client to read     pinned (overlay/pins.ts): bytes that it has a view of are neither changed nor
 *                                                   reused, mappings stay; a reading command also keeps its database
 *   waiting for an event or a time (wakeAtMs)       not pinned: it must look everything up again when it is woken
 *
 * So a reader's records, spans and readers stay good across yields, and show the values as they were when it looked them up. It must
 * look up all its keys before its first yield if they are to be of one moment. A command that *writes* is pinned like any other: its
 * writes just make new blocks. But others write between its slices, too. It must: look its keys up again after its last yield before
 * it changes anything (a record from before a yield is intact, but may be out of date: isWritable, settle, edit, write are for fresh
 * ones); make all its changes without a yield among them; take `c.db` anew each time (it follows SWAPDB and FLUSHDB for writing
 * commands); never yield between Database.write and the writing of the value's bytes. What takes long (checking a payload, compressing,
 * walking a source) goes before, into memory of its own.
 *
 * Pins keep memory: what is overwritten meanwhile, overlays and layers that a save has replaced. So a command whose client does not
 * read may not keep it for as long as it likes: beyond a bound it is run to its end, its reply kept in memory as Redis keeps it.
 */

import { type Connection, OUTPUT_SOFT_BYTES } from "../net/connection.ts";
import type { Pins } from "../overlay/pins.ts";
import type { Client } from "./client.ts";
import type { CommandContext } from "./command-context.ts";
import type { Entry } from "./registry.ts";

/** How long a slice may last. */
export const SLICE_MS = 0.5;
/** A running command's replies beyond this are handed to the socket; from then on they cannot be taken back. */
const UNSENT_BYTES_MAX = 256 * 1024;

/** So long a command may keep replaced overlays and layers while its client does not read. */
const PINNED_MS_MAX = 10_000;

/** The longest a timer can wait; what waits longer goes back to sleep. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

export class Task {
  readonly context: CommandContext;
  readonly connection: Connection<Client>;
  readonly entry: Entry;
  readonly generator: Generator<void, void, void>;
  /** Errors in the reply before the command. */
  readonly errorsBefore: number;
  /** Part of the reply has left: it cannot be taken back. */
  partlySent = false;
  /** Time in slices. */
  runMs = 0;
  /** Wakes it when it waits for a moment. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Since when it is pinned (performance.now). */
  pinnedAtMs = 0;
  #pins: Pins | null = null;
  #taken = 0;

  constructor(
    context: CommandContext,
    connection: Connection<Client>,
    entry: Entry,
    generator: Generator<void, void, void>,
    errorsBefore: number,
  ) {
    this.context = context;
    this.connection = connection;
    this.entry = entry;
    this.generator = generator;
    this.errorsBefore = errorsBefore;
  }

  /** What it has views of stays, from now on. */
  pin(): void {
    if (this.#pins !== null) return;
    const { context, entry } = this;
    const { keyspace } = context.server;
    if (!entry.isWrite) context.heldDb = keyspace.database(context.client.dbid);
    this.#pins = keyspace.pins;
    this.#taken = keyspace.pins.take();
    context.natives.hold();
    this.pinnedAtMs = performance.now();
  }

  /** It has no views any more. */
  unpin(): void {
    this.context.natives.release();
    const pins = this.#pins;
    if (pins === null) return;
    this.#pins = null;
    this.context.heldDb = null;
    pins.release(this.#taken);
  }

  /** Whether it may wait for its client to read, pinned all the while. */
  get mayWait(): boolean {
    const pins = this.#pins;
    if (pins === null) return true;
    if (this.context.natives.isAwaited) return false;
    return !pins.isPressed && (pins.waiters === 0 || performance.now() - this.pinnedAtMs < PINNED_MS_MAX);
  }
}

/** Runs a generator until it ends (true), waits for something (see Client.wakeAtMs), or the slice is over. */
export function runSlice(generator: Generator<void, void, void>, client: Client, startedMs: number): boolean {
  do {
    if (generator.next().done === true) return true;
  } while (client.wakeAtMs === 0 && performance.now() - startedMs < SLICE_MS);
  return false;
}

export class Slices {
  readonly #runnable: Task[] = [];
  readonly #waiting = new Map<Connection<Client>, Task>();
  readonly #ended: (task: Task, error: unknown) => void;
  #scheduled = false;

  /** `ended` is called once for each task, with what it threw. Not for tasks whose client has gone. */
  constructor(ended: (task: Task, error: unknown) => void) {
    this.#ended = ended;
  }

  get count(): number {
    return this.#runnable.length + this.#waiting.size;
  }

  /** Some want to run in the next turn. */
  get isBusy(): boolean {
    return this.#runnable.length > 0;
  }

  add(task: Task): void {
    const { wakeAtMs } = task.context.client;
    if (wakeAtMs !== 0 && wakeAtMs > Date.now()) {
      this.#sleep(task, wakeAtMs);
      return;
    }
    task.pin();
    this.#runnable.push(task);
    this.#schedule();
  }

  /** The connection has sent everything: its task may go on. */
  drained(connection: Connection<Client>): void {
    const task = this.#takeWaiting(connection);
    if (task !== undefined) this.add(task);
  }

  /** Runs a slice of a command that waits for an event now, in the midst of another one's turn. It goes on waiting if it still wants to. */
  serve(connection: Connection<Client>): void {
    const task = this.#waiting.get(connection);
    if (task === undefined || connection.closed || connection.closing) return;
    const { client } = task.context;
    const { wakeAtMs } = client;
    task.context.nowMs = Date.now();
    const started = performance.now();
    let done = false;
    let failure: unknown;
    try {
      done = runSlice(task.generator, client, started);
    } catch (error) {
      done = true;
      failure = error;
    }
    task.runMs += performance.now() - started;
    // What it waits for may be something else now (NotReady's work), for which its timer is too late.
    if (!done && client.wakeAtMs === wakeAtMs) return;
    this.#takeWaiting(connection);
    if (done) this.#end(task, failure);
    else this.add(task);
  }

  /** The connection is gone: its task ends without a reply. */
  drop(connection: Connection<Client>): void {
    const task = this.#takeWaiting(connection);
    if (task !== undefined) abandon(task);
  }

  /** Has commands go on that have waited too long for their clients to read. */
  tick(): void {
    for (const [connection, task] of this.#waiting) if (!task.mayWait) this.drained(connection);
  }

  #takeWaiting(connection: Connection<Client>): Task | undefined {
    const task = this.#waiting.get(connection);
    if (task === undefined) return undefined;
    this.#waiting.delete(connection);
    if (task.timer !== undefined) clearTimeout(task.timer);
    task.timer = undefined;
    task.context.client.wake = null;
    return task;
  }

  #schedule(): void {
    if (this.#scheduled || this.#runnable.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const task = this.#runnable.shift();
      if (task !== undefined) this.#step(task);
      this.#schedule();
    });
  }

  #step(task: Task): void {
    const { connection, context } = task;
    if (connection.closed || connection.closing) {
      abandon(task);
      return;
    }
    const started = performance.now();
    let done: boolean;
    try {
      done = runSlice(task.generator, context.client, started);
    } catch (error) {
      task.runMs += performance.now() - started;
      this.#end(task, error);
      return;
    }
    task.runMs += performance.now() - started;
    if (done) {
      this.#end(task, undefined);
      return;
    }
    if (context.reply.size > UNSENT_BYTES_MAX) {
      if (context.client.replyMode !== "on") context.reply.clear();
      else {
        task.partlySent = true;
        connection.flush(context.reply);
      }
    }
    if (connection.pendingBytes > OUTPUT_SOFT_BYTES && task.mayWait) this.#waiting.set(connection, task);
    else if (context.client.wakeAtMs > Date.now()) this.#sleep(task, context.client.wakeAtMs);
    else this.#runnable.push(task);
  }

  /** The pin goes first: what ends a task hands its reply on at once, and may run the client's next requests. */
  #end(task: Task, error: unknown): void {
    task.unpin();
    this.#ended(task, error);
  }

  /** The command waits for a moment (Infinity: until its client goes or is unblocked). */
  #sleep(task: Task, wakeAtMs: number): void {
    const { connection, context } = task;
    const { client } = context;
    // Nothing but a pin keeps what a reply refers to.
    if (context.reply.references.length > 0) context.reply.detach();
    task.unpin();
    this.#waiting.set(connection, task);
    client.wake = () => this.drained(connection);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    task.timer = setTimeout(client.wake, Math.min(Math.max(wakeAtMs - Date.now(), 0), TIMER_MS_MAX));
    task.timer.unref();
  }
}

/** The client is gone. */
function abandon(task: Task): void {
  try {
    task.generator.return();
  } finally {
    task.unpin();
  }
}
