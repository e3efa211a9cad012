/**
 * The snapshot that is served: its directory's lock, the mapping, the guard and the layer, opened in that order and closed
 * in the opposite one. A server without a file (an empty dataset) has a Snapshot without a layer.
 */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Keyspace } from "../keyspace/keyspace.ts";
import { IndexRejected } from "../layer/index-rejected.ts";
import { Layer } from "../layer/layer.ts";
import { type DirectoryLock, lockDirectory } from "../mmap/dir-lock.ts";
import { Guard, type GuardStatus } from "../mmap/guard.ts";
import { Mapping } from "../mmap/mapping.ts";
import { MmapError } from "../mmap/mmap-error.ts";
import { FormatError } from "../util/format-error.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
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

export class Snapshot {
  readonly path: string;
  readonly layer: Layer | null;
  readonly keyspace: Keyspace;
  /** When the file was last written; the start of the server where there is none. */
  readonly savedAtMs: number;
  readonly #guard: Guard | null;
  readonly #lock: DirectoryLock | null;

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
      if (!plan.required && statSync(plan.path, { throwIfNoEntry: false }) === undefined) {
        hooks.log("notice", `${plan.path} does not exist: serving an empty dataset`);
        return new Snapshot(plan.path, null, new Keyspace([], config.number("databases")), null, lock, Date.now());
      }
      return await Snapshot.#openFile(plan.path, config, hooks, lock);
    } catch (error) {
      lock?.release();
      throw startError(plan.path, error);
    }
  }

  static async #openFile(path: string, config: Config, hooks: SnapshotHooks, lock: DirectoryLock): Promise<Snapshot> {
    const indexDir = config.path("index-dir");
    const allowRemote = config.flag("allow-remote-fs");
    const mapping = Mapping.open(path, { allowRemote });
    let guard: Guard | null = null;
    try {
      const protect = (file: Mapping) =>
        Guard.protect(file, {
          safety: config.get("mmap-safety") as "lease" | "copy",
          refuges: indexDir === "" ? [] : [indexDir],
          log: hooks.log,
          onLost: hooks.onLost,
          ...(file === mapping ? {} : { afterwards: "Folio goes on with the index as it was" }),
        });
      guard = await protect(mapping);
      const layer = await Layer.open(path, {
        databases: config.number("databases"),
        log: (line) => hooks.log("notice", line),
        mapping,
        protect,
        allowRemote,
        signal: hooks.signal,
        onProgress: (p) => hooks.onProgress(p.loadedBytes, p.totalBytes, p.keys),
        ...(indexDir === "" ? {} : { indexDir }),
      });
      const keyspace = new Keyspace([layer], config.number("databases"));
      return new Snapshot(path, layer, keyspace, guard, lock, Number((mapping.identity?.mtimeNs ?? 0n) / 1_000_000n));
    } catch (error) {
      guard?.close();
      mapping.close();
      throw error;
    }
  }

  get name(): string {
    return basename(this.path);
  }

  get keys(): number {
    return this.layer?.facts().keys ?? 0;
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
    await this.layer?.beforeClose();
    this.#guard?.close();
    await this.layer?.close();
    this.#lock?.release();
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
