/**
 * The eviction clock: what an entry's 24 bits of access say of its last use, and what they become when it is used.
 *
 *   LRU   | seconds: u24 |                                              wraps after 194 days
 *   LFU   | minutes: u16 | counter: u8 |                                 wraps after 45 days
 *
 * Which of them holds depends on maxmemory-policy, as in Redis (object.c, evict.c): when that changes, entries keep their
 * bits and are misread for a while, there as here. The clock is as old as the last `tick`: about 100 ms.
 */
import type { Record } from "../rdb/record.ts";

/** Seconds of the LRU clock wrap here. */
export const LRU_CLOCK_MAX = 2 ** 24;
const LRU_MASK = LRU_CLOCK_MAX - 1;
const MINUTES_MASK = 0xffff;
/** Counter of a new key: it would be evicted at once if it began at 0. */
export const LFU_INITIAL = 5;
const LFU_MAX = 255;

export class AccessClock {
  /** What a new entry's access is. */
  value = 0;
  /** maxmemory-policy is one of LFU: entries count their uses. */
  isCounting = false;
  /** The directives lfu-log-factor, lfu-decay-time (minutes; 0: never). */
  logFactor = 10;
  decayMinutes = 1;
  /** When the layers came to be served: what their records note of their use was true then. */
  layersSinceMs: number;
  #nowMs = 0;

  constructor(nowMs = Date.now()) {
    this.layersSinceMs = nowMs;
    this.tick(nowMs);
  }

  /** Seconds (LRU) or minutes (LFU) as entries note them. */
  get now(): number {
    return this.isCounting ? minutes(this.#nowMs) : seconds(this.#nowMs);
  }

  /** Sets the clock. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.value = this.isCounting ? (minutes(nowMs) << 8) | LFU_INITIAL : seconds(nowMs);
  }

  /** The access of an entry that is used now. */
  touched(access: number): number {
    return this.isCounting ? this.#counted(access) : this.value;
  }

  /** Whole seconds since an entry's last use. Only while `isCounting` is false. */
  idleSeconds(access: number): number {
    return (this.value - access) & LRU_MASK;
  }

  /** The counter of an entry, what it has lost since its last use taken off. Only while `isCounting` is true. */
  frequency(access: number): number {
    return this.#decayed(access & LFU_MAX, (minutes(this.#nowMs) - (access >>> 8)) & MINUTES_MASK);
  }

  /** As `idleSeconds`, of a record of any level: one of a layer says how long it was idle when it was saved, or nothing. */
  recordIdleSeconds(record: Record): number {
    if (record.access >= 0) return this.idleSeconds(record.access);
    return Math.max(record.idleSeconds, 0) + Math.floor(Math.max(this.#nowMs - this.layersSinceMs, 0) / 1000);
  }

  /** As `frequency`, of a record of any level. */
  recordFrequency(record: Record): number {
    if (record.access >= 0) return this.frequency(record.access);
    const counter = record.freq < 0 ? LFU_INITIAL : record.freq;
    return this.#decayed(counter, Math.floor(Math.max(this.#nowMs - this.layersSinceMs, 0) / 60_000));
  }

  /** As `recordFrequency`, of a record that is used now. */
  touchedFrequency(record: Record): number {
    return this.#counted(this.restored(-1, this.recordFrequency(record))) & LFU_MAX;
  }

  /** A counter after so many minutes without use. */
  #decayed(counter: number, elapsedMinutes: number): number {
    if (this.decayMinutes === 0) return counter;
    return Math.max(0, counter - Math.floor(elapsedMinutes / this.decayMinutes));
  }

  /**
   * The access that RESTORE's IDLETIME (seconds) or FREQ (0 to 255) asks for, or a file notes; -1 stands for "not given". What does not
   * fit the policy is ignored, as in Redis.
   */
  restored(idleSeconds: number, frequency: number): number {
    if (this.isCounting) return frequency < 0 ? this.value : (minutes(this.#nowMs) << 8) | frequency;
    // Idle for longer than the clock can say: Redis wraps it once.
    return idleSeconds < 0 ? this.value : (this.value - (idleSeconds % LRU_CLOCK_MAX)) & LRU_MASK;
  }

  /** Decays, then counts a use: the higher the counter, the rarer it grows. */
  #counted(access: number): number {
    const counter = this.frequency(access);
    const grows = counter < LFU_MAX && Math.random() * (Math.max(0, counter - LFU_INITIAL) * this.logFactor + 1) < 1;
    return (minutes(this.#nowMs) << 8) | (grows ? counter + 1 : counter);
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000) & LRU_MASK;
}

function minutes(ms: number): number {
  return Math.floor(ms / 60_000) & MINUTES_MASK;
}
