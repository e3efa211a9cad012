/** The slow log: the latest commands whose handler took longer than slowlog-log-slower-than. */
import { binaryText } from "../util/span.ts";
import type { Context } from "./context.ts";
import type { Entry } from "./registry.ts";

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;

export interface SlowCommand {
  readonly id: number;
  readonly atSeconds: number;
  readonly usec: number;
  /** Binary strings, cut. */
  readonly args: readonly string[];
  readonly address: string;
  readonly clientName: string;
}

export class SlowLog {
  /** Infinity: nothing is logged. */
  thresholdUsec = Infinity;
  #lengthMax = 0;
  #nextId = 0;
  /** Newest first. */
  entries: SlowCommand[] = [];

  constructor(thresholdUsec: number, lengthMax: number) {
    this.configure(thresholdUsec, lengthMax);
  }

  /** `thresholdUsec` < 0 turns the log off. A shorter log loses its oldest commands with the next one that is added. */
  configure(thresholdUsec: number, lengthMax: number): void {
    this.thresholdUsec = thresholdUsec < 0 ? Infinity : thresholdUsec;
    this.#lengthMax = lengthMax;
  }

  /** `calls`: of how many calls that were timed together (call-times.ts) this one was the last; which of them was slow is not known then. */
  add(c: Context, entry: Entry, usec: number, calls: number): void {
    if (entry.command.flags.includes("skip_slowlog")) return;
    const { client } = c;
    this.entries.unshift({
      id: this.#nextId++,
      atSeconds: Math.floor(Date.now() / 1000),
      usec: Math.round(usec),
      args: calls === 1 ? shortened(c, entry) : [c.args.text(0), `... (one of ${calls} calls in a pipeline)`],
      address: client.connection.address,
      clientName: client.name,
    });
    if (this.entries.length > this.#lengthMax) this.entries.length = this.#lengthMax;
  }
}

/** Passwords given to CONFIG SET are left out. */
function shortened(c: Context, entry: Entry): string[] {
  const { args } = c;
  const { config } = c.server;
  const setsConfig = entry.fullName === "config|set";
  const shown = args.count > ARGUMENTS_MAX ? ARGUMENTS_MAX - 1 : args.count;
  const words: string[] = [];
  for (let i = 0; i < shown; i++) {
    if (setsConfig && i > 2 && i % 2 === 1 && config.isSecret(args.text(i - 1))) {
      words.push("(redacted)");
      continue;
    }
    const length = args.lengths[i] as number;
    const cut = length - ARGUMENT_BYTES_MAX;
    const text = binaryText(args.bytes, args.starts[i] as number, Math.min(length, ARGUMENT_BYTES_MAX));
    words.push(cut > 0 ? `${text}... (${cut} more bytes)` : text);
  }
  if (shown < args.count) words.push(`... (${args.count - shown} more arguments)`);
  return words;
}
