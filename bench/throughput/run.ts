/**
 * bench/throughput: server CPU per request under redis-benchmark, Folio beside redis-server on the same keys, in turns, in the
 * same run: keys that lie in the file (layer), and keys that were written since (overlay). The server is pinned to core 0,
 * redis-benchmark to core 1.
 *
 *   npm run bench:throughput [-- --keys 1000000 --rounds 3 --seconds 3 --pipelines 1,16,64 --only GET,SET --places layer,overlay]
 *
 * CPU is read from the kernel before and after each run, so other processes on the machine disturb it little; the ratio
 * of medians is the figure to look at. A write moves a key of the layer to the overlay: so Folio's code is warmed up with
 * another database's keys of the layer there, and the rounds together send fewer requests than there are keys.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { type Dataset, dataFolder, dumpOf, fill, VALUE_BYTES } from "../support/dataset.ts";
import { median, printTable, ratio } from "../support/table.ts";
import { warmUp } from "../support/warm.ts";

const SERVER_CORE = ["taskset", "-c", "0"];
const CLIENT_CORE = ["taskset", "-c", "1"];
const CLIENTS = 50;
const KEY = "key:__rand_int__";
const VALUE = "x".repeat(VALUE_BYTES);
const WARM_REQUESTS = 400_000;
/** Where writes to keys of the layer are warmed up; as many keys. */
const OTHER_DATABASE = 1;
const OTHER_KEYS = 1_000_000;

interface Workload {
  readonly name: string;
  readonly command: readonly string[];
  readonly dataset: Dataset;
  readonly keysPerRequest: number;
  readonly writes: boolean;
}

const WORKLOADS: readonly Workload[] = [
  { name: "GET", command: ["GET", KEY], dataset: "strings", keysPerRequest: 1, writes: false },
  { name: "SET", command: ["SET", KEY, VALUE], dataset: "strings", keysPerRequest: 1, writes: true },
  { name: "INCR", command: ["INCR", KEY], dataset: "counters", keysPerRequest: 1, writes: true },
  {
    name: "MSET of 10",
    command: ["MSET", ...Array.from({ length: 10 }, () => [KEY, VALUE]).flat()],
    dataset: "strings",
    keysPerRequest: 10,
    writes: true,
  },
];

type Place = "layer" | "overlay";

interface Plan {
  readonly workload: Workload;
  readonly place: Place;
  readonly keys: number;
  readonly pipeline: number;
  readonly rounds: number;
  readonly seconds: number;
}

function cpuSeconds(server: ServerProcess): number {
  const usage = processUsage(server.pid);
  if (usage === null) throw new Error(`the server ended:\n${server.output}`);
  return usage.cpuSeconds;
}

/** One redis-benchmark run against a server: microseconds of server CPU per request, and requests per second. */
async function run(server: ServerProcess, plan: Plan, requests: number, database = 0, command = plan.workload.command) {
  const before = cpuSeconds(server);
  const from = performance.now();
  const keys = database === OTHER_DATABASE ? OTHER_KEYS : plan.keys;
  const options = `-p ${server.port} -c ${CLIENTS} -n ${requests} -r ${keys} -P ${plan.pipeline} --dbnum ${database} -q`;
  const child = Bun.spawn([...CLIENT_CORE, "redis-benchmark", ...options.split(" "), ...command], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`redis-benchmark failed: ${output}`);
  const seconds = (performance.now() - from) / 1000;
  const cpu = cpuSeconds(server) - before;
  return { cpuMicroseconds: (cpu / requests) * 1e6, perSecond: requests / seconds };
}

/** Both servers with the keys in place. The layer is a copy of the dump: nobody writes to the one that is kept. */
async function startBoth({ workload, place, keys }: Plan, folder: string) {
  const isLayer = place === "layer";
  if (isLayer) {
    const others = workload.writes ? OTHER_KEYS : 0;
    copyFileSync(await dumpOf(keys, workload.dataset, others), join(folder, "dump.rdb"));
  }
  const args = ["--dir", folder, "--dbfilename", "dump.rdb"];
  const redis = await spawnRedis([...args, "--appendonly", "no"], { prefix: SERVER_CORE }).ready();
  const folio = await spawnFolio([...args, "--save", ""], { prefix: SERVER_CORE }).ready();
  if (!isLayer) for (const { port } of [redis, folio]) await fill(port, keys, workload.dataset);
  return { redis, folio };
}

async function measure(plan: Plan): Promise<string[]> {
  const { workload, place, keys, pipeline, rounds, seconds } = plan;
  const folder = mkdtempSync(join(dataFolder(), "throughput-"));
  const servers = await startBoth(plan, folder);
  const cpu = { redis: [] as number[], folio: [] as number[] };
  const speed = { redis: [] as number[], folio: [] as number[] };
  try {
    const isMoving = workload.writes && place === "layer";
    const probe = await run(servers.redis, plan, 50_000, isMoving ? OTHER_DATABASE : 0);
    const fresh = isMoving ? Math.floor(keys / 2 / rounds / workload.keysPerRequest) : Number.POSITIVE_INFINITY;
    const requests = Math.min(Math.ceil(probe.perSecond * seconds), fresh);
    // Compiled code; verified blocks.
    if (isMoving) await run(servers.folio, plan, WARM_REQUESTS, 0, ["GET", KEY]);
    await warmUp(servers.folio, async () => {
      await run(servers.folio, plan, Math.max(requests, WARM_REQUESTS), isMoving ? OTHER_DATABASE : 0);
      return !isMoving;
    });
    for (let round = 0; round < rounds; round++) {
      for (const name of ["redis", "folio"] as const) {
        const it = await run(servers[name], plan, requests);
        cpu[name].push(it.cpuMicroseconds);
        speed[name].push(it.perSecond);
      }
    }
  } finally {
    await servers.redis.stop("SIGKILL");
    await servers.folio.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
  return [
    `${workload.name}, ${place}, P=${pipeline}`,
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
    seconds: { type: "string", default: "3" },
    pipelines: { type: "string", default: "1,16,64" },
    only: { type: "string", default: "GET,SET,INCR,MSET" },
    places: { type: "string", default: "layer,overlay" },
  },
});
const chosen = values.only.split(",");
const rows: string[][] = [];
for (const workload of WORKLOADS) {
  if (!chosen.some((name) => workload.name.startsWith(name))) continue;
  for (const place of values.places.split(",") as Place[]) {
    for (const pipeline of values.pipelines.split(",").map(Number)) {
      const sizes = { keys: Number(values.keys), rounds: Number(values.rounds), seconds: Number(values.seconds) };
      rows.push(await measure({ workload, place, pipeline, ...sizes }));
      console.log(rows.at(-1)?.join("  "));
    }
  }
}
printTable(
  `${values.keys} keys of 100-byte values, ${CLIENTS} clients; server CPU in µs per request, medians of ${values.rounds} rounds`,
  ["", "redis µs", "Folio µs", "ratio", "redis req/s", "Folio req/s"],
  rows,
);
process.exit(0);
