/**
 * What happens to the file under a running server: it is truncated, overwritten, appended to, replaced or deleted while
 * clients read, or a bit of it flips on the disk. Real processes do it to a real file; every answer is checked.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REDIS_SERVER, spawnFolio, spawnRedis } from "../support/processes.ts";
import type { RespClient } from "../support/resp-client.ts";

if (!REDIS_SERVER) console.log("skipped: no redis-server on this machine to make the file with");

const KEYS = 100_000;
const valueAt = (index: number) => `value of ${index} `.repeat(12);

/** Deeds that a script or a person does to a dump.rdb; `$1` is the file, `$2` a copy of it. */
const DEEDS: Record<string, string> = {
  "truncated to nothing": ': > "$1"',
  // coreutils' truncate opens with O_NONBLOCK: where a lease is held it is told EAGAIN at once, and tries again as a person would.
  "truncated in the middle": 'until truncate -s 1000000 "$1" 2>/dev/null; do sleep 0.02; done',
  "overwritten in place": 'dd if=/dev/zero of="$1" bs=1M count=8 conv=notrunc 2>/dev/null',
  "appended to": 'echo garbage >> "$1"',
  "copied over": 'cp "$2" "$1"',
  "replaced by rename": 'cp "$2" "$1.new" && mv "$1.new" "$1"',
  deleted: 'rm "$1"',
  "deleted with its index": 'rm "$1" "$1.idx"',
  "left alone while its index is truncated": ': > "$1.idx"',
  "left alone while its index is overwritten": 'dd if=/dev/zero of="$1.idx" bs=64K count=8 conv=notrunc 2>/dev/null',
};

describe.skipIf(!REDIS_SERVER)("the file under a running server", () => {
  const folder = mkdtempSync(join(tmpdir(), "folio-fault-"));
  const original = join(folder, "original.rdb");

  beforeAll(async () => {
    const redis = await spawnRedis(["--dir", folder, "--dbfilename", "original.rdb", "--rdbcompression", "no"]).ready();
    const client = await redis.connect();
    for (let first = 0; first < KEYS; first += 10_000) {
      await client.pipeline(Array.from({ length: 10_000 }, (_, i) => ["SET", `key:${first + i}`, valueAt(first + i)]));
    }
    expect(await client.command("SAVE")).toBe("+OK");
    client.close();
    await redis.stop("SIGKILL");
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Reads at random until `done`, every answer compared; how many were read. */
  async function readUntil(client: RespClient, done: () => boolean): Promise<number> {
    let reads = 0;
    do {
      const indexes = Array.from({ length: 500 }, () => Math.floor(Math.random() * KEYS));
      const replies = await client.pipeline(indexes.map((index) => ["GET", `key:${index}`]));
      for (let i = 0; i < indexes.length; i++) expect(replies[i]).toBe(valueAt(indexes[i]!));
      reads += indexes.length;
    } while (!done());
    return reads;
  }

  for (const [name, script] of Object.entries(DEEDS)) {
    test(`${name} while clients read`, async () => {
      const file = join(folder, "dump.rdb");
      copyFileSync(original, file);
      const server = await spawnFolio([file]).ready();
      const client = await server.connect();
      try {
        await readUntil(client, () => true);
        const from = performance.now();
        const deed = Bun.spawn(["sh", "-c", script, "sh", file, original], { stderr: "pipe" });
        let writerMs = 0;
        void deed.exited.then(() => {
          writerMs = performance.now() - from;
        });
        const reads = await readUntil(client, () => writerMs > 0 && performance.now() - from > writerMs + 300);
        expect(deed.exitCode).toBe(0);
        console.log(`${name}: the writer was through after ${writerMs.toFixed(0)} ms, ${reads} reads right`);
        // Every single key once more, now that the deed is done.
        for (let first = 0; first < KEYS; first += 10_000) {
          const replies = await client.pipeline(Array.from({ length: 10_000 }, (_, i) => ["GET", `key:${first + i}`]));
          for (let i = 0; i < replies.length; i++) expect(replies[i]).toBe(valueAt(first + i));
        }
        client.close();
        expect(await server.stop()).toBe(0);
      } finally {
        await server.stop("SIGKILL");
        for (const path of [file, `${file}.idx`]) if (existsSync(path)) rmSync(path);
      }
    }, 60_000);
  }

  test("a bit that flips after the index was built: that block answers errors, all else is served, INFO counts", async () => {
    const file = join(folder, "flipped.rdb");
    copyFileSync(original, file);
    const first = await spawnFolio([file]).ready();
    expect(await first.stop()).toBe(0);

    const middle = Math.floor(statSync(file).size / 2);
    const descriptor = openSync(file, "r+");
    const byte = new Uint8Array(1);
    readSync(descriptor, byte, 0, 1, middle);
    byte[0] = byte[0]! ^ 0x10;
    writeSync(descriptor, byte, 0, 1, middle);

    const server = await spawnFolio([file]).ready();
    const client = await server.connect();
    try {
      let errors = 0;
      for (let start = 0; start < KEYS; start += 10_000) {
        const replies = await client.pipeline(Array.from({ length: 10_000 }, (_, i) => ["GET", `key:${start + i}`]));
        for (let i = 0; i < replies.length; i++) {
          const reply = replies[i] as string;
          if (reply.startsWith("-")) {
            errors++;
            expect(reply).toContain("checksum");
          } else {
            expect(reply).toBe(valueAt(start + i));
          }
        }
      }
      expect(errors).toBeGreaterThan(0);
      expect(errors).toBeLessThan(100);
      const info = String(await client.command("INFO", "layers"));
      expect(Number(/damaged_blocks_hit:(\d+)/.exec(info)?.[1])).toBeGreaterThan(0);
      client.close();
    } finally {
      await server.stop();
    }
  }, 60_000);
});
