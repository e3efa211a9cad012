/** LATENCY: histograms of commands, events, and their pictures beside redis-server's. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { REDIS_SERVER, spawnRedis } from "../../test/support/processes.ts";
import { RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { LatencyEvents } from "./latency-events.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { latencyGraph } from "./latency-text.ts";

describe("a histogram", () => {
  test("steps at Redis's bounds", () => {
    const histogram = new LatencyHistogram();
    for (let usec = 1; usec < 2_000_000; usec *= 2) histogram.add(usec, 1);
    const bounds = histogram.steps().map(([usec]) => usec);
    const theirs = [1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16_908, 33_816, 67_633, 135_266];
    expect(bounds).toEqual([...theirs, 270_532, 541_065, 1_082_130]);
    expect(histogram.steps().map(([, calls]) => calls)).toEqual(bounds.map((_, i) => i + 1));
    expect(histogram.calls).toBe(21);
  });

  test("only bounds with more calls than the one before; a second and more are alike; nothing is nothing", () => {
    const histogram = new LatencyHistogram();
    expect([histogram.steps(), histogram.percentile(50)]).toEqual([[], 0]);
    for (const usec of [0, 0.5, 100, 100, 5e6, 9e9]) histogram.add(usec, 1);
    expect(histogram.steps()).toEqual([
      [1, 2],
      [132, 4],
      [1_082_130, 6],
    ]);
  });

  test("percentiles are right to less than one in a hundred", () => {
    const histogram = new LatencyHistogram();
    for (let usec = 1; usec <= 10_000; usec++) histogram.add(usec, 1);
    for (const percent of [0.01, 1, 25, 50, 90, 99, 99.9, 100]) {
      const ns = histogram.percentile(percent);
      expect(ns).toBeGreaterThanOrEqual(percent * 100_000);
      expect(ns).toBeLessThan(percent * 100_000 * 1.01 + 1);
    }
  });
});

test("events: the highest of a second, the last 160 seconds, the highest ever", () => {
  const events = new LatencyEvents();
  for (let i = 0; i < 400; i++) events.add("command", 400 - i, i * 500);
  const series = events.byName.get("command");
  expect(series?.samples.length).toBe(160);
  expect(series?.samples[0]).toEqual({ atSeconds: 40, ms: 320 });
  expect(series?.samples.at(-1)).toEqual({ atSeconds: 199, ms: 2 });
  expect(series?.highestMs).toBe(400);
  events.add("other", 1, 0);
  expect([events.reset("none"), events.reset("other"), events.resetAll(), events.resetAll()]).toEqual([
    false,
    true,
    1,
    0,
  ]);
});

test("a graph: columns, their ages below", () => {
  const ages = [90_000, 7200, 61, 5];
  const samples = [1, 5, 9, 12].map((ms, i) => ({ atSeconds: 1e6 - (ages[i] as number), ms }));
  expect(latencyGraph("command", { samples, highestMs: 20 }, 1_000_000_999)).toBe(
    `command - high 12 ms, low 1 ms (all time high 20 ms)\n${"-".repeat(80)}\n` +
      "   #\n  #|\n o||\n_|||\n    \n1215\ndhms\n",
  );
});

describe("commands", () => {
  let server: StubServer;
  let client: RespClient;
  beforeEach(async () => {
    server = new StubServer({ "latency-monitor-threshold": "20" });
    client = await RespClient.connect(server.port);
  });
  afterEach(() => {
    client.close();
    server.stop();
  });

  const namesOf = (flat: RespValue) => (flat as RespValue[]).filter((_, i) => i % 2 === 0);

  test("LATENCY HISTOGRAM", async () => {
    await client.pipeline([
      ["GET", "a"],
      ["get", "b"],
      ["CLIENT", "ID"],
      ["CLIENT", "ID"],
      ["EXISTS", "a"],
    ]);
    const [, get] = (await client.command("LATENCY", "HISTOGRAM", "get")) as RespValue[];
    expect((get as RespValue[]).slice(0, 3)).toEqual(["calls", 2, "histogram_usec"]);
    const steps = (get as RespValue[])[3] as number[];
    expect(steps.length % 2).toBe(0);
    expect(steps.at(-1)).toBe(2);
    expect(namesOf(await client.command("LATENCY", "HISTOGRAM"))).toEqual([
      "client|id",
      "latency|histogram",
      "exists",
      "get",
    ]);
    expect(namesOf(await client.command("LATENCY", "HISTOGRAM", "nonsense", "client", "EXISTS"))).toEqual([
      "client|id",
      "exists",
    ]);
    expect(namesOf(await client.command("LATENCY", "HISTOGRAM", "client|id", "client|nonsense"))).toEqual([
      "client|id",
    ]);
    expect(await client.command("LATENCY", "HISTOGRAM", "set")).toEqual([]);
    expect(await client.command("CONFIG", "RESETSTAT")).toBe("+OK");
    expect(namesOf(await client.command("LATENCY", "HISTOGRAM"))).toEqual(["config|resetstat"]);
    await client.command("CONFIG", "SET", "latency-tracking", "no");
    await client.command("GET", "a");
    expect(await client.command("LATENCY", "HISTOGRAM", "get")).toEqual([]);
  });

  test("LATENCY LATEST, HISTORY, RESET, GRAPH, DOCTOR of commands that were slow", async () => {
    expect(await client.command("LATENCY", "LATEST")).toEqual([]);
    expect(await client.command("LATENCY", "GRAPH", "command")).toBe("-ERR No samples available for event 'command'");
    expect(String(await client.command("LATENCY", "DOCTOR"))).toContain("No event has taken 20 ms");
    await client.command("CONFIG", "SET", "enable-debug-command", "yes").catch(() => {});
    server.config.load("enable-debug-command", ["yes"]);
    await client.command("DEBUG", "SLEEP", "0.03");
    await client.command("DEBUG", "SLEEP", "0.001");
    const [[name, at, last, highest]] = (await client.command("LATENCY", "LATEST")) as [RespValue[]];
    expect([name, last]).toEqual(["command", highest as number]);
    expect(last as number).toBeGreaterThanOrEqual(30);
    expect(await client.command("LATENCY", "HISTORY", "command")).toEqual([[at as number, last as number]]);
    expect(await client.command("LATENCY", "HISTORY", "nonsense")).toEqual([]);
    expect(String(await client.command("LATENCY", "GRAPH", "command"))).toStartWith(`command - high ${last} ms`);
    expect(String(await client.command("LATENCY", "DOCTOR"))).toContain("1. command: 1 spikes");
    expect(await client.command("CONFIG", "RESETSTAT")).toBe("+OK");
    expect(await client.command("LATENCY", "RESET", "nonsense")).toBe(0);
    expect(await client.command("LATENCY", "RESET", "command", "nonsense")).toBe(1);
    expect(await client.command("LATENCY", "RESET")).toBe(0);
    await client.command("CONFIG", "SET", "latency-monitor-threshold", "0");
    await client.command("DEBUG", "SLEEP", "0.03");
    expect(await client.command("LATENCY", "LATEST")).toEqual([]);
    expect(String(await client.command("LATENCY", "DOCTOR"))).toContain("not monitored");
  });
});

test.skipIf(!REDIS_SERVER)(
  "LATENCY GRAPH draws what redis-server draws of its own samples",
  async () => {
    const server = await spawnRedis(["--enable-debug-command", "yes", "--latency-monitor-threshold", "1"]).ready();
    const client = await server.connect();
    try {
      for (const seconds of ["0.01", "0.15", "0.3", "0.08"]) {
        const before = Math.floor(Date.now() / 1000);
        await client.command("DEBUG", "SLEEP", seconds);
        while (Math.floor(Date.now() / 1000) === before) await Bun.sleep(20);
      }
      let [theirs, ours] = ["", "-"];
      // The ages are those of one second: between two.
      for (let i = 0; i < 20 && theirs !== ours; i++) {
        theirs = String(await client.command("LATENCY", "GRAPH", "command"));
        const history = (await client.command("LATENCY", "HISTORY", "command")) as [number, number][];
        const samples = history.map(([atSeconds, ms]) => ({ atSeconds, ms }));
        ours = latencyGraph("command", { samples, highestMs: Math.max(...samples.map(({ ms }) => ms)) }, Date.now());
      }
      expect(ours).toBe(theirs);
    } finally {
      client.close();
      await server.stop();
    }
  },
  60_000,
);
