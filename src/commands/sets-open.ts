/** Opening a set in order to change it: whatever form it lies in, it can be changed afterwards (types/set-edit.ts). */
import { KEEP_EXPIRY } from "../keyspace/database.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { SetReader } from "../types/set.ts";
import { buildSet } from "../types/set-build.ts";
import type { SetEdit } from "../types/set-edit.ts";
import { packSet, type Texts } from "../types/set-pack.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { putPacked } from "./set-store.ts";
import { becomeNative, findToChange } from "./writable.ts";

/**
 * Opens the set at argument `index`; false when there is none: `create` makes one then. The record is the editor's as long as it is used;
 * of a native set it is not always read. Throws ReplyError WRONGTYPE, NotReady, ArenaFull, FormatError. Only before the handler has changed or replied anything.
 */
export function openSet(c: Context, index: number, edit: SetEdit, record: Record): boolean {
  const { args } = c;
  const { db } = c;
  const found = findToChange(c, index, NativeType.SET, record);
  const { root } = db;
  if (root !== 0) {
    edit.openNative((db.top as Overlay).arena, root);
    return true;
  }
  const limits = liveLimits(c.server.config);
  edit.take(db, args.bytes, args.starts[index] as number, args.lengths[index] as number, limits);
  if (!found) return false;
  if (record.type === RdbType.SET) bringToForm(c, index, record);
  edit.open(record);
  return true;
}

/** A sequence becomes what Redis would have made of it when it loaded it. */
function bringToForm(c: Context, index: number, record: Record): void {
  const set = new SetReader(liveLimits(c.server.config));
  set.open(record);
  const { encoding } = set;
  if (encoding === "hashtable") {
    becomeNative(c, index, record, set.count, buildSet, NativeType.SET);
    return;
  }
  const form = encoding === "intset" ? RdbType.SET_INTSET : RdbType.SET_LISTPACK;
  const texts: Texts = { begin: () => set.rewind(), next: () => (set.next() ? set.text() : null) };
  putPacked(c.db, c, index, form, packSet(form, texts), KEEP_EXPIRY);
  const { args, db } = c;
  db.reread(args.bytes, args.starts[index] as number, args.lengths[index] as number, record);
}
