/**
 * Runs one unit of the suite against one server: a fresh server, the driver (drive.tcl) as a child, and a watch over both.
 * A test that stands still is helped on by closing all connections (it then fails); where that does not help, or the server
 * died, the unit runs again on a new server without that test.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { freePort, REPOSITORY, ServerProcess } from "../support/processes.ts";
import { RespClient } from "../support/resp-client.ts";
import { Collector, type Outcome, parseEvent, type UnitResult } from "./report.ts";
import { CACHE, unitPath } from "./suite.ts";

export interface Limits {
  /** Without any news from a test. */
  quietSeconds: number;
  unitSeconds: number;
}

/** Tests that may be left out one after another before the unit is given up. */
const RESTARTS_MAX = 8;

/** `launcher`: the server's program; it takes a configuration file and options as redis-server does. */
export async function runUnit(
  unit: string,
  suite: string,
  launcher: string,
  label: string,
  limits: Limits,
): Promise<UnitResult> {
  const stuck: Outcome[] = [];
  const deadline = Date.now() + limits.unitSeconds * 1000;
  for (;;) {
    const run = new UnitRun(
      unit,
      suite,
      launcher,
      label,
      limits,
      deadline,
      stuck.map(({ name }) => name),
    );
    const end = await run.run();
    const { outcomes, broken } = run.collector;
    // A test left out because it hung is reported as that, not as skipped.
    const result = {
      unit,
      outcomes: [...outcomes.filter(({ name }) => !stuck.some((one) => one.name === name)), ...stuck],
      broken,
      givenUp: "",
    };
    if (end === null) return result;
    const running = run.collector.running;
    if (running !== null) {
      stuck.push({ name: running, status: "hung", detail: end, missing: [] });
      result.outcomes.push(stuck.at(-1) as Outcome);
    }
    if (running === null || stuck.length > RESTARTS_MAX || Date.now() > deadline) {
      return { ...result, givenUp: running === null ? `${end}, between tests` : end };
    }
  }
}

class UnitRun {
  readonly collector = new Collector();
  readonly #unit: string;
  readonly #suite: string;
  readonly #launcher: string;
  readonly #folder: string;
  readonly #limits: Limits;
  readonly #deadline: number;
  readonly #skipped: readonly string[];
  #lastNews = Date.now();
  #isCut = false;

  constructor(
    unit: string,
    suite: string,
    launcher: string,
    label: string,
    limits: Limits,
    deadline: number,
    skipped: readonly string[],
  ) {
    this.#unit = unit;
    this.#suite = suite;
    this.#launcher = launcher;
    this.#folder = join(CACHE, "runs", label, unit);
    this.#limits = limits;
    this.#deadline = deadline;
    this.#skipped = skipped;
  }

  /** Null when the unit ran to its end, else why it did not. */
  async run(): Promise<string | null> {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(join(this.#folder, "data"), { recursive: true });
    const skipFile = join(this.#folder, "skip");
    writeFileSync(skipFile, this.#skipped.join("\n"));
    const server = this.#start();
    let output = "";
    try {
      await server.ready();
      this.#lastNews = Date.now();
      const driver = Bun.spawn(
        [
          "tclsh",
          join(REPOSITORY, "test/conformance/drive.tcl"),
          "127.0.0.1",
          String(server.port),
          unitPath(this.#unit),
          skipFile,
        ],
        { cwd: this.#suite, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
      );
      const reading = this.#read(driver.stdout, (text) => {
        output += text;
      });
      const errors = new Response(driver.stderr).text();
      const end = await this.#watch(driver, server);
      await reading;
      output += await errors;
      if (end !== null) return end;
      return this.collector.isDone ? null : `the driver ended (${driver.exitCode}): ${output.slice(-500)}`;
    } catch (error) {
      return `the server did not start: ${error instanceof Error ? error.message : error}`;
    } finally {
      if (server.child.exitCode === null) await server.stop("SIGKILL");
      writeFileSync(join(this.#folder, "server.txt"), server.output);
      writeFileSync(join(this.#folder, "driver.txt"), output);
      rmSync(join(this.#folder, "data"), { recursive: true, force: true });
    }
  }

  #start(): ServerProcess {
    const port = freePort();
    const data = join(this.#folder, "data");
    const options = ["--port", String(port), "--dir", data, "--pidfile", join(data, "pid"), "--save", ""];
    return new ServerProcess([this.#launcher, join(this.#suite, "tests/assets/default.conf"), ...options], port, {
      cwd: data,
    });
  }

  async #read(stream: ReadableStream<Uint8Array>, other: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      this.#lastNews = Date.now();
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        const event = parseEvent(line);
        if (event === null) {
          other(`${line}\n`);
          continue;
        }
        this.#isCut = false;
        this.collector.take(event);
        other(`[${event.status}] ${event.text}${event.missing.length > 0 ? ` (lacks ${event.missing})` : ""}\n`);
      }
    }
  }

  /** Until the driver has ended; null, or why it was ended. */
  async #watch(driver: Subprocess, server: ServerProcess): Promise<string | null> {
    while (driver.exitCode === null && driver.signalCode === null) {
      await Promise.race([driver.exited, Bun.sleep(250)]);
      const quietMs = Date.now() - this.#lastNews;
      let reason: string | null = null;
      if (server.child.exitCode !== null || server.child.signalCode !== null) {
        // The driver may be about to say so, too.
        await Promise.race([driver.exited, Bun.sleep(2000)]);
        reason = `the server ended (${server.child.exitCode ?? server.child.signalCode})`;
      } else if (Date.now() > this.#deadline) {
        reason = `the unit took more than ${this.#limits.unitSeconds} s`;
      } else if (quietMs > this.#limits.quietSeconds * 1000) {
        if (this.#isCut && quietMs > this.#limits.quietSeconds * 1000 + CUT_GRACE_MS) {
          reason = `no news for ${this.#limits.quietSeconds} s`;
        } else if (!this.#isCut) {
          this.#isCut = true;
          await cutConnections(server.port);
        }
      }
      if (reason === null) continue;
      driver.kill("SIGKILL");
      await driver.exited;
      return reason;
    }
    return null;
  }
}

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
