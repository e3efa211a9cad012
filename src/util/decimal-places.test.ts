import { describe, expect, test } from "bun:test";
import { fixedDecimal, humanDecimal } from "./decimal-places.ts";

describe("humanDecimal and fixedDecimal", () => {
  test("coordinates", () => {
    expect(humanDecimal(13.361389338970184)).toBe("13.36138933897018433");
    expect(humanDecimal(-0)).toBe("0");
    expect(humanDecimal(180)).toBe("180");
    expect(humanDecimal(100)).toBe("100");
    expect(humanDecimal(-1.5)).toBe("-1.5");
  });
  test("distances", () => {
    expect(fixedDecimal(166274.15156960033, 4)).toBe("166274.1516");
    expect(fixedDecimal(0, 4)).toBe("0.0000");
    expect(fixedDecimal(1e22, 4)).toBe("10000000000000000000000.0000");
    expect(fixedDecimal(Number.POSITIVE_INFINITY, 6)).toBe("inf");
  });
});
