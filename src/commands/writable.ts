/**
 * Finding a collection in order to change it. Afterwards it is either a native structure of the top overlay, free to be changed in its
 * place, or anything else (packed, a sequence, in whatever level), of which the family's editor makes what it can change.
 *
 * What takes long, copying a large structure out of a level that is being saved, or making one of a collection in the file, is done in
 * slices before the handler has changed anything: NotReady, then the handler begins anew.
 */

import { KEEP_EXPIRY } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { atOnce, nativeForm } from "../overlay/encodings/native.ts";
import { isNativeType, type ObjectType, objectType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import type { ByteSource } from "../util/byte-source.ts";
import type { Context } from "./context.ts";
import { wrongType } from "./errors.ts";
import { peek } from "./lookup.ts";
import { awaitReaders } from "./native-reads.ts";
import { NotReady } from "./not-ready.ts";

/** Elements that are copied or converted at once. */
const AT_ONCE_MAX = 512;

/**
 * Makes a native structure of a record's value, in slices: its root. Where it throws or is returned early it has freed what it made. The
 * record's cursor stays alone between two slices.
 */
export type Build = (record: Record, blocks: Blocks) => Generator<void, number, void>;

/**
 * Finds the key at argument `index` for a write; false when there is none. Throws ReplyError WRONGTYPE, NotReady. Only before the handler
 * has changed or replied anything.
 */
export function openForWrite(c: Context, index: number, type: ObjectType, record = c.record): boolean {
  const { args, db } = c;
  const { bytes } = args;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  if (!db.find(bytes, start, length, c.nowMs, record)) return false;
  prepare(c, index, type, record);
  return true;
}

/**
 * As openForWrite, of a collection that has this native type when it is large. Where that may be changed at once, as mostly,
 * `record` is not read: `c.db.root` is its root, in the arena of the top. Else `c.db.root` is 0.
 */
export function findToChange(c: Context, index: number, nativeType: number, record = c.record, db = c.db): boolean {
  const { args } = c;
  const { bytes } = args;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  if (!db.findToChange(bytes, start, length, c.nowMs, record, nativeType)) return false;
  if (db.root === 0) prepare(c, index, objectType(nativeType), record);
  return true;
}

/** Has the record just found be one that may be changed. */
function prepare(c: Context, index: number, type: ObjectType, record: Record): void {
  if (objectType(record.type) !== type) throw wrongType();
  const { args, db } = c;
  if (db.draining !== null) {
    db.settle(args.bytes, args.starts[index] as number, args.lengths[index] as number, record);
  }
  if (isNativeType(record.type)) bringUp(c, index, record);
  db.touch(record);
}

/**
 * Has a native structure lie in the top overlay, where nobody reads it: `record`, just found, is read again where it has moved. For others
 * than families' commands, too: whatever changes the entry of a large key and not its value.
 */
export function bringUp(c: Context, index: number, record: Record): void {
  if (record.entry !== 0) {
    awaitReaders(record, c.client);
    return;
  }
  const form = nativeForm(record.type);
  const count = form.count(nativeBlocks(record), nativeRoot(record));
  becomeNative(c, index, record, count, copyOf, record.type);
}

function copyOf(record: Record, blocks: Blocks): Generator<void, number, void> {
  return nativeForm(record.type).copy(nativeBlocks(record), nativeRoot(record), blocks);
}

/**
 * Replaces the key's value by a native structure of `type` (a number of NativeType) that `build` makes of it; `record`, just found, is read
 * again then. Large ones, by `count` of elements: throws NotReady, and the handler finds it native when it runs again. The expiry stays.
 */
export function becomeNative(
  c: Context,
  index: number,
  record: Record,
  count: number,
  build: Build,
  type: number,
): void {
  if (count > AT_ONCE_MAX) {
    throw new NotReady(convert(c, index, build, type, record.cursor.source, record.valueOffset));
  }
  const root = atOnce(build(record, c.db.ensureTop().arena));
  install(c, index, type, root);
  const { args, db } = c;
  db.reread(args.bytes, args.starts[index] as number, args.lengths[index] as number, record);
}

/** Removes the key at argument `index`: its last element has gone. */
export function deleteKey(c: Context, index: number): void {
  const { args, db } = c;
  db.drop(args.bytes, args.starts[index] as number, args.lengths[index] as number);
}

/**
 * Makes the structure of the value that lies there (`source`, `valueOffset`), and installs it. Where the key changes meanwhile, or a save
 * begins, nothing comes of it: the handler, which begins anew, sees what is to be done then. What others have written is never replaced.
 */
function* convert(
  c: Context,
  index: number,
  build: Build,
  type: number,
  source: ByteSource,
  valueOffset: number,
): Generator<void, void, void> {
  const record = new Record();
  const now = new Record();
  const isSame = (found: Record) =>
    peek(c, index, found) && found.cursor.source === source && found.valueOffset === valueOffset;
  if (!isSame(record)) return;
  const top = c.db.ensureTop();
  const steps = build(record, top.arena);
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) {
        if (c.db.top === top && isSame(now)) install(c, index, type, step.value);
        else top.graves.bury(type, step.value);
        return;
      }
      yield;
      if (c.db.top !== top) return;
    }
  } finally {
    // Also where the client has gone.
    steps.return(0);
  }
}

/** The structure in the top's arena becomes the key's value, or is freed where there is no memory for the entry. */
function install(c: Context, index: number, type: number, root: number): void {
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  try {
    db.install(args.bytes, start, length, type, root, KEEP_EXPIRY);
  } catch (error) {
    db.ensureTop().graves.bury(type, root);
    throw error;
  }
}
