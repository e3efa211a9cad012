/**
 * Commands that read in slices, all of them under way at once, while what they read is deleted, overwritten, expired, flushed, swapped,
 * frozen, thawed, re-based: each answers as if nothing had happened since it began. And the scan commands' promise while that goes on.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CommandHarness } from "../../test/support/command-harness.ts";
import { copyUp, type Level } from "../../test/support/levels.ts";
import { seededRandom } from "../../test/support/random.ts";
import { type RedisServer, redisInstalled, RedisServer as Server, type Word } from "../../test/support/redis-server.ts";
import { drained, saveTo } from "../../test/support/saving.ts";
import { Layer } from "../layer/layer.ts";
import { valueBytes } from "../rdb/dump.ts";
import { Record } from "../rdb/record.ts";
import { setString } from "../types/string.ts";
import { COMMANDS } from "./index.ts";

/** More than every family answers in one go. FOLIO_BIG: more. */
const BIG = Number(process.env["FOLIO_BIG"] ?? 9000);
const KEYS = ["hash", "list", "set", "set2", "zset", "stream", "bits", "text"];
const FILLERS = 300;
const TIMEOUT_MS = Math.max(60_000, BIG * 10);

/** They may have to look again: then they answer as of that later moment. */
const QUICK = new Set(["HGET", "SISMEMBER"]);

const READERS: readonly (readonly Word[])[] = [
  ["HGETALL", "hash"],
  ["HVALS", "hash"],
  ["HSCAN", "hash", "0", "COUNT", `${BIG}`],
  ["HMGET", "hash", ...Array.from({ length: 50 }, (_, i) => `field:${i * 397}`)],
  ["HGET", "hash", `field:${BIG - 1}`],
  ["LRANGE", "list", "100", "-100"],
  ["LPOS", "list", "nowhere"],
  ["SORT_RO", "list", "ALPHA", "DESC"],
  ["SMEMBERS", "set"],
  ["SISMEMBER", "set", `member:${BIG - 2}`],
  ["SUNION", "set", "set2"],
  ["SINTER", "set2", "set"],
  ["SDIFF", "set", "set2"],
  ["SINTERCARD", "2", "set", "set2"],
  ["SSCAN", "set", "0", "COUNT", `${BIG}`],
  ["ZRANGE", "zset", "0", "-1", "WITHSCORES"],
  ["ZRANGE", "zset", "100", "(5000", "BYSCORE", "REV"],
  ["ZRANK", "zset", `m${BIG - 1}`],
  ["ZUNION", "3", "zset", "set", "set2", "WITHSCORES"],
  ["ZSCAN", "zset", "0", "COUNT", `${BIG}`],
  ["XRANGE", "stream", "-", "+"],
  ["XREVRANGE", "stream", "+", "-"],
  ["XREAD", "STREAMS", "stream", "missing", "0", "0"],
  ["BITCOUNT", "bits"],
  ["BITPOS", "bits", "1"],
  ["LCS", "text", "text", "LEN"],
  ["DUMP", "hash"],
  ["DUMP", "stream"],
  ["DUMP", "bits"],
];

const bytesOf = (text: string) => Buffer.from(text, "latin1");
const record = new Record();

/** Reuses whatever memory can be had. */
function churn({ server }: CommandHarness): void {
  const db = server.keyspace.database(5);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < FILLERS; i++) {
      const key = bytesOf(`filler:${i}`);
      const value = Buffer.alloc(i % 20 === 0 ? 300_000 : 1 + ((i * 37) % 30_000), 0xff);
      setString(db, key, 0, key.length, value, 0, value.length, -1);
    }
  }
}

function remove({ server }: CommandHarness): void {
  const db = server.keyspace.database(0);
  for (const key of KEYS) expect(db.remove(bytesOf(key), 0, key.length, Date.now())).toBe(true);
}

function overwrite({ server }: CommandHarness): void {
  const db = server.keyspace.database(0);
  for (const key of KEYS) {
    const value = Buffer.alloc(250_000, 0xee);
    // Twice: the second time over an entry of the top.
    for (let i = 0; i < 2; i++) setString(db, bytesOf(key), 0, key.length, value, 0, value.length, -1);
  }
}

