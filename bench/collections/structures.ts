/**
 * bench/collections/structures: what the data structures of large collections (src/overlay/encodings) take, in bytes an element beside
 * redis-server's used_memory for the same data, and in nanoseconds of CPU an operation by
 * themselves, without commands and sockets.
 *
 *   sh tools/bun bench/collections/structures.ts [--elements 1000000]
 *
 * Bytes are of the blocks as the arena rounds them up, directories and roots included: what counts as used memory.
 */
import { parseArgs } from "node:util";
import { Element } from "../../src/encodings/element.ts";
import { Arena } from "../../src/overlay/arena.ts";
import { TREE_ROOT_BYTES } from "../../src/overlay/encodings/counted-tree.ts";
import { createField, createMember } from "../../src/overlay/encodings/member.ts";
import { MemberTable } from "../../src/overlay/encodings/member-table.ts";
import { NodeList } from "../../src/overlay/encodings/node-list.ts";
import { copySortedSet, freeSortedSet, SortedSet } from "../../src/overlay/encodings/sorted-set.ts";
import { copyTable, freeTable } from "../../src/overlay/encodings/table-slices.ts";
import { Pins } from "../../src/overlay/pins.ts";
import { hashBytes } from "../../src/util/byte-hash.ts";
import { writeInteger } from "../../src/util/integer.ts";
import { RedisServer } from "../../test/support/redis-server.ts";
import { printTable } from "../support/table.ts";

const { values } = parseArgs({ options: { elements: { type: "string", default: "1000000" } } });
const ELEMENTS = Number(values.elements);
const LOOKUPS = Math.min(ELEMENTS, 500_000);
/** Elements of one command that fills redis-server. */
const CHUNK = 1000;
const RUNS = 5;
const TEXT = new Uint8Array(64);
const OTHER = new Uint8Array(64);

type Fill = (text: Uint8Array, i: number) => number;

/** "prefix" and 7 digits, or digits alone. */
function named(prefix: string): Fill {
  const head = Buffer.from(prefix);
  return (text, i) => {
    text.set(head);
    return head.length + writeInteger(1_000_000 + i, text, head.length);
  };
}

const field = named("field:");
const value = named("value:");
const member = named("member:");
const integer: Fill = (text, i) => writeInteger(i * 37, text, 0);
const element = named("element:");
const scoreOf = (i: number) => (Math.imul(i, 0x9e3779b1) >>> 0) / 1000;
const shuffled = (i: number) => (Math.imul(i, 0x9e3779b1) >>> 0) % ELEMENTS;
const textOf = (fill: Fill, i: number) => Buffer.from(TEXT.subarray(0, fill(TEXT, i))).toString();
const hashOf = (bytes: Uint8Array, start: number, length: number) => hashBytes(bytes, start, length, 1);

interface Result {
  readonly bytes: number;
  /** "name ns" of each operation. */
  readonly operations: string[];
}

/** CPU time of this thread in nanoseconds: neither other programs of the machine count nor the compiler's and collector's threads. */
function cpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

/** Nanoseconds for each of `count` calls. */
function timed(name: string, count: number, action: (i: number) => void): string {
  const started = cpuNs();
  for (let i = 0; i < count; i++) action(i);
  return `${name} ${((cpuNs() - started) / count).toFixed(0)}`;
}

/** As timed, of a generator: per element; and what a slice takes on average. */
function sliced(name: string, work: Generator<void, unknown, void>): string {
  const started = cpuNs();
  let slices = 1;
  while (work.next().done !== true) slices++;
  const took = cpuNs() - started;
  return `${name} ${(took / ELEMENTS).toFixed(0)} (slices of ${(took / slices / 1000).toFixed(0)} µs)`;
}

/**
 * The slowest of all inserts, growth included, each at its best of some runs by the clock: what the collector, the compiler and other
 * programs take hits another insert each time, what the table does the same.
 */
function slowest(fill: Fill): string {
  const best = new Float64Array(ELEMENTS).fill(Number.POSITIVE_INFINITY);
  for (let run = 0; run < RUNS; run++) {
    const arena = new Arena(new Pins());
    const table = new MemberTable().bind(arena, MemberTable.create(arena));
    for (let i = 0; i < ELEMENTS; i++) {
      const length = fill(TEXT, i);
      const hash = hashOf(TEXT, 0, length);
      const started = Bun.nanoseconds();
      if (table.find(hash, TEXT, 0, length) === 0) table.insert(hash, createMember(arena, TEXT, 0, length));
      best[i] = Math.min(best[i] as number, Bun.nanoseconds() - started);
    }
    while (!arena.dispose(2 ** 30));
  }
  return `slowest insert ${(best.reduce((most, time) => Math.max(most, time)) / 1000).toFixed(1)} µs`;
}

