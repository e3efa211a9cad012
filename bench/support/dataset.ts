/**
 * Data for benches: dumps of N string keys of 100 incompressible bytes, made by a real redis-server and kept in
 * the bench data folder (FOLIO_BENCH_DATA, or .bench-data in the repository), so that the next run finds them.
 * Key i is "key:" and 12 digits; its value can be computed again from i, so that every answer can be checked.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, spawnRedis } from "../../test/support/processes.ts";

export const VALUE_BYTES = 100;
const COUNTER_BYTES = 5;
/** Where a key ends in a SET request: behind "*3\r\n$3\r\nSET\r\n$16\r\n" and 16 bytes. */
const KEY_END = 18 + 16;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function dataFolder(): string {
  const folder = process.env["FOLIO_BENCH_DATA"] ?? join(REPOSITORY, ".bench-data");
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function keyAt(index: number): string {
  return `key:${index.toString().padStart(12, "0")}`;
}

/** Writes the value of key `index` at `at`: a xorshift stream seeded by the index, six bits a byte. */
export function writeValue(index: number, into: Uint8Array, at: number): void {
  let state = (Math.imul(index + 1, 2654435761) ^ 0x9e3779b9) | 1;
  for (let i = 0; i < VALUE_BYTES; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    into[at + i] = ALPHABET.charCodeAt((state >>> 9) & 63);
  }
}

export function valueAt(index: number): string {
  const bytes = Buffer.alloc(VALUE_BYTES);
  writeValue(index, bytes, 0);
  return bytes.toString("latin1");
}

/** What the keys hold: 100 incompressible bytes, or a number of five digits. */
export type Dataset = "strings" | "counters";

/**
 * The path of a dump of `keys` keys, and as many of its first `others` in database 1; made now when it is not there (a minute per 10
 * million keys or so).
 */
export async function dumpOf(keys: number, dataset: Dataset = "strings", others = 0): Promise<string> {
  const folder = dataFolder();
  const path = join(folder, `${dataset}-${keys}${others === 0 ? "" : `-and-${others}`}.rdb`);
  if (existsSync(path)) return path;
  const started = performance.now();
  console.log(`making ${path} with a real redis-server …`);
  const making = `making-${process.pid}.rdb`;
  const redis = await spawnRedis(["--dir", folder, "--dbfilename", making, "--appendonly", "no"]).ready();
  try {
    await fill(redis.port, keys, dataset);
    if (others > 0) await fill(redis.port, others, dataset, 1);
    const client = await redis.connect();
    const saved = await client.command("SAVE");
    if (saved !== "+OK") throw new Error(`redis-server could not save: ${JSON.stringify(saved)}`);
    client.close();
    renameSync(join(folder, making), path);
  } finally {
    await redis.stop("SIGKILL");
    rmSync(join(folder, making), { force: true });
  }
  const megabytes = (statSync(path).size / 1e6).toFixed(0);
  console.log(`made ${keys} keys, ${megabytes} MB, in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return path;
}

/** Sends SET for every key, replies switched off; ends when DBSIZE has confirmed them. */
export async function fill(port: number, keys: number, dataset: Dataset = "strings", database = 0): Promise<void> {
  const valueBytes = dataset === "strings" ? VALUE_BYTES : COUNTER_BYTES;
  const head = Buffer.from(`*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$${valueBytes}\r\n`, "latin1");
  const record = head.length + valueBytes + 2;
  const perChunk = 5000;
  const chunk = Buffer.alloc(record * perChunk);
  let resume: (() => void) | null = null;
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => {
        received += bytes.toString("latin1");
        resume?.();
      },
      drain: () => resume?.(),
    },
  });
  const send = async (bytes: Uint8Array) => {
    let at = 0;
    while (at < bytes.length) {
      const sent = socket.write(bytes, at, bytes.length - at);
      if (sent < 0) throw new Error("redis-server closed the connection");
      at += sent;
      if (at < bytes.length) await new Promise<void>((done) => (resume = done));
    }
  };
  await send(Buffer.from(`SELECT ${database}\r\nCLIENT REPLY OFF\r\n`));
  for (let first = 0; first < keys; first += perChunk) {
    const count = Math.min(perChunk, keys - first);
    for (let i = 0; i < count; i++) {
      const at = i * record;
      head.copy(chunk, at);
      writeDigits(first + i, chunk, at + KEY_END);
      if (dataset === "strings") writeValue(first + i, chunk, at + head.length);
      else chunk.write(`${10_000 + ((first + i) % 80_000)}`, at + head.length, "latin1");
      chunk[at + record - 2] = 13;
      chunk[at + record - 1] = 10;
    }
    await send(chunk.subarray(0, count * record));
  }
  received = "";
  await send(Buffer.from("CLIENT REPLY ON\r\nDBSIZE\r\n"));
  while (!received.includes(`:${keys}\r\n`)) await new Promise<void>((done) => (resume = done));
  socket.end();
}

/** The 12 digits of a key, ending before `end`. */
function writeDigits(index: number, into: Uint8Array, end: number): void {
  let rest = index;
  for (let i = 1; i <= 12; i++) {
    into[end - i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
