/** DEBUG through sockets, beside redis-server: digests before and after a reload, answers of every type, errors, who may. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio } from "../../test/support/processes.ts";
import { RawConnection, RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";

const FAR_MS = 4_000_000_000_000;
const many = (count: number, make: (i: number) => Word[]) => Array.from({ length: count }, (_, i) => make(i)).flat();

/** Restored into Folio, which does not write collections by itself yet. */
const DATA: readonly Word[][] = [
  ["RPUSH", "list", ...many(900, (i) => [`element ${i}`, i])],
  ["SADD", "set", ...many(700, (i) => [`member ${i}`])],
  ["HSET", "hash", ...many(600, (i) => [`field ${i}`, "v".repeat(i % 80)])],
  ["ZADD", "zset", ...many(300, (i) => [i / 4 - 20, `member ${i}`])],
  ...Array.from({ length: 250 }, (_, i) => ["XADD", "stream", `${i + 1}-${i}`, "field", i]),
];

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  const folder = mkdtempSync(join(tmpdir(), "folio-debug-"));
  let redis: RedisServer;
  let server: ServerProcess;
  let folio: RawConnection;

  beforeAll(async () => {
    redis = await RedisServer.start(["--enable-debug-command", "yes"]);
    server = await spawnFolio(["--dir", folder, "--save", "", "--enable-debug-command", "local"]).ready();
    folio = await RawConnection.connect(server.port);
    await redis.connection.sendAll(DATA);
    for (const key of ["list", "set", "hash", "zset", "stream"]) {
      const reply = await redis.send("DUMP", key);
      const payload = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
      expect(await folio.send("RESTORE", key, 0, payload)).toBe("+OK\r\n");
    }
  }, 60_000);
  afterAll(async () => {
    folio?.close();
    await server?.stop();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function same(...words: Word[]): Promise<void> {
    for (const protocol of [2, 3]) {
      const [, theirs] = await redis.connection.sendAll([["HELLO", protocol], words]);
      const [, ours] = await folio.sendAll([["HELLO", protocol], words]);
      expect([protocol, ...words, ours]).toEqual([protocol, ...words, theirs as string]);
    }
  }

  test("digests, across databases and reloads", async () => {
    const steps: Word[][] = [
      ["SET", "text", "value"],
      ["SET", "number", 12],
      ["SETRANGE", "text", 3, "xyz"],
      ["PEXPIREAT", "zset", FAR_MS],
      ["SELECT", 7],
      ["MSET", "a", 1, "b", "two"],
      ["SELECT", 0],
      ["MOVE", "set", 3],
      ["COPY", "hash", "copy", "DB", 7],
    ];
    for (const words of steps) await same(...words);
    for (let round = 0; round < 3; round++) {
      await same("DEBUG", "DIGEST");
      await same("DEBUG", "DIGEST-VALUE", "list", "missing", "hash", "zset", "stream", "text");
      await same("DEBUG", "RELOAD");
      await same("SET", `after reload ${round}`, "x");
      await same("DEL", "number");
    }
    await same("DEBUG", "RELOAD", "FOO");
    await same("FLUSHDB");
    await same("DEBUG", "DIGEST");
    await same("DEBUG", "RELOAD", "NOSAVE");
    await same("DEBUG", "DIGEST");
    await same("DEBUG", "POPULATE", 1000);
    await same("DEBUG", "POPULATE", 500, "p", 9);
    await same("DEBUG", "POPULATE", 3, "q", 100);
    await same("GET", "q:2");
    await same("DBSIZE");
    await same("DEBUG", "POPULATE", "x");
    await same("DEBUG", "POPULATE", -1);
    await same("DEBUG", "DIGEST");
  }, 60_000);

  test("answers of every type, and errors", async () => {
    const types = "string integer double bignum null array set map attrib push verbatim true false nonsense".split(" ");
    for (const type of types) if (type !== "push") await same("DEBUG", "PROTOCOL", type);
    // In RESP3 a push comes with a reply of its own behind it.
    for (const protocol of [2, 3]) {
      const replies: string[][] = [];
      for (const connection of [redis.connection, folio]) {
        await connection.send("HELLO", protocol);
        const first = await connection.send("DEBUG", "PROTOCOL", "push");
        replies.push(protocol === 2 ? [first] : [first, await connection.receive()]);
      }
      expect([protocol, replies[1]]).toEqual([protocol, replies[0]]);
    }
    const lines = `ERROR FOO|ERROR|SLEEP 0|SLEEP x|SET-ACTIVE-EXPIRE 0|SET-ACTIVE-EXPIRE 1|SET-ACTIVE-EXPIRE|LOG hello|JMAP|
      QUICKLIST-PACKED-THRESHOLD 100b|QUICKLIST-PACKED-THRESHOLD 0|QUICKLIST-PACKED-THRESHOLD 5gb|QUICKLIST-PACKED-THRESHOLD x|
      OBJECT missing|SDSLEN missing|LISTPACK missing|HTSTATS-KEY missing|HTSTATS 16|HTSTATS -1|HTSTATS x|HTSTATS-KEY text|
      CONFIG-REWRITE-FORCE-ALL x|CHANGE-REPL-ID|PAUSE-CRON 1|PAUSE-CRON 0|REPLYBUFFER PEAK-RESET-TIME NEVER|REPLYBUFFER RESIZING 0|
      REPLYBUFFER PEAK-RESET-TIME x|SET-SKIP-CHECKSUM-VALIDATION 0|nonsense|DIGEST x|LISTPACK text|QUICKLIST text`;
    await same("SET", "text", "value");
    for (const line of lines.split("|")) await same("DEBUG", ...line.trim().split(" "));
    await same("DEBUG", "ERROR", "WITH\r\nlines");
    await same("DEBUG");
  });

  test("what is Folio's own", async () => {
    await folio.send("HELLO", 2);
    await folio.send("SET", "text", "value");
    expect(await folio.send("DEBUG", "OBJECT", "text")).toMatch(
      /^\+Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:6 lru:\d+ lru_seconds_idle:\d+\r\n$/,
    );
    expect(await folio.send("DEBUG", "SDSLEN", "text")).toContain("key_sds_len:4,");
    expect(await folio.send("DEBUG", "STRINGMATCH-LEN", "a*c", "abbc")).toBe(":1\r\n");
    expect(await folio.send("DEBUG", "STRINGMATCH-LEN", "a*c", "abb")).toBe(":0\r\n");
    expect(await folio.send("DEBUG", "HTSTATS", 0)).toContain("Hash table of the overlay");
    for (const word of ["SEGFAULT", "panic", "OOM", "RESTART"]) {
      expect(await folio.send("DEBUG", word)).toStartWith(`-ERR DEBUG ${word.toUpperCase()} is refused`);
    }
    expect(await folio.send("DEBUG", "HELP")).toContain("DIGEST-VALUE <key>");
    expect(await folio.send("PING")).toBe("+PONG\r\n");
  });

  test("nobody may by default", async () => {
    const own = mkdtempSync(join(tmpdir(), "folio-debug-"));
    const third = await spawnFolio(["--dir", own, "--save", ""]).ready();
    const real = await RedisServer.start(["--enable-debug-command", "no"]);
    try {
      const client = await RawConnection.connect(third.port);
      expect(await client.send("DEBUG", "DIGEST")).toBe(await real.send("DEBUG", "DIGEST"));
      client.close();
    } finally {
      await real.stop();
      await third.stop();
      rmSync(own, { recursive: true, force: true });
    }
  }, 30_000);
});
