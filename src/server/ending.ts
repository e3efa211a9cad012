/**
 * The end of the process, as Redis goes about it: a save that runs is given up, a last one is made where that is due, with writes held
 * back meanwhile; when it fails, the server goes on (unless it is to end whatever comes).
 *
 * Redis looks at signals in its cron: where that rests (DEBUG PAUSE-CRON) the end that a signal asks for waits, and can be given up.
 */
import type { Clients } from "../commands/client.ts";
import type { ShutdownOptions } from "../commands/context.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import type { Saving } from "./saving.ts";

export const PLAIN_SHUTDOWN: ShutdownOptions = { save: false, nosave: false, force: false };

/** Of shutdown-on-sigterm or shutdown-on-sigint: "default", or some of save, nosave, now, force. */
export function shutdownOptions(words: string): ShutdownOptions {
  const given = new Set(words.split(" "));
  return { save: given.has("save"), nosave: given.has("nosave"), force: given.has("force") };
}

export interface EndingServer {
  readonly config: Config;
  readonly log: Log;
  readonly clients: Clients;
  readonly loading: boolean;
  readonly saving: Saving;
  readonly debug: { readonly isCronPaused: boolean };
}

/** Why the server goes on. */
export type GoesOn = "failed" | "aborted";

/** The end that a signal has asked for, while the cron rests. */
interface Pending {
  readonly options: ShutdownOptions;
  readonly goesOn: (outcome: GoesOn | Promise<GoesOn>) => void;
}

export class Ending {
  readonly #server: EndingServer;
  readonly #end: () => void;
  #begun: Promise<GoesOn> | null = null;
  #pending: Pending | null = null;
  #isAborted = false;

  constructor(server: EndingServer, end: () => void) {
    this.#server = server;
    this.#end = end;
  }

  /** Resolves when the server goes on instead of ending. A second call joins the first. */
  begin(reason: string, options = PLAIN_SHUTDOWN): Promise<GoesOn> {
    if (this.#begun !== null) return this.#begun;
    this.#server.log("warning", reason);
    return this.#begin(options);
  }

  /** As `begin`, for a signal: where the cron rests, when it goes on. */
  signalled(reason: string, options: ShutdownOptions): Promise<GoesOn> {
    if (this.#begun !== null || !this.#server.debug.isCronPaused) return this.begin(reason, options);
    this.#server.log("warning", reason);
    const { promise, resolve } = Promise.withResolvers<GoesOn>();
    this.#pending?.goesOn("aborted");
    this.#pending = { options, goesOn: resolve };
    return promise;
  }

  /** The cron. */
  tick(): void {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    pending.goesOn(this.#begun ?? this.#begin(pending.options));
  }

  #begin(options: ShutdownOptions): Promise<GoesOn> {
    this.#isAborted = false;
    this.#begun = this.#run(options).finally(() => {
      this.#begun = null;
    });
    return this.#begun;
  }

  /** Gives up a shutdown that still saves, or waits for the cron. */
  abort(): boolean {
    if (this.#begun !== null) {
      this.#isAborted = true;
      void this.#server.saving.giveUp();
    } else if (this.#pending === null) return false;
    this.#pending?.goesOn("aborted");
    this.#pending = null;
    this.#server.log("notice", "Shutdown manually aborted");
    return true;
  }

  /** Ends the process. Never resolves: the server does not go on. */
  #ended(): Promise<never> {
    this.#begun = null;
    this.#end();
    return new Promise(() => {});
  }

  async #run(options: ShutdownOptions): Promise<GoesOn> {
    const { log, saving, clients, loading } = this.#server;
    if (loading || !saving.isSaveDue(options)) {
      if (saving.isRunning) log("warning", "A save runs: giving it up");
      await saving.giveUp();
      return this.#ended();
    }
    // What is written from now on would be lost.
    clients.pause(Number.POSITIVE_INFINITY, "write");
    if (saving.isRunning) log("warning", "A save runs: giving it up");
    await saving.giveUp();
    if (!this.#isAborted) {
      log("notice", "Saving the final RDB snapshot before exiting.");
      if (await saving.saveForGood()) {
        return this.#ended();
      }
      if (options.force && !this.#isAborted) {
        log("warning", "Error trying to save the DB. Exit anyway.");
        return this.#ended();
      }
      log("warning", "Error trying to save the DB, can't exit.");
    }
    clients.unpause();
    return this.#isAborted ? "aborted" : "failed";
  }
}
