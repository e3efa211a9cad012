/** A short run of the RESTORE fuzzer, and a shorter one beside redis-server; FOLIO_SEED chooses another first case. */
import { expect, test } from "bun:test";
import { redisInstalled } from "../support/redis-server.ts";
import { fuzzRestore } from "./restore.fuzz.ts";

const seed = Number(process.env["FOLIO_SEED"] ?? 1);

test("damaged payloads are refused, and what is taken can be read", async () => {
  const before = process.memoryUsage.rss();
  const result = await fuzzRestore({ seed, cases: 2000, beside: false });
  expect(result.cases).toBe(2000);
  expect(result.taken).toBeGreaterThan(0);
  expect(result.taken).toBeLessThan(2000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 2 ** 20);
}, 60_000);

test.skipIf(!redisInstalled)(
  "redis-server takes and refuses the same",
  async () => {
    const result = await fuzzRestore({ seed, cases: 256, beside: true });
    expect(result.cases).toBe(256);
    expect(result.stricter).toBeLessThan(32);
  },
  60_000,
);
