/**
 * Keeps the bytes under a mapping as they were, whatever other programs do to the file.
 *
 * A truncated file under a mapping is SIGBUS, an overwritten one is wrong answers; neither can be caught in JavaScript.
 * (Rename over the file and unlink are harmless: the mapping keeps the inode.) So the guard takes a read lease on the file:
 *
 *                                   somebody opens it for writing or truncates it:
 *   leased ──────────────────────────▶ evacuating ──────────▶ evacuated      the kernel holds the other program until then
 *                                          └──────────────▶ lost          no room, or too slow: the server must stop
 *   (no lease to be had) ──copying──▶ copy                                 a private copy before anything is served
 *
 * Evacuating = evacuation.ts: private file, swapped in place, then the lease is given back. Clients see nothing.
 * The kernel holds the other side for lease-break-time (45 s) at most, so an evacuation runs at full speed from its start, and
 * gives up shortly before: `onLost` is called with the lease still held, so that the server can stop before the bytes change.
 *
 * Lives on the main thread (signals arrive there). Workers that adopted the mapping need no guard of their own.
 */
import * as fs from "node:fs";
import { evacuate } from "./evacuation.ts";
import { type FileIdentity, fileIdentity, sameIdentity } from "./file.ts";
import { filesystemOf } from "./filesystem.ts";
import { heldPrograms, leaseBreakTimeMs, leaseStands, listenForBreaks, releaseLease, takeReadLease } from "./lease.ts";
import type { Mapping } from "./mapping.ts";
import { MmapError } from "./mmap-error.ts";
import { placesFor } from "./refuge.ts";

export type GuardState = "copying" | "leased" | "evacuating" | "evacuated" | "copy" | "lost" | "closed";

export interface GuardOptions {
  /** mmap-safety: "lease" falls back to "copy" where no lease is to be had. */
  readonly safety: "lease" | "copy";
  /** Directories that may take a private copy when the file's own cannot, best first; then come the temporary one and memory. */
  readonly refuges?: readonly string[];
  /** What the log says an operator should know or do once the bytes are aside; default: how to serve the changed file. */
  readonly afterwards?: string;
  /** One line for the operator, without time and level. */
  readonly log: (level: "notice" | "warning", text: string) => void;
  /** The bytes cannot be kept: stop serving at once, and exit. Called at most once, with the reason, which has been logged. */
  readonly onLost: (reason: string) => void;
}

/** The guard's figures for INFO. */
export interface GuardStatus {
  readonly state: GuardState;
  /** Why a copy is served instead of a leased file; "" otherwise. */
  readonly reason: string;
  /** Bytes moved to a private file; 0 while the file itself is mapped. */
  readonly movedBytes: number;
  /** How long that took, which is how long the other program waited. */
  readonly movedMs: number;
}

const AFTERWARDS = "Folio serves the data as it was: start it again to serve what is in the file then";
/** A lost SIGIO must not cost the data: the lease is also looked at so often. One system call. */
const WATCH_MS = 500;
/** Time kept back before the kernel's deadline for the server to stop in. */
const STOP_RESERVE_MS = 5_000;
/** What a slow disk copies; a file that takes longer than lease-break-time at this speed gets a word of warning. */
const SLOW_BYTES_PER_MS = 100_000;
const HELD_PROGRAMS_WAIT_MS = 100;

export class Guard {
  readonly #mapping: Mapping;
  readonly #options: GuardOptions;
  #state: GuardState = "copying";
  #reason = "";
  #movedBytes = 0;
  #movedMs = 0;
  /** The file as last seen with the lease standing. */
  #identity: FileIdentity;
  #seenAtMs = performance.now();
  #unlisten: () => void = () => {};
  #watch: ReturnType<typeof setInterval> | undefined;
  #settled: Promise<void> = Promise.resolve();
  #aborter = new AbortController();

  private constructor(mapping: Mapping, options: GuardOptions) {
    if (mapping.identity === undefined) throw new Error("a guard needs the mapping's owner, not an adopted one");
    this.#mapping = mapping;
    this.#options = options;
    this.#identity = mapping.identity;
  }

  /**
   * Protects `mapping`; nothing of it may be read before this resolves. At once with a lease; with a copy it takes as long as
   * copying the file. Rejects with MmapError: "CHANGED" (somebody is writing it just now), "NO-ROOM" (for the copy), EIO, ….
   * The mapping stays the caller's to close, after the guard.
   */
  static async protect(mapping: Mapping, options: GuardOptions): Promise<Guard> {
    const guard = new Guard(mapping, options);
    try {
      await guard.#start();
    } catch (error) {
      guard.close();
      throw error;
    }
    return guard;
  }

  get state(): GuardState {
    return this.#state;
  }

