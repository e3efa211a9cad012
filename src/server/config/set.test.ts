/**
 * CONFIG SET and CONFIG GET beside a real redis-server: every directive that can be set, with good and bad values, each
 * answer and the value afterwards. Differences are listed, each with its reason.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisServer, redisInstalled } from "../../../test/support/redis-server.ts";
import { ReplyError } from "../../commands/errors.ts";
import { Config } from "./config.ts";
import { DIRECTIVES } from "./table.ts";

const ASKER = { isLocal: true, isLoading: false };

const PROBES = [
  ..."yes No maybe 0 1 -1 7 50 99 100 101 500 501 1000 1024 65535 65536 1048575 1048576 01 +1 1.5 -0 0x10".split(" "),
  ..."2147483647 2147483648 4294967295 4294967296 9223372036854775807 9223372036854775808 1kb 1K 3m 2Gb 1tb mb".split(
    " ",
  ),
  ..."-1mb -100 -101 -2147483648 -2147483649 -9223372036854775808 5% 0% 101% -5% % 777 local ip Everysec".split(" "),
  ...["", " ", "1 ", " 1", "a b", "1 2", "60 1", "x/y", "a_b", "a!b", "{title} x", "{nope}", "a{", "always", "swapdb"],
  ...[
    "allkeys-lfu",
    "VOLATILE-TTL",
    "verbose",
    "relative",
    "absolute",
    "optional",
    "clients",
    "panic",
    "resetchannels",
  ],
];

/** Would end or slow the real server, or the test's connection to it, or need rights or a port. Some are tested below. */
const ELSEWHERE = new Set([
  ...["port", "bind", "tls-port", "dir", "appendonly", "requirepass", "maxclients", "oom-score-adj", "watchdog-period"],
  ...[
    "maxmemory-clients",
    "client-output-buffer-limit",
    "oom-score-adj-values",
    "key-load-delay",
    "rdb-key-save-delay",
  ],
]);

/** Of 7.2 or Folio's own: the installed redis-server may be 7.0. */
const NEWER = new Set([
  ...["set-max-listpack-entries", "set-max-listpack-value", "cluster-announce-human-nodename", "locale-collate"],
  ...["cluster-ping-interval", "rdb-version", "mmap-safety", "index-dir", "allow-remote-fs"],
]);

interface Difference {
  readonly of: (name: string) => boolean;
  readonly value: (value: string) => boolean;
  readonly why: string;
}

const DIFFERENCES: readonly Difference[] = [
  {
    of: (n) => n === "activedefrag",
    value: (v) => v === "yes",
    why: "built without it the server refuses; Folio takes it",
  },
  {
    of: (n) => n === "loglevel",
    value: (v) => v !== "nothing",
    why: "7.2 has one level more, in the error's text too",
  },
  { of: (n) => n.startsWith("latency-"), value: (v) => v === "-0", why: "a zero is a zero" },
  { of: (n) => n === "aof-disable-auto-gc", value: () => true, why: "hidden in 7.2" },
  { of: (n) => n.startsWith("tls-"), value: () => true, why: "the server may be built without TLS" },
];

/** The answer as on the wire. */
function ours(config: Config, pairs: [string, string][]): string {
  try {
    config.set(pairs, ASKER);
    return "+OK\r\n";
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    return `-${error.message}\r\n`;
  }
}

