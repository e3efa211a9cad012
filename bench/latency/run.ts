/**
 * bench/latency: how long one client waits for PONG while another runs a heavy command, Folio beside redis-server on
 * the same file in the same run.
 *
 *   npm run bench:latency [-- --size 1 --rounds 3 --only HGET]
 *
 * Each round starts both servers anew (first accesses are first again); every figure is the median of the rounds. The
 * pinging client is a process of its own. By the clock it also waits for a core, with two of them for a server and two
 * clients; the CPU time of the server's thread tells how long the server really let it wait.
 */
import { basename, dirname } from "node:path";
import { parseArgs } from "node:util";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { median, printTable } from "../support/table.ts";
import { Pinger, priority, Sink } from "./clients.ts";
import { heavyDump } from "./heavy-dump.ts";
import type { Gaps } from "./pinger.ts";
import { type Workload, workloads } from "./workloads.ts";

/** Longest a command may take before the run goes on without it. */
const COMMAND_MS_MAX = 60_000;
const QUIET_MS = 300;

interface Result extends Gaps {
  tookMs: number;
}

async function measure(server: ServerProcess, list: readonly Workload[], results: Result[][]): Promise<void> {
  const pinger = await Pinger.start(server);
  let sink = await Sink.connect(server.port);
  try {
    await pinger.during(Bun.sleep(QUIET_MS));
    for (const [i, { requests }] of list.entries()) {
      const from = performance.now();
      const work = requests === "" ? Bun.sleep(QUIET_MS) : Bun.sleep(5).then(() => sink.run(requests, i));
      const timeout = Bun.sleep(COMMAND_MS_MAX).then(() => "timeout" as const);
      let tookMs = Number.POSITIVE_INFINITY;
      const gaps = await pinger.during(
        Promise.race([work, timeout]).then(async (ended) => {
          if (ended !== "timeout") tookMs = performance.now() - from;
          await Bun.sleep(5);
        }),
      );
      if (!Number.isFinite(tookMs)) {
        sink.close();
        sink = await Sink.connect(server.port);
      }
      (results[i] ??= []).push({ ...gaps, tookMs });
    }
  } finally {
    pinger.end();
    sink.close();
  }
}

function cells(results: readonly Result[]): string[] {
  return [
    median(results.map((r) => r.worstMs)).toFixed(1),
    median(results.map((r) => r.p99Ms)).toFixed(1),
    median(results.map((r) => r.wallWorstMs)).toFixed(1),
    median(results.map((r) => r.tookMs)).toFixed(0),
  ];
}

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    "folio-only": { type: "boolean", default: false },
  },
});
const path = await heavyDump(Number(values.size));
const list = [
  { name: "nothing", requests: "" },
  ...workloads().filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase())),
];
const results = { folio: [] as Result[][], redis: [] as Result[][] };
for (let round = 0; round < Number(values.rounds); round++) {
  const folio = await spawnFolio([path], { prefix: priority(10) }).ready();
  await measure(folio, list, results.folio);
  await folio.stop();
  if (values["folio-only"]) continue;
  const redis = await spawnRedis(["--dir", dirname(path), "--dbfilename", basename(path)], {
    prefix: priority(10),
  }).ready();
  await measure(redis, list, results.redis);
  await redis.stop("SIGKILL");
}
printTable(
  "What PING waits for while another client runs a command, ms of the server's CPU; worst by the clock; what the command took",
  ["command", "Folio worst", "p99", "by clock", "took", "Redis worst", "p99", "by clock", "took"],
  list.map(({ name }, i) => [name, ...cells(results.folio[i] ?? []), ...cells(results.redis[i] ?? [])]),
);
