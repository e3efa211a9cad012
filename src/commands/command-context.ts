/** The context that dispatch hands to handlers: one for all quick commands, one more for each sliced command that is parked. */
import type { Database } from "../keyspace/database.ts";
import { Args } from "../net/args.ts";
import { Reply } from "../net/reply.ts";
import { Record } from "../rdb/record.ts";
import type { Client } from "./client.ts";
import type { Context, Server } from "./context.ts";
import { NativeReads } from "./native-reads.ts";
import type { CommandTable } from "./registry.ts";
import type { SlowLog } from "./slowlog.ts";

export class CommandContext implements Context {
  args = new Args();
  readonly reply = new Reply();
  readonly record = new Record();
  readonly natives = new NativeReads();
  readonly server: Server;
  nowMs = 0;
  client!: Client;

  /** While a reading command is parked: the database that it began with, whatever SWAPDB and FLUSHDB do meanwhile. */
  heldDb: Database | null = null;

  readonly commands: CommandTable;
  readonly slowLog: SlowLog;

  constructor(server: Server, commands: CommandTable, slowLog: SlowLog) {
    this.server = server;
    this.commands = commands;
    this.slowLog = slowLog;
  }

  get db(): Database {
    return this.heldDb ?? this.server.keyspace.database(this.client.dbid);
  }
}

const CONTEXTS_KEPT_MAX = 8;

/** Contexts between uses. */
export class ContextPool {
  readonly #make: () => CommandContext;
  readonly #idle: CommandContext[] = [];

  constructor(make: () => CommandContext) {
    this.#make = make;
  }

  take(): CommandContext {
    return this.#idle.pop() ?? this.#make();
  }

  give(context: CommandContext): void {
    context.reply.clear();
    context.heldDb = null;
    if (this.#idle.length < CONTEXTS_KEPT_MAX) this.#idle.push(context);
  }
}
