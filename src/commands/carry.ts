/**
 * Taking a key's value to another name, another database, or another level: COPY, MOVE, RENAME, and EXPIRE of a key of the file.
 *
 * What is small is copied as it lies, in the moment in which it is written. A large collection is first made a native structure in the
 * arena that it goes to, in slices; then writing the entry is all that is left. When the key has changed meanwhile, or a save has begun,
 * the structure is made anew.
 */
import type { Database } from "../keyspace/database.ts";
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Arena } from "../overlay/arena.ts";
import { letGo } from "../overlay/encodings/blocks.ts";
import { nativeForm } from "../overlay/encodings/native.ts";
import { INLINE_BYTES_MAX } from "../overlay/entry.ts";
import { isNativeType, objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { builderOf } from "../types/builders.ts";
import type { Context } from "./context.ts";
import { noteReading, peek } from "./lookup.ts";
import { measured } from "./measure.ts";
import { untilUnchanging } from "./native-reads.ts";

/** A value on its way. */
export interface Carried {
  /** Bytes of the value in the record, which is to be copied as it lies; -1 where there is a structure. */
  readonly valueLength: number;
  /** A number of NativeType. */
  readonly type: number;
  /** Root of the structure, in the arena of the top of the database that it goes to. */
  readonly root: number;
  readonly arena: Arena | null;
}

/**
 * Prepares the value of `c.record`, just found at argument 1, for `target`; null when the key went meanwhile. The record is as of now when
 * this returns: write at once (`put`), or let go (`discard`).
 */
export function* carry(c: Context, target: () => Database): Generator<void, Carried | null, void> {
  const { record } = c;
  for (let isAgain = false; ; isAgain = true) {
    if (isAgain) yield* untilUnchanging(c, 1);
    if (isAgain && !peek(c, 1)) return null;
    const isNative = isNativeType(record.type);
    if (isNative) noteReading(c, record);
    else {
      const valueLength = yield* measured(c);
      if (valueLength < 0) return null;
      if (valueLength <= INLINE_BYTES_MAX || builderOf(record.type) === null) {
        return { valueLength, type: record.type, root: 0, arena: null };
      }
    }
    const place = placeOf(record);
    const { source } = record.cursor;
    const top = target().ensureTop();
    const { arena } = top;
    const type = isNative ? record.type : (builderOf(record.type)?.type as number);
    const steps = isNative
      ? nativeForm(type).copy(nativeBlocks(record), nativeRoot(record), arena)
      : (builderOf(record.type)?.build(record, arena, c.nowMs) as Generator<void, number, void>);
    const root = yield* whileTop(steps, () => target().top?.arena === arena);
    const isThere = peek(c, 1);
    if (root !== 0 && isThere && target().top?.arena === arena && record.cursor.source === source) {
      if (placeOf(record) === place) return { valueLength: -1, type, root, arena };
    }
    if (root !== 0) top.graves.bury(type, root);
  }
}

/** As `carry`, of a value that nobody can change meanwhile: a payload of RESTORE, `valueLength` bytes long. */
export function* unpack(
  record: Record,
  valueLength: number,
  target: () => Database,
  nowMs: number,
): Generator<void, Carried, void> {
  const builder = valueLength > INLINE_BYTES_MAX ? builderOf(record.type) : null;
  if (builder === null) return { valueLength, type: record.type, root: 0, arena: null };
  for (;;) {
    const { arena } = target().ensureTop();
    const root = yield* whileTop(builder.build(record, arena, nowMs), () => target().top?.arena === arena);
    if (root !== 0) return { valueLength: -1, type: builder.type, root, arena };
  }
}

/** Writes what was prepared; the structure belongs to the key then. Throws ArenaFull; it is freed then. */
export function put(
  carried: Carried,
  target: Database,
  bytes: Uint8Array,
  start: number,
  length: number,
  record: Record,
  expireAtMs: number,
): void {
  if (carried.arena === null) {
    target.writeRecord(bytes, start, length, record, carried.valueLength, expireAtMs);
    return;
  }
  try {
    target.install(bytes, start, length, carried.type, carried.root, expireAtMs);
  } catch (error) {
    discard(carried);
    throw error;
  }
}

/** It is not written after all. */
export function discard({ arena, type, root }: Carried): void {
  if (arena !== null) letGo(arena, nativeForm(type).free(arena, root));
}

/** Whether the value is large and of the file, or of a level that is being saved: it must be carried up before its entry changes. */
export function isToBeCarried(record: Record): boolean {
  if (record.entry !== 0) return false;
  return isNativeType(record.type) || objectType(record.type) !== "string";
}

/** What tells one value from another in the same source: two natives have two roots. */
function placeOf(record: Record): number {
  return isNativeType(record.type) ? nativeRoot(record) : record.valueOffset;
}

/**
 * Runs the steps of a structure that is made as long as its arena is the one to write to: the root, 0 when it is not any more. What there
 * is of it goes then, and where the client has gone.
 */
export function* whileTop(steps: Generator<void, number, void>, isTop: () => boolean): Generator<void, number, void> {
  try {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      yield;
      if (!isTop()) return 0;
    }
  } finally {
    steps.return(0);
  }
}
