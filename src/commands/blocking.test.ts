/** Clients that wait for keys, on a running server beside redis-server: the same steps on both, every reply the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import { encodeCommand, type RespClient } from "../../test/support/resp-client.ts";

/** How long a reply is waited for that is not to come. */
const SILENCE_MS = 30;

/** One server, and what its clients were told. */
class Side {
  readonly told: unknown[] = [];
  readonly server: ServerProcess;
  readonly main: RespClient;
  #clients: RespClient[] = [];

  constructor(server: ServerProcess, main: RespClient) {
    this.server = server;
    this.main = main;
  }

  async run(line: string): Promise<void> {
    this.told.push([line, await this.main.command(...line.split(" "))]);
  }

  async client(): Promise<RespClient> {
    const client = await this.server.connect();
    this.#clients.push(client);
    return client;
  }

  /** A client that sends a command and waits: its reply, and whether it has come. */
  async waits(line: string): Promise<() => Promise<void>> {
    const client = await this.client();
    const before = await this.#blocked();
    const reply = client.command(...line.split(" ")).catch((error) => String(error));
    for (let tries = 0; tries < 200 && (await this.#blocked()) === before; tries++) await Bun.sleep(2);
    return async () => {
      const late = Symbol("late");
      const found = await Promise.race([reply, Bun.sleep(SILENCE_MS).then(() => late)]);
      this.told.push([line, found === late ? "(waits)" : found]);
    };
  }

  async #blocked(): Promise<string> {
    return /blocked_clients:(\d+)/.exec(String(await this.main.command("INFO", "clients")))?.[1] ?? "";
  }

  async tellBlocked(): Promise<void> {
    this.told.push(["blocked", await this.#blocked()]);
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#clients = [];
    for (let tries = 0; tries < 500 && (await this.#blocked()) !== "0"; tries++) await Bun.sleep(2);
    await this.main.command("SELECT", "0");
    await this.main.command("FLUSHALL");
  }
}

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let dir: string;
  let sides: Side[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "folio-blocking-"));
    const servers = [spawnFolio(["--save", "", "--dir", dir]), spawnRedis()];
    sides = await Promise.all(servers.map(async (server) => new Side(await server.ready(), await server.connect())));
  });
  afterAll(async () => {
    await Promise.all(sides.map(({ server }) => server.stop()));
    rmSync(dir, { recursive: true, force: true });
  });

  /** Plays the same on both sides and compares what was told. */
  const same = async (play: (side: Side) => Promise<void>) => {
    for (const side of sides) {
      side.told.length = 0;
      await play(side);
      await side.end();
    }
    const [folio, redis] = sides as [Side, Side];
    expect(folio.told.length).toBeGreaterThan(0);
    expect(folio.told).toEqual(redis.told);
  };

  test("waiters are served in the order they came", () =>
    same(async (side) => {
      const a = await side.waits("BLPOP k 0");
      const b = await side.waits("BRPOP k other 0");
      const c = await side.waits("BLMOVE k other LEFT RIGHT 0");
      const d = await side.waits("BLMPOP 0 2 no k LEFT COUNT 10");
      await side.tellBlocked();
      await side.run("RPUSH k 1");
      await a();
      await side.run("RPUSH k 2 3 4 5 6");
      for (const reply of [b, c, d]) await reply();
      await side.run("LRANGE other 0 -1");
      await side.run("EXISTS k");
      await side.tellBlocked();
    }));

  test("what a served client makes is served in the same round", () =>
    same(async (side) => {
      const last = await side.waits("BLPOP c 0");
      const second = await side.waits("BLMOVE b c LEFT LEFT 0");
      const first = await side.waits("BRPOPLPUSH a b 0");
      await side.run("RPUSH a x");
      for (const reply of [first, second, last]) await reply();
      await side.run("EXISTS a b c");
      const round = [await side.waits("BRPOPLPUSH a b 0"), await side.waits("BRPOPLPUSH b a 0")];
      await side.run("RPUSH a x");
      for (const reply of round) await reply();
      await side.run("LRANGE a 0 -1");
      await side.run("DEL a");
      const self = await side.waits("BLMOVE a a LEFT RIGHT 0");
      await side.run("RPUSH a 1 2");
      await self();
      await side.run("LRANGE a 0 -1");
    }));

  test("every command that makes a key wakes who waits for it", () =>
    same(async (side) => {
      await side.run("RPUSH x 3 1 2");
      for (const line of ["RENAME x k", "COPY y k", "SORT y STORE k", "LMOVE y k LEFT RIGHT", "RPOPLPUSH y k"]) {
        const reply = await side.waits("BLPOP k 0");
        await side.run(line);
        await reply();
        await side.run("DEL k");
        await side.run("RPUSH y 1");
      }
      const dump = String(await side.main.command("DUMP", "y"));
      const restored = await side.waits("BLPOP k 0");
      side.told.push(await side.main.command("RESTORE", "k", "0", dump));
      await restored();
      const swapped = await side.waits("BLPOP y2 0");
      await side.run("SELECT 1");
      await side.run("RPUSH y2 v");
      await side.run("SWAPDB 0 1");
      await swapped();
      const moved = await side.waits("BLPOP y3 0");
      await side.run("SELECT 2");
      await side.run("RPUSH y3 v w");
      await side.run("MOVE y3 0");
      await moved();
    }));

  test("a key of another type is not what is waited for", () =>
    same(async (side) => {
      const reply = await side.waits("BLPOP k 0");
      await side.run("SET k text");
      await reply();
      await side.run("DEL k");
      await side.run("ZADD k 1 a");
      await side.run("RPUSH k v");
      await side.run("DEL k");
      await side.run("RPUSH k v");
      await reply();
      const target = await side.waits("BLMOVE k text LEFT LEFT 0");
      await side.run("SET text x");
      await side.run("RPUSH k 1");
      await target();
      await side.run("LRANGE k 0 -1");
      await side.run("BLPOP text 0");
      await side.run("BLPOP text k 0");
    }));

  test("times that are up, and CLIENT UNBLOCK", () =>
    same(async (side) => {
      for (const line of [
        "BLPOP k 0.05",
        "BRPOP k j 0.01",
        "BLMOVE k j LEFT LEFT 0.05",
        "BRPOPLPUSH k j 0.05",
        "BLMPOP 0.05 1 k LEFT",
      ]) {
        await side.run(line);
      }
      for (const how of ["", " TIMEOUT", " ERROR"]) {
        const client = await side.client();
        const id = Number(await client.command("CLIENT", "ID"));
        const reply = client.command("BLPOP", "k", "0");
        for (let tries = 0; tries < 200; tries++) {
          if ((await side.main.command("CLIENT", "UNBLOCK", `${id}`, ...how.split(" ").slice(1))) === 1) break;
          await Bun.sleep(2);
        }
        side.told.push([how, await reply, await client.command("PING")]);
        side.told.push(await side.main.command("CLIENT", "UNBLOCK", `${id}`));
      }
      await side.run("RPUSH k 1");
      await side.run("LLEN k");
      await side.run("BLPOP k 0");
    }));

  test("who has gone is not served", () =>
    same(async (side) => {
      const gone = await side.client();
      void gone.command("BLPOP", "k", "0").catch(() => {});
      const killed = await side.client();
      const id = await killed.command("CLIENT", "ID");
      void killed.command("BLPOP", "k", "0").catch(() => {});
      const stays = await side.waits("BLPOP k 0");
      gone.close();
      side.told.push(await side.main.command("CLIENT", "KILL", "ID", `${id}`));
      await Bun.sleep(SILENCE_MS);
      await side.tellBlocked();
      await side.run("RPUSH k 1 2");
      await stays();
      await side.run("LRANGE k 0 -1");
    }));

  test("pipelines: who waits goes on with what it has sent, who pushes sees what is left", () =>
    same(async (side) => {
      const waiter = await side.client();
      const replies = waiter.raw(
        [["BLPOP", "k", "0"], ["PING"], ["BLPOP", "k", "0"], ["LLEN", "k"]].map(encodeCommand).join(""),
        4,
      );
      await Bun.sleep(SILENCE_MS);
      side.told.push(
        await side.main.pipeline([
          ["LPUSH", "k", "1"],
          ["LLEN", "k"],
          ["LPUSH", "k", "2", "3"],
        ]),
      );
      side.told.push(await replies);
      await side.run("LRANGE k 0 -1");
    }));

  test("many waiters of many keys", () =>
    same(async (side) => {
      const waiters: (() => Promise<void>)[] = [];
      for (let i = 0; i < 20; i++) waiters.push(await side.waits(`BLPOP ${i % 4} ${(i + 1) % 5} ${i % 3} 0`));
      for (let i = 0; i < 5; i++) await side.run(`RPUSH ${i} a${i} b${i}`);
      for (const waiter of waiters) await waiter();
      await side.tellBlocked();
      for (let i = 0; i < 5; i++) await side.run(`RPUSH ${i} c d e`);
      for (const waiter of waiters) await waiter();
    }));

  test("words about timeouts", () =>
    same(async (side) => {
      for (const timeout of ["-1", "-0.1", "x", "", "nan", "-inf", "1x"]) {
        side.told.push(await side.main.command("BLPOP", "k", timeout));
        side.told.push(await side.main.command("BLMPOP", timeout, "1", "k", "LEFT"));
        side.told.push(await side.main.command("BLMOVE", "k", "j", "LEFT", "LEFT", timeout));
      }
    }));

  test("timeouts beyond 64 bits of milliseconds are out of range, as since Redis 7.2", async () => {
    const { main } = sides[0] as Side;
    for (const timeout of ["1e20", "inf", "0x7FFFFFFFFFFFFFFF", "9223372036854775"]) {
      expect(await main.command("BLPOP", "k", timeout)).toBe("-ERR timeout is out of range");
    }
  });
});
