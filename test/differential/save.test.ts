/**
 * What Folio saves, loaded by a real redis-server: the same as if that server had done everything itself. A dump of random data of
 * every type (FOLIO_SEED replays it) as the layer, or restored into the overlay; writes; in each RDB version that the server reads.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REDIS_SERVER, type ServerProcess, spawnFolio, spawnRedis } from "../support/processes.ts";
import { fillAtRandom, randomStream } from "../support/random-dataset.ts";
import type { RespClient } from "../support/resp-client.ts";
import { readSnapshot } from "../support/snapshot.ts";

if (!REDIS_SERVER) console.log("skipped: no redis-server on this machine to load what was saved");

const CHECKER = Bun.which("redis-check-rdb");
const DATABASES = ["0", "3", "15"];

/** Writes that both servers know, on keys that the dump has. */
function writes(random: (below: number) => number): string[][] {
  const commands: string[][] = [];
  const kinds = ["string", "list", "set", "intset", "hash", "zset", "stream"];
  for (let i = 0; i < 120; i++) {
    commands.push(["SELECT", DATABASES[random(3)] as string]);
    const key = `${kinds[random(kinds.length)]}:${random(24)}`;
    switch (random(7)) {
      case 0:
        commands.push(["DEL", key]);
        break;
      case 1:
        commands.push(["SET", key, "overwritten ".repeat(random(40))]);
        break;
      case 2:
        commands.push(["PEXPIREAT", key, `${4_102_444_800_000 + random(1_000_000)}`]);
        break;
      case 3:
        commands.push(["PERSIST", key]);
        break;
      case 4:
        commands.push(["COPY", key, `copy:${i}`, "REPLACE"]);
        break;
      case 5:
        commands.push(["RENAME", key, `renamed:${random(20)}`]);
        break;
      default:
        commands.push(["SET", `new:${i}`, `${random(2 ** 31)}`], ["MOVE", `new:${i}`, "7"]);
    }
  }
  commands.push(["SWAPDB", "3", "5"]);
  return commands;
}

describe.skipIf(!REDIS_SERVER)("saved by Folio, loaded by redis-server", () => {
  const seed = Number(process.env["FOLIO_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const folder = mkdtempSync(join(tmpdir(), "folio-saved-"));
  const dump = join(folder, "original.rdb");
  const processes: ServerProcess[] = [];
  const clients: RespClient[] = [];
  let redis: RespClient;

  async function connect(server: ServerProcess): Promise<RespClient> {
    processes.push(server);
    const client = await (await server.ready()).connect();
    clients.push(client);
    return client;
  }

  const startRedis = (file: string) => connect(spawnRedis(["--dir", folder, "--dbfilename", file]));
  const startFolio = (file: string, ...args: string[]) =>
    connect(spawnFolio(["--dir", folder, "--dbfilename", file, "--save", "", ...args]));

  beforeAll(async () => {
    console.log(`seed ${seed} (FOLIO_SEED=${seed} replays)`);
    redis = await startRedis("original.rdb");
    await fillAtRandom(redis, randomStream(seed));
    expect(await redis.command("SAVE")).toBe("+OK");
  }, 60_000);

  afterEach(async () => {
    // All but the first, which has the data.
    for (const client of clients.splice(1)) client.close();
    for (const server of processes.splice(1)) await server.stop("SIGKILL");
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    for (const server of processes) await server.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  async function digest(client: RespClient): Promise<string> {
    return String(await client.command("DEBUG", "DIGEST"));
  }

  /** redis-server loads `file`; its data is that of `expected`, to the last byte. */
  async function sameInRedis(file: string, expected: RespClient): Promise<void> {
    if (CHECKER !== null) {
      const check = Bun.spawnSync([CHECKER, join(folder, file)]);
      expect(check.stdout.toString()).toContain("RDB looks OK");
      expect(check.exitCode).toBe(0);
    }
    const loaded = await startRedis(file);
    expect(await readSnapshot(loaded)).toEqual(await readSnapshot(expected));
    expect(await digest(loaded)).toBe(await digest(expected));
  }

  /** Streams hold counts that version 9 does not know. */
  async function dropStreams(client: RespClient): Promise<void> {
    for (let db = 0; db < 16; db++) {
      await client.command("SELECT", `${db}`);
      for (const key of (await client.command("KEYS", "*")) as string[]) {
        if ((await client.command("TYPE", key)) === "+stream") await client.command("DEL", key);
      }
    }
  }

  test.each([
    ["10", "yes"],
    ["10", "no"],
    ["9", "yes"],
  ])(
    "a dump, written over and saved twice in version %s, compression %s",
    async (version, compression) => {
      copyFileSync(dump, join(folder, "folio.rdb"));
      copyFileSync(dump, join(folder, "model.rdb"));
      const folio = await startFolio("folio.rdb", "--rdb-version", version, "--rdbcompression", compression);
      const model = await startRedis("model.rdb");
      const random = randomStream(seed + 1);
      if (version === "9") for (const client of [folio, model]) await dropStreams(client);
      for (let round = 0; round < 2; round++) {
        const commands = writes(random);
        const answers = await folio.pipeline(commands);
        expect(answers).toEqual(await model.pipeline(commands));
        if (version === "9") for (const client of [folio, model]) await dropStreams(client);
        expect(await folio.command("SAVE")).toBe("+OK");
        expect(await readSnapshot(folio)).toEqual(await readSnapshot(model));
      }
      await sameInRedis("folio.rdb", model);
    },
    60_000,
  );

  test("every key restored into the overlay, saved from there", async () => {
    const folio = await startFolio("restored.rdb", "--rdb-version", "10");
    for (const db of DATABASES) {
      for (const client of [folio, redis]) await client.command("SELECT", db);
      for (const key of (await redis.command("KEYS", "*")) as string[]) {
        const payload = (await redis.command("DUMP", key)) as string;
        const ttl = String(Math.max(0, (await redis.command("PEXPIRETIME", key)) as number));
        expect(await folio.command("RESTORE", key, ttl, payload, "ABSTTL")).toBe("+OK");
      }
    }
    expect(await folio.command("SAVE")).toBe("+OK");
    expect(await readSnapshot(folio)).toEqual(await readSnapshot(redis));
    await sameInRedis("restored.rdb", redis);
  }, 60_000);

  test("SAVE, BGSAVE, LASTSAVE and SHUTDOWN answer alike", async () => {
    const folio = await startFolio("words.rdb", "--rdb-key-save-delay", "50000");
    const other = await startRedis("other.rdb");
    await other.command("CONFIG", "SET", "rdb-key-save-delay", "50000");
    for (const client of [folio, other]) for (let i = 0; i < 40; i++) await client.command("SET", `key:${i}`, "value");
    const asked = [
      ["BGSAVE", "NOW"],
      ["BGSAVE", "SCHEDULE", "SCHEDULE"],
      ["SAVE", "x"],
      ["LASTSAVE", "x"],
      ["SHUTDOWN", "LATER"],
      ["SHUTDOWN", "SAVE", "NOSAVE"],
      ["SHUTDOWN", "ABORT", "NOW"],
      ["SHUTDOWN", "ABORT"],
      ["BGSAVE"],
      ["BGSAVE"],
      ["BGSAVE", "SCHEDULE"],
      ["SAVE"],
    ];
    expect(await folio.pipeline(asked)).toEqual(await other.pipeline(asked));
    for (const client of [folio, other]) {
      expect(String(await client.command("INFO", "persistence"))).toContain("rdb_bgsave_in_progress:1");
    }
  }, 60_000);
});
