/** What a real redis-server holds and saves, read back from its dump.rdb: every type, small and big, compressed too. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { randomFrom, testSeed } from "../../test/support/packed-samples.ts";
import { type HashValue, readValue, type Value } from "../../test/support/read-value.ts";
import { RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { objectType } from "../rdb/opcodes.ts";
import { openRdb } from "../rdb/reader.ts";
import { Record } from "../rdb/record.ts";
import { ScanKind } from "../rdb/scan.ts";
import { sourceOf } from "../util/byte-source.ts";
import { HashReader } from "./hash.ts";
import { ListReader } from "./list.ts";
import { SetReader } from "./set.ts";
import { ZsetReader } from "./zset.ts";

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

function encodingOf(record: Record): string {
  const type = objectType(record.type);
  if (type === "hash") {
    const reader = new HashReader();
    reader.open(record, 0);
    return reader.encoding;
  }
  if (type === "stream") return "stream";
  const reader = type === "list" ? new ListReader() : type === "set" ? new SetReader() : new ZsetReader();
  reader.open(record);
  return reader.encoding;
}

interface Stream {
  readonly entries: readonly (readonly [string, readonly string[]])[];
}

/** Entries with fields alike and not, some deleted, in several listpacks; two groups with pending entries. */
function streamCommands(key: string, random: () => number): Word[][] {
  const commands: Word[][] = [];
  for (let i = 1; i <= 400; i++) {
    const fields =
      i % 7 === 0 ? ["other", randomValue(random), `f${i}`, "x"] : ["name", `n${i}`, "value", randomValue(random)];
    commands.push(["XADD", key, `${1000 + Math.floor(i / 3)}-${i}`, ...fields]);
  }
  for (let i = 5; i < 400; i += 11) commands.push(["XDEL", key, `${1000 + Math.floor(i / 3)}-${i}`]);
  commands.push(["XGROUP", "CREATE", key, "readers", 0], ["XGROUP", "CREATE", key, "idle", "$"]);
  for (const consumer of ["bob", "alice", "bob"]) {
    commands.push(["XREADGROUP", "GROUP", "readers", consumer, "COUNT", 60, "STREAMS", key, ">"]);
  }
  commands.push(["XACK", key, "readers", "1000-1"]);
  return commands;
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
  const encodings = new Map<string, string>();

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
    for (const reply of await server.connection.sendAll(streamCommands("stream", random)))
      expect(reply[0]).not.toBe("-");
    const bytes = new Uint8Array(readFileSync(await server.save()));
    const source = sourceOf(bytes);
    const scanner = openRdb(source).metadata().database({ validate: true });
    const record = new Record();
    while (scanner.next()) {
      if (scanner.kind !== ScanKind.RECORD) continue;
      record.readAt(source, scanner.recordOffset);
      values.set(record.key.text(), readValue(record, 0));
      encodings.set(record.key.text(), encodingOf(record));
    }
  });
  afterAll(() => server?.stop());

  test("collections of every size and encoding", async () => {
    expect(values.size).toBe(keys.length + 1);
    for (const [type, key] of keys) {
      expect({ key, value: values.get(key) }).toEqual({ key, value: await expectedValue(server, type, key) });
    }
  });

  test("encodings, as far as the installed server has the same", async () => {
    for (const [type, key] of keys) {
      const reply = (await server.send("OBJECT", "ENCODING", key)).split("\r\n")[1];
      const mine = encodings.get(key);
      // Redis 7.0 has no listpack sets, and every list is a quicklist.
      const same = mine === reply || (mine === "listpack" && (type === "set" || type === "list"));
      expect({ key, mine, reply, same }).toEqual({ key, mine, reply, same: true });
    }
  });

  test("a stream with deleted entries and groups", async () => {
    const found = values.get("stream") as Stream & { groups: { [key: string]: unknown }[]; info: unknown };
    const ids = found.entries.map(([id]) => id);
    const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
    const mine = found.entries.map(([id, words]) => `*2\r\n${bulk(id)}*${words.length}\r\n${words.map(bulk).join("")}`);
    expect(`*${mine.length}\r\n${mine.join("")}`).toBe(await server.send("XRANGE", "stream", "-", "+"));
    expect(await server.send("XLEN", "stream")).toBe(`:${ids.length}\r\n`);
    const pending = await server.send("XPENDING", "stream", "readers", "-", "+", 1000);
    const [idle, readers] = found.groups;
    expect([idle?.["name"], readers?.["name"]]).toEqual(["idle", "readers"]);
    expect(idle?.["pending"]).toBe(0);
    expect(readers?.["consumer_names"]).toEqual(["alice", "bob"]);
    const pel = readers?.["pel"] as [string, string, number][];
    expect(pending.startsWith(`*${pel.length}\r\n`)).toBe(true);
    for (const [id, name] of pel) expect(pending).toContain(`${id}\r\n$${name.length}\r\n${name}\r\n`);
  });
});
