/** Times of fields on a server of its own: Redis 7.4's and 8.0's words for every mistake, the expire cycle, saves, reloads and restarts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio } from "../../test/support/processes.ts";
import type { RespClient } from "../../test/support/resp-client.ts";

const FAR_MS = 4_000_000_000_000;
const TIMEOUT_MS = 60_000;

let dir: string;
let folio: ServerProcess;
let client: RespClient;

async function start(): Promise<void> {
  folio = await spawnFolio(["--dir", dir, "--save", "", "--enable-debug-command", "yes"]).ready();
  client = await folio.connect();
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "folio-field-times-"));
  await start();
});
afterAll(async () => {
  await folio.stop();
  rmSync(dir, { recursive: true, force: true });
});

const run = (line: string) => client.command(...line.split(" "));

/** Waits until the command answers that. */
async function becomes(line: string, reply: unknown): Promise<void> {
  const until = performance.now() + TIMEOUT_MS / 2;
  while (!Bun.deepEquals(await run(line), reply) && performance.now() < until) await Bun.sleep(10);
  expect(await run(line)).toEqual(reply as never);
}

const NOT_FIELDS = "ERR Mandatory argument FIELDS is missing or not at the right position";
const NOT_MATCHING = "ERR The `numfields` parameter must match the number of arguments";
const NOT_POSITIVE = "ERR Number of fields must be a positive integer";
const NO_FIELDS = "ERR Parameter `numFields` should be greater than 0";
const NO_INTEGER = "ERR value is not an integer or out of range";
const NEGATIVE = "ERR invalid expire time, must be >= 0";
const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";

