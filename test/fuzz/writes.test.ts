/** A short run of the write fuzz: a fixed seed, and one that changes (FOLIO_SEED repeats it). */
import { describe, expect, test } from "bun:test";
import { redisInstalled } from "../support/redis-server.ts";
import { fuzzWrites } from "./writes.fuzz.ts";

const FIXED_SEED = 1;
const COMMANDS = Number(process.env["FOLIO_COMMANDS"] ?? 1200);

describe.skipIf(!redisInstalled)("commands that write, beside redis-server", () => {
  const random = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1_000_000);
  for (const seed of [FIXED_SEED, random]) {
    test(`a short run from seed ${seed}`, async () => {
      console.log(`write fuzz: FOLIO_SEED=${seed}`);
      const report = await fuzzWrites({ seed, commands: COMMANDS });
      expect(report.differences).toEqual([]);
      expect(report.commands).toBeGreaterThanOrEqual(COMMANDS);
      expect(report.missing).toBe(0);
    }, 3_600_000);
  }
});
