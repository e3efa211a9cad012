/**
 * Fuzzes RESTORE: sound values, damaged at random and sealed again with the right sum, so that the checks of their inner structure are
 * all that stands before the keyspace. Each is taken or refused quickly, with nothing but FormatError; what is taken can be read to its
 * end by every reader. Beside a redis-server with sanitize-dump-payload it must be taken where that takes it, and be the same value.
 *
 *   bun test/fuzz/restore.fuzz.ts --seconds 60 --seed 1      cases 1, 2, 3, … for a minute, beside redis-server
 *   bun test/fuzz/restore.fuzz.ts --cases 1 --seed 4711      case 4711 again
 */
import { Crc64 } from "../../src/rdb/crc64.ts";
import { dumpVersion } from "../../src/rdb/dump.ts";
import { objectType, RdbType, VALKEY_TYPE_BASE } from "../../src/rdb/opcodes.ts";
import { isSealed, openPayload } from "../../src/rdb/payload.ts";
import { Record } from "../../src/rdb/record.ts";
import { bytesOf, SAMPLES } from "../../src/rdb/samples.ts";
import { checkDeeply } from "../../src/types/deep-check.ts";
import { Digest, digestValue } from "../../src/types/digest.ts";
import { ListReader } from "../../src/types/list.ts";
import { StreamReader } from "../../src/types/stream.ts";
import { ZsetReader } from "../../src/types/zset.ts";
import { FormatError } from "../../src/util/format-error.ts";
import { randomFrom } from "../support/random.ts";
import { RedisServer, type Word } from "../support/redis-server.ts";

export interface RestoreFuzzOptions {
  /** The first case; each case is the next number, which with the base values makes the case. */
  readonly seed: number;
  readonly cases?: number;
  readonly seconds?: number;
  /** Compare with a redis-server. */
  readonly beside: boolean;
}

export interface RestoreFuzzResult {
  readonly cases: number;
  readonly taken: number;
  /** Refused here, taken by redis-server, for one of the reasons in STRICTER. */
  readonly stricter: number;
  /** Cases that redis-server did not survive, or did not answer. */
  readonly lost: number;
  readonly slowestMs: number;
}

interface Verdict {
  /** What the value is, to be compared; "" where it is refused. */
  readonly digest: string;
  readonly reason: string;
}

const CASE_MS_MAX = 5000;
const BATCH = 64;
/** RDB version of the redis-server to compare with, and the first type that it does not know. */
const REDIS_RDB_VERSION = 10;
const NEWER_TYPE = RdbType.SET_LISTPACK;
/** What Folio refuses and redis-server takes: docs/differences.md. */
const STRICTER = [
  /bytes before the end/, // It reads on into the payload's footer.
  /at most \d+ bytes of them/,
  /a score of /,
  /nodes that do not ascend/,
  /a plain length/, // It takes the number of an encoding for a length.
  /less than 2\^53/,
  /length byte/,
  /compressed bytes that do not make/,
  /a listpack of \d+ elements that says/, // Of a stream: it walks it by other counts.
  /a master entry that makes no sense|an unsound entry|more entries than are counted/,
];

const NASTY = [0, 1, 2, 3, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff] as const;

/** Runs cases until the limit of options. Throws an Error that names the case to run again. */
export async function fuzzRestore(options: RestoreFuzzOptions): Promise<RestoreFuzzResult> {
  const beside = options.beside ? new Beside(await RedisServer.start(REDIS_FLAGS)) : null;
  try {
    const samples = SAMPLES.map(({ type, value }) => ({ type, value }));
    return await run(options, [...samples, ...(beside === null ? [] : await dumped(beside.redis))], beside);
  } finally {
    await beside?.redis.stop();
  }
}

const REDIS_FLAGS = ["--enable-debug-command", "yes", "--sanitize-dump-payload", "yes", "--save", ""];

interface Base {
  readonly type: number;
  readonly value: Uint8Array;
}

async function run(
  options: RestoreFuzzOptions,
  bases: readonly Base[],
  beside: Beside | null,
): Promise<RestoreFuzzResult> {
  const start = performance.now();
  const totals = { cases: 0, taken: 0, slowestMs: 0 };
  let batch: Judged[] = [];
  const flush = async () => {
    await beside?.compare(batch);
    batch = [];
  };
  for (let seed = options.seed; ; seed++, totals.cases++) {
    if (options.cases !== undefined && totals.cases >= options.cases) break;
    const before = performance.now();
    if (options.seconds !== undefined && before - start > options.seconds * 1000) break;
    const random = new Random(seed);
    const base = bases[random.below(bases.length)] as Base;
    const { type, value } = damaged(base, random);
    const payload = sealed(type, value);
    let verdict: Verdict;
    try {
      verdict = judge(payload);
    } catch (error) {
      throw new Error(`restore fuzz: case ${seed} failed; run it again with --cases 1 --seed ${seed}`, {
        cause: error,
      });
    }
    const ms = performance.now() - before;
    if (ms > CASE_MS_MAX) throw new Error(`restore fuzz: case ${seed} took ${ms.toFixed(0)} ms`);
    totals.slowestMs = Math.max(totals.slowestMs, ms);
    if (verdict.digest !== "") totals.taken++;
    if (type < NEWER_TYPE) batch.push({ seed, payload, verdict });
    if (batch.length === BATCH) await flush();
  }
  await flush();
  return { ...totals, stricter: beside?.stricter ?? 0, lost: beside?.lost ?? 0 };
}

