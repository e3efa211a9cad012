/**
 * The commands that read, compared with redis-server once more with every key in each of the other levels: written, frozen by a save, merged
 * back after one that failed, re-based onto what one has written. See test/support/levels.ts.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { LEVELS } from "../support/levels.ts";
import { redisInstalled } from "../support/redis-server.ts";

const ROOT = join(import.meta.dir, "../..");
const TIMEOUT_MS = 120_000;
const FAMILIES = ["collections", "strings", "zsets", "geo", "streams", "keyspace-reads", "hash-expiry"];

describe.skipIf(!redisInstalled)("every family of commands that read", () => {
  for (const level of LEVELS) {
    // The tests run by themselves at the first one.
    if (level === "layer") continue;
    test(
      `with its keys ${level}`,
      async () => {
        const files = FAMILIES.map((family) => `./src/commands/${family}.test.ts`);
        const run = Bun.spawn([process.execPath, "test", "--timeout", `${TIMEOUT_MS}`, ...files], {
          cwd: ROOT,
          env: { ...process.env, FOLIO_LEVEL: level },
          stdout: "pipe",
          stderr: "pipe",
        });
        const [out, report, code] = await Promise.all([
          new Response(run.stdout).text(),
          new Response(run.stderr).text(),
          run.exited,
        ]);
        expect(code === 0 ? "" : `${out}${report}`).toBe("");
        const passed = Number(/(\d+) pass/.exec(report)?.[1]);
        expect(passed).toBeGreaterThan(40);
      },
      TIMEOUT_MS,
    );
  }
});
