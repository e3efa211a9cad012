/** Table (b): the servers' CPU per request under redis-benchmark. */
import type { ServerProcess } from "../../test/support/processes.ts";
import { median, printTable, ratio } from "../support/table.ts";
import { warmUp } from "../support/warm.ts";
import { CLIENT_CORE, type Command, cpuSeconds, isMissing, type Pair, withServers } from "./data.ts";

const CLIENTS = 50;
const RANDOM_KEYS = 1_000_000;
/** Of redis-benchmark's default. */
const VALUE = "xxx";
const RANDOM = "__rand_int__";
const WARM_REQUESTS = 300_000;
const PREPARED_PER_COMMAND = 1000;

interface Workload {
  readonly name: string;
  readonly command: Command;
  /** Elements that are there before, so that pops find some: as many as requests, or this many. */
  readonly prepare?: { readonly add: (from: number, to: number) => Command; readonly count?: number };
  /** Of `requests`. */
  readonly share?: number;
}

const list = (from: number, to: number): Command => ["RPUSH", "mylist", ...Array(to - from).fill(VALUE)];
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `element:${from + i}`);
const set = (from: number, to: number): Command => ["SADD", "myset", ...names(from, to)];
const zset = (from: number, to: number): Command => [
  "ZADD",
  "myzset",
  ...names(from, to).flatMap((name, i) => [`${Math.imul(from + i, 0x9e3779b1) >>> 0}`, name]),
];

const lrange = (count: number, last: number): Workload => ({
  name: `LRANGE_${count}`,
  command: ["LRANGE", "mylist", "0", `${last}`],
  prepare: { add: list, count: 100_000 },
  share: 30 / count,
});

const WORKLOADS: readonly Workload[] = [
  { name: "LPUSH", command: ["LPUSH", "mylist", VALUE] },
  { name: "RPUSH", command: ["RPUSH", "mylist", VALUE] },
  { name: "LPOP", command: ["LPOP", "mylist"], prepare: { add: list } },
  { name: "RPOP", command: ["RPOP", "mylist"], prepare: { add: list } },
  { name: "SADD", command: ["SADD", "myset", `element:${RANDOM}`] },
  { name: "HSET", command: ["HSET", "myhash", `element:${RANDOM}`, VALUE] },
  { name: "SPOP", command: ["SPOP", "myset"], prepare: { add: set } },
  { name: "ZADD", command: ["ZADD", "myzset", RANDOM, `element:${RANDOM}`] },
  { name: "ZPOPMIN", command: ["ZPOPMIN", "myzset"], prepare: { add: zset } },
  lrange(100, 99),
  lrange(300, 299),
  lrange(500, 449),
  lrange(600, 599),
  { name: "XADD", command: ["XADD", "mystream", "*", "myfield", VALUE] },
];

/** Microseconds of the server's CPU per request of one redis-benchmark run, on a fresh keyspace; null: it lacks the command. */
async function run(
  server: ServerProcess,
  workload: Workload,
  requests: number,
  pipeline: number,
): Promise<number | null> {
  const client = await server.connect();
  try {
    await client.command("FLUSHALL", "SYNC");
    const { prepare } = workload;
    const count = prepare === undefined ? 0 : (prepare.count ?? requests);
    for (let from = 0; from < count; from += PREPARED_PER_COMMAND) {
      const words = prepare?.add(from, Math.min(count, from + PREPARED_PER_COMMAND)) as Command;
      if (isMissing(await client.command(...words))) return null;
    }
    const probe = workload.command.map((word) => word.replaceAll(RANDOM, "1"));
    if (prepare === undefined && isMissing(await client.command(...probe))) return null;
  } finally {
    client.close();
  }
  const before = cpuSeconds(server);
  const options = `-p ${server.port} -c ${CLIENTS} -n ${requests} -r ${RANDOM_KEYS} -P ${pipeline} -q`;
  const child = Bun.spawn([...CLIENT_CORE, "redis-benchmark", ...options.split(" "), ...workload.command], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0 || /error/i.test(output)) throw new Error(`redis-benchmark failed: ${output}`);
  return ((cpuSeconds(server) - before) / requests) * 1e6;
}

async function measure(pair: Pair, workload: Workload, pipeline: number, total: number, rounds: number) {
  const requests = Math.ceil(total * (workload.share ?? 1) * (pipeline > 1 ? 3 : 1));
  const row = [`${workload.name}, P=${pipeline}`];
  const isThere = await warmUp(pair.folio, async () => (await run(pair.folio, workload, requests, pipeline)) !== null);
  if (!isThere) return [...row, "", "missing"];
  const times = { redis: [] as number[], folio: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const name of ["redis", "folio"] as const) {
      times[name].push((await run(pair[name], workload, requests, pipeline)) ?? Number.NaN);
    }
  }
  const [redis, folio] = [median(times.redis), median(times.folio)];
  return [...row, redis.toFixed(2), folio.toFixed(2), ratio(folio / redis), pipeline === 1 ? "1.0" : "0.8"];
}

export async function cpuTable(requests: number, rounds: number, only: string): Promise<void> {
  const rows: string[][] = [];
  for (const pipeline of [1, 16]) {
    await withServers(async (pair) => {
      // What all commands have in common is compiled before the first of them is measured.
      await run(pair.folio, { name: "PING", command: ["PING"] }, WARM_REQUESTS, pipeline);
      for (const workload of WORKLOADS) {
        if (!workload.name.startsWith(only)) continue;
        rows.push(await measure(pair, workload, pipeline, requests, rounds));
        console.log(rows.at(-1)?.join("  "));
      }
    });
  }
  printTable(
    `Server CPU in µs per request, ${CLIENTS} clients, medians of ${rounds} rounds`,
    ["", "redis µs", "Folio µs", "ratio", "floor"],
    rows,
  );
}