/** As RESTORE does it, and then every reader. */
function judge(payload: Uint8Array): Verdict {
  if (!drained(isSealed(payload, 0, payload.length, true))) throw new Error("a payload that was sealed is not");
  const record = new Record();
  if (!openPayload(payload, 0, payload.length, record)) return { digest: "", reason: "no type" };
  try {
    drained(checkDeeply(record));
  } catch (error) {
    if (error instanceof FormatError) return { digest: "", reason: error.message };
    throw error;
  }
  const digest = new Digest();
  drained(digestValue(record, 0, digest));
  readOtherwise(record);
  return { digest: objectType(record.type) === "zset" ? zsetText(record) : digest.hex, reason: "" };
}

/** Members and scores: what redis-server 7.0 digests is the scores in another form. */
function zsetText(record: Record): string {
  const zset = new ZsetReader();
  zset.open(record);
  const pairs: string[] = [];
  while (zset.next()) pairs.push(`${zset.text().text()}=${zset.score + 0}`);
  return pairs.sort().join();
}

/** As zsetText, of a reply to ZRANGE WITHSCORES. */
function replyText(reply: string): string {
  const pairs: string[] = [];
  const items: string[] = [];
  for (let at = reply.indexOf("\r\n") + 2; at < reply.length; ) {
    const end = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, end));
    items.push(reply.slice(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  for (let i = 0; i < items.length; i += 2) {
    pairs.push(`${items[i]}=${Number((items[i + 1] as string).replace("inf", "Infinity")) + 0}`);
  }
  return pairs.sort().join();
}

/** Backwards, in order, groups: a value that was taken must not fail. */
function readOtherwise(record: Record): void {
  const type = objectType(record.type);
  if (type === "list") {
    const list = new ListReader();
    list.open(record);
    list.seek(list.count);
    while (list.previous()) list.text();
  } else if (type === "zset") {
    const zset = new ZsetReader();
    zset.open(record);
    while (!zset.loadSome(1000));
    zset.sorted();
  } else if (type === "stream") {
    const stream = new StreamReader();
    stream.open(record);
    stream.seekAll(true);
    while (stream.next()) while (stream.nextField());
    stream.groups();
  }
}

interface Judged {
  readonly seed: number;
  readonly payload: Uint8Array;
  readonly verdict: Verdict;
}

/** A redis-server that is started again when it is lost: some values of unsound streams keep it busy for ever. */
class Beside {
  stricter = 0;
  lost = 0;

  constructor(public redis: RedisServer) {}

  /** Throws where the two disagree. */
  async compare(batch: readonly Judged[]): Promise<void> {
    const replies = await this.#ask(batch);
    if (replies !== null) {
      for (const [i, judged] of batch.entries()) {
        const own = replies.slice(REQUESTS * i, REQUESTS * (i + 1));
        if (isStricter(judged, own)) this.stricter++;
      }
      return;
    }
    await this.redis.stop();
    this.redis = await RedisServer.start(REDIS_FLAGS);
    if (batch.length === 1) this.lost++;
    else for (const judged of batch) await this.compare([judged]);
  }

  /** Null when no answer comes. */
  async #ask(batch: readonly Judged[]): Promise<string[] | null> {
    const requests: Word[][] = batch.flatMap(({ payload }) => [
      ["RESTORE", "k", 0, payload],
      ["DEBUG", "DIGEST-VALUE", "k"],
      ["ZRANGE", "k", 0, -1, "WITHSCORES"],
      ["DEL", "k"],
    ]);
    const answered = this.redis.connection.sendAll(requests).catch(() => null);
    return await Promise.race([answered, Bun.sleep(ANSWER_MS_MAX).then(() => null)]);
  }
}

/** Requests for each case. */
const REQUESTS = 4;
const ANSWER_MS_MAX = 3000;

/** False where both agree, true where Folio is stricter for a known reason. Throws otherwise. */
function isStricter({ seed, verdict }: Judged, [restored = "", digest = "", range = ""]: readonly string[]): boolean {
  const taken = restored === "+OK\r\n";
  const isZset = range.startsWith("*") && range !== "*0\r\n";
  const value = isZset ? replyText(range) : (/\+([0-9a-f]{40})/.exec(digest)?.[1] ?? "");
  const theirs = taken ? value : "";
  if (theirs === verdict.digest) return false;
  if (taken && verdict.digest === "" && STRICTER.some((pattern) => pattern.test(verdict.reason))) return true;
  const ours = verdict.digest === "" ? `refused: ${verdict.reason}` : `taken: ${verdict.digest}`;
  throw new Error(`restore fuzz: case ${seed}: Folio ${ours}; redis-server ${taken ? theirs : restored}`);
}

