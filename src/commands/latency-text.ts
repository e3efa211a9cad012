/** What LATENCY GRAPH and LATENCY DOCTOR answer: events as text. */
import type { LatencySample, LatencySeries } from "./latency-events.ts";

const COLUMNS = 80;
const ROWS = 4;
/** From low to high within a row, and what lies below the top of a column. */
const LEVELS = "_o#";
const BELOW = "|";
/** Between the columns and the ages written under them, from top to bottom. */
const LABEL_MARGIN_ROWS = 1;

/** As Redis draws it: a column for each sample, its age under it. */
export function latencyGraph(name: string, { samples, highestMs }: LatencySeries, nowMs: number): string {
  const values = samples.map(({ ms }) => ms);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rule = "-".repeat(COLUMNS);
  const parts = [`${name} - high ${high} ms, low ${low} ms (all time high ${highestMs} ms)\n${rule}\n`];
  for (let from = 0; from < samples.length; from += COLUMNS) {
    parts.push(from > 0 ? "\n" : "", drawn(samples.slice(from, from + COLUMNS), low, high, nowMs));
  }
  return parts.join("");
}

function drawn(samples: readonly LatencySample[], low: number, high: number, nowMs: number): string {
  const steps = LEVELS.length * ROWS;
  const heights = samples.map(({ ms }) => {
    return Math.min(steps - 1, Math.trunc(((ms - low) * steps) / Math.max(1, high - low)));
  });
  const labels = samples.map(({ atSeconds }) => age(Math.floor(nowMs / 1000) - atSeconds));
  const lines: string[] = [];
  for (let row = 0; row < ROWS; row++) {
    const floor = (ROWS - row - 1) * LEVELS.length;
    lines.push(heights.map((height) => symbol(height - floor)).join(""));
  }
  for (let row = 0; row < LABEL_MARGIN_ROWS; row++) lines.push(" ".repeat(samples.length));
  const longest = Math.max(...labels.map(({ length }) => length));
  for (let row = 0; row < longest; row++) lines.push(labels.map((label) => label[row] ?? " ").join(""));
  return lines.map((line) => `${line}\n`).join("");
}

function symbol(level: number): string {
  if (level < 0) return " ";
  return LEVELS[level] ?? BELOW;
}

function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** What the events tell, and what may be done about it. */
export function latencyReport(events: ReadonlyMap<string, LatencySeries>, thresholdUsec: number): string {
  if (events.size === 0) {
    return Number.isFinite(thresholdUsec)
      ? `No event has taken ${thresholdUsec / 1000} ms or longer (latency-monitor-threshold).\n`
      : 'Latency is not monitored. "CONFIG SET latency-monitor-threshold <milliseconds>" starts it.\n';
  }
  const parts = ["Events that took longer than latency-monitor-threshold:\n\n"];
  let number = 0;
  for (const [name, { samples, highestMs }] of events) {
    const total = samples.reduce((sum, { ms }) => sum + ms, 0);
    const mean = Math.round(total / samples.length);
    const seconds = (samples.at(-1) as LatencySample).atSeconds - (samples[0] as LatencySample).atSeconds;
    const apart = samples.length < 2 ? "" : `, ${Math.round(seconds / (samples.length - 1))} seconds apart on average`;
    parts.push(`${++number}. ${name}: ${samples.length} spikes, mean ${mean} ms, highest ${highestMs} ms${apart}.\n`);
  }
  parts.push(
    "\nAdvice:\n\n",
    "- SLOWLOG GET names the commands (slowlog-log-slower-than sets from when on). Those that take long let other clients in between: ",
    "they are slow for who sends them.\n",
    "- The first command that meets a cold part of the snapshot waits for the disk: see resident_mapped_bytes in INFO layers.\n",
  );
  return parts.join("");
}
