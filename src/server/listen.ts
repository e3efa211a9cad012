/**
 * Opens the listeners that the configuration asks for.
 */
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import type { Client } from "../commands/client.ts";
import type { RequestService } from "../net/connection.ts";
import { type Endpoint, Listener } from "../net/listener.ts";
import { ADDRESS_MISSING, tcpAddresses } from "./addresses.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

/** Throws StartError when an address cannot be had, or when there is none at all; nothing listens then. */
export function listenEverywhere(config: Config, service: RequestService<Client>, log: Log): Listener<Client>[] {
  const listeners: Listener<Client>[] = [];
  const options = { keepAliveSeconds: config.number("tcp-keepalive") };
  const open = (endpoint: Endpoint, name: string, optional: boolean) => {
    try {
      listeners.push(Listener.open(endpoint, service, options));
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (optional && ADDRESS_MISSING.has(code)) {
        log("verbose", `Not listening on ${name}: the address is not there (${code})`);
        return;
      }
      for (const listener of listeners) listener.stop(true);
      throw new StartError(`Could not listen on ${name}: ${why(code, error)}`);
    }
  };
  const path = config.path("unixsocket");
  if (path !== "") checkSocketPath(path);
  for (const { hostname, port, optional } of tcpAddresses(config)) {
    open({ hostname, port }, `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`, optional);
  }
  if (path !== "") {
    const mode = Number.parseInt(config.get("unixsocketperm"), 8);
    open(mode === 0 ? { path } : { path, mode }, path, false);
  }
  if (listeners.length === 0) {
    throw new StartError("Configured to not listen anywhere: give a port, or a unixsocket");
  }
  return listeners;
}

function checkSocketPath(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw new StartError(`${path}: is there already and is no socket: choose another path (unixsocket)`);
  }
  if (!existsSync(dirname(path))) {
    throw new StartError(`${path}: its directory does not exist: make it, or choose another path (unixsocket)`);
  }
}

/** "0.0.0.0:6379", "[::1]:6379", "/run/folio.sock". */
export function endpointText({ endpoint, port }: Listener<Client>): string {
  if ("path" in endpoint) return endpoint.path;
  return endpoint.hostname.includes(":") ? `[${endpoint.hostname}]:${port}` : `${endpoint.hostname}:${port}`;
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
