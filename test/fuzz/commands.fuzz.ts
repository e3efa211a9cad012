/**
 * Fuzzes every read command beside a real redis-server: both serve the same dump, get the same random requests in
 * pipelines, in RESP2 and RESP3, and must answer the same bytes, but for what command-rules.ts lists.
 *
 *   bun test/fuzz/commands.fuzz.ts --seconds 60 --seed 1 [--commands 100000] [--only zrange] [--dump file.rdb]
 *
 * The seed repeats data and requests; the data is a given file's with --dump. A difference is asked again alone, made as short as it stays one, and printed.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../support/processes.ts";
import { randomFrom } from "../support/random.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { replyEnd } from "../support/redis-server.ts";
import { encodeCommand } from "../support/resp-client.ts";
import { CASES } from "./command-cases.ts";
import { findDumpDifference, findOrderDifference, findScanDifference, followUp } from "./command-checks.ts";
import { EXPIRING, type FuzzDatabase, type FuzzKey, fillForFuzz, pick, readForFuzz } from "./command-data.ts";
import { sameAnswer } from "./command-rules.ts";
import { commandOf, type FuzzCommand, WordMaker } from "./command-words.ts";
import type { Random } from "./resp-inputs.ts";

const REQUESTS_PER_ROUND = 250;
/** Connections that a round's requests are dealt out to. */
const LANES = 4;
const DIFFERENCES_MAX = 40;

interface Request {
  readonly command: FuzzCommand;
  readonly words: string[];
}

interface Setting {
  readonly db: number;
  readonly protocol: 2 | 3;
}

export interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Stop after as many requests. */
  readonly commands?: number;
  /** Only this command, as "zrange" or "xinfo|stream". */
  readonly only?: string | undefined;
  /** The file to serve, instead of data made by the seed. The redis-server must be able to load it. */
  readonly dump?: string | undefined;
}

export interface FuzzReport {
  /** Requests compared. */
  commands: number;
  /** Whole iterations and DUMP payloads compared. */
  checks: number;
  /** Of those requests, answered with an error by both. */
  errors: number;
  readonly perCommand: Map<string, number>;
  /** One text for each kind of difference, ready to print. */
  readonly differences: string[];
}

/** Both servers, with a connection to each for every lane. */
export class Pair {
  readonly folio: ServerProcess;
  readonly redis: ServerProcess;
  readonly #folder: string;
  readonly #lanes = new Map<number, [RawSocket, RawSocket]>();

  private constructor(folio: ServerProcess, redis: ServerProcess, folder: string) {
    this.folio = folio;
    this.redis = redis;
    this.#folder = folder;
  }

  /** Starts redis-server, fills it by the seed, has it save, load what it saved, and starts Folio on that file. */
  static async start({ seed, dump }: FuzzOptions): Promise<{ pair: Pair; databases: FuzzDatabase[] }> {
    const folder = mkdtempSync(join(tmpdir(), "folio-command-fuzz-"));
    const limits = LIMITS[seed % LIMITS.length] as string[];
    const args = ["--dir", folder, "--dbfilename", "dump.rdb", ...limits];
    if (dump !== undefined) copyFileSync(dump, join(folder, "dump.rdb"));
    const redis = await spawnRedis(args, { env: { LC_ALL: "C" } }).ready();
    const client = await redis.connect();
    const databases = await (dump === undefined ? fillForFuzz(client, randomFrom(seed)) : readForFuzz(client));
    for (const words of dump === undefined ? [["SAVE"], ["DEBUG", "RELOAD", "NOSAVE"]] : []) {
      const reply = await client.command(...words);
      if (reply !== "+OK") throw new Error(`${words.join(" ")} answered ${String(reply)}`);
    }
    client.close();
    const folio = await spawnFolio([join(folder, "dump.rdb"), ...limits]).ready();
    return { pair: new Pair(folio, redis, folder), databases };
  }

