import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { Parsed, RequestParser } from "./request-parser.ts";

/** Every request in `input` as lists of binary strings, and the error that ended it, the bytes arriving in `pieces`. */
function parse(input: string, cuts: readonly number[], restricted = false): { requests: string[][]; error: string } {
  const bytes = Buffer.from(input, "latin1");
  const parser = new RequestParser();
  parser.restricted = restricted;
  const requests: string[][] = [];
  let pos = 0;
  for (const end of [...cuts, bytes.length]) {
    parser.feed(bytes, pos, end);
    let parsed: Parsed;
    while ((parsed = parser.next()) === Parsed.REQUEST) {
      requests.push(Array.from({ length: parser.args.count }, (_, i) => parser.args.text(i)));
    }
    if (parsed === Parsed.ERROR) return { requests, error: parser.error };
    pos = parser.pos;
  }
  return { requests, error: parser.begun ? "incomplete" : "" };
}

/** The same bytes whole, byte by byte, and at random splits. */
function parseAllWays(input: string, restricted = false) {
  const whole = parse(input, [], restricted);
  const each = Array.from({ length: Math.min(input.length, 4000) }, (_, i) => i);
  expect(parse(input, each, restricted)).toEqual(whole);
  const random = seededRandom("request-parser");
  for (let round = 0; round < 20; round++) {
    const cuts = Array.from({ length: 5 }, () => Math.floor(random() * (input.length + 1))).sort((a, b) => a - b);
    expect(parse(input, cuts, restricted)).toEqual(whole);
  }
  return whole;
}

describe("arrays of bulk strings", () => {
  const cases: [name: string, input: string, requests: string[][]][] = [
    ["one", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", [["GET", "k"]]],
    ["two in one read", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", [["PING"], ["QUIT"]]],
    ["an empty string", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", [["ECHO", ""]]],
    ["line ends inside", "*2\r\n$4\r\nECHO\r\n$6\r\n\r\na\r\nb\r\n", [["ECHO", "\r\na\r\nb"]]],
    ["empty arrays passed over", "*0\r\n*-1\r\n*-10\r\n*1\r\n$4\r\nPING\r\n", [["PING"]]],
    ["a line end's second byte is not looked at", "*1\rx$4\rxPINGxx", [["PING"]]],
    ["bytes above 127", "*1\r\n$2\r\n\xff\x00\r\n", [["\xff\x00"]]],
    ["more than the first slots", `*20\r\n${"$1\r\na\r\n".repeat(20)}`, [Array(20).fill("a")]],
  ];
  for (const [name, input, requests] of cases) {
    test(name, () => expect(parseAllWays(input)).toEqual({ requests, error: "" }));
  }
});

describe("inline requests", () => {
  const cases: [input: string, words: string[]][] = [
    ["PING\r\n", ["PING"]],
    ["  set   a\tb \n", ["set", "a", "b"]],
    ["echo \"a b\" 'c d'\r\n", ["echo", "a b", "c d"]],
    ['echo "\\x41\\n\\r\\t\\b\\a\\q\\"" \r\n', ["echo", 'A\n\r\t\b\x07q"']],
    ["echo 'it\\'s \\n'\r\n", ["echo", "it's \\n"]],
    ['echo a"b"\r\n', ["echo", "ab"]],
    ['echo ""\r\n', ["echo", ""]],
    ['echo "\\xZZ"\r\n', ["echo", "xZZ"]],
  ];
  for (const [input, words] of cases) {
    test(JSON.stringify(input), () => expect(parseAllWays(input)).toEqual({ requests: [words], error: "" }));
  }
  test("blank lines are passed over", () => {
    expect(parseAllWays("\r\n\n   \r\nPING\r\n").requests).toEqual([["PING"]]);
  });
});

describe("protocol errors", () => {
  const cases: [input: string, error: string][] = [
    ["*x\r\n", "invalid multibulk length"],
    ["*\r\n", "invalid multibulk length"],
    ["*01\r\n", "invalid multibulk length"],
    ["*+1\r\n", "invalid multibulk length"],
    ["*2147483648\r\n", "invalid multibulk length"],
    ["*99999999999999999999\r\n", "invalid multibulk length"],
    ["*1\r\n:1\r\n", "expected '$', got ':'"],
    ["*1\r\n$x\r\n", "invalid bulk length"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$536870913\r\n", "invalid bulk length"],
    ['echo "a\r\n', "unbalanced quotes in request"],
    ['echo "a"b\r\n', "unbalanced quotes in request"],
    ["echo 'a\r\n", "unbalanced quotes in request"],
    ["echo 'a'b\r\n", "unbalanced quotes in request"],
  ];
  for (const [input, error] of cases) {
    test(JSON.stringify(input), () => expect(parseAllWays(input).error).toBe(`Protocol error: ${error}`));
  }

  test("requests before the error are served", () => {
    expect(parseAllWays("PING\r\n*x\r\n")).toEqual({
      requests: [["PING"]],
      error: "Protocol error: invalid multibulk length",
    });
  });

  test("lines that do not end", () => {
    const long = "1".repeat(65537);
    expect(parse(`*${long}`, []).error).toBe("Protocol error: too big mbulk count string");
    expect(parse(`*1\r\n$${long}`, []).error).toBe("Protocol error: too big bulk count string");
    expect(parse(`${"a".repeat(65537)}`, []).error).toBe("Protocol error: too big inline request");
    expect(parse(`${"a".repeat(65536)}`, []).error).toBe("incomplete");
  });

  test("tight limits before authentication", () => {
    expect(parseAllWays("*11\r\n", true).error).toBe("Protocol error: unauthenticated multibulk length");
    expect(parseAllWays("*1\r\n$16385\r\n", true).error).toBe("Protocol error: unauthenticated bulk length");
    expect(parseAllWays("*10\r\n$1\r\na\r\n", true).error).toBe("incomplete");
  });
});

test("an unfinished request moves with its bytes", () => {
  const input = Buffer.from("PING\r\n*3\r\n$3\r\nGET\r\n$1\r\nk\r\n$2\r\nab\r\n");
  for (let cut = 6; cut < input.length; cut++) {
    const parser = new RequestParser();
    parser.feed(input, 0, cut);
    expect(parser.next()).toBe(Parsed.REQUEST);
    expect(parser.next()).toBe(Parsed.MORE);
    if (!parser.begun) continue;
    const from = parser.requestStart;
    parser.rebase(-from);
    parser.feed(input.subarray(from), parser.pos, input.length - from);
    expect(parser.next()).toBe(Parsed.REQUEST);
    expect([0, 1, 2].map((i) => parser.args.text(i))).toEqual(["GET", "k", "ab"]);
  }
});
