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
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import type { Socket } from "bun";
import { REPOSITORY, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { printTable } from "../support/table.ts";
import { heavyDump } from "./heavy-dump.ts";
import type { Gaps } from "./pinger.ts";
import { type Workload, workloads } from "./workloads.ts";

/** Longest a command may take before the run goes on without it. */
const COMMAND_MS_MAX = 60_000;
const QUIET_MS = 300;

/** A higher priority, where that is allowed: the wait for the server counts, not the wait for a core. */
function priority(value: number): string[] {
  return process.getuid?.() === 0 ? ["nice", "-n", `-${value}`] : [];
}

interface Result extends Gaps {
  tookMs: number;
}

/** Client A: sends requests, throws the replies away, and knows by an ECHO behind them when the last has come. */
class Sink {
  #done: (() => void) | null = null;
  #marker = "";
  #tail = "";
  #unsent: Buffer = Buffer.alloc(0);
  #socket!: Socket<undefined>;

  static async connect(port: number): Promise<Sink> {
    const sink = new Sink();
    sink.#socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_, chunk) => sink.#received(chunk), drain: () => sink.#send() },
    });
    return sink;
  }

  async run(requests: string, nonce: number): Promise<void> {
    this.#marker = `<<end of ${nonce}>>\r\n`;
    this.#unsent = Buffer.from(`${requests}ECHO "${this.#marker.trim()}"\r\n`, "latin1");
    this.#send();
    await new Promise<void>((resolve) => (this.#done = resolve));
  }

  #send(): void {
    if (this.#unsent.length === 0) return;
    this.#unsent = this.#unsent.subarray(Math.max(0, this.#socket.write(this.#unsent)));
  }

  #received(chunk: Buffer): void {
    this.#tail = this.#tail.slice(-64) + chunk.subarray(-64).toString("latin1");
    if (this.#tail.endsWith(this.#marker)) this.#done?.();
  }

  close(): void {
    this.#socket.terminate();
  }
}

class Pinger {
  #answer: (message: unknown) => void = () => {};
  readonly #child: Bun.Subprocess;

  private constructor({ port, pid }: ServerProcess) {
    this.#child = Bun.spawn(
      [...priority(15), process.execPath, join(import.meta.dir, "pinger.ts"), `${port}`, `${pid}`],
      {
        cwd: REPOSITORY,
        stderr: "inherit",
        ipc: (message) => this.#answer(message),
      },
    );
  }

  static async start(server: ServerProcess): Promise<Pinger> {
    const pinger = new Pinger(server);
    await new Promise((resolve) => (pinger.#answer = resolve));
    return pinger;
  }

  /** The round trips while `work` goes on. */
  async during(work: Promise<void>): Promise<Gaps> {
    this.#child.send("start");
    await work;
    const answer = new Promise<unknown>((resolve) => (this.#answer = resolve));
    this.#child.send("stop");
    return (await answer) as Gaps;
  }

  end(): void {
    this.#child.kill();
  }
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

function median(results: readonly Result[], of: (result: Result) => number): number {
  return results.map(of).sort((a, b) => a - b)[results.length >> 1] ?? Number.NaN;
}

function cells(results: readonly Result[]): string[] {
  return [
    median(results, (r) => r.worstMs).toFixed(1),
    median(results, (r) => r.p99Ms).toFixed(1),
    median(results, (r) => r.wallWorstMs).toFixed(1),
    median(results, (r) => r.tookMs).toFixed(0),
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
