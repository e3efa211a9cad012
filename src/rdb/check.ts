/**
 * Moving over a value while checking what Redis checks when it loads one with its default configuration:
 *
 *   ziplists, zipmaps    all of it; as a hash or sorted set: pairs, no field twice (Redis converts them)
 *   listpacks, intsets   header and end
 *   LZF                  that it makes as many bytes as it claims
 *   scores               no NaN
 *   streams              stream-check.ts
 *
 * and counting the elements, because Redis leaves empty collections out. Not looked for: an element that stands twice
 * in a plain SET, ZSET or HASH (it would take memory without bound; no server ever wrote one).
 */
import { Element } from "../encodings/element.ts";
import { validateIntset } from "../encodings/intset.ts";
import { validateListpack } from "../encodings/listpack.ts";
import type { Packed } from "../encodings/packed.ts";
import { validateZiplist, Ziplist } from "../encodings/ziplist.ts";
import { validateZipmap, Zipmap } from "../encodings/zipmap.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { badValue } from "./bad-value.ts";
import { readCount, readLength } from "./length.ts";
import { modulePreGa, skipModuleValue } from "./module.ts";
import { badOpcode } from "./opcode-skip.ts";
import { QuicklistContainer, RdbType } from "./opcodes.ts";
import { Scratch } from "./scratch.ts";
import { StreamChecker } from "./stream-check.ts";
import { checkString, readString } from "./string.ts";

/** Answered for values that Redis never leaves out for being empty. */
export const COUNT_UNKNOWN = -1;

/** The latest expiry of a hash field that Redis can hold: 48 bits of milliseconds. */
const FIELD_EXPIRY_MS_MAX = 2 ** 48 - 1;
const SCORE_NAN = 253;
/** Among so many fields of a packed hash one that stands twice is found; more would take memory without bound. */
const PAIRS_COMPARED_MAX = 2 ** 17;
/** The count in a zipmap that does not know. */
const ZIPMAP_MANY = 254;
/** What C's "%lg" takes: the text may go on behind it. */
const SCORE_TEXT = /^\s*[+-]?(\d|\.\d|inf)/i;

type Validate = (bytes: Uint8Array, start: number, length: number, deep?: boolean) => string | null;

export class ValueChecker {
  readonly #blob = new Span();
  readonly #scratch = new Scratch();
  readonly #streams = new StreamChecker(this.#blob, this.#scratch);
  readonly #ziplist = new Ziplist();
  readonly #zipmap = new Zipmap();
  readonly #element = new Element();

  /**
   * Moves the cursor from the value's first byte past its last. Returns the number of elements, 0 for an empty
   * collection only; COUNT_UNKNOWN where it cannot be empty or does not say. Throws FormatError "bad-value", …
   */
  check(cursor: Cursor, type: number): number {
    switch (type) {
      case RdbType.STRING:
        checkString(cursor);
        return COUNT_UNKNOWN;
      case RdbType.LIST:
      case RdbType.SET:
        return checkStrings(cursor, 1);
      case RdbType.HASH:
        return checkStrings(cursor, 2);
      case RdbType.ZSET:
        return checkTextScores(cursor);
      case RdbType.ZSET_2:
        return checkScores(cursor);
      case RdbType.LIST_QUICKLIST:
      case RdbType.LIST_QUICKLIST_2:
        return this.#quicklist(cursor, type);
      case RdbType.STREAM_LISTPACKS:
      case RdbType.STREAM_LISTPACKS_2:
      case RdbType.STREAM_LISTPACKS_3:
        this.#streams.check(cursor, type);
        return COUNT_UNKNOWN;
      case RdbType.MODULE_2:
        skipModuleValue(cursor);
        return COUNT_UNKNOWN;
      case RdbType.MODULE_PRE_GA:
        throw modulePreGa(cursor.offset);
      case RdbType.HASH_METADATA:
      case RdbType.HASH_METADATA_PRE_GA:
        return checkTimedHash(cursor, type);
      case RdbType.VALKEY_HASH_2:
        return checkValkeyHash(cursor);
      default:
        return this.#packed(cursor, type);
    }
  }

