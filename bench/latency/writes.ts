/**
 * bench/latency: how long one client waits for PONG while another changes much of a large collection, Folio beside redis-server. Before
 * each command its key is made anew.
 *
 *   npm run bench:latency:writes [-- --rounds 3 --only SPOP --folio-only]
 *
 * Measured as by run.ts: by the CPU time of the server's thread, and by the clock.
 */
import { parseArgs } from "node:util";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../test/support/processes.ts";
import { encodeCommand } from "../../test/support/resp-client.ts";
import { median, printTable } from "../support/table.ts";
import { Pinger, priority, Sink } from "./clients.ts";
import type { Gaps } from "./pinger.ts";

interface Heavy {
  readonly name: string;
  /** What makes the key, and what is measured. */
  readonly prepare: string;
  readonly requests: string;
}

interface Result extends Gaps {
  tookMs: number;
}

const PER_REQUEST = 1000;
const SIZE = 200_000;
const MANY = 150_000;

const WORDS: { readonly [filler: string]: (i: number) => string[] } = {
  SADD: (i) => [`member:${i}`],
  ZADD: (i) => [`${i}`, `member:${i}`],
  HSET: (i) => [`field:${i}`, `value of ${i}`],
  RPUSH: (i) => [`element:${i}`],
};

function words(filler: string, from: number, to: number): string[] {
  const of = WORDS[filler] as (i: number) => string[];
  return Array.from({ length: to - from }, (_, i) => of(from + i)).flat();
}

function filled(filler: string, count: number, long = 0): string {
  const parts = [encodeCommand(["DEL", "key"])];
  for (let i = 0; i < count; i += PER_REQUEST) {
    const more = words(filler, i, i + PER_REQUEST);
    const texts = long === 0 ? more : more.map((word) => word.padEnd(long, "."));
    parts.push(encodeCommand([filler, "key", ...texts]));
  }
  return parts.join("");
}

function heavy(filler: string, count: number, ...command: string[]): Heavy {
  return { name: command.join(" "), prepare: filled(filler, count), requests: encodeCommand(command) };
}

const LEX = words("SADD", 0, SIZE).flatMap((member) => ["0", member]);

function list(): Heavy[] {
  return [
    heavy("SADD", SIZE, "SPOP", "key", "90000"),
    heavy("SADD", SIZE, "SPOP", "key", "150000"),
    heavy("SADD", SIZE, "SPOP", "key", `${SIZE}`),
    heavy("ZADD", SIZE, "ZREMRANGEBYRANK", "key", "0", "59999"),
    heavy("ZADD", SIZE, "ZREMRANGEBYSCORE", "key", "100000", "159999"),
    {
      name: "ZREMRANGEBYLEX key [member:1 (member:15",
      prepare: `${encodeCommand(["DEL", "key"])}${encodeCommand(["ZADD", "key", ...LEX.slice(0, 100)])}${encodeCommand(["ZADD", "key", ...LEX])}`,
      requests: encodeCommand(["ZREMRANGEBYLEX", "key", "[member:1", "(member:15"]),
    },
    heavy("ZADD", SIZE, "ZREMRANGEBYRANK", "key", "0", "150000"),
    {
      name: "LTRIM key 0 9 (of 200k elements of 3 KB)",
      prepare: filled("RPUSH", SIZE, 3000),
      requests: encodeCommand(["LTRIM", "key", "0", "9"]),
    },
    heavy("RPUSH", 5 * SIZE, "LTRIM", "key", "0", "9"),
    heavy("RPUSH", 5 * SIZE, "LTRIM", "key", "100", "-100"),
    ...["ZADD", "SADD", "HSET", "RPUSH", "LPUSH"].flatMap((command) => {
      const filler = command === "LPUSH" ? "RPUSH" : command;
      const request = encodeCommand([command, "key", ...words(filler, 0, MANY)]);
      return [
        { name: `${command} of ${MANY}, new key`, prepare: encodeCommand(["DEL", "key"]), requests: request },
        { name: `${command} of ${MANY}, there`, prepare: filled(filler, 2000), requests: request },
      ];
    }),
    ...(["SREM", "ZREM", "HDEL"] as const).map((command, i) => {
      const filler = ["SADD", "ZADD", "HSET"][i] as string;
      const names = words(filler, 0, MANY).filter((word) => /^(member|field)/.test(word));
      return {
        name: `${command} of ${MANY}`,
        prepare: filled(filler, SIZE),
        requests: encodeCommand([command, "key", ...names]),
      };
    }),
    heavy("ZADD", SIZE, "ZPOPMIN", "key", "5000"),
    heavy("ZADD", SIZE, "ZPOPMAX", "key", "60000"),
    heavy("ZADD", SIZE, "ZPOPMIN", "key", "150000"),
    heavy("RPUSH", 5 * SIZE, "LPOP", "key", "60000"),
    heavy("RPUSH", 5 * SIZE, "RPOP", "key", "900000"),
  ];
}

async function measure(server: ServerProcess, commands: readonly Heavy[], results: Result[][]): Promise<void> {
  const pinger = await Pinger.start(server);
  const sink = await Sink.connect(server.port);
  try {
    for (const [i, { prepare, requests }] of commands.entries()) {
      await sink.run(prepare, 2 * i);
      await Bun.sleep(300);
      const from = performance.now();
      let tookMs = 0;
      const gaps = await pinger.during(
        Bun.sleep(5)
          .then(() => sink.run(requests, 2 * i + 1))
          .then(async () => {
            tookMs = performance.now() - from - 5;
            await Bun.sleep(100);
          }),
      );
      (results[i] ??= []).push({ ...gaps, tookMs });
    }
  } finally {
    pinger.end();
    sink.close();
  }
}

function cells(results: readonly Result[]): string[] {
  return [
    median(results.map((r) => r.worstMs)).toFixed(1),
    median(results.map((r) => r.wallWorstMs)).toFixed(1),
    median(results.map((r) => r.tookMs)).toFixed(0),
  ];
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    "folio-only": { type: "boolean", default: false },
  },
});
const commands = list().filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()));
const results = { folio: [] as Result[][], redis: [] as Result[][] };
for (let round = 0; round < Number(values.rounds); round++) {
  const folio = await spawnFolio(["--save", ""], { prefix: priority(10) }).ready();
  await measure(folio, commands, results.folio);
  await folio.stop();
  if (values["folio-only"]) continue;
  const redis = await spawnRedis([], { prefix: priority(10) }).ready();
  await measure(redis, commands, results.redis);
  await redis.stop("SIGKILL");
}
printTable(
  "What PING waits for while another client writes, ms of the server's CPU; worst by the clock; what the command took",
  ["command", "Folio worst", "by clock", "took", "Redis worst", "by clock", "took"],
  commands.map(({ name }, i) => [name, ...cells(results.folio[i] ?? []), ...cells(results.redis[i] ?? [])]),
);
