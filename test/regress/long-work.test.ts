/**
 * Work that once held every client up, and now goes in slices: keyed access to huge plain collections, long strings that
 * nobody has verified yet, long pipelines. Here only that the answers are right meanwhile; bench/latency measures.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RdbType } from "../../src/rdb/opcodes.ts";
import { type ServerProcess, spawnFolio } from "../support/processes.ts";
import { RdbWriter } from "../support/rdb-writer.ts";

const MEMBERS = 60_000;
const LONG = Buffer.alloc(6 * 1024 * 1024, "0123456789abcdef").toString("latin1");
const folder = mkdtempSync(join(tmpdir(), "folio-long-"));
const path = join(folder, "dump.rdb");
let server: ServerProcess;

function writeHash(writer: RdbWriter, key: string): void {
  writer.u8(RdbType.HASH).string(key).length(MEMBERS);
  for (let i = 0; i < MEMBERS; i++) writer.string(`field:${i}`).string(`value:${i}`);
}

/** In pieces: the writer takes no more at once. */
function writeLong(writer: RdbWriter, key: string): void {
  writer.u8(RdbType.STRING).string(key).length(LONG.length);
  const bytes = Buffer.from(LONG, "latin1");
  for (let at = 0; at < bytes.length; at += 4096) writer.raw(bytes.subarray(at, at + 4096));
}

beforeAll(async () => {
  const writer = new RdbWriter(path).select(0);
  const members = Array.from({ length: MEMBERS }, (_, i) => `member:${i}`);
  for (const key of ["set:a", "set:b", "set:c"]) writer.sadd(key, members);
  for (const key of ["hash:a", "hash:b", "hash:c"]) writeHash(writer, key);
  for (const key of ["long:a", "long:b"]) writeLong(writer, key);
  writer.sadd("letters", ["a", "b"]).set("key", "value").finish();
  server = await spawnFolio([path]).ready();
}, 30_000);

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function keyspaceHits(): Promise<number> {
  const client = await server.connect();
  const info = String(await client.command("INFO", "stats"));
  client.close();
  return Number(/keyspace_hits:(\d+)/.exec(info)?.[1]);
}

test("single fields and members, there or not, the first time and later", async () => {
  const client = await server.connect();
  const before = await keyspaceHits();
  for (let round = 0; round < 4; round++) {
    const last = MEMBERS - 1 - round;
    expect(await client.command("HGET", "hash:a", `field:${last}`)).toBe(`value:${last}`);
    expect(await client.command("HGET", "hash:a", `field:-${last}`)).toBeNull();
    expect(await client.command("HEXISTS", "hash:a", "nothing")).toBe(0);
    expect(await client.command("HSTRLEN", "hash:a", `field:${last}`)).toBe(`value:${last}`.length);
    expect(await client.command("SISMEMBER", "set:a", `member:${last}`)).toBe(1);
    expect(await client.command("SISMEMBER", "set:a", "nothing")).toBe(0);
    expect(await client.command("SMISMEMBER", "set:a", "member:0", "nothing", `member:${last}`)).toEqual([1, 0, 1]);
  }
  expect((await keyspaceHits()) - before).toBe(28);
  client.close();
});

test("many clients ask for the first time at once, some leave before their answer", async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => server.connect()));
  const answers = clients.map(async (client, i) => {
    const wanted = (i * 4999) % MEMBERS;
    const replies = client.pipeline([
      ["HGET", "hash:b", `field:${wanted}`],
      ["SISMEMBER", "set:b", `member:${wanted}`],
      ["HGET", "hash:c", `field:${wanted}`],
      ["SISMEMBER", "set:c", "nothing"],
      ["GET", "key"],
    ]);
    if (i % 3 === 2) {
      client.close();
      await replies.catch(() => {});
      return;
    }
    expect(await replies).toEqual([`value:${wanted}`, 1, `value:${wanted}`, 0, "value"]);
  });
  await Promise.all(answers);
  for (const client of clients) client.close();
});

test("long strings that nobody has verified, in a reply that has begun", async () => {
  const client = await server.connect();
  const replies = (await client.command("SORT_RO", "letters", "ALPHA", "GET", "long:*", "GET", "#")) as string[];
  expect(replies.map((reply) => (reply === LONG ? "long" : reply.slice(0, 80)))).toEqual(["long", "a", "long", "b"]);
  client.close();
});

test("MGET of more than a slice's bytes: in slices, in order", async () => {
  const client = await server.connect();
  const keys = ["key", "long:a", "none", "long:b", "key", "long:a"];
  const replies = (await client.command("MGET", ...keys)) as (string | null)[];
  expect(replies.map((reply) => (reply === LONG ? "long" : reply))).toEqual([
    "value",
    "long",
    null,
    "long",
    "value",
    "long",
  ]);
  client.close();
});

test("a long string in the middle of a pipeline, the first time and later", async () => {
  const client = await server.connect();
  for (let round = 0; round < 2; round++) {
    const commands = [
      ["GET", "key"],
      ["GET", "long:a"],
      ["STRLEN", "long:a"],
      ["MGET", "key", "long:b"],
      ["GET", "none"],
    ];
    const replies = await client.pipeline(commands);
    // Not toBe of the long ones: a difference would print megabytes.
    expect(replies[1] === LONG).toBe(true);
    expect((replies[3] as string[])[1] === LONG).toBe(true);
    expect([replies[0], replies[2], (replies[3] as string[])[0], replies[4]]).toEqual([
      "value",
      LONG.length,
      "value",
      null,
    ]);
  }
  expect(await client.command("GETRANGE", "long:b", "-3", "-1")).toBe("def");
  expect(await client.command("BITCOUNT", "long:b", "0", "0")).toBe(2);
  client.close();
});

test("another client is served before a long pipeline ends; the pipeline's replies keep their order", async () => {
  const [pipeline, other] = await Promise.all([server.connect(), server.connect()]);
  const count = 150_000;
  let ended = false;
  const replies = pipeline.raw("ECHO abcdef\r\nGET key\r\n".repeat(count), count * 2).then((all) => {
    ended = true;
    return all;
  });
  let served = 0;
  while (!ended) {
    expect(await other.command("PING")).toBe("+PONG");
    served++;
  }
  const wrong = (await replies).findIndex((reply, i) => reply !== (i % 2 === 0 ? "abcdef" : "value"));
  expect(wrong).toBe(-1);
  expect(served).toBeGreaterThan(3);
  pipeline.close();
  other.close();
}, 30_000);
