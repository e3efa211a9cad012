/**
 * The log, in Redis's form, one line an event:
 *
 *   4711:M 23 Nov 2026 02:58:04.222 * Ready to accept connections tcp
 *   pid  role  local time           . debug  - verbose  * notice  # warning
 */
import { closeSync, openSync, writeSync } from "node:fs";
import type { LogLevel } from "../commands/context.ts";
import { StartError } from "./start-error.ts";

const LEVELS: readonly LogLevel[] = ["debug", "verbose", "notice", "warning"];
const MARKS: Readonly<Record<LogLevel, string>> = { debug: ".", verbose: "-", notice: "*", warning: "#" };
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export type Log = (level: LogLevel, message: string) => void;

export class Logger {
  readonly #path: string;
  /** Called before a line is written to a terminal: the progress bar clears itself. */
  beforeLine: (() => void) | null = null;
  /** The least that is written. */
  level: LogLevel | "nothing";
  #held: { atMs: number; level: LogLevel; message: string }[] | null = [];

  /**
   * `path` "": standard output. The file is opened for each line, as Redis does, so that it may be rotated away.
   * Lines are held until `release`: the first local time that a process asks for costs it 5 ms, which a start can
   * spend after it has begun to serve.
   */
  constructor(path: string, level: LogLevel | "nothing") {
    this.#path = path;
    this.level = level;
  }

  readonly log: Log = (level, message) => {
    if (this.level === "nothing" || LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    if (this.#held !== null) this.#held.push({ atMs: Date.now(), level, message });
    else this.#write(Date.now(), level, message);
  };

  /** The start has failed, which standard error is told: here only a log file is. */
  fail(message: string): void {
    if (this.#path === "") return;
    this.log("warning", message);
    this.release();
  }

  /** Writes the lines held so far, and every further one at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { atMs, level, message } of held) this.#write(atMs, level, message);
  }

  /** Throws StartError when the log file cannot be opened: for start-up, where that ends the process. */
  check(): void {
    if (this.#path === "") return;
    try {
      closeSync(openSync(this.#path, "a"));
    } catch (error) {
      throw new StartError(`${this.#path}: the log file cannot be opened: ${(error as Error).message} (logfile)`);
    }
  }

  #write(atMs: number, level: LogLevel, message: string): void {
    this.beforeLine?.();
    const line = `${process.pid}:M ${stamp(new Date(atMs))} ${MARKS[level]} ${message.replaceAll("\n", " ")}\n`;
    try {
      if (this.#path === "") {
        writeSync(1, line);
        return;
      }
      const fd = openSync(this.#path, "a");
      writeSync(fd, line);
      closeSync(fd);
    } catch {
      // A log that cannot be written (disk full, closed pipe) never stops the server.
    }
  }
}

/** "23 Nov 2026 02:58:04.222", local time. */
export function stamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()} ${time}.${ms}`;
}
