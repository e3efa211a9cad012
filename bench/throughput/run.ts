/**
 * bench/throughput: server CPU per request under redis-benchmark, Folio (from the layer) beside redis-server on the same
 * file, in turns, in the same run. The server is pinned to core 0, redis-benchmark to core 1.
 *
 *   npm run bench:throughput [-- --keys 1000000 --rounds 3 --seconds 4 --pipelines 1,16]
 *
 * CPU is read from the kernel before and after each run, so other processes on the machine disturb it little; the ratio
 * of medians is the figure to look at.
 */
import { basename, dirname } from "node:path";
import { parseArgs } from "node:util";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { dumpOf } from "../support/dataset.ts";
import { printTable, ratio } from "../support/table.ts";

const SERVER_CORE = ["taskset", "-c", "0"];
const CLIENT_CORE = ["taskset", "-c", "1"];

interface Workload {
  name: string;
  command: string[];
}

function cpuSeconds(server: ServerProcess): number {
  const usage = processUsage(server.pid);
  if (usage === null) throw new Error(`the server ended:\n${server.output}`);
  return usage.cpuSeconds;
}

/** One redis-benchmark run against a server: microseconds of server CPU per request, and requests per second. */
async function run(server: ServerProcess, keys: number, pipeline: number, requests: number, command: string[]) {
  const before = cpuSeconds(server);
  const from = performance.now();
  const options = ["-p", `${server.port}`, "-c", "50", "-n", `${requests}`, "-r", `${keys}`, "-P", `${pipeline}`, "-q"];
  const child = Bun.spawn([...CLIENT_CORE, "redis-benchmark", ...options, ...command], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`redis-benchmark failed: ${output}`);
  const seconds = (performance.now() - from) / 1000;
  const cpu = cpuSeconds(server) - before;
  return { cpuMicroseconds: (cpu / requests) * 1e6, perSecond: requests / seconds };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function measure(workload: Workload, keys: number, pipeline: number, rounds: number, seconds: number) {
  const path = await dumpOf(keys);
  const servers = {
    redis: await spawnRedis(["--dir", dirname(path), "--dbfilename", basename(path), "--appendonly", "no"], {
      prefix: SERVER_CORE,
    }).ready(),
    folio: await spawnFolio([path], { prefix: SERVER_CORE }).ready(),
  };
  const cpu = { redis: [] as number[], folio: [] as number[] };
  const speed = { redis: [] as number[], folio: [] as number[] };
  try {
    const probe = await run(servers.redis, keys, pipeline, 50_000, workload.command);
    const requests = Math.ceil(probe.perSecond * seconds);
    await run(servers.folio, keys, pipeline, requests, workload.command); // warm: compiled code, verified blocks
    for (let round = 0; round < rounds; round++) {
      for (const name of ["redis", "folio"] as const) {
        const it = await run(servers[name], keys, pipeline, requests, workload.command);
        cpu[name].push(it.cpuMicroseconds);
        speed[name].push(it.perSecond);
      }
    }
  } finally {
    await servers.redis.stop("SIGKILL");
    await servers.folio.stop();
  }
  return [
    `${workload.name} P=${pipeline}`,
    median(cpu.redis).toFixed(2),
    median(cpu.folio).toFixed(2),
    ratio(median(cpu.folio) / median(cpu.redis)),
    Math.round(median(speed.redis)).toString(),
    Math.round(median(speed.folio)).toString(),
  ];
}

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    pipelines: { type: "string", default: "1,16" },
  },
});
const workloads: Workload[] = [{ name: "GET", command: ["GET", "key:__rand_int__"] }];
const rows: string[][] = [];
for (const workload of workloads) {
  for (const pipeline of values.pipelines.split(",").map(Number)) {
    rows.push(await measure(workload, Number(values.keys), pipeline, Number(values.rounds), Number(values.seconds)));
  }
}
printTable(
  `${values.keys} keys of 100-byte values, 50 clients; server CPU in µs per request, medians of ${values.rounds} rounds`,
  ["", "redis µs", "Folio µs", "ratio", "redis req/s", "Folio req/s"],
  rows,
);
process.exit(0);
