import { describe, expect, test } from "bun:test";
import { binaryText, Span } from "../util/span.ts";
import { REFERENCE_BYTES_MIN, Reply } from "./reply.ts";

/** What a client would read. */
function sent(reply: Reply): string {
  let text = "";
  let from = 0;
  for (const { at, bytes, start, length } of reply.references) {
    text += binaryText(reply.buffer, from, at - from) + binaryText(bytes, start, length);
    from = at;
  }
  return text + binaryText(reply.buffer, from, reply.length - from);
}

function written(protocol: 2 | 3, write: (reply: Reply) => void): string {
  const reply = new Reply();
  reply.protocol = protocol;
  write(reply);
  expect(reply.size).toBe(sent(reply).length);
  return sent(reply);
}

describe("each kind of reply in RESP2 and RESP3", () => {
  const element = (isInt: boolean, int: number, text: string) => {
    const span = new Span();
    span.set(Buffer.from(text), 0, text.length);
    return { isInt, int, text: () => span };
  };
  const cases: [name: string, write: (reply: Reply) => void, resp2: string, resp3?: string][] = [
    ["simple", (r) => r.simple("PONG"), "+PONG\r\n"],
    ["ok", (r) => r.ok(), "+OK\r\n"],
    ["error", (r) => r.error("ERR a\r\nb"), "-ERR a  b\r\n"],
    ["integer", (r) => r.integer(-12), ":-12\r\n"],
    ["bigint", (r) => r.integer(-(2n ** 63n)), ":-9223372036854775808\r\n"],
    [
      "integers of each length",
      (r) => {
        for (let power = 1; power <= 1e15; power *= 10) for (const value of [power - 1, power]) r.integer(value);
      },
      Array.from({ length: 16 }, (_, i) => `:${"9".repeat(i) || "0"}\r\n:1${"0".repeat(i)}\r\n`).join(""),
    ],
    ["the largest safe integer", (r) => r.integer(2 ** 53 - 1), ":9007199254740991\r\n"],
    ["an integer beyond 2^53", (r) => r.integer(2 ** 53), ":9007199254740992\r\n"],
    ["the next one that a double is", (r) => r.integer(2 ** 53 + 2), ":9007199254740994\r\n"],
    ["the smallest of 64 bits", (r) => r.integer(-(2 ** 63)), ":-9223372036854775808\r\n"],
    ["a double of 1e22", (r) => r.integer(1e22), ":10000000000000000000000\r\n"],
    ["the largest of 64 bits", (r) => r.integer(2n ** 63n - 1n), ":9223372036854775807\r\n"],
    ["bulk integer beyond 2^53", (r) => r.bulkInteger(-(2 ** 60)), "$20\r\n-1152921504606846976\r\n"],
    ["bulk", (r) => r.bulk(Buffer.from("xabcx"), 1, 3), "$3\r\nabc\r\n"],
    ["empty bulk", (r) => r.bulkText(""), "$0\r\n\r\n"],
    ["bulk text", (r) => r.bulkText("\xff\x00"), "$2\r\n\xff\x00\r\n"],
    ["bulk integer", (r) => r.bulkInteger(-1234567890123), "$14\r\n-1234567890123\r\n"],
    ["verbatim", (r) => r.verbatim("hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"],
    ["nil", (r) => r.nil(), "$-1\r\n", "_\r\n"],
    ["nil array", (r) => r.nilArray(), "*-1\r\n", "_\r\n"],
    ["array", (r) => r.array(12), "*12\r\n"],
    ["map", (r) => r.map(2), "*4\r\n", "%2\r\n"],
    ["set", (r) => r.set(2), "*2\r\n", "~2\r\n"],
    ["push", (r) => r.push(2), "*2\r\n", ">2\r\n"],
    ["double", (r) => r.double(0.1), "$3\r\n0.1\r\n", ",0.1\r\n"],
    ["whole double", (r) => r.double(3), "$1\r\n3\r\n", ",3\r\n"],
    ["infinite double", (r) => r.double(-Infinity), "$4\r\n-inf\r\n", ",-inf\r\n"],
    ["boolean", (r) => r.boolean(true), ":1\r\n", "#t\r\n"],
    ["big number", (r) => r.bigNumber("123"), "$3\r\n123\r\n", "(123\r\n"],
    ["integer element", (r) => r.elements(element(true, -5, "")), "$2\r\n-5\r\n"],
    ["text element", (r) => r.elements(element(false, 0, "ab")), "$2\r\nab\r\n"],
  ];
  for (const [name, write, resp2, resp3 = resp2] of cases) {
    test(name, () => {
      expect(written(2, write)).toBe(resp2);
      expect(written(3, write)).toBe(resp3);
    });
  }
});

test("integers of every length", () => {
  const reply = new Reply();
  let expected = "";
  for (let digits = 1; digits <= 15; digits++) {
    for (const value of [10 ** digits - 1, 10 ** digits, -(10 ** digits), 1 - 10 ** digits]) {
      reply.integer(value);
      reply.bulkInteger(value);
      expected += `:${value}\r\n$${String(value).length}\r\n${value}\r\n`;
    }
  }
  for (const value of [2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    reply.integer(value);
    expected += `:${value}\r\n`;
  }
  expect(sent(reply)).toBe(expected);
});

test("what is no number writes nothing", () => {
  const reply = new Reply();
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    expect(() => reply.integer(value)).toThrow(RangeError);
    expect(() => reply.bulkInteger(value)).toThrow(RangeError);
  }
  expect(reply.size).toBe(0);
});

test("the buffer grows, and is given back", () => {
  const reply = new Reply();
  const first = reply.buffer.length;
  const big = Buffer.alloc(3_000_000, "x");
  reply.bulk(big, 0, big.length);
  expect(sent(reply)).toBe(`$3000000\r\n${big.toString()}\r\n`);
  reply.clear();
  expect(reply.buffer.length).toBe(first);
  expect(reply.size).toBe(0);
});

test("long pinned strings are referred to, short and unpinned ones copied", () => {
  const reply = new Reply();
  const big = Buffer.alloc(REFERENCE_BYTES_MIN + 1, "y");
  reply.bulk(big, 1, REFERENCE_BYTES_MIN, true);
  reply.bulk(big, 0, 5, true);
  reply.bulk(big, 0, REFERENCE_BYTES_MIN);
  reply.bulk(big, 0, REFERENCE_BYTES_MIN + 1, true);
  expect(reply.references.length).toBe(2);
  const y = (count: number) => `$${count}\r\n${"y".repeat(count)}\r\n`;
  expect(sent(reply)).toBe(y(REFERENCE_BYTES_MIN) + y(5) + y(REFERENCE_BYTES_MIN) + y(REFERENCE_BYTES_MIN + 1));
});

test("rollback takes bytes and references back", () => {
  const reply = new Reply();
  const big = Buffer.alloc(REFERENCE_BYTES_MIN, "z");
  reply.bulk(big, 0, big.length, true);
  reply.ok();
  const before = sent(reply);
  const mark = reply.mark();
  reply.array(3);
  reply.bulk(big, 0, big.length, true);
  reply.simple("x");
  reply.rollback(mark);
  expect(sent(reply)).toBe(before);
  expect(reply.size).toBe(before.length);
});
