/**
 * bench/save: BGSAVE of many keys of 100 bytes while one client writes at full speed, Folio beside redis-server, in the same run.
 *
 *   npm run bench:save [-- --keys 5000000 --idle 5 --rounds 2]
 *
 * Per server and round: how long the save takes, what the writer's requests take beside what they take when nothing is saved, and how
 * much anonymous memory the save takes beyond what was written meanwhile. Folio's first save writes an overlay that holds everything;
 * the next ones copy the layer and write what came since.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import type { RespClient } from "../../test/support/resp-client.ts";
import { dataFolder, fill, VALUE_BYTES } from "../support/dataset.ts";
import { megabytes, printTable, ratio } from "../support/table.ts";
import type { Written } from "./writer.ts";

const KEY_BYTES = 16;
const SAMPLE_MS = 20;
const SETTLED_MS = 3000;

interface Save {
  seconds: number;
  idle: Written;
  during: Written;
  /** Anonymous memory beyond that at the start, at most; of redis-server, its child's copies. */
  extraBytes: number;
  afterBytes: number;
}

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "5000000" },
    idle: { type: "string", default: "5" },
    rounds: { type: "string", default: "2" },
    only: { type: "string", default: "" },
  },
});
const keys = Number(options.keys);
const rounds = Number(options.rounds);

/** The writer's process, between start() and stop(). */
class Writer {
  readonly #child: Bun.Subprocess;
  #answer: (message: unknown) => void = () => {};

  private constructor(port: number) {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), `${port}`, `${keys}`], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => this.#answer(message),
    });
  }

  static async begin(port: number): Promise<Writer> {
    const writer = new Writer(port);
    await writer.#next();
    return writer;
  }

  start(): void {
    this.#child.send("start");
  }

  stop(): Promise<Written> {
    const answer = this.#next();
    this.#child.send("stop");
    return answer as Promise<Written>;
  }

  end(): void {
    this.#child.kill();
  }

  #next(): Promise<unknown> {
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }
}

async function persistence(client: RespClient): Promise<Map<string, string>> {
  const text = String(await client.command("INFO", "persistence"));
  return new Map(text.split("\r\n").map((line) => line.split(":") as [string, string]));
}

function anonymous(server: ServerProcess): number {
  const usage = processUsage(server.pid);
  if (usage === null) throw new Error(`the server ended:\n${server.output}`);
  return usage.anonBytes;
}

async function measure(server: ServerProcess, client: RespClient, writer: Writer, isRedis: boolean): Promise<Save> {
  writer.start();
  await Bun.sleep(Number(options.idle) * 1000);
  const idle = await writer.stop();
  const before = anonymous(server);
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, anonymous(server));
  }, SAMPLE_MS);
  writer.start();
  const from = performance.now();
  const reply = await client.command("BGSAVE");
  if (reply !== "+Background saving started") throw new Error(`BGSAVE answered ${JSON.stringify(reply)}`);
  let state = await persistence(client);
  while (state.get("rdb_bgsave_in_progress") !== "0") {
    await Bun.sleep(SAMPLE_MS);
    state = await persistence(client);
  }
  const seconds = (performance.now() - from) / 1000;
  const during = await writer.stop();
  clearInterval(sampling);
  if (state.get("rdb_last_bgsave_status") !== "ok") throw new Error(`the save failed:\n${server.output}`);
  const copied = isRedis ? Number(state.get("rdb_last_cow_size")) : 0;
  await Bun.sleep(SETTLED_MS);
  return { seconds, idle, during, extraBytes: most - before + copied, afterBytes: anonymous(server) };
}

async function measureServer(name: "redis" | "folio", folder: string): Promise<Save[]> {
  const flags = ["--dir", folder, "--dbfilename", `${name}.rdb`, "--save", ""];
  const server = await (name === "redis" ? spawnRedis([...flags, "--appendonly", "no"]) : spawnFolio(flags)).ready();
  const client = await server.connect();
  try {
    await fill(server.port, keys);
    const writer = await Writer.begin(server.port);
    const saves: Save[] = [];
    for (let round = 0; round < rounds; round++) saves.push(await measure(server, client, writer, name === "redis"));
    writer.end();
    return saves;
  } finally {
    client.close();
    await server.stop("SIGKILL");
  }
}

function row(name: string, { seconds, idle, during, extraBytes, afterBytes }: Save): string[] {
  const written = during.writes * (KEY_BYTES + VALUE_BYTES);
  return [
    name,
    `${seconds.toFixed(2)} s`,
    `${Math.round(idle.writes / idle.seconds / 1000)}k`,
    `${Math.round(during.writes / during.seconds / 1000)}k`,
    `${idle.p99Ms.toFixed(3)} ms`,
    `${during.p99Ms.toFixed(3)} ms`,
    ratio(during.p99Ms / idle.p99Ms),
    `${during.worstMs.toFixed(1)} ms`,
    megabytes(written),
    megabytes(extraBytes),
    megabytes(afterBytes),
  ];
}

const folder = mkdtempSync(join(dataFolder(), "save-"));
try {
  const rows: string[][] = [];
  for (const name of ["redis", "folio"] as const) {
    if (options.only !== "" && options.only !== name) continue;
    const saves = await measureServer(name, folder);
    saves.forEach((save, i) => {
      rows.push(row(`${name}, save ${i + 1}`, save));
    });
  }
  printTable(
    `BGSAVE of ${keys} keys of ${VALUE_BYTES} bytes while one client writes`,
    [
      "",
      "duration",
      "idle/s",
      "saving/s",
      "idle p99",
      "saving p99",
      "ratio",
      "worst",
      "written",
      "extra memory",
      "after",
    ],
    rows,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
