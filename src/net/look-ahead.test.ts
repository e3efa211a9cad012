import { expect, test } from "bun:test";
import { AHEAD_MAX, LookAhead } from "./look-ahead.ts";

function firstArguments(text: string, pos = 0, end = text.length): string[] {
  const ahead = new LookAhead();
  ahead.look(Buffer.from(text, "latin1"), pos, end);
  return Array.from({ length: ahead.count }, (_, i) => {
    const start = ahead.starts[i] as number;
    return text.slice(start, start + (ahead.lengths[i] as number));
  });
}

const get = (key: string) => `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`;

test("the first argument of each request, also of requests with several or none", () => {
  const pipeline = `${get("a")}*1\r\n$4\r\nPING\r\n*4\r\n$5\r\nHMGET\r\n$2\r\nhk\r\n$1\r\nf\r\n$1\r\ng\r\n${get("")}${get("long key")}`;
  expect(firstArguments(pipeline)).toEqual(["a", "hk", "", "long key"]);
  expect(firstArguments(`xx${get("a")}${get("b")}`, 2)).toEqual(["a", "b"]);
});

test("no further than the requests that are there whole; one that is cut may show its key", () => {
  const pipeline = get("one") + get("two");
  for (let end = 0; end <= pipeline.length; end++) {
    const seen = firstArguments(pipeline, 0, end);
    expect(["one", "two"].slice(0, seen.length)).toEqual(seen);
    expect(seen.length).toBe(end < get("one").length ? 0 : end < pipeline.length ? 1 : 2);
  }
});

test("whatever is not plainly a request ends the look", () => {
  for (const odd of [
    "PING\r\n",
    "*x\r\n",
    "*-1\r\n",
    "*2\r\n$3\r\nGET\r\n:5\r\n",
    "*2\r\n$3\r\nGET\r\n$99999999999\r\nk\r\n",
    "*2\r\n$3\r\nGET\r\n$5\r\nkey\r\n",
    "\r\n",
    "*0\r\n",
  ]) {
    expect(firstArguments(get("a") + odd + get("b"))[0]).toBe("a");
    expect(firstArguments(odd)).toEqual([]);
  }
});

test("at most AHEAD_MAX at once; `end` says where to look again", () => {
  const text = get("k").repeat(AHEAD_MAX + 5);
  const ahead = new LookAhead();
  ahead.look(Buffer.from(text), 0, text.length);
  expect(ahead.count).toBe(AHEAD_MAX);
  expect(ahead.end).toBe(get("k").length * AHEAD_MAX);
  ahead.look(Buffer.from(text), ahead.end, text.length);
  expect(ahead.count).toBe(5);
  expect(ahead.end).toBe(text.length);
});
