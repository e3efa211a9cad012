/** A list of elements that are all there (SORT … STORE) in a key's place: packed, or native and made in slices. */
import { LISTPACK_EMPTY_BYTES, measureElement } from "../encodings/listpack-writer.ts";
import { exceedsNode, type NodeList } from "../overlay/encodings/node-list.ts";
import { NativeType } from "../rdb/opcodes.ts";
import type { ByteStore } from "../types/byte-store.ts";
import { makeList } from "../types/list-build.ts";
import type { Context } from "./context.ts";
import { LIST, listLimit } from "./lists-open.ts";

const ELEMENTS_PER_SLICE = 256;
/** What Redis assumes an element adds to its bytes when it asks whether one more fits into a node. */
const ELEMENT_OVERHEAD_BYTES = 8;

/** Makes the key at argument `index` a list of these elements, at least one, without an expiry. Throws ArenaFull, nothing changed. */
export function* storeList(c: Context, index: number, elements: ByteStore): Generator<void, void, void> {
  const limit = listLimit(c);
  if (fitsOneNode(elements, limit)) {
    const { args, db } = c;
    const starts = Int32Array.from({ length: elements.count }, (_, i) => elements.start(i));
    const lengths = Int32Array.from({ length: elements.count }, (_, i) => elements.length(i));
    const start = args.starts[index] as number;
    const length = args.lengths[index] as number;
    LIST.create(db, args.bytes, start, length, elements.bytes, starts, lengths, 0, elements.count, false);
    return;
  }
  for (;;) {
    const top = c.db.ensureTop();
    const root = yield* makeList(top.arena, limit, (list) => pushAll(list, elements));
    if (c.db.top === top) {
      install(c, index, root);
      return;
    }
    // A save has begun: it goes on in the overlay that takes writes now.
    top.graves.bury(NativeType.LIST, root);
  }
}

function install(c: Context, index: number, root: number): void {
  const { args, db } = c;
  try {
    db.install(args.bytes, args.starts[index] as number, args.lengths[index] as number, NativeType.LIST, root, -1);
  } catch (error) {
    db.ensureTop().graves.bury(NativeType.LIST, root);
    throw error;
  }
}

function* pushAll(list: NodeList, elements: ByteStore): Generator<void, void, void> {
  for (let i = 0; i < elements.count; i++) {
    list.push(elements.bytes, elements.start(i), elements.length(i), false);
    if (i % ELEMENTS_PER_SLICE === 0) yield;
  }
}

/** Whether Redis, pushing them one by one, fills one node only, which becomes a listpack. */
function fitsOneNode(elements: ByteStore, limit: number): boolean {
  let size = LISTPACK_EMPTY_BYTES;
  for (let i = 0; i < elements.count; i++) {
    const length = elements.length(i);
    if (i > 0 && exceedsNode(limit, size + length + ELEMENT_OVERHEAD_BYTES, i + 1)) return false;
    size += measureElement(elements.bytes, elements.start(i), length);
    if (exceedsNode(limit, size, i + 1)) return false;
  }
  return true;
}
