/**
 * INFO's sections and field names beside a real redis-server's, and its form.
 */
import { expect, test } from "bun:test";
import { RedisServer, redisInstalled } from "../../../test/support/redis-server.ts";
import type { Client, ClientConnection } from "../../commands/client.ts";
import { Config } from "../config/config.ts";
import { FolioServer } from "../server.ts";

function server(): FolioServer {
  return new FolioServer({
    config: new Config(),
    log: () => {},
    configFile: "",
    executable: "/bin/folio",
    snapshotPath: "/nowhere/dump.rdb",
    startedAtMs: Date.now(),
    onEnd: () => {},
    onLost: () => {},
  });
}

/** section → field names */
function fields(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split("\r\n")) {
    if (line.startsWith("# ")) sections.set(line.slice(2), (current = []));
    else if (line !== "") current.push(line.slice(0, line.indexOf(":")));
  }
  return sections;
}

/** Fields that Folio leaves out: keys differ by run (command names), or the thing measured is not there. */
const LEFT_OUT = /^(cmdstat_|errorstat_|latency_percentiles_|db\d)/;

test.skipIf(!redisInstalled)("every section and field of redis-server is there", async () => {
  const redis = await RedisServer.start();
  try {
    const reply = await redis.send("INFO", "everything");
    // Later versions have fields of capabilities that Folio does not follow.
    if (!/redis_version:7\.[02]\./.test(reply)) return console.log("not compared: this redis-server is no 7.0 or 7.2");
    const theirs = fields(reply.slice(reply.indexOf("\r\n") + 2, -2));
    const ours = fields(server().info(["everything"]));
    const missing: string[] = [];
    for (const [section, names] of theirs) {
      if (!ours.has(section)) missing.push(`# ${section}`);
      for (const name of names) {
        if (!LEFT_OUT.test(name) && !ours.get(section)?.includes(name)) missing.push(`${section}: ${name}`);
      }
    }
    expect(missing).toEqual([]);
  } finally {
    await redis.stop();
  }
});

test("sections by name, in any case, several, unknown ones left out", () => {
  const names = (...asked: string[]) => [...fields(server().info(asked)).keys()];
  expect(names("SERVER", "keyspace", "nothing")).toEqual(["Server", "Keyspace"]);
  expect(names("nothing")).toEqual([]);
  expect(names()).toContain("Layers");
  expect(names()).not.toContain("Commandstats");
  expect(names("default", "commandstats")).toContain("Commandstats");
  expect(names("all")).toEqual(names("everything"));
});

test("the form: title, lines, a blank line between sections", () => {
  const text = server().info(["cluster", "modules"]);
  expect(text).toBe("# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
});

test("while loading: Redis's loading fields, and an estimate", () => {
  const folio = server();
  const started = Date.now() - 10_000;
  folio.loadingState.begin(started);
  folio.loadingState.step(250, 1000, 7);
  const lines = folio.info(["persistence"]).split("\r\n");
  for (const line of [
    "loading:1",
    `loading_start_time:${Math.floor(started / 1000)}`,
    "loading_total_bytes:1000",
    "loading_loaded_bytes:250",
    "loading_loaded_perc:25.00",
    "loading_eta_seconds:30",
  ]) {
    expect(lines).toContain(line);
  }
});

test("clients that wait for time, or for the end of a pause, are blocked, those whose command runs in slices are not", () => {
  const folio = server();
  const connection = { queryBytes: 0, pendingBytes: 0 } as ClientConnection;
  const clients = Array.from({ length: 5 }, () => folio.clients.add(connection, 0));
  for (const client of clients.slice(1)) client.parked = true;
  Object.assign(clients[2] as Client, { wakeAtMs: Number.POSITIVE_INFINITY });
  Object.assign(clients[3] as Client, { wakeAtMs: 1 });
  Object.assign(clients[4] as Client, { postponed: true });
  const lines = folio.info(["clients"]).split("\r\n");
  expect(lines).toContain("connected_clients:5");
  expect(lines).toContain("blocked_clients:3");
  expect(lines).toContain("clients_in_timeout_table:1");
  expect(lines).toContain("sliced_clients:1");
});

test("listeners have Redis's form", () => {
  expect(server().info(["server"])).toContain("\r\nlistener0:name=tcp,bind=*,bind=-::*,port=6379\r\n");
});

test("error and command counters have Redis's form", () => {
  const folio = server();
  folio.stats.countError("WRONGTYPE Operation");
  Object.assign(folio.stats.command("get"), { calls: 4, usec: 10, rejected: 1, failed: 2 });
  expect(folio.info(["errorstats"])).toBe("# Errorstats\r\nerrorstat_WRONGTYPE:count=1\r\n");
  expect(folio.info(["commandstats"])).toBe(
    "# Commandstats\r\ncmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=2\r\n",
  );
});
