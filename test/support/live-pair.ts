/** Folio and a real redis-server as processes of their own, in a directory of their own: one question, two answers that must be the same. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "./processes.ts";
import type { RespClient, RespValue } from "./resp-client.ts";

const SAVE_WAIT_MS = 10_000;
const SAVE_POLL_MS = 10;
/** Words of a command that are shown where the answers differ. */
const SHOWN_WORDS = 8;

export class LivePair {
  readonly #dir: string;
  readonly #redis: ServerProcess;
  /** Another process, and another connection, after a restart. */
  folio: ServerProcess;
  ours: RespClient;
  readonly theirs: RespClient;

  private constructor(
    dir: string,
    [folio, redis]: readonly [ServerProcess, ServerProcess],
    [ours, theirs]: readonly [RespClient, RespClient],
  ) {
    this.#dir = dir;
    this.folio = folio;
    this.#redis = redis;
    this.ours = ours;
    this.theirs = theirs;
  }

  /** Both empty; Folio saves only when told to. `name` is in the directory's name. */
  static async start(name: string): Promise<LivePair> {
    const dir = mkdtempSync(join(tmpdir(), `folio-${name}-`));
    const started: ServerProcess[] = [];
    const ready = (server: ServerProcess) => {
      started.push(server);
      return server.ready();
    };
    try {
      const folio = await ready(spawnFolioIn(dir));
      const redis = await ready(spawnRedis(["--dir", dir, "--dbfilename", "redis.rdb"]));
      return new LivePair(dir, [folio, redis], [await folio.connect(), await redis.connect()]);
    } catch (error) {
      await Promise.all(started.map((server) => server.stop()));
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Ends Folio, and starts it on what it has saved. */
  async restart(): Promise<void> {
    await this.folio.stop();
    this.folio = await spawnFolioIn(this.#dir).ready();
    this.ours = await this.folio.connect();
  }

  async stop(): Promise<void> {
    await Promise.all([this.folio.stop(), this.#redis.stop()]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Asserts that both answer the same; the answer. */
  async same(...words: string[]): Promise<RespValue> {
    const [mine, yours] = await Promise.all([this.ours.command(...words), this.theirs.command(...words)]);
    const shown = words.slice(0, SHOWN_WORDS);
    expect({ words: shown, reply: mine }).toEqual({ words: shown, reply: yours });
    return mine;
  }

  /** Waits until Folio's save in the background has ended. */
  async saved(): Promise<void> {
    for (let waited = 0; waited < SAVE_WAIT_MS; waited += SAVE_POLL_MS) {
      if (String(await this.ours.command("INFO", "persistence")).includes("rdb_bgsave_in_progress:0")) return;
      await Bun.sleep(SAVE_POLL_MS);
    }
    throw new Error(`the save did not end in ${SAVE_WAIT_MS} ms`);
  }
}

function spawnFolioIn(dir: string): ServerProcess {
  return spawnFolio(["--dir", dir, "--save", "", "--enable-debug-command", "yes"]);
}
