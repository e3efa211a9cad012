/** Geo sets beside a real redis-server: every command, option and bad argument, small and large sets, RESP2 and RESP3. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { replyDifference } from "../../test/support/compare-replies.ts";
import { Differential } from "../../test/support/differential.ts";
import { seededRandom } from "../../test/support/random.ts";
import { type RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import { rows } from "./geo.ts";

const random = seededRandom("geo sets");
const LARGE = 9000;

async function fill(redis: RedisServer): Promise<void> {
  await redis.send("GEOADD", "sicily", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania");
  await redis.send("GEOADD", "sicily", "12.758489", "38.788135", "edge1", "17.241510", "38.788135", "17");
  const edges = [
    [-180, -85.05112878, "southwest"],
    [180, 85.05112878, "northeast"],
    [179.9999, 0.5, "east"],
    [-179.9999, 0.4, "west"],
    [0, 0, "origin"],
    [10, 84.9, "north"],
    [-70, -84.8, "south"],
  ];
  for (const edge of edges) await redis.send("GEOADD", "edges", ...edge);
  for (let at = 0; at < LARGE; at += 500) {
    const points = Array.from({ length: 500 }, (_, i) => [random() * 360 - 180, random() * 170 - 85, `p${at + i}`]);
    await redis.send("GEOADD", "world", ...points.flat());
  }
  for (let i = 0; i < 600; i++) await redis.send("GEOADD", "town", 2.3 + random() / 10, 48.8 + random() / 10, `t${i}`);
  await redis.send(
    "ZADD",
    "scores",
    -1,
    "minus",
    0.5,
    "half",
    1e300,
    "huge",
    "inf",
    "inf",
    "-inf",
    "-inf",
    2 ** 52,
    "two",
  );
  await redis.send("SET", "text", "hello");
}

const KEYS = ["sicily", "edges", "world", "town", "none", "text"];

function commands(): string[][] {
  const list: string[][] = [];
  const add = (...words: (string | number)[]) => list.push(words.map(String));
  const members = [
    "Palermo",
    "Catania",
    "17",
    "east",
    "west",
    "north",
    "p5",
    "p7999",
    "t3",
    "nosuch",
    "minus",
    "two",
    "",
  ];
  for (const key of [...KEYS, "scores"]) {
    add("GEOHASH", key, ...members);
    add("GEOPOS", key, ...members);
    add("GEOHASH", key);
    add("GEOPOS", key);
    for (const [a, b] of [
      ["Palermo", "Catania"],
      ["east", "west"],
      ["p5", "p7999"],
      ["t3", "t3"],
      ["t3", "nosuch"],
    ]) {
      add("GEODIST", key, a as string, b as string);
      for (const unit of ["m", "KM", "Ft", "mi"]) add("GEODIST", key, a as string, b as string, unit);
    }
    add("GEODIST", key, "a", "b", "parsec");
    add("GEODIST", key, "a", "b", "m", "more");
  }
  const centres = [
    [15, 37],
    [2.35, 48.85],
    [179.99, 0.5],
    [-179.99, 0.4],
    [0, 84],
    [0, -84],
    [0, 0],
    [-180, -85],
    [180, 85],
  ];
  const shapes: (string | number)[][] = [
    ["BYRADIUS", 200, "km"],
    ["BYRADIUS", 3000, "m"],
    ["BYRADIUS", 5000, "mi"],
    ["BYRADIUS", 30000, "km"],
    ["BYRADIUS", 0, "m"],
    ["BYBOX", 400, 400, "km"],
    ["BYBOX", 6000, 12000, "ft"],
    ["BYBOX", 30000, 500, "km"],
    ["BYBOX", 0, 0, "m"],
  ];
  const withAll = ["WITHDIST", "WITHCOORD", "WITHHASH"];
  for (const key of KEYS) {
    for (const [longitude, latitude] of centres as [number, number][]) {
      for (const shape of shapes) {
        const search = ["GEOSEARCH", key, "FROMLONLAT", longitude, latitude, ...shape];
        add(...search);
        add(...search, "ASC", ...withAll);
        add(...search, "DESC", "COUNT", 5, "WITHDIST");
        add(...search, "COUNT", 3);
        add(...search, "COUNT", 3, "ANY", "WITHHASH");
        add(...search, "ANY", "COUNT", 4, "DESC");
      }
      for (const radius of [
        ["200", "km"],
        ["10000", "MI"],
        ["0.5", "m"],
      ]) {
        add("GEORADIUS_RO", key, longitude, latitude, ...radius, "WITHCOORD", "ASC");
        add("GEORADIUS", key, longitude, latitude, ...radius, "WITHDIST", "COUNT", 2);
      }
    }
    for (const member of ["Palermo", "p5", "t3", "north", "nosuch"]) {
      for (const shape of shapes) add("GEOSEARCH", key, "FROMMEMBER", member, ...shape, "DESC", ...withAll);
      add("GEORADIUSBYMEMBER_RO", key, member, 300, "km", "ASC", "WITHDIST");
      add("GEORADIUSBYMEMBER", key, member, 300, "ft", "DESC", "COUNT", 3);
    }
  }
  badCommands(add);
  return list;
}

function badCommands(add: (...words: (string | number)[]) => void): void {
  for (const key of ["sicily", "none", "text"]) {
    const at = ["FROMLONLAT", 15, 37];
    const circle = ["BYRADIUS", 200, "km"];
    add("GEOSEARCH", key, "FROMLONLAT", 181, 37, ...circle);
    add("GEOSEARCH", key, "FROMLONLAT", "1e300", "-inf", ...circle);
    add("GEOSEARCH", key, "FROMLONLAT", "x", 37, ...circle);
    add("GEOSEARCH", key, ...at, "BYRADIUS", "x", "km");
    add("GEOSEARCH", key, ...at, "BYRADIUS", -1, "km");
    add("GEOSEARCH", key, ...at, "BYRADIUS", 1, "au");
    add("GEOSEARCH", key, ...at, "BYBOX", "x", 1, "km");
    add("GEOSEARCH", key, ...at, "BYBOX", 1, "x", "km");
    add("GEOSEARCH", key, ...at, "BYBOX", 1, -1, "km");
    add("GEOSEARCH", key, ...at, "BYBOX", 1, 1, "yd");
    add("GEOSEARCH", key, ...at, ...circle, "BYBOX", 1, 1, "km");
    add("GEOSEARCH", key, ...at, ...circle, "BYRADIUS", 1, "km", "ASC");
    add("GEOSEARCH", key, ...at, "FROMMEMBER", "Palermo", ...circle);
    add("GEOSEARCH", key, "FROMMEMBER", "Palermo", ...at, ...circle);
    add("GEOSEARCH", key, "FROMMEMBER", "Palermo", "FROMMEMBER", "Catania", ...circle, "ASC");
    add("GEOSEARCH", key, ...at, "ASC", "DESC", "WITHDIST");
    add("GeoSearch", key, ...circle, "ASC", "WITHDIST");
    add("GEOSEARCH", key, ...at, ...circle, "ANY");
    add("GEOSEARCH", key, ...at, ...circle, "COUNT", 0);
    add("GEOSEARCH", key, ...at, ...circle, "COUNT", "x");
    add("GEOSEARCH", key, ...at, ...circle, "COUNT");
    add("GEOSEARCH", key, ...at, ...circle, "STOREDIST");
    add("GEOSEARCH", key, ...at, ...circle, "STORE", "to");
    add("GEORADIUS_RO", key, 15, 37, 200, "km", "STORE", "to");
    add("GEORADIUS", key, 15, 37, 200, "km", "STORE", "to", "WITHDIST");
    add("GEORADIUS", key, 15, 37, 200, "km", "ANY");
    add("GEORADIUS", key, 15, 37, 200, "km", "STORE");
    add("GEORADIUS", key, 15, 37, 200, "km", "FROMMEMBER", "Palermo");
    add("GEORADIUS", key, 15, 370, 200, "km");
    add("GEORADIUS", key, 15, 37, -200, "km");
    add("GEORADIUSBYMEMBER", key, "Palermo", "x", "km");
    add("GEORADIUSBYMEMBER", key, "nosuch", "x", "km");
    add("GEORADIUSBYMEMBER_RO", key, "Palermo", 1, "km", "BOGUS");
  }
  for (const row of rows) {
    add(row.name);
    add(row.name, "text");
  }
}

describe.skipIf(!redisInstalled)("geo sets beside redis-server (skipped where none is installed)", () => {
  let both: Differential;

  beforeAll(async () => {
    both = await Differential.start(rows, fill);
  });
  afterAll(() => both.stop());

  for (const protocol of [2, 3] as const) {
    test(`every reply is the same in RESP${protocol}`, async () => {
      await both.redis.send("HELLO", protocol);
      both.folio.protocol = protocol;
      const list = commands();
      expect(list.length).toBeGreaterThan(2000);
      const theirs = await both.redis.connection.sendAll(list);
      const differences: string[] = [];
      list.forEach((words, i) => {
        // Distances have four decimals, which two libraries of mathematics may round differently.
        const difference = replyDifference(both.folio.run(...words), theirs[i] as string, 0.00011);
        if (difference !== null) differences.push(`${words.join(" ")}: ${difference}`);
      });
      expect(differences.slice(0, 20)).toEqual([]);
    });
  }

  test("large sets are searched in slices", () => {
    both.folio.run("GEOSEARCH", "world", "FROMLONLAT", "0", "0", "BYRADIUS", "30000", "km");
    expect(both.folio.slices).toBeGreaterThan(10);
  });
});
