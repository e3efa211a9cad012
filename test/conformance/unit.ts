/**
 * Runs one unit of the suite against one server: a fresh server, the driver (drive.tcl) as a child, and a watch over both.
 * A test that stands still is helped on by closing all connections (it then fails); where that does not help, or the server
 * died, the unit runs again on a new server without that test.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { freePort, processUsage, REPOSITORY, ServerProcess } from "../support/processes.ts";
import { RespClient } from "../support/resp-client.ts";
import { Collector, type Outcome, parseEvent, type UnitResult } from "./report.ts";
import { CACHE, unitPath } from "./suite.ts";

/** "external": against one server that runs already; "spawned": the suite starts servers as it likes. */
export type Mode = "external" | "spawned";

export interface Setting {
  mode: Mode;
  /** The folder that holds the suite's tests/. */
  suite: string;
  /** The server's program; it takes a configuration file and options as redis-server does. */
  launcher: string;
  /** Folder of the runs in the cache. */
  label: string;
  /** Without any news from a test; BUSY_FACTOR times that while it computes. */
  quietSeconds: number;
  unitSeconds: number;
}

/** What ends the runner, and with it the server and the driver. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Tests that may be left out one after another before the unit is given up. */
const RESTARTS_MAX = 8;

/** `leftOut`: names of tests that are not to run. */
export async function runUnit(unit: string, setting: Setting, leftOut: readonly string[] = []): Promise<UnitResult> {
  const stuck: Outcome[] = [];
  const deadline = Date.now() + setting.unitSeconds * 1000;
  for (;;) {
    const run = new UnitRun(unit, setting, deadline, [...leftOut, ...stuck.map(({ name }) => name)]);
    const end = await run.run();
    const { outcomes, broken, lacking, running } = run.collector;
    if (end !== null && running !== null) stuck.push({ name: running, status: "hung", detail: end, missing: [] });
    // A test left out because it hung is reported as that, not as skipped.
    const others = outcomes.filter(({ name }) => !stuck.some((one) => one.name === name));
    const result = { unit, outcomes: [...others, ...stuck], broken, lacking: [...lacking], givenUp: "" };
    if (end === null) return result;
    if (running === null) return { ...result, givenUp: `${end}, between tests` };
    if (stuck.length > RESTARTS_MAX || Date.now() > deadline) return { ...result, givenUp: end };
  }
}

class UnitRun {
  readonly collector = new Collector();
  readonly #unit: string;
  readonly #setting: Setting;
  readonly #folder: string;
  /** The server's. Not in #folder, which two runs of a unit at a time would share. */
  readonly #data = mkdtempSync(join(tmpdir(), "conformance-"));
  readonly #deadline: number;
  readonly #leftOut: readonly string[];
  #server: ServerProcess | null = null;
  #output = "";
  #lastNews = Date.now();
  /** CPU seconds of driver and server when the last news was seen; -1: not looked at since. */
  #cpuAtNews = -1;
  #isCut = false;

  constructor(unit: string, setting: Setting, deadline: number, leftOut: readonly string[]) {
    this.#unit = unit;
    this.#setting = setting;
    this.#folder = join(CACHE, "runs", setting.label, setting.mode, unit);
    this.#deadline = deadline;
    this.#leftOut = leftOut;
  }

