/**
 * Runs command rows in this process over a dump that a real redis-server wrote, through the real layer and keyspace, and
 * compares the raw bytes of replies with that server's. No sockets and no dispatch: sliced commands are treated as unkindly
 * as dispatch may (their arguments move after the first slice, what they arrived in is overwritten).
 */
import { Client, type ClientConnection, Clients } from "../../src/commands/client.ts";
import type { Context, Server } from "../../src/commands/context.ts";
import { DebugSettings } from "../../src/commands/debug-settings.ts";
import { ReplyError } from "../../src/commands/errors.ts";
import { NativeReads } from "../../src/commands/native-reads.ts";
import { NotReady } from "../../src/commands/not-ready.ts";
import { Stats } from "../../src/commands/stats.ts";
import type { Command } from "../../src/commands/table.ts";
import type { Database } from "../../src/keyspace/database.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { Layer } from "../../src/layer/layer.ts";
import { Args } from "../../src/net/args.ts";
import { Reply } from "../../src/net/reply.ts";
import { Record } from "../../src/rdb/record.ts";
import { fieldsGone } from "../../src/types/fieldless.ts";
import { DEFAULT_LIMITS } from "../../src/types/limits.ts";
import { binaryText } from "../../src/util/span.ts";
import { bringTo, type Level, levelAsked } from "./levels.ts";
import { NO_SAVING } from "./no-saving.ts";
import type { Word } from "./redis-server.ts";

const CONFIG: { readonly [name: string]: string | number } = {
  ...DEFAULT_LIMITS,
  "proto-max-bulk-len": 512 * 2 ** 20,
  "maxmemory-policy": "noeviction",
  "lfu-decay-time": 1,
  maxmemory: 0,
};

const DATABASES = 16;

/** Directives that tell when one is set. */
class Directives extends Map<string, string | number> {
  readonly #listeners: (() => void)[] = [];

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  override set(name: string, value: string | number): this {
    super.set(name, value);
    // The constructor of Map sets, too.
    if (#listeners in this) for (const listener of this.#listeners) listener();
    return this;
  }
}

interface MutableContext extends Context {
  args: Args;
}

export class CommandHarness {
  /** Replies are of this version. */
  protocol: 2 | 3 = 2;
  dbid = 0;
  /** Slices that the last command took; 0: it ran at once. */
  slices = 0;
  /** Called after each slice of a command: what other clients may do meanwhile. */
  between: () => void = () => {};
  /** What the dataset stands on. */
  layer: Layer;
  /** Where the dataset was brought before the first command. */
  readonly level: Level;
  readonly server: Server;
  /** Directives that the commands see. */
  readonly config: Map<string, string | number>;
  readonly #rows = new Map<string, Command>();

  private constructor(rows: readonly Command[], layer: Layer, level: Level) {
    for (const row of rows) this.#rows.set(row.name, row);
    this.layer = layer;
    this.level = level;
    const config = new Directives(Object.entries(CONFIG));
    this.config = config;
    const get = (name: string): string | number => {
      const value = config.get(name);
      if (value === undefined) throw new Error(`no directive ${name}`);
      return value;
    };
    this.server = {
      keyspace: new Keyspace([layer], DATABASES),
      config: {
        get: (name) => `${get(name)}`,
        number: (name) => Number(get(name)),
        allows: () => true,
        isSecret: () => false,
        matching: () => [],
        set: () => {},
        rewrite: () => {},
        onChange: (names, listener) => config.onChange(() => listener(names)),
      },
      stats: new Stats(),
      clients: new Clients(),
      startedAtMs: Date.now(),
      runId: "0".repeat(40),
      version: { folio: "0", redis: "7.2.0" },
      debug: new DebugSettings(),
      loading: false,
      writeRefusal: () => "",
      resetStatistics: () => this.server.stats.reset(),
      info: () => "# Memory\r\nused_memory:1\r\n",
      saving: NO_SAVING,
      shutdown: () => Promise.resolve(),
      abortShutdown: () => false,
      log: () => {},
    };
  }

