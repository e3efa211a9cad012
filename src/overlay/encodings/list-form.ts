/** A large list as a whole (node-list.ts): its nodes are those of a quicklist. */
import { i32le } from "../../encodings/packed.ts";
import { QuicklistContainer, RdbType } from "../../rdb/opcodes.ts";
import { type Blocks, bytesOf, letGo } from "./blocks.ts";
import { TREE_ROOT_BYTES } from "./counted-tree.ts";
import { listpackAt } from "./list-node.ts";
import type { NativeForm } from "./native.ts";
import { NodeList } from "./node-list.ts";

const TREE_BYTES_PER_NODE = 12;

export const listForm: NativeForm = {
  count: (blocks, root) => new NodeList(blocks).bind(blocks, root).total,
  bytes,
  free,
  copy,
  rdbType: () => RdbType.LIST_QUICKLIST_2,
  *write(sink, blocks, root) {
    const list = new NodeList(blocks).bind(blocks, root);
    sink.length(list.entries);
    for (list.seekFirst(); list.settle(); list.next()) {
      const node = bytesOf(blocks, list.handle);
      const at = listpackAt(blocks, list.handle);
      sink.length(QuicklistContainer.PACKED);
      sink.string(node, at, i32le(node, at) >>> 0);
      yield;
    }
  },
};

/** By the blocks of both ends and the middle. */
function bytes(blocks: Blocks, root: number): number {
  const list = new NodeList(blocks).bind(blocks, root);
  const { entries, total } = list;
  if (entries === 0) return blocks.capacity(root);
  let sampled = 0;
  for (const index of [0, total >>> 1, total - 1]) {
    list.seekWeight(index);
    sampled += blocks.capacity(list.handle);
  }
  return blocks.capacity(root) + Math.round((sampled / 3 + TREE_BYTES_PER_NODE) * entries);
}

function* free(blocks: Blocks, root: number): Generator<void, void, void> {
  yield* new NodeList(blocks).bind(blocks, root).freeInSlices(true);
  blocks.free(root);
}

function* copy(from: Blocks, root: number, to: Blocks): Generator<void, number, void> {
  const copied = to.allocate(TREE_ROOT_BYTES);
  NodeList.createAt(to, copied);
  let isWhole = false;
  try {
    yield* new NodeList(to).bind(to, copied).copyInSlices(from, root);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(to, free(to, copied));
  }
  return copied;
}
