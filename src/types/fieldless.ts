/** Hashes all of whose fields have expired: to readers there is no such key, as if the last field had just been deleted. */
import { fieldsExpireAt } from "../keyspace/field-expiry.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";
import { HashReader } from "./hash.ts";

/** Fields that are looked at: of more, whoever looks a key up would wait. Most often the first is alive. */
const LOOKED_AT_MAX = 1024;

const HASH = new HashReader();

/**
 * The number of the fields of a record that was just found, when all of them have expired; 0 where that is not so, or is not known
 * quickly. Its cursor is before the value then.
 */
export function fieldsGone(record: Record, nowMs: number): number {
  if (!mayExpire(record.type) || !(fieldsExpireAt(record) < nowMs)) return 0;
  try {
    HASH.open(record, nowMs);
    const { storedCount } = HASH;
    return storedCount <= LOOKED_AT_MAX && !HASH.nextField() ? storedCount : 0;
  } catch (error) {
    // Whoever reads it is told.
    if (!(error instanceof FormatError)) throw error;
    return 0;
  } finally {
    record.seekValue();
  }
}

/** Whether a record of this type may be a hash whose fields expire. */
function mayExpire(type: number): boolean {
  if (type === NativeType.HASH || type === RdbType.VALKEY_HASH_2) return true;
  return type >= RdbType.HASH_METADATA_PRE_GA && type <= RdbType.HASH_LISTPACK_EX;
}
