/**
 * Saves that are disturbed: killed at any moment, without room, without a directory; writes, deletions and scans meanwhile. Real
 * processes, real files. FOLIO_ROUNDS sets how many saves are killed (200 for the long run), FOLIO_SEED when.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio } from "../support/processes.ts";
import { seededRandom } from "../support/random.ts";
import type { RespClient } from "../support/resp-client.ts";

const KEYS = 20_000;
const ROUNDS = Number(process.env["FOLIO_ROUNDS"] ?? 8);
const MISCONF = "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.";

const folder = fs.mkdtempSync(join(tmpdir(), "folio-save-"));
const running: { server: ServerProcess; client: RespClient }[] = [];

async function start(...args: string[]): Promise<{ server: ServerProcess; client: RespClient }> {
  const server = await spawnFolio(["--dir", folder, "--save", "", ...args]).ready();
  const started = { server, client: await server.connect() };
  running.push(started);
  return started;
}

afterEach(async () => {
  for (const { server, client } of running.splice(0)) {
    client.close();
    await server.stop("SIGKILL");
  }
  for (const name of fs.readdirSync(folder)) fs.rmSync(join(folder, name), { recursive: true });
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function fill(client: RespClient, text: string, keys = KEYS): Promise<void> {
  const commands = Array.from({ length: keys }, (_, i) => ["SET", `key:${i}`, `${text} of ${i}`]);
  for (const reply of await client.pipeline(commands)) expect(reply).toBe("+OK");
}

/** The text that all keys have; throws where they differ. */
async function textOf(client: RespClient, keys = KEYS): Promise<string> {
  const values = (await client.pipeline(Array.from({ length: keys }, (_, i) => ["GET", `key:${i}`]))) as string[];
  const text = (values[0] as string).replace(/ of 0$/, "");
  values.forEach((value, i) => {
    if (value !== `${text} of ${i}`) throw new Error(`key:${i} is ${value}, others are ${text}`);
  });
  return text;
}

async function info(client: RespClient, field: string): Promise<string> {
  const text = String(await client.command("INFO", "persistence"));
  return new RegExp(`^${field}:(.*)\\r$`, "m").exec(text)?.[1] as string;
}

async function untilSaved(client: RespClient): Promise<void> {
  while ((await info(client, "rdb_bgsave_in_progress")) !== "0") await Bun.sleep(5);
}

const drafts = () => fs.readdirSync(folder).filter((name) => name.endsWith(".tmp"));

test(`kill -9 at any moment of a save: the last whole snapshot is there (${ROUNDS} times)`, async () => {
  const random = seededRandom("kill -9");
  const first = await start();
  await fill(first.client, "round 0");
  const before = performance.now();
  expect(await first.client.command("SAVE")).toBe("+OK");
  const usualMs = performance.now() - before;
  let { client, server } = first;
  let saved = "round 0";
  let renamed = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    await fill(client, `round ${round}`);
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    await Bun.sleep(random() * usualMs * 1.3);
    client.close();
    await server.stop("SIGKILL");
    ({ client, server } = await start());
    expect(drafts()).toEqual([]);
    const text = await textOf(client);
    expect([saved, `round ${round}`]).toContain(text);
    if (text !== saved) renamed++;
    saved = text;
  }
  console.log(`${ROUNDS} saves killed, ${renamed} of them after the new snapshot was in place`);
}, 600_000);

