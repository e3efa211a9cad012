/**
 * The block of a large list's node: a listpack (encodings/listpack.ts) with room on either side, so that neither end has to move what
 * lies behind it. That a list is pushed to at its head and that it is popped from there cost what they do at its tail.
 *
 *   0            4       start                  start + bytes
 *   | start u32  | gap   | listpack             | room   |
 *
 * Where a listpack begins is known here alone. A block as long as list-max-listpack-size allows its listpack has room for the first word,
 * too: Redis leaves more of a node free for what an element may take beside its text.
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { type Blocks, bytesOf, placeOf } from "./blocks.ts";

/** Bytes of a block that neither listpack nor room can have. */
export const LIST_NODE_HEAD_BYTES = 4;

/** Where in its window the node's listpack begins. */
export function listpackAt(blocks: Blocks, handle: number): number {
  return placeOf(handle) + startOf(blocks, handle);
}

/** Bytes of a node's block that are free in front of the listpack. */
export function gapOf(blocks: Blocks, handle: number): number {
  return startOf(blocks, handle) - LIST_NODE_HEAD_BYTES;
}

/** After the listpack has begun to begin so many bytes later in the window, or earlier. */
export function moveStart(blocks: Blocks, handle: number, bytes: number): void {
  setStart(blocks, handle, startOf(blocks, handle) + bytes);
}

/** Has a listpack of so many bytes, still to be written, lie at an end of the block, all room on its other side: where in the window. */
export function placeListpack(blocks: Blocks, handle: number, bytes: number, isRoomInFront: boolean): number {
  const start = isRoomInFront ? blocks.capacity(handle) - bytes : LIST_NODE_HEAD_BYTES;
  setStart(blocks, handle, start);
  return placeOf(handle) + start;
}

/** Moves the node's listpack, of so many bytes, to where the gap before it is `gap` bytes. */
export function shiftListpack(blocks: Blocks, handle: number, bytes: number, gap: number): void {
  const from = listpackAt(blocks, handle);
  setStart(blocks, handle, LIST_NODE_HEAD_BYTES + gap);
  bytesOf(blocks, handle).copyWithin(listpackAt(blocks, handle), from, from + bytes);
}

function startOf(blocks: Blocks, handle: number): number {
  return (blocks.words[handle >>> WINDOW_SHIFT] as Int32Array)[(handle & IN_WINDOW) << 1] as number;
}

function setStart(blocks: Blocks, handle: number, start: number): void {
  (blocks.words[handle >>> WINDOW_SHIFT] as Int32Array)[(handle & IN_WINDOW) << 1] = start;
}
