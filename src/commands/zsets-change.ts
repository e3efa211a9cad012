/** What the commands that change sorted sets share: opening one for a write, in the form that its editor changes. */
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { ScoredPairs } from "../types/scored-pairs.ts";
import { ZsetReader } from "../types/zset.ts";
import { buildZset } from "../types/zset-build.ts";
import { createPacked, ZsetEdit } from "../types/zset-edit.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { becomeNative, findToChange, openForWrite } from "./writable.ts";

/** The sorted set that a command changes. */
export const EDIT = new ZsetEdit();

/**
 * Opens the sorted set at argument `index` in EDIT; false when there is none. Throws ReplyError WRONGTYPE, NotReady. Only before the
 * handler has changed or replied anything.
 */
export function openToChange(c: Context, index: number): boolean {
  if (!openForWrite(c, index, "zset")) return false;
  openFound(c, index);
  return true;
}

/** Opens the sorted set in `c.record`, just found, in EDIT. */
function openFound(c: Context, index: number): void {
  const { record } = c;
  if (record.type !== NativeType.ZSET && record.type !== RdbType.ZSET_LISTPACK) bringIntoForm(c, index);
  open(c, index);
  if (!EDIT.isNative && EDIT.count > liveLimits(c.server.config)["zset-max-listpack-entries"]) makeNative(c, index);
}

/** As openToChange; of a native sorted set `c.record` is not always read. */
export function openQuickly(c: Context, index: number): boolean {
  const { db } = c;
  if (!findToChange(c, index, NativeType.ZSET)) return false;
  if (db.root !== 0) EDIT.openNative((db.top as Overlay).arena, db.root);
  else openFound(c, index);
  return true;
}

/** Makes what EDIT has open a native structure, as it grows too large for a listpack. Throws NotReady. */
export function makeNative(c: Context, index: number): void {
  becomeNative(c, index, c.record, EDIT.count, buildZset, NativeType.ZSET);
  open(c, index);
}

function open({ args, db, record }: Context, index: number): void {
  EDIT.open(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, record);
}

/** A sequence or ziplist, of a file or a payload, as Redis would have loaded it. */
function bringIntoForm(c: Context, index: number): void {
  const { args, db, record } = c;
  const reader = new ZsetReader(liveLimits(c.server.config));
  reader.open(record);
  if (reader.encoding === "skiplist") {
    becomeNative(c, index, record, reader.count, buildZset, NativeType.ZSET);
    return;
  }
  const pairs = new ScoredPairs();
  const ranked = reader.ranked();
  if (ranked.count > 0) ranked.goTo(0);
  while (pairs.count < ranked.count) {
    pairs.add(ranked.member.text(), ranked.score);
    ranked.next();
  }
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  createPacked(db, args.bytes, start, length, pairs);
  db.reread(args.bytes, start, length, record);
}