describe("writes during a save", () => {
  /** Overwrites, deletes, adds: what is there in the end, by key. */
  async function disturb(client: RespClient): Promise<Map<string, string | null>> {
    const expected = new Map<string, string | null>();
    const commands: string[][] = [];
    for (let i = 0; i < KEYS; i += 7) {
      commands.push(["SET", `key:${i}`, `again ${i}`]);
      expected.set(`key:${i}`, `again ${i}`);
    }
    for (let i = 3; i < KEYS; i += 7) {
      commands.push(["DEL", `key:${i}`]);
      expected.set(`key:${i}`, null);
    }
    for (let i = 0; i < 500; i++) {
      commands.push(["SET", `new:${i}`, "n"], ["APPEND", `new:${i}`, `${i}`]);
      expected.set(`new:${i}`, `n${i}`);
    }
    for (let i = 0; i < 100; i++) commands.push(["DEL", `new:${i}`]);
    for (let i = 0; i < 100; i++) expected.set(`new:${i}`, null);
    expect((await client.pipeline(commands)).filter((reply) => String(reply).startsWith("-"))).toEqual([]);
    return expected;
  }

  async function check(client: RespClient, expected: Map<string, string | null>): Promise<void> {
    const keys = Array.from({ length: KEYS }, (_, i) => `key:${i}`).concat([...expected.keys()]);
    const values = await client.pipeline(keys.map((key) => ["GET", key]));
    keys.forEach((key, i) => {
      const untouched = `before of ${key.slice(4)}`;
      expect(`${key} ${values[i]}`).toBe(`${key} ${expected.has(key) ? expected.get(key) : untouched}`);
    });
    const gone = [...expected.values()].filter((value) => value === null).length;
    const added = 500;
    expect(await client.command("DBSIZE")).toBe(KEYS + added - gone);
  }

  test("are all there after it, after another, and after a restart", async () => {
    const { client, server } = await start("--rdb-key-save-delay", "20");
    await fill(client, "before");
    expect(await client.command("SAVE")).toBe("+OK");
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    const expected = await disturb(client);
    expect(await info(client, "rdb_bgsave_in_progress")).toBe("1");
    await check(client, expected);
    await untilSaved(client);
    await check(client, expected);
    expect(await client.command("SAVE")).toBe("+OK");
    await check(client, expected);
    client.close();
    await server.stop("SIGKILL");
    const again = await start();
    await check(again.client, expected);
  }, 60_000);

  test("are all there after one that was given up, and after one that failed", async () => {
    const { client } = await start("--rdb-key-save-delay", "100");
    await fill(client, "before");
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    const expected = await disturb(client);
    fs.renameSync(folder, `${folder}.away`);
    while ((await info(client, "rdb_bgsave_in_progress")) !== "0") await Bun.sleep(20);
    fs.renameSync(`${folder}.away`, folder);
    expect(await info(client, "rdb_last_bgsave_status")).toBe("err");
    await check(client, expected);
    // Drafts that were there already could not be found to be removed; the next save does it.
    await client.command("CONFIG", "SET", "rdb-key-save-delay", "0");
    expect(await client.command("SAVE")).toBe("+OK");
    expect(drafts()).toEqual([]);
    await check(client, expected);
  }, 60_000);

  test("a scan that begins before it and ends after it meets every key that was there throughout", async () => {
    const { client } = await start("--rdb-key-save-delay", "10");
    await fill(client, "before");
    for (let round = 0; round < 3; round++) {
      const met = new Set<string>();
      expect(await client.command("BGSAVE")).toBe("+Background saving started");
      for (let cursor = "0", step = 0; step === 0 || cursor !== "0"; step++) {
        const [next, keys] = (await client.command("SCAN", cursor, "COUNT", "100")) as [string, string[]];
        for (const key of keys) met.add(key);
        cursor = next;
        if (step % 20 === 0) {
          await client.command("SET", `key:${(step * 37) % KEYS}`, "changed");
          await client.command("DEL", `other:${step}`);
        }
        if (step === 60) await untilSaved(client);
      }
      const missed = Array.from({ length: KEYS }, (_, i) => `key:${i}`).filter((key) => !met.has(key));
      expect(missed).toEqual([]);
    }
  }, 60_000);
});