  async stop(): Promise<void> {
    this.reconnect();
    await this.folio.stop();
    await this.redis.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Drops the connections: what they were told (names, protocol, database) is forgotten. */
  reconnect(): void {
    for (const sockets of this.#lanes.values()) for (const socket of sockets) socket.close();
    this.#lanes.clear();
  }

  /** Replies of Folio and of Redis to the requests, sent in one go, each as raw bytes. */
  async ask(setting: Setting, requests: readonly (readonly string[])[], lane = 0): Promise<[string[], string[]]> {
    const known = this.#lanes.get(lane);
    const sockets =
      known ?? (await Promise.all([RawSocket.connect(this.folio.port), RawSocket.connect(this.redis.port)]));
    this.#lanes.set(lane, sockets);
    const before = [
      ["HELLO", `${setting.protocol}`],
      ["SELECT", `${setting.db}`],
    ];
    const all = [...before, ...requests].map(encodeCommand).join("");
    const replies = await Promise.all(sockets.map((socket) => exchange(socket, all)));
    return replies.map((raw) => raw.slice(before.length)) as [string[], string[]];
  }
}

/** Settings that the data is written with, by seed: other encodings, node sizes and compression. */
const LIMITS = [
  [],
  ["--list-max-listpack-size", "7", "--list-compress-depth", "1", "--stream-node-max-entries", "5"],
  ["--hash-max-listpack-entries", "16", "--zset-max-listpack-value", "8", "--set-max-intset-entries", "20"],
  ["--rdbcompression", "no", "--list-max-listpack-size", "-1", "--zset-max-listpack-entries", "10"],
  ["--hash-max-listpack-value", "500", "--set-max-intset-entries", "2000", "--stream-node-max-bytes", "200"],
];

const END = "*2\r\n$4\r\nECHO\r\n$14\r\nend of replies\r\n";
const END_REPLY = "$14\r\nend of replies\r\n";

async function exchange(socket: RawSocket, bytes: string): Promise<string[]> {
  socket.received = "";
  // In three pieces, cut anywhere (the same at every replay): requests and their words come torn.
  const cut = (bytes.length * 31) % 997;
  for (const piece of [bytes.slice(0, cut), bytes.slice(cut, cut * 7), bytes.slice(cut * 7) + END]) {
    socket.send(piece);
    await Bun.sleep(0);
  }
  if (!(await socket.until((it) => it.received.endsWith(END_REPLY), 60_000))) {
    throw new Error(`no end of replies${socket.closed ? ": closed" : ""}; last: ${shown(socket.received.slice(-300))}`);
  }
  const raw = socket.received;
  const replies: string[] = [];
  for (let at = 0; at < raw.length - END_REPLY.length; ) {
    const end = replyEnd(raw, at);
    replies.push(raw.slice(at, end));
    at = end;
  }
  return replies;
}

function shown(text: string, max = 400): string {
  return JSON.stringify(text.length > max ? `${text.slice(0, max)}… (${text.length} bytes)` : text);
}

/** The part of a reply that tells one kind of difference from another. */
function kindOf(reply: string): string {
  return reply.startsWith("-") ? reply.slice(0, 40) : (reply[0] as string);
}

export class CommandFuzz {
  readonly report: FuzzReport = { commands: 0, checks: 0, errors: 0, perCommand: new Map(), differences: [] };
  readonly #pair: Pair;
  readonly #databases: readonly FuzzDatabase[];
  readonly #options: FuzzOptions;
  readonly #kinds = new Set<string>();

  constructor(pair: Pair, databases: readonly FuzzDatabase[], options: FuzzOptions) {
    this.#pair = pair;
    this.#databases = databases;
    this.#options = options;
  }

  async run(): Promise<FuzzReport> {
    const { seed, seconds, commands = Number.MAX_SAFE_INTEGER } = this.#options;
    if (this.#options.only === undefined) await this.#cases();
    const deadline = Date.now() + seconds * 1000;
    for (let round = 0; Date.now() < deadline && this.report.commands < commands; round++) {
      if (this.report.differences.length >= DIFFERENCES_MAX) break;
      await this.#round(randomFrom(seed * 1_000_003 + round));
    }
    return this.report;
  }

  async #round(random: Random): Promise<void> {
    const { db, keys } = pick(random, this.#databases);
    const setting: Setting = { db, protocol: pick(random, [2, 3] as const) };
    const maker = new WordMaker(random, keys);
    const { only } = this.#options;
    await this.#compare(
      setting,
      Array.from({ length: REQUESTS_PER_ROUND }, () => maker.request(only)),
    );
    if (only === undefined) await this.#wholeChecks(random, setting, keys);
  }

  /** Sends the requests to both in one go and compares their replies. */
  async #compare(setting: Setting, requests: readonly Request[]): Promise<void> {
    const stays = !requests.some((one) => ["select", "reset"].includes(one.command.name));
    const [ours, theirs] = await this.#askBeside(setting, requests, stays ? LANES : 1);
    for (const [i, request] of requests.entries()) {
      this.#count(request, theirs[i] as string);
      const answered = { ...request, name: request.command.name, ours: ours[i] as string, theirs: theirs[i] as string };
      if (!sameAnswer(answered)) await this.#differs(setting, requests, i, [answered.ours, answered.theirs]);
      else if (stays) await this.#lookUp(setting, request, answered.ours);
    }
    this.#pair.reconnect();
  }

  /** Replies to the requests, dealt out to so many connections that are served at the same time. */
  async #askBeside(setting: Setting, requests: readonly Request[], lanes: number): Promise<[string[], string[]]> {
    const dealt = Array.from({ length: lanes }, (_, lane) => requests.filter((_, i) => i % lanes === lane));
    const asked = dealt.map((some, lane) =>
      this.#pair.ask(
        setting,
        some.map((one) => one.words),
        lane,
      ),
    );
    const answered = await Promise.all(asked);
    const inOrder = (server: 0 | 1) =>
      requests.map((_, i) => answered[i % lanes]?.[server][Math.floor(i / lanes)] as string);
    return [inOrder(0), inOrder(1)];
  }

  /** The hand-written requests, in every database and protocol. */
  async #cases(): Promise<void> {
    const requests = CASES.map((words) => ({ command: commandOf(words), words: [...words] }));
    for (const { db } of this.#databases) {
      for (const protocol of [2, 3] as const) {
        await this.#compare({ db, protocol }, requests);
      }
    }
  }

  #count({ command }: Request, reply: string): void {
    this.report.commands++;
    this.report.errors += reply.startsWith("-") ? 1 : 0;
    this.report.perCommand.set(command.name, (this.report.perCommand.get(command.name) ?? 0) + 1);
  }

  /** What chance chose must be in the data. */
  async #lookUp(setting: Setting, request: Request, ours: string): Promise<void> {
    const check = followUp(request.command.name, request.words, ours);
    if (check === null) return;
    this.report.checks++;
    const wrong = check.wrong((await this.#pair.ask(setting, [check.words]))[1][0] as string);
    if (wrong !== null) this.#add(request.command.name, `${describe(setting, request.words)}\n  ${wrong}`);
  }

  async #wholeChecks(random: Random, setting: Setting, keys: readonly FuzzKey[]): Promise<void> {
    for (const find of [findScanDifference, findOrderDifference, findDumpDifference]) {
      const wrong = await find(random, this.#pair, setting.db, keys);
      this.report.checks++;
      if (wrong !== null) this.#add(find.name, `${describe(setting, [])}\n  ${wrong}`);
    }
  }

  /** Asks again, alone and after what came before, and reports it with what stays different. */
  async #differs(
    setting: Setting,
    requests: readonly Request[],
    at: number,
    once: [ours: string, theirs: string],
  ): Promise<void> {
    const request = requests[at] as Request;
    // A key may expire between one server's look and the other's.
    const expires = (text: string) => text.includes(EXPIRING);
    let before = requests.slice(0, 0);
    let found = await this.#askAfter(setting, before, request);
    if (found === null) {
      before = requests.slice(0, at);
      found = await this.#askAfter(setting, before, request);
    }
    if (found === null && [...request.words, ...once].some(expires)) return;
    const steady = found !== null;
    found ??= once;
    const kind = `${request.command.name} ${kindOf(found[0])} ${kindOf(found[1])}`;
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    const words = steady ? await this.#shrunk(setting, before, request, kind) : request.words;
    const [ours, theirs] = (await this.#askAfter(setting, before, { ...request, words })) ?? found;
    const after = steady
      ? before.length === 0
        ? ""
        : `, only after ${before.length} others`
      : ", once, beside others";
    this.#add(kind, `${describe(setting, words)}${after}\n  folio ${shown(ours)}\n  redis ${shown(theirs)}`);
  }

  #add(kind: string, text: string): void {
    this.report.differences.push(`${kind.split(" ")[0]}: ${text}`);
  }

  /** The two replies where they differ, null where they say the same. */
  async #askAfter(
    setting: Setting,
    before: readonly Request[],
    request: Request,
  ): Promise<[ours: string, theirs: string] | null> {
    this.#pair.reconnect();
    const [ours, theirs] = await this.#pair.ask(
      setting,
      [...before, request].map((one) => one.words),
    );
    const answered = {
      name: request.command.name,
      words: request.words,
      ours: ours.at(-1) as string,
      theirs: theirs.at(-1) as string,
    };
    return sameAnswer(answered) ? null : [answered.ours, answered.theirs];
  }

  /** Fewer and shorter words that still differ in the same way. */
  async #shrunk(setting: Setting, before: readonly Request[], request: Request, kind: string): Promise<string[]> {
    let words = request.words;
    const first = request.command.words.length;
    const stays = async (candidate: string[]) => {
      const found = await this.#askAfter(setting, before, { ...request, words: candidate });
      return found !== null && kind === `${request.command.name} ${kindOf(found[0])} ${kindOf(found[1])}`;
    };
    for (let i = words.length - 1; i >= first; i--) {
      const without = words.filter((_, j) => j !== i);
      const short = words.map((word, j) => (j === i ? "a" : word));
      if (await stays(without)) words = without;
      else if ((words[i] as string).length > 20 && (await stays(short))) words = short;
    }
    return words;
  }
}

