/**
 * The gate: who is let in, and who is shown out. Connection limit, protected mode, authentication, idle timeout, and the
 * limits on buffers, all from the configuration.
 */
import type { Connection, Limits } from "../net/connection.ts";
import { Reply } from "../net/reply.ts";
import { type Client, isLocal } from "./client.ts";
import { ClientMemory } from "./client-memory.ts";
import type { Config, Server } from "./context.ts";

const PROTECTED =
  "DENIED Folio is running in protected mode because no password is set for the default user. In this mode connections " +
  "are only accepted from the loopback interface. To accept others, set a password (requirepass), or turn protected mode " +
  "off (protected-mode no) when this network is trusted.";

const DIRECTIVES = [
  "maxclients",
  "timeout",
  "requirepass",
  "protected-mode",
  "client-query-buffer-limit",
  "proto-max-bulk-len",
  "client-output-buffer-limit",
] as const;

export class Gate {
  readonly limits: Limits;
  readonly memory: ClientMemory;
  readonly #server: Server;
  #clientsMax = 0;
  #idleSecondsMax = 0;
  #isProtected = true;
  #needsPassword = true;

  constructor(server: Server) {
    const { config } = server;
    this.#server = server;
    this.limits = { ...limitsOf(config), clientBytesMax: 0 };
    this.memory = new ClientMemory(server, (limitBytes) => {
      this.limits.clientBytesMax = limitBytes;
    });
    this.#configure(config);
    config.onChange([...DIRECTIVES], () => this.#configure(config));
  }

  /** Reads the directives, at the start and after CONFIG SET. */
  #configure(config: Config): void {
    this.#clientsMax = config.number("maxclients");
    this.#idleSecondsMax = config.number("timeout");
    this.#needsPassword = config.get("requirepass") !== "";
    this.#isProtected = config.get("protected-mode") === "yes" && !this.#needsPassword;
    Object.assign(this.limits, limitsOf(config));
    if (this.#needsPassword) return;
    // As in Redis: who is connected stays in when a password is set, and needs none any more when it is taken away.
    for (const client of this.#server.clients.byId.values()) {
      client.authenticated = true;
      client.connection.restricted = false;
    }
  }

  /** Makes a client of the connection, or turns it away. */
  open(connection: Connection<Client>): void {
    const { clients, stats } = this.#server;
    const isFull = this.#clientsMax > 0 && clients.count >= this.#clientsMax;
    const client = clients.add(connection, Date.now());
    connection.owner = client;
    client.authenticated = !this.#needsPassword;
    connection.restricted = this.#needsPassword;
    if (isFull) {
      stats.rejectedConnections++;
      this.#turnAway(connection, "ERR max number of clients reached");
    } else if (this.#isProtected && !isLocal(connection)) {
      stats.rejectedConnections++;
      this.#turnAway(connection, PROTECTED);
    } else {
      stats.connectionsReceived++;
    }
  }

  close(connection: Connection<Client>): void {
    this.#server.clients.remove(connection.owner);
    this.memory.forget(connection.owner);
  }

  tick(nowMs: number): void {
    this.memory.check();
    for (const client of this.#server.clients.byId.values()) {
      const connection = client.connection as Connection<Client>;
      if (connection.pendingBytes > 0) connection.checkOutputLimits(nowMs);
      const isIdle = this.#idleSecondsMax > 0 && nowMs - client.activeAtMs > this.#idleSecondsMax * 1000;
      if (isIdle && !client.parked) {
        this.#server.log("verbose", "Closing idle client");
        connection.close(false);
      }
    }
  }

  #turnAway(connection: Connection<Client>, error: string): void {
    this.#server.clients.remove(connection.owner);
    const reply = new Reply();
    reply.error(error);
    connection.flush(reply);
    connection.close(true);
  }
}

function limitsOf(config: Config): Omit<Limits, "clientBytesMax"> {
  return {
    queryBytesMax: config.number("client-query-buffer-limit"),
    bulkBytesMax: config.number("proto-max-bulk-len"),
    ...outputLimits(config.get("client-output-buffer-limit")),
  };
}

/** The "normal" class of client-output-buffer-limit as CONFIG GET shows it: "normal 0 0 0 slave … pubsub …", in bytes. */
function outputLimits(text: string): Pick<Limits, "outputHardBytes" | "outputSoftBytes" | "outputSoftSeconds"> {
  const words = text.split(" ");
  const at = words.indexOf("normal");
  const number = (i: number) => (at < 0 ? 0 : Number(words[at + i] ?? 0));
  return { outputHardBytes: number(1), outputSoftBytes: number(2), outputSoftSeconds: number(3) };
}
