/**
 * Shows how far the index has come: a bar that redraws itself on a terminal, a line now and then in a log.
 *
 *   Indexing dump.rdb  [████████████░░░░░░░░]  61%  3.1 of 5.1 GB  420 MB/s  28,104,221 keys  5 s left
 */
import { writeSync } from "node:fs";
import { humanBytes, humanCount, humanSeconds } from "../util/human.ts";

const BAR_CELLS = 20;
const REDRAW_MS = 100;
const LINE_MS = 5000;

export interface Step {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly keys: number;
}

export class Progress {
  readonly #name: string;
  readonly #line: (text: string) => void;
  readonly #startedMs = performance.now();
  #shownMs = this.#startedMs;
  #terminal: boolean | null = null;
  #drawn = false;

  /** Draws on standard error where that is a terminal; else `line` gets a plain text every five seconds. */
  constructor(name: string, line: (text: string) => void) {
    this.#name = name;
    this.#line = line;
  }

  step(step: Step): void {
    // Asked here, not at start: it costs 4 ms, which a start without indexing must not pay.
    this.#terminal ??= process.stderr.isTTY === true;
    const now = performance.now();
    if (now - this.#shownMs < (this.#terminal ? REDRAW_MS : LINE_MS)) return;
    this.#shownMs = now;
    const text = this.#text(step, now - this.#startedMs);
    if (!this.#terminal) {
      this.#line(`Indexing ${this.#name}: ${text}`);
      return;
    }
    const filled = Math.round((step.doneBytes / Math.max(1, step.totalBytes)) * BAR_CELLS);
    writeSync(2, `\r\x1b[KIndexing ${this.#name}  [${"█".repeat(filled)}${"░".repeat(BAR_CELLS - filled)}]  ${text}`);
    this.#drawn = true;
  }

  /** Takes the bar away; before other lines are written, and at the end. */
  clear(): void {
    if (!this.#drawn) return;
    writeSync(2, "\r\x1b[K");
    this.#drawn = false;
  }

  #text(step: Step, elapsedMs: number): string {
    const percent = Math.floor((step.doneBytes / Math.max(1, step.totalBytes)) * 100);
    const perSecond = (step.doneBytes / Math.max(1, elapsedMs)) * 1000;
    const left = humanSeconds((step.totalBytes - step.doneBytes) / Math.max(1, perSecond));
    const bytes = `${humanBytes(step.doneBytes)} of ${humanBytes(step.totalBytes)}`;
    return `${percent}%  ${bytes}  ${humanBytes(perSecond)}/s  ${humanCount(step.keys)} keys  ${left} left`;
  }
}
