/**
 * All databases of the server, and what they share: the hash seed, the clocks, the counters of what was changed and expired, and
 * what one save does to all of them (freeze, re-base, thaw: saving.ts).
 */
import type { HashSeed } from "../layer/format.ts";
import type { Layer } from "../layer/layer.ts";
import { Populator } from "../mmap/populate.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { Pins } from "../overlay/pins.ts";
import { newTally, type Tally } from "../overlay/tally.ts";
import type { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";
import { randomSeed } from "../util/key-hash.ts";
import { AccessClock } from "./access.ts";
import { Ahead } from "./ahead.ts";
import { Database } from "./database.ts";
import { KeyWaits } from "./key-waits.ts";
import { absorbKey, buryWritten, type FrozenState, freezeAll, standAll, thawAll } from "./saving.ts";
import type { Shared } from "./shared.ts";
import { sweepGone } from "./sweep.ts";

/** Unmapped at a time of an overlay that is not needed any more: a system call of about 1 ms. */
const RELEASED_AT_ONCE_BYTES = 4 * 2 ** 20;

/** Of a deleted structure: some thousand blocks freed. */
const GRAVE_STEPS_AT_ONCE = 12;

/** Segments of a table looked at in a step: below half a millisecond if all are joined. */
const SEGMENTS_AT_ONCE = 128;

/** Idle: nothing is being saved. Saving: overlays are frozen. Settling: a save has ended, levels are being put together. */
export type SavingPhase = "idle" | "saving" | "settling";

export class Keyspace implements Shared {
  readonly databases: Database[];
  readonly seed: HashSeed;
  readonly pins = new Pins();
  readonly ahead = new Ahead();
  readonly populator = new Populator();
  readonly tally: Tally = newTally();
  /** The eviction clock. Whoever has a timer calls its `tick`. */
  readonly access = new AccessClock();
  /** Commands that wait for keys. */
  readonly waits = new KeyWaits();
  /** Changes since the last save: handlers count each key they change, as Redis's server.dirty. */
  dirty = 0;
  /** Keys deleted because their time was past. */
  expiredKeys = 0;
  /** Fields of hashes removed because their time was past. */
  expiredFields = 0;
  /** Of a record that was just found: its fields, if they have all expired (types/fieldless.ts). */
  fieldsGone: (record: Record, nowMs: number) => number = () => 0;
  /** The active expire cycle may work (DEBUG SET-ACTIVE-EXPIRE). */
  activeExpire = true;
  /** Expired keys are absent but stay, as while clients are paused. */
  isExpiryPaused: () => boolean = () => false;
  phase: SavingPhase = "idle";
  /** Structures that are half changed (commands/alone.ts): who freezes or thaws waits until there are none. */
  changing = 0;
  /** While re-basing: the layer that everything will lie in. */
  incoming: Layer | null = null;
  /** Why a key could not be buried in it; null: nothing went wrong. */
  #incomingError: unknown = null;
  /** Told of each key that was deleted because its time was past. */
  onExpired: ((database: Database, bytes: Uint8Array, start: number, length: number) => void) | null = null;
  /** Told of each key that was deleted to make room. */
  onEvicted: ((database: Database, bytes: Uint8Array, start: number, length: number) => void) | null = null;
  #layers: readonly Layer[];
  /** With each, when it was retired (Pins.epoch). */
  readonly #retired: { readonly overlay: Overlay; readonly epoch: number }[] = [];
  /** Bytes counted as gone of each overlay that no database stands on: a command that builds in it may still free some. */
  readonly #goneBytes = new Map<Overlay, number>();
  /** Frozen overlays whose databases were flushed: a Worker reads them until the save ends. */
  #orphans: Overlay[] = [];

  /**
   * @param layers newest first; the keyspace does not close them
   * @param count the `databases` directive
   * Throws FormatError "too-many-databases" when a layer selects a database that is not configured, as Redis does.
   */
  constructor(layers: readonly Layer[], count: number) {
    for (const layer of layers) checkDatabases(layer, count);
    this.seed = layers[0]?.indexSeed ?? randomSeed();
    this.#layers = layers;
    this.databases = Array.from({ length: count }, (_, dbid) => new Database(dbid, layers, this));
  }

  /** What a new entry's access is. */
  get clock(): number {
    return this.access.value;
  }

  set clock(value: number) {
    this.access.value = value;
  }

  get count(): number {
    return this.databases.length;
  }

  /** Throws RangeError for a dbid outside [0, count): the caller has checked it. */
  database(dbid: number): Database {
    const database = this.databases[dbid];
    if (database === undefined) throw new RangeError(`database ${dbid} of ${this.count}`);
    return database;
  }

  /** Bytes of all overlays, those that are being given back too. */
  get overlayBytes(): number {
    return this.tally.usedBytes;
  }

  /** Bytes of the layers' dead bits. */
  get deadBitBytes(): number {
    let bytes = 0;
    for (const layer of this.#layers) bytes += layer.deadBitBytes;
    return bytes;
  }

  /** Bytes that maxmemory is about: those of keys, of tables, and of dead bits; not what waits for being given back. */
  get countedBytes(): number {
    return this.tally.usedBytes - this.tally.goneBytes + this.deadBitBytes;
  }

  /** SWAPDB. */
  swap(a: number, b: number): void {
    const first = this.database(a);
    const second = this.database(b);
    first.dbid = b;
    second.dbid = a;
    this.databases[a] = second;
    this.databases[b] = first;
    if (this.waits.count > 0) {
      this.waits.signalAll(a);
      this.waits.signalAll(b);
    }
  }

  /** FLUSHDB: O(1), memory is given back by `tick`. During a save, what is being saved stays what it was. */
  flush(dbid: number): void {
    const old = this.database(dbid);
    this.databases[dbid] = new Database(dbid, [], this);
    this.#drop(old);
    if (this.waits.count > 0) this.waits.signalAll(dbid);
  }

  /** FLUSHALL. A save that runs must be given up by the caller first (`endSave`). */
  flushAll(): void {
    for (let dbid = 0; dbid < this.count; dbid++) this.flush(dbid);
  }

  /**
   * Freezes all overlays: what a save must write. New overlays take the writes from now on. Costs a step for each database and each
   * chunk of dead bits. Only when `phase` is "idle" and nothing is draining.
   */
  freeze(): FrozenState {
    if (this.phase !== "idle") throw new Error(`freeze while ${this.phase}`);
    if (this.isDraining) throw new Error("freeze while an earlier save's writes are not merged");
    if (this.changing > 0) throw new Error("freeze while a structure is half changed");
    this.phase = "saving";
    return freezeAll(this.databases, this.#layers);
  }

  /**
   * The save has succeeded: `layer` is the file that it wrote. In slices: between two steps commands may run.
   * At the end all databases stand on it, and the layers before are no longer used by any command that begins after that; the caller closes
   * them when nobody reads them any more (server/retire.ts).
   * Throws FormatError, DamagedError, or whatever went wrong. `standsOn(layer)` tells when: false, and nothing has changed, all is frozen
   * still, the caller thaws; true, and only the tidying up behind it was broken off.
   */
  *rebase(layer: Layer): Generator<void, readonly Layer[], void> {
    checkDatabases(layer, this.count);
    this.phase = "settling";
    this.#retireOrphans();
    this.incoming = layer;
    this.#incomingError = null;
    try {
      yield* buryWritten(this.databases, layer);
      if (this.#incomingError !== null) throw this.#incomingError;
    } finally {
      this.incoming = null;
    }
    standAll(this.databases, layer, (overlay) => this.retire(overlay));
    const before = this.#layers;
    this.#layers = [layer];
    this.access.layersSinceMs = Date.now();
    yield* this.#tidy();
    return before;
  }

  /** Whether the databases stand on this layer (those that have not been emptied since). */
  standsOn(layer: Layer): boolean {
    return this.#layers.includes(layer);
  }

  /**
   * The save has failed or was given up: everything goes back into one overlay. In slices, as `rebase`. Throws ArenaFull when memory is
   * short: nothing is lost, but the next save must wait until another thaw has succeeded (`isDraining`). Without a save it does nothing.
   */
  *thaw(): Generator<void, void, void> {
    this.phase = "settling";
    this.#retireOrphans();
    try {
      yield* thawAll(this.databases, (overlay) => this.retire(overlay));
    } catch (error) {
      this.phase = "idle";
      throw error;
    }
    yield* this.#tidy();
  }

  /** A save has failed, and what was written meanwhile could not be merged with what was frozen yet. */
  get isDraining(): boolean {
    return this.databases.some(({ draining }) => draining !== null);
  }

  /** The end of "settling". */
  *#tidy(): Generator<void, void, void> {
    try {
      yield* sweepGone(this.databases);
    } finally {
      this.phase = "idle";
    }
  }

  /**
   * Something to do now and then: gives memory back. True while there is more. Call it from a timer; a step takes about 1 ms.
   * `all`: what overlays keep free for their next blocks, too (MEMORY PURGE).
   */
  tick(all = false): boolean {
    const oldest = this.#retired[0];
    if (oldest !== undefined && this.pins.isPast(oldest.epoch)) {
      const { overlay } = oldest;
      if (overlay.arena.dispose(RELEASED_AT_ONCE_BYTES)) {
        this.#retired.shift();
        this.pins.waiters--;
        this.tally.usedBytes -= overlay.usedBytes;
        this.tally.goneBytes -= this.#goneBytes.get(overlay) as number;
        this.#goneBytes.delete(overlay);
        overlay.graves.forget();
      }
      return true;
    }
    let more = false;
    for (const { top } of this.databases) {
      if (top === null) continue;
      if (top.graves.stepUpTo(GRAVE_STEPS_AT_ONCE)) more = true;
      if (top.table.compact(SEGMENTS_AT_ONCE) || top.arena.tick(all)) more = true;
    }
    return more;
  }

  /** The overlay is not used any more; its memory goes when no sliced command can hold a view of it. */
  retire(overlay: Overlay): void {
    this.#countGone(overlay);
    this.#release(overlay);
  }

  /** Overlays that no database stands on any more, whose memory has not been given back yet. */
  leaving(): Overlay[] {
    return [...this.#retired.map(({ overlay }) => overlay), ...this.#orphans];
  }

  #countGone(overlay: Overlay): void {
    this.tally.goneBytes += overlay.usedBytes - overlay.goneBytes;
    this.#goneBytes.set(overlay, overlay.usedBytes);
  }

  #release(overlay: Overlay): void {
    this.#retired.push({ overlay, epoch: this.pins.epoch });
    this.pins.waiters++;
  }

  expired(database: Database, bytes: Uint8Array, start: number, length: number): void {
    this.expiredKeys++;
    this.onExpired?.(database, bytes, start, length);
  }

  fieldsExpired(count: number): void {
    this.expiredFields += count;
  }

  covered(database: Database, bytes: Uint8Array, start: number, length: number): void {
    const { incoming } = this;
    if (incoming === null) return;
    try {
      incoming.buryKey(database.savedAs, bytes, start, length);
    } catch (error) {
      // The command is none the worse for it: it is the re-base that cannot be.
      this.#incomingError ??= error;
    }
  }

  absorb(database: Database, hash: number, bytes: Uint8Array, start: number, length: number): void {
    absorbKey(database, hash, bytes, start, length);
  }

  #drop(database: Database): void {
    const { top, draining, frozen } = database;
    for (const overlay of [top, draining]) if (overlay !== null) this.retire(overlay);
    if (frozen !== null) {
      this.#countGone(frozen);
      this.#orphans.push(frozen);
    }
    database.top = database.draining = database.frozen = null;
    database.layers = [];
    database.savedAs = -1;
    if (this.phase !== "saving") this.#retireOrphans();
  }

  #retireOrphans(): void {
    for (const overlay of this.#orphans) this.#release(overlay);
    this.#orphans = [];
  }
}

function checkDatabases(layer: Layer, count: number): void {
  const last = layer.databases.at(-1);
  if (last === undefined || last.dbid < count) return;
  throw new FormatError(
    "too-many-databases",
    0,
    `database ${last.dbid} in ${layer.path}`,
    `at most ${count} databases; raise "databases" in the configuration to ${last.dbid + 1} or more`,
  );
}