const MISTAKES: readonly [line: string, words: string][] = [
  ["HEXPIRE string 1 FIELDS 1 a", WRONG_TYPE],
  ["HEXPIRE string x NX FIELDS 1 a", WRONG_TYPE],
  ["HEXPIRE h x FIELDS 1 a", NO_INTEGER],
  ["HEXPIRE h -1 FIELDS 1 a", NEGATIVE],
  ["HEXPIRE h 70368744178 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command"],
  ["HPEXPIRE h 70368744177663 FIELDS 1 a", "ERR invalid expire time in 'hpexpire' command"],
  ["HPEXPIREAT h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpireat' command"],
  ["HEXPIREAT h 9223372036854775808 FIELDS 1 a", NO_INTEGER],
  ["HEXPIRE h 1 NX XX FIELDS 1 a", NOT_FIELDS],
  ["HEXPIRE h 1 FIELD 1 a", NOT_FIELDS],
  ["HEXPIRE h 1 FIELDS 0 a", NO_FIELDS],
  ["HEXPIRE h 1 FIELDS x a", NO_FIELDS],
  ["HEXPIRE h 1 FIELDS 2 a", NOT_MATCHING],
  ["HEXPIRE h 1 FIELDS 1 a b", NOT_MATCHING],
  ["HEXPIRE h 1 FIELDS 1", "ERR wrong number of arguments for 'hexpire' command"],
  ["HPERSIST string FIELDS 1 a", WRONG_TYPE],
  ["HPERSIST h FIELDS 0 a", NOT_POSITIVE],
  ["HPERSIST h FIELDS 2 a", NOT_MATCHING],
  ["HPERSIST h 1 a b", NOT_FIELDS],
  ["HTTL h FIELDS x a", NOT_POSITIVE],
  ["HGETDEL string FIELDS 1 a", WRONG_TYPE],
  ["HGETDEL h FIELDZ 1 a", NOT_FIELDS],
  ["HGETDEL h FIELDS 3 a b", NOT_MATCHING],
  ["HGETEX string FIELDS 1 a", WRONG_TYPE],
  ["HGETEX h EX x FIELDS 1 a", NO_INTEGER],
  ["HGETEX h EX -1 FIELDS 1 a", NEGATIVE],
  ["HGETEX h EX 1 PX 1 FIELDS 1 a", NOT_FIELDS],
  ["HGETEX h PERSIST 1 a b", NOT_FIELDS],
  ["HGETEX h FIELDS 0 a", NOT_POSITIVE],
  ["HSETEX string FIELDS 1 a 1", WRONG_TYPE],
  ["HSETEX h FIELDS 0 a 1", "ERR invalid number of fields"],
  ["HSETEX h FIELDS 2 a 1", "ERR wrong number of arguments for 'hsetex' command"],
  ["HSETEX h FIELDS 1 a 1 b", "ERR wrong number of arguments for 'hsetex' command"],
  ["HSETEX h FNX FXX FIELDS 1 a 1", "ERR Only one of FXX or FNX arguments can be specified"],
  ["HSETEX h EX 1 KEEPTTL FIELDS 1 a 1", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"],
  ["HSETEX h EX x FIELDS 1 a 1", NO_INTEGER],
  ["HSETEX h PXAT -5 FIELDS 1 a 1", NEGATIVE],
  ["HSETEX h EX 70368744178 FIELDS 1 a 1", "ERR invalid expire time in 'hsetex' command"],
  ["HSETEX h FOO 1 FIELDS 1 a 1", "ERR unknown argument: FOO"],
];

test("mistakes", async () => {
  await run("SET string x");
  await run("HSET h a 1");
  for (const [line, words] of MISTAKES) {
    const reply = await run(line).then(String, (error: Error) => error.message);
    expect(`${line}: ${reply.replace(/^-/, "")}`).toBe(`${line}: ${words}`);
  }
  expect(await run("HGETALL h")).toEqual(["a", "1"]);
  expect(await run("OBJECT ENCODING h")).toBe("listpack");
  await run("DEL h string");
});

test("keys that are not there", async () => {
  expect(await run("HEXPIRE none 10 FIELDS 2 a b")).toEqual([-2, -2]);
  expect(await run("HPERSIST none FIELDS 1 a")).toEqual([-2]);
  expect(await run("HGETDEL none FIELDS 1 a")).toEqual([null]);
  expect(await run("HGETEX none EX 10 FIELDS 1 a")).toEqual([null]);
  expect(await run("HSETEX none FXX FIELDS 1 a 1")).toBe(0);
  expect(await run("HSETEX none PXAT 1 FIELDS 1 a 1")).toBe(1);
  expect(await run("EXISTS none")).toBe(0);
});

test("what has expired goes, and the key with the last field", async () => {
  await run("HSET gone a 1 b 2");
  expect(await run("HPEXPIRE gone 20 FIELDS 2 a b")).toEqual([1, 1]);
  expect(await run("OBJECT ENCODING gone")).toBe("hashtable");
  await run("HSETEX left PX 20 FIELDS 2 a 1 b 2");
  await run("HSET left c 3");
  await becomes("EXISTS gone", 0);
  await becomes("HLEN left", 1);
  expect(await run("HGETALL left")).toEqual(["c", "3"]);
  expect(await run("HGETDEL left FIELDS 2 a c")).toEqual([null, "3"]);
  expect(await run("EXISTS left")).toBe(0);
});

test(
  "a large hash all of whose fields expire at once",
  async () => {
    for (let from = 0; from < 50_000; from += 5000) {
      const pairs = Array.from({ length: 5000 }, (_, i) => [`field ${from + i}`, `${i}`]).flat();
      await client.command("HSETEX", "large", "PX", "1500", "FIELDS", "5000", ...pairs);
    }
    await becomes("EXISTS large", 0);
    expect(await run("DBSIZE")).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "times are saved, reloaded, dumped, copied, and served after a restart",
  async () => {
    await run(`HSETEX kept PXAT ${FAR_MS} FIELDS 2 a 1 b 2`);
    await run("HSET kept c 3");
    const pairs = Array.from({ length: 2000 }, (_, i) => [`field ${i}`, `${i}`]).flat();
    await client.command("HSET", "kept:big", ...pairs);
    await client.command("HPEXPIREAT", "kept:big", `${FAR_MS + 5}`, "FIELDS", "2", "field 7", "field 8");
    const all = async (suffix = "") => {
      expect(await run(`HPEXPIRETIME kept${suffix} FIELDS 4 a b c d`)).toEqual([FAR_MS, FAR_MS, -1, -2]);
      expect(await run(`HMGET kept${suffix} a b c`)).toEqual(["1", "2", "3"]);
      const words = ["HPEXPIRETIME", `kept:big${suffix}`, "FIELDS", "3", "field 7", "field 8", "field 9"];
      expect(await client.command(...words)).toEqual([FAR_MS + 5, FAR_MS + 5, -1]);
      expect(await run(`HLEN kept:big${suffix}`)).toBe(2000);
    };
    await all();
    for (const key of ["kept", "kept:big"]) {
      const payload = (await run(`DUMP ${key}`)) as string;
      expect(await client.command("RESTORE", `${key}:restored`, "0", payload)).toBe("+OK");
      expect(await run(`COPY ${key} ${key}:copied`)).toBe(1);
    }
    await all(":restored");
    await all(":copied");
    expect(await run("DEBUG RELOAD")).toBe("+OK");
    for (const suffix of ["", ":restored", ":copied"]) await all(suffix);
    expect(await run("HGETEX kept:copied PERSIST FIELDS 1 a")).toEqual(["1"]);
    expect(await run("HPEXPIRETIME kept:copied FIELDS 2 a b")).toEqual([-1, FAR_MS]);
    expect(await run("HSET kept:restored a 5")).toBe(0);
    expect(await run("HPEXPIRETIME kept:restored FIELDS 2 a b")).toEqual([-1, FAR_MS]);
    expect(await run("SAVE")).toBe("+OK");
    await folio.stop();
    await start();
    await all();
    expect(await run("HPEXPIRETIME kept:restored FIELDS 2 a b")).toEqual([-1, FAR_MS]);
    expect(await run("HINCRBY kept a 5")).toBe(6);
    expect(await run("HPEXPIRETIME kept FIELDS 2 a b")).toEqual([FAR_MS, FAR_MS]);
  },
  TIMEOUT_MS,
);

test(
  "fields in the file that have expired are absent, and go with the next write",
  async () => {
    await run("HSETEX old PX 100 FIELDS 2 a 1 b 2");
    await run("HSETEX older PX 100 FIELDS 1 a 1");
    await run("HSET old c 3");
    expect(await run("SAVE")).toBe("+OK");
    await becomes("HLEN old", 1);
    await becomes("HLEN older", 0);
    expect(await run("HMGET old a b c")).toEqual([null, null, "3"]);
    expect(await run("HSET old d 4")).toBe(1);
    expect(await run("HDEL old a c d")).toBe(2);
    expect(await run("EXISTS old")).toBe(0);
    expect(await run("HDEL older a")).toBe(0);
    expect(await run("EXISTS older")).toBe(0);
  },
  TIMEOUT_MS,
);

const expired = async () => Number(/expired_subkeys:(\d+)/.exec(String(await run("INFO stats")))?.[1]);

test(
  "a hash of the file all of whose fields have expired is no key",
  async () => {
    await run("FLUSHALL");
    await run("CONFIG RESETSTAT");
    const keys = ["exists", "type", "del", "hlen", "setnx", "hset", "rename", "scan"];
    for (const key of keys) await run(`HSETEX ${key} PX 300 FIELDS 2 a 1 b 2`);
    await run("HSETEX left PX 300 FIELDS 2 a 1 b 2");
    await run("HSET left c 3");
    const pairs = Array.from({ length: 3000 }, (_, i) => [`field ${i}`, `${i}`]).flat();
    await client.command("HSETEX", "large", "PX", "300", "FIELDS", "3000", ...pairs);
    expect(await run("SAVE")).toBe("+OK");
    await folio.stop();
    await start();
    expect(await run("DBSIZE")).toBe(10);
    await becomes("HLEN large", 0);
    expect(await run("HLEN hlen")).toBe(0);
    expect(await run("EXISTS exists hlen left")).toBe(1);
    expect(await run("TYPE type")).toBe("+none");
    expect(await run("DEL del")).toBe(0);
    expect(await run("SETNX setnx x")).toBe(1);
    expect(await run("HSET hset a 1")).toBe(1);
    expect(await run("HLEN hset")).toBe(1);
    expect(await run("RENAME rename other").catch(String)).toContain("no such key");
    expect(await run("HGETALL left")).toEqual(["c", "3"]);
    // Of a large one, only its fields are known to be gone.
    expect([await run("HLEN large"), await run("EXISTS large")]).toEqual([0, 1]);
    expect(((await run("KEYS *")) as string[]).sort()).toEqual(["hset", "large", "left", "setnx"]);
    expect(((await run("SCAN 0 COUNT 1000 TYPE hash")) as [string, string[]])[1].sort()).toEqual([
      "hset",
      "large",
      "left",
    ]);
    // "scan" was not looked up.
    expect(await run("DBSIZE")).toBe(5);
    expect(await expired()).toBe(14);
    expect(await run("BGSAVE")).toContain("started");
    expect(await run("TYPE scan")).toBe("+none");
    expect(await run("HDEL large none")).toBe(0);
    expect(await run("EXISTS large scan")).toBe(0);
    expect(await expired()).toBe(3016);
    await becomes("SAVE", "+OK");
    await folio.stop();
    await start();
    expect(((await run("KEYS *")) as string[]).sort()).toEqual(["hset", "left", "setnx"]);
  },
  TIMEOUT_MS,
);

test("expired_subkeys counts fields, however they went", async () => {
  await run("FLUSHALL");
  await run("CONFIG RESETSTAT");
  await run("HSETEX swept PX 20 FIELDS 2 a 1 b 2");
  await becomes("EXISTS swept", 0);
  expect(await expired()).toBe(2);
  await run("HSET past a 1 b 2 c 3");
  expect(await run("HEXPIREAT past 1 FIELDS 2 a b")).toEqual([2, 2]);
  expect(await run("HGETEX past PXAT 1 FIELDS 1 c")).toEqual(["3"]);
  expect(await expired()).toBe(5);
  await run("CONFIG RESETSTAT");
  expect(await expired()).toBe(0);
});
