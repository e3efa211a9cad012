import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Config } from "./config.ts";
import { loadFile, loadText } from "./load.ts";
import { DIRECTIVES } from "./table.ts";

function configured(text: string): Config {
  const config = new Config();
  loadText(config, text, "test.conf");
  return config;
}

describe("values", () => {
  test.each([
    ["port 7000", "port", "7000"],
    ["PORT 7000", "port", "7000"],
    ["appendonly YES", "appendonly", "yes"],
    ["maxmemory 100mb", "maxmemory", "104857600"],
    ["maxmemory 2g", "maxmemory", "2000000000"],
    ["maxmemory 1K", "maxmemory", "1000"],
    ["maxmemory 7b", "maxmemory", "7"],
    ["maxmemory-clients 5%", "maxmemory-clients", "5%"],
    ["unixsocketperm 700", "unixsocketperm", "700"],
    ["save 3600 1 300 100", "save", "3600 1 300 100"],
    ["save 900 1\nsave 300 10", "save", "900 1 300 10"],
    ['save 900 1\nsave ""', "save", ""],
    ['save ""\nsave 60 5', "save", "60 5"],
    ["bind 127.0.0.1 -::1", "bind", "127.0.0.1 -::1"],
    [
      "client-output-buffer-limit normal 1mb 2kb 3",
      "client-output-buffer-limit",
      "normal 1048576 2048 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    ],
    [
      "client-output-buffer-limit replica 1 2 3",
      "client-output-buffer-limit",
      "normal 0 0 0 slave 1 2 3 pubsub 33554432 8388608 60",
    ],
    ["notify-keyspace-events KEA", "notify-keyspace-events", "AKE"],
    ["notify-keyspace-events lxK", "notify-keyspace-events", "lxK"],
    ["slaveof localhost 6000", "replicaof", "localhost 6000"],
    ["hash-max-ziplist-entries 5", "hash-max-listpack-entries", "5"],
    ["shutdown-on-sigint nosave now", "shutdown-on-sigint", "nosave now"],
    ['requirepass "a \\"quoted\\" \\x41"', "requirepass", 'a "quoted" A'],
    ["requirepass 'it\\'s'", "requirepass", "it's"],
    ["  \t hz 50 \r", "hz", "50"],
    ["# hz 50", "hz", "10"],
    ["mmap-safety copy", "mmap-safety", "copy"],
  ])("%j", (text, name, value) => {
    expect(configured(text).get(name)).toBe(value);
  });
});

describe("errors name file, line, text and reason", () => {
  test.each([
    ["port abc", "argument couldn't be parsed into an integer"],
    ["port 65536", "argument must be between 0 and 65535 inclusive"],
    ["port 1 2", "wrong number of arguments"],
    ["hz", "wrong number of arguments"],
    ["appendonly maybe", "argument must be 'yes' or 'no'"],
    ["maxmemory 1x", "argument must be a memory value"],
    ["maxmemory -1", "argument must be a memory value"],
    ["databases 0", "argument must be between 1 and 2147483647 inclusive"],
    ["loglevel loud", "argument(s) must be one of the following: debug, verbose, notice, warning"],
    ["dir /does/not/exist", "No such file or directory"],
    ["dir /dev/null", "Not a directory"],
    ["save 60", "Invalid save parameters"],
    ["save 0 1", "Invalid save parameters"],
    ['port "1', "Unbalanced quotes in configuration line"],
    ['port "1"2', "Unbalanced quotes in configuration line"],
    ["notify-keyspace-events Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
    ["prt 1", "there is no directive 'prt'. Did you mean 'port'?"],
    ["maxmemroy 1", "Did you mean 'maxmemory'"],
    ["zzzzzzzzzz 1", "there is no directive 'zzzzzzzzzz'"],
  ])("%j", (line, reason) => {
    const load = () => configured(`# first\n${line}\n`);
    expect(load).toThrow("Reading test.conf, at line 2");
    expect(load).toThrow(`>>> '${line}'`);
    expect(load).toThrow(reason);
  });

  test("a secret is not shown", () => {
    expect(() => configured('requirepass hush "x')).toThrow("(value not shown)");
    expect(() => configured("requirepass hush hush2")).not.toThrow("hush2");
  });
});

test("include reads other files, by pattern too, and reports errors where they are", () => {
  const dir = mkdtempSync(join(tmpdir(), "folio-config-"));
  try {
    writeFileSync(join(dir, "a.conf"), "port 1\nhz 20\n");
    writeFileSync(join(dir, "b.conf"), "port 2\n");
    writeFileSync(join(dir, "main.conf"), `include ${dir}/[ab].conf\ninclude ${dir}/none-*.conf\n`);
    const config = new Config();
    loadFile(config, join(dir, "main.conf"));
    expect([config.get("port"), config.get("hz")]).toEqual(["2", "20"]);
    writeFileSync(join(dir, "b.conf"), "\n\nport x\n");
    expect(() => loadFile(new Config(), join(dir, "main.conf"))).toThrow("b.conf, at line 3");
    writeFileSync(join(dir, "main.conf"), `include ${dir}/main.conf\n`);
    expect(() => loadFile(new Config(), join(dir, "main.conf"))).toThrow("nested more than");
    expect(() => loadFile(new Config(), join(dir, "gone.conf"))).toThrow("No such file or directory");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe("CONFIG GET", () => {
  const names = (...patterns: string[]) => new Config().matching(patterns).map(([name]) => name);
  test("patterns, several at once, no name twice", () => {
    expect(names("hash-max-*-entries").sort()).toEqual(["hash-max-listpack-entries", "hash-max-ziplist-entries"]);
    expect(names("PORT", "por?")).toEqual(["PORT"]);
    expect(names("por\\t", "port")).toEqual(["port"]);
    expect(names("nothing-such")).toEqual([]);
    expect(names("*").length).toBeGreaterThan(190);
  });
  test("hidden directives answer to their name only", () => {
    expect(names("*")).not.toContain("watchdog-period");
    expect(names("watchdog-period")).toEqual(["watchdog-period"]);
  });
});

test("every default is a value that its own form accepts", () => {
  for (const { name, initial, parse, several, addsUp } of DIRECTIVES) {
    if (name === "dir" || initial === "") continue;
    const words = several ? initial.split(" ") : [initial];
    expect(`${name} ${parse(words, addsUp ? "" : initial)}`).toBe(`${name} ${initial}`);
  }
});

test("no name and alias twice", () => {
  const all = DIRECTIVES.flatMap((d) => (d.alias === undefined ? [d.name] : [d.name, d.alias]));
  expect(new Set(all).size).toBe(all.length);
});
