/**
 * Keyed access to a collection that the file stores as a plain sequence of members, each with something before or
 * behind its string (an expiry, a value, a score).
 */
import type { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import type { Blob } from "./blob.ts";
import { hashMember, type MemberIndex, memberIndexOf } from "./member-index.ts";

/** How a reader moves over what stands around a member's string. */
export interface MemberFrame {
  /** From the member's first byte to its string. */
  beforeMember(cursor: Cursor): void;
  /** From behind its string to the next member. */
  skipRest(cursor: Cursor): void;
}

const NAME = new Span();

/**
 * Finds the member with these bytes among `count` from `firstOffset` on; the cursor is then behind its string. Walks,
 * or looks into the index of a big collection (member-index.ts). Throws FormatError.
 */
export function findMember(
  frame: MemberFrame,
  cursor: Cursor,
  blob: Blob,
  scratch: Scratch,
  firstOffset: number,
  count: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  const index = memberIndexOf(cursor.source, firstOffset, count);
  if (index !== null && (index.built || build(index, frame, cursor, scratch, firstOffset, count))) {
    for (let at = index.first(hashMember(bytes, start, length)); at >= 0; at = index.next()) {
      cursor.seek(firstOffset + at);
      frame.beforeMember(cursor);
      if (blob.matches(cursor, scratch, bytes, start, length)) return true;
    }
    return false;
  }
  cursor.seek(firstOffset);
  for (let i = 0; i < count; i++) {
    frame.beforeMember(cursor);
    if (blob.matches(cursor, scratch, bytes, start, length)) return true;
    frame.skipRest(cursor);
  }
  return false;
}

function build(
  index: MemberIndex,
  frame: MemberFrame,
  cursor: Cursor,
  scratch: Scratch,
  firstOffset: number,
  count: number,
): boolean {
  index.begin();
  cursor.seek(firstOffset);
  for (let i = 0; i < count; i++) {
    const at = cursor.base + cursor.pos - firstOffset;
    frame.beforeMember(cursor);
    readString(cursor, NAME, scratch);
    if (!index.add(hashMember(NAME.bytes, NAME.start, NAME.length), at)) return false;
    frame.skipRest(cursor);
  }
  index.built = true;
  return true;
}
