/**
 * Writes a stream in an older version of its layout (drawn in stream-skip.ts). Entries, groups, consumers and what is pending are all
 * there; statistics that the older version has no place for are left out, and its readers put them in by rules of their own:
 *
 *   3 → 2    active time of a consumer: the seen time, or none (-1)
 *   2 → 1    entries added: the entries there are. Greatest deleted id: 0-0. First id: that of the first node's first entry.
 *            Entries read of a group: by its last id: none before the first entry, all at the last, else unknown (-1)
 */
import type { Cursor } from "../util/cursor.ts";
import { readLength64 } from "./length.ts";
import { RdbType } from "./opcodes.ts";
import { STREAM_ID_BYTES, StreamBytesMin } from "./stream-skip.ts";
import { copyBytes, copyLength, writeCount, writeString } from "./value-writer.ts";
import type { RdbWriter } from "./writer.ts";

/** Lengths of the head: entries, last id; and from the second version on first id, greatest deleted id, entries added. */
const HEAD_LENGTHS = 8;
const HEAD_LENGTHS_OLD = 3;

/** Writes the stream at the cursor, of `type`, as `target`, an older one. Throws FormatError. */
export function writeStream(writer: RdbWriter, cursor: Cursor, type: number, target: number): void {
  for (let left = writeCount(writer, cursor, StreamBytesMin.NODE) * 2; left > 0; left--) writeString(writer, cursor);
  const kept = target === RdbType.STREAM_LISTPACKS ? HEAD_LENGTHS_OLD : HEAD_LENGTHS;
  for (let i = 0; i < HEAD_LENGTHS; i++) {
    if (i < kept) copyLength(writer, cursor);
    else readLength64(cursor);
  }
  for (let left = writeCount(writer, cursor, StreamBytesMin.GROUP); left > 0; left--) {
    writeGroup(writer, cursor, type, target);
  }
}

function writeGroup(writer: RdbWriter, cursor: Cursor, type: number, target: number): void {
  writeString(writer, cursor);
  copyLength(writer, cursor);
  copyLength(writer, cursor);
  if (target === RdbType.STREAM_LISTPACKS) readLength64(cursor);
  else copyLength(writer, cursor);
  for (let left = writeCount(writer, cursor, StreamBytesMin.PENDING); left > 0; left--) {
    copyBytes(writer, cursor, STREAM_ID_BYTES + 8);
    copyLength(writer, cursor);
  }
  for (let left = writeCount(writer, cursor, StreamBytesMin.CONSUMER); left > 0; left--) {
    writeString(writer, cursor);
    writeTimes(writer, cursor, type);
    copyBytes(writer, cursor, writeCount(writer, cursor, StreamBytesMin.CONSUMER_PENDING) * STREAM_ID_BYTES);
  }
}

/** The seen time, without the active one. */
function writeTimes(writer: RdbWriter, cursor: Cursor, type: number): void {
  copyBytes(writer, cursor, 8);
  if (type === RdbType.STREAM_LISTPACKS_3) cursor.skip(8);
}
