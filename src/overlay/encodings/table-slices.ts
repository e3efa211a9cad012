/**
 * What takes long with a member table of millions, in slices: freeing it, and copying it to another arena. Both walk the directory's
 * pages, so that a table that was copied in part only can be freed too (handle 0: not yet there).
 */

import { copyBytes } from "../../util/native.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";
import { DEPTH_BITS, depthAt, depthsAt, handleAt, IS_PAGE, PAGE_FIRST, pageBits, pageBytes } from "./directory-page.ts";
import { copyBlock } from "./member.ts";
import { TABLE_ROOT_BYTES, TableRoot } from "./member-table.ts";
import { FIRST_SLOT, SEGMENT_BYTES_MAX, slotsOf } from "./segment.ts";

/** Frees the members and all of the table but its root, yielding after each segment. Nobody may read it from the start on. */
export function* freeTable(blocks: Blocks, root: number): Generator<void, void, void> {
  const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
  const at = (root & IN_WINDOW) << 1;
  const top = words[at + TableRoot.TOP] as number;
  const single = (words[at + TableRoot.SINGLE] as number) & ~1;
  words[at + TableRoot.TOP] = 0;
  words[at + TableRoot.COUNT] = 0;
  if (top === 0) return;
  if (single !== 0) freeSegment(blocks, top, single);
  else yield* freePage(blocks, top);
}

function* freePage(blocks: Blocks, page: number): Generator<void, void, void> {
  for (let index = 0; index < entries(blocks, page); index += run(blocks, page, index)) {
    const handle = handleAt(blocks, page, index);
    if (handle === 0) break;
    if (isPage(blocks, page, index)) yield* freePage(blocks, handle);
    else freeSegment(blocks, handle, SEGMENT_BYTES_MAX);
    yield;
  }
  blocks.free(page);
}

function freeSegment(blocks: Blocks, segment: number, bytes: number): void {
  const words = blocks.words[segment >>> WINDOW_SHIFT] as Int32Array;
  const first = ((segment & IN_WINDOW) << 1) + FIRST_SLOT;
  for (let slot = first; slot < first + 2 * slotsOf(bytes); slot += 2) {
    const handle = words[slot + 1] as number;
    if (handle !== 0) blocks.free(handle);
  }
  blocks.free(segment);
}

/**
 * Makes the table at `toRoot` (TABLE_ROOT_BYTES bytes of the caller's, nothing in them yet) a copy of the one at `root`, yielding after
 * each segment. The original must not change meanwhile. Throws ArenaFull: what there is of the copy can be freed then.
 */
export function* copyTable(from: Blocks, root: number, to: Blocks, toRoot: number): Generator<void, void, void> {
  const source = from.words[root >>> WINDOW_SHIFT] as Int32Array;
  const at = (root & IN_WINDOW) << 1;
  const target = to.words[toRoot >>> WINDOW_SHIFT] as Int32Array;
  const into = (toRoot & IN_WINDOW) << 1;
  for (let i = 0; i < TABLE_ROOT_BYTES / 4; i++) target[into + i] = source[at + i] as number;
  const top = source[at + TableRoot.TOP] as number;
  const single = (source[at + TableRoot.SINGLE] as number) & ~1;
  target[into + TableRoot.TOP] = 0;
  if (single !== 0) {
    const copied = newCopy(to, single);
    target[into + TableRoot.TOP] = copied;
    fillSegment(from, top, to, copied, single);
    return;
  }
  const page = newCopy(to, pageBytes(pageBits(from, top)));
  target[into + TableRoot.TOP] = page;
  yield* fillPage(from, top, to, page);
}

function* fillPage(from: Blocks, page: number, to: Blocks, copied: number): Generator<void, void, void> {
  const depths = from.windows[page >>> WINDOW_SHIFT] as Uint8Array;
  const depthsFrom = ((page & IN_WINDOW) << 3) + depthsAt(pageBits(from, page));
  const target = to.words[copied >>> WINDOW_SHIFT] as Int32Array;
  const base = (copied & IN_WINDOW) << 1;
  const count = entries(from, page);
  target[base] = pageBits(from, page);
  copyBytes(
    depths,
    depthsFrom,
    count,
    to.windows[copied >>> WINDOW_SHIFT] as Uint8Array,
    ((copied & IN_WINDOW) << 3) + depthsAt(pageBits(from, page)),
  );
  for (let index = 0; index < count; ) {
    const length = run(from, page, index);
    const old = handleAt(from, page, index);
    const isNested = isPage(from, page, index);
    const child = newCopy(to, isNested ? pageBytes(pageBits(from, old)) : SEGMENT_BYTES_MAX);
    target.fill(child, base + PAGE_FIRST + index, base + PAGE_FIRST + index + length);
    if (isNested) yield* fillPage(from, old, to, child);
    else fillSegment(from, old, to, child, SEGMENT_BYTES_MAX);
    index += length;
    yield;
  }
}

/** Copies the segment with its members; slots whose member is not copied yet are empty, so that it can be freed at any moment. */
function fillSegment(from: Blocks, segment: number, to: Blocks, copied: number, bytes: number): void {
  const source = from.words[segment >>> WINDOW_SHIFT] as Int32Array;
  const base = (segment & IN_WINDOW) << 1;
  const target = to.words[copied >>> WINDOW_SHIFT] as Int32Array;
  const into = (copied & IN_WINDOW) << 1;
  for (let i = 0; i < FIRST_SLOT; i++) target[into + i] = source[base + i] as number;
  for (let i = FIRST_SLOT; i < bytes / 4; i += 2) {
    const handle = source[base + i + 1] as number;
    if (handle === 0) continue;
    target[into + i] = source[base + i] as number;
    target[into + i + 1] = copyBlock(from, handle, to);
  }
}

/** A block of zeros. */
function newCopy(blocks: Blocks, bytes: number): number {
  const handle = blocks.allocate(bytes);
  const at = (handle & IN_WINDOW) << 3;
  (blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array).fill(0, at, at + bytes);
  return handle;
}

function entries(blocks: Blocks, page: number): number {
  return 2 ** pageBits(blocks, page);
}

function isPage(blocks: Blocks, page: number, index: number): boolean {
  return (depthAt(blocks, page, pageBits(blocks, page), index) & IS_PAGE) !== 0;
}

/** How many of the page's handles are the one at `index`. */
function run(blocks: Blocks, page: number, index: number): number {
  const bits = pageBits(blocks, page);
  const depth = depthAt(blocks, page, bits, index);
  return (depth & IS_PAGE) !== 0 ? 1 : 2 ** (bits - (depth & DEPTH_BITS));
}