describe("a save that fails", () => {
  test("says so in the log, in INFO and to writers; the file stays; the next one that works ends it", async () => {
    const { client, server } = await start("--save", "3600 1000000");
    await fill(client, "kept", 500);
    expect(await client.command("SAVE")).toBe("+OK");
    const bytes = fs.readFileSync(join(folder, "dump.rdb"));
    await fill(client, "newer", 500);
    fs.renameSync(folder, `${folder}.away`);
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    await untilSaved(client);
    fs.renameSync(`${folder}.away`, folder);
    expect(await info(client, "rdb_last_bgsave_status")).toBe("err");
    expect(server.output).toMatch(/# Background saving error: .*dump\.rdb: ENOENT/);
    expect(String(await client.command("SET", "a", "b"))).toStartWith(MISCONF);
    expect(String(await client.command("PING"))).toStartWith(MISCONF);
    expect(await textOf(client, 500)).toBe("newer");
    expect(Buffer.compare(fs.readFileSync(join(folder, "dump.rdb")), bytes)).toBe(0);
    expect(fs.readdirSync(folder).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
    expect(await client.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")).toBe("+OK");
    expect(await client.command("SET", "a", "b")).toBe("+OK");
    expect(await client.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")).toBe("+OK");
    expect(String(await client.command("SET", "a", "b"))).toStartWith(MISCONF);
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    await untilSaved(client);
    expect(await client.command("SET", "a", "b")).toBe("+OK");
    expect(await info(client, "rdb_last_bgsave_status")).toBe("ok");
    expect(await textOf(client, 500)).toBe("newer");
  }, 60_000);

  /** A small file system in memory, if this user may mount one. */
  const small = join(tmpdir(), `folio-small-${process.pid}`);
  let isMounted = false;
  beforeAll(() => {
    fs.mkdirSync(small);
    isMounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "folio-test", small]).exitCode === 0;
    if (!isMounted) console.log("skipped: this user may not mount a small file system");
  });
  afterAll(() => {
    if (isMounted) Bun.spawnSync(["umount", small]);
    fs.rmSync(small, { recursive: true, force: true });
  }, 60_000);

  test("a full disk: the old snapshot and its index stay, drafts go, writers are told, nothing is lost", async () => {
    if (!isMounted) return;
    const server = await spawnFolio(["--dir", small, "--save", "3600 1000000", "--rdbcompression", "no"]).ready();
    const client = await server.connect();
    running.push({ server, client });
    await fill(client, "small", 2000);
    expect(await client.command("SAVE")).toBe("+OK");
    const values = Array.from({ length: 3000 }, (_, i) => ["SET", `big:${i}`, "x".repeat(1000)]);
    await client.pipeline(values);
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    await untilSaved(client);
    expect(await info(client, "rdb_last_bgsave_status")).toBe("err");
    expect(server.output).toMatch(/Background saving error: .*ENOSPC/);
    expect(String(await client.command("SET", "a", "b"))).toStartWith(MISCONF);
    expect(await client.command("DBSIZE")).toBe(5000);
    expect(await textOf(client, 2000)).toBe("small");
    expect(fs.readdirSync(small).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
    client.close();
    await server.stop("SIGKILL");
    const again = await spawnFolio(["--dir", small]).ready();
    const reader = await again.connect();
    running.push({ server: again, client: reader });
    expect(await textOf(reader, 2000)).toBe("small");
    expect(again.output).not.toContain("building");
  }, 60_000);
});

describe("the end of the server", () => {
  const SAVE_POINTS = ["--save", "3600 1000000"];

  async function contents(): Promise<string> {
    const { client } = await start();
    return textOf(client, 300);
  }

  test("SIGTERM saves what was changed, where save points are configured", async () => {
    const { client, server } = await start(...SAVE_POINTS);
    await fill(client, "changed", 300);
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(server.output).toContain("Saving the final RDB snapshot before exiting.");
    expect(await contents()).toBe("changed");
  }, 60_000);

  test("without save points, or without a change, it does not", async () => {
    const first = await start();
    await fill(first.client, "lost", 300);
    expect(await first.server.stop("SIGTERM")).toBe(0);
    expect(fs.readdirSync(folder)).toEqual([]);
    const second = await start(...SAVE_POINTS);
    expect(await second.server.stop("SIGTERM")).toBe(0);
    expect(fs.readdirSync(folder)).toEqual([]);
  }, 60_000);

  test("SHUTDOWN SAVE and NOSAVE say it themselves", async () => {
    const first = await start();
    await fill(first.client, "first", 300);
    await first.client.command("SHUTDOWN", "SAVE").catch(() => {});
    await first.server.child.exited;
    const second = await start(...SAVE_POINTS);
    expect(await textOf(second.client, 300)).toBe("first");
    await fill(second.client, "second", 300);
    await second.client.command("SHUTDOWN", "NOSAVE").catch(() => {});
    expect(await second.server.child.exited).toBe(0);
    expect(await contents()).toBe("first");
  }, 60_000);

  test("a save that runs is given up for the last one, and holds all that was written before it", async () => {
    const { client, server } = await start(...SAVE_POINTS, "--rdb-key-save-delay", "1000");
    await fill(client, "early", 300);
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    await fill(client, "late", 300);
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(server.output).toContain("giving it up");
    expect(await contents()).toBe("late");
  }, 60_000);

  test("where the last save fails the server goes on, unless it is forced", async () => {
    const { client, server } = await start(...SAVE_POINTS);
    await fill(client, "kept", 300);
    fs.renameSync(folder, `${folder}.away`);
    try {
      expect(await client.command("SHUTDOWN")).toBe("-ERR Errors trying to SHUTDOWN. Check logs.");
      expect(await textOf(client, 300)).toBe("kept");
      expect(await client.command("SET", "a", "b")).toBe("+OK");
      server.child.kill("SIGTERM");
      while (!server.output.includes("SIGTERM received but errors trying to shut down")) await Bun.sleep(10);
      expect(await client.command("SET", "a", "c")).toBe("+OK");
      await client.command("SHUTDOWN", "FORCE").catch(() => {});
      expect(await server.child.exited).toBe(0);
    } finally {
      fs.renameSync(`${folder}.away`, folder);
    }
  }, 60_000);

  test("SHUTDOWN ABORT while the last save runs", async () => {
    const { client, server } = await start(...SAVE_POINTS, "--rdb-key-save-delay", "20000");
    await fill(client, "kept", 300);
    const other = await server.connect();
    const answer = client.command("SHUTDOWN");
    while (!server.output.includes("Saving the final RDB snapshot")) await Bun.sleep(5);
    expect(await other.command("GET", "key:1")).toBe("kept of 1");
    const held = other.command("SET", "while", "ending");
    const third = await server.connect();
    expect(await third.command("SHUTDOWN", "ABORT")).toBe("+OK");
    expect(await answer).toBe("-ERR Errors trying to SHUTDOWN. Check logs.");
    expect(await held).toBe("+OK");
    expect(await third.command("SHUTDOWN", "ABORT")).toBe("-ERR No shutdown in progress.");
    expect(await textOf(third, 300)).toBe("kept");
    expect(server.output).toContain("Shutdown manually aborted");
    other.close();
    third.close();
  }, 60_000);

  test("a signal while the cron rests waits for it, and SHUTDOWN ABORT gives it up; a second SIGINT does not wait", async () => {
    const { client, server } = await start("--enable-debug-command", "yes");
    const aborted = () => server.output.split("Shutdown manually aborted").length - 1;
    for (const signal of ["SIGTERM", "SIGINT", "SIGINT"] as const) {
      const before = aborted();
      expect(await client.command("DEBUG", "PAUSE-CRON", "1")).toBe("+OK");
      process.kill(server.pid, signal);
      while ((await client.command("SHUTDOWN", "ABORT")) !== "+OK") await Bun.sleep(5);
      expect(await client.command("SHUTDOWN", "ABORT")).toBe("-ERR No shutdown in progress.");
      expect(await client.command("DEBUG", "PAUSE-CRON", "0")).toBe("+OK");
      while (aborted() === before) await Bun.sleep(5);
      expect(server.output).toContain(`Received ${signal} scheduling shutdown...`);
    }
    await Bun.sleep(1500);
    expect(await client.command("PING")).toBe("+PONG");
    expect(server.output).not.toContain("errors trying to shut down");
    expect(await client.command("DEBUG", "PAUSE-CRON", "1")).toBe("+OK");
    process.kill(server.pid, "SIGTERM");
    await Bun.sleep(200);
    expect(await client.command("DEBUG", "PAUSE-CRON", "0")).toBe("+OK");
    expect(await server.child.exited).toBe(0);
  }, 60_000);
});

describe("when saves begin, and where they go", () => {
  test("save points count changes and seconds; they follow CONFIG SET", async () => {
    const { client } = await start();
    await fill(client, "some", 50);
    expect(await info(client, "rdb_changes_since_last_save")).toBe("50");
    expect(await client.command("CONFIG", "SET", "save", "1 51")).toBe("+OK");
    await Bun.sleep(2500);
    expect(fs.existsSync(join(folder, "dump.rdb"))).toBe(false);
    await client.command("SET", "one", "more");
    while (!fs.existsSync(join(folder, "dump.rdb"))) await Bun.sleep(20);
    await untilSaved(client);
    expect(await info(client, "rdb_changes_since_last_save")).toBe("0");
    expect(Number(await client.command("LASTSAVE"))).toBeGreaterThan(Date.now() / 1000 - 20);
  }, 60_000);

  test("SAVE holds its client only, and whoever wants another save; INFO tells how far it is", async () => {
    const { client, server } = await start("--rdb-key-save-delay", "2000");
    await fill(client, "some", 500);
    const other = await server.connect();
    const answer = client.command("SAVE");
    while ((await info(other, "rdb_bgsave_in_progress")) !== "1") await Bun.sleep(5);
    await other.command("SET", "meanwhile", "1");
    while ((await info(other, "current_save_keys_processed")) === "0") await Bun.sleep(5);
    expect(await info(other, "current_save_keys_total")).toBe("500");
    const third = await server.connect();
    const next = third.command("BGSAVE");
    expect(await Promise.race([next, answer])).toBe("+OK");
    expect(await info(client, "rdb_last_bgsave_time_sec")).toBe("-1");
    expect(await next).toBe("+Background saving started");
    expect(await other.command("BGSAVE")).toBe("-ERR Background save already in progress");
    expect(await other.command("SAVE")).toBe("-ERR Background save already in progress");
    await untilSaved(client);
    expect(await info(other, "rdb_changes_since_last_save")).toBe("0");
    for (const one of [other, third]) one.close();
  }, 60_000);

  test("FLUSHALL gives up the save that runs, and with save points the file becomes empty", async () => {
    const { client } = await start("--save", "3600 1000000");
    await fill(client, "some", 500);
    expect(await client.command("SAVE")).toBe("+OK");
    await client.command("CONFIG", "SET", "rdb-key-save-delay", "20000");
    expect(await client.command("BGSAVE")).toBe("+Background saving started");
    expect(await client.command("FLUSHALL")).toBe("+OK");
    expect(fs.statSync(join(folder, "dump.rdb")).size).toBeLessThan(200);
    expect(await client.command("DBSIZE")).toBe(0);
    const again = await start("--port", "0", "--unixsocket", join(folder, "s")).catch((error: Error) => error);
    expect(String(again)).toContain("is in use by another Folio");
  }, 60_000);

  test("FLUSHALL with save points has ended its save when it answers: SAVE, BGSAVE and another FLUSHALL may follow at once", async () => {
    const { client, server } = await start("--save", "3600 1000000");
    const other = await server.connect();
    for (const flush of [["FLUSHALL"], ["FLUSHALL", "ASYNC"], ["flushall", "sync"]]) {
      await fill(client, "some", 500);
      const [flushed, dirty, saved] = await client.pipeline([flush, ["INFO", "persistence"], ["SAVE"]]);
      expect([flushed, saved]).toEqual(["+OK", "+OK"]);
      expect(String(dirty)).toContain("rdb_changes_since_last_save:0\r");
      expect(String(dirty)).toContain("rdb_bgsave_in_progress:0\r");
      expect(fs.statSync(join(folder, "dump.rdb")).size).toBeLessThan(200);
    }
    await fill(client, "some", 500);
    const begun = await Promise.all([
      client.pipeline([["FLUSHALL"], ["FLUSHALL"], ["BGSAVE"]]),
      other.pipeline([["SAVE"], ["SET", "other", "1"], ["FLUSHALL"]]),
    ]);
    expect(begun[0].slice(0, 2)).toEqual(["+OK", "+OK"]);
    expect(begun[1].slice(1)).toEqual(["+OK", "+OK"]);
    await untilSaved(client);
    expect(await client.command("DBSIZE")).toBe(0);
    other.close();
  }, 60_000);

  test("FLUSHALL whose file cannot be written answers OK as Redis's, and what it changed is still to be saved", async () => {
    const { client } = await start("--save", "3600 1000000", "--enable-protected-configs", "yes");
    await fill(client, "some", 500);
    expect(await client.command("SAVE")).toBe("+OK");
    fs.mkdirSync(join(folder, "taken.rdb"));
    fs.writeFileSync(join(folder, "taken.rdb", "file"), "");
    expect(await client.command("CONFIG", "SET", "dbfilename", "taken.rdb")).toBe("+OK");
    expect(await client.command("FLUSHALL")).toBe("+OK");
    expect(await info(client, "rdb_changes_since_last_save")).toBe("500");
    expect(await info(client, "rdb_last_bgsave_status")).toBe("ok");
    expect(await client.command("DBSIZE")).toBe(0);
  }, 60_000);

  test("to another directory and name by CONFIG SET: its lock is taken, the old one is let go", async () => {
    const there = join(folder, "there");
    fs.mkdirSync(there);
    const { client } = await start("--enable-protected-configs", "yes");
    await fill(client, "moved", 300);
    expect(await client.command("CONFIG", "SET", "dir", there, "dbfilename", "other.rdb")).toBe("+OK");
    expect(await client.command("SAVE")).toBe("+OK");
    expect(fs.readdirSync(there).sort()).toEqual(["other.rdb", "other.rdb.idx"]);
    expect(String(await client.command("INFO", "layers"))).toContain(`layer0_file:${join(there, "other.rdb")}`);
    await expect(spawnFolio([join(there, "other.rdb")]).ready()).rejects.toThrow("in use by another Folio");
    expect(await textOf(client, 300)).toBe("moved");
  }, 60_000);

  for (const [option, value] of [
    ["--mmap-safety", "copy"],
    ["--index-dir", join(folder, "indexes")],
  ] as const) {
    test(`with ${option}`, async () => {
      fs.mkdirSync(join(folder, "indexes"));
      const { client, server } = await start(option, value);
      for (let round = 0; round < 3; round++) {
        await fill(client, `round ${round}`, 2000);
        expect(await client.command("SAVE")).toBe("+OK");
        expect(await textOf(client, 2000)).toBe(`round ${round}`);
        expect(String(await client.command("INFO", "layers"))).toContain("layers:1");
      }
      const beside = option === "--index-dir" ? ["dump.rdb", "indexes"] : ["dump.rdb", "dump.rdb.idx", "indexes"];
      expect(fs.readdirSync(folder).sort()).toEqual(beside);
      client.close();
      await server.stop("SIGKILL");
      const again = await start(option, value);
      expect(await textOf(again.client, 2000)).toBe("round 2");
      expect(again.server.output).not.toContain("building");
    }, 60_000);
  }

  test("where the index cannot be written it stays nameless, and the next start builds it", async () => {
    const nowhere = join(folder, "indexes");
    fs.mkdirSync(nowhere);
    const { client, server } = await start("--index-dir", nowhere);
    fs.rmdirSync(nowhere);
    await fill(client, "kept", 2000);
    expect(await client.command("SAVE")).toBe("+OK");
    expect(await textOf(client, 2000)).toBe("kept");
    expect(String(await client.command("INFO", "layers"))).toContain("layer0_index_file:(temporary file)");
    expect(server.output).toContain("cannot be written (ENOENT)");
    expect(await client.command("SAVE")).toBe("+OK");
    expect(await textOf(client, 2000)).toBe("kept");
  }, 60_000);
});
