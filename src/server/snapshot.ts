/**
 * The snapshot that is served: its directory's lock, the mapping, the guard and the layer, opened in that order and closed
 * in the opposite one. A server without a file (an empty dataset) has a Snapshot without a layer.
 *
 * A save makes a new file, which takes the old one's place under the same keyspace: `openSaved`, re-base, `follow`.
 */
import { closeSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Keyspace } from "../keyspace/keyspace.ts";
import { DamagedError } from "../layer/damaged-error.ts";
import { IndexFile } from "../layer/index-file.ts";
import { indexPath, pathOfDescriptor, removeStale } from "../layer/index-place.ts";
import { IndexRejected } from "../layer/index-rejected.ts";
import { Layer } from "../layer/layer.ts";
import type { LayerOptions } from "../layer/open.ts";
import { type DirectoryLock, lockDirectory } from "../mmap/dir-lock.ts";
import { Guard, type GuardStatus } from "../mmap/guard.ts";
import { Mapping } from "../mmap/mapping.ts";
import { MmapError } from "../mmap/mmap-error.ts";
import type { SaveResult } from "../save/request.ts";
import { FormatError } from "../util/format-error.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import type { Retiring } from "./retire.ts";
import { StartError } from "./start-error.ts";

export interface SnapshotPlan {
  readonly path: string;
  /** The file was named on the command line: it must exist. */
  readonly required: boolean;
}

export interface SnapshotHooks {
  readonly log: Log;
  /** An index is being built: figures in bytes and keys. */
  readonly onProgress: (loadedBytes: number, totalBytes: number, keys: number) => void;
  /** The file's bytes cannot be kept: the process must end at once. The log has the reason already. */
  readonly onLost: (reason: string) => void;
  /** Ends an opening that takes long. */
  readonly signal: AbortSignal;
}

/** A file and what keeps its bytes. */
export interface GuardedLayer {
  readonly layer: Layer;
  readonly guard: Guard;
}

/** What a load has found, as Redis counts it. */
export interface Loaded {
  /** Keys that were taken. */
  readonly keys: number;
  /** Keys whose time was past already. */
  readonly expired: number;
}

export class Snapshot {
  path: string;
  layer: Layer | null;
  readonly keyspace: Keyspace;
  /** When the file was last written; the start of the server where there is none. */
  savedAtMs: number;
  /** The file that was loaded last, in Redis's terms, and when: at the start, by DEBUG RELOAD; null: what came of it is known. */
  #loading: { readonly layer: Layer; readonly atMs: number } | null = null;
  #loaded: Loaded = { keys: 0, expired: 0 };
  #guard: Guard | null;
  #lock: DirectoryLock | null;
  /** The directory of the save that runs, where it is another. */
  #nextLock: DirectoryLock | null = null;

  private constructor(
    path: string,
    layer: Layer | null,
    keyspace: Keyspace,
    guard: Guard | null,
    lock: DirectoryLock | null,
    savedAtMs: number,
  ) {
    this.path = path;
    this.layer = layer;
    this.keyspace = keyspace;
    this.#guard = guard;
    this.#lock = lock;
    this.savedAtMs = savedAtMs;
    this.noteLoad();
  }

  /** What is served now counts as loaded, as of this moment. */
  noteLoad(): void {
    const { layer } = this;
    this.#loading = layer === null ? null : { layer, atMs: Date.now() };
    this.#loaded = { keys: 0, expired: 0 };
  }

  /** Of the last load. Looked up when somebody asks: it would take pages of the index that a start does without. */
  get loaded(): Loaded {
    const loading = this.#loading;
    if (loading === null) return this.#loaded;
    this.#loading = null;
    const { layer, atMs } = loading;
    let expired = 0;
    try {
      for (const { dbid } of layer.databases) expired += layer.expiries(dbid)?.expired(atMs) ?? 0;
    } catch (error) {
      // Those keys are absent to readers or answer an error; a new index is built elsewhere.
      if (!(error instanceof DamagedError)) throw error;
    }
    this.#loaded = { keys: layer.facts().keys - expired, expired };
    return this.#loaded;
  }

  /** No file: what a server has until its snapshot is open. */
  static none(path: string, databases: number, nowMs: number): Snapshot {
    return new Snapshot(path, null, new Keyspace([], databases), null, null, nowMs);
  }

