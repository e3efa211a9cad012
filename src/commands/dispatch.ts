/**
 * Dispatch: request → table row → checks in Redis's order → handler → reply, for every connection of the server.
 *
 *   execute ─ known? ─ arity ─ authenticated? ─ loading? ─ paused? ─ served yet? ─ handler ─► reply in the shared writer
 *                                                                       │ a generator that lasts
 *                                                                       ▼
 *                                              parked with a context of its own (slices.ts)
 *
 * Whatever a handler throws becomes a reply: what it had half written is rolled back, other clients go on.
 */

import type { KeyWaits } from "../keyspace/key-waits.ts";
import type { Args } from "../net/args.ts";
import type { Connection, Limits, RequestService } from "../net/connection.ts";
import type { Reply } from "../net/reply.ts";
import type { RequestBatch } from "../net/request-batch.ts";
import { ArenaFull } from "../overlay/arena.ts";
import { OverlayLimit } from "../overlay/overlay-limit.ts";
import { FormatError } from "../util/format-error.ts";
import { serveReady } from "./blocking.ts";
import { CallTimes } from "./call-times.ts";
import type { Client } from "./client.ts";
import { CommandContext, ContextPool } from "./command-context.ts";
import type { Server } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { Gate } from "./gate.ts";
import { NotReady } from "./not-ready.ts";
import { Postponed } from "./postponed.ts";
import type { CommandTable, Entry } from "./registry.ts";
import { runSlice, Slices, Task } from "./slices.ts";
import type { SlowLog } from "./slowlog.ts";
import type { Stats } from "./stats.ts";

/** What says which commands take long. */
const WATCHED = ["slowlog-log-slower-than", "latency-monitor-threshold", "latency-tracking"];
const NO_AUTHENTICATION = "NOAUTH Authentication required.";
const LOADING = "LOADING Redis is loading the dataset in memory";
/** Different complaints about damaged bytes that are logged; further ones are only counted. */
const DAMAGE_LOGGED_MAX = 100;
/**
 * A batch may see the wall clock as it was this long ago. Reading it for every batch cost 38 ns, 5 % of what a lone PING
 * costs outside the kernel; under load batches begin every 10 µs.
 */
const WALL_CLOCK_AGE_MS_MAX = 0.25;
/** A brief command's call with more arguments, or a longer reply, may take long after all: a turn's end is looked for behind it. */
const BRIEF_ARGUMENTS_MAX = 16;
const BRIEF_REPLY_BYTES_MAX = 1024;

export class Dispatcher implements RequestService<Client> {
  readonly table: CommandTable;
  readonly server: Server;
  readonly slowLog: SlowLog;
  readonly traffic: Stats;
  readonly limits: Limits;
  readonly #gate: Gate;
  readonly #contexts: ContextPool;
  readonly #slices: Slices;
  readonly #postponed: Postponed;
  readonly #damageLogged = new Set<string>();
  readonly #onReady = () => queueMicrotask(() => this.#serve());
  /** Commands that waited for keys are run: their clients' next requests come later. */
  #isServing = false;
  #context: CommandContext;
  readonly #times = new CallTimes();
  /** What the last request's name stands for. */
  #named: Entry | null = null;
  /** The wall clock, and when it was read (util/native's clock). */
  #nowMs = 0;
  #nowReadAtMs = Number.NEGATIVE_INFINITY;