/** Values of a real server, larger than the samples. */
async function dumped(redis: RedisServer): Promise<Base[]> {
  const many = (count: number, make: (i: number) => Word[]) => Array.from({ length: count }, (_, i) => make(i)).flat();
  await redis.connection.sendAll([
    ["CONFIG", "SET", "list-max-listpack-size", "4", "stream-node-max-entries", "4"],
    ["RPUSH", "list", ...many(11, (i) => [`element ${i}`, i * 1000])],
    ["SADD", "set", ...many(9, (i) => [`m${i}`])],
    ["SADD", "intset", 1, 70000, -5],
    ["SADD", "wide", 1, 2 ** 40, -5],
    ["HSET", "small", "field", "value", "n", 12, "m", -70000],
    ["HSET", "hash", "field", "v".repeat(70), "other", "w".repeat(100)],
    ["ZADD", "zset", 1, "a", -2.5, "b", "inf", "c", 1e100, "d"],
    ["ZADD", "skiplist", 1, "a".repeat(70), 2, "b"],
    ...Array.from({ length: 9 }, (_, i) => [
      "XADD",
      "stream",
      `${i + 1}-${i}`,
      "f",
      `${i}`,
      ...(i % 3 ? ["g", "x"] : []),
    ]),
    ["XDEL", "stream", "3-2"],
    ["XGROUP", "CREATE", "stream", "g", "0"],
    ["XGROUP", "CREATE", "stream", "h", "0"],
    ["XREADGROUP", "GROUP", "g", "alice", "COUNT", 3, "STREAMS", "stream", ">"],
    ["XREADGROUP", "GROUP", "g", "bob", "COUNT", 2, "STREAMS", "stream", ">"],
    ["SET", "lzf", "abcdefgh".repeat(30)],
  ]);
  const bases: Base[] = [];
  for (const key of ["list", "set", "intset", "wide", "small", "hash", "zset", "skiplist", "stream", "lzf"]) {
    const reply = await redis.send("DUMP", key);
    const payload = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
    bases.push({ type: payload[0] as number, value: new Uint8Array(payload.subarray(1, -10)) });
  }
  await redis.send("FLUSHALL");
  return bases;
}

function sealed(type: number, value: Uint8Array): Uint8Array {
  const version =
    type < NEWER_TYPE ? REDIS_RDB_VERSION : type >= VALKEY_TYPE_BASE ? 80 : Math.max(dumpVersion(type), 12);
  const body = bytesOf(type % VALKEY_TYPE_BASE, value, version, 0);
  const { low, high } = new Crc64().update(body);
  const sum = [low, high].flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24]);
  return bytesOf(body, sum);
}

/** The type at times another, and up to three damages; now and then none. */
function damaged(base: Base, random: Random): Base {
  let value = base.value.slice() as Uint8Array;
  let { type } = base;
  if (random.below(12) === 0 && type < VALKEY_TYPE_BASE) type = (SAMPLES[random.below(SAMPLES.length)] as Base).type;
  for (let left = random.below(4); left > 0; left--) value = damageOnce(value, random);
  return { type, value };
}

function damageOnce(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = NASTY[random.below(NASTY.length)] as number;
      return bytes;
    case 2:
      bytes[at] = random.below(256);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return bytesOf(bytes.subarray(0, at), NASTY[random.below(NASTY.length)] as number, bytes.subarray(at));
    case 5:
      return bytesOf(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8)));
    case 6: {
      // Something that is there once more: duplicates.
      const from = random.below(bytes.length);
      return bytesOf(bytes.subarray(0, at), bytes.subarray(from, from + random.below(40)), bytes.subarray(at));
    }
    default: {
      const huge = random.below(2) === 0 ? [0x80] : [0x81, 0, 0, 0, random.below(256)];
      const length = [...huge, random.below(256), random.below(256), random.below(256), random.below(256)];
      return bytesOf(bytes.subarray(0, at), length, bytes.subarray(at + 1));
    }
  }
}

function drained<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomFrom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }
}

function argument(name: string): number | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : Number(process.argv[at + 1]);
}

if (import.meta.main) {
  const seed = argument("seed") ?? 1;
  const cases = argument("cases");
  const limit = cases === undefined ? { seconds: argument("seconds") ?? 10 } : { cases };
  const result = await fuzzRestore({ seed, beside: true, ...limit });
  const memory = (process.memoryUsage.rss() / 2 ** 20).toFixed(0);
  console.log(
    `restore fuzz: ${result.cases} cases from seed ${seed}, ${result.taken} taken, ${result.stricter} stricter than redis-server, which was lost ${result.lost} times, slowest ${result.slowestMs.toFixed(1)} ms, resident ${memory} MB`,
  );
  process.exit(0);
}
