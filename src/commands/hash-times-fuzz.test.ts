/**
 * Random commands on hashes whose fields expire, while the clock moves on, saves begin and fail, and the expire cycle comes by, beside a
 * model of what Redis 8 would answer. FOLIO_FIELD_COMMANDS sets how many; FOLIO_SEED repeats a run.
 */
import { afterAll, beforeAll, expect, setSystemTime, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandHarness } from "../../test/support/command-harness.ts";
import { unordered, unorderedPairs, unorderedScan } from "../../test/support/differential.ts";
import { runReady } from "../../test/support/differential-writes.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { ExpireCycle } from "../keyspace/expire.ts";
import { buildHash } from "../types/hash-build.ts";
import { rows as hashExpiry } from "./hash-expiry.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as keys } from "./keys.ts";
import { rows as scans } from "./scan.ts";
import { rows as generic } from "./writes/generic.ts";
import { rows as writes } from "./writes/hashes.ts";

const COMMANDS = Number(process.env["FOLIO_FIELD_COMMANDS"] ?? 6000);
const KEYS = 8;
const STARTED_MS = 2_000_000_000_000;

interface Field {
  value: string;
  /** -1: never. */
  atMs: number;
}

const bulk = (text: string | undefined): string => (text === undefined ? "$-1\r\n" : `$${text.length}\r\n${text}\r\n`);
const integers = (values: readonly number[]): string =>
  `*${values.length}\r\n${values.map((value) => `:${value}\r\n`).join("")}`;
const bulks = (texts: readonly (string | undefined)[]): string => `*${texts.length}\r\n${texts.map(bulk).join("")}`;

/** Hashes as Redis would have them; a key without living fields is none. */
class Model {
  nowMs = STARTED_MS;
  readonly keys = new Map<string, Map<string, Field>>();

  /** What is left of a key's fields. */
  living(key: string): Map<string, Field> | undefined {
    const hash = this.keys.get(key);
    if (hash === undefined) return undefined;
    for (const [name, { atMs }] of hash) if (atMs !== -1 && atMs < this.nowMs) hash.delete(name);
    if (hash.size > 0) return hash;
    this.keys.delete(key);
    return undefined;
  }

  made(key: string): Map<string, Field> {
    const hash = this.living(key) ?? new Map<string, Field>();
    this.keys.set(key, hash);
    return hash;
  }

  set(key: string, pairs: readonly string[], atMs: number | "keep"): number {
    const hash = this.made(key);
    const before = hash.size;
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i] as string;
      const kept = atMs === "keep" ? (hash.get(name)?.atMs ?? -1) : atMs;
      // One that expires in this very millisecond still lives; no time that is given may be this one.
      if (atMs !== "keep" && kept !== -1 && kept <= this.nowMs) hash.delete(name);
      else hash.set(name, { value: pairs[i + 1] as string, atMs: kept });
    }
    const added = hash.size - before;
    this.living(key);
    return added;
  }

  expire(key: string, names: readonly string[], atMs: number, option: string): number[] {
    return names.map((name) => {
      const hash = this.living(key);
      const field = hash?.get(name);
      if (field === undefined) return -2;
      const { atMs: current } = field;
      if (option === "NX" && current !== -1) return 0;
      if (option === "XX" && current === -1) return 0;
      if (option === "GT" && (current === -1 || atMs <= current)) return 0;
      if (option === "LT" && current !== -1 && atMs >= current) return 0;
      if (atMs <= this.nowMs) {
        hash?.delete(name);
        return 2;
      }
      field.atMs = atMs;
      return 1;
    });
  }

  delete(key: string, names: readonly string[]): (string | undefined)[] {
    return names.map((name) => {
      const hash = this.living(key);
      const value = hash?.get(name)?.value;
      hash?.delete(name);
      return value;
    });
  }
}

let dir = "";
let folio: CommandHarness;
const model = new Model();
const random = seededRandom("fields that expire");
const below = (n: number): number => Math.floor(random() * n);
const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
const some = <T>(most: number, make: () => T): T[] => Array.from({ length: 1 + below(most) }, make);
const keyName = (): string => `k:${below(KEYS)}`;
const fieldName = (): string => (below(3) === 0 ? `${below(20)}` : `f:${below(pick([15, 15, 600]))}`);
const value = (): string => pick([`${below(100)}`, `value ${below(100)}`, "long".repeat(below(30))]);
const moment = (): number => model.nowMs + pick([-5, 0, 1, 3, 10, 50, 200, 1000, 100_000]) + below(4);