  constructor(server: Server, table: CommandTable, slowLog: SlowLog) {
    this.server = server;
    this.table = table;
    this.slowLog = slowLog;
    this.traffic = server.stats;
    this.#gate = new Gate(server);
    this.limits = this.#gate.limits;
    this.#contexts = new ContextPool(() => new CommandContext(server, table, slowLog));
    this.#context = this.#contexts.take();
    this.#slices = new Slices((task, error) => this.#taskEnded(task, error));
    this.#postponed = new Postponed(server.clients, (connection, args) => this.#resume(connection, args));
    // Behind those of the slow log and the latency events (service.ts).
    server.config.onChange([...WATCHED], () => this.#follow());
    this.#follow();
  }

  get clockMs(): number {
    return this.#times.clockMs;
  }

  get reply(): Reply {
    return this.#context.reply;
  }

  /** Sliced commands that have not ended. */
  get slicedCommands(): number {
    return this.#slices.count;
  }

  get hasQueuedWork(): boolean {
    return this.#slices.isBusy;
  }

  open(connection: Connection<Client>): void {
    this.#gate.open(connection);
  }

  begin(connection: Connection<Client>): void {
    this.#times.begin();
    const { clockMs } = this.#times;
    if (clockMs - this.#nowReadAtMs > WALL_CLOCK_AGE_MS_MAX) {
      this.#nowMs = Date.now();
      this.#nowReadAtMs = clockMs;
    }
    const nowMs = this.#nowMs;
    this.#context.nowMs = nowMs;
    connection.owner.activeAtMs = nowMs;
  }

  forget(): void {
    this.server.keyspace.ahead.forget();
  }

  prefetch(connection: Connection<Client>, batch: RequestBatch): void {
    const database = this.server.keyspace.database(connection.owner.dbid);
    database.prefetch(batch.bytes, batch.keyStarts, batch.keyLengths, batch.keys);
  }

  execute(connection: Connection<Client>, args: Args): boolean {
    const context = this.#context;
    const client = connection.owner;
    const { reply } = context;
    context.args = args;
    context.client = client;
    reply.protocol = client.protocol;
    const mark = reply.length;
    let entry = args.isRepeat ? this.#named : this.#find(args);
    if (entry !== null && entry.subcommands !== null && args.count > 1) {
      entry = entry.subcommands.find(args.bytes, args.starts[1] as number, args.lengths[1] as number) ?? entry;
    }
    const refusal = this.#refusal(entry, client, args);
    if (refusal !== "") {
      this.#reject(entry, refusal, reply);
    } else if ((entry as Entry).isWrite || this.server.clients.pausedUntilMs > 0) {
      if (this.#postponed.add(connection, args, entry as Entry, context.nowMs)) return false;
      const writeRefusal = this.#writeRefusal(entry as Entry);
      if (writeRefusal === "") return this.#call(entry as Entry, context, connection, mark);
      this.#reject(entry, writeRefusal, reply);
    } else {
      return this.#call(entry as Entry, context, connection, mark);
    }
    if (client.replyMode !== "on") this.#silence(client, reply, mark);
    return !connection.closing;
  }

  /** The batch may end before its requests do (the client does not read): what was not timed yet is, or the next batch would forget it. */
  end(): void {
    const entry = this.#named;
    const { untimed } = this.#times;
    const usec = this.#times.settle(entry);
    if (entry !== null && untimed > 0 && usec >= this.#times.slowUsec)
      this.#tookLong(this.#context, entry, usec, untimed);
  }

  drained(connection: Connection<Client>): void {
    this.#slices.drained(connection);
  }

  protocolError(connection: Connection<Client>, error: string): void {
    const { reply } = this;
    this.server.log("verbose", `Protocol error (${error.slice(16)}) from client ${connection.address}`);
    this.traffic.countError("ERR");
    reply.error(`ERR ${error}`);
  }

  queryLimitReached(connection: Connection<Client>): void {
    this.traffic.queryBufferLimitDisconnections++;
    const received = `qbuf=${connection.queryBytes}`;
    this.server.log(
      "warning",
      `Closing client that reached max query buffer length: id=${connection.owner.id} addr=${connection.address} ${received}`,
    );
    connection.close(false);
  }

  outputLimitReached(connection: Connection<Client>): void {
    this.traffic.outputBufferLimitDisconnections++;
    const pending = `omem=${connection.pendingBytes}`;
    this.server.log(
      "warning",
      `Client id=${connection.owner.id} addr=${connection.address} ${pending} closed for overcoming of output buffer limits.`,
    );
  }

  grew(connection: Connection<Client>): void {
    this.#gate.memory.grew(connection);
  }

  close(connection: Connection<Client>): void {
    this.#slices.drop(connection);
    this.#postponed.drop(connection);
    this.#gate.close(connection);
  }

  broken(connection: Connection<Client>, error: Error): void {
    this.reply.clear();
    this.traffic.unexpectedErrors++;
    const detail = error.stack ?? error.message;
    this.server.log("warning", `Closing client ${connection.address}: unexpected error, please report it: ${detail}`);
  }

  /** Once a second: idle clients, output limits over time, the end of a pause, commands that have waited too long. */
  tick(nowMs: number): void {
    this.#gate.tick(nowMs);
    this.#postponed.tick(nowMs);
    this.#slices.tick();
  }

  #find(args: Args): Entry | null {
    this.#times.settle(this.#named);
    this.#named = this.table.find(args.bytes, args.starts[0] as number, args.lengths[0] as number);
    return this.#named;
  }

  /** Why the request is refused before its handler, "" when it is not. */
  #refusal(entry: Entry | null, client: Client, args: Args): string {
    if (entry === null) return unknownCommand(args);
    if (entry.subcommands !== null && args.count > 1) return unknownSubcommand(entry, args);
    if (!entry.acceptsCount(args.count)) return `ERR wrong number of arguments for '${entry.fullName}' command`;
    if (!client.authenticated && !entry.isNoAuth) return NO_AUTHENTICATION;
    if (!entry.isLoading && this.server.loading) return LOADING;
    if (entry.handler === undefined && !entry.isWrite) return unavailable(entry);
    return "";
  }

  /** Why a write may not run now, "" when it may. */
  #writeRefusal(entry: Entry): string {
    if (entry.handler === undefined) return unavailable(entry);
    return entry.isWrite ? this.server.writeRefusal(entry.deniesOom) : "";
  }

