/** The value of a string key where it lies: what the string, bitmap and HyperLogLog families share. */
import type { Reply } from "../net/reply.ts";
import type { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { lookup } from "./lookup.ts";

const VALUE = new Span();

/**
 * Reads the value of a string record whose cursor stands at the value. The span lies in the source, or in the record's
 * own scratch: valid until the record is read again.
 */
export function readValue(record: Record, into: Span): void {
  readString(record.cursor, into, record.scratch);
}

/** Answers the value of a string record whose cursor stands at the value. No allocation unless it is long. */
export function replyValue(reply: Reply, record: Record): void {
  const { cursor } = record;
  readString(cursor, VALUE, record.scratch);
  reply.bulkSpan(VALUE, VALUE.bytes === cursor.bytes);
}

/** The string at argument `index`, empty where there is no such key. Throws ReplyError WRONGTYPE. Valid as `c.record` is. */
export function stringAt(c: Context, index: number, into: Span): boolean {
  if (lookup(c, index, "string")) {
    readValue(c.record, into);
    return true;
  }
  into.length = 0;
  return false;
}
