/** Clients that change large collections at the same time, wait for one another, or leave in the midst of it, through real sockets. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand, RespClient } from "../../test/support/resp-client.ts";
import { drained } from "../../test/support/saving.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { ArenaFull } from "../overlay/arena.ts";
import { Record } from "../rdb/record.ts";
import { setString } from "../types/string.ts";
import type { Client } from "./client.ts";
import { NativeReads } from "./native-reads.ts";

const MEMBERS = 30_000;
const PER_REQUEST = 2000;
const TIMEOUT_MS = 60_000;

let server: StubServer;
let client: RespClient;

beforeEach(async () => {
  server = new StubServer();
  client = await RespClient.connect(server.port);
});
afterEach(() => {
  client.close();
  server.stop();
});

async function fill(command: string, key: string): Promise<void> {
  for (let i = 0; i < MEMBERS; i += PER_REQUEST) {
    const members = Array.from({ length: PER_REQUEST }, (_, j) => `member:${i + j}`);
    await client.command(command, key, ...(command === "HSET" ? members.flatMap((name) => [name, "v"]) : members));
  }
}

const top = () => server.keyspace.database(0).ensureTop();

test(
  "clients that copy a structure of a save at the same time lose nothing of what each has written",
  async () => {
    await fill("HSET", "big");
    server.keyspace.freeze();
    const clients = await Promise.all(Array.from({ length: 4 }, () => RespClient.connect(server.port)));
    const write = async (other: RespClient, name: number) => {
      for (let i = 0; i < 100; i++) expect(await other.command("HSET", "big", `${name}:${i}`, "x")).toBe(1);
    };
    await Promise.all(clients.map(write));
    expect(await client.command("HLEN", "big")).toBe(MEMBERS + 400);
    drained(server.keyspace.thaw());
    expect(await client.command("HLEN", "big")).toBe(MEMBERS + 400);
    for (const other of clients) other.close();
  },
  TIMEOUT_MS,
);

test(
  "a key that becomes another type while a copy of it is made answers WRONGTYPE",
  async () => {
    await fill("HSET", "big");
    server.keyspace.freeze();
    const { arena } = top();
    const { allocate } = arena;
    const key = Buffer.from("big");
    let made = 0;
    arena.allocate = (bytes: number) => {
      // Between two slices.
      if (made++ === 1000) {
        queueMicrotask(() => setString(server.keyspace.database(0), key, 0, key.length, key, 0, key.length, -1));
      }
      return allocate.call(arena, bytes);
    };
    expect(await client.command("HSET", "big", "late", "x").catch(String)).toContain("WRONGTYPE");
    arena.allocate = allocate;
    expect(await client.command("GET", "big")).toBe("big");
    expect(server.logged.filter((line) => line.includes("nexpected"))).toEqual([]);
  },
  TIMEOUT_MS,
);

for (const command of [
  ["HSET", "big", "late", "x"],
  ["COPY", "big", "copy"],
  ["PEXPIRE", "big", "1000000"],
]) {
  test(
    `a client that leaves while ${command[0]} copies a structure leaves nothing behind`,
    async () => {
      await fill("HSET", "big");
      server.keyspace.freeze();
      const before = top().usedBytes;
      for (let i = 0; i < 3; i++) {
        const leaving = await RawSocket.connect(server.port);
        leaving.send(encodeCommand(command));
        while (top().usedBytes < before + 100_000 && server.dispatcher.slicedCommands === 0) await Bun.sleep(0);
        leaving.close();
        while (server.dispatcher.slicedCommands > 0) await Bun.sleep(1);
      }
      while (server.keyspace.tick(true));
      expect(top().keys).toBe(0);
      expect(top().usedBytes).toBeLessThan(before + 10_000);
    },
    TIMEOUT_MS,
  );
}

test(
  "who waits for an element goes on when the list that it is to be moved to was being read",
  async () => {
    await fill("RPUSH", "big");
    const waiting = await RespClient.connect(server.port);
    const moved = waiting.command("BLMOVE", "source", "big", "LEFT", "LEFT", "0");
    while (server.keyspace.waits.count === 0) await Bun.sleep(1);
    const reader = await RawSocket.connect(server.port);
    reader.pause();
    reader.send("*4\r\n$6\r\nLRANGE\r\n$3\r\nbig\r\n$1\r\n0\r\n$2\r\n-1\r\n");
    while (top().arena.readers.size === 0) await Bun.sleep(1);
    expect(await client.command("RPUSH", "source", "x")).toBe(1);
    const ticks = setInterval(() => server.dispatcher.tick(Date.now()), 50);
    const late = Bun.sleep(3000).then(() => "late");
    expect(await Promise.race([moved, late])).toBe("x");
    clearInterval(ticks);
    expect(await client.command("LINDEX", "big", "0")).toBe("x");
    reader.close();
    waiting.close();
  },
  TIMEOUT_MS,
);

/** Commands that make a structure aside; what they need. */
const ASIDE: readonly (readonly [command: string, fills: string, words: readonly string[]])[] = [
  ["SADD", "", ["SUNIONSTORE", "into", "big"]],
  ["SADD", "", ["SPOP", "big", `${MEMBERS - 5000}`]],
  ["ZADD", "", ["ZUNIONSTORE", "into", "1", "big"]],
  ["ZADD", "", ["ZREMRANGEBYRANK", "big", "0", `${MEMBERS - 5000}`]],
  ["RPUSH", "same", ["LREM", "big", `${MEMBERS / 2}`, "same"]],
];

