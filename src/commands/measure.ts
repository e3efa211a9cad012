/**
 * How long a value is. Of one in the file that is found by walking it, in slices where it is a big collection. Then the key is
 * looked up again: another client may have changed it, and the walk begins anew.
 */
import { valueBytesInSlices } from "../rdb/dump.ts";
import type { Context } from "./context.ts";
import { peek } from "./lookup.ts";

/**
 * Bytes of the value in `c.record`, where the key at argument 1 was found; -1 when it went meanwhile. The record is as
 * of now when this returns.
 */
export function* measured(c: Context): Generator<void, number, void> {
  const { record } = c;
  for (;;) {
    if (record.valueLength >= 0) return record.valueLength;
    const { source } = record.cursor;
    const { valueOffset } = record;
    const steps = valueBytesInSlices(record);
    let step = steps.next();
    if (step.done === true) return step.value;
    for (; step.done !== true; step = steps.next()) yield;
    if (!peek(c, 1)) return -1;
    if (record.cursor.source === source && record.valueOffset === valueOffset) return step.value;
  }
}
