/**
 * What took longer than latency-monitor-threshold, by event ("command", "fast-command"): the highest of each second, the last 160 of
 * such seconds, as in Redis.
 */

const SAMPLES_MAX = 160;

export interface LatencySample {
  readonly atSeconds: number;
  readonly ms: number;
}

export interface LatencySeries {
  /** Oldest first. */
  readonly samples: LatencySample[];
  /** Of all that there ever were. */
  highestMs: number;
}

export class LatencyEvents {
  readonly byName = new Map<string, LatencySeries>();
  /** In microseconds; Infinity: nothing is noted. */
  thresholdUsec = Number.POSITIVE_INFINITY;

  /** `thresholdMs`: 0 turns it off. */
  configure(thresholdMs: number): void {
    this.thresholdUsec = thresholdMs === 0 ? Number.POSITIVE_INFINITY : thresholdMs * 1000;
  }

  add(name: string, ms: number, nowMs: number): void {
    let series = this.byName.get(name);
    if (series === undefined) {
      series = { samples: [], highestMs: 0 };
      this.byName.set(name, series);
    }
    series.highestMs = Math.max(series.highestMs, ms);
    const { samples } = series;
    const atSeconds = Math.floor(nowMs / 1000);
    const last = samples.at(-1);
    if (last?.atSeconds === atSeconds) {
      if (ms > last.ms) samples[samples.length - 1] = { atSeconds, ms };
      return;
    }
    samples.push({ atSeconds, ms });
    if (samples.length > SAMPLES_MAX) samples.shift();
  }

  /** Forgets an event; false when there was none. */
  reset(name: string): boolean {
    return this.byName.delete(name);
  }

  /** Forgets all; how many there were. */
  resetAll(): number {
    const { size } = this.byName;
    this.byName.clear();
    return size;
  }
}
