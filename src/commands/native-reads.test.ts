/** A large collection that one client reads in slices and another one changes, through real sockets: each reply is of one moment. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { Record } from "../rdb/record.ts";
import type { Client } from "./client.ts";
import { awaitReaders, NativeReads } from "./native-reads.ts";
import { NotReady } from "./not-ready.ts";

const MEMBERS = 30_000;
const PER_REQUEST = 2000;
const TIMEOUT_MS = 60_000;

let server: StubServer;
let client: RespClient;

beforeEach(async () => {
  server = new StubServer();
  client = await RespClient.connect(server.port);
  for (let i = 0; i < MEMBERS; i += PER_REQUEST) {
    await client.command("SADD", "big", ...Array.from({ length: PER_REQUEST }, (_, j) => `member:${i + j}`));
  }
}, TIMEOUT_MS);
afterEach(() => {
  client.close();
  server.stop();
});

const arena = () => {
  const { top } = server.keyspace.database(0);
  if (top === null) throw new Error("nothing was written");
  return top.arena;
};

test(
  "a client that does not read its reply keeps a writer out for a moment only, and gets what was there before",
  async () => {
    const reader = await RawSocket.connect(server.port);
    reader.pause();
    reader.send("*2\r\n$8\r\nSMEMBERS\r\n$3\r\nbig\r\n");
    while (arena().readers.size === 0) await Bun.sleep(1);
    const writing = client.command("SADD", "big", "late");
    const other = await RespClient.connect(server.port);
    expect(await other.command("PING")).toBe("+PONG");
    // What the server's clock does once a second.
    const ticks = setInterval(() => server.dispatcher.tick(Date.now()), 50);
    expect(await writing).toBe(1);
    clearInterval(ticks);
    expect(arena().readers.size).toBe(0);
    expect(arena().awaited.size).toBe(0);
    reader.resume();
    expect(await reader.until(({ received }) => received.split("\r\n").length === 2 * MEMBERS + 2)).toBe(true);
    expect(reader.received.startsWith(`*${MEMBERS}\r\n`)).toBe(true);
    expect(reader.received.includes("\r\nlate\r\n")).toBe(false);
    expect(await client.command("SCARD", "big")).toBe(MEMBERS + 1);
    reader.close();
    other.close();
  },
  TIMEOUT_MS,
);

test(
  "readers without end do not keep a writer out, and each sees a set that is whole",
  async () => {
    const readers = await Promise.all(Array.from({ length: 4 }, () => RespClient.connect(server.port)));
    let isOver = false;
    const read = async (reader: RespClient): Promise<number> => {
      let replies = 0;
      for (; !isOver; replies++) {
        const members = (await reader.command("SMEMBERS", "big")) as RespValue[];
        expect(new Set(members).size).toBe(members.length);
        expect(members.length).toBeGreaterThanOrEqual(MEMBERS);
      }
      return replies;
    };
    const reading = readers.map(read);
    for (let i = 0; i < 6; i++) {
      expect(await client.command("SADD", "big", `late:${i}`)).toBe(1);
      expect(await client.command("SREM", "big", `late:${i}`, "nobody")).toBe(1);
    }
    isOver = true;
    for (const replies of await Promise.all(reading)) expect(replies).toBeGreaterThan(0);
    expect(arena().readers.size).toBe(0);
    for (const reader of readers) reader.close();
  },
  TIMEOUT_MS,
);

test(
  "a set that is deleted, replaced or renamed while it is read is read to its end",
  async () => {
    const commands = [
      ["RENAME", "big", "bigger"],
      ["COPY", "bigger", "big"],
      ["SET", "big", "a string"],
      ["RENAME", "bigger", "big"],
      ["DEL", "big"],
    ];
    const reader = await RespClient.connect(server.port);
    for (const command of commands) {
      const key = command[0] === "COPY" ? "bigger" : "big";
      const isString = (await client.command("TYPE", key)) !== "+set";
      const source = isString ? "bigger" : key;
      const reading = reader.command("SMEMBERS", source);
      while (arena().readers.size === 0) await Bun.sleep(0);
      expect(String(await client.command(...command))).not.toMatch(/^-/);
      expect(new Set((await reading) as string[]).size).toBe(MEMBERS);
    }
    expect(await client.command("DBSIZE")).toBe(0);
    while (server.keyspace.tick(true));
    expect(arena().usedBytes).toBeLessThan(10_000);
    reader.close();
  },
  TIMEOUT_MS,
);

test("as long as one of several writers waits, readers wait behind him", async () => {
  const owner = [...server.clients.byId.values()][0] as Client;
  const record = new Record();
  const key = Buffer.from("big");
  expect(server.keyspace.database(0).find(key, 0, key.length, Date.now(), record)).toBe(true);
  const isHeldUp = (act: () => void): NotReady | null => {
    try {
      act();
      return null;
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      return error;
    }
  };
  const reading = new NativeReads();
  reading.note(record, owner);
  reading.hold();
  const writers = [0, 1].map(() => isHeldUp(() => awaitReaders(record, owner)) as NotReady);
  for (const { work } of writers) expect(work.next().done).toBe(false);
  reading.release();
  expect(writers[0]?.work.next().done).toBe(true);
  expect(isHeldUp(() => new NativeReads().note(record, owner))).not.toBeNull();
  expect(writers[1]?.work.next().done).toBe(true);
  expect(isHeldUp(() => new NativeReads().note(record, owner))).toBeNull();
});
