import { describe, expect, test } from "bun:test";
import { binaryBytes, Span } from "../util/span.ts";
import { LexRange, ScoreRange } from "./range.ts";

const span = (text: string) => {
  const made = new Span();
  made.set(binaryBytes(text), 0, text.length);
  return made;
};

describe("ScoreRange", () => {
  test("open and closed bounds", () => {
    const range = ScoreRange.parse("1", "(3") as ScoreRange;
    expect([0.9, 1, 2, 3].map((score) => range.below(score))).toEqual([true, false, false, false]);
    expect([2, 2.999, 3, 4].map((score) => range.above(score))).toEqual([false, false, true, true]);
  });
  test("infinities, spaces and the empty text", () => {
    const range = ScoreRange.parse("-inf", "+inf") as ScoreRange;
    expect([range.min, range.max]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(ScoreRange.parse("", "( 5")).toMatchObject({ min: 0, minOpen: false, max: 5, maxOpen: true });
  });
  test("what is no number is refused", () => {
    for (const text of ["a", "nan", "((1", "1x", "[1"]) {
      expect(ScoreRange.parse(text, "1")).toBeNull();
      expect(ScoreRange.parse("1", text)).toBeNull();
    }
  });
});

describe("LexRange", () => {
  test("open and closed bounds", () => {
    const range = LexRange.parse("[b", "(d") as LexRange;
    expect(["a", "b", "bb"].map((text) => range.below(span(text)))).toEqual([true, false, false]);
    expect(["c", "d", "dd"].map((text) => range.above(span(text)))).toEqual([false, true, true]);
  });
  test("bytes are compared unsigned", () => {
    const range = LexRange.parse("[\x80", "+") as LexRange;
    expect(range.below(span("z"))).toBe(true);
    expect(range.below(span("\xff"))).toBe(false);
  });
  test("the empty ones", () => {
    const empty = (min: string, max: string) => (LexRange.parse(min, max) as LexRange).empty;
    expect(empty("[b", "[a")).toBe(true);
    expect(empty("[a", "[a")).toBe(false);
    expect(empty("(a", "[a")).toBe(true);
    expect(empty("+", "-")).toBe(true);
    expect(empty("-", "-")).toBe(true);
    expect(empty("-", "+")).toBe(false);
    expect(empty("-", "[")).toBe(false);
    expect(empty("+", "[z")).toBe(true);
    expect(empty("[a", "-")).toBe(true);
  });
  test("what has no bracket is refused", () => {
    for (const text of ["", "a", "-a", "+1"]) expect(LexRange.parse(text, "+")).toBeNull();
  });
});
