/**
 * What cannot be compared reply by reply: members that chance chose are looked up in Redis, iterations by SCAN and its kin
 * are compared as a whole, DUMP payloads are restored into Redis and compared there.
 */

import { RdbType } from "../../src/rdb/opcodes.ts";
import type { ServerProcess } from "../support/processes.ts";
import { parsedReply, type RespClient, type RespValue } from "../support/resp-client.ts";
import { EXPIRING, type FuzzKey, type KeyGroup, pick, STALE_COUNT } from "./command-data.ts";
import type { Random } from "./resp-inputs.ts";

/** A database that the fuzz keeps out of its data, for restored values. */
const SPARE_DATABASE = 14;

interface Servers {
  readonly folio: ServerProcess;
  readonly redis: ServerProcess;
}

function asText(value: RespValue): string {
  return typeof value === "object" && value !== null && "double" in value ? String(value["double"]) : String(value);
}

function duplicates(texts: readonly string[]): boolean {
  return new Set(texts).size !== texts.length;
}

interface FollowUp {
  /** To ask Redis. */
  readonly words: string[];
  /** What is wrong, given Redis's reply. */
  wrong(reply: string): string | null;
}

/** The request that tells whether what a random command answered is in the data; null when there is nothing to ask. */
export function followUp(name: string, words: readonly string[], ours: string): FollowUp | null {
  const key = words[1] ?? "";
  if (ours.startsWith("-")) return null;
  if (name === "randomkey") {
    const value = parsedReply(ours);
    if (typeof value !== "string" || value.startsWith(EXPIRING)) return null;
    return { words: ["EXISTS", value], wrong: (reply) => (reply === ":1\r\n" ? null : `no such key: ${value}`) };
  }
  const lookup = { srandmember: "SMISMEMBER", hrandfield: "HMGET", zrandmember: "ZMSCORE" }[name];
  if (lookup === undefined) return null;
  const value = parsedReply(ours);
  if (value === null || (Array.isArray(value) && value.length === 0)) return null;
  const pairs = words.length > 3;
  const flat = (Array.isArray(value) ? value.flat() : [value]).map((one) => asText(one as RespValue));
  const members = pairs ? flat.filter((_, i) => i % 2 === 0) : flat;
  const values = pairs ? flat.filter((_, i) => i % 2 === 1) : null;
  return {
    words: [lookup, key, ...members],
    wrong: (reply) => {
      const found = parsedReply(reply) as RespValue[];
      if (!Array.isArray(found)) return `${lookup} answers ${reply}`;
      const absent = members.filter((_, i) => found[i] === null || found[i] === 0);
      if (absent.length > 0) return `not a member: ${JSON.stringify(absent[0])}`;
      if (Number(words[2]) >= 0 && duplicates(members)) return "a member came twice";
      const other = values?.findIndex(
        (one, i) => one !== asText(found[i]!) && Number(one) !== Number(asText(found[i]!)),
      );
      return other !== undefined && other >= 0 ? `another value: ${values?.[other]} for ${members[other]}` : null;
    },
  };
}

/** One whole iteration's elements (pairs joined), sorted; the error's text when there is one. */
async function iterate(
  client: RespClient,
  words: readonly string[],
  cursorAt: number,
  pairs: boolean,
): Promise<string[]> {
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const reply = await client.command(...words.map((word, i) => (i === cursorAt ? cursor : word)));
    if (!Array.isArray(reply)) return [String(reply)];
    cursor = String(reply[0]);
    const items = (reply[1] as RespValue[]).map(asText);
    if (!pairs) for (const item of items) seen.add(item);
    else
      for (let i = 0; i < items.length; i += 2)
        seen.add(JSON.stringify([items[i], Number(items[i + 1]) || items[i + 1]]));
  } while (cursor !== "0");
  return [...seen].sort();
}

const PATTERNS = ["*", "m*", "*1*", "[^m]*", "s*:1?", "?", "", "*[", "\\*", "[a-c]*", "*\xff*"];
const SCANS = { set: "SSCAN", hash: "HSCAN", "sorted-set": "ZSCAN", geo: "ZSCAN" } as const;

