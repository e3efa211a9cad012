/**
 * bench/boot: how long from exec to the first correct answer, with what memory and CPU; Folio beside redis-server on
 * the same file in the same run.
 *
 *   npm run bench:boot [-- --keys 5000000 --large 50000000 --group-mb 256 --no-large --only-group]
 *
 * Rows: redis-server; Folio's first boot (no index there: it is built), its next boots, each with the file in the page
 * cache and with the cache dropped (where this user may). Memory is the peak seen from exec to that answer, sampled
 * every 5 ms. The first correct GET is that of a key in the middle of the file, its value computed again and compared.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { parseArgs } from "node:util";
import {
  processUsage,
  REDIS_SERVER,
  type ServerProcess,
  spawnFolio,
  spawnRedis,
} from "../../test/support/processes.ts";
import { RespClient } from "../../test/support/resp-client.ts";
import { dumpOf, keyAt, valueAt } from "../support/dataset.ts";
import { MemoryGroup } from "../support/memory-group.ts";
import { megabytes, milliseconds, printTable, ratio } from "../support/table.ts";

interface Boot {
  wallMs: number;
  cpuSeconds: number;
  anonBytes: number;
  fileBytes: number;
}

/** Starts a server and asks for one key until the answer is right. Rejects when the server ends or answers wrongly. */
async function boot(start: () => ServerProcess, keys: number, use?: (server: ServerProcess) => Promise<void>) {
  const index = Math.floor(keys / 2);
  const from = performance.now();
  const server = start();
  const peak: Boot = { wallMs: 0, cpuSeconds: 0, anonBytes: 0, fileBytes: 0 };
  const sample = () => {
    const usage = processUsage(server.pid);
    if (usage === null) return; // it has ended, or was killed
    peak.cpuSeconds = usage.cpuSeconds;
    peak.anonBytes = Math.max(peak.anonBytes, usage.anonBytes);
    peak.fileBytes = Math.max(peak.fileBytes, usage.fileBytes);
  };
  const sampler = setInterval(sample, 5);
  try {
    await firstCorrectGet(server, keyAt(index), valueAt(index));
    peak.wallMs = performance.now() - from;
    sample();
    await use?.(server);
  } finally {
    clearInterval(sampler);
    await server.stop();
  }
  return peak;
}

async function firstCorrectGet(server: ServerProcess, key: string, value: string): Promise<void> {
  for (;;) {
    if (server.child.exitCode !== null || server.child.signalCode !== null) {
      throw new Error(`the server ended:\n${server.output}`);
    }
    const client = await RespClient.connect(server.port).catch(() => null);
    if (client === null) {
      await Bun.sleep(0.5);
      continue;
    }
    let reply = await client.command("GET", key).catch(() => "-LOADING");
    while (typeof reply === "string" && reply.startsWith("-LOADING")) {
      await Bun.sleep(1);
      if (server.child.exitCode !== null || server.child.signalCode !== null) break;
      reply = await client.command("GET", key).catch(() => "-LOADING");
    }
    client.close();
    if (reply === value) return;
    if (reply !== "-LOADING") throw new Error(`wrong answer for ${key}: ${JSON.stringify(reply)}`);
  }
}

const canDropCaches = (() => {
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return true;
  } catch {
    return false;
  }
})();

/** Puts the file into the page cache, or takes everything out of it. */
function setCache(path: string, warm: boolean): void {
  if (!warm) {
    Bun.spawnSync(["sync"]);
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    return;
  }
  for (const file of [path, `${path}.idx`])
    if (existsSync(file)) Bun.spawnSync(["sh", "-c", 'cat "$1" > /dev/null', "sh", file]);
}

function folio(path: string, prefix: string[] = []): ServerProcess {
  return spawnFolio([path], { prefix });
}

function redis(path: string, prefix: string[] = []): ServerProcess {
  return spawnRedis(["--dir", dirname(path), "--dbfilename", basename(path), "--appendonly", "no"], { prefix });
}

