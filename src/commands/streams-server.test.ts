/** Streams on a server beside redis-server: reloads, saves, restarts, payloads, clients that wait, large ones while others change them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import type { RespClient, RespValue } from "../../test/support/resp-client.ts";
import { withoutTimes } from "../../test/support/stream-replies.ts";

const BIG = 30_000;
/** Type byte; version and CRC64. */
const PAYLOAD_HEAD = 1;
const PAYLOAD_FOOT = 10;
/** Of 7.2's: number of entries of a map, name and value. */
const CLOCKED = new Set(["seen-time", "active-time", "radix-tree-nodes"]);

const plain = (reply: RespValue) => withoutTimes(reply, CLOCKED);

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let dir: string;
  let folio: ServerProcess;
  let redis: ServerProcess;
  let ours: RespClient;
  let theirs: RespClient;
  const start = async (...flags: string[]) => {
    folio = await spawnFolio(["--dir", dir, "--save", "", "--enable-debug-command", "yes", ...flags]).ready();
    ours = await folio.connect();
  };

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "folio-streams-"));
    await start();
    redis = await spawnRedis(["--dir", dir, "--dbfilename", "redis.rdb", "--rdbcompression", "no"]).ready();
    theirs = await redis.connect();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([folio.stop(), redis.stop()]);
    rmSync(dir, { recursive: true, force: true });
  });

  const same = async (...words: string[]) => {
    const [mine, yours] = await Promise.all([ours.command(...words), theirs.command(...words)]);
    expect({ words: words.slice(0, 8), reply: plain(mine) }).toEqual({ words: words.slice(0, 8), reply: plain(yours) });
    return mine;
  };
  const settled = async () => {
    for (let tries = 0; tries < 1000; tries++) {
      if (String(await ours.command("INFO", "persistence")).includes("rdb_bgsave_in_progress:0")) return;
      await Bun.sleep(10);
    }
  };
  const KEYS = ["few", "many", "groups", "emptied"];
  const all = async () => {
    await same("DBSIZE");
    for (const key of KEYS) {
      await same("DEBUG", "DIGEST-VALUE", key);
      await same("XINFO", "STREAM", key, "FULL", "COUNT", "0");
    }
  };
  const change = async (from: number) => {
    for (const key of KEYS) {
      for (let i = 0; i < 30; i++) await same("XADD", key, `${from + i}-1`, "field", `${i}`, "other", "text");
      await same("XDEL", key, `${from + 3}-1`, `${from + 4}-1`);
    }
    await same("XREADGROUP", "GROUP", "g", "alice", "COUNT", "20", "STREAMS", "groups", ">");
    await same("XREADGROUP", "GROUP", "g", "bob", "COUNT", "5", "STREAMS", "groups", ">");
    await same("XACK", "groups", "g", `${from}-1`, `${from + 1}-1`);
    await same("XCLAIM", "groups", "g", "carl", "0", `${from + 7}-1`, "JUSTID");
    await same("XTRIM", "many", "MAXLEN", "2000");
    await same("XTRIM", "emptied", "MAXLEN", "0");
  };

  test("reloads, saves and restarts keep streams, and they are changed afterwards", async () => {
    await same("XADD", "few", "1-1", "a", "1");
    for (let i = 0; i < 3000; i++) {
      const words = ["XADD", "many", `${i + 1}-${i}`, "n", `${i}`, ...(i % 7 === 0 ? ["m", "x".repeat(i % 90)] : [])];
      await Promise.all([ours.command(...words), theirs.command(...words)]);
    }
    await same("XGROUP", "CREATE", "groups", "g", "0", "MKSTREAM");
    await same("XGROUP", "CREATE", "groups", "idle", "$");
    await same("XADD", "emptied", "5-5", "a", "b");
    await change(10_000);
    await all();
    expect(await ours.command("DEBUG", "RELOAD")).toBe("+OK");
    await all();
    await change(20_000);
    await all();
    expect(await ours.command("BGSAVE")).toBe("+Background saving started");
    await change(30_000);
    await all();
    await settled();
    await all();
    await change(40_000);
    expect(await ours.command("SAVE")).toBe("+OK");
    await folio.stop();
    await start();
    await all();
    await change(50_000);
    await all();
  }, 60_000);

  test("copies and payloads are the streams that they were; nodes are Redis's byte for byte", async () => {
    for (const key of KEYS) {
      await same("COPY", key, "copied");
      await same("DEBUG", "DIGEST-VALUE", "copied");
      await same("XADD", "copied", "99999-1", "one", "more");
      await same("RENAME", "copied", "renamed");
      await same("XINFO", "STREAM", "renamed", "FULL", "COUNT", "0");
      await same("XINFO", "STREAM", key, "FULL", "COUNT", "0");
      for (const from of [ours, theirs]) {
        const payload = (await from.command("DUMP", key)) as string;
        await ours.command("DEL", "restored");
        expect(await ours.command("RESTORE", "restored", "0", payload)).toBe("+OK");
        const wanted = plain(await theirs.command("XINFO", "STREAM", key, "FULL", "COUNT", "0"));
        expect(plain(await ours.command("XINFO", "STREAM", "restored", "FULL", "COUNT", "0"))).toEqual(wanted);
        expect(await ours.command("XADD", "restored", "99999-1", "one", "more")).toBe("99999-1");
      }
      await ours.command("DEL", "restored");
      await same("DEL", "renamed");
    }
    for (const key of ["few", "many", "emptied"]) {
      const [mine, yours] = await Promise.all([ours.command("DUMP", key), theirs.command("DUMP", key)]);
      const value = (payload: RespValue) => (payload as string).slice(PAYLOAD_HEAD, -PAYLOAD_FOOT);
      expect(value(mine)).toBe(value(yours));
    }
  }, 60_000);

  test("a file for Redis 7.0 is read by redis-server", async () => {
    await ours.command("FLUSHALL");
    await ours.command("CONFIG", "SET", "rdb-version", "10");
    for (let i = 1; i <= 500; i++) await ours.command("XADD", "s", `${i}-0`, "n", `${i}`);
    await ours.command("XGROUP", "CREATE", "s", "g", "0");
    await ours.command("XGROUP", "CREATECONSUMER", "s", "g", "idle");
    await ours.command("XREADGROUP", "GROUP", "g", "c", "COUNT", "300", "STREAMS", "s", ">");
    await ours.command("XDEL", "s", "100-0");
    expect(await ours.command("SAVE")).toBe("+OK");
    const reader = await spawnRedis(["--dir", dir, "--dbfilename", "dump.rdb"]).ready();
    const client = await reader.connect();
    const info = plain(await client.command("XINFO", "STREAM", "s", "FULL", "COUNT", "0"));
    expect(info).toEqual(plain(await ours.command("XINFO", "STREAM", "s", "FULL", "COUNT", "0")));
    await reader.stop();
    await ours.command("CONFIG", "SET", "rdb-version", "11");
  }, 60_000);

  test("clients wait for entries, in order, and are told when the group or the key is gone", async () => {
    await ours.command("FLUSHALL");
    const [first, second, third] = await Promise.all([folio.connect(), folio.connect(), folio.connect()]);
    const read = first.command("XREAD", "BLOCK", "0", "STREAMS", "w", "$");
    const all2 = second.command("XREAD", "BLOCK", "0", "COUNT", "5", "STREAMS", "other", "w", "0", "0");
    await blocked(2);
    await ours.command("XADD", "w", "1-0", "a", "1");
    expect(await read).toEqual([["w", [["1-0", ["a", "1"]]]]]);
    expect(await all2).toEqual([["w", [["1-0", ["a", "1"]]]]]);
    const thrice = first.command("XREAD", "BLOCK", "0", "STREAMS", "w", "w", "w", "$", "$", "$");
    await blocked(1);
    // Gone before it could be read, or of another type: it waits on.
    await ours.command("DEL", "w");
    await ours.command("RPUSH", "w", "x");
    await ours.command("DEL", "w");
    await ours.command("XADD", "w", "1-7", "a", "7");
    expect(await thrice).toEqual(Array.from({ length: 3 }, () => ["w", [["1-7", ["a", "7"]]]]));
    await ours.command("XGROUP", "CREATE", "w", "g", "$");
    const group = (client: RespClient, name: string) =>
      client.command("XREADGROUP", "GROUP", "g", name, "BLOCK", "0", "COUNT", "1", "STREAMS", "w", ">");
    const [a, b] = [group(first, "a"), blocked(1).then(() => group(second, "b"))];
    await blocked(2);
    await ours.command("XADD", "w", "2-0", "a", "2");
    expect(await a).toEqual([["w", [["2-0", ["a", "2"]]]]]);
    await ours.command("XADD", "w", "3-0", "a", "3");
    expect(await b).toEqual([["w", [["3-0", ["a", "3"]]]]]);
    expect(await ours.command("XPENDING", "w", "g")).toEqual([
      2,
      "2-0",
      "3-0",
      [
        ["a", "1"],
        ["b", "1"],
      ],
    ]);
    const [gone, deleted, changed] = [group(first, "a"), group(second, "b"), group(third, "c")];
    await blocked(3);
    await ours.command("XGROUP", "DESTROY", "w", "g");
    expect(await gone).toStartWith("-NOGROUP");
    expect(await deleted).toStartWith("-NOGROUP");
    expect(await changed).toStartWith("-NOGROUP");
    await ours.command("XGROUP", "CREATE", "w", "g", "$");
    const [dropped, overwritten] = [group(first, "a"), group(second, "b")];
    await blocked(2);
    await ours.command("DEL", "w");
    expect([await dropped, await overwritten].every((reply) => String(reply).startsWith("-NOGROUP"))).toBe(true);
    await ours.command("XGROUP", "CREATE", "w", "g", "$", "MKSTREAM");
    const typed = group(first, "a");
    await blocked(1);
    await ours.command("SET", "w", "no stream");
    expect(await typed).toStartWith("-WRONGTYPE");
    for (const client of [first, second, third]) client.close();
  }, 60_000);

  const blocked = async (count: number) => {
    while (!String(await ours.command("INFO", "clients")).includes(`blocked_clients:${count}\r\n`)) await Bun.sleep(1);
  };

  test("what takes slices is of one moment, whoever changes the stream meanwhile", async () => {
    await ours.command("FLUSHALL");
    const words = Array.from({ length: BIG }, (_, i) => ["XADD", "big", `${i + 1}-0`, "n", `${i}`, "text", "x"]);
    for (let from = 0; from < BIG; from += 1000) await ours.pipeline(words.slice(from, from + 1000));
    const other = await folio.connect();
    const [entries, , , after] = await Promise.all([
      ours.command("XRANGE", "big", "-", "+"),
      other.command("XDEL", "big", "1-0", "20000-0"),
      other.command("XADD", "big", `${BIG + 1}-0`, "n", "last"),
      other.command("XLEN", "big"),
    ]);
    expect([(entries as unknown[]).length, after]).toEqual([BIG, BIG - 1]);
    await ours.command("XGROUP", "CREATE", "big", "g", "0");
    const given = (await ours.command("XREADGROUP", "GROUP", "g", "c", "STREAMS", "big", ">")) as RespValue[][];
    expect(((given[0] as RespValue[])[1] as RespValue[]).length).toBe(BIG - 1);
    expect(await ours.command("BGSAVE")).toBe("+Background saving started");
    // Copied out of what is being saved, in slices.
    expect(await other.command("XACK", "big", "g", "2-0", "3-0", "1-0")).toBe(2);
    const pending = (await ours.command("XPENDING", "big", "g", "-", "+", `${BIG}`, "c")) as unknown[];
    expect(pending.length).toBe(BIG - 3);
    await settled();
    expect(await ours.command("DEBUG", "RELOAD")).toBe("+OK");
    // Out of the file, in slices.
    const [copied, acknowledged] = await Promise.all([
      ours.command("COPY", "big", "copy"),
      other.command("XACK", "big", "g", "4-0"),
    ]);
    expect([copied, acknowledged]).toEqual([1, 1]);
    expect(await ours.command("XLEN", "copy")).toBe(BIG - 1);
    expect([BIG - 3, BIG - 4]).toContain(((await ours.command("XPENDING", "copy", "g")) as number[])[0] as number);
    expect(await ours.command("XGROUP", "DELCONSUMER", "big", "g", "c")).toBe(BIG - 4);
    expect(await ours.command("XGROUP", "DESTROY", "copy", "g")).toBe(1);
    expect(await ours.command("XTRIM", "big", "MAXLEN", "10")).toBe(BIG - 11);
    expect(await ours.command("DEL", "big", "copy")).toBe(2);
    other.close();
  }, 60_000);
});
