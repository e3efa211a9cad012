/** Values as RDB has them, of records whatever their form: for DUMP, and for what tells how long they are. */
import { nativeForm } from "../overlay/encodings/native.ts";
import { isNativeType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { PayloadSink } from "../rdb/value-sink.ts";
import { sourceOf } from "../util/byte-source.ts";
import { nativeBlocks, nativeRoot } from "./native.ts";

/**
 * A record of the same value as the RDB format has it: itself, or one in memory of its own that a native structure was written to, in
 * slices. Key, expiry and access are not carried over.
 */
export function* asPlain(record: Record): Generator<void, Record, void> {
  if (!isNativeType(record.type)) return record;
  const form = nativeForm(record.type);
  const blocks = nativeBlocks(record);
  const root = nativeRoot(record);
  const sink = new PayloadSink();
  const plain = new Record();
  plain.type = form.rdbType(blocks, root);
  plain.offset = record.offset;
  yield* form.write(sink, blocks, root);
  plain.valueLength = sink.size;
  plain.cursor.open(sourceOf(sink.buffer.subarray(0, sink.size)), 0);
  return plain;
}
