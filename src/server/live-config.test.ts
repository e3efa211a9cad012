/**
 * CONFIG SET, CONFIG REWRITE and a restart through sockets: values take effect at once in a running server.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type ServerProcess, spawnFolio } from "../../test/support/processes.ts";
import { RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

describe("the command path follows", () => {
  let server: StubServer;
  let client: RespClient;
  const set = (...words: string[]) => client.command("CONFIG", "SET", ...words);

  beforeAll(async () => {
    server = new StubServer();
    client = await RespClient.connect(server.port);
  });
  afterAll(() => {
    client.close();
    server.stop();
  });

  test("requirepass: who is there stays in, who comes must know it; without one everybody may go on", async () => {
    expect(await set("requirepass", "hush")).toBe("+OK");
    expect(await client.command("PING")).toBe("+PONG");
    const other = await RespClient.connect(server.port);
    expect(String(await other.command("PING"))).toStartWith("-NOAUTH");
    expect(await other.command("AUTH", "hush")).toBe("+OK");
    const third = await RespClient.connect(server.port);
    expect(String(await third.command("PING"))).toStartWith("-NOAUTH");
    expect(await set("requirepass", "")).toBe("+OK");
    expect(await third.command("PING")).toBe("+PONG");
    other.close();
    third.close();
  });

  test("maxclients", async () => {
    expect(await set("maxclients", "1")).toBe("+OK");
    const other = await RespClient.connect(server.port);
    expect(await other.command("PING").catch((error: Error) => error.message)).toMatch(/max number of clients|closed/);
    expect(await set("maxclients", "10000")).toBe("+OK");
    const third = await RespClient.connect(server.port);
    expect(await third.command("PING")).toBe("+PONG");
    third.close();
  });

  test("proto-max-bulk-len and client-query-buffer-limit", async () => {
    expect(await set("proto-max-bulk-len", "1mb", "client-query-buffer-limit", "3mb")).toBe("+OK");
    const other = await RespClient.connect(server.port);
    const reply = await other.raw("*2\r\n$4\r\nPING\r\n$1048577\r\n").catch((error: Error) => [error.message]);
    expect(String(reply[0])).toContain("Protocol error: invalid bulk length");
    expect(server.dispatcher.limits).toMatchObject({ queryBytesMax: 3 * 2 ** 20, bulkBytesMax: 2 ** 20 });
    expect(await set("client-output-buffer-limit", "normal 7mb 5mb 3")).toBe("+OK");
    expect(server.dispatcher.limits).toMatchObject({ outputHardBytes: 7 * 2 ** 20, outputSoftSeconds: 3 });
    expect(await set("proto-max-bulk-len", "512mb", "client-output-buffer-limit", "normal 0 0 0")).toBe("+OK");
  });

  test("the slow log: threshold, length, and passwords left out", async () => {
    expect(await set("slowlog-log-slower-than", "0", "slowlog-max-len", "2")).toBe("+OK");
    expect(await set("requirepass", "hush", "hz", "20", "masterauth", "hush2")).toBe("+OK");
    expect(await client.command("PING", "a")).toBe("a");
    const entries = JSON.stringify(await client.command("SLOWLOG", "GET", "10"));
    expect(entries).toContain('["CONFIG","SET","requirepass","(redacted)","hz","20","masterauth","(redacted)"]');
    expect(entries).not.toContain("hush");
    expect(await client.command("SLOWLOG", "LEN")).toBe(2);
    expect(await set("slowlog-log-slower-than", "-1", "requirepass", "")).toBe("+OK");
    expect(await client.command("SLOWLOG", "RESET")).toBe("+OK");
    expect(await client.command("SLOWLOG", "LEN")).toBe(0);
  });

  test("arity and syntax, all or nothing", async () => {
    expect(await client.command("CONFIG", "SET", "hz")).toBe("-ERR wrong number of arguments for 'config|set' command");
    expect(await set("hz", "30", "timeout")).toBe("-ERR syntax error");
    expect(String(await set("hz", "30", "timeout", "x"))).toContain("couldn't be parsed into an integer");
    expect(await client.command("CONFIG", "GET", "hz")).toEqual(["hz", "20"]);
    expect(await client.command("CONFIG", "REWRITE")).toBe("-ERR The server is running without a config file");
    server.loading = true;
    expect(String(await set("appendonly", "yes"))).toStartWith("-LOADING ");
    expect(await set("hz", "21")).toBe("+OK");
    server.loading = false;
  });

  test("CONFIG RESETSTAT", async () => {
    expect(await client.command("CONFIG", "RESETSTAT")).toBe("+OK");
    expect([server.stats.commandsProcessed, server.stats.errorReplies]).toEqual([1, 0]);
  });
});

describe("the whole program", () => {
  let dir: string;
  let conf: string;
  let folio: ServerProcess;
  let client: RespClient;
  const set = (...words: string[]) => client.command("CONFIG", "SET", ...words);

  beforeAll(async () => {
    dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "folio-live-")));
    fs.mkdirSync(join(dir, "a"));
    fs.mkdirSync(join(dir, "b"));
    conf = join(dir, "redis.conf");
    fs.writeFileSync(join(dir, "extra.conf"), "timeout 0\nhash-max-listpack-entries 77\n");
    fs.writeFileSync(
      conf,
      `# ours\ninclude extra.conf\ndir ${dir}/a\nlogfile folio.log\nenable-protected-configs local\nmaxmemory 1gb\n`,
    );
    folio = await spawnFolio([conf], { cwd: dir }).ready();
    client = await folio.connect();
  });
  afterAll(async () => {
    client.close();
    await folio.stop();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  test("loglevel, and what has no effect is said", async () => {
    const logged = () => fs.readFileSync(join(dir, "a/folio.log"), "utf8");
    expect(await set("loglevel", "warning")).toBe("+OK");
    expect(await set("repl-timeout", "61")).toBe("+OK");
    expect(await set("loglevel", "verbose", "repl-ping-slave-period", "62")).toBe("+OK");
    const line = "Accepted, without effect in this version: repl-ping-replica-period";
    // The first lines of a start are held back for a moment.
    await eventually(async () => expect(logged()).toContain(line));
    expect(logged()).not.toContain("repl-timeout");
  });

  test("maxclients beyond the limit of open files, appendonly and tls-port are refused, and nothing changes", async () => {
    const failed = "-ERR CONFIG SET failed (possibly related to argument";
    expect(String(await set("hz", "30", "maxclients", "4000000000"))).toStartWith(
      `${failed} 'maxclients') - The operating system is not able to handle the specified number of clients, try with `,
    );
    expect(await set("appendonly", "yes")).toBe(`${failed} 'appendonly') - Unable to turn on AOF. Check server logs.`);
    expect(await set("tls-port", "1")).toBe(
      `${failed} 'tls-port') - Unable to listen on this port. Check server logs.`,
    );
    expect(await client.command("CONFIG", "GET", "hz", "maxclients", "appendonly", "tls-port")).toEqual(
      ["hz", "10", "maxclients", "10000", "appendonly", "no", "tls-port", "0"].map((word) =>
        word === "10000" ? expect.any(String) : word,
      ),
    );
    expect(await set("appendonly", "no")).toBe("+OK");
  });

  test("port and bind: listened at anew, clients stay; a port in use changes nothing", async () => {
    const port = freePort();
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    expect(await set("port", `${port}`)).toBe("+OK");
    const there = await RespClient.connect(port);
    expect(await there.command("CONFIG", "GET", "port")).toEqual(["port", `${port}`]);
    expect(await RespClient.connect(folio.port).catch(() => "refused")).toBe("refused");
    expect(await set("hz", "31", "port", `${taken.port}`)).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
    );
    taken.stop(true);
    expect(await set("bind", "203.0.113.1")).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.",
    );
    const again = await RespClient.connect(port);
    expect(await again.command("CONFIG", "GET", "hz", "bind")).toEqual(["hz", "10", "bind", "127.0.0.1"]);
    expect(await set("bind", "* -::*")).toBe("+OK");
    expect(String(await client.command("INFO", "server"))).toContain(`bind=*,bind=-::*,port=${port}`);
    expect(await set("port", `${folio.port}`, "bind", "127.0.0.1")).toBe("+OK");
    for (const one of [there, again]) {
      expect(await one.command("PING")).toBe("+PONG");
      one.close();
    }
  });

  test("dir moves what is relative", async () => {
    expect(await set("dir", join(dir, "b"))).toBe("+OK");
    expect(await client.command("CONFIG", "GET", "dir")).toEqual(["dir", join(dir, "b")]);
    expect(await set("repl-timeout", "63")).toBe("+OK");
    expect(fs.readFileSync(join(dir, "b/folio.log"), "utf8")).toContain("repl-timeout");
    expect(await set("dir", "../a", "dbfilename", "other.rdb")).toBe("+OK");
    expect(await client.command("CONFIG", "GET", "dir", "dbfilename")).toEqual([
      "dir",
      join(dir, "a"),
      "dbfilename",
      "other.rdb",
    ]);
  });

  test("written, and after a restart the same", async () => {
    const password = 'a "b" \\\n\x01';
    expect(await set("save", "60 1 300 10", "requirepass", password, "maxmemory", "100mb", "hz", "25")).toBe("+OK");
    expect(await set("client-output-buffer-limit", "pubsub 1mb 1kb 7", "notify-keyspace-events", "KEA")).toBe("+OK");
    expect(await set("maxmemory-policy", "allkeys-lfu", "rdb-version", "12", "loglevel", "notice")).toBe("+OK");
    const before = await client.command("CONFIG", "GET", "*");
    expect(await client.command("CONFIG", "REWRITE")).toBe("+OK");
    const text = fs.readFileSync(conf, "latin1");
    expect(text).toStartWith(
      `# ours\ninclude extra.conf\ndir ${dir}/a\nlogfile folio.log\nenable-protected-configs local\nmaxmemory 100mb\n` +
        "# Generated by CONFIG REWRITE\n",
    );
    expect(text).toContain("\nsave 60 1\nsave 300 10\n");
    client.close();
    await folio.stop();
    folio = spawnFolio([conf], { cwd: dir });
    client = await eventually(() => folio.connect());
    expect(await client.command("AUTH", password)).toBe("+OK");
    // The port is another one, given on the command line.
    const own = (flat: unknown) => (flat as string[]).filter((_, i, all) => all[i - (i % 2)] !== "port");
    expect(own(await client.command("CONFIG", "GET", "*"))).toEqual(own(before));
    fs.writeFileSync(conf, "nonsense\n");
    expect(String(await client.command("CONFIG", "REWRITE"))).toContain("redis.conf, at line 1: ");
    expect(fs.readFileSync(conf, "utf8")).toBe("nonsense\n");
  });
});

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await Bun.sleep(10);
    }
  }
}
