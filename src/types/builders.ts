/** Making native structures of collections that lie otherwise (in the file, in a payload of RESTORE): one builder a type. */
import type { Blocks } from "../overlay/encodings/blocks.ts";
import type { ObjectType } from "../rdb/opcodes.ts";
import { NativeType, objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { buildHash } from "./hash-build.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { buildList } from "./list-build.ts";
import { buildSet } from "./set-build.ts";
import { buildStream } from "./stream-build.ts";
import { buildZset } from "./zset-build.ts";

export interface Builder {
  /** A number of NativeType. */
  readonly type: number;
  /**
   * Makes the structure in slices: its root. Expired fields are left out as of `nowMs`. Where it throws, or is returned early, it has
   * freed what it made.
   */
  readonly build: (record: Record, blocks: Blocks, nowMs: number) => Generator<void, number, void>;
}

const BUILDERS: Partial<{ readonly [type in ObjectType]: Builder }> = {
  stream: { type: NativeType.STREAM, build: buildStream },
  hash: { type: NativeType.HASH, build: buildHash },
  set: { type: NativeType.SET, build: buildSet },
  zset: { type: NativeType.ZSET, build: buildZset },
  list: {
    type: NativeType.LIST,
    build: (record, blocks) => buildList(record, blocks, DEFAULT_LIMITS["list-max-listpack-size"]),
  },
};

/** The builder for values of this RdbType; null for what is no collection. */
export function builderOf(rdbType: number): Builder | null {
  return BUILDERS[objectType(rdbType)] ?? null;
}
