/**
 * The keys that the command fuzz asks for: random data of every type and encoding, with and without TTL, in several
 * databases, and what a generator of arguments must know of it (names, members). A seed repeats all of it.
 */
import type { RespClient } from "../support/resp-client.ts";
import { below, type Random, randomBytes } from "./resp-inputs.ts";

export type KeyGroup = "string" | "hyperloglog" | "list" | "set" | "hash" | "sorted-set" | "geo" | "stream";

/** A key, and texts that occur in it: members, fields, elements, stream ids or parts of the string. */
export interface FuzzKey {
  readonly name: string;
  readonly group: KeyGroup;
  readonly members: readonly string[];
  /** Groups of a stream. */
  readonly consumerGroups: readonly string[];
}

/** A database with keys. */
export interface FuzzDatabase {
  readonly db: number;
  readonly keys: readonly FuzzKey[];
}

/** Databases that are filled; the others are empty. */
const FILLED_DATABASES = [0, 3, 15];

/** A HyperLogLog whose cached count is stale: PFCOUNT would write to it in Redis, so only PFCOUNT may ask for it. */
export const STALE_COUNT = "pf:";

/** Sorted sets whose members all have one score, so that ranges by name mean something. */
export const LEXICAL = "lex:";

/** Places no two of which are the same, unless by chance. */
export const PLACES = "geo:";

/** Keys that expire while the fuzz runs. */
export const EXPIRING = "soon:";

const SIZES = [1, 2, 5, 20, 127, 129, 400, 700];
const FAR_FUTURE_MS = 4_102_444_800_000;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T;
}

/** A word out of a small stock (`stock` of its words are like "m17"), so that keys share members. */
export function stockWord(random: Random, stock = 200): string {
  switch (below(random, 9)) {
    case 0:
      return `${below(random, 300) - 100}`;
    case 1:
      return `${BigInt(below(random, 40)) * 230_584_300_921_369_395n}`;
    case 2:
      return pick(random, [
        "",
        "\0",
        "\xff\xfe",
        "a\0b",
        "with space",
        "*",
        "[a]",
        "é",
        "A",
        "a",
        "b",
        "aa",
        "ab",
        "B",
      ]);
    case 3:
      return pick(random, ["1.5", "-2.25", "1e3", "inf", "0x1A", "007", "-0", "+1", " 1", "3.0", "nan", "1e400"]);
    default:
      return `m${below(random, stock)}`;
  }
}

/** A value that exercises an encoding of strings: integers, short and long bytes, compressible and not. */
export function stockValue(random: Random): string {
  switch (below(random, 9)) {
    case 0:
      return `${below(random, 65_536) - 32_768}`;
    case 1:
      return `${below(random, 2 ** 31) * (random() < 0.5 ? 1 : -1)}`;
    case 2:
      return `${BigInt(below(random, 2 ** 31)) * 4_294_967_291n}`;
    case 3:
      return randomBytes(random, 60);
    case 4:
      return "compressible ".repeat(2 + below(random, 40));
    case 5:
      return randomBytes(random, 900);
    default:
      return stockWord(random);
  }
}

/** Keys with thousands of elements: the first of each kind. */
export function isBig(name: string): boolean {
  return name.endsWith(":0");
}

/** How many words to choose members from. */
function stockOf(name: string): number {
  return isBig(name) ? 20_000 : 200;
}

function sizeOf(random: Random, name: string): number {
  return isBig(name) ? 2000 + below(random, 3000) : pick(random, SIZES);
}

/** Beyond the sizes that are copied or decompressed at once. */
function longValue(random: Random): string {
  const length = 60_000 + below(random, 200_000);
  return random() < 0.5 ? "abcdefghi".repeat(length / 9) : randomBytes(random, length).padEnd(60_000, "x");
}

function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function stockScore(random: Random): string {
  switch (below(random, 8)) {
    case 0:
      return pick(random, ["inf", "-inf", "0", "-0", "1e20", "-1e-7", "5e-324", "1.7976931348623157e308"]);
    case 1:
      return `${random() * 10 - 5}`;
    case 2:
      return `${BigInt(below(random, 2 ** 31)) * 4_294_967_291n}`;
    case 3:
      return `${below(random, 1000) / 8}`;
    default:
      return `${below(random, 40) - 20}`;
  }
}

interface Filled {
  readonly key: FuzzKey;
  readonly commands: string[][];
}

function filled(name: string, group: KeyGroup, members: string[], commands: string[][], groups: string[] = []): Filled {
  const some = members.length > 60 ? members.filter((_, i) => i % Math.ceil(members.length / 60) === 0) : members;
  return { key: { name, group, members: some, consumerGroups: groups }, commands };
}