/** CONFIG GET's flat answer as a map. */
function mapOf(reply: string): Record<string, string> {
  const words: string[] = [];
  for (let at = reply.indexOf("\r\n") + 2; at < reply.length; ) {
    const end = reply.indexOf("\r\n", at);
    const length = Number(reply.slice(at + 1, end));
    words.push(reply.slice(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  return Object.fromEntries(words.map((word, i) => [word, words[i + 1] ?? ""]).filter((_, i) => i % 2 === 0));
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let redis: RedisServer;
  let config: Config;

  beforeAll(async () => {
    redis = await RedisServer.start();
    config = new Config();
    config.load("enable-debug-command", ["yes"]);
    config.load("dir", [redis.dir]);
    config.load("save", [""]);
  });
  afterAll(() => redis.stop());

  /** One CONFIG SET in both: what they answer, and what the directives are then. */
  async function both(...words: string[]): Promise<{ theirs: unknown; ours: unknown }> {
    const pairs = words.flatMap((word, i): [string, string][] => (i % 2 === 0 ? [[word, words[i + 1] as string]] : []));
    const names = [...new Set(pairs.map(([name]) => name))];
    const [reply, values] = await redis.connection.sendAll([
      ["CONFIG", "SET", ...words],
      ["CONFIG", "GET", ...names],
    ]);
    return {
      theirs: { words, reply, values: mapOf(values as string) },
      ours: { words, reply: ours(config, pairs), values: Object.fromEntries(config.matching(names)) },
    };
  }

  async function same(...words: string[]): Promise<void> {
    const { theirs, ours } = await both(...words);
    expect(ours).toEqual(theirs);
  }

  test("every directive, good and bad values", async () => {
    const version = /redis_version:(7\.[02]\.)/.exec(await redis.send("INFO", "server"));
    if (version === null) return console.log("not compared: this redis-server is no 7.0 or 7.2");
    let compared = 0;
    const different: string[] = [];
    for (const { name, alias, initial } of DIRECTIVES) {
      if (ELSEWHERE.has(name) || NEWER.has(name)) continue;
      for (const value of [...PROBES, initial]) {
        if (DIFFERENCES.some((one) => one.of(name) && one.value(value))) continue;
        for (const word of alias === undefined ? [name] : [name, alias]) {
          const { theirs, ours } = await both(word, value);
          compared++;
          if (JSON.stringify(theirs) !== JSON.stringify(ours))
            different.push(`${JSON.stringify(ours)} / ${JSON.stringify(theirs)}`);
        }
      }
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(10_000);
  }, 60_000);

  test.each([
    ["save", "60 1 300 10"],
    ["save", ""],
    ["save", "900 1"],
    ["save", "60 1 300"],
    ["save", "0 1"],
    ["save", "60 -1"],
    ["save", "60  1"],
    ["save", "60 "],
    ["save", "60 x"],
    ["SAVE", "+60 1"],
    ["client-output-buffer-limit", "slave 100mb 1k 7"],
    ["client-output-buffer-limit", "REPLICA 1gb 1 7 pubsub 0 0 0"],
    ["client-output-buffer-limit", "normal 1gb"],
    ["client-output-buffer-limit", "master 1 2 3"],
    ["client-output-buffer-limit", "nobody 1 2 3"],
    ["client-output-buffer-limit", "pubsub x 2 3"],
    ["client-output-buffer-limit", "pubsub 1 2 -3"],
    ["client-output-buffer-limit", ""],
    ["oom-score-adj-values", "1 2"],
    ["oom-score-adj-values", "0 200 2001"],
    ["oom-score-adj-values", "0 x 800"],
    ["oom-score-adj-values", ""],
    ["notify-keyspace-events", "KEA"],
    ["notify-keyspace-events", "Kng$"],
    ["notify-keyspace-events", "g$lshzxetdmE"],
    ["notify-keyspace-events", "KQ"],
    ["notify-keyspace-events", ""],
    ["latency-tracking-info-percentiles", "50 99.123456789 0.0"],
    ["latency-tracking-info-percentiles", "50 101"],
    ["latency-tracking-info-percentiles", "x"],
    ["latency-tracking-info-percentiles", ""],
    ["shutdown-on-sigint", "nosave now force"],
    ["shutdown-on-sigint", "force save"],
    ["shutdown-on-sigint", "save nosave"],
    ["shutdown-on-sigint", "save later"],
    ["shutdown-on-sigterm", "default now"],
    ["shutdown-on-sigterm", ""],
    ["maxmemory-clients", "5%"],
    ["maxmemory-clients", "101%"],
    ["maxmemory-clients", "x"],
    ["maxmemory-clients", "0%"],
    ["requirepass", "hush"],
    ["requirepass", ""],
    ["maxclients", "0"],
    ["maxclients", "100"],
    ["dir", "/tmp"],
    ["dbfilename", "other.rdb"],
    ["databases", "4"],
    ["no-such-thing", "4"],
    ["hz", "1000"],
    ["hz", "0"],
    ["oom-score-adj", "relative", "oom-score-adj-values", "0 0 0", "oom-score-adj", "no"],
    ["hz", "20", "timeout", "5"],
    ["hz", "30", "timeout", "x"],
    ["hz", "30", "timeout", "6", "maxmemory", "1x"],
    ["hz", "30", "hz", "40"],
    ["HZ", "30", "hz", "40"],
    ["hz", "30", "daemonize", "yes"],
    ["hz", "30", "Daemonize", "yes", "nothing", "5"],
    ["hz", "30", "nothing", "5", "daemonize", "yes"],
    ["hash-max-ziplist-entries", "30", "hash-max-listpack-entries", "40"],
    ["hash-max-ziplist-entries", "x"],
    ["hz", "x", "hash-max-ziplist-entries", "30"],
    ["maxmemory", "100mb", "maxmemory-policy", "AllKeys-LRU", "save", "60 1"],
  ] as string[][])("%s %j %s %s %s %s", async (...words: unknown[]) => {
    await same(...words.filter((word) => typeof word === "string"));
  });

  test.each([
    [["maxmemory"]],
    [["MAXMEMORY", "maxmemory", "maxmemory*"]],
    [["hash-max-*-entries", "slaveof", "no-such"]],
    [["max\\memory", "[hz]z"]],
    [["watchdog-period", "watchdog-*"]],
  ])("CONFIG GET %j", async (patterns) => {
    expect(Object.fromEntries(config.matching(patterns))).toEqual(
      mapOf(await redis.send("CONFIG", "GET", ...patterns)),
    );
  });
});

describe("on its own", () => {
  const set = (config: Config, ...words: string[]) =>
    ours(
      config,
      words.flatMap((word, i): [string, string][] => (i % 2 === 0 ? [[word, words[i + 1] as string]] : [])),
    );

  test("guarded directives need enable-protected-configs", () => {
    const config = new Config();
    expect(set(config, "dbfilename", "a.rdb")).toContain("argument 'dbfilename') - can't set protected config");
    config.load("enable-protected-configs", ["local"]);
    expect(set(config, "dbfilename", "a.rdb")).toBe("+OK\r\n");
    expect(() => config.set([["dbfilename", "b.rdb"]], { ...ASKER, isLocal: false })).toThrow("protected config");
    expect(set(config, "dbfilename", "a/b.rdb")).toContain("dbfilename can't be a path, just a filename");
    expect(set(config, "dir", "/does/not/exist")).toContain("'dir') - No such file or directory");
    expect(set(config, "dir", "/dev/null")).toContain("'dir') - Not a directory");
    expect(set(config, "dir", "/usr")).toBe("+OK\r\n");
    expect(set(config, "dir", "bin/../lib")).toBe("+OK\r\n");
    expect([config.get("dir"), config.get("dbfilename")]).toEqual(["/usr/lib", "a.rdb"]);
    expect(() => config.set([["appendonly", "yes"]], { ...ASKER, isLoading: true })).toThrow(/^LOADING /);
  });

  test("what only Folio has and nobody can change takes the value it has, as all that CONFIG GET lists is written back", () => {
    const config = new Config();
    expect(set(config, "mmap-safety", "lease", "INDEX-DIR", "", "allow-remote-fs", "no", "hz", "20")).toBe("+OK\r\n");
    expect(config.get("hz")).toBe("20");
    expect(set(config, "mmap-safety", "copy")).toContain("argument 'mmap-safety') - can't set immutable config");
    expect(set(config, "databases", config.get("databases"))).toContain("can't set immutable config");
  });

  test("listeners are told once, of what changed, when all is in place", () => {
    const config = new Config();
    const told: string[] = [];
    config.onChange(["maxmemory", "hz", "lua-time-limit"], (changed) =>
      told.push(`${changed} ${config.number("maxmemory")} ${config.number("hz")}`),
    );
    expect(set(config, "hz", "20", "timeout", "1", "maxmemory", "1kb")).toBe("+OK\r\n");
    expect(told.splice(0)).toEqual(["hz,maxmemory 1024 20"]);
    expect(set(config, "hz", "20", "maxmemory", "1024")).toBe("+OK\r\n");
    expect(set(config, "hz", "21", "maxmemory", "x")).toContain("must be a memory value");
    expect(told.splice(0)).toEqual([]);
    expect(set(config, "busy-reply-threshold", "6")).toBe("+OK\r\n");
    expect(told.splice(0)).toEqual(["busy-reply-threshold 1024 20"]);
    expect(() => config.onChange(["no-such"], () => {})).toThrow("no such directive");
  });

  test("a listener that refuses brings everything back, and who was told is told again", async () => {
    const { ConfigError } = await import("./directive.ts");
    const config = new Config();
    const seen: number[] = [];
    config.onChange(["hz"], () => seen.push(config.number("hz")));
    config.onChange(["timeout"], () => {
      if (config.number("timeout") > 10) throw new ConfigError("too long for this test");
    });
    config.onChange(["hz"], () => seen.push(-config.number("hz")));
    const refused = "-ERR CONFIG SET failed (possibly related to argument 'timeout') - too long for this test\r\n";
    expect(set(config, "hz", "20", "timeout", "11")).toBe(refused);
    expect(seen).toEqual([20, 10]);
    expect([config.get("hz"), config.number("timeout")]).toEqual(["10", 0]);
  });
});
