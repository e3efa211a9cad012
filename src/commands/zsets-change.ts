/** What the commands that change sorted sets share: opening one for a write, in the form that its editor changes. */
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { freeSortedSet, SortedSet } from "../overlay/encodings/sorted-set.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { ScoredPairs } from "../types/scored-pairs.ts";
import { ZsetReader } from "../types/zset.ts";
import { createPacked, ZsetEdit } from "../types/zset-edit.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { becomeNative, openForWrite } from "./writable.ts";
import { SLICE_MEMBERS } from "./zsets-support.ts";

/** The sorted set that a command changes. */
export const EDIT = new ZsetEdit();

/**
 * Opens the sorted set at argument `index` in EDIT; false when there is none. Throws ReplyError WRONGTYPE, NotReady. Only before the
 * handler has changed or replied anything.
 */
export function openToChange(c: Context, index: number): boolean {
  const { record } = c;
  if (!openForWrite(c, index, "zset")) return false;
  if (record.type !== NativeType.ZSET && record.type !== RdbType.ZSET_LISTPACK) bringIntoForm(c, index);
  open(c, index);
  if (!EDIT.isNative && EDIT.count > liveLimits(c.server.config)["zset-max-listpack-entries"]) makeNative(c, index);
  return true;
}

/** Makes what EDIT has open a native structure, as it grows too large for a listpack. Throws NotReady. */
export function makeNative(c: Context, index: number): void {
  becomeNative(c, index, c.record, EDIT.count, build, NativeType.ZSET);
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
    becomeNative(c, index, record, reader.count, build, NativeType.ZSET);
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

/** A native sorted set of a record's members. */
function* build(record: Record, blocks: Blocks): Generator<void, number, void> {
  const reader = new ZsetReader();
  reader.open(record);
  const root = SortedSet.create(blocks);
  const set = new SortedSet(blocks).bind(blocks, root);
  let isWhole = false;
  try {
    for (let added = 1; reader.next(); added++) {
      const { bytes, start, length } = reader.text();
      const hash = memberHash(bytes, start, length);
      const handle = set.find(hash, bytes, start, length);
      if (handle === 0) set.add(hash, reader.score, bytes, start, length);
      else set.setScore(handle, reader.score);
      if (added % SLICE_MEMBERS === 0) yield;
    }
    isWhole = true;
  } finally {
    if (!isWhole) atOnce(freeSortedSet(blocks, root));
  }
  return root;
}
