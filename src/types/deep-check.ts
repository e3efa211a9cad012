/**
 * Checks a value from outside before it is taken (RESTORE), as Redis does with sanitize-dump-payload: all that rdb/check.ts looks
 * at, and that every element of every packed encoding is sound, no member or field stands twice, no collection is empty. Whatever
 * passes can be read to its end, by every reader, later.
 *
 * In slices; memory in proportion to the value's bytes. The value's bytes must stay where they are until it has ended.
 */
import { Element } from "../encodings/element.ts";
import { validateIntset } from "../encodings/intset.ts";
import { Listpack, validateListpack } from "../encodings/listpack.ts";
import type { Packed } from "../encodings/packed.ts";
import { Ziplist } from "../encodings/ziplist.ts";
import { Zipmap } from "../encodings/zipmap.ts";
import { badValue } from "../rdb/bad-value.ts";
import { ValueChecker } from "../rdb/check.ts";
import { readCount, readLength } from "../rdb/length.ts";
import { objectType, QuicklistContainer, RdbType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { checkString, readString } from "../rdb/string.ts";
import { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { Distinct } from "./distinct.ts";
import { elementScore, readBinaryScore, readTextScore } from "./score.ts";
import { checkStreamDeeply } from "./stream-deep-check.ts";

const ELEMENTS_PER_SLICE = 256;
/** Of a packed encoding, about: it only decides how the members are parted. */
const ELEMENT_BYTES = 8;

/** Moves the record's cursor from the value's first byte past its last. Throws FormatError. */
export function* checkDeeply(record: Record): Generator<void, void, void> {
  record.seekValue();
  const { cursor, type } = record;
  switch (objectType(type)) {
    case "string":
      checkString(cursor);
      return;
    case "list":
      yield* checkList(cursor, type);
      return;
    case "stream":
      yield* checkStreamDeeply(cursor, type);
      return;
    case "module":
      throw badValue(cursor.offset, type, "the value of a module");
    default:
      yield* checkMembers(cursor, type);
  }
}

function* checkList(cursor: Cursor, type: number): Generator<void, void, void> {
  const { offset } = cursor;
  if (type === RdbType.LIST_ZIPLIST) {
    if (new ValueChecker().check(cursor, type) === 0) throw empty(offset, type);
    return;
  }
  const blob = new Span();
  const scratch = new Scratch();
  let elements = 0;
  const count = readCount(cursor, type === RdbType.LIST_QUICKLIST_2 ? 2 : 1);
  for (let left = count; left > 0; left--) {
    if (type === RdbType.LIST) {
      checkString(cursor);
      elements++;
    } else elements += checkNode(cursor, type, blob, scratch);
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
  if (elements === 0) throw empty(offset, type);
}

/** Elements of the quicklist's node at the cursor. An empty one is taken, as Redis takes it. */
function checkNode(cursor: Cursor, type: number, blob: Span, scratch: Scratch): number {
  const { offset } = cursor;
  const walker = type === RdbType.LIST_QUICKLIST ? new Ziplist() : new Listpack();
  if (type === RdbType.LIST_QUICKLIST) {
    readString(cursor, blob, scratch);
    const start = cursor.offset;
    cursor.seek(offset);
    new ValueChecker().check(cursor, RdbType.LIST_ZIPLIST);
    cursor.seek(start);
  } else {
    const container = readLength(cursor);
    if (container === QuicklistContainer.PLAIN) {
      if (checkString(cursor) === 0) throw badValue(offset, type, "an empty node");
      return 1;
    }
    if (container !== QuicklistContainer.PACKED) throw badValue(offset, type, `a node of kind ${container}`);
    readString(cursor, blob, scratch);
    refuse(validateListpack(blob.bytes, blob.start, blob.length, true), offset, type);
  }
  return walker.open(blob.bytes, blob.start, blob.length, offset).count();
}

function* checkMembers(cursor: Cursor, type: number): Generator<void, void, void> {
  const { offset } = cursor;
  const rest = SEQUENCES.get(type);
  const count = rest === undefined ? yield* checkPacked(cursor, type) : yield* checkSequence(cursor, type, rest);
  if (count === 0) throw empty(offset, type);
}

/** What stands around a member in a sequence. */
interface MemberRest {
  readonly bytesMin: number;
  readonly before?: (cursor: Cursor) => void;
  readonly after?: (cursor: Cursor) => void;
}

const SEQUENCES: ReadonlyMap<number, MemberRest> = new Map<number, MemberRest>([
  [RdbType.SET, { bytesMin: 1 }],
  [RdbType.HASH, { bytesMin: 2, after: checkString }],
  [RdbType.ZSET, { bytesMin: 2, after: readTextScore }],
  [RdbType.ZSET_2, { bytesMin: 9, after: readBinaryScore }],
  [RdbType.HASH_METADATA, { bytesMin: 3, before: readLength, after: checkString }],
  [RdbType.HASH_METADATA_PRE_GA, { bytesMin: 3, before: readLength, after: checkString }],
  [RdbType.VALKEY_HASH_2, { bytesMin: 10, after: checkTimedValue }],
]);

function checkTimedValue(cursor: Cursor): void {
  checkString(cursor);
  cursor.skip(8);
}

function* checkSequence(cursor: Cursor, type: number, rest: MemberRest): Generator<void, number, void> {
  // What the members share is checked at once where there is something (the hash's expiries): it only looks at lengths.
  const isTimed = type === RdbType.HASH_METADATA || type === RdbType.HASH_METADATA_PRE_GA;
  if (isTimed) {
    const { offset } = cursor;
    new ValueChecker().check(cursor, type);
    cursor.seek(offset);
    if (type === RdbType.HASH_METADATA) cursor.skip(8);
  }
  const member = new Span();
  const scratch = new Scratch();
  const again = new Cursor().open(cursor.source, 0);
  const scratchAgain = new Scratch();
  const count = readCount(cursor, rest.bytesMin);
  const members = new Distinct(count, (position, into) => {
    again.seek(position);
    readString(again, into, scratchAgain);
  });
  for (let left = count; left > 0; left--) {
    rest.before?.(cursor);
    const { offset } = cursor;
    readString(cursor, member, scratch);
    if (!members.add(offset, member.bytes, member.start, member.length)) throw twice(offset, type, member);
    rest.after?.(cursor);
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
  return count;
}

/** A set, hash or sorted set in one string. Returns its members. */
function* checkPacked(cursor: Cursor, type: number): Generator<void, number, void> {
  const { offset } = cursor;
  new ValueChecker().check(cursor, type);
  const end = cursor.offset;
  cursor.seek(offset);
  if (type === RdbType.HASH_LISTPACK_EX) cursor.skip(8);
  const blob = new Span();
  readString(cursor, blob, new Scratch());
  let count = 0;
  if (type === RdbType.SET_INTSET) {
    refuse(validateIntset(blob.bytes, blob.start, blob.length, true), offset, type);
    count = 1;
  } else {
    const make = WALKERS.get(type) ?? (() => new Listpack());
    if (!WALKERS.has(type)) refuse(validateListpack(blob.bytes, blob.start, blob.length, true), offset, type);
    count = yield* checkTuples(make(), make(), blob, offset, type);
  }
  cursor.seek(end);
  return count;
}

/** The encodings that are no listpacks. */
const WALKERS: ReadonlyMap<number, () => Packed> = new Map<number, () => Packed>([
  [RdbType.ZSET_ZIPLIST, () => new Ziplist()],
  [RdbType.HASH_ZIPLIST, () => new Ziplist()],
  [RdbType.HASH_ZIPMAP, () => new Zipmap()],
]);

function tupleOf(type: number): number {
  if (type === RdbType.SET_LISTPACK) return 1;
  return type === RdbType.HASH_LISTPACK_EX || type === RdbType.HASH_LISTPACK_EX_PRE_GA ? 3 : 2;
}

/** Members in tuples, the first of each different from all others. Returns their number. */
function* checkTuples(
  walker: Packed,
  again: Packed,
  blob: Span,
  offset: number,
  type: number,
): Generator<void, number, void> {
  const tuple = tupleOf(type);
  const isScored = objectType(type) === "zset";
  const element = new Element();
  const other = new Element();
  walker.open(blob.bytes, blob.start, blob.length, offset);
  again.open(blob.bytes, blob.start, blob.length, offset);
  const members = new Distinct(blob.length / ELEMENT_BYTES, (position, into) => {
    again.pos = position;
    again.next(other);
    const text = other.text();
    into.set(text.bytes, text.start, text.length);
  });
  for (let position = walker.pos; walker.next(element); position = walker.pos) {
    const { bytes, start, length } = element.text();
    if (!members.add(position, bytes, start, length)) throw twice(offset, type, element.text());
    for (let i = 1; i < tuple; i++) {
      if (!walker.next(element)) throw badValue(offset, type, "a last member without what belongs to it");
    }
    if (isScored) elementScore(element, offset);
    if (tuple === 3 && !(element.isInt && element.int >= 0)) throw badValue(offset, type, "a field without an expiry");
    if (members.count % ELEMENTS_PER_SLICE === 0) yield;
  }
  return members.count;
}

function refuse(problem: string | null, offset: number, type: number): void {
  if (problem !== null) throw badValue(offset, type, problem);
}

function empty(offset: number, type: number): Error {
  return badValue(offset, type, "an empty collection");
}

function twice(offset: number, type: number, member: Span): Error {
  return badValue(offset, type, `the member ${JSON.stringify(member.text().slice(0, 64))} twice`);
}
