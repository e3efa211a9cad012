import { describe, expect, test } from "bun:test";
import { Glob } from "./glob.ts";
import { binaryBytes } from "./span.ts";

function matches(pattern: string, text: string, ignoreCase = false): boolean {
  const glob = new Glob(binaryBytes(`>${pattern}<`), 1, pattern.length, ignoreCase);
  return glob.matches(binaryBytes(`>>${text}<`), 2, text.length);
}

describe("glob", () => {
  // Verdicts taken from a real redis-server (KEYS against a key of that name).
  const cases: [pattern: string, text: string, verdict: boolean][] = [
    ["*", "", true],
    ["**", "", false],
    ["", "", true],
    ["", "a", false],
    ["?", "", false],
    ["h?llo", "hello", true],
    ["h?llo", "hllo", false],
    ["h*llo", "hllo", true],
    ["h*llo", "heeeello", true],
    ["h[ae]llo", "hallo", true],
    ["h[ae]llo", "hillo", false],
    ["h[^e]llo", "hallo", true],
    ["h[^e]llo", "hello", false],
    ["h[a-b]llo", "hbllo", true],
    ["h[b-a]llo", "hbllo", true],
    ["a**", "a", true],
    ["a*?", "a", false],
    ["*foo*bar*", "xfooybarz", true],
    ["*foo*bar*", "xfoybarz", false],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["\\", "\\", true],
    ["a\\", "a\\", true],
    ["[abc", "b", true],
    ["[abc", "d", false],
    ["[", "x", false],
    ["[^", "x", true],
    ["[^]", "x", true],
    ["[]", "x", false],
    ["[]x", "x", false],
    ["[\\]]", "]", true],
    ["[\\", "\\", true],
    ["[a-]", "-", false],
    ["[a-]", "_", true],
    ["[a-]", "b", false],
    ["[a-", "-", true],
    ["[-a]", "-", true],
    ["[\x01-\xff]", "a", false],
    ["[\x80-\xff]", "\xc3", true],
    ["*[", "x", false],
    ["x*a*b", "xaab", true],
  ];
  for (const [pattern, text, verdict] of cases) {
    test(`${JSON.stringify(pattern)} against ${JSON.stringify(text)}: ${verdict}`, () => {
      expect(matches(pattern, text)).toBe(verdict);
    });
  }

  test("case is ignored on request", () => {
    expect(matches("MaxMem*", "maxmemory", true)).toBe(true);
    expect(matches("MaxMem*", "maxmemory")).toBe(false);
    expect(matches("[A-C]x", "bX", true)).toBe(true);
  });

  test("a pattern of many stars ends early", () => {
    expect(matches(`${"a*".repeat(50)}b`, "a".repeat(10_000))).toBe(false);
    expect(matches(`${"a*".repeat(2000)}`, "a".repeat(3_000))).toBe(false);
  });
});
