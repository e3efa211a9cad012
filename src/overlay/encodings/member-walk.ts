/** Walking a member table from end to end, and what its blocks take: what hashes, sets and sorted sets share. */
import type { ValueSink } from "../../rdb/value-sink.ts";
import { keyLength, lengthBytes } from "../entry.ts";
import { storedBytes } from "./block-string.ts";
import type { Blocks } from "./blocks.ts";
import { HASHES, MemberTable } from "./member-table.ts";
import { SEGMENT_BYTES_MAX, SEGMENT_MEMBERS_MAX } from "./segment.ts";

/** Blocks that an estimate looks at. */
const SAMPLES = 16;
/** First byte of a string that is an integer. */
const INTEGER_MIN = 0xc0;

/** Calls `visit` with the handle of each member in order of hashes, a segment between two yields. */
export function* eachMember(
  blocks: Blocks,
  root: number,
  visit: (handle: number) => void,
): Generator<void, void, void> {
  const table = new MemberTable().bind(blocks, root);
  const handles = new Int32Array(SEGMENT_MEMBERS_MAX);
  for (let from = 0; from < HASHES; from = table.next) {
    const count = table.collect(from, HASHES, handles);
    for (let i = 0; i < count; i++) visit(handles[i] as number);
    yield;
  }
}

/** Bytes of a table's blocks, the root's too, by those of a few members. */
export function tableBytes(blocks: Blocks, root: number): number {
  const table = new MemberTable().bind(blocks, root);
  const handles = new Int32Array(SEGMENT_MEMBERS_MAX);
  let looked = 0;
  let bytes = 0;
  for (let from = 0; from < HASHES && looked < SAMPLES; from = table.next) {
    const count = Math.min(table.collect(from, HASHES, handles), SAMPLES - looked);
    for (let i = 0; i < count; i++) bytes += blocks.capacity(handles[i] as number);
    looked += count;
  }
  const segments = table.segmentBytes > 0 ? table.segmentBytes : table.segments * SEGMENT_BYTES_MAX;
  return blocks.capacity(root) + segments + (looked === 0 ? 0 : Math.round((bytes / looked) * table.count));
}

/** Writes the string that lies at bytes[at] of a block (block-string.ts); returns the position behind it. */
export function writeStored(sink: ValueSink, bytes: Uint8Array, at: number): number {
  const head = bytes[at] as number;
  if (head >= INTEGER_MIN) {
    const size = storedBytes(bytes, at);
    sink.bytes(bytes, at, size);
    return at + size;
  }
  const length = keyLength(bytes, at);
  const start = at + lengthBytes(length);
  sink.string(bytes, start, length);
  return start + length;
}
