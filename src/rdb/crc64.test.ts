import { describe, expect, test } from "bun:test";
import { binaryBytes } from "../util/span.ts";
import { Crc64, crc64, crc64Combine, toBigInt } from "./crc64.ts";

const seed = Number(process.env["FOLIO_SEED"] ?? 1);

function randomBytes(length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24);
}

/** One bit at a time: the definition. */
function bitwise(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 0n ? crc >> 1n : (crc >> 1n) ^ 0x95ac9329ac4bc9b5n;
  }
  return crc;
}

describe("crc64", () => {
  test("the check value of Redis's own test", () => {
    expect(crc64(binaryBytes("123456789"))).toBe(0xe9c6d914c4b8d9can);
    const text =
      "This is a test of the emergency broadcast system.  If this had been a real emergency, you would have been dead by now.";
    expect(crc64(binaryBytes(text))).toBe(bitwise(binaryBytes(text)));
    expect(crc64(new Uint8Array(0))).toBe(0n);
  });

  test("words and bytes agree for every start and end around the alignment", () => {
    const bytes = randomBytes(5000);
    for (let start = 0; start < 9; start++) {
      for (let end = 4990; end < 5000; end++) {
        const whole = crc64(bytes, start, end);
        const split = new Crc64();
        for (let at = start; at < end; at += 100) split.update(bytes, at, Math.min(end, at + 100));
        expect(split.toBigInt()).toBe(whole);
      }
    }
    expect(crc64(bytes)).toBe(bitwise(bytes));
    expect(crc64(bytes.subarray(3))).toBe(crc64(bytes, 3));
  });

  test("chunks computed apart join, at every split", () => {
    const bytes = randomBytes(600);
    const whole = crc64(bytes);
    for (let at = 0; at <= bytes.length; at++) {
      const a = new Crc64().update(bytes, 0, at);
      const b = new Crc64().update(bytes, at);
      expect(toBigInt(crc64Combine(a, b, bytes.length - at))).toBe(whole);
    }
  });

  test("joining with a long run of zeros is exact", () => {
    const bytes = new Uint8Array(1 << 20);
    bytes.set(binaryBytes("folio"));
    const head = new Crc64().update(bytes, 0, 5);
    expect(toBigInt(crc64Combine(head, { low: 0, high: 0 }, bytes.length - 5))).toBe(crc64(bytes));
  });

  test("one bit flipped anywhere changes it", () => {
    const bytes = randomBytes(300);
    const whole = crc64(bytes);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(crc64(bytes)).not.toBe(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  });
});
