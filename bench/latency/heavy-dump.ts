/**
 * The dump for bench/latency: a few collections and strings that are as large as anybody's worst, and a million small
 * keys. Made by a real redis-server, kept in the bench data folder. About 420 MB at size 1; `size` scales all of it.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { spawnRedis } from "../../test/support/processes.ts";
import { dataFolder } from "../support/dataset.ts";

const PER_CALL = 5000;

/** Scripts called with ARGV = first, last: each makes the elements or keys of that range. */
const RANGES: readonly { count: number; script: string }[] = [
  { count: 1_000_000, script: "redis.call('HSET', 'hash', 'field:' .. i, 'value of ' .. i)" },
  { count: 1_000_000, script: "redis.call('SADD', 'set', 'member:' .. i)" },
  { count: 1_000_000, script: "redis.call('SADD', 'set:other', 'member:' .. i * 2)" },
  { count: 1_000_000, script: "redis.call('ZADD', 'zset', i, 'member:' .. i)" },
  { count: 300_000, script: "redis.call('ZADD', 'zset:other', i, 'member:' .. i * 2)" },
  { count: 1_000_000, script: "redis.call('RPUSH', 'list', 'element:' .. i)" },
  { count: 200_000, script: "redis.call('XADD', 'stream', i .. '-1', 'sensor', i, 'reading', i * 7)" },
  { count: 1_000_000, script: "redis.call('SET', 'key:' .. i, 'value of ' .. i)" },
  { count: 50_000, script: "redis.call('PFADD', 'hll:' .. i % 20, i)" },
];

/** The path of the dump; made now when it is not there (half a minute at size 1). */
export async function heavyDump(size: number): Promise<string> {
  const folder = dataFolder();
  const path = join(folder, `heavy-${size}.rdb`);
  if (existsSync(path)) return path;
  console.log(`making ${path} with a real redis-server …`);
  const making = `making-${process.pid}.rdb`;
  const redis = await spawnRedis(["--dir", folder, "--dbfilename", making, "--appendonly", "no"]).ready();
  try {
    const client = await redis.connect();
    for (const { count, script } of RANGES) {
      const text = `for i = ARGV[1], ARGV[2] - 1 do ${script} end`;
      for (let first = 0; first < count * size; first += PER_CALL) {
        const last = Math.min(first + PER_CALL, Math.ceil(count * size));
        expectNoError(await client.command("EVAL", text, "0", `${first}`, `${last}`));
      }
    }
    expectNoError(await client.command("XGROUP", "CREATE", "stream", "group", "0"));
    expectNoError(
      await client.command(
        "EVAL",
        "redis.call('XREADGROUP', 'GROUP', 'group', 'c', 'COUNT', 20000, 'STREAMS', 'stream', '>')",
        "0",
      ),
    );
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(2 ** 16))).toString("latin1");
    const megabyte = Array.from({ length: 16 }, (_, i) => noise.slice(i * 64) + noise.slice(0, i * 64)).join("");
    for (let i = 0; i < 200 * size; i++) expectNoError(await client.command("APPEND", "string", megabyte));
    const repeat = "redis.call('SET', KEYS[1], string.rep(ARGV[1], ARGV[2]))";
    const times = Math.ceil(50_000 * size);
    expectNoError(
      await client.command("EVAL", repeat, "1", "string:lzf", "a text that LZF makes small\n".repeat(36), `${times}`),
    );
    for (const [name, letters] of [
      ["a", 4],
      ["b", 5],
    ] as const) {
      const text = Array.from({ length: 10_000 }, (_, i) =>
        String.fromCharCode(97 + (((i * i + i) % 31) % letters)),
      ).join("");
      expectNoError(await client.command("SET", `text:${name}`, text));
    }
    expectNoError(await client.command("SAVE"));
    client.close();
    renameSync(join(folder, making), path);
  } finally {
    await redis.stop("SIGKILL");
    rmSync(join(folder, making), { force: true });
  }
  return path;
}

function expectNoError(reply: unknown): void {
  if (typeof reply === "string" && reply.startsWith("-")) throw new Error(`redis-server answered ${reply}`);
}
