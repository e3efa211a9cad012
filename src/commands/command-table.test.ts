/**
 * The table beside a real redis-server's COMMAND INFO: arity, flags, key range, ACL categories, tips, key specs,
 * subcommands. The reference is 7.0; where Folio follows 7.2 or differs on purpose, WANTED says why.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REDIS_SERVER, type ServerProcess, spawnRedis } from "../../test/support/processes.ts";
import { RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { COMMANDS } from "./index.ts";
import { syntax } from "./syntax.ts";

/** Differences on purpose: "command: field" → reason. */
const WANTED: Readonly<Record<string, string>> = {
  "command|getkeys: arity": "7.2 accepts a request of one word",
  "command|getkeysandflags: arity": "7.2 accepts a request of one word",
  "randomkey: tips": "7.2 adds a response policy",
  "scan: tips": "7.2 adds a response policy",
  "wait: flags": "7.2 lets scripts call it",
  "zrank: arity": "7.2 adds WITHSCORE",
  "zrevrank: arity": "7.2 adds WITHSCORE",
};

/** Commands and subcommands that redis-server 7.0 does not have. */
const NEWER: ReadonlySet<string> = new Set([
  "client|no-touch",
  "client|setinfo",
  "httl",
  "hpttl",
  "hexpiretime",
  "hexpire",
  "hexpireat",
  "hpexpire",
  "hpexpireat",
  "hpersist",
  "hgetdel",
  "hgetex",
  "hsetex",
  "hpexpiretime",
  "waitaof",
]);

const FIELDS = ["name", "arity", "flags", "first", "last", "step", "categories", "tips", "key specs"] as const;

let redis: ServerProcess;
let theirs: RespClient;
let ours: RespClient;
let stub: StubServer;

beforeAll(async () => {
  stub = new StubServer();
  ours = await RespClient.connect(stub.port);
  if (REDIS_SERVER === null) return;
  redis = await spawnRedis().ready();
  theirs = await redis.connect();
});
afterAll(async () => {
  stub.stop();
  if (REDIS_SERVER !== null) await redis.stop();
});

/** Sets as sorted lists, notes left out: their order and words say nothing. */
function comparable(field: string, value: RespValue): RespValue {
  if (field === "flags" || field === "categories" || field === "tips") return [...(value as string[])].sort();
  if (field !== "key specs") return value;
  return (value as RespValue[][])
    .map((spec) => (spec[0] === "notes" ? spec.slice(2) : spec))
    .map((spec) => {
      const [word, flags, ...rest] = spec;
      return [word as RespValue, [...(flags as string[])].sort(), ...rest];
    });
}

function compare(mine: RespValue[], reference: RespValue[], differences: Map<string, [RespValue, RespValue]>): void {
  const name = mine[0] as string;
  FIELDS.forEach((field, i) => {
    const one = comparable(field, mine[i] as RespValue);
    const two = comparable(field, reference[i] as RespValue);
    if (JSON.stringify(one) !== JSON.stringify(two)) differences.set(`${name}: ${field}`, [one, two]);
  });
  const subcommands = new Map((reference[9] as RespValue[][]).map((sub) => [sub[0] as string, sub]));
  for (const sub of mine[9] as RespValue[][]) {
    const other = subcommands.get(sub[0] as string);
    if (other !== undefined) compare(sub, other, differences);
    else if (!NEWER.has(sub[0] as string)) differences.set(`${sub[0]}: absent`, [true, false]);
  }
}

