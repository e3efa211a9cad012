import { describe, expect, test } from "bun:test";
import { EntryId } from "./entry-id.ts";

const UP = 2n ** 64n - 1n;

function parsed(text: string, isUpTo = false, isStrict = false): string | null {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  const id = new EntryId();
  return id.parse(bytes, 1, text.length, isUpTo, isStrict) ? `${id.ms}-${id.seq}` : null;
}

describe("parse", () => {
  test("whole, without sequence, least and greatest", () => {
    expect(parsed("5-7")).toBe("5-7");
    expect(parsed("5")).toBe("5-0");
    expect(parsed("5", true)).toBe(`5-${UP}`);
    expect(parsed("-")).toBe("0-0");
    expect(parsed("+")).toBe(`${UP}-${UP}`);
    expect(parsed(`${UP}-${UP}`)).toBe(`${UP}-${UP}`);
    expect(parsed("1526919030474-9223372036854775807")).toBe("1526919030474-9223372036854775807");
  });
  test("what C takes for a number", () => {
    expect(parsed("007-+3")).toBe("7-3");
    expect(parsed(" 5-\t6")).toBe("5-6");
    expect(parsed("00000000000000000000000000000000012-1")).toBe("12-1");
    expect(parsed("5\0junk")).toBe("5-0");
    expect(parsed("+\0junk")).toBe(`${UP}-${UP}`);
  });
  test("what is no id is refused", () => {
    for (const text of [
      "",
      "a",
      "1-",
      "-1",
      "1-a",
      "1-*",
      `${UP + 1n}`,
      "99999999999999999999",
      "1-2-3",
      "$",
      "1--5",
      "x".repeat(200),
      "0".repeat(128),
    ]) {
      expect([text, parsed(text)]).toEqual([text, null]);
    }
    expect(parsed("-", false, true)).toBeNull();
    expect(parsed("+", false, true)).toBeNull();
  });
  test("an id whose sequence is to be found", () => {
    const any = (text: string) => {
      const id = new EntryId();
      return id.parseAnySequence(Buffer.from(text, "latin1"), 0, text.length) ? id.text() : null;
    };
    expect(any("17-*")).toBe("17-0");
    expect(any("17-*\0x")).toBe("17-0");
    for (const text of ["17", "17-", "17-1", "17-**", "-*", "*", "x-*"])
      expect([text, any(text)]).toEqual([text, null]);
  });
});

test("neighbours carry over", () => {
  const up = (ms: bigint, seq: bigint) => {
    const id = EntryId.of(ms, seq);
    return id.increment() ? [id.ms, id.seq] : null;
  };
  const down = (ms: bigint, seq: bigint) => {
    const id = EntryId.of(ms, seq);
    return id.decrement() ? [id.ms, id.seq] : null;
  };
  expect(up(1n, UP)).toEqual([2n, 0n]);
  expect(up(1n, 2n ** 32n - 1n)).toEqual([1n, 2n ** 32n]);
  expect(up(2n ** 32n - 1n, UP)).toEqual([2n ** 32n, 0n]);
  expect(up(UP, UP)).toBeNull();
  expect(down(2n, 0n)).toEqual([1n, UP]);
  expect(down(2n ** 32n, 0n)).toEqual([2n ** 32n - 1n, UP]);
  expect(down(1n, 2n ** 32n)).toEqual([1n, 2n ** 32n - 1n]);
  expect(down(0n, 0n)).toBeNull();
});

test("order, bytes, texts, distances", () => {
  const values = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, UP];
  const ids = values.flatMap((ms) => values.map((seq) => EntryId.of(ms, seq)));
  const bytes = new Uint8Array(20);
  for (const [i, id] of ids.entries()) {
    for (const [j, other] of ids.entries()) {
      expect(Math.sign(id.compare(other))).toBe(Math.sign(i - j));
      const sum = new EntryId();
      sum.setBehind(id, other.msHigh, other.msLow, other.seqHigh, other.seqLow);
      expect([sum.ms, sum.seq]).toEqual([BigInt.asUintN(64, id.ms + other.ms), BigInt.asUintN(64, id.seq + other.seq)]);
    }
    id.writeBytes(bytes, 3);
    expect(Buffer.from(bytes).readBigUInt64BE(3)).toBe(id.ms);
    expect(new EntryId().readBytes(bytes, 3).compare(id)).toBe(0);
    expect(id.text()).toBe(`${id.ms}-${id.seq}`);
  }
  expect([new EntryId().setMax().isMax, new EntryId().isMin, EntryId.of(5n, 1n).hasMsOf(EntryId.of(5n, 2n))]).toEqual([
    true,
    true,
    true,
  ]);
  expect(new EntryId().setMs(1_700_000_000_123).text()).toBe("1700000000123-0");
});