  #reject(entry: Entry | null, error: string, reply: Reply): void {
    if (entry !== null) entry.stats.rejected++;
    this.traffic.countError(error);
    reply.error(error);
    this.#times.refused(entry);
  }

  /** Calls the handler; false when the connection must wait for it. */
  #call(entry: Entry, context: CommandContext, connection: Connection<Client>, mark: number): boolean {
    const { client, reply } = context;
    const { stats } = entry;
    const errorsBefore = reply.errors;
    client.lastCommand = entry.fullName;
    const { keyspaceHits, keyspaceMisses } = this.traffic;
    try {
      const generator = (entry.handler as NonNullable<Entry["handler"]>)(context);
      if (generator !== undefined && !runSlice(generator, client, performance.now())) {
        this.#park(new Task(context, connection, entry, generator, errorsBefore), mark);
        return false;
      }
    } catch (error) {
      if (error instanceof NotReady) {
        context.natives.forget();
        reply.rollback(mark);
        // What it has looked up it will look up again, and that counts once.
        this.traffic.keyspaceHits = keyspaceHits;
        this.traffic.keyspaceMisses = keyspaceMisses;
        const generator = prepared(error, entry.handler as NonNullable<Entry["handler"]>, context);
        this.#park(new Task(context, connection, entry, generator, errorsBefore), mark);
        return false;
      }
      this.#failed(entry, error, reply, mark);
    }
    if (context.natives.count > 0) context.natives.release();
    const calls = this.#times.untimed + 1;
    // Who is served now is nothing that the next call has to do with.
    const isServing = this.#waits.readyCount > 0;
    const { args } = context;
    const isSmall = args.count <= BRIEF_ARGUMENTS_MAX && reply.length - mark <= BRIEF_REPLY_BYTES_MAX;
    const usec = this.#times.ended(entry, args.isRepeated && isSmall && !isServing);
    stats.calls++;
    this.traffic.commandsProcessed++;
    client.commands++;
    if (reply.errors !== errorsBefore) this.#countFailure(entry, reply);
    if (usec >= this.#times.slowUsec) this.#tookLong(context, entry, usec, calls);
    if (client.replyMode !== "on") this.#silence(client, reply, mark);
    if (isServing) this.#serve();
    return !connection.closing;
  }

  /** The keyspace is another one when the snapshot has been loaded. */
  get #waits(): KeyWaits {
    return this.server.keyspace.waits;
  }

  /** Runs commands that wait for keys which are there now. */
  #serve(): void {
    if (this.#isServing || this.#waits.readyCount === 0) return;
    this.#isServing = true;
    try {
      serveReady(this.server, (client) => this.#slices.serve(client.connection as Connection<Client>));
    } finally {
      this.#isServing = false;
    }
  }

  /** The command goes on in slices, with this context; others get another one. */
  #park(task: Task, mark: number): void {
    const { connection, context, entry } = task;
    context.args = context.args.detached();
    task.runMs = this.#times.parted(entry);
    this.#context = this.#contexts.take();
    this.#context.nowMs = context.nowMs;
    connection.waiting = true;
    // What becomes ready outside of commands (a key that expires), or is left over by them.
    this.#waits.onReady = this.#onReady;
    context.client.parked = true;
    connection.flushBefore(context.reply, mark);
    this.#slices.add(task);
  }

  #taskEnded(task: Task, error: unknown): void {
    const { context, connection, entry } = task;
    const { client, reply } = context;
    if (error !== undefined) {
      if (task.partlySent) {
        this.#failed(entry, error, reply, reply.length);
        this.server.log("warning", `Closing client ${connection.address}: its reply failed when part of it was sent.`);
        connection.close(false);
      } else {
        this.#failed(entry, error, reply, 0);
      }
    }
    const usec = task.runMs * 1000;
    entry.stats.calls++;
    this.#times.count(entry, usec, 1);
    this.traffic.commandsProcessed++;
    client.commands++;
    if (reply.errors !== task.errorsBefore) this.#countFailure(entry, reply);
    if (usec >= this.#times.slowUsec) this.#tookLong(context, entry, usec, 1);
    if (client.replyMode !== "on") this.#silence(client, reply, 0);
    connection.flush(reply);
    client.parked = false;
    this.#contexts.give(context);
    // While another client's requests are run, this one's have to wait.
    if (this.#isServing) setImmediate(() => connection.proceed());
    else {
      this.#serve();
      connection.proceed();
    }
  }

  /** Runs a request that was postponed. */
  #resume(connection: Connection<Client>, args: Args): void {
    if (connection.closed) return;
    connection.waiting = false;
    this.begin(connection);
    const goesOn = this.execute(connection, args);
    connection.flush(this.reply);
    if (goesOn) connection.proceed();
    else if (connection.closing) connection.close(true);
  }

  /** Writes the reply for what a handler threw. */
  #failed(entry: Entry, error: unknown, reply: Reply, mark: number): void {
    reply.rollback(mark);
    if (error instanceof ReplyError) {
      reply.error(error.message);
    } else if (error instanceof ArenaFull || error instanceof OverlayLimit) {
      reply.error(`${error instanceof ArenaFull ? "OOM" : "ERR"} ${error.message}`);
    } else if (error instanceof FormatError) {
      this.traffic.damagedReplies++;
      const text = `the value cannot be read: ${error.message}`;
      if (this.#damageLogged.size < DAMAGE_LOGGED_MAX && !this.#damageLogged.has(text)) {
        this.#damageLogged.add(text);
        this.server.log("warning", `${entry.fullName}: ${text}`);
      }
      reply.error(`ERR ${text}`);
    } else {
      this.traffic.unexpectedErrors++;
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.server.log("warning", `Unexpected error in '${entry.fullName}', please report it: ${detail}`);
      reply.error(`ERR internal error while running '${entry.fullName}'; the server's log has the details`);
    }
  }

  /** Configuration has changed. */
  #follow(): void {
    const slowUsec = Math.min(this.slowLog.thresholdUsec, this.traffic.latencyEvents.thresholdUsec);
    this.#times.follow(this.server.config.get("latency-tracking") === "yes", slowUsec);
  }

  /** One of the last `calls` calls of a command, timed together, took (almost) all of these microseconds. */
  #tookLong(context: CommandContext, entry: Entry, usec: number, calls: number): void {
    if (usec > this.slowLog.thresholdUsec) this.slowLog.add(context, entry, usec, calls);
    const { latencyEvents } = this.traffic;
    if (usec < latencyEvents.thresholdUsec) return;
    const event = entry.command.flags.includes("fast") ? "fast-command" : "command";
    latencyEvents.add(event, Math.floor(usec / 1000), Date.now());
  }

  #countFailure(entry: Entry, reply: Reply): void {
    entry.stats.failed++;
    this.traffic.countError(reply.lastError);
  }

  /** CLIENT REPLY OFF and SKIP: takes the reply back. */
  #silence(client: Client, reply: Reply, mark: number): void {
    reply.rollback(mark);
    if (client.replyMode === "skip") client.replyMode = "on";
    else if (client.replyMode === "skip-next") client.replyMode = "skip";
  }
}