  /** Locks the directory, maps, guards, indexes. Throws StartError; nothing stays open then. */
  static async open(plan: SnapshotPlan, config: Config, hooks: SnapshotHooks): Promise<Snapshot> {
    let lock: DirectoryLock | null = null;
    try {
      lock = lockDirectory(dirname(plan.path));
      if (!lock.isHeld)
        hooks.log("warning", `${dirname(plan.path)} is not locked against a second Folio: ${lock.reason}`);
      removeDrafts(plan.path, config);
      if (!plan.required && statSync(plan.path, { throwIfNoEntry: false }) === undefined) {
        hooks.log("notice", `${plan.path} does not exist: serving an empty dataset`);
        return new Snapshot(plan.path, null, new Keyspace([], config.number("databases")), null, lock, Date.now());
      }
      const mapping = Mapping.open(plan.path, { allowRemote: config.flag("allow-remote-fs") });
      const { layer, guard } = await openGuarded(plan.path, mapping, config, hooks, {
        signal: hooks.signal,
        onProgress: (p) => hooks.onProgress(p.loadedBytes, p.totalBytes, p.keys),
      });
      const keyspace = new Keyspace([layer], config.number("databases"));
      return new Snapshot(plan.path, layer, keyspace, guard, lock, modifiedAtMs(mapping));
    } catch (error) {
      lock?.release();
      throw startError(plan.path, error);
    }
  }

  /**
   * Opens the file that a save has written to `path`, guarded, for the keyspace to be re-based on it. Throws StartError when it cannot be
   * had, or is no longer the file that was written; nothing stays open then, and nothing has changed.
   */
  async openSaved(path: string, saved: SaveResult, config: Config, hooks: SavedHooks): Promise<GuardedLayer> {
    let index: IndexFile | undefined;
    try {
      if (saved.indexFd >= 0) index = IndexFile.open(pathOfDescriptor(saved.indexFd), true, NAMELESS);
      const mapping = Mapping.open(path, { allowRemote: config.flag("allow-remote-fs") });
      if (mapping.identity?.inode !== saved.inode || mapping.identity.mtimeNs !== saved.mtimeNs) {
        mapping.close();
        throw new StartError(`${path}: another program has put another file in its place`);
      }
      return await openGuarded(path, mapping, config, hooks, { seed: this.keyspace.seed, index });
    } catch (error) {
      if (index?.mapping.windows[0]?.length) index.close();
      throw startError(path, error);
    } finally {
      if (saved.indexFd >= 0) closeSync(saved.indexFd);
    }
  }

  /** As `openSaved`, of whatever file lies at the path. Throws StartError. */
  async openAgain(path: string, config: Config, hooks: SavedHooks): Promise<GuardedLayer> {
    try {
      const mapping = Mapping.open(path, { allowRemote: config.flag("allow-remote-fs") });
      return await openGuarded(path, mapping, config, hooks, { seed: this.keyspace.seed });
    } catch (error) {
      throw startError(path, error);
    }
  }

  /**
   * The keyspace stands on `next`, opened by `openSaved`, from now on. Returns the layer before, to be closed when nobody reads it any
   * more; null where there was none.
   */
  follow(path: string, next: GuardedLayer, savedAtMs: number): Retiring | null {
    const { layer } = this;
    const guard = this.#guard;
    // Before its layer goes.
    void this.loaded;
    this.path = path;
    this.layer = next.layer;
    this.#guard = next.guard;
    this.savedAtMs = savedAtMs;
    if (this.#nextLock !== null) {
      this.#lock?.release();
      this.#lock = this.#nextLock;
      this.#nextLock = null;
    }
    if (layer === null) return null;
    return { windows: layer.windows, close: () => closeGuarded(layer, guard) };
  }

  /** Locks the directory that is going to be saved to, if it is another. Throws StartError when another Folio has it. */
  lockFor(path: string, log: Log): void {
    this.#nextLock?.release();
    this.#nextLock = null;
    if (dirname(path) === dirname(this.path)) return;
    try {
      this.#nextLock = lockDirectory(dirname(path));
    } catch (error) {
      throw startError(path, error);
    }
    const { isHeld, reason } = this.#nextLock;
    if (!isHeld) log("warning", `${dirname(path)} is not locked against a second Folio: ${reason}`);
  }

