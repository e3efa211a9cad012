/** Short scripts by which the write fuzz (test/fuzz/writes.fuzz.ts) once found that Folio and redis-server differ. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Run } from "../fuzz/writes/run.ts";
import type { Step } from "../fuzz/writes/script.ts";
import { Servers } from "../fuzz/writes/servers.ts";
import { redisInstalled } from "../support/redis-server.ts";

/** Each step a line of words parted by single spaces; "\0" in them is a NUL. */
const FOUND: Readonly<Record<string, string>> = {
  "an option that EXPIRE does not know is shown up to a NUL": `
    SET s0 x
    EXPIRE s0 100 a\\0b`,
  "BZMPOP looks at its numkeys and count before the timeout": `
    BZMPOP x z3 z0 x0 max
    BZMPOP nan 2 z2 z3 max COUNT 0`,
};

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.start();
  });
  afterAll(() => servers.stop());

  for (const [name, lines] of Object.entries(FOUND)) {
    test(name, async () => {
      const script: Step[] = lines
        .trim()
        .split("\n")
        .map((line) => line.trim().replaceAll("\\0", "\0").split(" "));
      const run = new Run(servers, script);
      expect(await run.run([...script, ["@check"], ["@drain"]])).toBeNull();
      expect(run.missing).toBe(0);
    });
  }
});
