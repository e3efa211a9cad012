import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { coveringBoxes, decode, distance, distanceWithin, geohashText, Position, type Shape } from "./geohash.ts";

/** Interleaves as GEOADD does. */
function encode(longitude: number, latitude: number): number {
  const x = Math.floor(((longitude + 180) / 360) * 2 ** 26);
  const y = Math.floor(((latitude + 85.05112878) / 170.10225756) * 2 ** 26);
  let bits = 0n;
  for (let i = 0; i < 26; i++) {
    bits |= BigInt(Math.floor(y / 2 ** i) % 2) << BigInt(2 * i);
    bits |= BigInt(Math.floor(x / 2 ** i) % 2) << BigInt(2 * i + 1);
  }
  return Number(bits);
}

describe("decode", () => {
  test("the documented example", () => {
    const at = new Position();
    decode(3479099956230698, at); // Palermo
    expect(at.longitude).toBe(13.361389338970184);
    expect(at.latitude).toBe(38.1155563954963);
    expect(geohashText(at)).toBe("sqc8b49rny0");
    decode(3479447370796909, at); // Catania
    expect(geohashText(at)).toBe("sqdtr74hyu0");
  });

  test("a decoded position encodes to the same score", () => {
    const random = seededRandom("scores");
    const at = new Position();
    for (let i = 0; i < 5000; i++) {
      const score = Math.floor(random() * 2 ** 26) * 2 ** 26 + Math.floor(random() * 2 ** 26);
      decode(score, at);
      expect(encode(at.longitude, at.latitude)).toBe(score);
    }
  });

  test("scores that are no positions stay on the map", () => {
    const at = new Position();
    for (const score of [-1, 2 ** 52, 2 ** 63, 1e300, -1e300, Infinity, -Infinity, 0.5, -0.5, NaN]) {
      decode(score, at);
      expect(Math.abs(at.longitude)).toBeLessThanOrEqual(180);
      expect(Math.abs(at.latitude)).toBeLessThanOrEqual(85.05112878);
    }
  });
});

test("distance of the documented example", () => {
  const far = distance(13.361389338970184, 38.1155563954963, 15.087267458438873, 37.50266842333162);
  expect(far).toBeCloseTo(166274.1516, 4);
});

describe("coveringBoxes", () => {
  test("holds every position inside the shape", () => {
    const random = seededRandom("shapes");
    const at = new Position();
    let inside = 0;
    for (let round = 0; round < 200; round++) {
      const longitude = random() * 300 - 150;
      const latitude = random() * 120 - 60;
      const size = 10 ** (1 + random() * 4.5);
      const shape: Shape =
        round % 2 === 0
          ? { kind: "circle", longitude, latitude, radius: size }
          : { kind: "box", longitude, latitude, width: size * 2, height: size };
      const boxes = coveringBoxes(shape);
      expect(boxes.length).toBeGreaterThan(0);
      for (let i = 0; i < 100; i++) {
        const spread = (size / 111000) * 1.5;
        const score = encode(
          Math.max(-180, Math.min(179.99, longitude + (random() - 0.5) * 2 * spread)),
          Math.max(-85, Math.min(85, latitude + (random() - 0.5) * 2 * spread)),
        );
        decode(score, at);
        if (distanceWithin(shape, at) < 0) continue;
        inside++;
        expect(boxes.some((box) => score >= box.min && score < box.max)).toBe(true);
      }
    }
    expect(inside).toBeGreaterThan(1000);
  });

  test("a huge circle is answered from few ranges without repeats", () => {
    const boxes = coveringBoxes({ kind: "circle", longitude: 0, latitude: 0, radius: 3e7 });
    expect(new Set(boxes.map((box) => box.min)).size).toBeGreaterThan(0);
    expect(boxes.length).toBeLessThanOrEqual(9);
  });
});
