/**
 * What happens without a client asking: rates for INFO (operations, input, output per second), sampled ten times a
 * second, and what others ask to be called for once a second.
 */
import type { Stats } from "../commands/stats.ts";

const PERIOD_MS = 100;
const SAMPLES = 16;
const TICKS_PER_SECOND = 1000 / PERIOD_MS;

export interface Ticking {
  tick(nowMs: number): void;
}

/** A rate over the last 16 samples, as Redis computes its instantaneous metrics. */
class Rate {
  readonly #perSecond = new Float64Array(SAMPLES);
  #at = 0;
  #last = 0;

  sample(total: number, elapsedMs: number): void {
    const grown = total - this.#last;
    this.#last = total;
    this.#perSecond[this.#at] = grown < 0 ? 0 : (grown * 1000) / Math.max(1, elapsedMs);
    this.#at = (this.#at + 1) % SAMPLES;
  }

  get perSecond(): number {
    let sum = 0;
    for (const value of this.#perSecond) sum += value;
    return sum / SAMPLES;
  }
}

export class Cron {
  readonly operations = new Rate();
  readonly input = new Rate();
  readonly output = new Rate();
  readonly #stats: Stats;
  readonly #tasks: Ticking[] = [];
  #ticks = 0;
  #timer: ReturnType<typeof setInterval> | null = null;
  #lastMs = performance.now();

  /** Whether it rests: DEBUG PAUSE-CRON. */
  readonly #isPaused: () => boolean;

  constructor(stats: Stats, isPaused: () => boolean = () => false) {
    this.#stats = stats;
    this.#isPaused = isPaused;
  }

  /** Calls `tick` about once a second. It must be quick. */
  each(task: Ticking): void {
    this.#tasks.push(task);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), PERIOD_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    if (this.#isPaused()) return;
    const now = performance.now();
    const elapsed = now - this.#lastMs;
    this.#lastMs = now;
    const stats = this.#stats;
    this.operations.sample(stats.commandsProcessed, elapsed);
    this.input.sample(stats.netInputBytes, elapsed);
    this.output.sample(stats.netOutputBytes, elapsed);
    if (this.#ticks++ % TICKS_PER_SECOND !== 0) return;
    const nowMs = Date.now();
    for (const task of this.#tasks) task.tick(nowMs);
  }
}
