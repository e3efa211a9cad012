/**
 * Keyed access to a collection that the file stores as a plain sequence of members, each with something before or
 * behind its string (an expiry, a value, a score).
 */
import type { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import { type ByteSource, versionOf } from "../util/byte-source.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import type { Blob } from "./blob.ts";
import {
  builtIndexOf,
  type Finding,
  findingOf,
  hashMember,
  type MemberIndex,
  memberIndexOf,
  rememberFinding,
} from "./member-index.ts";

/** How a reader moves over what stands around a member's string. */
export interface MemberFrame {
  /** From the member's first byte to its string. */
  beforeMember(cursor: Cursor): void;
  /** From behind its string to the next member. */
  skipRest(cursor: Cursor): void;
}

const NAME = new Span();
/** Members that are walked over or added to an index between two yields. */
const MEMBERS_PER_SLICE = 1024;
/** Collections of at least this many members are searched in slices while they have no index. */
const SLICED_MIN = 8192;

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
  const { source } = cursor;
  const finding = count < SLICED_MIN ? null : found(source, firstOffset, bytes, start, length);
  if (finding !== null) {
    if (finding.offset < 0) return false;
    cursor.seek(finding.offset);
    frame.beforeMember(cursor);
    return blob.matches(cursor, scratch, bytes, start, length);
  }
  const index = memberIndexOf(source, firstOffset, count);
  if (
    index !== null &&
    (index.built || (!index.building && build(index, frame, cursor, scratch, firstOffset, count)))
  ) {
    return findIndexed(index, frame, cursor, blob, scratch, firstOffset, bytes, start, length) >= 0;
  }
  cursor.seek(firstOffset);
  for (let i = 0; i < count; i++) {
    frame.beforeMember(cursor);
    if (blob.matches(cursor, scratch, bytes, start, length)) return true;
    frame.skipRest(cursor);
  }
  return false;
}

/** Offset of the member with these bytes, behind whose string the cursor is then; -1 when there is none. */
function findIndexed(
  index: MemberIndex,
  frame: MemberFrame,
  cursor: Cursor,
  blob: Blob,
  scratch: Scratch,
  firstOffset: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  for (let at = index.first(hashMember(bytes, start, length)); at >= 0; at = index.next()) {
    cursor.seek(firstOffset + at);
    frame.beforeMember(cursor);
    if (blob.matches(cursor, scratch, bytes, start, length)) return firstOffset + at;
  }
  return -1;
}

/** What a search in slices has found of these bytes; null where that is not known. */
function found(
  source: ByteSource,
  firstOffset: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): Finding | null {
  const finding = findingOf(source, firstOffset);
  if (finding === null || finding.member.length !== length) return null;
  const { member } = finding;
  for (let i = 0; i < length; i++) if (member[i] !== bytes[start + i]) return null;
  return finding;
}

/** Whether findMember would take so long that others should be served meanwhile: see findInSlices. */
export function isSlowToFind(
  source: ByteSource,
  firstOffset: number,
  count: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): boolean {
  if (count < SLICED_MIN || builtIndexOf(source, firstOffset) !== null) return false;
  // Of what may change nothing is remembered: it is in a small block, and soon walked.
  if (versionOf(source, firstOffset) < 0) return false;
  return found(source, firstOffset, bytes, start, length) === null;
}

/**
 * Does in slices what findMember would do at once for `member`: the next findMember for it is quick. `frame`, `cursor`
 * and the rest must stay as they are until the end. Throws FormatError.
 */
export function* findInSlices(
  frame: MemberFrame,
  cursor: Cursor,
  blob: Blob,
  scratch: Scratch,
  firstOffset: number,
  count: number,
  member: Uint8Array,
): Generator<void, void, void> {
  const { source } = cursor;
  const version = versionOf(source, firstOffset);
  const index = memberIndexOf(source, firstOffset, count);
  if (index !== null) yield* buildInSlices(index, frame, cursor, scratch, firstOffset, count);
  const { length } = member;
  let offset = -1;
  if (index?.built === true) {
    offset = findIndexed(index, frame, cursor, blob, scratch, firstOffset, member, 0, length);
  } else {
    cursor.seek(firstOffset);
    for (let i = 1; i <= count; i++) {
      const at = cursor.offset;
      frame.beforeMember(cursor);
      if (blob.matches(cursor, scratch, member, 0, length)) {
        offset = at;
        break;
      }
      frame.skipRest(cursor);
      if (i % MEMBERS_PER_SLICE === 0) yield;
    }
  }
  rememberFinding(source, { firstOffset, version, member, offset });
}

/**
 * Has the collection's members be found by an index, where it is asked for often enough and not too large for one; whether they are. In
 * slices, as findInSlices.
 */
export function* indexInSlices(
  frame: MemberFrame,
  cursor: Cursor,
  scratch: Scratch,
  firstOffset: number,
  count: number,
): Generator<void, boolean, void> {
  const index = memberIndexOf(cursor.source, firstOffset, count);
  if (index === null) return false;
  yield* buildInSlices(index, frame, cursor, scratch, firstOffset, count);
  return index.built;
}

/** Adds all members; waits where another command does. `index.built` is false where they cannot be added. */
function* buildInSlices(
  index: MemberIndex,
  frame: MemberFrame,
  cursor: Cursor,
  scratch: Scratch,
  firstOffset: number,
  count: number,
): Generator<void, void, void> {
  while (index.building) yield;
  if (index.built) return;
  index.building = true;
  try {
    index.begin();
    cursor.seek(firstOffset);
    for (let i = 1; i <= count; i++) {
      if (!addMember(index, frame, cursor, scratch, firstOffset)) return;
      if (i % MEMBERS_PER_SLICE === 0) yield;
    }
    index.built = true;
  } finally {
    index.building = false;
  }
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
    if (!addMember(index, frame, cursor, scratch, firstOffset)) return false;
  }
  index.built = true;
  return true;
}

function addMember(
  index: MemberIndex,
  frame: MemberFrame,
  cursor: Cursor,
  scratch: Scratch,
  firstOffset: number,
): boolean {
  const at = cursor.base + cursor.pos - firstOffset;
  frame.beforeMember(cursor);
  readString(cursor, NAME, scratch);
  if (!index.add(hashMember(NAME.bytes, NAME.start, NAME.length), at)) return false;
  frame.skipRest(cursor);
  return true;
}
