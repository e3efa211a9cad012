/**
 * The stack of levels against a plain Map: random writes, deletions, expiries, evictions, scans, while saves begin, succeed, fail, and
 * databases are flushed and swapped; and the bytes of all that are added up. FOLIO_SEED repeats a run, FOLIO_ROUNDS lengthens it.
 */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { expectBytesAddUp } from "../../test/support/keyspace-bytes.ts";
import { LayerBench } from "../../test/support/layers.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import type { Layer } from "../layer/layer.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { setString } from "../types/string.ts";
import { Span } from "../util/span.ts";
import { type Database, KEEP_EXPIRY } from "./database.ts";
import { type Candidates, Evictor, type Ranking } from "./evict.ts";
import { ExpireCycle } from "./expire.ts";
import { Keyspace } from "./keyspace.ts";

interface Value {
  text: string;
  expireAtMs: number;
}
type Model = Map<string, Value>[];

const DATABASES = 3;
const KEYS = 1500;
const NOW = 1_800_000_000_000;

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

const record = new Record();
const span = new Span();

/** The key somewhere in a larger array, as requests bring it. */
function at(key: string): [Uint8Array, number, number] {
  return [Buffer.from(`..${key}..`, "latin1"), 2, key.length];
}

function storedValue(keyspace: Keyspace, dbid: number, key: string, nowMs: number): Value | undefined {
  if (!keyspace.database(dbid).find(...at(key), nowMs, record)) return undefined;
  expect(record.key.text()).toBe(key);
  const { expireAtMs } = record;
  readString(record.cursor, span, record.scratch);
  return { text: span.text(), expireAtMs };
}

class Run {
  readonly model: Model = Array.from({ length: DATABASES }, () => new Map());
  keyspace: Keyspace;
  nowMs = NOW;
  saving: { frozen: Model; steps: Iterator<void, unknown, void> | null } | null = null;
  saves = 0;
  evicted = 0;
  readonly #cycle: ExpireCycle;
  readonly #evictor: Evictor;
  readonly #layers: Layer[] = [];

