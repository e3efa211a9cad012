/**
 * Everything a server serves, read through the wire as plain values, one entry a key: what the corpus's `expected`
 * files hold and what two servers over the same dump are compared by. Bytes are binary strings; scores are numbers,
 * since servers differ in the text of some doubles.
 */
import type { RespClient, RespValue } from "./resp-client.ts";

export interface KeyEntry {
  db: number;
  key: string;
  type: string;
  /** Unix time in ms, -1 where the key does not expire. */
  pexpireat: number;
  value: unknown;
}

/** All keys of all databases, sorted by database and key. */
export async function readSnapshot(client: RespClient, databases = 16): Promise<KeyEntry[]> {
  const entries: KeyEntry[] = [];
  for (let db = 0; db < databases; db++) {
    await client.command("SELECT", `${db}`);
    for (const key of await scanAll(client)) entries.push(await readKey(client, db, key));
  }
  return entries;
}

async function scanAll(client: RespClient): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = "0";
  do {
    const reply = (await client.command("SCAN", cursor, "COUNT", "500")) as [string, string[]];
    cursor = reply[0];
    for (const key of reply[1]) keys.add(key);
  } while (cursor !== "0");
  return [...keys].sort();
}

async function readKey(client: RespClient, db: number, key: string): Promise<KeyEntry> {
  const type = String(await client.command("TYPE", key)).slice(1);
  const pexpireat = Number(await client.command("PEXPIRETIME", key));
  return { db, key, type, pexpireat, value: await readValue(client, key, type) };
}

function pairs(flat: RespValue): [string, string][] {
  const list = flat as string[];
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]);
}

/** A score's text as a number: "inf", "-inf" and "nan" as themselves. */
export function scoreValue(text: string): number | string {
  const value = Number(text);
  return Number.isFinite(value) ? value : text.replace("Infinity", "inf").toLowerCase();
}

async function readValue(client: RespClient, key: string, type: string): Promise<unknown> {
  switch (type) {
    case "string":
      return await client.command("GET", key);
    case "list":
      return await client.command("LRANGE", key, "0", "-1");
    case "set":
      return ((await client.command("SMEMBERS", key)) as string[]).sort();
    case "zset":
      return pairs(await client.command("ZRANGE", key, "0", "-1", "WITHSCORES")).map(([m, s]) => [m, scoreValue(s)]);
    case "hash":
      return sortedObject(pairs(await client.command("HGETALL", key)));
    case "stream":
      return await readStream(client, key);
    default:
      return `a value of type ${type}`;
  }
}

function sortedObject(entries: [string, string][]): Record<string, string> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readStream(client: RespClient, key: string): Promise<unknown> {
  const info = Object.fromEntries(pairs(await client.command("XINFO", "STREAM", key)));
  const groups = [];
  for (const flat of (await client.command("XINFO", "GROUPS", key)) as RespValue[]) {
    const group = Object.fromEntries(pairs(flat)) as Record<string, RespValue>;
    const name = String(group["name"]);
    const consumers = (await client.command("XINFO", "CONSUMERS", key, name)) as RespValue[];
    const pending = (await client.command("XPENDING", key, name, "-", "+", "1000000")) as [
      string,
      string,
      number,
      number,
    ][];
    groups.push({
      name,
      consumers: group["consumers"],
      consumer_names: consumers.map((flat) => Object.fromEntries(pairs(flat))["name"] as string).sort(),
      "entries-read": group["entries-read"],
      "last-delivered-id": group["last-delivered-id"],
      pending: group["pending"],
      pel: pending.map(([id, consumer, , deliveries]) => [id, consumer, deliveries]),
    });
  }
  return {
    entries: await client.command("XRANGE", key, "-", "+"),
    groups,
    info: {
      "entries-added": info["entries-added"],
      groups: info["groups"],
      "last-generated-id": info["last-generated-id"],
      length: info["length"],
      "max-deleted-entry-id": info["max-deleted-entry-id"],
    },
  };
}