  status(): GuardStatus {
    return { state: this.#state, reason: this.#reason, movedBytes: this.#movedBytes, movedMs: this.#movedMs };
  }

  /** Resolves when no evacuation is under way; never rejects. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** Gives the lease back and stops watching. From now on nothing protects the mapping: close it next. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    const mayHaveLease = this.#state !== "evacuated" && this.#state !== "copy";
    this.#state = "closed";
    this.#stopWatching();
    this.#aborter.abort(new Error("the guard was closed"));
    if (mayHaveLease && this.#mapping.fd >= 0) releaseLease(this.#mapping.fd);
  }

  async #start(): Promise<void> {
    this.#reason = this.#options.safety === "copy" ? "mmap-safety is set to copy" : this.#lease();
    if (this.#reason === "") {
      this.#state = "leased";
      this.#warnOfSlowDisk();
      return;
    }
    const { path, size } = this.#mapping;
    this.#options.log(
      "notice",
      `${path}: making a private copy of ${size} bytes to serve from, because ${this.#reason}`,
    );
    const original = this.#mapping.fd;
    const moved = await this.#move();
    fs.closeSync(original);
    this.#state = "copy";
    this.#options.log(
      "notice",
      `${path}: serving from a private copy (${moved.isReflinked ? "reflinked, no extra disk space" : "copied"}, ` +
        `${moved.where}) made in ${seconds(this.#movedMs)}. Changes to the file are not seen until Folio is started again`,
    );
  }

  /** Returns why there is no lease, or "". */
  #lease(): string {
    const { kind, isRemote } = filesystemOf(this.#mapping.path);
    if (isRemote) return `a lease does not hold the other machines of a remote file system (${kind})`;
    // The handler first: SIGIO without one ends the process.
    this.#unlisten = listenForBreaks(() => this.#look());
    const reason = takeReadLease(this.#mapping.fd);
    if (reason !== "") {
      this.#stopWatching();
      return reason;
    }
    const now = fileIdentity(this.#mapping.fd);
    if (!sameIdentity(now, this.#identity)) {
      releaseLease(this.#mapping.fd);
      throw new MmapError(
        "CHANGED",
        this.#mapping.path,
        "the file was changed while it was being opened. Start Folio again",
      );
    }
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
    this.#watch.unref();
    return "";
  }

  /** Is somebody asking for the file? (SIGIO says so, for any file of the process; so does the watch.) */
  #look(): void {
    if (this.#state !== "leased") return;
    if (leaseStands(this.#mapping.fd)) {
      this.#identity = fileIdentity(this.#mapping.fd);
      this.#seenAtMs = performance.now();
      return;
    }
    this.#state = "evacuating";
    this.#stopWatching();
    this.#settled = this.#evacuate();
  }

  async #evacuate(): Promise<void> {
    const { path, size } = this.#mapping;
    this.#options.log(
      "warning",
      `${path}: another program wants to write to this file; moving its ${size} bytes aside first`,
    );
    const naming = Promise.race([heldPrograms(), Bun.sleep(HELD_PROGRAMS_WAIT_MS).then((): string[] => [])]);
    // The other side may have come right after the lease was last seen.
    const timeMs = leaseBreakTimeMs() - STOP_RESERVE_MS - (performance.now() - this.#seenAtMs);
    const deadline = setTimeout(
      () => {
        const reason = `not done ${seconds(timeMs)} after the other program came: the disk is too slow for ${size} bytes`;
        this.#lose(reason);
        this.#aborter.abort(new Error(reason));
      },
      Math.max(timeMs, 1_000),
    );
    try {
      const original = this.#mapping.fd;
      const moved = await this.#move();
      const held = await naming;
      if (this.#state === "evacuating") this.#state = "evacuated";
      releaseLease(original);
      fs.closeSync(original);
      this.#options.log(
        "warning",
        `${path}: moved aside in ${seconds(this.#movedMs)} (${moved.isReflinked ? "reflinked" : "copied"}, ${moved.where}); ` +
          `${held.length > 0 ? `${held.join(", ")} held until now goes on` : "the other program goes on"}. ` +
          `Clients notice nothing. ${this.#options.afterwards ?? AFTERWARDS}`,
      );
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Moves all bytes to a private file, whose descriptor becomes the mapping's. The original's is the caller's to close. */
  async #move(): Promise<{ where: string; isReflinked: boolean }> {
    const startedMs = performance.now();
    const mapping = this.#mapping;
    const original = mapping.fd;
    const places = placesFor(mapping.path, this.#options.refuges ?? []);
    const moved = await evacuate(mapping, original, this.#identity, places, this.#aborter.signal);
    mapping.fd = moved.fd;
    this.#movedMs = performance.now() - startedMs;
    this.#movedBytes = mapping.size;
    return moved;
  }

  #lose(reason: string): void {
    if (this.#state === "lost" || this.#state === "closed") return;
    this.#state = "lost";
    const { path } = this.#mapping;
    const text =
      `${path}: another program wants to write to this file, and its bytes could not be moved aside: ${reason}. ` +
      "Stopping now, since a wrong answer or a crash would be next. Start Folio again when the other program is done";
    this.#options.log("warning", text);
    this.#options.onLost(text);
  }

  #stopWatching(): void {
    this.#unlisten();
    this.#unlisten = () => {};
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #warnOfSlowDisk(): void {
    const { path, size } = this.#mapping;
    const timeMs = leaseBreakTimeMs();
    if (size / SLOW_BYTES_PER_MS < timeMs - STOP_RESERVE_MS || filesystemOf(path).mayReflink) return;
    this.#options.log(
      "notice",
      `${path}: if another program writes to this file, its ${size} bytes must be moved aside within ${seconds(timeMs)}, which a ` +
        "slow disk cannot. A file system with reflinks (xfs, btrfs) or a higher fs.lease-break-time (sysctl) makes it safe",
    );
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 3 : 0)} s`;
}
