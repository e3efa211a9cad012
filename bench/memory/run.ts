/**
 * bench/memory: what a million keys take in memory, Folio beside redis-server in the same run.
 *
 *   npm run bench:memory [-- --keys 1000000]
 *
 * used_memory is what each server says it uses for them, less what it said when it was empty; anonymous memory is what the kernel
 * has given the process meanwhile. Rows: values of 100 bytes under keys of 16; counters below a million with a TTL; the
 * same counters after each has been incremented; half of the keys deleted again.
 */
import { parseArgs } from "node:util";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import type { RespClient } from "../../test/support/resp-client.ts";
import { dataFolder, keyAt, valueAt } from "../support/dataset.ts";
import { printTable, ratio } from "../support/table.ts";

/** Commands on their way at a time: what servers hold of them must not show. */
const BATCH = 500;
const TTL_SECONDS = "1000000";
/** Freed memory is given back in the background. */
const SETTLE_MS = 3000;

interface Step {
  readonly name: string;
  readonly command: (i: number) => string[];
  /** Of the keys, every so many-th. */
  readonly every?: number;
}

interface Workload {
  readonly steps: readonly Step[];
}

const WORKLOADS: readonly Workload[] = [
  {
    steps: [
      { name: "100-byte values", command: (i) => ["SET", keyAt(i), valueAt(i)] },
      { name: "… half of them deleted", command: (i) => ["DEL", keyAt(i)], every: 2 },
    ],
  },
  {
    steps: [
      { name: "counters with a TTL", command: (i) => ["SET", keyAt(i), `${i}`, "EX", TTL_SECONDS] },
      { name: "… incremented", command: (i) => ["INCRBY", keyAt(i), "100000"] },
    ],
  },
];

interface Figures {
  used: number;
  anonymous: number;
}

async function figures(server: ServerProcess, client: RespClient): Promise<Figures> {
  const info = String(await client.command("INFO", "memory"));
  const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  return { used, anonymous: processUsage(server.pid)?.anonBytes ?? 0 };
}

async function run(client: RespClient, keys: number, { command, every = 1 }: Step): Promise<void> {
  for (let first = 0; first < keys; first += BATCH * every) {
    const replies: Promise<unknown>[] = [];
    for (let i = first; i < Math.min(keys, first + BATCH * every); i += every) {
      replies.push(client.command(...command(i)));
    }
    for (const reply of await Promise.all(replies)) {
      if (typeof reply === "string" && reply.startsWith("-")) throw new Error(reply);
    }
  }
}

/** The figures after each step, less those of the empty server. */
async function measure(server: ServerProcess, keys: number, { steps }: Workload): Promise<Figures[]> {
  try {
    const client = await server.connect();
    const empty = await figures(server, client);
    const found: Figures[] = [];
    for (const step of steps) {
      await run(client, keys, step);
      await Bun.sleep(SETTLE_MS);
      const { used, anonymous } = await figures(server, client);
      found.push({ used: used - empty.used, anonymous: anonymous - empty.anonymous });
    }
    client.close();
    return found;
  } finally {
    await server.stop("SIGKILL");
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const { values } = parseArgs({ options: { keys: { type: "string", default: "1000000" } } });
const keys = Number(values.keys);
const folioArgs = ["--dir", dataFolder(), "--dbfilename", "none.rdb", "--save", ""];
const rows: string[][] = [];
for (const workload of WORKLOADS) {
  const theirs = await measure(await spawnRedis().ready(), keys, workload);
  const ours = await measure(await spawnFolio(folioArgs).ready(), keys, workload);
  for (const [i, { name }] of workload.steps.entries()) {
    const redis = theirs[i] as Figures;
    const folio = ours[i] as Figures;
    rows.push([
      name,
      megabytes(redis.used),
      megabytes(folio.used),
      ratio(folio.used / redis.used),
      megabytes(redis.anonymous),
      megabytes(folio.anonymous),
      ratio(folio.anonymous / redis.anonymous),
    ]);
  }
}
printTable(
  `${keys} keys of 16 bytes: used_memory and anonymous memory above that of the empty server`,
  ["", "redis used", "Folio used", "ratio", "redis anon", "Folio anon", "ratio"],
  rows,
);
process.exit(0);
