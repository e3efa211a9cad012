/**
 * A page of a member table's directory: `bits` (1 … 10) bits of the hash lead to one of its handles.
 *
 *   | bits u32 | 0 u32 | handle u32 × 2^bits | depth u8 × 2^bits |
 *
 *   depth     0x80: the handle is a page's, of the bits that follow; 0x40: a segment that is crowded (segment.ts);
 *             else how many of the page's bits lead to the segment, 0 … 10
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";

/** Word of the first handle. */
export const PAGE_FIRST = 2;
export const IS_PAGE = 0x80;
export const IS_CROWDED = 0x40;
export const DEPTH_BITS = 0x3f;
export const PAGE_BITS_MAX = 10;

export function pageBytes(bits: number): number {
  return 4 * PAGE_FIRST + 5 * 2 ** bits;
}

/** Bytes from a page's start to its depths. */
export function depthsAt(bits: number): number {
  return 4 * (PAGE_FIRST + 2 ** bits);
}

export function pageBits(blocks: Blocks, page: number): number {
  return (blocks.words[page >>> WINDOW_SHIFT] as Int32Array)[(page & IN_WINDOW) << 1] as number;
}

export function handleAt(blocks: Blocks, page: number, index: number): number {
  const words = blocks.words[page >>> WINDOW_SHIFT] as Int32Array;
  return words[((page & IN_WINDOW) << 1) + PAGE_FIRST + index] as number;
}

/** The depth beside a handle, with what else the byte says. */
export function depthAt(blocks: Blocks, page: number, bits: number, index: number): number {
  const bytes = blocks.windows[page >>> WINDOW_SHIFT] as Uint8Array;
  return bytes[((page & IN_WINDOW) << 3) + depthsAt(bits) + index] as number;
}

/** Has a page's handles [first, first + length) be this one, of this depth. */
export function point(
  blocks: Blocks,
  page: number,
  bits: number,
  first: number,
  length: number,
  handle: number,
  depth: number,
): void {
  const words = blocks.words[page >>> WINDOW_SHIFT] as Int32Array;
  const bytes = blocks.windows[page >>> WINDOW_SHIFT] as Uint8Array;
  const at = ((page & IN_WINDOW) << 1) + PAGE_FIRST + first;
  words.fill(handle, at, at + length);
  const depths = ((page & IN_WINDOW) << 3) + depthsAt(bits) + first;
  bytes.fill(depth, depths, depths + length);
}

/** A page of one bit that leads to one segment either way. Throws ArenaFull. */
export function newPage(blocks: Blocks, segment: number, depth: number): number {
  const page = blocks.allocate(pageBytes(1));
  setBits(blocks, page, 1);
  point(blocks, page, 1, 0, 2, segment, depth);
  return page;
}

/** A page of one bit more that leads to the same handles. Throws ArenaFull. */
export function doubled(blocks: Blocks, page: number): number {
  const bits = pageBits(blocks, page);
  const made = blocks.allocate(pageBytes(bits + 1));
  setBits(blocks, made, bits + 1);
  for (let i = 0; i < 2 ** bits; i++) {
    point(blocks, made, bits + 1, 2 * i, 2, handleAt(blocks, page, i), depthAt(blocks, page, bits, i));
  }
  return made;
}

function setBits(blocks: Blocks, page: number, bits: number): void {
  const words = blocks.words[page >>> WINDOW_SHIFT] as Int32Array;
  const at = (page & IN_WINDOW) << 1;
  words[at] = bits;
  words[at + 1] = 0;
}
