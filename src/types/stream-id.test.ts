import { describe, expect, test } from "bun:test";
import { ID_MAX, ID_MIN, nextId, parseBound, parseId, previousId, SEQ_MAX } from "./stream-id.ts";

describe("parseId", () => {
  test("whole, without sequence, least and greatest", () => {
    expect(parseId("5-7", 0n)).toEqual({ ms: 5n, seq: 7n });
    expect(parseId("5", 9n)).toEqual({ ms: 5n, seq: 9n });
    expect(parseId("-", 0n)).toEqual(ID_MIN);
    expect(parseId("+", 0n)).toEqual(ID_MAX);
    expect(parseId("18446744073709551615-18446744073709551615", 0n)).toEqual(ID_MAX);
    expect(parseId("007-+3", 0n)).toEqual({ ms: 7n, seq: 3n });
  });
  test("what is no id is refused", () => {
    for (const text of [
      "",
      "a",
      "1-",
      "-1",
      "1-a",
      "1-*",
      "18446744073709551616",
      "1-2-3",
      "$",
      "1--5",
      "x".repeat(200),
    ]) {
      expect(parseId(text, 0n)).toBeNull();
    }
    expect(parseId("-", 0n, true)).toBeNull();
    expect(parseId("+", 0n, true)).toBeNull();
  });
});

test("bounds of a range", () => {
  expect(parseBound("(5-1", 0n)).toEqual({ id: { ms: 5n, seq: 1n }, open: true });
  expect(parseBound("5", SEQ_MAX)).toEqual({ id: { ms: 5n, seq: SEQ_MAX }, open: false });
  expect(parseBound("(-", 0n)).toBeNull();
  expect(parseBound("(", 0n)).toBeNull();
});

test("neighbours carry over", () => {
  expect(nextId({ ms: 1n, seq: SEQ_MAX })).toEqual({ ms: 2n, seq: 0n });
  expect(nextId(ID_MAX)).toBeNull();
  expect(previousId({ ms: 2n, seq: 0n })).toEqual({ ms: 1n, seq: SEQ_MAX });
  expect(previousId(ID_MIN)).toBeNull();
});