/** Does what a handler was not ready for, then runs it again; as often as it takes. */
function* prepared(
  notReady: NotReady,
  handler: NonNullable<Entry["handler"]>,
  context: CommandContext,
): Generator<void, void, void> {
  for (let { work } = notReady; ; ) {
    yield* work;
    try {
      yield* anew(handler, context);
      return;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      context.natives.forget();
      context.reply.clear();
      ({ work } = error);
    }
  }
}

/**
 * Runs the handler as if for the first time. Up to its first yield it holds no structure (native-reads.ts): who does is not kept out of what
 * is half changed, and of several keys the second may be.
 */
function* anew(handler: NonNullable<Entry["handler"]>, context: CommandContext): Generator<void, void, void> {
  const { natives } = context;
  const { stats } = context.server;
  const { keyspaceHits, keyspaceMisses } = stats;
  natives.release();
  let generator: ReturnType<typeof handler>;
  let isDone: boolean;
  try {
    generator = handler(context);
    isDone = generator === undefined || generator.next().done === true;
  } catch (error) {
    if (error instanceof NotReady) {
      stats.keyspaceHits = keyspaceHits;
      stats.keyspaceMisses = keyspaceMisses;
    }
    throw error;
  }
  if (isDone || generator === undefined) return;
  try {
    natives.hold();
    yield;
    yield* generator;
  } finally {
    // Where the client has gone at that yield.
    generator.return();
  }
}

function unavailable(entry: Entry): string {
  return `ERR Folio does not have ${entry.fullName} yet`;
}

/** As C's "%.*s": at most `bytes`, up to a NUL. */
function clipped(text: string, bytes: number): string {
  const nul = text.indexOf("\0");
  return text.slice(0, nul < 0 ? bytes : Math.min(nul, bytes));
}

const SHOWN_BYTES_MAX = 128;

function unknownCommand(args: Args): string {
  let shown = "";
  for (let i = 1; i < args.count && shown.length < SHOWN_BYTES_MAX; i++) {
    shown += `'${clipped(args.text(i), SHOWN_BYTES_MAX - shown.length)}' `;
  }
  return `ERR unknown command '${clipped(args.text(0), SHOWN_BYTES_MAX)}', with args beginning with: ${shown}`;
}

function unknownSubcommand(container: Entry, args: Args): string {
  const shown = clipped(args.text(1), SHOWN_BYTES_MAX);
  return `ERR unknown subcommand '${shown}'. Try ${container.fullName.toUpperCase()} HELP.`;
}
