/**
 * A server without a snapshot for tests of the command path: real sockets, real dispatch, a real configuration without a
 * file, and an empty keyspace. Tests may add rows of their own.
 */
import { Clients } from "../../src/commands/client.ts";
import type { LogLevel, Server } from "../../src/commands/context.ts";
import { DebugSettings } from "../../src/commands/debug-settings.ts";
import type { Dispatcher } from "../../src/commands/dispatch.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { commandService } from "../../src/commands/service.ts";
import { Stats } from "../../src/commands/stats.ts";
import type { Command } from "../../src/commands/table.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { Listener } from "../../src/net/listener.ts";
import { Config } from "../../src/server/config/config.ts";
import { fieldsGone } from "../../src/types/fieldless.ts";
import { NO_SAVING } from "./no-saving.ts";

export class StubServer implements Server {
  readonly keyspace = new Keyspace([], 16);
  readonly config = new Config();
  readonly stats = new Stats();
  readonly clients = new Clients();
  readonly startedAtMs = Date.now();
  readonly runId = "0".repeat(40);
  readonly version = { folio: "0.0.0", redis: "7.2.0" };
  readonly debug = new DebugSettings();
  loading = false;
  readonly logged: string[] = [];
  shutdowns = 0;
  readonly saving = NO_SAVING;
  readonly dispatcher: Dispatcher;
  readonly listener: Listener<import("../../src/commands/client.ts").Client>;

  constructor(config: Readonly<Record<string, string>> = {}, rows: readonly Command[] = [], unixPath = "") {
    this.keyspace.fieldsGone = fieldsGone;
    for (const [name, value] of Object.entries(config)) this.config.load(name, [value]);
    const own = new Set(rows.map((row) => row.name));
    this.dispatcher = commandService(this, [...COMMANDS.filter((row) => !own.has(row.name)), ...rows]);
    const endpoint = unixPath === "" ? { hostname: "127.0.0.1", port: 0 } : { path: unixPath };
    this.listener = Listener.open(endpoint, this.dispatcher, { keepAliveSeconds: 300 });
  }

  get port(): number {
    return this.listener.port;
  }

  info(sections: readonly string[]): string {
    return `# Server\r\nredis_version:7.2.0\r\nsections:${sections.join(",")}\r\n`;
  }

  writeRefusal(): string {
    return "";
  }

  resetStatistics(): void {
    this.stats.reset();
  }

  shutdown(): Promise<void> {
    this.shutdowns++;
    return new Promise(() => {});
  }

  abortShutdown(): boolean {
    return false;
  }

  log(level: LogLevel, message: string): void {
    this.logged.push(`${level} ${message}`);
  }

  stop(): void {
    this.listener.stop(true);
  }
}
