/**
 * The server as commands see it: the parts wired together, nothing hidden in module state.
 */

import { Clients } from "../commands/client.ts";
import type { Server, ShutdownOptions } from "../commands/context.ts";
import { DebugSettings } from "../commands/debug-settings.ts";
import { Stats } from "../commands/stats.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { fieldsGone } from "../types/fieldless.ts";
import type { Config } from "./config/config.ts";
import { Cron } from "./cron.ts";
import { Ending, type GoesOn } from "./ending.ts";
import { info } from "./info/info.ts";
import type { InfoSource } from "./info/section.ts";
import { LoadingState } from "./loading.ts";
import type { Log } from "./log.ts";
import { MemoryLimit } from "./memory-limit.ts";
import { MemoryMarks } from "./memory-marks.ts";
import { Saving } from "./saving.ts";
import { Snapshot } from "./snapshot.ts";
import { Upkeep } from "./upkeep.ts";
import { FOLIO_VERSION, REDIS_VERSION } from "./version.ts";

const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

export interface ServerParts {
  readonly config: Config;
  readonly log: Log;
  /** Absolute path of the configuration file, "" for none. */
  readonly configFile: string;
  readonly executable: string;
  readonly snapshotPath: string;
  readonly startedAtMs: number;
  /** Ends the process; nothing is left to save. */
  readonly onEnd: () => void;
  /** Bytes that are served cannot be kept: ends the process at once. The log has the reason already. */
  readonly onLost: () => void;
}

export class FolioServer implements Server, InfoSource {
  readonly config: Config;
  readonly log: Log;
  readonly stats = new Stats();
  readonly clients = new Clients();
  readonly cron: Cron;
  readonly loadingState = new LoadingState();
  readonly debug = new DebugSettings();
  readonly memoryMarks = new MemoryMarks();
  readonly startedAtMs: number;
  readonly runId = randomHex(20);
  readonly version = { folio: FOLIO_VERSION, redis: REDIS_VERSION };
  readonly configFile: string;
  readonly executable: string;
  readonly saving: Saving;
  readonly memoryLimit: MemoryLimit;
  readonly upkeep: Upkeep;
  snapshot: Snapshot;
  readonly #ending: Ending;

  constructor(parts: ServerParts) {
    this.config = parts.config;
    this.log = parts.log;
    this.startedAtMs = parts.startedAtMs;
    this.configFile = parts.configFile;
    this.executable = parts.executable;
    this.cron = new Cron(this.stats, () => this.debug.isCronPaused);
    this.snapshot = Snapshot.none(parts.snapshotPath, this.config.number("databases"), parts.startedAtMs);
    const { config, log, clients } = this;
    this.saving = new Saving({ config, log, clients, snapshot: () => this.snapshot, onLost: parts.onLost });
    const keyspace = () => this.keyspace;
    this.memoryLimit = new MemoryLimit({ config, log, clients, keyspace });
    const isPaused = () => this.debug.isCronPaused;
    this.upkeep = new Upkeep({ config, clients, limit: this.memoryLimit, marks: this.memoryMarks, keyspace, isPaused });
    this.#ending = new Ending(this, parts.onEnd);
    this.cron.each(this.#ending);
  }

  get keyspace(): Keyspace {
    return this.snapshot.keyspace;
  }

  get loading(): boolean {
    return this.loadingState.active;
  }

  get nowMs(): number {
    return Date.now();
  }

  /** Serves this snapshot from now on. */
  serve(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    // As Redis: what clients see while they are paused stands still.
    snapshot.keyspace.isExpiryPaused = () => this.clients.pausedUntilMs > Date.now();
    snapshot.keyspace.fieldsGone = fieldsGone;
    this.memoryLimit.adopt();
    this.upkeep.adopt();
    this.loadingState.end();
  }

  info(sections: readonly string[]): string {
    return info(this, sections);
  }

  writeRefusal(deniesOom: boolean): string {
    if (this.memoryLimit.refuses() && deniesOom) return OUT_OF_MEMORY;
    return this.saving.refusal;
  }

  resetStatistics(): void {
    this.stats.reset();
    this.keyspace.expiredKeys = 0;
    this.keyspace.expiredFields = 0;
    this.keyspace.tally.freedObjects = 0;
    this.memoryLimit.resetCounters();
    this.upkeep.resetCounters();
  }

  async shutdown(reason: string, options?: ShutdownOptions): Promise<void> {
    await this.#ending.begin(reason, options);
  }

  /** As `shutdown`, for a signal. */
  signalled(reason: string, options: ShutdownOptions): Promise<GoesOn> {
    return this.#ending.signalled(reason, options);
  }

  abortShutdown(): boolean {
    return this.#ending.abort();
  }
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