async function measureFile(path: string, keys: number, nextBoots: number): Promise<void> {
  const rows: string[][] = [];
  let redisWall = 0;
  const row = (name: string, it: Boot) => {
    rows.push([
      name,
      milliseconds(it.wallMs),
      ratio(it.wallMs / redisWall),
      `${it.cpuSeconds.toFixed(2)} s`,
      megabytes(it.anonBytes),
      megabytes(it.fileBytes),
    ]);
  };
  for (const warm of canDropCaches ? [true, false] : [true]) {
    const cache = warm ? "warm" : "cold";
    setCache(path, warm);
    const loaded = await boot(() => redis(path), keys);
    redisWall = loaded.wallMs;
    row(`redis-server, ${cache}`, loaded);
    rmSync(`${path}.idx`, { force: true });
    setCache(path, warm);
    row(`Folio first boot, ${cache}`, await boot(() => folio(path), keys));
    for (let i = 1; i <= nextBoots; i++) {
      setCache(path, warm);
      row(`Folio next boot ${i}, ${cache}`, await boot(() => folio(path), keys));
    }
  }
  const title = `${keys} keys, ${megabytes(statSync(path).size)} (wall: exec to the first correct GET; of redis: same cache)`;
  printTable(title, ["", "wall", "of redis", "CPU", "peak anon", "peak mapped"], rows);
}

/** A file far larger than the memory that the process may use: first boot, next boot, and random reads checked. */
async function measureInGroup(path: string, keys: number, limitBytes: number): Promise<void> {
  const rows: string[][] = [];
  const reads = 20_000;
  const attempt = async (name: string, start: (prefix: string[]) => ServerProcess, withReads: boolean) => {
    const group = MemoryGroup.make("folio-bench", limitBytes);
    if (group === null) return rows.push([name, "no memory group on this machine"]);
    let outcome = "";
    try {
      const it = await boot(
        () => start(group.prefix),
        keys,
        async (server) => {
          if (withReads) outcome = await randomReads(server, keys, reads);
        },
      );
      outcome = `first GET after ${milliseconds(it.wallMs)}, anon ${megabytes(it.anonBytes)}; ${outcome}`;
    } catch (error) {
      outcome =
        group.kills() > 0 ? "killed by the kernel: out of memory" : `failed: ${(error as Error).message.slice(0, 200)}`;
    }
    rows.push([name, `${outcome} (peak charged ${megabytes(group.peakBytes())}, kills ${group.kills()})`]);
    return group.remove();
  };
  await attempt("redis-server", (prefix) => redis(path, prefix), false);
  rmSync(`${path}.idx`, { force: true });
  await attempt("Folio first boot", (prefix) => folio(path, prefix), true);
  await attempt("Folio next boot", (prefix) => folio(path, prefix), true);
  printTable(
    `${megabytes(statSync(path).size)} file in a memory group of ${megabytes(limitBytes)}`,
    ["", "outcome"],
    rows,
  );
}

async function randomReads(server: ServerProcess, keys: number, reads: number): Promise<string> {
  const client = await server.connect();
  const from = performance.now();
  const batch = 100;
  for (let done = 0; done < reads; done += batch) {
    const indexes = Array.from({ length: batch }, () => Math.floor(Math.random() * keys));
    const replies = await client.pipeline(indexes.map((index) => ["GET", keyAt(index)]));
    indexes.forEach((index, i) => {
      if (replies[i] !== valueAt(index)) throw new Error(`wrong answer for ${keyAt(index)}: ${String(replies[i])}`);
    });
  }
  client.close();
  return `${reads} random reads correct in ${milliseconds(performance.now() - from)}`;
}

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "5000000" },
    large: { type: "string", default: "50000000" },
    "no-large": { type: "boolean", default: false },
    "only-group": { type: "boolean", default: false },
    "group-mb": { type: "string", default: "256" },
    boots: { type: "string", default: "3" },
  },
});
if (!REDIS_SERVER) throw new Error("bench/boot compares with redis-server, which is not installed");
console.log(
  `${readFileSync("/proc/cpuinfo", "latin1").split("model name\t: ")[1]?.split("\n")[0]}; a shared machine: trust the ratios`,
);
if (!canDropCaches) console.log("cold rows are left out: this user may not drop the page cache");
const keys = Number(values.keys);
if (!values["only-group"]) await measureFile(await dumpOf(keys), keys, Number(values.boots));
if (!values["no-large"]) {
  const large = Number(values.large);
  const path = await dumpOf(large);
  if (!values["only-group"]) await measureFile(path, large, Number(values.boots));
  await measureInGroup(path, large, Number(values["group-mb"]) * 1024 * 1024);
}
process.exit(0);