  get name(): string {
    return basename(this.path);
  }

  guardStatus(): GuardStatus | null {
    return this.#guard?.status() ?? null;
  }

  /** Whether the data directory is locked for this process. */
  get isLocked(): boolean {
    return this.#lock?.isHeld ?? false;
  }

  /** Nothing of the layer may be read from the call on; what reads it in the background ends first, still guarded. */
  async close(): Promise<void> {
    if (this.layer !== null) await closeGuarded(this.layer, this.#guard);
    this.#lock?.release();
    this.#nextLock?.release();
  }
}

/** How messages name an index that could not be kept. */
const NAMELESS = "(temporary file)";

export type SavedHooks = Pick<SnapshotHooks, "log" | "onLost">;

/** Guards the mapped file and opens it as a layer. Both are closed when it throws. */
async function openGuarded(
  path: string,
  mapping: Mapping,
  config: Config,
  hooks: SavedHooks,
  options: Pick<LayerOptions, "signal" | "onProgress" | "seed" | "index">,
): Promise<GuardedLayer> {
  const indexDir = config.path("index-dir");
  const protect = (file: Mapping) =>
    Guard.protect(file, {
      safety: config.get("mmap-safety") as "lease" | "copy",
      refuges: indexDir === "" ? [] : [indexDir],
      log: hooks.log,
      onLost: hooks.onLost,
      ...(file === mapping ? {} : { afterwards: "Folio goes on with the index as it was" }),
    });
  let guard: Guard | null = null;
  try {
    guard = await protect(mapping);
    const layer = await Layer.open(path, {
      databases: config.number("databases"),
      log: (line) => hooks.log("notice", line),
      mapping,
      protect,
      allowRemote: config.flag("allow-remote-fs"),
      ...options,
      ...(indexDir === "" ? {} : { indexDir }),
    });
    return { layer, guard };
  } catch (error) {
    guard?.close();
    mapping.close();
    throw error;
  }
}

/** Whether the file at `path` is still the one that was saved, every byte of it. */
export function isStillThere(path: string, { inode, mtimeNs, sizeBytes }: SaveResult): boolean {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found !== undefined && found.ino === inode && found.mtimeNs === mtimeNs && found.size === BigInt(sizeBytes);
}

/** What reads the layer in the background ends first, still guarded. */
export async function closeGuarded(layer: Layer, guard: Guard | null): Promise<void> {
  await layer.beforeClose();
  guard?.close();
  await layer.close();
}

function modifiedAtMs(mapping: Mapping): number {
  return Number((mapping.identity?.mtimeNs ?? 0n) / 1_000_000n);
}

/** Drafts of savers that were killed. That they cannot be removed is no reason not to start. */
function removeDrafts(path: string, config: Config): void {
  const indexDir = config.path("index-dir");
  for (const file of [path, indexPath(path, indexDir === "" ? undefined : indexDir)]) {
    try {
      removeStale(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
}

/** Where the snapshot lies by the configuration: dir and dbfilename. */
export function configuredPath(config: Config): string {
  return join(config.path("dir"), config.path("dbfilename"));
}

const ADVICE: Readonly<Record<string, string>> = {
  "bad-magic": "Check that the right file was named and that it is not compressed",
  "unsupported-version": "Serve it with a newer Folio, or save it with an older server",
  "too-many-databases": "",
  "module-pre-ga": "Load and save it with a server that still knows it",
};
const ADVICE_DAMAGED =
  "The file is damaged or cut short: copy it again from its source or restore a backup (it was not changed)";

/** The one line for the operator. Anything but files and their bytes is a mistake of ours, and stays what it is. */
function startError(path: string, error: unknown): unknown {
  if (error instanceof MmapError) return new StartError(error.message);
  if (error instanceof IndexRejected) {
    return new StartError(`${path}: its index cannot be used: ${error.reason}. Name another directory (--index-dir)`);
  }
  if (error instanceof FormatError) {
    const advice = ADVICE[error.code] ?? ADVICE_DAMAGED;
    return new StartError(`${path}: ${error.message}${advice === "" ? "" : `. ${advice}`}`);
  }
  // Of the system: "EMFILE: too many open files, open '/tmp'" says what and where.
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && syscall !== undefined) return new StartError(`${path}: cannot be served: ${message}`);
  return error;
}
