/** A large sorted set as a whole (sorted-set.ts). Written from the highest to the lowest, as Redis does. */
import { RdbType } from "../../rdb/opcodes.ts";
import { type Blocks, bytesOf, letGo, placeOf } from "./blocks.ts";
import { SCORE_BYTES } from "./member.ts";
import { memberHash } from "./member-hash.ts";
import { MemberTable, TABLE_ROOT_BYTES } from "./member-table.ts";
import { tableBytes, writeStored } from "./member-walk.ts";
import type { NativeForm } from "./native.ts";
import { ScoreTree } from "./score-tree.ts";
import { copySortedSet, freeSortedSet, SortedSet } from "./sorted-set.ts";

/** An entry of the tree's leaves, and what stands above it. */
const TREE_BYTES_PER_MEMBER = 16;
const MEMBERS_PER_SLICE = 256;

export const zsetForm: NativeForm = {
  count: (blocks, root) => new MemberTable().bind(blocks, root).count,
  bytes: (blocks, root) =>
    tableBytes(blocks, root) + TREE_BYTES_PER_MEMBER * new MemberTable().bind(blocks, root).count,
  free: freeSortedSet,
  copy,
  rdbType: () => RdbType.ZSET_2,
  *write(sink, blocks, root) {
    const tree = new ScoreTree(blocks).bind(blocks, root + TABLE_ROOT_BYTES / 8);
    sink.length(tree.total);
    let written = 0;
    tree.seekEnd();
    while (tree.previous()) {
      const { handle } = tree;
      const bytes = bytesOf(blocks, handle);
      const at = placeOf(handle);
      writeStored(sink, bytes, at + SCORE_BYTES);
      sink.bytes(bytes, at, SCORE_BYTES);
      if (++written % MEMBERS_PER_SLICE === 0) yield;
    }
  },
};

function* copy(from: Blocks, root: number, to: Blocks): Generator<void, number, void> {
  const copied = SortedSet.create(to);
  let isWhole = false;
  try {
    yield* copySortedSet(from, root, to, copied, memberHash);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(to, freeSortedSet(to, copied));
  }
  return copied;
}
