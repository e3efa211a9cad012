/** The collections that the tables are about, as commands that make them, and both servers, pinned to a core. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { processUsage, type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import type { RespClient } from "../../test/support/resp-client.ts";
import { dataFolder } from "../support/dataset.ts";

export const SERVER_CORE = ["taskset", "-c", "0"];
export const CLIENT_CORE = ["taskset", "-c", "1"];
/** Elements of one command, and commands on their way at a time. */
const CHUNK = 500;
const BATCH = 20;

export type Reply = Awaited<ReturnType<RespClient["command"]>>;
export type Command = readonly string[];

const digits = (i: number): string => `${1_000_000 + i}`;
export const field = (i: number): string => `field:${digits(i)}`;
export const member = (i: number): string => `member:${digits(i)}`;
export const element = (i: number): string => `element:${digits(i)}`;
export const integer = (i: number): string => `${i * 37}`;
export const score = (i: number): string => `${(Math.imul(i, 0x9e3779b1) >>> 0) / 1000}`;
export const entryId = (i: number): string => `${1_700_000_000_000 + i}-0`;

export interface Collection {
  readonly name: string;
  /** Words of the command that adds elements from…to - 1 to the key; as many commands as elements where they come one by one. */
  add(key: string, from: number, to: number): Command[];
}

function range<T>(from: number, to: number, make: (i: number) => T): T[] {
  return Array.from({ length: to - from }, (_, i) => make(from + i));
}

const many = (from: number, to: number, make: (i: number) => string[]): string[] => range(from, to, make).flat();

export const HASH: Collection = {
  name: "hash",
  add: (key, from, to) => [["HSET", key, ...many(from, to, (i) => [field(i), `value:${digits(i)}`])]],
};
export const SET: Collection = {
  name: "set of strings",
  add: (key, from, to) => [["SADD", key, ...range(from, to, member)]],
};
export const INTEGERS: Collection = {
  name: "set of integers",
  add: (key, from, to) => [["SADD", key, ...range(from, to, integer)]],
};
export const ZSET: Collection = {
  name: "sorted set",
  add: (key, from, to) => [["ZADD", key, ...many(from, to, (i) => [score(i), member(i)])]],
};
export const LIST: Collection = {
  name: "list",
  add: (key, from, to) => [["RPUSH", key, ...range(from, to, element)]],
};
export const STREAM: Collection = {
  name: "stream",
  add: (key, from, to) => range(from, to, (i) => ["XADD", key, entryId(i), "sensor", `${i % 100}`, "reading", `${i}`]),
};
/** Elements are hashes of ten fields under keys of their own. */
export const SMALL_HASHES: Collection = {
  name: "small hashes of 10 fields",
  add: (key, from, to) =>
    range(from, to, (i) => [
      "HSET",
      `${key}:${digits(i)}`,
      ...many(0, 10, (j) => [`field${j}`, `value:${i * 10 + j}`]),
    ]),
};

/** True when the server has all; false when it does not have the command yet. Throws on another error. */
export async function fill(client: RespClient, collection: Collection, key: string, count: number): Promise<boolean> {
  let waiting: Promise<unknown[]> = Promise.resolve([]);
  for (let from = 0; from < count; from += CHUNK * BATCH) {
    const commands: Command[] = [];
    for (let at = from; at < Math.min(count, from + CHUNK * BATCH); at += CHUNK) {
      commands.push(...collection.add(key, at, Math.min(count, at + CHUNK)));
    }
    const before = waiting;
    waiting = client.pipeline(commands);
    for (const reply of await before) if (isMissing(reply)) return false;
  }
  return !(await waiting).some(isMissing);
}

/** Whether the server says that it does not have the command (yet). Throws on another error. */
export function isMissing(reply: unknown): boolean {
  if (typeof reply !== "string" || !reply.startsWith("-")) return false;
  if (/does not have|unknown command/.test(reply)) return true;
  throw new Error(reply);
}

export interface Pair {
  readonly redis: ServerProcess;
  readonly folio: ServerProcess;
}

/** Both, empty, pinned to core 0, while `work` goes on; ended afterwards. */
export async function withServers<T>(work: (pair: Pair) => Promise<T>): Promise<T> {
  return await withFolder(async (folder) => {
    const redis = await spawnRedis([], { prefix: SERVER_CORE }).ready();
    const folio = await startFolio(folder);
    try {
      return await work({ redis, folio });
    } finally {
      await redis.stop("SIGKILL");
      await folio.stop("SIGKILL");
    }
  });
}

export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(dataFolder(), "collections-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function startFolio(folder: string): Promise<ServerProcess> {
  return spawnFolio(["--dir", folder, "--dbfilename", "dump.rdb", "--save", ""], { prefix: SERVER_CORE }).ready();
}

/** CPU time that the process has used, in seconds. */
export function cpuSeconds(server: ServerProcess): number {
  const usage = processUsage(server.pid);
  if (usage === null) throw new Error(`the server ended:\n${server.output}`);
  return usage.cpuSeconds;
}
