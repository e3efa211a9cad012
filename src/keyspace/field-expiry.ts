/** When fields of a hash expire by themselves, by its record: for the table's note of who is due (expire.ts). */
import { hashExpiry } from "../overlay/encodings/hash-form.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import { type Record, readExpireMs } from "../rdb/record.ts";
import { nativeBlocks, nativeRoot } from "./native.ts";

/** What is not told by the value's first bytes may have expired long ago. */
const AT_ONCE = 1;

/** Unix time in ms before which no field of the record's value expires, Infinity: none does. Its cursor is before the value then. */
export function fieldsExpireAt(record: Record): number {
  const { type } = record;
  if (type === NativeType.HASH) {
    const earliestMs = hashExpiry(nativeBlocks(record), nativeRoot(record));
    record.seekValue();
    return earliestMs;
  }
  if (type < RdbType.HASH_METADATA_PRE_GA) return Number.POSITIVE_INFINITY;
  if (type === RdbType.HASH_METADATA || type === RdbType.HASH_LISTPACK_EX) {
    record.seekValue();
    const earliestMs = readExpireMs(record.cursor);
    record.seekValue();
    return earliestMs;
  }
  const isExpiring =
    type === RdbType.HASH_METADATA_PRE_GA || type === RdbType.HASH_LISTPACK_EX_PRE_GA || type === RdbType.VALKEY_HASH_2;
  return isExpiring ? AT_ONCE : Number.POSITIVE_INFINITY;
}
