/** What a real redis-server holds and saves, read back from its dump.rdb: every type, small and big, compressed too. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { randomFrom, testSeed } from "../../test/support/packed-samples.ts";
import { type HashValue, readValue, type Value } from "../../test/support/read-value.ts";
import { RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { openRdb } from "../rdb/reader.ts";
import { Record } from "../rdb/record.ts";
import { ScanKind } from "../rdb/scan.ts";
import { sourceOf } from "../util/byte-source.ts";

/** Values that take every integer and string encoding, some of which compress well. */
function randomValue(random: () => number): string {
  const kind = random();
  if (kind < 0.4)
    return `${BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) * 2048n) >> BigInt(Math.floor(random() * 63))}`;
  if (kind < 0.5) return "compressible ".repeat(1 + Math.floor(random() * 60));
  const length = Math.floor(random() ** 3 * 300);
  return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 256))).join("");
}

/** A raw reply without arrays inside, as its strings. */
function flat(reply: string): string[] {
  const values: string[] = [];
  let at = reply.indexOf("\r\n") + 2;
  while (at < reply.length) {
    const line = reply.indexOf("\r\n", at);
    const size = Number(reply.slice(at + 1, line));
    values.push(reply.slice(line + 2, line + 2 + size));
    at = line + size + 4;
  }
  return values;
}

async function expectedValue(server: RedisServer, type: string, key: string): Promise<Value> {
  if (type === "list") return flat(await server.send("LRANGE", key, 0, -1));
  if (type === "set") return flat(await server.send("SMEMBERS", key)).sort();
  if (type === "zset") {
    const words = flat(await server.send("ZRANGE", key, 0, -1, "WITHSCORES"));
    return words.flatMap((word, i) => (i % 2 === 0 ? [[word, Number(words[i + 1]?.replace("inf", "Infinity"))]] : []));
  }
  const words = flat(await server.send("HGETALL", key));
  const fields = Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] as string]] : [])));
  return { fields, expireAtMs: {} } satisfies HashValue;
}

describe("saved by redis-server", () => {
  if (!redisInstalled) {
    test.skip("redis-server is not installed", () => {});
    return;
  }
  let server: RedisServer;
  const keys: [string, string][] = [];
  const values = new Map<string, Value>();

  beforeAll(async () => {
    server = await RedisServer.start();
    const random = randomFrom(testSeed());
    const commands: Word[][] = [];
    for (const size of [1, 5, 100, 600, 3000]) {
      for (const kind of ["values", "numbers"]) {
        const value = () => (kind === "values" ? randomValue(random) : `${Math.floor(random() * 1e6)}`);
        const many = <T>(make: () => T[]): T[] => Array.from({ length: size }, make).flat();
        const key = (type: string) => {
          keys.push([type, `${type}:${kind}:${size}`]);
          return `${type}:${kind}:${size}`;
        };
        const score = () =>
          [Math.floor(random() * 50), random() * 100 - 50, "inf", "-inf"][Math.floor(random() * 4)] as Word;
        commands.push(["RPUSH", key("list"), ...many(() => [value()])]);
        commands.push(["SADD", key("set"), ...many(() => [value()])]);
        commands.push(["HSET", key("hash"), ...many(() => [value(), value()])]);
        commands.push(["ZADD", key("zset"), ...many(() => [score(), value()])]);
      }
    }
    commands.push(["RPUSH", "list:huge", "x".repeat(100_000), "small", "y".repeat(20_000)]);
    keys.push(["list", "list:huge"]);
    for (const reply of await server.connection.sendAll(commands)) expect(reply[0]).toBe(":");
    const bytes = new Uint8Array(readFileSync(await server.save()));
    const source = sourceOf(bytes);
    const scanner = openRdb(source).metadata().database({ validate: true });
    const record = new Record();
    while (scanner.next()) {
      if (scanner.kind !== ScanKind.RECORD) continue;
      record.readAt(source, scanner.recordOffset);
      values.set(record.key.text(), readValue(record, 0));
    }
  });
  afterAll(() => server?.stop());

  test("collections of every size and encoding", async () => {
    expect(values.size).toBe(keys.length);
    for (const [type, key] of keys) {
      expect({ key, value: values.get(key) }).toEqual({ key, value: await expectedValue(server, type, key) });
    }
  });
});
