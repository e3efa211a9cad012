/** Short scripts by which the write fuzz (test/fuzz/writes.fuzz.ts) once found that Folio and redis-server differ. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Run } from "../fuzz/writes/run.ts";
import type { Step } from "../fuzz/writes/script.ts";
import { Servers } from "../fuzz/writes/servers.ts";
import { redisInstalled } from "../support/redis-server.ts";

/** Each step a line of words parted by single spaces; "\0" in them is a NUL. */
const lines = (count: number, make: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join("\n");
const FOUND: Readonly<Record<string, string>> = {
  "XAUTOCLAIM of more entries than lie in one leaf": `
    ${lines(300, (i) => `XADD x0 ${i}-1 a m${i}`)}
    XGROUP CREATE x0 g1 0
    XREADGROUP GROUP g1 alice COUNT 280 STREAMS x0 >
    XDEL x0 20-1 70-1 71-1
    XAUTOCLAIM x0 g1 bob 0 36-0 JUSTID
    XAUTOCLAIM x0 g1 bob 0 0 COUNT 200
    XAUTOCLAIM x0 g1 carol 1000000 0 COUNT 200
    XPENDING x0 g1
    XPENDING x0 g1 - + 300 bob`,
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

  for (const [name, text] of Object.entries(FOUND)) {
    test(name, async () => {
      const script: Step[] = text
        .trim()
        .split("\n")
        .map((line) => line.trim().replaceAll("\\0", "\0").split(" "));
      const run = new Run(servers, script);
      expect(await run.run([...script, ["@check"], ["@drain"]])).toBeNull();
      expect(run.missing).toBe(0);
    });
  }
});
