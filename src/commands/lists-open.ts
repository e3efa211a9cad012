/** Lists that are to be changed: found, in a form that can be changed (types/list-edit.ts), made, and deleted when they are empty. */
import {
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import { listForm } from "../overlay/encodings/list-form.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { exceedsNode, type NodeList } from "../overlay/encodings/node-list.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { DEFAULT_LIMITS } from "../types/limits.ts";
import { ListReader } from "../types/list.ts";
import { buildList, makeList } from "../types/list-build.ts";
import { isPacked, ListEdit } from "../types/list-edit.ts";
import { copyBytes } from "../util/native.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { becomeNative, deleteKey, openForWrite } from "./writable.ts";

/** What an open list is changed with: one for each key of a command. */
export const LIST = new ListEdit();
export const OTHER_LIST = new ListEdit();

export function listLimit(c: Context): number {
  return liveLimits(c.server.config)["list-max-listpack-size"];
}

/**
 * Opens the list at argument `index`; false when there is none. Throws ReplyError WRONGTYPE, NotReady. Only before the handler has
 * changed or replied anything.
 */
export function openToChange(c: Context, index: number, edit: ListEdit, record = c.record): boolean {
  return openForWrite(c, index, "list", record) && openFound(c, index, edit, record);
}

/** As openToChange, of what findToChange has just found, for a change at an end; of a native list `c.record` is not always read. */
export function openEnds(c: Context, index: number, edit: ListEdit): boolean {
  const { args, db, record } = c;
  if (db.root === 0) return openFound(c, index, edit, record);
  edit.openNative(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, db.root, listLimit(c));
  return true;
}

function openFound(c: Context, index: number, edit: ListEdit, record: Record): boolean {
  const limit = listLimit(c);
  if (record.type !== NativeType.LIST && !isPacked(record, limit)) convert(c, index, record, limit);
  take(c, index, edit, record, limit);
  if (edit.count > 0) return true;
  deleteKey(c, index);
  return false;
}

/** Before elements of so many bytes in all are added: a packed list that would become too large becomes native. */
export function makeRoom(
  c: Context,
  index: number,
  edit: ListEdit,
  bytes: number,
  count: number,
  record = c.record,
): void {
  if (!edit.mustGrow(bytes, count)) return;
  const limit = listLimit(c);
  // Of one node only: that is quick, however many elements it has.
  becomeNative(c, index, record, 1, (from, blocks) => buildList(from, blocks, limit), NativeType.LIST);
  take(c, index, edit, record, limit);
}

/** Makes the list at argument `index`, which does not exist, of these texts, as ListEdit.create. `size`: their bytes as Redis counts them. */
export function createList(
  c: Context,
  index: number,
  edit: ListEdit,
  bytes: Uint8Array,
  starts: Int32Array,
  lengths: Int32Array,
  from: number,
  to: number,
  isHead: boolean,
  size: number,
): void {
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  if (!isNativeFrom(c, size, to - from)) {
    edit.create(db, args.bytes, start, length, bytes, starts, lengths, from, to, isHead);
    return;
  }
  createNative(c, index, bytes, starts, lengths, from, to, isHead);
  edit.count = to - from;
}

/** Whether a list of so many elements, of so many bytes in all, is native from the start. */
export function isNativeFrom(c: Context, size: number, elements: number): boolean {
  return exceedsNode(listLimit(c), LISTPACK_EMPTY_BYTES + size, elements);
}

/** As createList, a native one. */
export function createNative(
  c: Context,
  index: number,
  bytes: Uint8Array,
  starts: Int32Array,
  lengths: Int32Array,
  from: number,
  to: number,
  isHead: boolean,
): void {
  const { args, db } = c;
  const { arena } = db.ensureTop();
  const root = atOnce(makeList(arena, listLimit(c), (list) => pushAll(list, bytes, starts, lengths, from, to, isHead)));
  try {
    db.install(args.bytes, args.starts[index] as number, args.lengths[index] as number, NativeType.LIST, root, -1);
  } catch (error) {
    atOnce(listForm.free(arena, root));
    throw error;
  }
}

/** Removes `count` elements from `first` on of the open list; the key, when it was all of them. */
export function removeFrom(c: Context, index: number, edit: ListEdit, first: number, count: number): void {
  if (count >= edit.count) deleteKey(c, index);
  else {
    edit.remove(first, count);
    edit.shrink();
  }
}

function take(c: Context, index: number, edit: ListEdit, record: Record, limit: number): void {
  const { args, db } = c;
  edit.open(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, record, limit);
}

// biome-ignore lint/correctness/useYield: as many as a request has; nothing to wait for
function* pushAll(
  list: NodeList,
  bytes: Uint8Array,
  starts: Int32Array,
  lengths: Int32Array,
  from: number,
  to: number,
  isHead: boolean,
): Generator<void, void, void> {
  for (let i = from; i < to; i++) list.push(bytes, starts[i] as number, lengths[i] as number, isHead);
}

/** A list as it came from a file or by RESTORE becomes packed or native, as Redis would hold it. */
function convert(c: Context, index: number, record: Record, limit: number): void {
  const reader = new ListReader({ ...DEFAULT_LIMITS, "list-max-listpack-size": limit });
  reader.open(record);
  if (reader.encoding === "listpack") repack(c, index, record, reader);
  else becomeNative(c, index, record, reader.count, (from, blocks) => buildList(from, blocks, limit), NativeType.LIST);
}

function repack(c: Context, index: number, record: Record, reader: ListReader): void {
  let size = LISTPACK_EMPTY_BYTES;
  while (reader.next()) {
    const { bytes, start, length } = reader.text();
    size += measureElement(bytes, start, length);
  }
  const listpack = new Uint8Array(size);
  writeEmptyListpack(listpack, 0);
  const writer = new ListpackWriter().open(listpack, 0);
  reader.seek(0);
  while (reader.next()) {
    const { bytes, start, length } = reader.text();
    writer.insert(writer.end, bytes, start, length);
  }
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  const packed = new PackedEdit();
  packed.create(db, args.bytes, start, length, RdbType.LIST_QUICKLIST_2, size);
  copyBytes(listpack, 0, size, packed.bytes, packed.start);
  db.reread(args.bytes, start, length, record);
}