  /** Opens the dump at `path`, its index beside it, and brings the dataset to a level. */
  static async open(
    path: string,
    rows: readonly Command[],
    { level = levelAsked() }: { level?: Level } = {},
  ): Promise<CommandHarness> {
    const layer = await Layer.open(path, { databases: DATABASES, log: () => {} });
    const harness = new CommandHarness(rows, layer, level);
    harness.server.keyspace.fieldsGone = fieldsGone;
    harness.layer = await bringTo(level, harness.server.keyspace, layer);
    return harness;
  }

  close(): Promise<void> | void {
    return this.layer.close();
  }

  /** The raw reply to a command, as a binary string. Arity is checked as dispatch does. */
  run(...words: readonly Word[]): string {
    const context = this.#context(words);
    const { reply } = context;
    try {
      const steps = this.#begun(this.#row(words), context);
      this.slices = 0;
      if (steps !== undefined) this.#finish(context, steps);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      reply.clear();
      reply.error(error.message);
    }
    return sent(reply);
  }

  /** Calls the handler; where it is not ready, the slices that make it so and it again, as dispatch does. */
  #begun(handler: NonNullable<Command["handler"]>, context: MutableContext): Generator<void, void, void> | undefined {
    try {
      return handler(context) ?? undefined;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      context.reply.clear();
      context.natives.forget();
      return prepared(error, handler, context);
    }
  }

  #finish(context: MutableContext, steps: Generator<void, void, void>): void {
    if (steps.next().done === true) return;
    const arrived = context.args;
    context.args = arrived.detached();
    arrived.bytes.fill(0x3f);
    arrived.clear();
    // As a task of slices.ts.
    const { pins } = this.server.keyspace;
    const taken = pins.take();
    context.natives.hold();
    let slices = 0;
    try {
      do {
        slices++;
        this.between();
      } while (steps.next().done !== true);
    } finally {
      context.natives.release();
      pins.release(taken);
    }
    this.slices = slices;
  }

  #row(words: readonly Word[]): NonNullable<Command["handler"]> {
    const name = String(words[0]).toLowerCase();
    let row = this.#rows.get(name);
    if (row?.subcommands !== undefined && words.length > 1) {
      const own = String(words[1]).toLowerCase();
      row = row.subcommands.find((candidate) => candidate.name === own);
      if (row === undefined) {
        throw new ReplyError(`ERR unknown subcommand '${String(words[1])}'. Try ${name.toUpperCase()} HELP.`);
      }
    }
    if (row === undefined) throw new Error(`no row for ${name}`);
    if (row.arity >= 0 ? words.length !== row.arity : words.length < -row.arity) {
      const fullName = row.name === name ? name : `${name}|${row.name}`;
      throw new ReplyError(`ERR wrong number of arguments for '${fullName}' command`);
    }
    if (row.handler === undefined) throw new Error(`no handler for ${name}`);
    return row.handler;
  }

  #context(words: readonly Word[]): MutableContext {
    const reply = new Reply();
    reply.protocol = this.protocol;
    const { server, dbid } = this;
    const nowMs = Date.now();
    const client = new Client(1, { address: "127.0.0.1:1", isUnix: false } as ClientConnection, nowMs);
    const db: Database = server.keyspace.database(dbid);
    const args = Args.of(...words.map((word) => (word instanceof Uint8Array ? binaryText(word) : String(word))));
    const natives = new NativeReads();
    return { args, reply, client, db, record: new Record(), natives, server, nowMs } as unknown as MutableContext;
  }
}

/** What a socket would have been given. */
function sent(reply: Reply): string {
  let text = "";
  let at = 0;
  for (const reference of reply.references) {
    text += binaryText(reply.buffer, at, reference.at - at);
    text += binaryText(reference.bytes, reference.start, reference.length);
    at = reference.at;
  }
  return text + binaryText(reply.buffer, at, reply.length - at);
}

function* prepared(
  notReady: NotReady,
  handler: NonNullable<Command["handler"]>,
  context: MutableContext,
): Generator<void, void, void> {
  for (let { work } = notReady; ; ) {
    yield* work;
    try {
      const steps = handler(context);
      if (steps !== undefined) yield* steps;
      return;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      context.reply.clear();
      context.natives.forget();
      ({ work } = error);
    }
  }
}
