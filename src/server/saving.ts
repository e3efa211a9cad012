/**
 * Saving as the command thread sees it: when a save begins, what it changes, what happens when it fails.
 *
 *            freeze             the Worker is done            re-base: everything stands on the new file
 *   idle ────────────▶ saving ─────────────────────▶ settling ─────────────────────────────────────────▶ idle
 *                        └── failed, given up ─────▶ settling ── thaw: as if nothing had been begun ───▶ idle
 *
 * Whatever goes wrong, and wherever, it ends in idle with all data there: an error before everything stands on the new file leads to
 * thaw; a thaw that finds no memory leaves what it could not merge where it is served from, and is tried again (Keyspace.isDraining).
 * A save has succeeded when its file lies whole in its place, even if the server cannot stand on it.
 *
 * From outside a save lasts until it is idle again (rdb_bgsave_in_progress), since no other can begin before. Freeze and each step of
 * settling are short; between them commands run.
 */
import type { ReloadOptions, SavingService, ShutdownOptions } from "../commands/context.ts";
import type { FrozenState } from "../keyspace/saving.ts";
import { indexPath } from "../layer/index-place.ts";
import { anonymousBytes } from "../mmap/collector.ts";
import { type SaveOptions, type SaveResult, SaveStopped } from "../save/request.ts";
import { humanBytes, humanCount } from "../util/human.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import { type Reading, retireLayer } from "./retire.ts";
import { type SaveJob, saveHere, startSave } from "./save-job.ts";
import { SavePoints } from "./save-points.ts";
import { saveRequest } from "./save-request.ts";
import { closeGuarded, configuredPath, type GuardedLayer, isStillThere, type Snapshot } from "./snapshot.ts";
import { REDIS_VERSION } from "./version.ts";

/** As Redis (CONFIG_BGSAVE_RETRY_DELAY): a save that failed is not tried again before. */
const RETRY_MS = 5000;
/** One step of settling: other clients wait no longer. */
const SLICE_MS = 0.5;
/** A file of this size is walked through in less time than a Worker takes to start. */
const WALKED_AT_ONCE_BYTES = 64 * 1024;
/** The default: raised where a value needs it. Whoever sets an older one wants a file for older servers. */
const RDB_VERSION_DEFAULT = 11;

const MISCONF =
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may " +
  "modify the data set are disabled, because this instance is configured to report errors during writes if RDB " +
  "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

const RELOAD_FAILED = "ERR Error trying to load the RDB dump, check server logs.";

export interface SavingParts {
  readonly config: Config;
  readonly log: Log;
  readonly clients: Reading["clients"];
  /** What is served now. */
  readonly snapshot: () => Snapshot;
  /** The file's bytes cannot be kept: the process must end at once. */
  readonly onLost: (reason: string) => void;
}

/** The file was written and put in its place, but is not there any more. */
class FileLost extends Error {}

export type SavingState = "idle" | "saving" | "settling";

/** Foreground: a client waits for it. The final one is followed by the end of the process. */
type Kind = "background" | "foreground" | "final";

export class Saving implements SavingService {
  state: SavingState = "idle";
  /** A background save was asked for while another ran: it begins when that has ended. */
  isScheduled = false;
  /** Error for write commands, and PING; "" while saving works. */
  refusal = "";
  lastStatus: "ok" | "err" = "ok";
  /** Of the last background save; -1: there was none. */
  lastSeconds = -1;
  startedAtMs = 0;
  /** Saves that were begun. */
  saves = 0;
  /** Of the save that runs. */
  keysWritten = 0;
  keysTotal = 0;
  readonly #parts: SavingParts;
  readonly #points = new SavePoints();
  /** Of the save that runs. */
  #kind: Kind = "background";
  #job: SaveJob | null = null;
  #running: Promise<boolean> = Promise.resolve(true);
  /** Save points count from here. */
  #savedAtMs = Date.now();
  #lastSaveMs = 0;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: SavingParts) {
    this.#parts = parts;
    this.#follow();
    parts.config.onChange(["save", "stop-writes-on-bgsave-error"], () => this.#follow());
  }

  /** A save is running, or what follows it. */
  get isRunning(): boolean {
    return this.state !== "idle";
  }

  /** It is one that nobody waits for: no other can be begun meanwhile, as in Redis. */
  get isInBackground(): boolean {
    return this.isRunning && this.#kind === "background";
  }

