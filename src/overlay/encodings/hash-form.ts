/** A large hash as a whole: a member table of fields (member-table.ts, member.ts). */
import { RdbType } from "../../rdb/opcodes.ts";
import type { ValueSink } from "../../rdb/value-sink.ts";
import { WINDOW_SHIFT } from "../arena.ts";
import { EXPIRY_BYTES, readExpiry } from "../entry.ts";
import { type Blocks, bytesOf, letGo, placeOf } from "./blocks.ts";
import { EXPIRY } from "./member.ts";
import { MemberTable, TABLE_ROOT_BYTES } from "./member-table.ts";
import { eachMember, tableBytes, writeStored } from "./member-walk.ts";
import type { NativeForm } from "./native.ts";
import { copyTable, freeTable } from "./table-slices.ts";

const TABLE = new MemberTable();

export const hashForm: NativeForm = {
  count: (blocks, root) => new MemberTable().bind(blocks, root).count,
  bytes: tableBytes,
  free: freeWhole,
  copy: copyWhole,
  rdbType: (blocks, root) => (new MemberTable().bind(blocks, root).expiring > 0 ? RdbType.HASH_METADATA : RdbType.HASH),
  *write(sink, blocks, root) {
    const table = new MemberTable().bind(blocks, root);
    if (table.expiring === 0) {
      sink.length(table.count);
      yield* eachMember(blocks, root, (handle) => writeField(sink, blocks, handle));
      return;
    }
    const earliest = table.earliestExpiry;
    sink.int64(earliest);
    sink.length(table.count);
    yield* eachMember(blocks, root, (handle) => writeExpiring(sink, blocks, handle, earliest));
  },
};

/** Unix time in ms before which no field expires, Infinity: none does. */
export function hashExpiry(blocks: Blocks, root: number): number {
  const table = TABLE.bind(blocks, root);
  return table.expiring === 0 ? Number.POSITIVE_INFINITY : table.earliestExpiry;
}

/** Frees a member table and its root. */
export function* freeWhole(blocks: Blocks, root: number): Generator<void, void, void> {
  yield* freeTable(blocks, root);
  blocks.free(root);
}

/** The root of a copy of a member table: see NativeForm.copy. */
export function* copyWhole(from: Blocks, root: number, to: Blocks): Generator<void, number, void> {
  const copied = to.allocate(TABLE_ROOT_BYTES);
  (to.windows[copied >>> WINDOW_SHIFT] as Uint8Array).fill(0, placeOf(copied), placeOf(copied) + TABLE_ROOT_BYTES);
  let isWhole = false;
  try {
    yield* copyTable(from, root, to, copied);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(to, freeWhole(to, copied));
  }
  return copied;
}

function writeField(sink: ValueSink, blocks: Blocks, handle: number): void {
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  writeStored(sink, bytes, writeStored(sink, bytes, bytes[at] === EXPIRY ? at + EXPIRY_BYTES : at));
}

/** A field of HASH_METADATA: its expiry counts from one before the earliest, 0 is none. */
function writeExpiring(sink: ValueSink, blocks: Blocks, handle: number, earliest: number): void {
  const bytes = bytesOf(blocks, handle);
  const at = placeOf(handle);
  sink.length(bytes[at] === EXPIRY ? readExpiry(bytes, at) - earliest + 1 : 0);
  writeField(sink, blocks, handle);
}
