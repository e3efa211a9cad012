import { expect, test } from "bun:test";
import { HeaderAt, type IndexHeader, PAGE_BYTES } from "./format.ts";
import { decodeHeader, encodeHeader } from "./header.ts";
import { IndexRejected } from "./index-rejected.ts";

const header: IndexHeader = {
  indexBytes: 10 * PAGE_BYTES,
  rdbBytes: 2 ** 40 + 5,
  rdbMtimeNs: 1_790_000_000_123_456_789n,
  rdbTail: 0xfedcba9876543210n,
  seed: { seed0: -5, seed1: 7, multiplier0: 0x7fffffff, multiplier1: -1 },
  builtAtMs: 1_790_000_000_123,
  rdbVersion: 11,
  crc64Verified: true,
  valkey: false,
  keys: 2 ** 33,
  emptySkipped: 3,
  duplicatesSkipped: 4,
  checksums: { firstPage: 1, pages: 2, entries: 2000 },
  databases: { firstPage: 8, pages: 1, entries: 16 },
  functions: { firstPage: 9, pages: 1, entries: 2 },
};

test("a header reads back as written", () => {
  expect(decodeHeader(encodeHeader(header), header.indexBytes)).toEqual(header);
  const other = { ...header, crc64Verified: false, valkey: true };
  expect(decodeHeader(encodeHeader(other), header.indexBytes)).toEqual(other);
});

test("every flipped bit of the page has it refused", () => {
  const page = encodeHeader(header);
  for (let bit = 0; bit < PAGE_BYTES * 8; bit++) {
    page[bit >> 3] = (page[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => decodeHeader(page, header.indexBytes)).toThrow(IndexRejected);
    page[bit >> 3] = (page[bit >> 3] as number) ^ (1 << (bit & 7));
  }
});

test("each refusal says why", () => {
  const page = encodeHeader(header);
  expect(() => decodeHeader(page.subarray(0, 100), 100)).toThrow("cut short");
  expect(() => decodeHeader(page, header.indexBytes - PAGE_BYTES)).toThrow("its header says 40960");
  const version = page.slice();
  version[HeaderAt.VERSION] = 9;
  expect(() => decodeHeader(version, header.indexBytes)).toThrow("format version 9");
  const magic = page.slice().fill(0, 0, 1);
  expect(() => decodeHeader(magic, header.indexBytes)).toThrow("wrong magic");
  const outside = encodeHeader({ ...header, functions: { firstPage: 9, pages: 2, entries: 2 } });
  expect(() => decodeHeader(outside, header.indexBytes)).toThrow("lies outside");
});