function members(fill: Fill, isHash: boolean): Result {
  const arena = new Arena(new Pins());
  const root = MemberTable.create(arena);
  const table = new MemberTable().bind(arena, root);
  const add = (i: number) => {
    const length = fill(TEXT, i);
    const hash = hashOf(TEXT, 0, length);
    if (table.find(hash, TEXT, 0, length) !== 0) return;
    if (isHash) table.insert(hash, createField(arena, TEXT, 0, length, OTHER, 0, value(OTHER, i)));
    else table.insert(hash, createMember(arena, TEXT, 0, length));
  };
  const find = (i: number) => {
    const length = fill(TEXT, shuffled(i));
    return table.find(hashOf(TEXT, 0, length), TEXT, 0, length);
  };
  const operations = [timed("insert", ELEMENTS, add)];
  const bytes = arena.usedBytes;
  operations.push(timed("find", LOOKUPS, find));
  operations.push(timed("random", LOOKUPS, () => table.random()));
  const copy = arena.allocate(32);
  operations.push(sliced("copy", copyTable(arena, root, arena, copy)));
  operations.push(sliced("free", freeTable(arena, copy)));
  operations.push(
    timed("remove", LOOKUPS, (i) => {
      const handle = find(i);
      if (handle === 0) return;
      table.remove();
      arena.free(handle);
    }),
  );
  if (!isHash) operations.push(slowest(fill));
  return { bytes, operations };
}

function sortedSet(): Result {
  const arena = new Arena(new Pins());
  const root = SortedSet.create(arena);
  const set = new SortedSet(arena).bind(arena, root);
  const find = (i: number) => {
    const length = member(TEXT, shuffled(i));
    return set.find(hashOf(TEXT, 0, length), TEXT, 0, length);
  };
  const add = (i: number) => {
    const length = member(TEXT, i);
    const hash = hashOf(TEXT, 0, length);
    if (set.find(hash, TEXT, 0, length) === 0) set.add(hash, scoreOf(i), TEXT, 0, length);
  };
  const operations = [timed("insert", ELEMENTS, add)];
  const bytes = arena.usedBytes;
  operations.push(timed("score", LOOKUPS, (i) => set.score(find(i))));
  operations.push(timed("rank", LOOKUPS, (i) => set.rank(find(i))));
  operations.push(
    timed("by rank", LOOKUPS, (i) => {
      set.tree.seekWeight(shuffled(i));
      return set.tree.handle;
    }),
  );
  operations.push(timed("next", LOOKUPS, () => void (set.tree.next() || set.tree.seekFirst())));
  operations.push(timed("update", LOOKUPS, (i) => set.setScore(find(i), scoreOf(i + 7))));
  const copy = SortedSet.create(arena);
  operations.push(sliced("copy", copySortedSet(arena, root, arena, copy, hashOf)));
  operations.push(sliced("free", freeSortedSet(arena, copy)));
  operations.push(
    timed("remove", LOOKUPS, (i) => {
      const handle = find(i);
      if (handle !== 0) set.remove(handle);
    }),
  );
  return { bytes, operations };
}

function list(): Result {
  const arena = new Arena(new Pins());
  const root = arena.allocate(TREE_ROOT_BYTES);
  NodeList.createAt(arena, root);
  const nodes = new NodeList(arena).bind(arena, root);
  const read = new Element();
  const operations = [timed("push", ELEMENTS, (i) => nodes.push(TEXT, 0, element(TEXT, i), false))];
  const bytes = arena.usedBytes;
  operations.push(timed("index", LOOKUPS, (i) => nodes.read(shuffled(i), read)));
  operations.push(timed("insert", 100_000, (i) => nodes.insert(shuffled(i), TEXT, 0, element(TEXT, i))));
  operations.push(timed("push head", LOOKUPS, (i) => nodes.push(TEXT, 0, element(TEXT, i), true)));
  operations.push(timed("pop head", LOOKUPS, () => nodes.remove(0, 1)));
  operations.push(timed("pop tail", LOOKUPS, () => nodes.remove(nodes.total - 1, 1)));
  operations.push(sliced("free", nodes.freeInSlices(true)));
  return { bytes, operations };
}

async function redisBytes(server: RedisServer, command: string, words: (i: number) => string[]): Promise<number> {
  await server.send("FLUSHALL", "SYNC");
  const used = async () => Number(/used_memory:(\d+)/.exec(await server.send("INFO", "memory"))?.[1]);
  const before = await used();
  for (let i = 0; i < ELEMENTS; i += CHUNK) {
    const rest = Array.from({ length: Math.min(CHUNK, ELEMENTS - i) }, (_, j) => words(i + j)).flat();
    await server.send(command, "key", ...rest);
  }
  return (await used()) - before;
}

const server = await RedisServer.start(["--save", ""]);
const cases: [name: string, run: () => Result, command: string, words: (i: number) => string[]][] = [
  ["hash, fields of 13 bytes", () => members(field, true), "HSET", (i) => [textOf(field, i), textOf(value, i)]],
  ["set, strings of 14 bytes", () => members(member, false), "SADD", (i) => [textOf(member, i)]],
  ["set, integers", () => members(integer, false), "SADD", (i) => [textOf(integer, i)]],
  ["sorted set", sortedSet, "ZADD", (i) => [`${scoreOf(i)}`, textOf(member, i)]],
  ["list, elements of 15 bytes", list, "RPUSH", (i) => [textOf(element, i)]],
];
const memory: string[][] = [];
const times: string[][] = [];
for (const [name, run, command, words] of cases) {
  const { bytes, operations } = run();
  const theirs = await redisBytes(server, command, words);
  const each = (total: number) => (total / ELEMENTS).toFixed(1);
  memory.push([name, each(bytes), each(theirs), (bytes / theirs).toFixed(2)]);
  times.push([name, operations.join(", ")]);
}
await server.stop();
printTable(`bytes an element, ${ELEMENTS} elements`, ["", "Folio", "redis-server", "ratio"], memory);
console.log("\nns of CPU an operation, by the structure itself");
for (const [name, operations] of times) console.log(`${name}: ${operations}`);