function stringKey(random: Random, name: string): Filled {
  if (isBig(name)) return filled(name, "string", ["ab"], [["SET", name, longValue(random)]]);
  const value = random() < 0.2 ? randomBytes(random, 3000) : stockValue(random);
  return filled(name, "string", [value.slice(0, 20), value.slice(-5)], [["SET", name, value]]);
}

function hyperLogLogKey(random: Random, name: string): Filled {
  const members = many(pick(random, [1, 30, 3000]), () => `${below(random, 5000)}`);
  const commands = [["PFADD", name, ...members]];
  if (!name.startsWith(STALE_COUNT)) commands.push(["PFCOUNT", name]);
  return filled(name, "hyperloglog", members, commands);
}

function listKey(random: Random, name: string): Filled {
  const plain = random() < 0.5 || isBig(name);
  const members = many(sizeOf(random, name), () => (plain ? stockWord(random, stockOf(name)) : stockValue(random)));
  const long = name.endsWith(":1") ? [longValue(random)] : [];
  return filled(name, "list", members, [["RPUSH", name, ...members, ...long]]);
}

function setKey(random: Random, name: string): Filled {
  const kind = below(random, 4);
  const integer = () =>
    kind === 0 ? `${below(random, stockOf(name) * 2) - 100}` : `${below(random, 2 ** 31) - 2 ** 30}`;
  const members = many(sizeOf(random, name), () => (kind < 2 ? integer() : stockWord(random, stockOf(name))));
  return filled(name, "set", members, [["SADD", name, ...members]]);
}

function hashKey(random: Random, name: string): Filled {
  const fields = many(sizeOf(random, name), () => stockWord(random, stockOf(name)));
  if (name.endsWith(":1")) fields.push("long");
  const short = random() < 0.5 || isBig(name);
  const pairs = fields.flatMap((field) => [field, short ? stockWord(random) : stockValue(random)]);
  if (name.endsWith(":1")) pairs.splice(-1, 1, longValue(random));
  return filled(name, "hash", fields, [["HSET", name, ...pairs]]);
}

function zsetKey(random: Random, name: string): Filled {
  const members = many(sizeOf(random, name), () =>
    random() < 0.05 ? stockValue(random) : stockWord(random, stockOf(name)),
  );
  const level = name.startsWith(LEXICAL) ? stockScore(random) : null;
  return filled(name, "sorted-set", members, [
    ["ZADD", name, ...members.flatMap((m) => [level ?? stockScore(random), m])],
  ]);
}

function geoKey(random: Random, name: string): Filled {
  const members = many(sizeOf(random, name), () => stockWord(random, stockOf(name)));
  const [lon, lat, wide] = pick(random, [
    [0, 0, 360],
    [15, 38, 2],
    [179.9, 0, 0.2],
    [-74, 40.7, 0.01],
    [0, 85, 1],
  ] as const);
  const coordinate = (middle: number, limit: number, spread: number) =>
    Math.max(-limit, Math.min(limit, middle + (random() - 0.5) * spread)).toFixed(
      name.startsWith(PLACES) ? 12 : below(random, 4),
    );
  const places = members.flatMap((m) => [coordinate(lon, 180, wide), coordinate(lat, 85, wide / 2), m]);
  return filled(name, "geo", members, [["GEOADD", name, ...places]]);
}

function streamKey(random: Random, name: string): Filled {
  const commands: string[][] = [];
  const ids: string[] = [];
  let time = pick(random, [1, 1000, 1_700_000_000_000]);
  for (let sequence = 1, left = pick(random, [1, 3, 20, 130, 300]); left > 0; left--, sequence++) {
    if (random() < 0.3) time += below(random, 100);
    const fields =
      random() < 0.3 ? [stockWord(random), stockValue(random)] : ["a", stockWord(random), "b", `${sequence}`];
    ids.push(`${time}-${sequence}`);
    commands.push(["XADD", name, `${time}-${sequence}`, ...fields]);
  }
  if (random() < 0.2) commands.push(["XADD", name, "18446744073709551615-18446744073709551615", "last", "possible"]);
  const groups = random() < 0.8 ? ["g1", "g2", ""] : [];
  for (const group of groups) commands.push(["XGROUP", "CREATE", name, group, pick(random, ["0", "$", ...ids])]);
  for (const consumer of groups.length > 0 ? ["alice", "bob", "\xff", "alice"] : []) {
    const count = `${1 + below(random, 12)}`;
    commands.push(["XREADGROUP", "GROUP", pick(random, groups), consumer, "COUNT", count, "STREAMS", name, ">"]);
  }
  if (groups.length > 0) commands.push(["XACK", name, "g1", pick(random, ids)]);
  if (random() < 0.6) commands.push(["XDEL", name, ...many(1 + below(random, 5), () => pick(random, ids))]);
  if (random() < 0.2) commands.push(["XTRIM", name, "MAXLEN", "2"]);
  if (random() < 0.05) commands.push(["XTRIM", name, "MAXLEN", "0"]);
  return filled(name, "stream", ids, commands, groups);
}

