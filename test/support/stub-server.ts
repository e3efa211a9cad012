/**
 * A server without a snapshot for tests of the command path: real sockets, real dispatch, a configuration of constants,
 * and an empty keyspace. Tests may add rows of their own.
 */
import { Clients } from "../../src/commands/client.ts";
import type { Config, LogLevel, Server } from "../../src/commands/context.ts";
import type { Dispatcher } from "../../src/commands/dispatch.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { commandService } from "../../src/commands/service.ts";
import { Stats } from "../../src/commands/stats.ts";
import type { Command } from "../../src/commands/table.ts";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { Listener } from "../../src/net/listener.ts";

const DEFAULTS: Readonly<Record<string, string>> = {
  maxclients: "10000",
  timeout: "0",
  requirepass: "",
  "protected-mode": "yes",
  databases: "16",
  "client-query-buffer-limit": "1073741824",
  "proto-max-bulk-len": "536870912",
  "client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
  "slowlog-log-slower-than": "10000",
  "slowlog-max-len": "128",
};

class StubConfig implements Config {
  readonly #values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = { ...DEFAULTS, ...values };
  }

  get(name: string): string {
    const value = this.#values[name];
    if (value === undefined) throw new Error(`no directive ${name}`);
    return value;
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  *matching(): Iterable<readonly [string, string]> {
    yield* Object.entries(this.#values);
  }
}

export class StubServer implements Server {
  readonly keyspace = new Keyspace([], 16);
  readonly config: Config;
  readonly stats = new Stats();
  readonly clients = new Clients();
  readonly startedAtMs = Date.now();
  readonly runId = "0".repeat(40);
  readonly version = { folio: "0.0.0", redis: "7.2.0" };
  loading = false;
  readonly logged: string[] = [];
  shutdowns = 0;
  readonly dispatcher: Dispatcher;
  readonly listener: Listener<import("../../src/commands/client.ts").Client>;

  constructor(config: Readonly<Record<string, string>> = {}, rows: readonly Command[] = [], unixPath = "") {
    this.config = new StubConfig(config);
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

  shutdown(): void {
    this.shutdowns++;
  }

  log(level: LogLevel, message: string): void {
    this.logged.push(`${level} ${message}`);
  }

  stop(): void {
    this.listener.stop(true);
  }
}
