/**
 * The gate: who is let in, and who is shown out. Connection limit, protected mode, authentication, idle timeout, and the
 * limits on buffers, all from the configuration.
 */
import type { Connection, Limits } from "../net/connection.ts";
import { Reply } from "../net/reply.ts";
import type { Client } from "./client.ts";
import type { Server } from "./context.ts";

const PROTECTED =
  "DENIED Folio is running in protected mode because no password is set for the default user. In this mode connections " +
  "are only accepted from the loopback interface. To accept others, set a password (requirepass), or turn protected mode " +
  "off (protected-mode no) when this network is trusted.";

export class Gate {
  readonly limits: Limits;
  readonly #server: Server;
  readonly #clientsMax: number;
  readonly #idleSecondsMax: number;
  readonly #isProtected: boolean;
  readonly #needsPassword: boolean;

  constructor(server: Server) {
    const { config } = server;
    this.#server = server;
    this.#clientsMax = config.number("maxclients");
    this.#idleSecondsMax = config.number("timeout");
    this.#needsPassword = config.get("requirepass") !== "";
    this.#isProtected = config.get("protected-mode") === "yes" && !this.#needsPassword;
    this.limits = {
      queryBytesMax: config.number("client-query-buffer-limit"),
      bulkBytesMax: config.number("proto-max-bulk-len"),
      ...outputLimits(config.get("client-output-buffer-limit")),
    };
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
  }

  tick(nowMs: number): void {
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

function isLocal(connection: Connection<Client>): boolean {
  return connection.isUnix || connection.address.startsWith("127.") || connection.address.startsWith("[::1]:");
}

/** The "normal" class of client-output-buffer-limit as CONFIG GET shows it: "normal 0 0 0 slave … pubsub …", in bytes. */
function outputLimits(text: string): Pick<Limits, "outputHardBytes" | "outputSoftBytes" | "outputSoftSeconds"> {
  const words = text.split(" ");
  const at = words.indexOf("normal");
  const number = (i: number) => (at < 0 ? 0 : Number(words[at + i] ?? 0));
  return { outputHardBytes: number(1), outputSoftBytes: number(2), outputSoftSeconds: number(3) };
}
