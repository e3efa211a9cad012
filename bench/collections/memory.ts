/** Table (a): what a large collection takes in memory. */
import { processUsage, type ServerProcess } from "../../test/support/processes.ts";
import type { RespClient } from "../../test/support/resp-client.ts";
import { printTable, ratio } from "../support/table.ts";
import { type Collection, fill, HASH, INTEGERS, LIST, SET, SMALL_HASHES, STREAM, withServers, ZSET } from "./data.ts";

const COLLECTIONS = [HASH, SET, INTEGERS, ZSET, LIST, STREAM, SMALL_HASHES];
const SMALL_SHARE = 10;
/** Freed memory is given back in the background. */
const SETTLE_MS = 2500;

interface Figures {
  readonly used: number;
  /** What Folio's overlay counts; NaN for redis-server. */
  readonly overlay: number;
  readonly anonymous: number;
}

async function figures(server: ServerProcess, client: RespClient): Promise<Figures> {
  const info = String(await client.command("INFO"));
  const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  const anonymous = processUsage(server.pid)?.anonBytes ?? Number.NaN;
  return { used: number("used_memory"), overlay: number("overlay_bytes"), anonymous };
}

/** What the collection adds; null: the server cannot make it yet. */
async function measure(server: ServerProcess, collection: Collection, count: number): Promise<Figures | null> {
  const client = await server.connect();
  try {
    const empty = await figures(server, client);
    if (!(await fill(client, collection, "key", count))) return null;
    await Bun.sleep(SETTLE_MS);
    const full = await figures(server, client);
    return {
      used: full.used - empty.used,
      overlay: full.overlay - empty.overlay,
      anonymous: full.anonymous - empty.anonymous,
    };
  } finally {
    client.close();
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export async function memoryTable(elements: number): Promise<void> {
  const rows: string[][] = [];
  for (const collection of COLLECTIONS) {
    const count = collection === SMALL_HASHES ? elements / SMALL_SHARE : elements;
    const name = `${count} ${collection === SMALL_HASHES ? "" : "in a "}${collection.name}`;
    const [redis, folio] = await withServers(async (pair) => [
      await measure(pair.redis, collection, count),
      await measure(pair.folio, collection, count),
    ]);
    if (redis === null || redis === undefined) throw new Error(`redis-server cannot make a ${collection.name}`);
    rows.push([
      name,
      megabytes(redis.used),
      ...(folio
        ? [
            megabytes(folio.used),
            ratio(folio.used / redis.used),
            megabytes(folio.overlay),
            megabytes(redis.anonymous),
            megabytes(folio.anonymous),
            ratio(folio.anonymous / redis.anonymous),
          ]
        : ["missing"]),
    ]);
    console.log(rows.at(-1)?.join("  "));
  }
  printTable(
    "Memory above that of the empty server (floor of the first ratio 1.0, aim 0.8)",
    ["", "redis used", "Folio used", "ratio", "overlay", "redis anon", "Folio anon", "ratio"],
    rows,
  );
}