function expire({ server }: CommandHarness): void {
  const db = server.keyspace.database(0);
  for (const key of KEYS) {
    const bytes = bytesOf(key);
    expect(db.find(bytes, 0, bytes.length, Date.now(), record)).toBe(true);
    db.setExpiry(bytes, 0, bytes.length, Date.now() - 1000, record);
    expect(db.find(bytes, 0, bytes.length, Date.now(), record)).toBe(false);
  }
}

/** A save that is at its end: what it wrote, opened. */
interface Saved {
  readonly next: Layer;
  readonly before: Layer;
}

const ACTIONS: { readonly [name: string]: (harness: CommandHarness, saved: Saved | null) => void } = {
  deleted: remove,
  overwritten: overwrite,
  expired: expire,
  flushed: ({ server }) => server.keyspace.flush(0),
  "all flushed": ({ server }) => server.keyspace.flushAll(),
  "swapped and flushed": ({ server }) => {
    server.keyspace.swap(0, 1);
    server.keyspace.flush(1);
  },
  "frozen and overwritten": (harness) => {
    if (harness.server.keyspace.phase === "idle") harness.server.keyspace.freeze();
    overwrite(harness);
  },
  "frozen, deleted and thawed": (harness) => {
    const { keyspace } = harness.server;
    if (keyspace.phase === "idle") keyspace.freeze();
    remove(harness);
    drained(keyspace.thaw());
  },
  "overwritten and re-based": (harness, saved) => {
    overwrite(harness);
    drained(harness.server.keyspace.rebase((saved as Saved).next));
  },
  "re-based and deleted": (harness, saved) => {
    drained(harness.server.keyspace.rebase((saved as Saved).next));
    remove(harness);
  },
};

async function fill(redis: RedisServer): Promise<void> {
  const each = (count: number, words: (i: number) => Word[]) =>
    Array.from({ length: count }, (_, i) => words(i)).flat();
  await redis.send("HSET", "hash", ...each(BIG, (i) => [`field:${i}`, `value ${i * 3}`]));
  await redis.send("RPUSH", "list", ...each(BIG, (i) => [`element ${(i * 7919) % BIG}`]));
  await redis.send("SADD", "set", ...each(BIG, (i) => [`member:${i}`]));
  await redis.send("SADD", "set2", ...each(BIG, (i) => [`member:${i * 2}`]));
  await redis.send("ZADD", "zset", ...each(BIG, (i) => [`${(i * 31) % 5000}`, `m${i}`]));
  await redis.connection.sendAll(
    Array.from({ length: 3000 }, (_, i) => ["XADD", "stream", `${i + 1}-1`, "f", `v${i}`]),
  );
  await redis.send("SET", "bits", Buffer.concat([Buffer.alloc(2_000_000), Buffer.alloc(100_000, 0x55)]));
  await redis.send("SET", "text", "abcdefghij".repeat(150));
  await redis.send("HSET", "other", ...each(BIG, (i) => [`field:${BIG + 500 - i}`, "other"]));
}

