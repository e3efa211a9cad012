/**
 * Moving over a value without reading it: the end of a record.
 *
 *   STRING, one-blob types (ziplist, listpack, intset, zipmap)     string
 *   LIST, SET              count | count × string
 *   HASH                   count | count × (string field | string value)
 *   ZSET                   count | count × (string member | score as text: length byte, text; 253 nan 254 +inf 255 -inf)
 *   ZSET_2                 count | count × (string member | 8 bytes double)
 *   HASH_METADATA          8 bytes smallest TTL | count | count × (length TTL | string field | string value)
 *   HASH_METADATA_PRE_GA   as HASH_METADATA without the smallest TTL
 *   HASH_LISTPACK_EX       8 bytes smallest TTL | string
 *   VALKEY_HASH_2          count | count × (string field | string value | 8 bytes expiry)
 *   LIST_QUICKLIST         count | count × string
 *   LIST_QUICKLIST_2       count | count × (length container | string)
 *   STREAM_LISTPACKS…      stream-skip.ts          MODULE_2      module.ts
 */
import type { Cursor } from "../util/cursor.ts";
import { readCount, skipLength } from "./length.ts";
import { modulePreGa, skipModuleValue } from "./module.ts";
import { badOpcode } from "./opcode-skip.ts";
import { RdbType } from "./opcodes.ts";
import { skipStream } from "./stream-skip.ts";
import { skipString } from "./string.ts";

/** From this length byte on a ZSET score is a special number without text. */
const SCORE_SPECIAL_MIN = 253;

/** Moves the cursor from the value's first byte past its last. `type` is a number of RdbType. Throws FormatError. */
export function skipValue(cursor: Cursor, type: number): void {
  if (type === RdbType.STRING) skipString(cursor);
  else skipCollection(cursor, type);
}

/** Elements skipped between two yields. */
const ELEMENTS_PER_SLICE = 1024;

/** As `skipValue`, in slices where the value is a sequence that may be long. The cursor must stay alone between them. */
export function* skipValueInSlices(cursor: Cursor, type: number): Generator<void, void, void> {
  const skipElement = ELEMENT_SKIPS.get(type);
  if (skipElement === undefined) {
    skipValue(cursor, type);
    return;
  }
  for (let count = readCount(cursor, 1); count > 0; count--) {
    skipElement(cursor);
    if (count % ELEMENTS_PER_SLICE === 0) yield;
  }
}

/** How an element of the sequences without a head of their own is skipped. */
const ELEMENT_SKIPS: ReadonlyMap<number, (cursor: Cursor) => void> = new Map([
  [RdbType.LIST, skipString],
  [RdbType.SET, skipString],
  [RdbType.LIST_QUICKLIST, skipString],
  [RdbType.HASH, skipPair],
  [RdbType.ZSET_2, skipScored],
]);

function skipPair(cursor: Cursor): void {
  skipString(cursor);
  skipString(cursor);
}

function skipScored(cursor: Cursor): void {
  skipString(cursor);
  cursor.skip(8);
}

function skipCollection(cursor: Cursor, type: number): void {
  switch (type) {
    case RdbType.HASH_ZIPMAP:
    case RdbType.LIST_ZIPLIST:
    case RdbType.SET_INTSET:
    case RdbType.ZSET_ZIPLIST:
    case RdbType.HASH_ZIPLIST:
    case RdbType.HASH_LISTPACK:
    case RdbType.ZSET_LISTPACK:
    case RdbType.SET_LISTPACK:
    case RdbType.HASH_LISTPACK_EX_PRE_GA:
      skipString(cursor);
      return;
    case RdbType.HASH_LISTPACK_EX:
      cursor.skip(8);
      skipString(cursor);
      return;
    case RdbType.LIST:
    case RdbType.SET:
    case RdbType.LIST_QUICKLIST:
      for (let count = readCount(cursor, 1); count > 0; count--) skipString(cursor);
      return;
    case RdbType.HASH:
      for (let count = readCount(cursor, 2) * 2; count > 0; count--) skipString(cursor);
      return;
    case RdbType.LIST_QUICKLIST_2:
      for (let count = readCount(cursor, 2); count > 0; count--) {
        skipLength(cursor);
        skipString(cursor);
      }
      return;
    case RdbType.STREAM_LISTPACKS:
    case RdbType.STREAM_LISTPACKS_2:
    case RdbType.STREAM_LISTPACKS_3:
      skipStream(cursor, type);
      return;
    case RdbType.MODULE_2:
      skipModuleValue(cursor);
      return;
    case RdbType.MODULE_PRE_GA:
      throw modulePreGa(cursor.offset);
    default:
      skipScoredOrTimed(cursor, type);
  }
}

/** The types whose elements carry a score or a time. */
function skipScoredOrTimed(cursor: Cursor, type: number): void {
  switch (type) {
    case RdbType.ZSET:
      for (let count = readCount(cursor, 2); count > 0; count--) {
        skipString(cursor);
        skipTextScore(cursor);
      }
      return;
    case RdbType.ZSET_2:
      for (let count = readCount(cursor, 9); count > 0; count--) {
        skipString(cursor);
        cursor.skip(8);
      }
      return;
    case RdbType.HASH_METADATA:
      cursor.skip(8);
      skipTimedFields(cursor);
      return;
    case RdbType.HASH_METADATA_PRE_GA:
      skipTimedFields(cursor);
      return;
    case RdbType.VALKEY_HASH_2:
      for (let count = readCount(cursor, 10); count > 0; count--) {
        skipString(cursor);
        skipString(cursor);
        cursor.skip(8);
      }
      return;
    default:
      throw badOpcode(cursor.offset, type);
  }
}

function skipTimedFields(cursor: Cursor): void {
  for (let count = readCount(cursor, 3); count > 0; count--) {
    skipLength(cursor);
    skipString(cursor);
    skipString(cursor);
  }
}

/** Moves over a score of ZSET: a length byte and that much text, or a special number. */
export function skipTextScore(cursor: Cursor): void {
  const length = cursor.u8();
  if (length < SCORE_SPECIAL_MIN) cursor.skip(length);
}
