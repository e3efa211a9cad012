/** INFO's rdb_last_load_keys_loaded and _expired, of Folio and redis-server on the same file, at the start and after DEBUG RELOAD. */
import { expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../support/processes.ts";
import { redisInstalled } from "../support/redis-server.ts";
import type { RespClient } from "../support/resp-client.ts";

async function lastLoad(client: RespClient): Promise<string[]> {
  const info = String(await client.command("INFO", "persistence"));
  return info.split("\r\n").filter((line) => line.startsWith("rdb_last_load"));
}

test.skipIf(!redisInstalled)(
  "keys loaded, and keys that had expired",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "folio-last-load-"));
    const started: ServerProcess[] = [];
    const start = async (server: ServerProcess) => {
      started.push(server);
      return (await server.ready()).connect();
    };
    try {
      const maker = await start(spawnRedis(["--dir", dir]));
      await maker.command("DEBUG", "SET-ACTIVE-EXPIRE", "0");
      for (let i = 0; i < 30; i++) {
        if (i === 20) await maker.command("SELECT", "3");
        await maker.command(
          "SET",
          `key:${i}`,
          "value",
          ...(i % 3 === 0 ? ["PX", "100"] : i % 3 === 1 ? ["EX", "1000"] : []),
        );
      }
      await maker.command("SAVE");
      await Bun.sleep(150);
      copyFileSync(join(dir, "dump.rdb"), join(dir, "copy.rdb"));
      const theirs = await start(spawnRedis(["--dir", dir]));
      const ours = await start(spawnFolio([join(dir, "copy.rdb"), "--enable-debug-command", "yes", "--save", ""]));
      const both = async () => expect(await lastLoad(ours)).toEqual(await lastLoad(theirs));
      expect(await lastLoad(ours)).toEqual(["rdb_last_load_keys_expired:10", "rdb_last_load_keys_loaded:20"]);
      await both();
      for (const words of [["DEL", "key:1"], ["SET", "new", "x"], ["CONFIG", "RESETSTAT"], ["BGSAVE"]]) {
        for (const client of [ours, theirs]) await client.command(...words);
        await both();
      }
      await Bun.sleep(300);
      await both();
      for (const client of [ours, theirs]) expect(await client.command("DEBUG", "RELOAD")).toBe("+OK");
      expect(await lastLoad(ours)).toEqual(["rdb_last_load_keys_expired:0", "rdb_last_load_keys_loaded:20"]);
      await both();
    } finally {
      await Promise.all(started.map((server) => server.stop("SIGKILL")));
      rmSync(dir, { recursive: true, force: true });
    }
  },
  60_000,
);