describe.skipIf(!redisInstalled)("between the slices of commands that read", () => {
  let redis: RedisServer;
  let path: string;
  beforeAll(async () => {
    redis = await Server.start();
    await fill(redis);
    path = await redis.save();
  }, TIMEOUT_MS);
  afterAll(() => redis.stop());

  /** Runs all readers, each begun while those before it are under way; the innermost lets `act` happen. */
  function nested(harness: CommandHarness, act: () => void): string[] {
    const replies: string[] = [];
    const run = (i: number): void => {
      let isFirst = true;
      harness.between = () => {
        if (!isFirst) return;
        isFirst = false;
        if (i + 1 < READERS.length) run(i + 1);
        else act();
        harness.between = () => {};
      };
      replies[i] = harness.run(...(READERS[i] as readonly Word[]));
      // One that took no slice.
      if (isFirst && i + 1 < READERS.length) run(i + 1);
      else if (isFirst) act();
    };
    run(0);
    return replies;
  }

  /** Native structures have their members in another order than the file. */
  const whole = new Map<boolean, string[]>();
  const LEVELS = [
    "layer",
    "overlay",
    "native",
    "frozen",
    "native frozen",
    "thawed",
  ] as const satisfies readonly Level[];
  for (const level of LEVELS) {
    for (const [i, [name, act]] of Object.entries(ACTIONS).entries()) {
      // The last levels are made of the first ones: every other thing happens at each.
      if ((level === "frozen" && i % 2 === 0) || (level === "thawed" && i % 2 === 1)) continue;
      if (level === "native frozen" && i % 2 === 1) continue;
      test(
        `${level}: keys are ${name}`,
        async () => {
          const harness = await CommandHarness.open(path, COMMANDS, { level });
          const { keyspace } = harness.server;
          const isNative = level.startsWith("native");
          const expected = whole.get(isNative) ?? nested(harness, () => {});
          whole.set(isNative, expected);
          const saved = name.includes("re-based") ? await save(harness) : null;
          const pinned: number[] = [];
          const replies = nested(harness, () => {
            pinned.push(keyspace.pins.count);
            act(harness, saved);
            churn(harness);
            while (keyspace.tick());
          });
          expect(pinned[0]).toBeGreaterThan(10);
          for (const [i, reply] of replies.entries()) {
            const words = READERS[i] as readonly Word[];
            if (QUICK.has(words[0] as string) && reply === harness.run(...words)) continue;
            const question = words.slice(0, 3).join(" ");
            if (reply !== expected[i])
              expect({ question, reply: reply.slice(0, 500) }).toEqual({
                question,
                reply: (expected[i] as string).slice(0, 500),
              });
            expect({ question, isSame: reply === expected[i] }).toEqual({ question, isSame: true });
          }
          expect(keyspace.pins.count).toBe(0);
          while (keyspace.tick());
          expect(keyspace.pins).toMatchObject({ waitingBytes: 0, waiters: 0 });
          // What is asked afterwards is as it is now.
          expect(harness.run("HLEN", "hash")).not.toBe(`:${BIG}\r\n`);
          await saved?.before.close();
          await (saved?.next ?? harness.layer).close();
        },
        TIMEOUT_MS,
      );
    }
  }

  /** Has a save run that is to be ended by a re-base. */
  async function save(harness: CommandHarness): Promise<Saved> {
    const { keyspace } = harness.server;
    if (keyspace.phase !== "idle") drained(keyspace.thaw());
    const file = `${path}.${Math.random()}`;
    saveTo(file, keyspace, { nowMs: Date.now() });
    return {
      before: harness.layer,
      next: await Layer.open(file, { databases: keyspace.count, log: () => {}, seed: keyspace.seed }),
    };
  }

  test(
    "KEYS tells as many names as it says, and each key that was there throughout",
    async () => {
      const harness = await CommandHarness.open(path, COMMANDS, { level: "overlay" });
      const db = harness.server.keyspace.database(0);
      const keyAt = (i: number) => bytesOf(`key:${i}`);
      for (let i = 0; i < 3000; i++) setString(db, keyAt(i), 0, keyAt(i).length, bytesOf("x"), 0, 1, -1);
      let turn = 0;
      harness.between = () => {
        for (let i = 0; i < 200; i++) {
          const at = turn * 200 + i;
          if (at < 3000 && at % 2 === 0) db.remove(keyAt(at), 0, keyAt(at).length, Date.now());
          const made = keyAt(10_000 + at);
          setString(db, made, 0, made.length, bytesOf("y"), 0, 1, -1);
        }
        turn++;
      };
      const names = arrayOf(harness.run("KEYS", "*"));
      expect(harness.slices).toBeGreaterThan(3);
      const missing = Array.from({ length: 1500 }, (_, i) => `key:${i * 2 + 1}`).filter((key) => !names.has(key));
      expect(missing).toEqual([]);
      for (const key of KEYS) expect(names.has(key)).toBe(true);
      await harness.close();
    },
    TIMEOUT_MS,
  );

  test(
    "HSCAN gives each field that is there throughout, whatever happens between the calls",
    async () => {
      const random = seededRandom("hscan");
      const harness = await CommandHarness.open(path, COMMANDS);
      const { keyspace } = harness.server;
      let before = harness.layer;
      const seen = new Map<string, number>();
      let cursor = "0";
      let calls = 0;
      let steps = 0;
      do {
        const reply = harness.run("HSCAN", "hash", cursor, "COUNT", `${Math.floor(BIG / 30)}`);
        cursor = /^\*2\r\n\$\d+\r\n(\d+)\r\n/.exec(reply)?.[1] as string;
        const [, fields] = reply.split(/^\*2\r\n\$\d+\r\n\d+\r\n/);
        for (const field of arrayOf(fields as string)) {
          if (field.startsWith("field:")) seen.set(field, (seen.get(field) ?? 0) + 1);
        }
        calls++;
        // Fields 501 to BIG - 1 are in both hashes, in another order, with other values.
        const from = random() < 0.5 ? "other" : "hash-kept";
        if (calls === 1) copy(harness, "hash", "hash-kept");
        const what = Math.floor(random() * 6);
        if (what < 3) copy(harness, from, "hash");
        else if (what === 3 && keyspace.phase === "idle") keyspace.freeze();
        else if (what === 4 && keyspace.phase !== "idle") drained(keyspace.thaw());
        else if (keyspace.phase === "idle") {
          const saved = await save({ ...harness, server: harness.server, layer: before } as CommandHarness);
          drained(keyspace.rebase(saved.next));
          await before.close();
          before = saved.next;
          steps++;
        }
        churn(harness);
        while (keyspace.tick());
      } while (cursor !== "0" && calls < 1000);
      expect(steps).toBeGreaterThan(0);
      expect(calls).toBeGreaterThan(20);
      for (let i = 501; i < BIG; i++) expect({ i, times: seen.get(`field:${i}`) }).toEqual({ i, times: 1 });
      await before.close();
    },
    TIMEOUT_MS,
  );

  test(
    "HGET, ZSCORE and ZRANGE of big keys that are rewritten in turn never answer from what lay there before",
    async () => {
      const harness = await CommandHarness.open(path, COMMANDS, { level: "overlay" });
      copy(harness, "hash", "hash-kept");
      copy(harness, "zset", "zset-kept");
      copy(harness, "set", "was-set");
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < 3; i++) {
          const value = round % 2 === 0 ? `value ${777 * 3}` : "other";
          expect(harness.run("HGET", "hash", "field:777")).toBe(`$${value.length}\r\n${value}\r\n`);
          expect(harness.run("ZRANGE", "zset", "0", "0")).toBe(
            round % 2 === 0 ? "*1\r\n$2\r\nm0\r\n" : "*1\r\n$2\r\nz0\r\n",
          );
          expect(harness.run("ZSCORE", "zset", "z7")).toBe(round % 2 === 0 ? "$-1\r\n" : "$1\r\n7\r\n");
        }
        copy(harness, round % 2 === 0 ? "other" : "hash-kept", "hash");
        if (round % 2 === 0) {
          if (round === 0) {
            await redis.send("ZADD", "zother", ...Array.from({ length: BIG }, (_, i) => [`${i}`, `z${i}`]).flat());
            const layer = await Layer.open(await redis.save(), { databases: 16, log: () => {} });
            const key = bytesOf("zother");
            expect(layer.find(0, key, 0, key.length, record)).toBe(true);
            const db = harness.server.keyspace.database(0);
            db.writeRecord(key, 0, key.length, record, valueBytes(record), -1);
            await layer.close();
          }
          copy(harness, "zother", "zset");
        } else copy(harness, "zset-kept", "zset");
        if (round % 3 === 0) copyUp(harness.server.keyspace, 2);
        while (harness.server.keyspace.tick());
      }
      await harness.close();
    },
    TIMEOUT_MS,
  );
});

/** COPY … REPLACE. */
function copy({ server }: CommandHarness, from: string, to: string): void {
  const db = server.keyspace.database(0);
  const source = bytesOf(from);
  expect(db.find(source, 0, source.length, Date.now(), record)).toBe(true);
  const length = record.valueLength >= 0 ? record.valueLength : valueBytes(record);
  const target = bytesOf(to);
  db.writeRecord(target, 0, target.length, record, length, -1);
}

/** The strings of a flat array; it must be as long as it says, and end there. */
function arrayOf(reply: string): Set<string> {
  const count = Number(/^\*(\d+)\r\n/.exec(reply)?.[1]);
  const strings = new Set<string>();
  let at = reply.indexOf("\r\n") + 2;
  for (let i = 0; i < count; i++) {
    const line = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, line));
    strings.add(reply.slice(line + 2, line + 2 + length));
    at = line + length + 4;
  }
  expect(at).toBe(reply.length);
  return strings;
}
