/**
 * maxmemory: whether a write may run, and making room before it does (docs/decisions/0007-eviction.md).
 *
 *   counted = overlays in use + dead bits + output that waits + input that has lain for a moment
 *
 * Mapped pages are not counted: they are the page cache's. What connections hold is looked up when it may matter, not before every write. Room is made for as long as
 * maxmemory-eviction-tenacity says; what is left to do then is done by a timer, and writes go on meanwhile, as in Redis.
 */
import type { Clients } from "../commands/client.ts";
import { Evictor } from "../keyspace/evict.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";

/** Keys evicted between two looks at the clock. */
const KEYS_PER_CLOCK = 16;
/** Keys of layers that one write evicts at most: it frees nothing. */
const LAYER_KEYS_AT_ONCE = 16;
/** Input of a client that was served so recently is a batch that is being worked on: no key should go for it. */
const FRESH_MS = 100;
/** What connections hold is as old as this at most, when memory is short. */
const CLIENTS_AGE_MS_MAX = 5;
/** A timer's share of eviction: short, since clients wait for the end of it. */
const BACKGROUND_MS = 0.5;
/** Eviction time of a tenacity of 10 and below that, for each step; above it grows by 15 % a step. */
const TENACITY_STEP_MS = 0.05;
const TENACITY_GROWTH = 1.15;
const TENACITY_LINEAR_MAX = 10;
const TENACITY_UNBOUNDED = 100;

/** "running": there is more to free, and it is being done. */
type Outcome = "ok" | "running" | "failed";

export interface MemoryLimitParts {
  readonly config: Config;
  readonly log: Log;
  readonly clients: Clients;
  readonly keyspace: () => Keyspace;
}