const SIZE: { readonly [filler: string]: string } = { SADD: "SCARD", ZADD: "ZCARD", RPUSH: "LLEN" };

for (const [filler, element, words] of ASIDE) {
  test(
    `a client that leaves while ${words[0]} makes a structure leaves nothing behind`,
    async () => {
      for (let i = 0; i < MEMBERS; i += PER_REQUEST) {
        const members = Array.from({ length: PER_REQUEST }, (_, j) => element || `member:${i + j}`);
        await client.command(filler, "big", ...(filler === "ZADD" ? members.flatMap((m, j) => [`${j}`, m]) : members));
      }
      const { arena } = top();
      const { allocate } = arena;
      const before = top().usedBytes;
      const leaving = await RawSocket.connect(server.port);
      let seen = 0;
      arena.allocate = (bytes: number) => {
        if (seen++ === 100) leaving.close();
        return allocate.call(arena, bytes);
      };
      leaving.send(encodeCommand(words));
      while (seen === 0) await Bun.sleep(1);
      while (server.dispatcher.slicedCommands > 0) await Bun.sleep(1);
      arena.allocate = allocate;
      while (server.keyspace.tick(true));
      const size = await client.command(SIZE[filler] as string, "big");
      expect([size, await client.command("EXISTS", "into")]).toEqual([MEMBERS, 0]);
      expect(Math.abs(top().usedBytes - before)).toBeLessThan(20_000);
    },
    TIMEOUT_MS,
  );
}

test(
  "a database that is flushed while a structure is copied into it leaves no bytes counted",
  async () => {
    await fill("HSET", "big");
    const copying = client.command("COPY", "big", "copy");
    const other = await RespClient.connect(server.port);
    while (server.dispatcher.slicedCommands === 0) await Bun.sleep(0);
    await other.command("FLUSHALL");
    expect(await copying).toBe(0);
    while (server.keyspace.tick(true));
    expect(server.keyspace.tally).toMatchObject({ usedBytes: 0, goneBytes: 0, dyingObjects: 0 });
    other.close();
  },
  TIMEOUT_MS,
);

test(
  "who waits to change a structure counts no hits",
  async () => {
    await fill("HSET", "big");
    server.keyspace.freeze();
    expect(await client.command("HSET", "big", "late", "x")).toBe(1);
    expect(server.stats.keyspaceHits).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "a structure that is renamed while a save runs goes, though there is no memory for a tombstone",
  async () => {
    await fill("HSET", "big");
    server.keyspace.freeze();
    expect(await client.command("HSET", "big", "late", "x")).toBe(1);
    expect(await client.command("PEXPIRE", "big", "1000000")).toBe(1);
    const { arena, keys } = top();
    const { allocate } = arena;
    let made = 0;
    arena.allocate = (bytes: number) => {
      if (made++ > 0) throw new ArenaFull(bytes);
      return allocate.call(arena, bytes);
    };
    expect(await client.command("RENAME", "big", "other")).toBe("+OK");
    arena.allocate = allocate;
    expect(top().keys).toBe(keys);
    const same = async () => {
      expect(await client.command("EXISTS", "big")).toBe(0);
      expect(await client.command("HLEN", "other")).toBe(MEMBERS + 1);
      expect(await client.command("PTTL", "other")).toBeGreaterThan(900_000);
      expect(await client.command("DBSIZE")).toBe(1);
    };
    await same();
    expect(await client.command("SET", "big", "a string")).toBe("+OK");
    expect(await client.command("DEL", "big")).toBe(1);
    await same();
    drained(server.keyspace.thaw());
    await same();
    expect(await client.command("DEL", "other")).toBe(1);
    while (server.keyspace.tick(true));
    expect(server.keyspace.tally.goneBytes).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "who was held up, and found nothing then, is served with what comes later, as is who waits behind him",
  async () => {
    await fill("RPUSH", "big");
    const [first, second] = await Promise.all([RespClient.connect(server.port), RespClient.connect(server.port)]);
    const moved = first.command("BLMOVE", "source", "big", "LEFT", "LEFT", "0");
    while (server.keyspace.waits.count === 0) await Bun.sleep(1);
    const popped = second.command("BLPOP", "source", "0");
    await Bun.sleep(20);
    const record = new Record();
    expect(server.keyspace.database(0).find(Buffer.from("big"), 0, 3, Date.now(), record)).toBe(true);
    const reading = new NativeReads();
    reading.note(record, [...server.clients.byId.values()][0] as Client);
    reading.hold();
    // In one go: before he who was held up looks again.
    const both = [client.command("RPUSH", "source", "x"), client.command("LPOP", "source")];
    expect(await Promise.all(both)).toEqual([1, "x"]);
    reading.release();
    await Bun.sleep(20);
    const late = Bun.sleep(3000).then(() => "late");
    expect(await client.command("RPUSH", "source", "y")).toBe(1);
    expect(await Promise.race([moved, late])).toBe("y");
    expect(await client.command("RPUSH", "source", "z")).toBe(1);
    expect(await Promise.race([popped, late])).toEqual(["source", "z"]);
    first.close();
    second.close();
  },
  TIMEOUT_MS,
);
