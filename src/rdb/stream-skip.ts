/**
 * The layout of a stream's value, walked without reading it.
 *
 *   count nodes    | nodes × (string of 16 bytes: first id, big-endian | string: listpack)
 *   length entries | last id: length ms | length seq
 *   versions 2, 3:   first id: length ms | length seq    max deleted id: length ms | length seq    length entries added
 *   count groups   | groups × group
 *
 *   group      string name | last id: length ms | length seq | versions 2, 3: length entries read
 *              count pending | pending × (16 bytes id | 8 bytes delivery time | length delivery count)
 *              count consumers | consumers × consumer
 *   consumer   string name | 8 bytes seen time | version 3: 8 bytes active time
 *              count pending | pending × (16 bytes id)
 */
import type { Cursor } from "../util/cursor.ts";
import { readCount, skipLength } from "./length.ts";
import { RdbType } from "./opcodes.ts";
import { skipString } from "./string.ts";

/** Bytes of a stream id as it stands in keys of nodes and in pending lists. */
export const STREAM_ID_BYTES = 16;
/** Least bytes of a node, a group, a pending entry, a consumer: what a count is checked against. */
export const StreamBytesMin = {
  NODE: 2,
  GROUP: 5,
  PENDING: 25,
  CONSUMER: 10,
  CONSUMER_PENDING: STREAM_ID_BYTES,
} as const;

/** Moves over the value of a stream of `type` STREAM_LISTPACKS, _2 or _3. Throws FormatError. */
export function skipStream(cursor: Cursor, type: number): void {
  for (let nodes = readCount(cursor, StreamBytesMin.NODE); nodes > 0; nodes--) {
    skipString(cursor);
    skipString(cursor);
  }
  skipStreamHeader(cursor, type);
  for (let groups = readCount(cursor, StreamBytesMin.GROUP); groups > 0; groups--) skipGroup(cursor, type);
}

/** Moves over what stands between the last node and the count of groups, or the rest of it behind the entry count. */
function skipStreamHeader(cursor: Cursor, type: number): void {
  for (let lengths = type === RdbType.STREAM_LISTPACKS ? 3 : 8; lengths > 0; lengths--) skipLength(cursor);
}

function skipGroup(cursor: Cursor, type: number): void {
  skipString(cursor);
  skipLength(cursor);
  skipLength(cursor);
  if (type !== RdbType.STREAM_LISTPACKS) skipLength(cursor);
  for (let pending = readCount(cursor, StreamBytesMin.PENDING); pending > 0; pending--) {
    cursor.skip(STREAM_ID_BYTES + 8);
    skipLength(cursor);
  }
  for (let consumers = readCount(cursor, StreamBytesMin.CONSUMER); consumers > 0; consumers--) {
    skipString(cursor);
    cursor.skip(type === RdbType.STREAM_LISTPACKS_3 ? 16 : 8);
    cursor.skip(readCount(cursor, StreamBytesMin.CONSUMER_PENDING) * STREAM_ID_BYTES);
  }
}
