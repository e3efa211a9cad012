/**
 * Names and defaults beside a real redis-server's CONFIG GET *. Differences are listed, each with its reason.
 */
import { expect, test } from "bun:test";
import { RedisServer, redisInstalled } from "../../../test/support/redis-server.ts";
import { Config } from "./config.ts";

/** Set by the test's own way of starting redis-server. */
const GIVEN_BY_THE_TEST = new Set(["enable-debug-command", "port", "bind", "dir", "save", "appendonly"]);

/** Listed by 7.0, hidden in 7.2. */
const ONLY_7_0 = new Set(["aof-disable-auto-gc"]);

/** In 7.2 (whose configuration Folio follows) or Folio's own; the installed redis-server may be 7.0. */
const ONLY_FOLIO = new Set([
  "set-max-listpack-entries",
  "set-max-listpack-value",
  "cluster-announce-human-nodename",
  "locale-collate",
  "mmap-safety",
  "rdb-version",
  "index-dir",
  "allow-remote-fs",
]);

test.skipIf(!redisInstalled)("CONFIG GET * has Redis's names and defaults", async () => {
  const redis = await RedisServer.start();
  try {
    // Later versions have directives of capabilities that Folio does not follow.
    const version = /redis_version:(7\.[02]\.)/.exec(await redis.send("INFO", "server"));
    if (version === null) return console.log("not compared: this redis-server is no 7.0 or 7.2");
    const reply = await redis.send("CONFIG", "GET", "*");
    const lines = reply.split("\r\n").slice(1, -1);
    const words = lines.filter((_, i) => i % 2 === 1);
    const theirs = new Map<string, string>();
    for (let i = 0; i < words.length; i += 2) theirs.set(words[i] as string, words[i + 1] as string);
    const ours = new Map(new Config().matching(["*"]));
    expect([...theirs.keys()].filter((name) => !ours.has(name) && !ONLY_7_0.has(name))).toEqual([]);
    expect([...ours.keys()].filter((name) => !theirs.has(name) && !ONLY_FOLIO.has(name))).toEqual([]);
    const different = [...theirs].filter(
      ([name, value]) => !GIVEN_BY_THE_TEST.has(name) && !ONLY_7_0.has(name) && ours.get(name) !== value,
    );
    expect(different.map(([name, value]) => `${name}: ${value} / ${ours.get(name)}`)).toEqual([]);
  } finally {
    await redis.stop();
  }
});