/** A command, its words and its answer by the model; null: the answer is not compared byte by byte. */
type Step = () => { words: (string | number)[]; reply: string | null };

const STEPS: readonly Step[] = [
  () => {
    const key = keyName();
    const pairs = some(4, () => [fieldName(), value()]).flat();
    return { words: ["HSET", key, ...pairs], reply: `:${model.set(key, pairs, -1)}\r\n` };
  },
  () => {
    const key = keyName();
    const pairs = some(pick([3, 3, 3, 300]), () => [fieldName(), value()]).flat();
    const names = pairs.filter((_, i) => i % 2 === 0);
    const condition = pick(["", "", "FNX", "FXX"]);
    const atMs = pick([moment(), moment(), -1, "keep"] as const);
    const words = ["HSETEX", key, ...(condition === "" ? [] : [condition])];
    if (atMs === "keep") words.push("KEEPTTL");
    else if (atMs !== -1) words.push("PXAT", `${atMs}`);
    words.push("FIELDS", `${names.length}`, ...pairs);
    const hash = model.living(key);
    const isMet = condition === "" || names.every((name) => (hash?.has(name) ?? false) === (condition === "FXX"));
    if (isMet) model.set(key, pairs, atMs);
    return { words, reply: `:${isMet ? 1 : 0}\r\n` };
  },
  () => {
    const key = keyName();
    const names = some(3, fieldName);
    const atMs = moment();
    const option = pick(["", "", "NX", "XX", "GT", "LT"]);
    const words = ["HPEXPIREAT", key, atMs, ...(option === "" ? [] : [option]), "FIELDS", names.length, ...names];
    return { words, reply: integers(model.expire(key, names, atMs, option)) };
  },
  () => {
    const key = keyName();
    const names = some(200, fieldName);
    const leftMs = below(300);
    const words = ["HPEXPIRE", key, leftMs, "FIELDS", names.length, ...names];
    return { words, reply: integers(model.expire(key, names, model.nowMs + leftMs, "")) };
  },
  () => {
    const key = keyName();
    const names = some(3, fieldName);
    const hash = model.living(key);
    const answers = names.map((name) => {
      const field = hash?.get(name);
      if (field === undefined) return -2;
      if (field.atMs === -1) return -1;
      field.atMs = -1;
      return 1;
    });
    return { words: ["HPERSIST", key, "FIELDS", names.length, ...names], reply: integers(answers) };
  },
  () => {
    const key = keyName();
    const names = some(3, fieldName);
    const atMs = moment();
    const how = pick(["", "PXAT", "PERSIST"]);
    const options = how === "PXAT" ? [how, atMs] : how === "" ? [] : [how];
    const answers = names.map((name) => {
      const field = model.living(key)?.get(name);
      if (field !== undefined && how === "PXAT") model.expire(key, [name], atMs, "");
      if (field !== undefined && how === "PERSIST") field.atMs = -1;
      return field?.value;
    });
    return { words: ["HGETEX", key, ...options, "FIELDS", names.length, ...names], reply: bulks(answers) };
  },
  () => {
    const key = keyName();
    const names = some(3, fieldName);
    const words = ["HGETDEL", key, "FIELDS", names.length, ...names];
    return { words, reply: bulks(model.delete(key, names)) };
  },
  () => {
    const key = keyName();
    const names = some(pick([3, 3, 300]), fieldName);
    const removed = model.delete(key, names).filter((text) => text !== undefined).length;
    return { words: ["HDEL", key, ...names], reply: `:${removed}\r\n` };
  },
  () => {
    const key = keyName();
    const name = fieldName();
    const old = model.living(key)?.get(name)?.value ?? "0";
    const words = ["HINCRBY", key, name, 7];
    if (!/^\d+$/.test(old)) return { words, reply: "-ERR hash value is not an integer\r\n" };
    model.set(key, [name, `${Number(old) + 7}`], "keep");
    return { words, reply: `:${Number(old) + 7}\r\n` };
  },
  () => {
    const key = keyName();
    const names = some(4, fieldName);
    const hash = model.living(key);
    const times = names.map((name) => hash?.get(name)?.atMs ?? -2);
    return { words: ["HPEXPIRETIME", key, "FIELDS", names.length, ...names], reply: integers(times) };
  },
  () => {
    const key = keyName();
    const names = some(4, fieldName);
    const hash = model.living(key);
    return { words: ["HMGET", key, ...names], reply: bulks(names.map((name) => hash?.get(name)?.value)) };
  },
  () => {
    const key = keyName();
    return { words: ["HLEN", key], reply: `:${model.living(key)?.size ?? 0}\r\n` };
  },
  () => {
    const key = keyName();
    const hash = model.living(key);
    return { words: ["HGETALL", key], reply: bulks([...(hash ?? [])].flatMap(([name, field]) => [name, field.value])) };
  },
  () => {
    const key = keyName();
    const names = [...(model.living(key)?.keys() ?? [])];
    return { words: ["HSCAN", key, 0, "COUNT", 10_000, "NOVALUES"], reply: `*2\r\n${bulk("0")}${bulks(names)}` };
  },
  () => ({ words: ["HRANDFIELD", keyName(), pick([1, 5, -5, 1000])], reply: null }),
  () => {
    const [from, to] = [keyName(), keyName()];
    const hash = model.living(from);
    const isCopied = hash !== undefined && from !== to;
    if (isCopied) model.keys.set(to, new Map([...hash].map(([name, field]) => [name, { ...field }])));
    // A hash whose fields have all expired is still a key until the cycle comes by.
    if (from === to || !isCopied) return { words: ["HLEN", from], reply: `:${hash?.size ?? 0}\r\n` };
    return { words: ["COPY", from, to, "REPLACE"], reply: ":1\r\n" };
  },
  () => {
    const [from, to] = [keyName(), keyName()];
    const hash = model.living(from);
    if (hash === undefined) return { words: ["HLEN", from], reply: ":0\r\n" };
    model.keys.delete(from);
    model.keys.set(to, hash);
    return { words: ["RENAME", from, to], reply: "+OK\r\n" };
  },
];

