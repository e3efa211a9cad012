import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandHarness } from "../../test/support/command-harness.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { rows as hashExpiry } from "./hash-expiry.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as scan } from "./scan.ts";

/** 33 000 000 000 seconds and 123 ms after the epoch. */
const EXPIRES_AT_MS = 33_000_000_000_123;
const EXPIRED_AT_MS = 1_000_000_000_000;
/** First byte of a length of 64 bits, big-endian. */
const LENGTH_64_BITS = 0x81;

function int64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

/** | type | key | smallest expiry | count | { expiry − smallest + 1, 0 for none | field | value } … */
function writeHash(writer: RdbWriter, key: string, fields: [name: string, value: string, expireAtMs: number][]): void {
  writer.raw(Uint8Array.of(RdbType.HASH_METADATA)).string(key).raw(int64(EXPIRED_AT_MS)).length(fields.length);
  for (const [name, value, expireAtMs] of fields) {
    if (expireAtMs < 0) writer.length(0);
    else writer.u8(LENGTH_64_BITS).raw(int64(expireAtMs - EXPIRED_AT_MS + 1).reverse());
    writer.string(name).string(value);
  }
}

let dir = "";
let folio: CommandHarness;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "folio-hash-expiry-"));
  const path = join(dir, "dump.rdb");
  const writer = new RdbWriter(path, 12).select(0);
  writeHash(writer, "hash", [
    ["lasting", "1", -1],
    ["mortal", "2", EXPIRES_AT_MS],
    ["gone", "3", EXPIRED_AT_MS],
  ]);
  writeHash(
    writer,
    "big",
    Array.from({ length: 1000 }, (_, i) => [`field:${i}`, `${i}`, i % 3 === 0 ? EXPIRED_AT_MS : -1]),
  );
  writer.finish();
  folio = await CommandHarness.open(path, [...hashes, ...hashRandom, ...hashExpiry, ...scan]);
});

afterAll(async () => {
  await folio.close();
  rmSync(dir, { recursive: true, force: true });
});

test("times of fields", () => {
  const fields = ["FIELDS", "4", "lasting", "mortal", "gone", "none"];
  expect(folio.run("HPEXPIRETIME", "hash", ...fields)).toBe(`*4\r\n:-1\r\n:${EXPIRES_AT_MS}\r\n:-2\r\n:-2\r\n`);
  expect(folio.run("HEXPIRETIME", "hash", ...fields)).toBe("*4\r\n:-1\r\n:33000000001\r\n:-2\r\n:-2\r\n");
  const [, lasting, mortal, gone] = folio.run("HPTTL", "hash", ...fields).split("\r\n");
  expect([lasting, gone]).toEqual([":-1", ":-2"]);
  const left = EXPIRES_AT_MS - Date.now();
  expect(Math.abs(Number(mortal?.slice(1)) - left)).toBeLessThan(1000);
  const seconds = Number(
    folio
      .run("HTTL", "hash", ...fields)
      .split("\r\n")[2]
      ?.slice(1),
  );
  expect(Math.abs(seconds - left / 1000)).toBeLessThan(2);
});

test("fields whose time has passed are absent from every answer", () => {
  expect(folio.run("HLEN", "hash")).toBe(":2\r\n");
  expect(folio.run("HGET", "hash", "gone")).toBe("$-1\r\n");
  expect(folio.run("HEXISTS", "hash", "gone")).toBe(":0\r\n");
  expect(folio.run("HMGET", "hash", "gone", "mortal")).toBe("*2\r\n$-1\r\n$1\r\n2\r\n");
  expect(folio.run("HKEYS", "hash")).toBe("*2\r\n$7\r\nlasting\r\n$6\r\nmortal\r\n");
  expect(folio.run("HRANDFIELD", "hash", "10")).toBe("*2\r\n$7\r\nlasting\r\n$6\r\nmortal\r\n");
  expect(folio.run("HSCAN", "hash", "0", "NOVALUES")).toBe("*2\r\n$1\r\n0\r\n*2\r\n$7\r\nlasting\r\n$6\r\nmortal\r\n");
});

test("a scan of a big hash passes over them, page by page", () => {
  expect(folio.run("HLEN", "big")).toBe(":666\r\n");
  const seen: string[] = [];
  let cursor = "0";
  do {
    const texts = [...folio.run("HSCAN", "big", cursor, "COUNT", 50).matchAll(/\$\d+\r\n(.*)\r\n/g)].map(([, t]) => t!);
    cursor = texts.shift() as string;
    seen.push(...texts.filter((text) => text.startsWith("field:")));
  } while (cursor !== "0");
  expect(seen.length).toBe(666);
  expect(new Set(seen).size).toBe(666);
});
