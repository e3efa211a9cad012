/** A short run of the RDB fuzzer; FOLIO_SEED chooses another first case. */
import { expect, test } from "bun:test";
import { fuzzRdb } from "./rdb.fuzz.ts";

test("damaged dumps end in FormatError, quickly and in little memory", () => {
  const seed = Number(process.env["FOLIO_SEED"] ?? 1);
  const before = process.memoryUsage.rss();
  const result = fuzzRdb({ seed, cases: 2000 });
  expect(result.cases).toBe(2000);
  expect(result.survived).toBeGreaterThan(0);
  expect(result.survived).toBeLessThan(2000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 2 ** 20);
});
