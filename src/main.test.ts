/**
 * The whole program through its launcher: what it says and how it ends, for good and bad starts.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, REPOSITORY, ServerProcess, spawnFolio } from "../test/support/processes.ts";
import { RdbWriter } from "../test/support/rdb-writer.ts";
import { RespClient } from "../test/support/resp-client.ts";

const FOLIO = join(REPOSITORY, "bin/folio");
const EXAMPLE = join(REPOSITORY, "examples/dump.rdb");

const LOADING_KEYS = 300_000;
const LOADING_VALUE = "v".repeat(150);

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "folio-main-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A directory of its own with the example dump. */
function dataDir(name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  copyFileSync(EXAMPLE, join(path, "dump.rdb"));
  return path;
}

function run(...args: string[]): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([FOLIO, ...args], { stdin: "ignore" });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe("answers and ends", () => {
  test("--help and --version", () => {
    expect(run("--help")).toMatchObject({ code: 0, err: "" });
    expect(run("--help").out).toContain("mmap-safety");
    expect(run("--version").out).toMatch(/^Folio v=\d+\.\d+\.\d+ redis=7\.2\.\d+ /);
  });
  test("through a symbolic link, from elsewhere", () => {
    const link = join(dir, "folio-link");
    Bun.spawnSync(["ln", "-s", FOLIO, link]);
    expect(Bun.spawnSync([link, "--version"], { cwd: "/" }).stdout.toString()).toStartWith("Folio v=");
  });
});

describe("a start that cannot be: exit code 1, one line on standard error, nothing on standard output", () => {
  const bad: [name: string, args: () => string[], said: string][] = [
    ["a missing snapshot", () => [join(dir, "none.rdb")], "none.rdb: cannot be opened: No such file or directory"],
    ["a directory", () => [dir], "is a directory"],
    ["an empty file", () => [file("empty.rdb", "")], "found an empty file"],
    ["a wrong magic", () => [file("wrong.rdb", "NOTREDIS, really")], "offset 0"],
    ["a compressed file", () => [file("dump.gz", "\x1f\x8b\x08\0\0")], "not compressed"],
    ["a newer version", () => [file("newer.rdb", "REDIS9999\xff")], "Serve it with a newer Folio"],
    ["a cut file", () => [file("cut.rdb", readFileSync(EXAMPLE, "latin1").slice(0, 20_000))], "cut short"],
    ["two snapshots", () => [EXAMPLE, EXAMPLE], "a second snapshot"],
    ["no listener", () => ["--port", "0"], "not listen anywhere"],
    ["a log file nowhere", () => ["--port", "1", "--logfile", "/nowhere/x.log"], "log file cannot be opened"],
    ["an ACL file", () => ["--aclfile", "users.acl"], "cannot enforce"],
    ["an unknown option", () => ["-q"], "Unknown option '-q'"],
    ["--sentinel", () => ["--sentinel"], "no Sentinel"],
  ];
  test.each(bad)("%s", (_name, args, said) => {
    const { code, out, err } = run(...args());
    expect(err).toContain(said);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 1, out: "" });
  });

  test("a configuration error is Redis's block", () => {
    const { code, err } = run(file("bad.conf", "hz 10\nprot 7000\n"));
    expect(code).toBe(1);
    expect(err).toContain("*** FATAL CONFIG FILE ERROR");
    expect(err).toContain("bad.conf, at line 2\n>>> 'prot 7000'\n");
    expect(err).toContain("Did you mean 'port' or");
  });

  test("a file behind the options is pointed out", () => {
    expect(run("--port", "7000", EXAMPLE).err).toContain("files come before options");
  });

  test("a start that fails takes its pid file away", () => {
    const pidFile = join(dir, "failed.pid");
    expect(run(file("half.rdb", "REDIS0011"), "--pidfile", pidFile).code).toBe(1);
    expect(existsSync(pidFile)).toBe(false);
  });

  test("a port in use, a unix socket path that is a file", () => {
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { code, err } = run("--dir", dir, "--bind", "127.0.0.1", "--port", String(taken.port));
    taken.stop(true);
    expect(code).toBe(1);
    expect(err).toContain("Address already in use");
    const path = file("precious", "data");
    expect(run("--dir", dir, "--port", "0", "--unixsocket", path).err).toContain("is no socket");
    expect(readFileSync(path, "utf8")).toBe("data");
  });

  function file(name: string, text: string): string {
    writeFileSync(join(dir, name), Buffer.from(text, "latin1"));
    return join(dir, name);
  }
});

