/** Requests held back by CLIENT PAUSE: kept with private copies of their arguments and run when the pause ends. */
import type { Args } from "../net/args.ts";
import type { Connection } from "../net/connection.ts";
import type { Client, Clients } from "./client.ts";
import type { Entry } from "./registry.ts";
import { TIMER_MS_MAX } from "./slices.ts";

export class Postponed {
  readonly #clients: Clients;
  readonly #run: (connection: Connection<Client>, args: Args) => void;
  #requests = new Map<Connection<Client>, Args>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(clients: Clients, run: (connection: Connection<Client>, args: Args) => void) {
    this.#clients = clients;
    this.#run = run;
    clients.onUnpause = () => this.#release();
  }

  /** Holds the request back when a pause covers it: true. */
  add(connection: Connection<Client>, args: Args, entry: Entry, nowMs: number): boolean {
    const clients = this.#clients;
    if (clients.pausedUntilMs === 0) return false;
    if (clients.pausedUntilMs <= nowMs) {
      clients.unpause();
      return false;
    }
    if (clients.pauseKind === "write" && !entry.isWrite && !entry.command.flags.includes("may_replicate")) return false;
    this.#requests.set(connection, args.detached());
    connection.waiting = true;
    connection.owner.parked = connection.owner.postponed = true;
    this.#timer ??= this.#wakeIn(clients.pausedUntilMs - nowMs);
    return true;
  }

  drop(connection: Connection<Client>): void {
    this.#requests.delete(connection);
  }

  /** Ends a pause whose time is over. */
  tick(nowMs: number): void {
    const { pausedUntilMs } = this.#clients;
    if (pausedUntilMs > 0 && pausedUntilMs <= nowMs) this.#clients.unpause();
  }

  #timeUp(): void {
    this.#timer = undefined;
    const left = this.#clients.pausedUntilMs - Date.now();
    if (left > 0) this.#timer = this.#wakeIn(left);
    else this.#clients.unpause();
  }

  #wakeIn(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#timeUp(), Math.min(ms, TIMER_MS_MAX));
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const requests = this.#requests;
    this.#requests = new Map();
    for (const [connection, args] of requests) {
      connection.owner.parked = connection.owner.postponed = false;
      setImmediate(() => this.#run(connection, args));
    }
  }
}
