/** The check of an index page: ties its bytes to its place and to its index (docs/formats/index.md). */
import { PAGE_BYTES, PAGE_NUMBER_MIX } from "./format.ts";

/**
 * The check as an unsigned 32-bit number of the page whose bytes begin at `start` of `bytes`.
 * @param seed0 the index's first hash seed
 */
export function pageCheck(bytes: Uint8Array, start: number, page: number, seed0: number): number {
  const sum = Bun.hash.crc32(bytes.subarray(start + 4, start + PAGE_BYTES));
  return (sum ^ seed0 ^ Math.imul(page, PAGE_NUMBER_MIX)) >>> 0;
}