  /** The types whose value is one string that holds all elements. */
  #packed(cursor: Cursor, type: number): number {
    switch (type) {
      case RdbType.LIST_ZIPLIST:
        return ziplistCount(this.#blobOf(cursor, type, validateZiplist, true));
      case RdbType.ZSET_ZIPLIST:
      case RdbType.HASH_ZIPLIST:
        return this.#pairs(cursor, type, this.#ziplist, validateZiplist);
      case RdbType.HASH_ZIPMAP:
        return this.#zipmapPairs(cursor, type);
      case RdbType.SET_INTSET:
        this.#blobOf(cursor, type, validateIntset, false);
        return COUNT_UNKNOWN;
      case RdbType.SET_LISTPACK:
        return listpackCount(this.#blobOf(cursor, type, validateListpack, false), 1);
      case RdbType.HASH_LISTPACK:
      case RdbType.ZSET_LISTPACK:
        return listpackCount(this.#blobOf(cursor, type, validateListpack, false), 2);
      case RdbType.HASH_LISTPACK_EX:
        cursor.skip(8);
        return listpackCount(this.#blobOf(cursor, type, validateListpack, false), 3);
      case RdbType.HASH_LISTPACK_EX_PRE_GA:
        return listpackCount(this.#blobOf(cursor, type, validateListpack, false), 3);
      default:
        throw badOpcode(cursor.offset, type);
    }
  }

  #blobOf(cursor: Cursor, type: number, validate: Validate, deep: boolean): Span {
    const offset = cursor.offset;
    readString(cursor, this.#blob, this.#scratch);
    const problem = validate(this.#blob.bytes, this.#blob.start, this.#blob.length, deep);
    if (problem !== null) throw badValue(offset, type, problem);
    return this.#blob;
  }

  /** A hash or sorted set in a ziplist or zipmap. Returns the number of pairs. */
  #pairs(cursor: Cursor, type: number, walker: Packed, validate: Validate): number {
    const offset = cursor.offset;
    const blob = this.#blobOf(cursor, type, validate, true);
    const fields = new Set<string>();
    const element = this.#element;
    let pairs = 0;
    for (walker.open(blob.bytes, blob.start, blob.length, offset); walker.next(element); pairs++) {
      if (pairs < PAIRS_COMPARED_MAX) {
        const field = element.text().text();
        if (fields.add(field).size === pairs) throw badValue(offset, type, `the field ${JSON.stringify(field)} twice`);
      }
      if (!walker.skip()) throw badValue(offset, type, "a last field without its value");
    }
    return pairs;
  }

  /** Redis refuses an empty zipmap, and one whose count says neither how many pairs there are nor "many". */
  #zipmapPairs(cursor: Cursor, type: number): number {
    const { offset } = cursor;
    const pairs = this.#pairs(cursor, type, this.#zipmap, validateZipmap);
    const said = this.#blob.bytes[this.#blob.start] as number;
    if (pairs === 0) throw badValue(offset, type, "an empty zipmap");
    if (said !== pairs && said !== ZIPMAP_MANY) throw badValue(offset, type, `a zipmap of ${pairs} that says ${said}`);
    return pairs;
  }

  #quicklist(cursor: Cursor, type: number): number {
    const packed2 = type === RdbType.LIST_QUICKLIST_2;
    let elements = 0;
    for (let nodes = readCount(cursor, packed2 ? 2 : 1); nodes > 0; nodes--) {
      const offset = cursor.offset;
      const container = packed2 ? readLength(cursor) : QuicklistContainer.PACKED;
      let count = 1;
      if (container === QuicklistContainer.PLAIN) {
        if (checkString(cursor) === 0) throw badValue(offset, type, "an empty node");
      } else if (container !== QuicklistContainer.PACKED) {
        throw badValue(offset, type, `a node of kind ${container}`);
      } else if (packed2) {
        count = listpackCount(this.#blobOf(cursor, type, validateListpack, false), 1);
      } else {
        count = ziplistCount(this.#blobOf(cursor, type, validateZiplist, true));
      }
      elements += count === COUNT_UNKNOWN ? 1 : count;
    }
    return elements;
  }
}

function checkStrings(cursor: Cursor, perElement: 1 | 2): number {
  const count = readCount(cursor, perElement);
  for (let left = count * perElement; left > 0; left--) checkString(cursor);
  return count;
}

function checkTextScores(cursor: Cursor): number {
  const span = new Span();
  const count = readCount(cursor, 2);
  for (let left = count; left > 0; left--) {
    checkString(cursor);
    const offset = cursor.offset;
    const length = cursor.u8();
    if (length === SCORE_NAN) throw badValue(offset, RdbType.ZSET, "a score that is not a number");
    if (length > SCORE_NAN) continue;
    cursor.span(length, span);
    const first = span.bytes[span.start] as number;
    if (length > 0 && first >= 0x30 && first <= 0x39) continue;
    const text = span.text();
    if (!SCORE_TEXT.test(text)) throw badValue(offset, RdbType.ZSET, `the score ${JSON.stringify(text)}`);
  }
  return count;
}

function checkScores(cursor: Cursor): number {
  const count = readCount(cursor, 9);
  for (let left = count; left > 0; left--) {
    checkString(cursor);
    const offset = cursor.offset;
    if (Number.isNaN(cursor.f64le())) throw badValue(offset, RdbType.ZSET_2, "a score that is not a number");
  }
  return count;
}

function checkTimedHash(cursor: Cursor, type: number): number {
  const start = cursor.offset;
  const smallest = type === RdbType.HASH_METADATA ? Number(cursor.u64le()) : 0;
  if (smallest > FIELD_EXPIRY_MS_MAX + 1) throw badValue(start, type, `a smallest expiry of ${smallest} ms`);
  const count = readCount(cursor, 3);
  for (let left = count; left > 0; left--) {
    const offset = cursor.offset;
    const ttl = readLength(cursor);
    const expireAt = ttl === 0 || type === RdbType.HASH_METADATA_PRE_GA ? ttl : ttl + smallest - 1;
    if (expireAt > FIELD_EXPIRY_MS_MAX) throw badValue(offset, type, `a field that expires at ${expireAt} ms`);
    checkString(cursor);
    checkString(cursor);
  }
  return count;
}

function checkValkeyHash(cursor: Cursor): number {
  const count = readCount(cursor, 10);
  for (let left = count; left > 0; left--) {
    checkString(cursor);
    checkString(cursor);
    cursor.skip(8);
  }
  return count;
}

/** The elements that a listpack's header counts, in tuples; COUNT_UNKNOWN where it does not know. */
function listpackCount(blob: Span, tuple: number): number {
  const { bytes, start } = blob;
  const count = (bytes[start + 4] as number) | ((bytes[start + 5] as number) << 8);
  return count === 0xffff ? COUNT_UNKNOWN : Math.floor(count / tuple);
}

function ziplistCount(blob: Span): number {
  const { bytes, start } = blob;
  const count = (bytes[start + 8] as number) | ((bytes[start + 9] as number) << 8);
  return count === 0xffff ? COUNT_UNKNOWN : count;
}