function describe(setting: Setting, words: readonly string[]): string {
  return `db ${setting.db} RESP${setting.protocol} ${words.map((word) => shown(word, 100)).join(" ")}`;
}

/** Starts both servers, runs, and ends them. */
export async function fuzzCommands(options: FuzzOptions): Promise<FuzzReport> {
  const { pair, databases } = await Pair.start(options);
  try {
    return await new CommandFuzz(pair, databases, options).run();
  } finally {
    await pair.stop();
  }
}

if (import.meta.main) {
  const option = (name: string): string | undefined => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const seed = Number(option("--seed") ?? Date.now() % 1_000_000);
  const seconds = Number(option("--seconds") ?? 60);
  const commands = Number(option("--commands") ?? Number.MAX_SAFE_INTEGER);
  console.log(`command fuzz: --seconds ${seconds} --seed ${seed}`);
  const report = await fuzzCommands({ seconds, seed, commands, only: option("--only"), dump: option("--dump") });
  for (const difference of report.differences) console.log(`\n${difference}`);
  const { differences, perCommand, checks, errors } = report;
  const least = [...perCommand].sort((a, b) => a[1] - b[1]).slice(0, 3);
  console.log(
    `\nseed ${seed}: ${report.commands} requests of ${perCommand.size} commands (${errors} errors; least often ${least.join(" ")}), ` +
      `${checks} whole checks: ${differences.length === 0 ? "nothing differs" : `${differences.length} differences`}`,
  );
  process.exit(differences.length === 0 ? 0 : 1);
}
