/**
 * Putting a set that was worked out in the place of a key's value. What takes long, a native structure of many members, is made aside in
 * slices; the key changes in one moment. A structure whose overlay is being saved by then is made anew in the new one.
 */
import type { Database } from "../keyspace/database.ts";
import { PackedEdit } from "../keyspace/packed-edit.ts";
import type { Arena } from "../overlay/arena.ts";
import { NativeType } from "../rdb/opcodes.ts";
import { buildOf } from "../types/set-build.ts";
import { packSet, type SetForm, type Texts } from "../types/set-pack.ts";
import { copyBytes } from "../util/native.ts";
import { whileTop } from "./carry.ts";
import type { Context } from "./context.ts";

const PACKED = new PackedEdit();

/**
 * The key at argument `index` becomes a set of these members, of which there is one at least, all different, in this form; whether it did:
 * only when `isStill` says so in that moment. Throws ArenaFull.
 */
export function* storeSet(
  c: Context,
  index: number,
  form: SetForm,
  texts: Texts,
  expireAtMs: number,
  isStill?: () => boolean,
): Generator<void, boolean, void> {
  if (form === NativeType.SET) {
    const build = (arena: Arena) => {
      texts.begin();
      return buildOf(arena, () => texts.next());
    };
    return yield* storeNative(c, index, build, expireAtMs, isStill);
  }
  if (isStill !== undefined && !isStill()) return false;
  putPacked(c.db, c, index, form, packSet(form, texts), expireAtMs);
  return true;
}

/** As `storeSet`, the native structure that `build` makes: it may be called again. */
export function* storeNative(
  c: Context,
  index: number,
  build: (arena: Arena) => Generator<void, number, void>,
  expireAtMs: number,
  isStill: () => boolean = () => true,
): Generator<void, boolean, void> {
  for (;;) {
    const top = c.db.ensureTop();
    const { arena } = top;
    const root = yield* whileTop(build(arena), () => c.db.top === top);
    const isWanted = isStill();
    if (root !== 0 && isWanted) {
      putNative(c, index, root, expireAtMs);
      return true;
    }
    if (root !== 0) top.graves.bury(NativeType.SET, root);
    if (!isWanted) return false;
  }
}

/** The key's value becomes a set with this blob. Throws ArenaFull, nothing changed. */
export function putPacked(
  database: Database,
  { args }: Context,
  index: number,
  form: SetForm,
  blob: Uint8Array,
  expireAtMs: number,
): void {
  const { bytes } = args;
  PACKED.create(
    database,
    bytes,
    args.starts[index] as number,
    args.lengths[index] as number,
    form,
    blob.length,
    expireAtMs,
  );
  copyBytes(blob, 0, blob.length, PACKED.bytes, PACKED.start);
}

function putNative(c: Context, index: number, root: number, expireAtMs: number): void {
  const { args, db } = c;
  const start = args.starts[index] as number;
  const length = args.lengths[index] as number;
  try {
    db.install(args.bytes, start, length, NativeType.SET, root, expireAtMs);
  } catch (error) {
    db.ensureTop().graves.bury(NativeType.SET, root);
    throw error;
  }
}
