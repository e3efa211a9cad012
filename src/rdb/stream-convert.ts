/**
 * Writes a stream in an older version of its layout (drawn in stream-skip.ts), where nothing is lost by it.
 *
 * What an older version leaves out, its readers put in by rules of their own; a stream is written only if those give what it holds:
 *
 *   3 → 2    active time of a consumer: the seen time, or none (-1)
 *   2 → 1    entries added: the entries there are. Greatest deleted id: 0-0. First id: that of the first node's first entry.
 *            Entries read of a group: by its last id: none before the first entry, all at the last, else unknown (-1)
 */
import type { Cursor } from "../util/cursor.ts";
import { readLength64 } from "./length.ts";
import { NotExpressible } from "./not-expressible.ts";
import { RdbType } from "./opcodes.ts";
import { STREAM_ID_BYTES, StreamBytesMin } from "./stream-skip.ts";
import { copyBytes, copyLength, writeCount, writeString } from "./value-writer.ts";
import type { RdbWriter } from "./writer.ts";

/** Entries read of a group that nobody has counted, as 64 bits without sign. */
const UNKNOWN = 2n ** 64n - 1n;

interface Facts {
  readonly length: bigint;
  readonly last: readonly [ms: bigint, seq: bigint];
  readonly first: readonly [ms: bigint, seq: bigint];
}

/** Writes the stream at the cursor, of `type`, as `target`, an older one. Throws NotExpressible, FormatError. */
export function writeStream(writer: RdbWriter, cursor: Cursor, type: number, target: number): void {
  for (let left = writeCount(writer, cursor, StreamBytesMin.NODE) * 2; left > 0; left--) writeString(writer, cursor);
  const facts = writeHead(writer, cursor, target);
  for (let left = writeCount(writer, cursor, StreamBytesMin.GROUP); left > 0; left--) {
    writeGroup(writer, cursor, type, target, facts);
  }
}

function writeHead(writer: RdbWriter, cursor: Cursor, target: number): Facts {
  const start = cursor.offset;
  const length = readLength64(cursor);
  const last = [readLength64(cursor), readLength64(cursor)] as const;
  const first = [readLength64(cursor), readLength64(cursor)] as const;
  const deleted = [readLength64(cursor), readLength64(cursor)] as const;
  const added = readLength64(cursor);
  if (target === RdbType.STREAM_LISTPACKS && (added !== length || deleted[0] !== 0n || deleted[1] !== 0n)) {
    throw new NotExpressible("a stream whose deleted entries are counted, which takes rdb-version 10 or later");
  }
  cursor.seek(start);
  for (let lengths = target === RdbType.STREAM_LISTPACKS ? 3 : 8; lengths > 0; lengths--) copyLength(writer, cursor);
  if (target === RdbType.STREAM_LISTPACKS) for (let lengths = 5; lengths > 0; lengths--) readLength64(cursor);
  return { length, last, first };
}

function writeGroup(writer: RdbWriter, cursor: Cursor, type: number, target: number, facts: Facts): void {
  writeString(writer, cursor);
  const at = cursor.offset;
  const id = [readLength64(cursor), readLength64(cursor)] as const;
  cursor.seek(at);
  copyLength(writer, cursor);
  copyLength(writer, cursor);
  if (target === RdbType.STREAM_LISTPACKS) {
    const read = readLength64(cursor);
    if (read !== UNKNOWN && read !== estimatedRead(id, facts)) {
      throw new NotExpressible("a stream whose groups count what they have read, which takes rdb-version 10 or later");
    }
  } else copyLength(writer, cursor);
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

function writeTimes(writer: RdbWriter, cursor: Cursor, type: number): void {
  const at = cursor.offset;
  const seen = cursor.i64le();
  if (type === RdbType.STREAM_LISTPACKS_3) {
    const active = cursor.i64le();
    if (active !== seen && active !== -1n) {
      throw new NotExpressible("a stream with consumers' times of activity, which takes rdb-version 11 or later");
    }
  }
  const end = cursor.offset;
  cursor.seek(at);
  copyBytes(writer, cursor, 8);
  cursor.seek(end);
}

/** What a reader of the oldest layout takes for the entries that a group of this last id has read. */
function estimatedRead(id: readonly [bigint, bigint], { length, last, first }: Facts): bigint {
  if (length === 0n) return 0n;
  const order = compare(id, last);
  if (order >= 0) return length;
  const fromFirst = compare(id, first);
  if (fromFirst < 0) return 0n;
  return fromFirst === 0 ? 1n : UNKNOWN;
}

function compare(a: readonly [bigint, bigint], b: readonly [bigint, bigint]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] === b[1] ? 0 : a[1] < b[1] ? -1 : 1;
}
