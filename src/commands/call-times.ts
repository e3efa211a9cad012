/**
 * How long commands take: what INFO commandstats, latencystats and the slow log are told. A command begins when the one before it ended.
 *
 *   GET GET GET GET LRANGE SET │ the client's next batch
 *                  ▲      ▲   ▲                              the clock is read
 *
 * Reading the clock costs as much as a small command does. So equal brief commands in a row of one client's pipeline are timed together, and
 * each has taken an equal share; unless somebody wants to be told of single ones that took less than a millisecond.
 */
import { clockMs as monotonicMs } from "../util/native.ts";
import type { Entry } from "./registry.ts";

/** Where calls that took less than this are told of one by one, each is timed. */
const TIMED_ALONE_USEC_MAX = 1000;

export class CallTimes {
  /** End of the last command that was timed: the next one's start. Milliseconds of util/native's clock. */
  clockMs = 0;
  /** Calls are counted by how long they take (latency-tracking). */
  #tracks = true;
  /** A call that takes longer than this is told of (slow log, latency events). */
  slowUsec = Number.POSITIVE_INFINITY;
  #together = true;
  /** Calls that have ended since `clockMs`, all of one command. */
  #untimed = 0;

  /** Calls that have ended and are not timed yet, all of the command called last. */
  get untimed(): number {
    return this.#untimed;
  }

  /** Configuration has changed. */
  follow(tracksLatency: boolean, slowUsec: number): void {
    this.#tracks = tracksLatency;
    this.slowUsec = slowUsec;
    this.#together = slowUsec >= TIMED_ALONE_USEC_MAX;
  }

  /** A batch begins now. */
  begin(): void {
    this.clockMs = monotonicMs();
    this.#untimed = 0;
  }

  /**
   * A call of `entry` has ended; `isRepeated`: the client's next request is one, too. The microseconds of this call, and of those before it
   * that were not timed yet; 0: it is timed with the next one.
   */
  ended(entry: Entry, isRepeated: boolean): number {
    if (isRepeated && entry.isBrief && this.#together) {
      this.#untimed++;
      return 0;
    }
    return this.#time(entry, this.#untimed + 1);
  }

  /** Something else comes than `entry`, the command called last, or nothing: what was not timed yet is. Its microseconds; 0: there is none. */
  settle(entry: Entry | null): number {
    return entry !== null && this.#untimed > 0 ? this.#time(entry, this.#untimed) : 0;
  }

  /** A request was refused, which is no call of any command. */
  refused(entry: Entry | null): void {
    this.settle(entry);
    this.clockMs = monotonicMs();
  }

  /** Milliseconds that a call of `entry` has taken which goes on in slices; to be counted when it ends. */
  parted(entry: Entry): number {
    const ms = (monotonicMs() - this.clockMs) / (this.#untimed + 1);
    this.count(entry, ms * 1000, this.#untimed);
    this.#untimed = 0;
    return ms;
  }

  /** So many calls of `entry` have taken so many microseconds each. */
  count(entry: Entry, usec: number, calls: number): void {
    if (calls === 0) return;
    const { stats } = entry;
    stats.usec += usec * calls;
    if (this.#tracks) stats.track(usec, calls);
  }

  #time(entry: Entry, calls: number): number {
    const endedMs = monotonicMs();
    const usec = (endedMs - this.clockMs) * 1000;
    this.clockMs = endedMs;
    this.#untimed = 0;
    this.count(entry, calls === 1 ? usec : usec / calls, calls);
    return usec;
  }
}
