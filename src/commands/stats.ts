/** Counters of the command path: what INFO's Stats, Commandstats, Errorstats and Latencystats show. Cheap enough for every request. */
import { LatencyEvents } from "./latency-events.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

/** One command's counters, in the slot of its table row. */
export class CommandStats {
  calls = 0;
  /** Time in the handler, microseconds, fractions kept. */
  usec = 0;
  /** Refused before the handler: arity, authentication, loading. */
  rejected = 0;
  /** The handler answered an error. */
  failed = 0;
  /** How long calls took; null: none was counted (latency-tracking). */
  latency: LatencyHistogram | null = null;

  /** So many calls took so long each. */
  track(usec: number, calls: number): void {
    (this.latency ??= new LatencyHistogram()).add(usec, calls);
  }
}

/** Beyond this many different error prefixes counting stops, as in Redis: they may come from outside. */
const ERROR_KINDS_MAX = 128;

export class Stats {
  connectionsReceived = 0;
  rejectedConnections = 0;
  commandsProcessed = 0;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  netInputBytes = 0;
  netOutputBytes = 0;
  queryBufferLimitDisconnections = 0;
  outputBufferLimitDisconnections = 0;
  /** Disconnected for maxmemory-clients. */
  evictedClients = 0;
  errorReplies = 0;
  /** Requests that met damaged bytes in a layer. */
  damagedReplies = 0;
  unexpectedErrors = 0;
  readsProcessed = 0;
  writesProcessed = 0;
  /** Counts by error prefix ("ERR", "WRONGTYPE"). */
  readonly errors = new Map<string, number>();
  /** By full name: "get", "client|list". Filled when the table is built, so that the hot path holds the object itself. */
  readonly commands = new Map<string, CommandStats>();
  /** What LATENCY shows; CONFIG RESETSTAT leaves it. */
  readonly latencyEvents = new LatencyEvents();

  /** Counts an error reply by the first word of its text (without dash). */
  countError(text: string): void {
    this.errorReplies++;
    const space = text.indexOf(" ");
    const prefix = space < 0 ? text : text.slice(0, space);
    const count = this.errors.get(prefix);
    if (count !== undefined) this.errors.set(prefix, count + 1);
    else if (this.errors.size < ERROR_KINDS_MAX) this.errors.set(prefix, 1);
  }

  /** The counters of a command, made when first asked for. */
  command(fullName: string): CommandStats {
    let stats = this.commands.get(fullName);
    if (stats === undefined) {
      stats = new CommandStats();
      this.commands.set(fullName, stats);
    }
    return stats;
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    const { commands, errors, latencyEvents } = this;
    Object.assign(this, { ...new Stats(), commands, errors, latencyEvents });
    this.errors.clear();
    for (const command of commands.values()) Object.assign(command, new CommandStats());
  }
}
