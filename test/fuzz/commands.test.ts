/** A short run of the command fuzz, and the table of wanted differences against the document. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REDIS_SERVER, REPOSITORY } from "../support/processes.ts";
import { WANTED } from "./command-rules.ts";
import { fuzzCommands } from "./commands.fuzz.ts";

if (!REDIS_SERVER) console.log("skipped: no redis-server on this machine to compare with");

const FIXED_SEED = 1;

describe.skipIf(!REDIS_SERVER)("commands beside redis-server", () => {
  const random = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1_000_000);
  for (const seed of [FIXED_SEED, random]) {
    test(`a short run from seed ${seed}`, async () => {
      console.log(`command fuzz: FOLIO_SEED=${seed}`);
      const report = await fuzzCommands({ seconds: 100, seed, commands: 2000 });
      expect(report.differences).toEqual([]);
      expect(report.commands).toBeGreaterThan(1900);
    }, 120_000);
  }
});

test("what differs on purpose stands in docs/differences.md", () => {
  const document = readFileSync(join(REPOSITORY, "docs/differences.md"), "utf8").replace(/\s+/g, " ");
  const missing = WANTED.filter((one) => one.since === undefined && !document.includes(one.documented ?? one.why));
  expect(missing.map((one) => one.why)).toEqual([]);
});
