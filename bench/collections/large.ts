/** Table (c): commands on collections of a million elements, as a client sees them, and what others wait for while whole ones are read. */
import type { ServerProcess } from "../../test/support/processes.ts";
import { encodeCommand } from "../../test/support/resp-client.ts";
import { Pinger, Sink } from "../latency/clients.ts";
import { median, printTable, ratio } from "../support/table.ts";
import { TimedClient, type Times } from "./client.ts";
import {
  type Collection,
  type Command,
  element,
  entryId,
  field,
  fill,
  HASH,
  LIST,
  member,
  SET,
  STREAM,
  withServers,
  ZSET,
} from "./data.ts";

const WARM = 1000;
const COLLECTIONS: readonly (readonly [key: string, collection: Collection])[] = [
  ["hash", HASH],
  ["set", SET],
  ["zset", ZSET],
  ["list", LIST],
  ["stream", STREAM],
];

interface Workload {
  readonly name: string;
  /** Of `count` commands; for what walks to the middle in Redis. */
  readonly share?: number;
  readonly make: (i: number, size: number, reply: string) => Command;
}

/** Somewhere among `size` elements, the same for both servers. */
const anywhere = (i: number, size: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 0) % size;
/** The cursor of a SCAN's reply, to go on with. */
const cursor = (reply: string): string => /^\*2\r\n\$\d+\r\n(\d+)/.exec(reply)?.[1] ?? "0";
const middle = (size: number): number => size >> 1;

const row = (name: string, make: Workload["make"], share = 1): Workload => ({ name, make, share });

const WORKLOADS: readonly Workload[] = [
  row("PING", () => ["PING"]),
  row("HGET", (i, size) => ["HGET", "hash", field(anywhere(i, size))]),
  row("HSET, there", (i, size) => ["HSET", "hash", field(anywhere(i, size)), `changed:${i}`]),
  row("HSET, new", (i) => ["HSET", "hash", `new:${i}`, "value"]),
  row("HDEL", (i, size) => ["HDEL", "hash", field(anywhere(i, size))]),
  row("HINCRBY", (i) => ["HINCRBY", "hash", `counter:${i % 100}`, "7"]),
  row("HRANDFIELD", () => ["HRANDFIELD", "hash"]),
  row("HRANDFIELD 10", () => ["HRANDFIELD", "hash", "10"]),
  row("HSCAN", (_, __, reply) => ["HSCAN", "hash", cursor(reply)]),
  row("SISMEMBER", (i, size) => ["SISMEMBER", "set", member(anywhere(i, size))]),
  row("SADD, new", (i) => ["SADD", "set", `new:${i}`]),
  row("SREM", (i, size) => ["SREM", "set", member(anywhere(i, size))]),
  row("SPOP", () => ["SPOP", "set"]),
  row("SRANDMEMBER", () => ["SRANDMEMBER", "set"]),
  row("SRANDMEMBER 10", () => ["SRANDMEMBER", "set", "10"]),
  row("SSCAN", (_, __, reply) => ["SSCAN", "set", cursor(reply)]),
  row("ZADD, new", (i) => ["ZADD", "zset", `${anywhere(i, 4e6)}`, `new:${i}`]),
  row("ZADD, there", (i, size) => ["ZADD", "zset", `${anywhere(i, 4e6)}`, member(anywhere(i, size))]),
  row("ZINCRBY", (i, size) => ["ZINCRBY", "zset", "1000.5", member(anywhere(i, size))]),
  row("ZSCORE", (i, size) => ["ZSCORE", "zset", member(anywhere(i, size))]),
  row("ZRANK", (i, size) => ["ZRANK", "zset", member(anywhere(i, size))]),
  row("ZRANGE middle, 10", (_, size) => ["ZRANGE", "zset", `${middle(size)}`, `${middle(size) + 9}`]),
  row("ZRANGEBYSCORE LIMIT 10", (i) => ["ZRANGEBYSCORE", "zset", `${anywhere(i, 4e6)}`, "+inf", "LIMIT", "0", "10"]),
  row("ZCOUNT", (i) => ["ZCOUNT", "zset", `${anywhere(i, 2e6)}`, "3000000"]),
  row("ZREMRANGEBYRANK 1", (i, size) => ["ZREMRANGEBYRANK", "zset", ...[0, 1].map(() => `${anywhere(i, size >> 1)}`)]),
  row("ZPOPMIN", () => ["ZPOPMIN", "zset"]),
  row("ZRANDMEMBER", () => ["ZRANDMEMBER", "zset"]),
  row("ZSCAN", (_, __, reply) => ["ZSCAN", "zset", cursor(reply)]),
  row("LINDEX middle", (_, size) => ["LINDEX", "list", `${middle(size)}`]),
  row("LSET middle", (i, size) => ["LSET", "list", `${middle(size)}`, element(i)]),
  row("LINSERT middle", (i, size) => ["LINSERT", "list", "BEFORE", element(middle(size) + 9), `inserted:${i}`], 0.03),
  row("LRANGE middle, 10", (_, size) => ["LRANGE", "list", `${middle(size)}`, `${middle(size) + 9}`]),
  row("LPOS near the front", () => ["LPOS", "list", element(100)]),
  row("LREM near the front", (i) => ["LREM", "list", "1", element(100 + i)], 0.3),
  row("LREM middle", (i, size) => ["LREM", "list", "1", element(middle(size) + 100 + i)], 0.03),
  row("LPUSH", (i) => ["LPUSH", "list", element(i)]),
  row("LPOP", () => ["LPOP", "list"]),
  row("XADD", (i) => ["XADD", "stream", "*", "sensor", "1", "reading", `${i}`]),
  row("XRANGE middle, 10", (i, size) => ["XRANGE", "stream", entryId(anywhere(i, size)), "+", "COUNT", "10"]),
  row("XREVRANGE 10", () => ["XREVRANGE", "stream", "+", "-", "COUNT", "10"]),
  row("XLEN", () => ["XLEN", "stream"]),
  row("XDEL", (i, size) => ["XDEL", "stream", entryId(anywhere(i, size))]),
  row("XTRIM MINID", (i) => ["XTRIM", "stream", "MINID", entryId(i + 1)]),
  row("XTRIM MAXLEN ~", (_, size) => ["XTRIM", "stream", "MAXLEN", "~", `${size}`]),
  row("XREADGROUP", () => ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "stream", ">"]),
  row("XPENDING", () => ["XPENDING", "stream", "g"]),
  row("XPENDING, 10", () => ["XPENDING", "stream", "g", "-", "+", "10"]),
  row("XACK", (i, size) => ["XACK", "stream", "g", entryId(middle(size) + i)]),
  row("XINFO STREAM", () => ["XINFO", "STREAM", "stream"]),
];

