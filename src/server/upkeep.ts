/**
 * What the keyspace needs though nobody asks, `hz` times a second, in slices so short that no client waits for them: the eviction
 * clock, the expire cycle, memory given back to the system.
 *
 *   period   |■   ■   ■   ■            |■   ■ …       ■ a slice of half a millisecond, then as much rest as the CPU budget asks for
 *
 * The budget is Redis's: a quarter of a CPU at active-expire-effort 1, up to 43 % at 10, in slices where Redis works in one go.
 */
import type { Clients } from "../commands/client.ts";
import { ExpireCycle } from "../keyspace/expire.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { buildHash } from "../types/hash-build.ts";
import type { Config } from "./config/config.ts";
import type { MemoryLimit } from "./memory-limit.ts";
import type { MemoryMarks } from "./memory-marks.ts";

const HZ_MAX = 500;
/** Timers are as exact as that; slices are a share of it. */
const SLICE_EVERY_MS = 2;
/** Between two pieces of memory given back (system calls of up to a millisecond). */
const GIVE_BACK_EVERY_MS = 4;
const BASE_SHARE = 0.25;
const SHARE_PER_EFFORT = 0.02;

export interface UpkeepParts {
  readonly config: Config;
  readonly clients: Clients;
  readonly limit: MemoryLimit;
  readonly marks: MemoryMarks;
  readonly keyspace: () => Keyspace;
  /** DEBUG PAUSE-CRON: nothing is done by itself. */
  readonly isPaused: () => boolean;
}

export class Upkeep {
  cycle: ExpireCycle;
  /** Periods whose budget did not suffice. */
  timeCapReached = 0;
  readonly #parts: UpkeepParts;
  #period: ReturnType<typeof setInterval> | undefined;
  #slice: ReturnType<typeof setTimeout> | undefined;
  #giveBack: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds that the expire cycle may still take in this period. */
  #budgetMs = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.cycle = new ExpireCycle(parts.keyspace(), Date.now(), buildHash);
    parts.config.onChange(["hz"], () => {
      if (this.#period !== undefined) this.start();
    });
  }

  /** Another keyspace is served from now on. */
  adopt(): void {
    this.cycle = new ExpireCycle(this.#parts.keyspace(), Date.now(), buildHash);
  }

  start(): void {
    clearInterval(this.#period);
    this.#period = setInterval(() => this.#beginPeriod(), this.#periodMs);
  }

  stop(): void {
    clearInterval(this.#period);
    clearTimeout(this.#slice);
    clearTimeout(this.#giveBack);
    this.#period = this.#slice = this.#giveBack = undefined;
  }

  /** CONFIG RESETSTAT. */
  resetCounters(): void {
    this.timeCapReached = 0;
    this.cycle.spentMs = 0;
    this.cycle.stalePercent = 0;
  }

  get #periodMs(): number {
    return 1000 / Math.min(Math.max(this.#parts.config.number("hz"), 1), HZ_MAX);
  }

  get #share(): number {
    return BASE_SHARE + SHARE_PER_EFFORT * (this.#parts.config.number("active-expire-effort") - 1);
  }

  #beginPeriod(): void {
    const { keyspace, limit, marks, isPaused } = this.#parts;
    if (isPaused()) return;
    keyspace().access.tick(Date.now());
    limit.tick();
    marks.note(keyspace().countedBytes + limit.clientBytes);
    this.#giveBack ??= setTimeout(() => this.#giveMemoryBack(), 0);
    // A slice that is due belongs to a period whose time is up.
    if (this.#slice !== undefined) this.timeCapReached++;
    this.#budgetMs = this.#periodMs * this.#share;
    this.#slice ??= setTimeout(() => this.#expire(), 0);
  }

  #expire(): void {
    this.#slice = undefined;
    const { clients, keyspace, isPaused } = this.#parts;
    const nowMs = Date.now();
    if (isPaused() || !keyspace().activeExpire || clients.pausedUntilMs > nowMs) return;
    const sliceMs = Math.min(SLICE_EVERY_MS * this.#share, this.#budgetMs);
    const startedMs = performance.now();
    if (!this.cycle.step(nowMs, startedMs + sliceMs)) return;
    this.#budgetMs -= performance.now() - startedMs;
    if (this.#budgetMs > 0) this.#slice = setTimeout(() => this.#expire(), SLICE_EVERY_MS - sliceMs);
    else this.timeCapReached++;
  }

  #giveMemoryBack(): void {
    this.#giveBack = undefined;
    if (this.#parts.keyspace().tick()) this.#giveBack = setTimeout(() => this.#giveMemoryBack(), GIVE_BACK_EVERY_MS);
  }
}