/** SCAN, or the one of a key's type, over everything, with random options: what differs, or null. */
export async function findScanDifference(
  random: Random,
  servers: Servers,
  db: number,
  keys: readonly FuzzKey[],
): Promise<string | null> {
  const key = pick(random, keys);
  const command = random() < 0.7 ? (SCANS as Partial<Record<string, string>>)[key.group] : undefined;
  const words = command === undefined ? ["SCAN", "0"] : [command, key.name, "0"];
  const cursorAt = words.length - 1;
  if (random() < 0.5) words.push("MATCH", pick(random, PATTERNS));
  if (random() < 0.8) words.push("COUNT", pick(random, ["1", "7", "100", "100000"]));
  if (command === undefined && random() < 0.3)
    words.push("TYPE", pick(random, ["string", "zset", "HASH", "nope", "stream"]));
  const clients = await Promise.all([servers.folio.connect(), servers.redis.connect()]);
  try {
    const results: string[][] = [];
    for (const client of clients) {
      await client.command("SELECT", `${db}`);
      const all = await iterate(client, words, cursorAt, command === "HSCAN" || command === "ZSCAN");
      results.push(all.filter((name) => !name.startsWith(EXPIRING)));
    }
    const [ours, theirs] = results as [string[], string[]];
    const more = ours.find((item) => !theirs.includes(item));
    const less = theirs.find((item) => !ours.includes(item));
    if (more === undefined && less === undefined) return null;
    return `${JSON.stringify(words)} over all: only folio has ${more}, only redis has ${less}`;
  } finally {
    for (const client of clients) client.close();
  }
}

/** Commands whose order a compact encoding fixes. */
const WALKS: Partial<Record<KeyGroup, readonly (readonly string[])[]>> = {
  set: [["SMEMBERS"], ["SSCAN", "0"], ["SUNION"], ["SORT_RO", "BY", "nosort", "GET", "#"]],
  hash: [["HGETALL"], ["HKEYS"], ["HVALS"], ["HSCAN", "0"], ["HSCAN", "5", "COUNT", "1"]],
  "sorted-set": [
    ["ZRANGE", "0", "-1"],
    ["SORT_RO", "BY", "nosort"],
  ],
};

/** The order of a collection that Redis holds in a compact encoding (its stored order): what differs, or null. */
export async function findOrderDifference(
  random: Random,
  servers: Servers,
  db: number,
  keys: readonly FuzzKey[],
): Promise<string | null> {
  const key = pick(random, keys);
  const walks = WALKS[key.group] ?? [];
  const [folio, redis] = await Promise.all([servers.folio.connect(), servers.redis.connect()]);
  try {
    for (const client of [folio, redis]) await client.command("SELECT", `${db}`);
    if (!/listpack|intset/.test(String(await redis.command("OBJECT", "ENCODING", key.name)))) return null;
    for (const [command = "", ...rest] of walks) {
      const [ours, theirs] = await Promise.all(
        [folio, redis].map(async (client) => JSON.stringify(await client.command(command, key.name, ...rest))),
      );
      if (ours !== theirs) return `${command} ${key.name}: ${ours?.slice(0, 300)}, ${theirs?.slice(0, 300)}`;
    }
    return null;
  } finally {
    folio.close();
    redis.close();
  }
}

/** Restores Folio's DUMP of a key into Redis and compares the digests of both values there: what differs, or null. */
export async function findDumpDifference(
  random: Random,
  servers: Servers,
  db: number,
  keys: readonly FuzzKey[],
): Promise<string | null> {
  const { name } = pick(random, keys);
  if (name.startsWith(EXPIRING) || name.startsWith(STALE_COUNT)) return null;
  const [folio, redis] = await Promise.all([servers.folio.connect(), servers.redis.connect()]);
  try {
    await folio.command("SELECT", `${db}`);
    const payload = await folio.command("DUMP", name);
    // What Folio has written anew has the newest form, which redis-server 7.0 does not know.
    if (typeof payload === "string" && payload.charCodeAt(0) === RdbType.STREAM_LISTPACKS_3) return null;
    await redis.command("SELECT", `${SPARE_DATABASE}`);
    const at = String(Math.max(0, Number(await folio.command("PEXPIRETIME", name))));
    const restored = await redis.command("RESTORE", name, at, String(payload), "REPLACE", "ABSTTL");
    if (restored !== "+OK") return `RESTORE of the DUMP of ${JSON.stringify(name)}: ${String(restored)}`;
    const copy = String(await redis.command("DEBUG", "DIGEST-VALUE", name));
    await redis.command("DEL", name);
    await redis.command("SELECT", `${db}`);
    const original = String(await redis.command("DEBUG", "DIGEST-VALUE", name));
    return copy === original ? null : `DUMP of ${JSON.stringify(name)} restores as another value: ${copy}, ${original}`;
  } finally {
    folio.close();
    redis.close();
  }
}