describe.skipIf(REDIS_SERVER === null)("beside redis-server", () => {
  test("COMMAND INFO of every command", async () => {
    const names = COMMANDS.map((row) => row.name);
    const mine = (await ours.command("COMMAND", "INFO", ...names)) as RespValue[][];
    const reference = (await theirs.command("COMMAND", "INFO", ...names)) as (RespValue[] | null)[];
    const differences = new Map<string, [RespValue, RespValue]>();
    mine.forEach((info, i) => {
      const other = reference[i];
      if (other != null) compare(info, other, differences);
      else if (!NEWER.has(info[0] as string)) differences.set(`${info[0]}: absent`, [true, false]);
    });
    const unexpected = [...differences].filter(([key]) => !(key in WANTED));
    expect(unexpected).toEqual([]);
    expect(Object.keys(WANTED).filter((key) => !differences.has(key))).toEqual([]);
  });

  test("COMMAND GETKEYS and GETKEYSANDFLAGS", async () => {
    const requests = [
      "GET k",
      "MGET a b c",
      "SINTERCARD 2 a b LIMIT 1",
      "SINTERCARD 9 a b",
      "ZUNION 2 a b",
      "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
      "ZUNIONSTORE d x a b",
      "XREAD COUNT 2 STREAMS a b 0 0",
      "XREADGROUP GROUP g c STREAMS a b > >",
      "OBJECT ENCODING k",
      "XINFO STREAM k",
      "MSET a 1 b 2",
      "SORT k STORE d",
      "SORT_RO k",
      "GEORADIUS k 1 2 3 m STORE d",
      "BLPOP a b c 0",
      "BITOP AND d a b",
      "RENAME a b",
      "PING x",
      "SET k v",
      "SET k v EX 1 GET",
      "BITFIELD k GET u8 0",
      "BITFIELD k GET u8 0 SET u8 0 1",
      "nope a",
      "GET a b",
      "MEMORY USAGE k",
      "LCS a b",
      "LMPOP 2 a b LEFT",
      "BLMPOP 0 2 a b LEFT",
      "COPY a b",
      "DEL a b",
    ];
    for (const request of requests) {
      for (const kind of ["GETKEYS", "GETKEYSANDFLAGS"]) {
        const words = ["COMMAND", kind, ...request.split(" ")];
        expect([request, await ours.command(...words)]).toEqual([request, await theirs.command(...words)]);
      }
    }
  });

  test("errors of COMMAND", async () => {
    for (const request of [
      "COMMAND INFO nope",
      "COMMAND DOCS nope",
      "COMMAND LIST FILTERBY x y",
      "COMMAND LIST FILTERBY MODULE x",
      "COMMAND LIST FILTERBY PATTERN xrang*",
      "COMMAND LIST FILTERBY ACLCAT nope",
      "COMMAND LIST x",
      "COMMAND GETKEYS",
      "COMMAND nope",
      "COMMAND COUNT x",
    ]) {
      expect([request, await ours.command(...request.split(" "))]).toEqual([
        request,
        await theirs.command(...request.split(" ")),
      ]);
    }
  });

  test("ACL CAT names the same categories", async () => {
    const mine = (await ours.command("ACL", "CAT")) as string[];
    expect(mine.sort()).toEqual(((await theirs.command("ACL", "CAT")) as string[]).sort());
  });
});

test("COMMAND COUNT, LIST and the bare COMMAND agree", async () => {
  const all = (await ours.command("COMMAND")) as RespValue[][];
  expect(await ours.command("COMMAND", "COUNT")).toBe(all.length);
  expect(all.length).toBe(COMMANDS.length);
  const names = (await ours.command("COMMAND", "LIST")) as string[];
  expect(new Set(names).size).toBe(names.length);
});

test("COMMAND DOCS documents every command", async () => {
  const docs = (await ours.command("COMMAND", "DOCS")) as RespValue[];
  expect(docs.length).toBe(COMMANDS.length * 2);
  for (let i = 0; i < docs.length; i += 2) {
    const fields = docs[i + 1] as RespValue[];
    expect(fields.slice(0, 8).filter((_, k) => k % 2 === 0)).toEqual(["summary", "since", "group", "complexity"]);
    for (const value of [fields[1], fields[3], fields[5], fields[7]]) expect(value).not.toBe("");
  }
});

test("syntax lines become arguments", () => {
  expect(syntax("key value [(NX | XX)] [GET] [(EX seconds | KEEPTTL)]")).toEqual([
    { name: "key", type: "key", keySpec: 0 },
    { name: "value", type: "string" },
    {
      name: "nx-or-xx",
      type: "oneof",
      optional: true,
      arguments: [
        { name: "nx", type: "pure-token", token: "NX" },
        { name: "xx", type: "pure-token", token: "XX" },
      ],
    },
    { name: "get", type: "pure-token", token: "GET", optional: true },
    {
      name: "seconds-or-keepttl",
      type: "oneof",
      optional: true,
      arguments: [
        { name: "seconds", type: "integer", token: "EX" },
        { name: "keepttl", type: "pure-token", token: "KEEPTTL" },
      ],
    },
  ]);
  expect(syntax("destination key... [GET pattern:pattern]...", 2)).toEqual([
    { name: "destination", type: "key", keySpec: 0 },
    { name: "key", type: "key", keySpec: 1, multiple: true },
    { name: "pattern", type: "pattern", token: "GET", optional: true, multiple: true, multipleToken: true },
  ]);
});
