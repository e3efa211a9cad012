/**
 * Servers as child processes for tests and benches: a real redis-server and Folio, on the loopback, on ports that were
 * free a moment ago, each ended by its pid. What a server prints is kept, so that a failed start can be shown.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { RespClient } from "./resp-client.ts";

export const REPOSITORY = resolve(import.meta.dir, "../..");
export const REDIS_SERVER = Bun.which("redis-server");
export const CORPUS = existsSync(join(REPOSITORY, "../shared/corpus/index.json"))
  ? join(REPOSITORY, "../shared/corpus")
  : null;

/** A port that nobody listens on now. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

export interface StartOptions {
  /** Words before the command, as `taskset -c 0`. */
  prefix?: string[];
  env?: Record<string, string>;
  cwd?: string;
}

export class ServerProcess {
  readonly child: Subprocess<"ignore", "pipe", "pipe">;
  readonly port: number;
  /** Everything printed so far. */
  output = "";

  constructor(command: string[], port: number, options: StartOptions = {}) {
    this.port = port;
    this.child = Bun.spawn([...(options.prefix ?? []), ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: options.cwd ?? REPOSITORY,
      env: { ...process.env, ...options.env },
    });
    void this.#collect(this.child.stdout);
    void this.#collect(this.child.stderr);
  }

  get pid(): number {
    return this.child.pid;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }

  /** Waits until the server answers PING, or rejects with what it printed when it ends before. */
  async ready(timeoutMs = 60_000): Promise<this> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      if (this.child.exitCode !== null) throw new Error(`the server ended (${this.child.exitCode}):\n${this.output}`);
      const client = await RespClient.connect(this.port).catch(() => null);
      const reply = await client?.command("PING").catch(() => null);
      client?.close();
      if (typeof reply === "string" && !reply.startsWith("-LOADING")) return this;
      await Bun.sleep(10);
    }
    throw new Error(`the server did not answer in ${timeoutMs} ms:\n${this.output}`);
  }

  connect(): Promise<RespClient> {
    return RespClient.connect(this.port);
  }

  /** Ends the server by its pid and waits for it; the exit code (null when a signal ended it). */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 30_000);
    await this.child.exited;
    clearTimeout(killer);
    return this.child.exitCode;
  }
}

/** A real redis-server without persistence of its own. `args` as on its command line. */
export function spawnRedis(args: string[] = [], options: StartOptions = {}): ServerProcess {
  if (!REDIS_SERVER) throw new Error("redis-server is not installed");
  const port = freePort();
  const base = [
    REDIS_SERVER,
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--enable-debug-command",
    "yes",
  ];
  return new ServerProcess([...base, ...args], port, options);
}

/** Folio by its launcher. `args` as on its command line. */
export function spawnFolio(args: string[], options: StartOptions = {}): ServerProcess {
  const port = freePort();
  return new ServerProcess(
    [join(REPOSITORY, "bin/folio"), ...args, "--port", `${port}`, "--bind", "127.0.0.1"],
    port,
    options,
  );
}

export interface ProcessUsage {
  cpuSeconds: number;
  anonBytes: number;
  fileBytes: number;
}

/** What the kernel says of a process now: CPU seconds used, bytes of anonymous and file-backed resident memory; null: it is gone. */
export function processUsage(pid: number): ProcessUsage | null {
  let stat: string;
  let status: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const bytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  return { cpuSeconds: ticks / TICKS_PER_SECOND, anonBytes: bytes("RssAnon"), fileBytes: bytes("RssFile") };
}

/** USER_HZ, the unit of /proc/<pid>/stat on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;