  constructor(readonly random: () => number) {
    this.keyspace = new Keyspace([], DATABASES);
    this.#cycle = new ExpireCycle(this.keyspace, NOW);
    this.#evictor = new Evictor(this.keyspace);
    this.#evictor.random = random;
    this.keyspace.onExpired = (database, bytes, start, length) => this.#gone(database, bytes, start, length, true);
    this.keyspace.onEvicted = (database, bytes, start, length) => this.#gone(database, bytes, start, length, false);
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** A text of a length of its own kind: integers, short, long, apart. */
  text(): string {
    const kind = this.below(20);
    if (kind < 6) return `${this.below(2 ** 31) - 2 ** 30}`;
    if (kind < 18) return "v".repeat(this.below(200));
    return `${this.below(1000)}`.repeat(kind === 18 ? 2000 : 30_000);
  }

  live(dbid: number): Map<string, Value> {
    const map = this.model[dbid] as Map<string, Value>;
    for (const [key, { expireAtMs }] of map) if (expireAtMs !== -1 && expireAtMs < this.nowMs) map.delete(key);
    return map;
  }

  step(): void {
    const dbid = this.below(DATABASES);
    const database = this.keyspace.database(dbid);
    const map = this.live(dbid);
    const key = `key:${this.below(KEYS)}${this.below(8) === 0 ? "x".repeat(this.below(300)) : ""}`;
    const old = map.get(key);
    const what = this.below(100);
    if (what < 45) {
      const text = this.text();
      const expiry = [-1, -1, KEEP_EXPIRY, this.nowMs + this.below(5000)][this.below(4)] as number;
      // KEEP_EXPIRY is for keys that have been looked up: one that has expired is gone by then.
      database.find(...at(key), this.nowMs, record);
      const [value, start, length] = at(text);
      setString(database, ...at(key), value, start, length, expiry);
      map.set(key, { text, expireAtMs: expiry === KEEP_EXPIRY ? (old?.expireAtMs ?? -1) : expiry });
    } else if (what < 60) {
      expect(database.remove(...at(key), this.nowMs)).toBe(old !== undefined);
      map.delete(key);
    } else if (what < 68) {
      const expireAtMs = this.below(3) === 0 ? -1 : this.nowMs + this.below(5000);
      const found = database.find(...at(key), this.nowMs, record);
      expect(found).toBe(old !== undefined);
      if (!found || old === undefined) return;
      database.setExpiry(...at(key), expireAtMs, record);
      old.expireAtMs = expireAtMs;
    } else if (what < 78) this.append(dbid, key, old);
    else if (what < 96) expect(storedValue(this.keyspace, dbid, key, this.nowMs)).toEqual(old);
    else if (what < 97) this.nowMs += this.below(300);
    else if (what < 98 && this.below(20) === 0) {
      this.keyspace.flush(dbid);
      map.clear();
    } else if (what < 99 && this.below(5) === 0) {
      const other = this.below(DATABASES);
      this.keyspace.swap(dbid, other);
      [this.model[dbid], this.model[other]] = [this.model[other] as Map<string, Value>, map];
    } else if (what < 99) this.#cycle.step(this.nowMs, Number.POSITIVE_INFINITY);
    else if (this.below(3) === 0) this.evict();
    else this.keyspace.tick();
  }

  /** What was deleted by itself: the key is no longer in the model, or it has expired there. */
  #gone(database: Database, bytes: Uint8Array, start: number, length: number, hasExpired: boolean): void {
    const map = this.model[database.dbid] as Map<string, Value>;
    expect(this.keyspace.database(database.dbid)).toBe(database);
    const key = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
    const value = map.get(key);
    if (hasExpired) {
      if (value !== undefined) expect(value.expireAtMs !== -1 && value.expireAtMs < this.nowMs).toBe(true);
      map.delete(key);
      return;
    }
    this.evicted++;
    // The model may have noticed before that it has expired.
    if (value !== undefined && this.#evictor.candidates === "volatile") expect(value.expireAtMs).not.toBe(-1);
    map.delete(key);
  }

  /** Some keys by a random policy, from overlays or the layer. */
  evict(): void {
    this.#evictor.candidates = (["all", "volatile"] as Candidates[])[this.below(2)] as Candidates;
    this.#evictor.ranking = (["lru", "random", "ttl"] as Ranking[])[this.below(3)] as Ranking;
    if (this.#evictor.ranking === "ttl") this.#evictor.candidates = "volatile";
    for (let keys = this.below(10); keys > 0; keys--) {
      if (this.below(4) > 0) this.#evictor.evictOne();
      else this.#evictor.evictLayerKey(this.nowMs);
    }
  }

  append(dbid: number, key: string, old: Value | undefined): void {
    const database = this.keyspace.database(dbid);
    if (!database.find(...at(key), this.nowMs, record)) {
      expect(old).toBeUndefined();
      return;
    }
    if (old === undefined) throw new Error(`${key} should not be there`);
    database.settle(...at(key), record);
    readString(record.cursor, span, record.scratch);
    const added = this.below(4) === 0 ? 40_000 : this.below(40);
    const into = new Span();
    database.edit(...at(key), record, span, old.text.length + added, into);
    into.bytes.fill(97, into.start + old.text.length, into.start + into.length);
    old.text += "a".repeat(added);
  }

  beginSave(): void {
    this.keyspace.freeze();
    this.saving = { frozen: this.model.map((map) => structuredClone(map)), steps: null };
  }

  /** Does what the Worker would: writes the frozen state; or has the save fail. */
  async endSave(fails: boolean): Promise<void> {
    if (this.saving === null) return;
    if (fails) {
      this.saving.steps = this.keyspace.thaw();
      return;
    }
    const writer = new RdbWriter();
    this.saving.frozen.forEach((map, dbid) => {
      writer.select(dbid);
      for (const [key, { text, expireAtMs }] of map) writer.set(key, text, expireAtMs === -1 ? undefined : expireAtMs);
    });
    // A file of its own: the one before is still mapped.
    rmSync(bench.path, { force: true });
    bench.write(writer.finish());
    const layer = await bench.open({ seed: this.keyspace.seed });
    this.#layers.push(layer);
    this.saving.steps = this.keyspace.rebase(layer);
  }

  settle(steps: number): void {
    const { saving } = this;
    for (let i = 0; i < steps && saving?.steps; i++) {
      if (saving.steps.next().done === true) {
        this.saving = null;
        this.saves++;
        return;
      }
    }
  }

  check(): void {
    expectBytesAddUp(this.keyspace);
    for (let dbid = 0; dbid < DATABASES; dbid++) {
      const map = this.live(dbid);
      const database = this.keyspace.database(dbid);
      const seen: string[] = [];
      let cursor = 0;
      do {
        cursor = database.scan(cursor, 1 + this.below(100), this.nowMs, record, (found) => seen.push(found.key.text()));
      } while (cursor !== 0);
      expect(seen.sort()).toEqual([...map.keys()].sort());
      for (const [key, value] of map) expect(storedValue(this.keyspace, dbid, key, this.nowMs)).toEqual(value);
      for (let i = 0; i < KEYS; i++) {
        if (!map.has(`key:${i}`)) expect(storedValue(this.keyspace, dbid, `key:${i}`, this.nowMs)).toBeUndefined();
      }
      expect(database.size(this.nowMs)).toBeGreaterThanOrEqual(map.size);
      if (map.size > 0) {
        expect(database.random(this.nowMs, record)).toBe(true);
        expect(map.has(record.key.text())).toBe(true);
      }
    }
  }
}

test("every level, as a Map would be", async () => {
  const rounds = Number(process.env["FOLIO_ROUNDS"] ?? 60);
  const run = new Run(seededRandom("levels"));
  for (let round = 0; round < rounds; round++) {
    for (let i = run.below(2000); i > 0; i--) {
      run.step();
      if (run.below(10) === 0) run.settle(1);
    }
    if (run.below(3) === 0) run.check();
    if (run.keyspace.phase === "idle") run.beginSave();
    else if (run.keyspace.phase === "saving") await run.endSave(run.below(3) === 0);
    else run.settle(10_000);
  }
  run.settle(Number.POSITIVE_INFINITY);
  run.check();
  expect(run.saves).toBeGreaterThan(rounds / 10);
  expect(run.evicted).toBeGreaterThan(rounds);
  // With the clock far ahead all that expires is gone, and what is left is counted exactly.
  for (let dbid = 0; dbid < DATABASES; dbid++) {
    run.keyspace.database(dbid).top?.table.count;
    const immortal = [...run.live(dbid)].filter(([, value]) => value.expireAtMs === -1);
    run.nowMs = NOW + 10 ** 9;
    for (const key of run.live(dbid).keys()) storedValue(run.keyspace, dbid, key, run.nowMs);
    expect(immortal.length).toBeGreaterThan(0);
  }
}, 120_000);
