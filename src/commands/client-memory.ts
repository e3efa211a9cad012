/**
 * maxmemory-clients: clients that hold the most memory (unfinished requests, output they do not read) are disconnected until the others
 * together hold no more than the limit. Those with CLIENT NO-EVICT neither go nor count.
 *
 * Connections tell when they hold more than before, only while there is a limit; what they hold less is noticed when all are looked at:
 * once a second, and before anybody goes.
 */
import type { Connection } from "../net/connection.ts";
import type { Client } from "./client.ts";
import { clientLine } from "./client-info.ts";
import type { Server } from "./context.ts";

const DIRECTIVES = ["maxmemory-clients", "maxmemory"];

export class ClientMemory {
  /** 0: there is none. */
  limitBytes = 0;
  readonly #server: Server;
  readonly #follow: (limitBytes: number) => void;
  /** Of all clients that count, as they were when they were last looked at. */
  #bytes = 0;
  #isEvicting = false;

  /** `follow` is called with the limit, at once and whenever it changes. */
  constructor(server: Server, follow: (limitBytes: number) => void) {
    this.#server = server;
    this.#follow = follow;
    server.config.onChange(DIRECTIVES, () => {
      this.#configure();
      this.check();
    });
    this.#configure();
  }

  #configure(): void {
    const { config } = this.#server;
    const limit = config.get("maxmemory-clients");
    // A share of maxmemory; of none there is no share.
    this.limitBytes = limit.endsWith("%")
      ? Math.floor((config.number("maxmemory") * Number(limit.slice(0, -1))) / 100)
      : Number(limit);
    this.#follow(this.limitBytes);
  }

  /** The connection holds more than before. It may be closed when this returns, as may others. */
  grew({ owner }: Connection<Client>): void {
    this.#count(owner);
    if (this.#bytes > this.limitBytes) this.check();
  }

  /** The client is gone. */
  forget(client: Client): void {
    this.#bytes -= client.countedBytes;
    client.countedBytes = 0;
  }

  /** Looks at all clients, and disconnects the largest where they hold too much. */
  check(): void {
    if (this.limitBytes === 0 || this.#isEvicting) return;
    const clients = [...this.#server.clients.byId.values()];
    for (const client of clients) this.#count(client);
    if (this.#bytes <= this.limitBytes) return;
    clients.sort((a, b) => b.countedBytes - a.countedBytes);
    this.#isEvicting = true;
    try {
      for (const client of clients) {
        if (this.#bytes <= this.limitBytes || client.countedBytes === 0) break;
        this.#evict(client);
      }
    } finally {
      this.#isEvicting = false;
    }
  }

  #count(client: Client): void {
    const bytes = client.noEvict || client.isEvicted ? 0 : client.connection.memoryBytes;
    this.#bytes += bytes - client.countedBytes;
    client.countedBytes = bytes;
  }

  #evict(client: Client): void {
    const { stats } = this.#server;
    this.#server.log("notice", `Evicting client: ${clientLine(client, Date.now(), null)}`);
    stats.evictedClients++;
    client.isEvicted = true;
    this.#count(client);
    client.connection.close(false);
  }
}