const WHOLE: readonly Command[] = [
  ["SMEMBERS", "set"],
  ["HGETALL", "hash"],
  ["LRANGE", "list", "0", "-1"],
  ["ZRANGE", "zset", "0", "-1"],
  ["SUNIONSTORE", "united", "set", "set"],
  ["ZUNIONSTORE", "summed", "2", "zset", "zset"],
  ["DEL", "united"],
  ["DEL", "summed"],
  ["DEL", "hash"],
  ["DEL", "list"],
  ["DEL", "stream"],
];

async function build(server: ServerProcess, size: number): Promise<void> {
  const client = await server.connect();
  for (const [key, collection] of COLLECTIONS) await fill(client, collection, key, size);
  await client.command("XGROUP", "CREATE", "stream", "g", entryId(middle(size)));
  client.close();
}

async function times(
  server: ServerProcess,
  size: number,
  count: number,
  only: string,
): Promise<Map<string, Times | null>> {
  const client = await TimedClient.connect(server);
  const found = new Map<string, Times | null>();
  for (let i = 0; i < WARM; i++) await client.command(["PING"]);
  for (const { name, make, share = 1 } of WORKLOADS) {
    if (!name.startsWith(only)) continue;
    const all = Math.ceil(count * share);
    // Compiled code, before what counts.
    const warm = Math.ceil(all / 2);
    const first = await client.time(warm, (i, reply) => make(i, size, reply));
    found.set(name, first && (await client.time(all, (i, reply) => make(warm + i, size, reply))));
  }
  client.close();
  return found;
}

interface Whole {
  readonly tookMs: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

async function whole(server: ServerProcess, command: Command, nonce: number): Promise<Whole> {
  const sink = await Sink.connect(server.port);
  const pinger = await Pinger.start(server);
  let tookMs = Number.NaN;
  try {
    const gaps = await pinger.during(
      (async () => {
        await Bun.sleep(20);
        const from = performance.now();
        await sink.run(encodeCommand(command), nonce);
        tookMs = performance.now() - from;
        await Bun.sleep(20);
      })(),
    );
    return { tookMs, p99Ms: gaps.p99Ms, worstMs: gaps.worstMs };
  } finally {
    pinger.end();
    sink.close();
  }
}

function timesRow(name: string, redis: Times, folio: Times | null | undefined): string[] {
  if (!folio) return [name, redis.medianUs.toFixed(0), "missing"];
  const us = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  return [
    name,
    us(redis.medianUs),
    us(folio.medianUs),
    ratio(folio.medianUs / redis.medianUs),
    us(redis.worstUs),
    us(folio.worstUs),
    us(redis.cpuUs),
    us(folio.cpuUs),
    ratio(folio.cpuUs / redis.cpuUs),
  ];
}

export async function largeTable(size: number, count: number, only: string): Promise<void> {
  await withServers(async ({ redis, folio }) => {
    for (const server of [redis, folio]) await build(server, size);
    const theirs = await times(redis, size, count, only);
    const ours = await times(folio, size, count, only);
    printTable(
      `Commands on collections of ${size} elements, µs: a client's wait in the middle and at most, CPU per command (floor of the ratios 1.5)`,
      ["", "redis", "Folio", "ratio", "redis worst", "Folio worst", "redis CPU", "Folio CPU", "ratio"],
      [...theirs].map(([name, it]) => timesRow(name, it as Times, ours.get(name))),
    );
    if (only !== "") return;
    const rows: string[][] = [];
    for (const [i, command] of WHOLE.entries()) {
      const isRead = !/STORE|DEL/.test(command[0] as string);
      const cells: string[] = [];
      const took: number[] = [];
      for (const server of [redis, folio]) {
        const results: Whole[] = [];
        for (let run = 0; run < (isRead ? 3 : 1); run++) results.push(await whole(server, command, i * 10 + run));
        const of = (figure: (one: Whole) => number) => median(results.map(figure));
        took.push(of((one) => one.tookMs));
        cells.push(
          ...[took.at(-1) as number, of((one) => one.p99Ms), of((one) => one.worstMs)].map((ms) => ms.toFixed(1)),
        );
      }
      rows.push([command.join(" "), ...cells, ratio((took[1] as number) / (took[0] as number))]);
    }
    printTable(
      "Whole collections, ms: the command; the wait of another client that pings, by the server's CPU, p99 and at most",
      ["", "redis took", "p99", "worst", "Folio took", "p99", "worst", "ratio"],
      rows,
    );
  });
}
