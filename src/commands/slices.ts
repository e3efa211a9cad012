/**
 * Sliced commands: generators that have not ended in their first slice. Each turn of the event loop runs one slice of one
 * of them, in turn, so that other clients wait a slice at most. A command whose client does not read waits for it.
 */
import { type Connection, OUTPUT_SOFT_BYTES } from "../net/connection.ts";
import type { Client } from "./client.ts";
import type { CommandContext } from "./command-context.ts";
import type { Entry } from "./registry.ts";

/** How long a slice may last. */
export const SLICE_MS = 0.5;
/** A running command's replies beyond this are handed to the socket; from then on they cannot be taken back. */
const UNSENT_BYTES_MAX = 256 * 1024;

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

  add(task: Task): void {
    this.#runnable.push(task);
    this.#schedule();
  }

  /** The connection has sent everything: its task may go on. */
  drained(connection: Connection<Client>): void {
    const task = this.#takeWaiting(connection);
    if (task !== undefined) this.add(task);
  }

  /** The connection is gone: its task ends without a reply. */
  drop(connection: Connection<Client>): void {
    this.#takeWaiting(connection)?.generator.return();
  }

  #takeWaiting(connection: Connection<Client>): Task | undefined {
    const task = this.#waiting.get(connection);
    if (task === undefined) return undefined;
    this.#waiting.delete(connection);
    clearTimeout(task.timer);
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
      task.generator.return();
      return;
    }
    const started = performance.now();
    let done: boolean;
    try {
      done = runSlice(task.generator, context.client, started);
    } catch (error) {
      task.runMs += performance.now() - started;
      this.#ended(task, error);
      return;
    }
    task.runMs += performance.now() - started;
    if (done) {
      this.#ended(task, undefined);
      return;
    }
    if (context.reply.size > UNSENT_BYTES_MAX) {
      if (context.client.replyMode !== "on") context.reply.clear();
      else {
        task.partlySent = true;
        connection.flush(context.reply);
      }
    }
    if (connection.pendingBytes > OUTPUT_SOFT_BYTES) this.#waiting.set(connection, task);
    else if (context.client.wakeAtMs > Date.now()) this.#sleep(task, context.client.wakeAtMs);
    else this.#runnable.push(task);
  }

  /** The command waits for a moment (Infinity: until its client goes or is unblocked). */
  #sleep(task: Task, wakeAtMs: number): void {
    const { connection, context } = task;
    const { client } = context;
    this.#waiting.set(connection, task);
    client.wake = () => this.drained(connection);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    task.timer = setTimeout(client.wake, Math.min(wakeAtMs - Date.now(), TIMER_MS_MAX));
    task.timer.unref();
  }
}
