import { describe, expect, test } from "bun:test";
import { optionLine, parseArguments } from "./argv.ts";

describe("arguments", () => {
  test("files come first, options are lines, a dash is standard input", () => {
    const request = parseArguments([
      "redis.conf",
      "dump.rdb",
      "--port",
      "1",
      "--save",
      "60",
      "1",
      "--bind",
      "a",
      "-b",
      "-",
    ]);
    expect(request.kind).toBe("serve");
    expect(request.files).toEqual(["redis.conf", "dump.rdb"]);
    expect(request.options.map(optionLine)).toEqual(['port "1"', 'save "60" "1"', 'bind "a" "-b"']);
    expect(request.fromStandardInput).toBe(true);
  });
  test("an empty value, a value of many bytes, one argument for both", () => {
    const { options } = parseArguments(["--save", "", "--requirepass", "pässwort", "--hz 20"]);
    expect(options).toEqual([
      { name: "save", words: [""] },
      { name: "requirepass", words: ["p\xc3\xa4sswort"] },
      { name: "hz", words: ["20"] },
    ]);
  });
  test.each(["-h", "--help"])("%s", (arg) => expect(parseArguments([arg]).kind).toBe("help"));
  test.each(["-v", "--version"])("%s", (arg) => expect(parseArguments([arg]).kind).toBe("version"));
  test.each(["--test-memory", "--sentinel", "--check-system", "-x", "--check-rdb"])("%s is refused", (arg) => {
    const request = parseArguments([arg, "1"]);
    expect(request.kind).toBe("refused");
    expect(request.reason).not.toBe("");
  });
});
