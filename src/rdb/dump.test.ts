/** DUMP payloads, and what a real redis-server's RESTORE says of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sourceOf } from "../util/byte-source.ts";
import { crc64 } from "./crc64.ts";
import { dumpPayload, dumpVersion, valueBytes } from "./dump.ts";
import { objectType, RdbType, rdbTypeName } from "./opcodes.ts";
import { openRdb } from "./reader.ts";
import { Record } from "./record.ts";
import { bytesOf, rdbFile, rdbRecord, SAMPLES, type Sample } from "./samples.ts";
import { ScanKind } from "./scan.ts";

/** The newest RDB version of the redis-server that is installed where these tests were written (7.0). */
const SERVER_RDB_VERSION = 10;

function recordOf(sample: Sample): Record {
  const record = new Record();
  record.valkey = sample.type === RdbType.VALKEY_HASH_2;
  record.readAt(sourceOf(bytesOf(rdbRecord(sample, "key"), 0xaa)), 0);
  return record;
}

describe("payload", () => {
  for (const [i, sample] of SAMPLES.entries()) {
    test(`${rdbTypeName(sample.type)} (${i}): type, value, version, CRC64`, () => {
      const record = recordOf(sample);
      expect(valueBytes(record)).toBe(sample.value.length);
      const payload = dumpPayload(record);
      const length = payload.length;
      expect(payload[0]).toBe(sample.type % 256);
      expect([...payload.subarray(1, length - 10)]).toEqual([...sample.value]);
      const footer = new DataView(payload.buffer, payload.byteOffset + length - 10);
      expect(footer.getUint16(0, true)).toBe(dumpVersion(sample.type));
      expect(footer.getBigUint64(2, true)).toBe(crc64(payload, 0, length - 8));
    });
  }

  for (const size of [131_000, 131_072, 262_144, 400_001]) {
    test(`the CRC64 of a string of ${size} bytes, summed in slices`, () => {
      const value = bytesOf([0x80, 0, size >>> 16, (size >>> 8) & 0xff, size & 0xff], new Uint8Array(size).fill(0x5a));
      const payload = dumpPayload(recordOf({ ...(SAMPLES[0] as Sample), type: RdbType.STRING, value }));
      const footer = new DataView(payload.buffer, payload.byteOffset + payload.length - 8);
      expect(footer.getBigUint64(0, true)).toBe(crc64(payload, 0, payload.length - 8));
    });
  }
});

const hasServer = Bun.which("redis-server") !== null && Bun.which("redis-cli") !== null;

describe.skipIf(!hasServer)("a real redis-server (skipped where none is installed)", () => {
  const dir = mkdtempSync(join(tmpdir(), "folio-dump-"));
  const socket = join(dir, "redis.sock");
  let server: Bun.Subprocess;

  const cli = (args: readonly string[], stdin?: Uint8Array): string => {
    const flags = stdin === undefined ? [] : ["-x"];
    const ran = Bun.spawnSync(["redis-cli", "-s", socket, ...flags, ...args], { stdin: stdin ?? null });
    return ran.stdout.toString().trim();
  };

  beforeAll(async () => {
    const args = ["--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--sanitize-dump-payload", "yes"];
    args.push("--enable-debug-command", "yes");
    server = Bun.spawn(["redis-server", ...args], { stdout: "ignore", stderr: "ignore" });
    while (cli(["PING"]) !== "PONG") await Bun.sleep(20);
  });

  afterAll(async () => {
    server.kill();
    await server.exited;
    rmSync(dir, { recursive: true });
  });

  for (const [i, sample] of SAMPLES.entries()) {
    if (dumpVersion(sample.type) > SERVER_RDB_VERSION || sample.type === RdbType.MODULE_2) continue;
    test(`restores ${rdbTypeName(sample.type)} (${i})`, () => {
      expect(cli(["RESTORE", `sample${i}`, "0"], dumpPayload(recordOf(sample)))).toBe("OK");
      expect(cli(["TYPE", `sample${i}`])).toBe(objectType(sample.type));
    });
  }

  test("what it saved itself comes back as it was", () => {
    cli(["FLUSHALL"]);
    cli(["SET", "text", "x".repeat(500)]);
    cli(["SET", "int", "-77"]);
    cli(["RPUSH", "list", "a", "1", "y".repeat(9000)]);
    cli(["SADD", "ints", "1", "2", "70000"]);
    cli(["SADD", "set", "a", "b", "z".repeat(100)]);
    cli(["ZADD", "zset", "1.5", "a", "-inf", "b"]);
    cli(["ZADD", "bigzset", "0.1", "z".repeat(100), "2", "b"]);
    cli(["HSET", "hash", "f", "v"]);
    cli(["HSET", "bighash", "f", "v".repeat(100)]);
    cli(["XADD", "stream", "1-1", "f", "v"]);
    cli(["XGROUP", "CREATE", "stream", "g", "0"]);
    cli(["XREADGROUP", "GROUP", "g", "alice", "STREAMS", "stream", ">"]);
    expect(cli(["SAVE"])).toBe("OK");
    const source = sourceOf(new Uint8Array(readFileSync(join(dir, "dump.rdb"))));
    const scanner = openRdb(source).metadata().database({ validate: true });
    const record = new Record();
    let keys = 0;
    while (scanner.next()) {
      if (scanner.kind !== ScanKind.RECORD) continue;
      keys++;
      record.readAt(source, scanner.recordOffset);
      const key = record.key.text();
      expect(cli(["RESTORE", `copy:${key}`, "0"], dumpPayload(record))).toBe("OK");
      // Not DUMP itself: the order of a hash table's members is the server's own.
      const [digest, copied] = cli(["DEBUG", "DIGEST-VALUE", key, `copy:${key}`]).split("\n");
      expect(digest).toMatch(/^[0-9a-f]{40}$/);
      expect(copied).toBe(digest as string);
    }
    expect(keys).toBe(10);
  });

  test("loads the file of samples that these tests build", () => {
    const known = SAMPLES.filter(({ type }) => dumpVersion(type) <= SERVER_RDB_VERSION && type !== RdbType.MODULE_2);
    const file = rdbFile("REDIS0010", ...known.map((sample, i) => rdbRecord(sample, `k${i}`)));
    writeFileSync(join(dir, "samples.rdb"), file);
    const check = Bun.spawnSync(["redis-check-rdb", join(dir, "samples.rdb")]);
    expect(check.stdout.toString()).toContain("RDB looks OK");
  });
});