export class MemoryLimit {
  evictor: Evictor;
  /** Bytes that connections held when they were last added up; of these, what counts. */
  clientBytes = 0;
  countedClientBytes = 0;
  /** Milliseconds spent over the limit, and since when it has been so now (performance.now; 0: it is not). */
  #exceededMs = 0;
  #exceededSinceMs = 0;
  readonly #config: Config;
  readonly #log: Log;
  readonly #clients: Clients;
  readonly #keyspace: () => Keyspace;
  /** Infinity: there is no limit. */
  #limitBytes = Number.POSITIVE_INFINITY;
  #sliceMs = 0;
  #clientsReadAtMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ config, log, clients, keyspace }: MemoryLimitParts) {
    this.#config = config;
    this.#log = log;
    this.#clients = clients;
    this.#keyspace = keyspace;
    this.evictor = new Evictor(keyspace());
    this.adopt();
    const names = ["maxmemory", "maxmemory-policy", "maxmemory-samples", "maxmemory-eviction-tenacity"];
    config.onChange([...names, "lfu-log-factor", "lfu-decay-time"], (changed) => {
      this.#configure();
      if (changed.includes("maxmemory")) this.#limitChanged();
    });
  }

  /** Another keyspace is served from now on. */
  adopt(): void {
    const { evictedKeys } = this.evictor;
    this.evictor = new Evictor(this.#keyspace());
    this.evictor.evictedKeys = evictedKeys;
    this.#configure();
  }

  /** Bytes that are compared with maxmemory: INFO's used_memory less mem_not_counted_for_evict. */
  get countedBytes(): number {
    return this.#keyspace().countedBytes + this.countedClientBytes;
  }

  /** Milliseconds over the limit since the start, and of the present time over it. */
  get exceeded(): { totalMs: number; currentMs: number } {
    const currentMs = this.#exceededSinceMs === 0 ? 0 : performance.now() - this.#exceededSinceMs;
    return { totalMs: this.#exceededMs + currentMs, currentMs };
  }

  /** Makes room where memory is short; true when there is none to be made: a command that may use more memory is refused. */
  refuses(): boolean {
    if (this.#limitBytes === Number.POSITIVE_INFINITY) return false;
    if (this.countedBytes <= this.#limitBytes) {
      if (this.#exceededSinceMs !== 0) this.#settled("ok");
      return false;
    }
    return this.#makeRoom(this.#sliceMs, LAYER_KEYS_AT_ONCE) === "failed";
  }

  /** Some times a second: buffers may have grown though nobody writes. */
  tick(): void {
    this.readClients();
    if (this.countedBytes > this.#limitBytes) this.#makeRoom(BACKGROUND_MS, 0);
    else this.#settled("ok");
  }

  /** Adds up what connections hold. */
  readClients(): void {
    let bytes = 0;
    let fresh = 0;
    const freshFromMs = Date.now() - FRESH_MS;
    for (const { connection, activeAtMs } of this.#clients.byId.values()) {
      bytes += connection.memoryBytes;
      if (activeAtMs >= freshFromMs) fresh += connection.queryBytes + connection.queryFreeBytes;
    }
    this.clientBytes = bytes;
    this.countedClientBytes = bytes - fresh;
    this.#clientsReadAtMs = performance.now();
  }

  /** CONFIG RESETSTAT. */
  resetCounters(): void {
    this.evictor.evictedKeys = 0;
    this.#exceededMs = 0;
    this.#exceededSinceMs = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #configure(): void {
    const config = this.#config;
    const limit = config.number("maxmemory");
    this.#limitBytes = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    this.#sliceMs = sliceMs(config.number("maxmemory-eviction-tenacity"));
    this.evictor.samples = config.number("maxmemory-samples");
    const policy = config.get("maxmemory-policy");
    this.evictor.usePolicy(policy);
    const { access } = this.#keyspace();
    access.logFactor = config.number("lfu-log-factor");
    access.decayMinutes = config.number("lfu-decay-time");
    access.isCounting = policy.endsWith("lfu");
    access.tick(Date.now());
  }

  #limitChanged(): void {
    if (this.#limitBytes === Number.POSITIVE_INFINITY) {
      this.#settled("ok");
      return;
    }
    this.readClients();
    if (this.countedBytes > this.#limitBytes) {
      this.#log(
        "warning",
        `WARNING: the new maxmemory value set via CONFIG SET (${this.#limitBytes}) is smaller than the current memory ` +
          `usage (${this.countedBytes}). This will result in key eviction and/or the inability to accept new write ` +
          "commands depending on the maxmemory-policy.",
      );
    }
    this.#schedule();
  }

  /** `layerKeys`: so many may be evicted where no overlay has one left. */
  #makeRoom(forMs: number, layerKeys: number): Outcome {
    // No eviction while clients are paused, as Redis: what they see shall stand still.
    if (this.#clients.pausedUntilMs > Date.now()) return "ok";
    const outcome = this.#evict(performance.now() + forMs, layerKeys);
    this.#settled(outcome);
    if (outcome === "running") this.#schedule();
    return outcome;
  }

  #evict(untilMs: number, layerKeys: number): Outcome {
    if (performance.now() - this.#clientsReadAtMs > CLIENTS_AGE_MS_MAX) this.readClients();
    const keyspace = this.#keyspace();
    const limit = this.#limitBytes - this.countedClientBytes;
    for (let keys = 1; keyspace.countedBytes > limit; keys++) {
      if (!this.evictor.evictOne()) {
        const nowMs = Date.now();
        for (let i = 0; i < layerKeys && this.evictor.evictLayerKey(nowMs); i++);
        return "failed";
      }
      if (keys % KEYS_PER_CLOCK === 0 && performance.now() > untilMs) {
        return keyspace.countedBytes > limit ? "running" : "ok";
      }
    }
    return "ok";
  }

  /** Keeps the time over the limit. */
  #settled(outcome: Outcome): void {
    if (outcome !== "ok") {
      if (this.#exceededSinceMs === 0) this.#exceededSinceMs = performance.now();
    } else if (this.#exceededSinceMs !== 0) {
      this.#exceededMs += performance.now() - this.#exceededSinceMs;
      this.#exceededSinceMs = 0;
    }
  }

  /** Goes on with eviction when other clients have had their turn. */
  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.countedBytes > this.#limitBytes) this.#makeRoom(BACKGROUND_MS, 0);
    }, 1);
  }
}

function sliceMs(tenacity: number): number {
  if (tenacity >= TENACITY_UNBOUNDED) return Number.POSITIVE_INFINITY;
  if (tenacity <= TENACITY_LINEAR_MAX) return tenacity * TENACITY_STEP_MS;
  return TENACITY_LINEAR_MAX * TENACITY_STEP_MS * TENACITY_GROWTH ** (tenacity - TENACITY_LINEAR_MAX);
}