describe("serves", () => {
  test("the example dump, first with a new index, then by it; ends cleanly on SIGTERM", async () => {
    const data = dataDir("serve");
    const before = readFileSync(join(data, "dump.rdb"));
    for (const said of ["building it", "built"]) {
      const folio = await spawnFolio([join(data, "dump.rdb"), "--pidfile", join(data, "pid")]).ready();
      const client = await folio.connect();
      expect(await client.command("GET", "greeting")).toBe("Hello from a mapped file");
      expect(readFileSync(join(data, "pid"), "utf8").trim()).toBe(String(folio.pid));
      client.close();
      // Not only when it ends.
      while (!folio.output.includes("Ready to accept connections")) await Bun.sleep(5);
      expect(await folio.stop("SIGTERM")).toBe(0);
      expect(folio.output).toContain(said);
      expect(folio.output).toContain("ready to exit, bye bye");
      expect(existsSync(join(data, "pid"))).toBe(false);
    }
    expect(readFileSync(join(data, "dump.rdb"))).toEqual(before);
  });

  test("an empty dataset where dir and dbfilename name nothing", async () => {
    const folio = await spawnFolio(["--dir", dir, "--dbfilename", "nothing.rdb"]).ready();
    const client = await folio.connect();
    expect(await client.command("DBSIZE")).toBe(0);
    client.close();
    expect(await folio.stop("SIGINT")).toBe(0);
    expect(folio.output).toContain("serving an empty dataset");
  });

  test("by a configuration file: password, log file, unix socket, SIGHUP ignored", async () => {
    const data = dataDir("conf");
    const socket = join(data, "folio.sock");
    const log = join(data, "folio.log");
    const conf = join(data, "redis.conf");
    writeFileSync(
      conf,
      `# as found in the wild\ndir ${data}\nrequirepass "two words"\nlogfile ${log}\nunixsocket ${socket}\nunixsocketperm 700\n` +
        "rdb-save-incremental-fsync yes\nappendonly no\nsave 900 1\nsupervised auto\n",
    );
    const folio = spawnFolio([conf]);
    const client = await connectEventually(socket);
    expect(String(await client.command("GET", "greeting"))).toStartWith("-NOAUTH");
    expect(await client.command("AUTH", "two words")).toBe("+OK");
    folio.child.kill("SIGHUP");
    expect(await client.command("GET", "greeting")).toBe("Hello from a mapped file");
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    client.close();
    expect(await folio.stop()).toBe(0);
    expect(existsSync(socket)).toBe(false);
    const logged = readFileSync(log, "utf8");
    expect(logged).toMatch(/^\d+:M \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} \* Folio version=/);
    expect(logged).toContain("not needed by Folio: rdb-save-incremental-fsync");
    expect(folio.output).toBe("");
  });

  test("a second one on the same directory is refused, the first goes on", async () => {
    const data = dataDir("twice");
    const first = await spawnFolio([join(data, "dump.rdb")]).ready();
    const second = run(join(data, "dump.rdb"), "--port", String(freePort()));
    expect(second.code).toBe(1);
    expect(second.err).toContain(`pid ${first.pid}`);
    const client = await first.connect();
    expect(await client.command("PING")).toBe("+PONG");
    client.close();
    expect(await first.stop()).toBe(0);
  });

  test("fewer clients where the limit of open files is low", async () => {
    const port = freePort();
    const command = `ulimit -n 200; exec ${FOLIO} --dir ${dir} --port ${port} --bind 127.0.0.1`;
    const folio = await new ServerProcess(["bash", "-c", command], port).ready();
    const client = await folio.connect();
    expect(await client.command("CONFIG", "GET", "maxclients")).toEqual(["maxclients", "168"]);
    client.close();
    expect(await folio.stop()).toBe(0);
    expect(folio.output).toContain("leaves room for 168 of 10000 clients");
  });

  test("-LOADING while the index is built, with Redis's INFO fields; SIGTERM then leaves no half index", async () => {
    const data = join(dir, "loading");
    mkdirSync(data);
    const path = join(data, "dump.rdb");
    const writer = new RdbWriter(path);
    writer.select(0).resize(LOADING_KEYS, 0);
    for (let i = 0; i < LOADING_KEYS; i++) writer.set(`key:${i}`, LOADING_VALUE);
    writer.finish();
    const folio = spawnFolio([path]);
    const client = await connectEventually(folio.port);
    const [reply, info] = await client.pipeline([
      ["GET", "key:1"],
      ["INFO", "persistence"],
    ]);
    // A quick machine may be done already: then there is nothing to see here.
    if (reply === LOADING_VALUE) console.log("the index was built before it could be watched");
    else {
      expect(reply).toBe("-LOADING Redis is loading the dataset in memory");
      expect(String(info)).toContain("loading:1\r\n");
      for (const field of ["start_time", "total_bytes", "loaded_bytes", "loaded_perc", "eta_seconds"]) {
        expect(String(info)).toMatch(new RegExp(`^loading_${field}:[\\d.]+\r$`, "m"));
      }
    }
    client.close();
    expect(await folio.stop("SIGTERM")).toBe(0);
    expect(readdirSync(data).filter((name) => !/^dump\.rdb(\.idx)?$/.test(name))).toEqual([]);
    const again = await spawnFolio([path]).ready();
    const reader = await again.connect();
    expect(await reader.command("GET", `key:${LOADING_KEYS - 1}`)).toBe(LOADING_VALUE);
    reader.close();
    expect(await again.stop()).toBe(0);
  }, 60_000);

  test("lines from standard input", async () => {
    const port = freePort();
    const command = `printf 'port ${port}\\nbind 127.0.0.1\\n' | exec ${FOLIO} --dir ${dir} -`;
    const folio = await new ServerProcess(["bash", "-c", command], port).ready();
    const client = await folio.connect();
    expect(String(await client.command("PING"))).toBe("+PONG");
    await client.command("SHUTDOWN", "NOSAVE").catch(() => {});
    await folio.child.exited;
    client.close();
  });

  test("in the background with daemonize yes", async () => {
    const port = freePort();
    const pidFile = join(dir, "daemon.pid");
    const args = [
      "--dir",
      dir,
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--daemonize",
      "yes",
      "--pidfile",
      pidFile,
    ];
    expect(run(...args)).toMatchObject({ code: 0, err: "" });
    const client = await connectEventually(port);
    expect(await client.command("PING")).toBe("+PONG");
    const pid = Number(readFileSync(pidFile, "utf8"));
    client.close();
    process.kill(pid, "SIGTERM");
    for (let i = 0; i < 500 && existsSync(pidFile); i++) await Bun.sleep(10);
    expect(existsSync(pidFile)).toBe(false);
  });
});

async function connectEventually(to: number | string): Promise<RespClient> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const client = await RespClient.connect(to).catch(() => null);
    if (client !== null) return client;
    await Bun.sleep(10);
  }
  throw new Error(`nobody listens on ${to}`);
}