beforeAll(async () => {
  setSystemTime(new Date(STARTED_MS));
  dir = mkdtempSync(join(tmpdir(), "folio-field-times-"));
  const path = join(dir, "dump.rdb");
  const writer = new RdbWriter(path, 12).select(0);
  writer.finish();
  folio = await CommandHarness.open(path, [
    ...hashes,
    ...hashRandom,
    ...hashExpiry,
    ...scans,
    ...keys,
    ...generic,
    ...writes,
  ]);
});

afterAll(async () => {
  setSystemTime();
  await folio.close();
  rmSync(dir, { recursive: true, force: true });
});

function shaped(reply: string, name: unknown): unknown {
  if (name === "HGETALL") return unorderedPairs(reply);
  return name === "HSCAN" ? unorderedScan(false)(reply) : reply;
}

/** Runs the cycle to its end, and a whole round: then there are no keys but those with living fields. */
function expectNoEmptyKeys(cycle: ExpireCycle): void {
  for (let rounds = 0; rounds < 2; rounds++) while (cycle.step(model.nowMs, Number.POSITIVE_INFINITY));
  for (let i = 0; i < KEYS; i++) model.living(`k:${i}`);
  expect(unordered(folio.run("KEYS", "*"))).toEqual(unordered(bulks([...model.keys.keys()])));
}

test("random commands while the clock moves on", () => {
  const { keyspace } = folio.server;
  const cycle = new ExpireCycle(keyspace, STARTED_MS, buildHash);
  let thaw: Generator<void, void, void> | null = null;
  let looks = 0;
  for (let done = 0; done < COMMANDS; done++) {
    if (below(4) === 0) {
      model.nowMs += below(pick([3, 10, 100]));
      setSystemTime(new Date(model.nowMs));
    }
    if (below(30) === 0) keyspace.tick();
    if (thaw !== null) {
      if (thaw.next().done === true) thaw = null;
    } else if (below(100) === 0) {
      if (keyspace.phase === "idle") keyspace.freeze();
      else thaw = keyspace.thaw();
    } else if (below(40) === 0 && keyspace.phase === "idle") {
      looks++;
      expectNoEmptyKeys(cycle);
    } else if (below(20) === 0) cycle.step(model.nowMs, performance.now() + 0.05);
    const { words, reply } = pick(STEPS)();
    const ours = runReady(folio, words);
    if (reply === null) {
      // Fields that live, as many as there should be.
      const hash = model.living(words[1] as string);
      const given = unordered(ours).filter((item) => item.startsWith("$"));
      const count = Number(words[2]);
      expect(given.length).toBe(hash === undefined ? 0 : count < 0 ? -count : Math.min(count, hash.size));
      expect(given.every((item) => hash?.has(item.slice(item.indexOf("\r\n") + 2, -2)))).toBe(true);
      continue;
    }
    const question = `${done}: ${words.slice(0, 20).join(" ")}`;
    expect({ question, reply: shaped(ours, words[0]) }).toEqual({ question, reply: shaped(reply, words[0]) });
  }
  expect(looks).toBeGreaterThan(10);
}, 3_600_000);
