/** The eviction clock's bits: ages and counters as Redis has them, wrapping, decay, RESTORE's options. */
import { describe, expect, test } from "bun:test";
import { Record } from "../rdb/record.ts";
import { setString } from "../types/string.ts";
import { AccessClock, LFU_INITIAL } from "./access.ts";
import type { Database } from "./database.ts";
import { Keyspace } from "./keyspace.ts";

const SECOND = 1000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = 1_800_000_000_000;

function counting(nowMs: number): AccessClock {
  const clock = new AccessClock(nowMs);
  clock.isCounting = true;
  clock.tick(nowMs);
  return clock;
}

describe("LRU", () => {
  test("seconds since the last use, across the wrap of 24 bits", () => {
    // 2^24 seconds divide 1970 + n: a moment just before a wrap.
    const wrapMs = 107 * 2 ** 24 * SECOND;
    for (const start of [NOW, wrapMs - 5 * SECOND]) {
      const clock = new AccessClock(start);
      const access = clock.touched(0);
      expect(access).toBe(Math.floor(start / SECOND) % 2 ** 24);
      expect(clock.idleSeconds(access)).toBe(0);
      clock.tick(start + 90 * SECOND);
      expect(clock.idleSeconds(access)).toBe(90);
      clock.tick(start + 100 * DAY);
      expect(clock.idleSeconds(access)).toBe(100 * 86_400);
      expect(clock.idleSeconds(clock.touched(access))).toBe(0);
    }
  });

  test("RESTORE's IDLETIME, and a FREQ that does not fit", () => {
    const clock = new AccessClock(NOW);
    expect(clock.idleSeconds(clock.restored(1000, -1))).toBe(1000);
    expect(clock.idleSeconds(clock.restored(2 ** 24 + 7, -1))).toBe(7);
    expect(clock.idleSeconds(clock.restored(-1, 200))).toBe(0);
  });
});

describe("LFU", () => {
  test("a new key counts 5, the next use is counted for certain, further ones ever more rarely", () => {
    const clock = counting(NOW);
    expect(clock.frequency(clock.value)).toBe(LFU_INITIAL);
    let access = clock.touched(clock.value);
    expect(clock.frequency(access)).toBe(LFU_INITIAL + 1);
    const after: number[] = [];
    for (let uses = 1; uses <= 1_000_000; uses++) {
      access = clock.touched(access);
      if (uses === 100 || uses === 1000 || uses === 100_000 || uses === 1_000_000) after.push(clock.frequency(access));
    }
    // redis.conf has 10, 18, 142, 255 for lfu-log-factor 10.
    // Chance is at work: six times its usual spread.
    const bounds = [6, 18, 8, 30, 110, 175, 240, 255];
    after.forEach((counter, i) => {
      expect(counter).toBeGreaterThanOrEqual(bounds[2 * i] as number);
      expect(counter).toBeLessThanOrEqual(bounds[2 * i + 1] as number);
    });
    clock.logFactor = 0;
    for (let uses = 0; uses < 300; uses++) access = clock.touched(access);
    expect(clock.frequency(access)).toBe(255);
  });

  test("decays by one for each lfu-decay-time minutes, across the wrap of 16 bits", () => {
    const wrapMs = 458 * 2 ** 16 * MINUTE;
    for (const start of [NOW, wrapMs - 2 * MINUTE]) {
      const clock = counting(start);
      const access = clock.restored(-1, 100);
      expect(clock.frequency(access)).toBe(100);
      clock.tick(start + 30 * MINUTE);
      expect(clock.frequency(access)).toBe(70);
      clock.decayMinutes = 10;
      expect(clock.frequency(access)).toBe(97);
      clock.decayMinutes = 0;
      expect(clock.frequency(access)).toBe(100);
      clock.decayMinutes = 1;
      clock.tick(start + 300 * MINUTE);
      expect(clock.frequency(access)).toBe(0);
    }
  });

  test("a FREQ is taken as it is, an IDLETIME is not", () => {
    const clock = counting(NOW);
    expect(clock.frequency(clock.restored(-1, 255))).toBe(255);
    expect(clock.frequency(clock.restored(1000, -1))).toBe(LFU_INITIAL);
  });
});

describe("a database's keys", () => {
  const record = new Record();
  const key = Buffer.from("..key..");

  function set(database: Database, value: string): void {
    setString(database, key, 2, 3, Buffer.from(value), 0, value.length, -1);
  }

  function use(database: Database): Record {
    expect(database.find(key, 2, 3, NOW, record)).toBe(true);
    return record;
  }

  test("note when they were written and touched, not when they were found", () => {
    const keyspace = new Keyspace([], 1);
    const { access } = keyspace;
    const database = keyspace.database(0);
    access.tick(NOW);
    set(database, "short");
    access.tick(NOW + 50 * SECOND);
    expect(access.recordIdleSeconds(use(database))).toBe(50);
    expect(access.recordIdleSeconds(use(database))).toBe(50);
    database.touch(use(database));
    expect(access.recordIdleSeconds(use(database))).toBe(0);
    access.tick(NOW + 70 * SECOND);
    // In its own block, in a larger one, apart.
    for (const [i, value] of ["other", "longer".repeat(20), "x".repeat(50_000)].entries()) {
      set(database, value);
      expect(access.recordIdleSeconds(use(database))).toBe(0);
      access.tick(NOW + (80 + i) * SECOND);
    }
    database.setExpiry(key, 2, 3, NOW + DAY, use(database));
    expect(access.recordIdleSeconds(use(database))).toBe(0);
    expect(database.setAccess(key, 2, 3, 77, -1)).toBe(true);
    expect(access.recordIdleSeconds(use(database))).toBe(77);
    expect(database.setAccess(key, 2, 2, 77, -1)).toBe(false);
  });

  test("keep their counter when they are written over, frozen, thawed", () => {
    const keyspace = new Keyspace([], 1);
    const { access } = keyspace;
    access.isCounting = true;
    access.logFactor = 1e9;
    access.tick(NOW);
    const database = keyspace.database(0);
    set(database, "first");
    database.setAccess(key, 2, 3, -1, 200);
    set(database, "again");
    set(database, "x".repeat(3000));
    expect(access.recordFrequency(use(database))).toBe(200);
    database.setExpiry(key, 2, 3, NOW + DAY, use(database));
    database.setExpiry(key, 2, 3, -1, use(database));
    keyspace.freeze();
    expect(access.recordFrequency(use(database))).toBe(200);
    set(database, "above what is frozen");
    expect(access.recordFrequency(use(database))).toBe(200);
    for (const _ of keyspace.thaw());
    expect(access.recordFrequency(use(database))).toBe(200);
  });
});
