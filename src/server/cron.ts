/**
 * What happens ten times a second without a client asking: rates for INFO (operations, input, output per second), and
 * tasks that others hang on it. A task that throws is logged by the caller's handler and runs again.
 */
import type { Stats } from "../commands/stats.ts";

const PERIOD_MS = 100;
const SAMPLES = 16;

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
  readonly #tasks: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | null = null;
  #lastMs = performance.now();

  constructor(stats: Stats) {
    this.#stats = stats;
  }

  /** Runs the task with every tick (100 ms). It must be quick. */
  each(task: () => void): void {
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
    const now = performance.now();
    const elapsed = now - this.#lastMs;
    this.#lastMs = now;
    const stats = this.#stats;
    this.operations.sample(stats.commandsProcessed, elapsed);
    this.input.sample(stats.netInputBytes, elapsed);
    this.output.sample(stats.netOutputBytes, elapsed);
    for (const task of this.#tasks) task();
  }
}
