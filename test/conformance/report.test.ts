/** What the runner makes of the driver's events: no suite, no server. */
import { describe, expect, test } from "bun:test";
import known from "./known-failures.json";
import { Collector, judge, type KnownFailures, needOf, parseEvent, type UnitResult } from "./report.ts";

const line = (status: string, text: string, missing = "-") =>
  `@event ${status} 12 ${missing} ${Buffer.from(text).toString("base64")}`;

function collected(...lines: string[]): UnitResult {
  const collector = new Collector();
  for (const one of lines) {
    const event = parseEvent(one);
    if (event !== null) collector.take(event);
  }
  const { outcomes, broken, lacking } = collector;
  return { unit: "u", outcomes, broken, lacking: [...lacking], givenUp: "" };
}

const passes = (...names: string[]) => collected(...names.flatMap((name) => [line("testing", name), line("ok", name)]));

describe("events", () => {
  test("a line of the driver, and any other", () => {
    expect(parseEvent(line("err", "naïve {test}", "hset,lpush"))).toEqual({
      status: "err",
      elapsedMs: 12,
      missing: ["hset", "lpush"],
      text: "naïve {test}",
    });
    expect(parseEvent("@event done 0 - ")).toEqual({ status: "done", elapsedMs: 0, missing: [], text: "" });
    for (const other of ["", "Waiting for background save", "@event", "@event ok x - YQ=="]) {
      expect(parseEvent(other)).toBeNull();
    }
  });

  test("outcomes, with the whole message of an error that was cut", () => {
    const { outcomes, broken, lacking } = collected(
      line("testing", "a"),
      line("ok", "a"),
      line("skip", "b"),
      line("ignore", "Tag: needs:repl denied"),
      line("testing", "c"),
      line(
        "err",
        "c in tests/unit/u.tcl\nerror of the server\nERR is an error of the server\n  while executing",
        "hset",
      ),
      line("testing", "d"),
      line("err", "d in tests/unit/u.tcl\nExpected 1 == 2"),
      line("broken", 'after "d"\nERR Folio does not have lpush yet', "lpush"),
      line("done", "u"),
    );
    expect(outcomes.map(({ name, status, detail }) => [name, status, detail])).toEqual([
      ["a", "ok", ""],
      ["b", "skipped", ""],
      ["Tag: needs:repl denied", "skipped", ""],
      ["c", "failed", "ERR is an error of the server"],
      ["d", "failed", "Expected 1 == 2"],
    ]);
    expect([broken.length, lacking]).toEqual([1, ["lpush"]]);
  });

  test("the test that runs is known until it has ended", () => {
    const collector = new Collector();
    const take = (one: string) => {
      const event = parseEvent(one);
      if (event !== null) collector.take(event);
    };
    take(line("testing", "a"));
    expect(collector.running).toBe("a");
    take(line("ok", "a"));
    expect([collector.running, collector.isDone]).toEqual([null, false]);
    take(line("done", "u"));
    expect(collector.isDone).toBe(true);
  });
});

test("which family a missing command belongs to", () => {
  const needs = {
    collections: [
      "hset",
      "lpush",
      "blpop",
      "rpoplpush",
      "brpoplpush",
      "sadd",
      "sunionstore",
      "zadd",
      "bzpopmin",
      "xadd",
    ],
    transactions: ["multi", "exec", "watch"],
    scripting: ["eval", "fcall_ro", "function|load", "script"],
    pubsub: ["subscribe", "psubscribe", "spublish", "pubsub|channels"],
    replication: ["sync", "replicaof"],
    aof: ["bgrewriteaof"],
  };
  for (const [need, names] of Object.entries(needs)) {
    for (const name of names) expect(`${name} ${needOf([name])}`).toBe(`${name} ${need}`);
  }
  for (const name of [
    "set",
    "setrange",
    "restore",
    "rename",
    "lcs",
    "lastsave",
    "hello",
    "debug|jmap",
    "latency|reset",
  ]) {
    expect(`${name} ${needOf([name])}`).toBe(`${name} null`);
  }
  expect(needOf(["hset", "eval"])).toBe("scripting");
});

describe("verdict", () => {
  const failed = (name: string, missing = "-") => [
    line("testing", name),
    line("err", `${name} in u\nassertion`, missing),
  ];

  test("tells apart what is new, known, in need, and Redis's own", () => {
    const folio = collected(
      line("testing", "a"),
      line("ok", "a"),
      ...failed("new"),
      ...failed("known"),
      ...failed("in need", "hset"),
      ...failed("theirs"),
      line("skip", "left out"),
    );
    const redis = collected(
      ...["a", "new", "known", "in need"].flatMap((name) => [line("testing", name), line("ok", name)]),
      ...failed("theirs"),
    );
    const verdict = judge(folio, redis, { known: "a reason", a: "a reason" });
    expect(verdict.unexpected.map(({ name }) => name)).toEqual(["new"]);
    expect(verdict.inNeed.map(({ need, outcome }) => [need, outcome.name])).toEqual([["collections", "in need"]]);
    expect([verdict.ok, verdict.known, verdict.failedByRedis, verdict.skipped]).toEqual([1, 1, 1, 1]);
    expect(verdict.mended).toEqual(["a"]);
  });

  test("what redis-server passes and Folio did not run is a failure, or in need of what ended the loop around it", () => {
    expect(judge(passes("a"), passes("a", "b")).unexpected.map(({ name }) => name)).toEqual(["b"]);
    const broken = collected(line("broken", "foreach", "sadd"));
    expect(judge(broken, passes("b")).inNeed.map(({ need }) => need)).toEqual(["collections"]);
  });

  test("tests of one name fail when one of them fails", () => {
    const twice = collected(line("testing", "a"), line("ok", "a"), ...failed("a"));
    expect(judge(twice, passes("a")).unexpected.length).toBe(1);
  });

  test("a listed test that is not in the suite any more is to be taken off, but not when the unit was given up", () => {
    expect(judge(passes("a"), passes("a"), { gone: "a reason" }).mended).toEqual(["gone"]);
    expect(judge({ ...passes("a"), givenUp: "no news" }, passes("a"), { gone: "a reason" }).mended).toEqual([]);
  });
});

test("every known failure has a reason", () => {
  for (const units of Object.values(known as Record<string, KnownFailures>)) {
    for (const tests of Object.values(units)) {
      for (const [name, reason] of Object.entries(tests)) expect(`${name}: ${reason}`).toMatch(/: .{10}/);
    }
  }
});
