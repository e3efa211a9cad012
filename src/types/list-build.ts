/**
 * Makes a native list (overlay/encodings/node-list.ts) of a list that lies otherwise: nodes that are listpacks are taken over as they
 * are, of ziplists, plain elements and sequences the elements are pushed one by one.
 */
import { Listpack, validateListpack } from "../encodings/listpack.ts";
import { type Blocks, letGo } from "../overlay/encodings/blocks.ts";
import { TREE_ROOT_BYTES } from "../overlay/encodings/counted-tree.ts";
import { listForm } from "../overlay/encodings/list-form.ts";
import { NodeList } from "../overlay/encodings/node-list.ts";
import { readCount, readLength } from "../rdb/length.ts";
import { QuicklistContainer, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { ListReader } from "./list.ts";

const ELEMENTS_PER_SLICE = 256;

/**
 * The root of a list that `fill` fills, in slices; `listMaxListpackSize`: as the directive. Where it throws (ArenaFull, FormatError), or
 * is returned early, everything has been freed.
 */
export function* makeList(
  blocks: Blocks,
  listMaxListpackSize: number,
  fill: (list: NodeList) => Generator<void, void, void>,
): Generator<void, number, void> {
  const root = blocks.allocate(TREE_ROOT_BYTES);
  NodeList.createAt(blocks, root);
  const list = new NodeList(blocks).bind(blocks, root);
  list.fill = listMaxListpackSize;
  let isWhole = false;
  try {
    yield* fill(list);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(blocks, listForm.free(blocks, root));
  }
  return root;
}

/** As makeList, of a record's value: a list that is not native. */
export function buildList(record: Record, blocks: Blocks, listMaxListpackSize: number): Generator<void, number, void> {
  return makeList(blocks, listMaxListpackSize, (list) =>
    record.type === RdbType.LIST_QUICKLIST_2 ? takeNodes(record, list) : pushElements(record, list),
  );
}

function* takeNodes(record: Record, list: NodeList): Generator<void, void, void> {
  record.seekValue();
  const { cursor } = record;
  const node = new Span();
  const scratch = new Scratch();
  const reader = new Listpack();
  for (let left = readCount(cursor, 1); left > 0; left--) {
    const container = readLength(cursor);
    const { offset } = cursor;
    readString(cursor, node, scratch);
    if (container === QuicklistContainer.PLAIN) list.push(node.bytes, node.start, node.length, false);
    else {
      const problem = validateListpack(node.bytes, node.start, node.length, true);
      if (problem !== null) throw new FormatError("bad-listpack", offset, problem, "a sound listpack");
      const count = reader.open(node.bytes, node.start, node.length, offset).count();
      if (count > 0) list.appendNode(node.bytes, node.start, count);
    }
    yield;
  }
}

function* pushElements(record: Record, list: NodeList): Generator<void, void, void> {
  const reader = new ListReader();
  reader.open(record);
  for (let i = 1; reader.next(); i++) {
    const { bytes, start, length } = reader.text();
    list.push(bytes, start, length, false);
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}
