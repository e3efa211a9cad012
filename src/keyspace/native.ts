/** Records whose value is a native structure (overlay/encodings/native.ts): where it lies. */
import { i32le } from "../encodings/packed.ts";
import type { Arena } from "../overlay/arena.ts";
import type { Record } from "../rdb/record.ts";

/** The handle of the structure's root. The record's type is a native one; nothing moves its cursor out of the entry's window. */
export function nativeRoot(record: Record): number {
  const { bytes, base } = record.cursor;
  return i32le(bytes, record.valueOffset - base) >>> 0;
}

/** The memory that it lies in: only overlays have native structures, and an overlay's source is its arena. */
export function nativeBlocks(record: Record): Arena {
  return record.cursor.source as Arena;
}