const MAKERS: readonly [string, (random: Random, name: string) => Filled, number][] = [
  ["string:", stringKey, 24],
  ["hll:", hyperLogLogKey, 4],
  [STALE_COUNT, hyperLogLogKey, 3],
  ["list:", listKey, 14],
  ["set:", setKey, 18],
  ["hash:", hashKey, 14],
  ["zset:", zsetKey, 14],
  [LEXICAL, zsetKey, 8],
  [PLACES, geoKey, 10],
  ["ties:", geoKey, 3],
  ["stream:", streamKey, 10],
  [EXPIRING, stringKey, 10],
];

/** Keys that SORT_RO's patterns lead to. */
function weights(random: Random): Filled[] {
  return many(120, (i) => {
    const word = i < 60 ? `m${i}` : `${i - 60}`;
    const value = random() < 0.9 ? `${below(random, 30) - 10}` : stockWord(random);
    if (random() < 0.5) return filled(`w_${word}`, "string", [value], [["SET", `w_${word}`, value]]);
    return filled(`h_${word}`, "hash", ["w", "n"], [["HSET", `h_${word}`, "w", value, "n", stockWord(random)]]);
  });
}

function databaseKeys(random: Random): Filled[] {
  const made: Filled[] = [];
  for (const [prefix, make, count] of MAKERS) for (let i = 0; i < count; i++) made.push(make(random, `${prefix}${i}`));
  for (const name of ["", "\0binary\r\n\xff", "[a-c]*?\\", "with space"]) made.push(stringKey(random, name));
  made.push(...weights(random));
  return made;
}

/** Fills the server; what it holds then. Throws on an error reply. */
export async function fillForFuzz(client: RespClient, random: Random): Promise<FuzzDatabase[]> {
  const databases: FuzzDatabase[] = [];
  for (const db of FILLED_DATABASES) {
    const made = databaseKeys(random);
    const commands = [["SELECT", `${db}`], ...made.flatMap((one) => one.commands)];
    for (const { key } of made) {
      const soon = key.name.startsWith(EXPIRING);
      if (soon) commands.push(["PEXPIREAT", key.name, `${Date.now() + 1500 + below(random, 30_000)}`]);
      else if (random() < 0.2) commands.push(["PEXPIREAT", key.name, `${FAR_FUTURE_MS + below(random, 1_000_000)}`]);
    }
    commands.push(["SET", "gone", "x", "PX", "1"]);
    for (const reply of await client.pipeline(commands)) {
      if (typeof reply === "string" && reply.startsWith("-")) throw new Error(reply);
    }
    databases.push({ db, keys: made.map((one) => one.key) });
  }
  return databases;
}

const KEYS_MAX = 500;
const SAMPLES: { readonly [type: string]: [group: KeyGroup, ...words: string[]] } = {
  string: ["string", "GETRANGE", "0", "20"],
  list: ["list", "LRANGE", "0", "59"],
  set: ["set", "SRANDMEMBER", "60"],
  hash: ["hash", "HRANDFIELD", "60"],
  zset: ["sorted-set", "ZRANGE", "0", "59"],
  stream: ["stream", "XRANGE", "-", "+", "COUNT", "60"],
};

/** What a server holds that was filled by others: names and some of the members. */
export async function readForFuzz(client: RespClient): Promise<FuzzDatabase[]> {
  const databases: FuzzDatabase[] = [];
  for (let db = 0; db < 16; db++) {
    await client.command("SELECT", `${db}`);
    const names = (await client.command("KEYS", "*")) as string[];
    const keys: FuzzKey[] = [];
    for (const name of names.slice(0, KEYS_MAX)) {
      const sample = SAMPLES[String(await client.command("TYPE", name)).slice(1)];
      if (sample === undefined) continue;
      const [group, command = "", ...rest] = sample;
      const members = [await client.command(command, name, ...rest)].flat().map((one) => String([one].flat()[0]));
      keys.push({ name, group, members, consumerGroups: [] });
    }
    if (keys.length > 0) databases.push({ db, keys });
  }
  return databases;
}
