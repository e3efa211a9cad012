/**
 * bench/insert: what single commands cost while a database grows from nothing to millions of keys, Folio beside redis-server
 * in the same run. Redis rehashes its table as it doubles, both meet page faults; the slow log of each server tells its slowest SETs.
 *
 *   npm run bench:insert [-- --keys 10000000]
 *
 * The client writes in pipelines, without replies. A command's time is by the clock: what other programs of the machine took
 * from it counts, too.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import type { RespValue } from "../../test/support/resp-client.ts";
import { dataFolder, fill } from "../support/dataset.ts";
import { megabytes, milliseconds, printTable } from "../support/table.ts";

/**
 * A higher priority where that is allowed, so that other programs take no core from a command that is being timed. Not pinned: a
 * collector's thread that shares the core would be timed, too.
 */
const PRIORITY = process.getuid?.() === 0 ? ["nice", "-n", "-15"] : [];
/** What the slow logs take: microseconds, and entries. */
const SLOW_USEC_MIN = 300;
const SLOW_ENTRIES = 200_000;

/** Microseconds of the commands in the server's slow log, the slowest first. */
function slowest(log: RespValue): number[] {
  if (!Array.isArray(log)) throw new Error(`no slow log: ${JSON.stringify(log)}`);
  return log.map((entry) => Number((entry as RespValue[])[2])).sort((a, b) => b - a);
}

async function measure(name: string, server: ServerProcess, keys: number): Promise<string[]> {
  try {
    const client = await server.connect();
    await client.command("SLOWLOG", "RESET");
    const cpuBefore = processUsage(server.pid)?.cpuSeconds ?? 0;
    const started = performance.now();
    await fill(server.port, keys);
    const tookMs = performance.now() - started;
    const usage = processUsage(server.pid);
    const times = slowest(await client.command("SLOWLOG", "GET", "-1"));
    client.close();
    const over = (ms: number) => `${times.filter((usec) => usec > ms * 1000).length}`;
    return [
      name,
      `${((times[0] ?? SLOW_USEC_MIN) / 1000).toFixed(2)} ms`,
      `${((times[9] ?? SLOW_USEC_MIN) / 1000).toFixed(2)} ms`,
      over(1),
      over(5),
      milliseconds(tookMs),
      `${((((usage?.cpuSeconds ?? 0) - cpuBefore) / keys) * 1e6).toFixed(2)} µs`,
      megabytes(usage?.anonBytes ?? 0),
    ];
  } finally {
    await server.stop("SIGKILL");
  }
}

/** The insertions alone, by the CPU time of their thread: what no other program disturbs (alone.ts). */
function measureAlone(keys: number): string[] {
  const { stdout } = Bun.spawnSync([process.execPath, join(import.meta.dir, "alone.ts"), `${keys}`]);
  const found = JSON.parse(stdout.toString()) as { slowest: number; tenth: number; overMillisecond: number };
  const ms = (usec: number) => `${(usec / 1000).toFixed(2)} ms`;
  const over5 = found.slowest > 5000 ? "some" : "0";
  return ["the overlay alone, CPU", ms(found.slowest), ms(found.tenth), `${found.overMillisecond}`, over5, "", "", ""];
}

const { values } = parseArgs({ options: { keys: { type: "string", default: "10000000" } } });
const keys = Number(values.keys);
const slowLog = ["--slowlog-log-slower-than", `${SLOW_USEC_MIN}`, "--slowlog-max-len", `${SLOW_ENTRIES}`];
const rows = [
  await measure("redis-server", await spawnRedis(slowLog, { prefix: PRIORITY }).ready(), keys),
  await measure(
    "Folio",
    await spawnFolio(["--dir", dataFolder(), "--dbfilename", "none.rdb", "--save", "", ...slowLog], {
      prefix: PRIORITY,
    }).ready(),
    keys,
  ),
  measureAlone(keys),
];
printTable(
  `${keys} new keys of 100-byte values, one after the other`,
  ["", "slowest SET", "10th slowest", "> 1 ms", "> 5 ms", "took", "CPU a SET", "anonymous memory"],
  rows,
);
process.exit(0);
