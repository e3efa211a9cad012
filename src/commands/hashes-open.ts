/** Opening a hash in order to change it: whatever form it lies in, it can be changed afterwards (types/hash-edit.ts), and no field has expired. */
import { KEEP_EXPIRY } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType, objectType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { HashReader } from "../types/hash.ts";
import { buildHash, packHash } from "../types/hash-build.ts";
import { HashEdit } from "../types/hash-edit.ts";
import { copyBytes } from "../util/native.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { wrongType } from "./errors.ts";
import { peek } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";
import { becomeNative, deleteKey, findToChange } from "./writable.ts";

/** Expired fields that are removed at once. */
const EXPIRED_AT_ONCE_MAX = 512;

const PACKED = new PackedEdit();

/**
 * Opens the hash at argument `index`; false when there is none: `create` makes one then. Fields whose time has passed are gone, and the key
 * with the last of them. The record is the editor's as long as it is used; of a native hash it is not always read. Throws ReplyError
 * WRONGTYPE, NotReady, ArenaFull, FormatError. Only before the handler has changed or replied anything.
 */
export function openHash(c: Context, index: number, edit: HashEdit, record: Record): boolean {
  const { args, server } = c;
  const { db } = c;
  const found = findToChange(c, index, NativeType.HASH, record);
  edit.take(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, liveLimits(server.config));
  if (!found) return false;
  if (db.root !== 0) edit.openNative((db.top as Overlay).arena, db.root);
  else {
    if (record.type !== RdbType.HASH_LISTPACK && record.type !== NativeType.HASH) bringToForm(c, index, record);
    edit.open(record);
  }
  if (!edit.isNative) return true;
  if (!edit.expire(c.nowMs, EXPIRED_AT_ONCE_MAX)) throw new NotReady(expireInSlices(c, index));
  if (edit.count > 0) return true;
  deleteKey(c, index);
  return false;
}

/** Has the hash that `openHash` has opened be native. Throws NotReady, ArenaFull: nothing changed. */
export function makeNative(c: Context, index: number, edit: HashEdit, record: Record): void {
  if (edit.isNative) return;
  becomeNative(c, index, record, edit.count, buildWhole, NativeType.HASH);
  edit.open(record);
}

/** Whether the key at argument `index` holds a hash: as it lies, nothing is changed. Throws ReplyError WRONGTYPE. */
export function isHash(c: Context, index: number, record: Record): boolean {
  if (!peek(c, index, record)) return false;
  if (objectType(record.type) !== "hash") throw wrongType();
  return true;
}

function buildWhole(record: Record, blocks: Blocks): Generator<void, number, void> {
  return buildHash(record, blocks, Number.NEGATIVE_INFINITY);
}

/** What lies as Redis does not keep it in memory becomes what Redis would have made of it when it loaded it; with fields that expire, native. */
function bringToForm(c: Context, index: number, record: Record): void {
  const hash = new HashReader(liveLimits(c.server.config));
  hash.open(record, Number.NEGATIVE_INFINITY);
  const blob = hash.encoding === "listpack" ? packHash(hash) : null;
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  if (blob === null) {
    // With what has expired: `openHash` removes it, and counts it.
    becomeNative(c, index, record, hash.storedCount, buildWhole, NativeType.HASH);
    return;
  }
  PACKED.create(db, args.bytes, start, length, RdbType.HASH_LISTPACK, blob.length, KEEP_EXPIRY);
  copyBytes(blob, 0, blob.length, PACKED.bytes, PACKED.start);
  db.reread(args.bytes, start, length, record);
}

function* expireInSlices(c: Context, index: number): Generator<void, void, void> {
  const { args, server } = c;
  const record = new Record();
  const edit = new HashEdit();
  while (peek(c, index, record) && record.type === NativeType.HASH && record.entry !== 0) {
    if (nativeBlocks(record).readers.has(nativeRoot(record))) return;
    edit.take(c.db, args.bytes, args.starts[index] as number, args.lengths[index] as number, liveLimits(server.config));
    edit.open(record);
    if (edit.expire(c.nowMs, EXPIRED_AT_ONCE_MAX)) return;
    yield;
  }
}
