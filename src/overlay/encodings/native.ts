/**
 * Native structures: what an entry of the overlay holds in place of a value of RDB when a collection is large: the handle of a root
 * block. What all of them must be able to do, whatever they are, stands here; each has its form in a file of its own.
 */
import { NativeType } from "../../rdb/opcodes.ts";
import type { ValueSink } from "../../rdb/value-sink.ts";
import type { Blocks } from "./blocks.ts";
import { hashForm } from "./hash-form.ts";
import { listForm } from "./list-form.ts";
import { setForm } from "./set-form.ts";
import { streamForm } from "./stream-form.ts";
import { zsetForm } from "./zset-form.ts";

export interface NativeForm {
  /** Elements: fields, members, entries. */
  count(blocks: Blocks, root: number): number;
  /** Bytes of all its blocks, estimated from a few. */
  bytes(blocks: Blocks, root: number): number;
  /** Frees all of it, its root too, in slices. Nobody may read it from the start on. */
  free(blocks: Blocks, root: number): Generator<void, void, void>;
  /**
   * The root of a copy in other blocks (or the same), in slices. The original must not change meanwhile. Where it throws (ArenaFull), or is
   * returned early, all of the copy has been freed.
   */
  copy(from: Blocks, root: number, to: Blocks): Generator<void, number, void>;
  /** The number of RdbType that it is saved as. */
  rdbType(blocks: Blocks, root: number): number;
  /** Writes the value as that type has it, in slices. */
  write(sink: ValueSink, blocks: Blocks, root: number): Generator<void, void, void>;
}

/** The form of a native structure; `type`: a number of NativeType. A switch: the forms' modules import this one, and may come before it. */
export function nativeForm(type: number): NativeForm {
  switch (type) {
    case NativeType.HASH:
      return hashForm;
    case NativeType.SET:
      return setForm;
    case NativeType.ZSET:
      return zsetForm;
    case NativeType.LIST:
      return listForm;
    case NativeType.STREAM:
      return streamForm;
    default:
      throw new RangeError(`not a native structure: type ${type}`);
  }
}

/** Runs slices to their end. */
export function atOnce<T>(slices: Generator<void, T, void>): T {
  for (;;) {
    const step = slices.next();
    if (step.done === true) return step.value;
  }
}
