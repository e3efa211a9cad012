/** Where the nodes of a counted tree (counted-tree.ts draws them) lie, and how all of them are freed in slices. */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";

/** Words of a node before its first entry; the first of them is the count. */
const FIRST_ENTRY = 2;

/** How a tree's entries are laid out, in words. */
export interface NodeShape {
  readonly keyWords: number;
  readonly leafStride: number;
  readonly innerStride: number;
}

/** Frees a node and all below it, and with `freesBlocks` the users' blocks; yields after each leaf. */
export function* freeNodes(
  blocks: Blocks,
  node: number,
  height: number,
  shape: NodeShape,
  freesBlocks: boolean,
): Generator<void, void, void> {
  const words = blocks.words[node >>> WINDOW_SHIFT] as Int32Array;
  const base = baseOf(node);
  const stride = height === 0 ? shape.leafStride : shape.innerStride;
  for (let i = 0; i < (words[base] as number); i++) {
    const handle = words[base + FIRST_ENTRY + i * stride + shape.keyWords] as number;
    if (height > 0) yield* freeNodes(blocks, handle, height - 1, shape, freesBlocks);
    else if (freesBlocks) blocks.free(handle);
  }
  blocks.free(node);
  if (height === 0) yield;
}

/** The first word of a node. */
export function baseOf(node: number): number {
  return (node & IN_WINDOW) << 1;
}