  /** Null when the unit ran to its end, else why it did not. */
  async run(): Promise<string | null> {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, "skip"), this.#leftOut.join("\n"));
    let driver: Driver | null = null;
    const stop = () => {
      driver?.kill("SIGKILL");
      this.#server?.child.kill("SIGKILL");
      for (const pid of this.collector.spawned) endServer(pid);
      rmSync(this.#data, { recursive: true, force: true });
      process.exit(130);
    };
    for (const signal of SIGNALS) process.once(signal, stop);
    try {
      if (this.#setting.mode === "external") this.#server = await this.#start().ready();
      driver = this.#drive();
      const reading = Promise.all([this.#read(driver.stdout), this.#read(driver.stderr)]);
      const end = await this.#watch(driver);
      await reading;
      if (end !== null) return end;
      return this.collector.isDone ? null : `the driver ended (${driver.exitCode}): ${this.#output.slice(-500)}`;
    } catch (error) {
      return `the server did not start: ${error instanceof Error ? error.message : error}`;
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
      await this.#cleanUp(driver);
    }
  }

  async #cleanUp(driver: Driver | null): Promise<void> {
    const server = this.#server;
    if (server !== null && server.child.exitCode === null) await server.stop("SIGKILL");
    for (const pid of this.collector.spawned) endServer(pid);
    writeFileSync(join(this.#folder, "server.txt"), server?.output ?? "");
    writeFileSync(join(this.#folder, "driver.txt"), this.#output);
    rmSync(this.#data, { recursive: true, force: true });
    // The suite names its scratch folders by the driver's pid.
    const scratch = join(this.#setting.suite, "tests/tmp");
    for (const name of existsSync(scratch) ? readdirSync(scratch) : []) {
      if (driver !== null && name.includes(`.${driver.pid}.`))
        rmSync(join(scratch, name), { recursive: true, force: true });
    }
  }

  #start(): ServerProcess {
    const { launcher, suite } = this.#setting;
    const port = freePort();
    const cwd = this.#data;
    const options = ["--port", String(port), "--dir", cwd, "--pidfile", join(cwd, "pid"), "--save", ""];
    return new ServerProcess([launcher, join(suite, "tests/assets/default.conf"), ...options], port, { cwd });
  }

  #drive(): Driver {
    this.#lastNews = Date.now();
    const { mode, suite, launcher } = this.#setting;
    const server = this.#server === null ? [launcher, String(freePort())] : ["127.0.0.1", String(this.#server.port)];
    const words = [unitPath(this.#unit), join(this.#folder, "skip"), mode, ...server];
    return Bun.spawn(["tclsh", join(REPOSITORY, "test/conformance/drive.tcl"), ...words], {
      cwd: suite,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      this.#lastNews = Date.now();
      this.#cpuAtNews = -1;
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        const event = parseEvent(line);
        if (event === null) {
          this.#output += `${line}\n`;
          continue;
        }
        this.#isCut = false;
        this.collector.take(event);
        const lacks = event.missing.length > 0 ? ` (lacks ${event.missing})` : "";
        this.#output += `[${event.status}, ${event.elapsedMs} ms] ${event.text}${lacks}\n`;
      }
    }
    this.#output += rest;
  }

  /** Until the driver has ended; null, or why it was ended. */
  async #watch(driver: Driver): Promise<string | null> {
    while (driver.exitCode === null && driver.signalCode === null) {
      await Promise.race([driver.exited, Bun.sleep(250)]);
      const reason = await this.#trouble(driver);
      if (reason === null) continue;
      driver.kill("SIGKILL");
      await driver.exited;
      return reason;
    }
    return null;
  }

  /** Null, or why the driver must end now. */
  async #trouble(driver: Driver): Promise<string | null> {
    const { quietSeconds, unitSeconds } = this.#setting;
    const server = this.#server;
    if (server !== null && (server.child.exitCode !== null || server.child.signalCode !== null)) {
      // The driver may be about to say so, too.
      await Promise.race([driver.exited, Bun.sleep(2000)]);
      return `the server ended (${server.child.exitCode ?? server.child.signalCode}): ${server.output.slice(-500)}`;
    }
    if (Date.now() > this.#deadline) return `the unit took more than ${unitSeconds} s`;
    const quietMs = Date.now() - this.#lastNews;
    const cpu = (processUsage(driver.pid)?.cpuSeconds ?? 0) + (processUsage(server?.pid ?? 0)?.cpuSeconds ?? 0);
    if (this.#cpuAtNews < 0) this.#cpuAtNews = cpu;
    // On a crowded machine even a busy process gets little.
    const isBusy = cpu - this.#cpuAtNews > (quietMs / 1000) * BUSY_SHARE_MIN;
    const limitMs = quietSeconds * 1000 * (isBusy ? BUSY_FACTOR : 1);
    if (quietMs < limitMs) return null;
    if (server === null || (this.#isCut && quietMs > limitMs + CUT_GRACE_MS)) return `no news for ${limitMs / 1000} s`;
    if (!this.#isCut) {
      this.#isCut = true;
      await cutConnections(server.port);
    }
    return null;
  }
}

type Driver = Subprocess<"ignore", "pipe", "pipe">;

/** Ends a server that the suite started and did not end. */
function endServer(pid: number): void {
  try {
    // Another process may have that number by now.
    if (/redis-server|folio|main\.(js|ts)/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1")))
      process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

const BUSY_SHARE_MIN = 0.02;
const BUSY_FACTOR = 5;

/** How long a test whose connections were cut may take to notice. */
const CUT_GRACE_MS = 10_000;

/** Closes every connection of clients, so that a test waiting for a reply fails and the next one begins. */
async function cutConnections(port: number): Promise<void> {
  const cut = async () => {
    const client = await RespClient.connect(port);
    await client.command("CLIENT", "KILL", "TYPE", "normal");
    client.close();
  };
  await Promise.race([cut().catch(() => {}), Bun.sleep(5000)]);
}
