import { describe, expect, test } from "bun:test";
import { Args } from "./args.ts";
import { BATCH_MAX, RequestBatch } from "./request-batch.ts";
import { Parsed } from "./request-parser.ts";
import { RequestReader } from "./request-reader.ts";

const BULK_BYTES_MAX = 1000;

function batchOf(text: string, pos = 0, end = text.length): RequestBatch {
  const batch = new RequestBatch();
  batch.reset(Buffer.from(text, "latin1"), BULK_BYTES_MAX);
  batch.add(pos, end);
  return batch;
}

function keys(text: string, pos = 0, end = text.length): string[] {
  const batch = batchOf(text, pos, end);
  return Array.from({ length: batch.keys }, (_, i) => {
    const start = batch.keyStarts[i] as number;
    return text.slice(start, start + (batch.keyLengths[i] as number));
  });
}

function words(batch: RequestBatch, i: number): string[] {
  const args = new Args();
  batch.load(i, args);
  return Array.from({ length: args.count }, (_, k) => args.text(k));
}

const request = (...all: string[]) =>
  `*${all.length}\r\n${all.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
const get = (key: string) => request("GET", key);

describe("a batch", () => {
  test("has every argument of its requests, and the first ones as keys", () => {
    const text = `${get("a")}${request("PING")}${request("HMGET", "hk", "f", "g")}${get("")}${get("a long key".repeat(20))}`;
    const batch = batchOf(text);
    expect(keys(text)).toEqual(["a", "hk", "", "a long key".repeat(20)]);
    expect([0, 1, 2, 3].map((i) => words(batch, i))).toEqual([
      ["GET", "a"],
      ["PING"],
      ["HMGET", "hk", "f", "g"],
      ["GET", ""],
    ]);
    expect(batch.ends[4]).toBe(text.length);
    expect(keys(`xx${get("a")}${get("b")}`, 2)).toEqual(["a", "b"]);
  });

  test("says which requests have the name of the one before", () => {
    const text =
      get("a") + get("b") + request("GETX", "b") + request("get", "b") + request("get") + request("ge", "t") + get("c");
    expect([...batchOf(text).repeats.subarray(0, 7)]).toEqual([0, 1, 0, 0, 1, 0, 0]);
    const batch = batchOf(get("a"));
    batch.reset(batch.bytes, BULK_BYTES_MAX);
    batch.add(0, batch.bytes.length);
    expect(batch.repeats[0]).toBe(0);
  });

  test("holds requests that are there whole, however the bytes after them look", () => {
    const pipeline = get("one") + request("SET", "two", "x".repeat(120));
    for (let end = 0; end <= pipeline.length; end++) {
      expect(keys(pipeline, 0, end)).toEqual(
        ["one", "two"].slice(0, end < get("one").length ? 0 : end < pipeline.length ? 1 : 2),
      );
    }
  });

  test("ends before whatever is not plainly a request", () => {
    for (const odd of [
      "PING\r\n",
      "*x\r\n",
      "*-1\r\n",
      "*0\r\n",
      "*01\r\n$4\r\nPING\r\n",
      "*1\r\n$04\r\nPING\r\n",
      "*2\r\n$3\r\nGET\r\n:5\r\n",
      "*2\r\n$3\r\nGET\r\n$-1\r\n",
      "*2\r\n$3\r\nGET\r\n$99999999999\r\nk\r\n",
      `*2\r\n$3\r\nGET\r\n$${BULK_BYTES_MAX + 1}\r\n${"k".repeat(BULK_BYTES_MAX + 1)}\r\n`,
      "*1000000\r\n$4\r\nMSET\r\n",
      "\r\n",
    ]) {
      const text = get("a") + odd + get("b");
      expect(batchOf(text).count).toBe(1);
      expect(keys(text)).toEqual(["a"]);
      expect(batchOf(odd + get("b")).count).toBe(0);
    }
  });

  test("holds at most BATCH_MAX, of several runs of bytes too", () => {
    const text = get("k").repeat(BATCH_MAX + 5);
    const batch = new RequestBatch();
    batch.reset(Buffer.from(text), BULK_BYTES_MAX);
    expect(batch.add(0, get("k").length * 2)).toBe(get("k").length * 2);
    expect(batch.count).toBe(2);
    expect(batch.add(get("k").length * 3, text.length)).toBe(get("k").length * (BATCH_MAX + 1));
    expect(batch.count).toBe(BATCH_MAX);
    expect(batch.keyStarts[2]).toBe(get("k").length * 4 - 3);
  });

  test("holds as many arguments as it has room for", () => {
    const text = request(...Array.from({ length: 300 }, () => "w"));
    const batch = batchOf(text + text);
    expect(batch.count).toBe(1);
    expect(words(batch, 0).length).toBe(300);
    expect(batchOf(request(...Array.from({ length: 600 }, () => "w"))).count).toBe(0);
  });
});

/** All requests of a reader that gets the text in pieces, what is left of each piece before the next one. */
function read(text: string, cuts: readonly number[], restrictedAfter = Number.POSITIVE_INFINITY): string[] {
  const reader = new RequestReader();
  const seen: string[] = [];
  let unfinished = null as ReturnType<RequestReader["takeUnfinished"]>;
  let from = 0;
  for (const end of [...cuts, text.length]) {
    const bytes = Buffer.from(text.slice(from, end), "latin1");
    reader.begin(bytes, 0, bytes.length, 2 ** 20, unfinished);
    let parsed: Parsed;
    while ((parsed = reader.next(seen.length >= restrictedAfter)) === Parsed.REQUEST) {
      seen.push(Array.from({ length: reader.args.count }, (_, i) => reader.args.text(i)).join(" "));
    }
    if (parsed === Parsed.ERROR) return [...seen, reader.error];
    const rest = reader.end();
    unfinished = reader.takeUnfinished();
    unfinished?.rebase(-rest);
    from += rest;
  }
  return seen;
}

describe("a reader", () => {
  test("gives the same requests however the bytes come", () => {
    const text = `${get("a")}PING\r\n${get("b")}\r\n*0\r\n${request("SET", "k", "x".repeat(300))}echo "q r"\r\n${get("c")}*x\r\n`;
    const whole = [
      "GET a",
      "PING",
      "GET b",
      `SET k ${"x".repeat(300)}`,
      "echo q r",
      "GET c",
      "Protocol error: invalid multibulk length",
    ];
    expect(read(text, [])).toEqual(whole);
    for (let cut = 0; cut <= text.length; cut++) expect(read(text, [cut])).toEqual(whole);
    expect(
      read(
        text,
        Array.from({ length: text.length }, (_, i) => i),
      ),
    ).toEqual(whole);
  });

  test("obeys tight limits that begin in the middle of a batch", () => {
    const text = get("a") + request(..."MGET 1 2 3 4 5 6 7 8 9 10".split(" "));
    expect(read(text, [], 2)).toEqual(["GET a", "MGET 1 2 3 4 5 6 7 8 9 10"]);
    expect(read(text, [], 1)).toEqual(["GET a", "Protocol error: unauthenticated multibulk length"]);
  });
});