  get isSettling(): boolean {
    return this.state === "settling";
  }

  get lastSaveMs(): number {
    return Math.max(this.#lastSaveMs, this.#parts.snapshot().savedAtMs);
  }

  get hasSavePoints(): boolean {
    return this.#points.count > 0;
  }

  /** BGSAVE: begins a save, or answers false when one runs already. */
  startInBackground(): boolean {
    if (this.state !== "idle") return false;
    void this.#run("background");
    return true;
  }

  /** BGSAVE SCHEDULE, while another save runs. */
  schedule(): void {
    this.isScheduled = true;
  }

  /**
   * Saves what there is now and stands on the new file, after whatever save may run has ended: SAVE, DEBUG RELOAD. False when it failed:
   * nothing has changed then, and the log says why.
   */
  async saveNow(): Promise<boolean> {
    await this.whenIdle();
    return this.#run("foreground");
  }

  /** Resolves when no save runs: one may begin in the same turn of the event loop. */
  async whenIdle(): Promise<void> {
    while (this.state !== "idle") await this.#running;
  }

  /** DEBUG RELOAD: saving is all that a reload needs, since what was saved is served from the file. */
  async reload({ save, flush }: ReloadOptions): Promise<string> {
    if (save) {
      if (!(await this.saveNow())) return "ERR";
      this.#parts.snapshot().noteLoad();
      return "";
    }
    if (!flush) return RELOAD_FAILED;
    await this.whenIdle();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#running = promise;
    this.#kind = "foreground";
    this.state = "settling";
    try {
      return await this.#loadAgain();
    } finally {
      this.state = "idle";
      resolve(true);
    }
  }

  /** The last save of a process that is about to end: the file is written, nothing else changes. */
  async saveForGood(): Promise<boolean> {
    await this.whenIdle();
    return this.#run("final");
  }

  /** Gives up the save that runs, if it has not written its file yet; resolves when nothing runs. */
  async giveUp(): Promise<void> {
    this.#job?.stop();
    await this.whenIdle();
  }

  /**
   * FLUSHALL has emptied all databases: a save in the background holds what is gone and is given up. With save points configured the
   * file becomes that of what is left: resolves when that is done, or has failed. Else null.
   */
  flushed(): Promise<boolean> | null {
    if (this.isInBackground) this.#job?.stop();
    return this.hasSavePoints ? this.saveNow() : null;
  }

  /** Once a second: save points, what was scheduled. */
  tick(nowMs: number): void {
    if (this.state !== "idle") return;
    if (this.lastStatus === "err" && nowMs - this.#triedAtMs <= RETRY_MS) return;
    const { dirty, isDraining } = this.#parts.snapshot().keyspace;
    if (isDraining) {
      this.#running = this.#mergeLeft();
      return;
    }
    if (this.isScheduled) {
      this.startInBackground();
      return;
    }
    const point = this.#points.reached(Math.floor((nowMs - this.#savedAtMs) / 1000), dirty);
    if (point === undefined) return;
    this.#parts.log("notice", `${point.changes} changes in ${point.seconds} seconds. Saving...`);
    this.startInBackground();
  }

  /** Whether the end of the process is to be preceded by a save. */
  isSaveDue({ save, nosave }: ShutdownOptions): boolean {
    if (save || nosave) return save;
    return this.hasSavePoints && this.#parts.snapshot().keyspace.dirty > 0;
  }

  #run(kind: Kind): Promise<boolean> {
    this.#running = this.#save(kind);
    return this.#running;
  }

  async #save(kind: Kind): Promise<boolean> {
    const { log, snapshot } = this.#parts;
    const { keyspace } = snapshot();
    this.state = "saving";
    this.#kind = kind;
    this.isScheduled = false;
    this.saves++;
    this.startedAtMs = this.#triedAtMs = Date.now();
    const path = configuredPath(this.#parts.config);
    let isSaved = false;
    try {
      // Of a save that failed.
      if (keyspace.isDraining) await inSlices(keyspace.thaw());
      if (keyspace.changing > 0) await untilWhole(keyspace);
      const { dirty } = keyspace;
      const saved = await this.#write(path, kind);
      log("notice", `DB saved on disk: ${path}, ${humanBytes(saved.sizeBytes)}, ${humanCount(saved.keys)} keys`);
      for (const note of saved.notes) log("notice", note);
      this.state = "settling";
      if (kind !== "final") await this.#settle(path, saved);
      keyspace.dirty -= dirty;
      this.lastStatus = "ok";
      this.#savedAtMs = this.#lastSaveMs = Date.now();
      isSaved = true;
    } catch (error) {
      this.#failed(path, kind, error);
    }
    this.state = "settling";
    const isLast = kind === "final" && isSaved;
    if (keyspace.phase !== "idle" && !isLast) await this.#thaw();
    if (kind === "background") this.lastSeconds = Math.round((Date.now() - this.startedAtMs) / 1000);
    this.#follow();
    this.state = "idle";
    return isSaved;
  }

  /** Freezes, and has a Worker write the file. Rejects with what went wrong. */
  async #write(path: string, kind: Kind): Promise<SaveResult> {
    const { config, log, snapshot } = this.#parts;
    const { keyspace, layer } = snapshot();
    const frozen = keyspace.freeze();
    const release = layer?.holdIndex();
    try {
      snapshot().lockFor(path, log);
      const indexDir = config.path("index-dir");
      const request = saveRequest(frozen, {
        path,
        indexPath: indexPath(path, indexDir === "" ? undefined : indexDir),
        seed: keyspace.seed,
        options: this.#options(),
      });
      this.keysWritten = 0;
      this.keysTotal = keysOf(frozen);
      // FLUSHALL, of test suites before each test: starting a Worker would take most of its time. Redis saves in its only thread here.
      const isEmpty = this.keysTotal === 0 && (layer?.mapping.size ?? 0) <= WALKED_AT_ONCE_BYTES;
      if (isEmpty && kind === "foreground") return await saveHere(request);
      this.#job = startSave(request, (keys) => {
        this.keysWritten = keys;
      });
      if (kind === "background") log("notice", "Background saving started");
      return await this.#job.done;
    } finally {
      this.#job = null;
      release?.();
    }
  }

  /**
   * Puts the keyspace on the file that was written. Where that cannot be, the keyspace is as it was, frozen still, and the file is what
   * the next start will find. Throws when it is not: it has been changed or removed, so nothing was saved.
   */
  async #settle(path: string, saved: SaveResult): Promise<void> {
    const { config, log, snapshot } = this.#parts;
    if (saved.indexProblem !== "") log("notice", `index of ${path}: ${saved.indexProblem}`);
    try {
      const next = await snapshot().openSaved(path, saved, config, this.#parts);
      await this.#standOn(path, next, Date.now());
    } catch (error) {
      if (!isStillThere(path, saved)) throw new FileLost(reasonOf(error));
      log("warning", `${reasonOf(error)}. It was saved, but what was written stays in memory until the next save`);
    }
  }

  /** Gives up what is not in the file. Resolves to the error reply, "" when it went well. */
  async #loadAgain(): Promise<string> {
    const { config, log, snapshot: served } = this.#parts;
    const snapshot = served();
    const { keyspace } = snapshot;
    const path = configuredPath(config);
    try {
      if (keyspace.isDraining) await inSlices(keyspace.thaw());
      if (keyspace.changing > 0) await untilWhole(keyspace);
      const { dirty } = keyspace;
      keyspace.freeze();
      const next = await snapshot.openAgain(path, config, this.#parts);
      await this.#standOn(path, next, snapshot.savedAtMs);
      snapshot.noteLoad();
      keyspace.dirty -= dirty;
      return "";
    } catch (error) {
      log("warning", reasonOf(error));
      if (keyspace.phase !== "idle") await this.#thaw();
      return RELOAD_FAILED;
    }
  }

  /** Has the frozen keyspace stand on `next`. Throws what went wrong: it is as it was then, frozen still, and `next` is closed. */
  async #standOn(path: string, next: GuardedLayer, savedAtMs: number): Promise<void> {
    const { clients, log, snapshot } = this.#parts;
    const { keyspace } = snapshot();
    try {
      await inSlices(keyspace.rebase(next.layer));
    } catch (error) {
      if (!keyspace.standsOn(next.layer)) {
        this.#closed(path, closeGuarded(next.layer, next.guard));
        throw error;
      }
      log("warning", `${path} is served, but not everything could be tidied up after the save: ${reasonOf(error)}`);
    }
    const before = snapshot().follow(path, next, savedAtMs);
    if (before !== null) this.#closed(path, retireLayer(before, { pins: keyspace.pins, clients }));
  }

  /** A file that is not needed any more is being closed: when that fails it stays mapped, which does no harm. */
  #closed(path: string, closing: Promise<void>): void {
    closing.catch((error: unknown) => {
      this.#parts.log("warning", `a file that ${path} has replaced stays mapped until the end: ${reasonOf(error)}`);
    });
  }

  /** Gives back what is frozen, if anything is. Never rejects: what there is no memory for is left to the next attempt. */
  async #thaw(): Promise<void> {
    const { log, snapshot } = this.#parts;
    try {
      const { keyspace } = snapshot();
      if (keyspace.changing > 0) await untilWhole(keyspace);
      await inSlices(keyspace.thaw());
    } catch (error) {
      // Nothing can be saved before it is done.
      this.lastStatus = "err";
      log(
        "warning",
        `what was written during the save cannot be merged yet, and stays where it is: ${reasonOf(error)}`,
      );
    }
  }

  /** Tries again to end a thaw that found no memory. */
  async #mergeLeft(): Promise<boolean> {
    this.state = "settling";
    this.#kind = "foreground";
    this.#triedAtMs = Date.now();
    await this.#thaw();
    this.#follow();
    this.state = "idle";
    return true;
  }

  #options(): SaveOptions {
    const { config } = this.#parts;
    const rdbVersion = config.number("rdb-version");
    const policy = config.get("maxmemory-policy");
    const access = policy.endsWith("lru") ? "lru" : policy.endsWith("lfu") ? "lfu" : "none";
    const nowMs = Date.now();
    return {
      rdbVersion,
      mayRaiseVersion: rdbVersion === RDB_VERSION_DEFAULT,
      compression: config.flag("rdbcompression"),
      checksum: config.flag("rdbchecksum"),
      access,
      clock: Math.floor(nowMs / (access === "lfu" ? 60_000 : 1000)),
      lfuDecayMinutes: config.number("lfu-decay-time"),
      keyDelayUs: Math.max(0, config.number("rdb-key-save-delay")),
      redisVersion: REDIS_VERSION,
      usedMemoryBytes: anonymousBytes(),
      nowMs,
    };
  }

  #failed(path: string, kind: Kind, error: unknown): void {
    const { log } = this.#parts;
    if (error instanceof SaveStopped) {
      // As Redis's child that was killed by SIGUSR1: neither good nor bad.
      log("warning", "The save that ran was given up; the file on disk stays as it was");
      return;
    }
    if (kind === "background") this.lastStatus = "err";
    const what = kind === "background" ? "Background saving error" : "Error saving DB on disk";
    const left = error instanceof FileLost ? "What is served stays as it was" : "The file on disk stays as it was";
    log("warning", `${what}: ${path}: ${reasonOf(error)}. ${left}`);
  }

  /** Configuration or status has changed. */
  #follow(): void {
    const { config } = this.#parts;
    this.#points.set(config.get("save"));
    const isRefusing = this.lastStatus === "err" && this.hasSavePoints && config.flag("stop-writes-on-bgsave-error");
    this.refusal = isRefusing ? MISCONF : "";
  }
}

/** Resolves when no command has changed a structure by half: what it changes must stay where it is until it is done. */
async function untilWhole(keyspace: { readonly changing: number }): Promise<void> {
  while (keyspace.changing > 0) await Bun.sleep(1);
}

/** Runs a generator to its end, a slice in each turn of the event loop; what it returns. */
async function inSlices<T>(steps: Generator<void, T, void>): Promise<T> {
  for (;;) {
    const startedMs = performance.now();
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() - startedMs < SLICE_MS);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** What the log says of an error: its text where it is of files, memory or bytes, its trace where it is a mistake of ours. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOurs = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return isOurs ? `unexpected, please report it: ${error.stack ?? error.message}` : error.message;
}

function keysOf({ databases, layers }: FrozenState): number {
  let keys = 0;
  for (const { overlay, layerDbid } of databases) {
    keys += overlay?.keys ?? 0;
    if (layerDbid >= 0) for (const { layer } of layers) keys += layer.keys(layerDbid);
  }
  return keys;
}
