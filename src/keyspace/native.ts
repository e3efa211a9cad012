/** Records whose value is a native structure (overlay/encodings/native.ts): where it lies. */
import { i32le } from "../encodings/packed.ts";
import type { Arena } from "../overlay/arena.ts";
import type { Record } from "../rdb/record.ts";

/** The handle of the structure's root. The record's type is a native one; its cursor may stand anywhere. */
export function nativeRoot(record: Record): number {
  record.seekValue();
  return i32le(record.cursor.bytes, record.cursor.pos) >>> 0;
}

/** The memory that it lies in: only overlays have native structures, and an overlay's source is its arena. */
export function nativeBlocks(record: Record): Arena {
  return record.cursor.source as Arena;
}
