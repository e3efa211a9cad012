/**
 * What a handler gets. The interfaces that commands need of the server are here; src/server implements them.
 * A quick handler returns nothing and runs to its end. A handler that may take long is a generator: it yields often
 * (every ~256 elements); dispatch goes on at once while the time slice lasts, then serves other clients. Its context
 * (args, reply, record) is its own until it ends; shared scratch may be overwritten between yields.
 */
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Args } from "../net/args.ts";
import type { Reply } from "../net/reply.ts";
import type { Record } from "../rdb/record.ts";
import type { Client, Clients } from "./client.ts";
import type { DebugSettings } from "./debug-settings.ts";
import type { NativeReads } from "./native-reads.ts";
import type { CommandTable } from "./registry.ts";
import type { SlowLog } from "./slowlog.ts";
import type { Stats } from "./stats.ts";

export interface Context {
  readonly args: Args;
  readonly reply: Reply;
  readonly client: Client;
  /** The database the client has selected. */
  readonly db: Database;
  /** This client's own record, as long as the handler runs. */
  readonly record: Record;
  /** The native structures that the handler has looked up to read them. */
  readonly natives: NativeReads;
  readonly server: Server;
  /** The clock, read once per batch of requests: all of one command's keys expire at the same moment. */
  readonly nowMs: number;
  readonly commands: CommandTable;
  readonly slowLog: SlowLog;
}

export type Handler = (c: Context) => void | Generator<void, void, void>;

/** Who sends CONFIG SET, and when. */
export interface ConfigAsker {
  /** Its connection comes from this machine. */
  readonly isLocal: boolean;
  /** The snapshot is being loaded. */
  readonly isLoading: boolean;
}

/** Directives by their name in redis.conf. Hot paths keep what they have read, and follow it with onChange. */
export interface Config {
  /** The value as CONFIG GET shows it. Throws on an unknown name: a programmer's error. */
  get(name: string): string;
  /** A numeric directive; memory units and time are plain numbers here. */
  number(name: string): number;
  /** A directive of no, yes and local (enable-debug-command, …): does it allow this client something? */
  allows(name: string, isLocal: boolean): boolean;
  /** The directive's values (passwords) must not be shown; false for unknown names. */
  isSecret(name: string): boolean;
  /** Name and value of the directives that match one of the glob patterns (binary strings, ASCII case ignored). */
  matching(patterns: readonly string[]): Iterable<readonly [name: string, value: string]>;
  /** CONFIG SET: all or nothing. Throws ReplyError in Redis's words. */
  set(pairs: readonly (readonly [name: string, value: string])[], asker: ConfigAsker): void;
  /** CONFIG REWRITE; `all`: of what has its default value, too. Throws ReplyError in Redis's words; the file is then as it was. */
  rewrite(all?: boolean): void;
  /**
   * Calls `listener` once after each CONFIG SET that gave one of these directives another value, with those that have
   * changed; they read as the new values by then. It may be called with the old values again, when another listener refuses.
   */
  onChange(names: readonly string[], listener: (changed: readonly string[]) => void): void;
}

/** Saving the dataset to its RDB file: server/saving.ts. */
export interface SavingService {
  /** A save runs that nobody waits for, or what follows it: another one is refused. */
  readonly isInBackground: boolean;
  /** The file has been written or given up; what follows takes a moment. */
  readonly isSettling: boolean;
  /** Why writes and PING are refused while saving fails ("MISCONF …"); "". */
  readonly refusal: string;
  /** When the dataset was last saved, milliseconds since 1970. */
  readonly lastSaveMs: number;
  /** Begins a save; false when one runs. */
  startInBackground(): boolean;
  /** Has a save begin when the one that runs has ended. */
  schedule(): void;
  /** Resolves when no save runs. */
  whenIdle(): Promise<void>;
  /** Saves, after whatever save runs, and serves from the new file then. Resolves to false when it failed: nothing has changed. */
  saveNow(): Promise<boolean>;
  /** All databases have been emptied: resolves when the file is that of the empty dataset, too; null when it is to stay as it is. */
  flushed(): Promise<boolean> | null;
  /** DEBUG RELOAD. Resolves to "", or to the error reply: what was served is served still. */
  reload(options: ReloadOptions): Promise<string>;
}

/** What DEBUG RELOAD is told. */
export interface ReloadOptions {
  /** Save first; else what is in memory only is given up for what is in the file. */
  readonly save: boolean;
  /** Empty the dataset before the file is loaded. */
  readonly flush: boolean;
  /** Keys of the file win over those that are there. */
  readonly merge: boolean;
}

export interface ShutdownOptions {
  /** Save whatever the configuration says; do not save. */
  readonly save: boolean;
  readonly nosave: boolean;
  /** End also when the save fails. */
  readonly force: boolean;
}

export type LogLevel = "debug" | "verbose" | "notice" | "warning";

export interface Server {
  readonly keyspace: Keyspace;
  readonly config: Config;
  readonly stats: Stats;
  readonly clients: Clients;
  readonly startedAtMs: number;
  /** 40 hex characters, new at each start. */
  readonly runId: string;
  readonly version: { readonly folio: string; readonly redis: string };
  readonly debug: DebugSettings;
  /** True while the index is being built: only commands flagged "loading" are served. */
  readonly loading: boolean;
  /** INFO's text for these sections (lower case; none: the default ones). Binary string. */
  info(sections: readonly string[]): string;
  /**
   * Why a write may not run now: the whole error reply ("OOM …", "MISCONF …"), "" when it may. Called before each write command;
   * makes room first where maxmemory asks for it. `deniesOom`: the command's flag.
   */
  writeRefusal(deniesOom: boolean): string;
  /** CONFIG RESETSTAT. */
  resetStatistics(): void;
  readonly saving: SavingService;
  /**
   * Ends the process in an orderly way, after a last save where that is due. Resolves only when that save failed, or was given up by
   * `abortShutdown`: the server goes on then.
   */
  shutdown(reason: string, options?: ShutdownOptions): Promise<void>;
  /** False when there is no shutdown to give up. */
  abortShutdown(): boolean;
  log(level: LogLevel, message: string): void;
}
