/**
 * The listeners that the configuration asks for, at the start and after CONFIG SET.
 */
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import type { Client } from "../commands/client.ts";
import type { RequestService } from "../net/connection.ts";
import { type Endpoint, Listener } from "../net/listener.ts";
import { ADDRESS_MISSING, tcpAddresses } from "./addresses.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/directive.ts";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

/** Everything that the server listens on. Follows port, bind and tcp-keepalive. */
export class Listeners {
  readonly #config: Config;
  readonly #service: RequestService<Client>;
  readonly #log: Log;
  readonly #options: { keepAliveSeconds: number };
  #tcp: Listener<Client>[] = [];
  #unix: Listener<Client> | null = null;

  constructor(config: Config, service: RequestService<Client>, log: Log) {
    this.#config = config;
    this.#service = service;
    this.#log = log;
    this.#options = { keepAliveSeconds: config.number("tcp-keepalive") };
    config.onChange(["tcp-keepalive"], () => {
      this.#options.keepAliveSeconds = config.number("tcp-keepalive");
    });
    config.onChange(["port", "bind"], (changed) => this.#rebind(changed.includes("port")));
  }

  get isOpen(): boolean {
    return this.#tcp.length > 0 || this.#unix !== null;
  }

  /** Throws StartError when an address cannot be had, or when there is none at all; nothing listens then. */
  open(): void {
    const path = this.#config.path("unixsocket");
    if (path !== "") checkSocketPath(path);
    this.#openTcp();
    if (path !== "") {
      const mode = Number.parseInt(this.#config.get("unixsocketperm"), 8);
      try {
        this.#unix = this.#listen(mode === 0 ? { path } : { path, mode }, path);
      } catch (error) {
        this.stop(true);
        throw error;
      }
    }
    if (!this.isOpen) throw new StartError("Configured to not listen anywhere: give a port, or a unixsocket");
  }

  /** Stops listening; with `closeConnections` also ends the clients'. */
  stop(closeConnections: boolean): void {
    for (const listener of this.#tcp) listener.stop(closeConnections);
    this.#tcp = [];
    this.#unix?.stop(closeConnections);
    this.#unix = null;
  }

  /** "0.0.0.0:6379", "[::1]:6379", "/run/folio.sock". */
  endpoints(): string[] {
    const all = this.#unix === null ? this.#tcp : [...this.#tcp, this.#unix];
    return all.map(({ endpoint, port }) => ("path" in endpoint ? endpoint.path : addressText(endpoint.hostname, port)));
  }

  #openTcp(): void {
    for (const { hostname, port, optional } of tcpAddresses(this.#config)) {
      try {
        const listener = this.#listen({ hostname, port }, addressText(hostname, port), optional);
        if (listener !== null) this.#tcp.push(listener);
      } catch (error) {
        this.#stopTcp();
        throw error;
      }
    }
  }

  /** Clients that are connected stay. */
  #stopTcp(): void {
    for (const listener of this.#tcp) listener.stop(false);
    this.#tcp = [];
  }

  /** Listens at the new addresses instead. Throws ConfigError; nothing of TCP listens then. */
  #rebind(isPort: boolean): void {
    this.#stopTcp();
    try {
      this.#openTcp();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#log("warning", error.message);
      throw new ConfigError(
        isPort ? "Unable to listen on this port. Check server logs." : "Failed to bind to specified addresses.",
      );
    }
    this.#log("notice", `Listening on ${this.endpoints().join(", ")} now`);
  }

  /** Null: the address is not there, and need not be. Throws StartError. */
  #listen(endpoint: Endpoint, name: string, optional = false): Listener<Client> | null {
    try {
      return Listener.open(endpoint, this.#service, this.#options);
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (!optional || !ADDRESS_MISSING.has(code)) {
        throw new StartError(`Could not listen on ${name}: ${why(code, error)}`);
      }
      this.#log("verbose", `Not listening on ${name}: the address is not there (${code})`);
      return null;
    }
  }
}

function checkSocketPath(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw new StartError(`${path}: is there already and is no socket: choose another path (unixsocket)`);
  }
  if (!existsSync(dirname(path))) {
    throw new StartError(`${path}: its directory does not exist: make it, or choose another path (unixsocket)`);
  }
}

function addressText(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function why(code: string, error: unknown): string {
  switch (code) {
    case "EADDRINUSE":
      return "Address already in use. Stop the other server, or choose another with --port";
    case "EADDRNOTAVAIL":
      return "Cannot assign requested address: this machine has no such address (bind)";
    case "EACCES":
      return "Permission denied: ports below 1024 and other users' directories need more rights";
    case "":
      return `${(error as Error).message}. Check the address (bind), the path and its directory's permissions (unixsocket)`;
    default:
      return (error as Error).message;
  }
}
