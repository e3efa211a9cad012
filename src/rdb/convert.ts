/**
 * Writes values for readers older than their encoding, without losing anything; refuses where that cannot be.
 *
 *   LIST_QUICKLIST_2 → LIST_QUICKLIST    HASH_LISTPACK → HASH_ZIPLIST    ZSET_LISTPACK → ZSET_ZIPLIST     (9)
 *   SET_LISTPACK → SET                                                                                    (9, 10)
 *   STREAM_LISTPACKS_3 → _2 → STREAM_LISTPACKS: stream-convert.ts                                         (9, 10)
 *   VALKEY_HASH_2 → HASH where no field expires, else HASH_METADATA                                       (any; 12)
 */
import { Element } from "../encodings/element.ts";
import { Listpack } from "../encodings/listpack.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { dumpVersion } from "./dump.ts";
import { readCount, readLength } from "./length.ts";
import { NotExpressible } from "./not-expressible.ts";
import { QuicklistContainer, RdbType, rdbTypeName } from "./opcodes.ts";
import { readExpireMs } from "./record.ts";
import { Scratch } from "./scratch.ts";
import { writeStream } from "./stream-convert.ts";
import { readString, skipString } from "./string.ts";
import { copyString, writeCount, writeString } from "./value-writer.ts";
import type { RdbWriter } from "./writer.ts";
import { ZiplistWriter } from "./ziplist-writer.ts";

/** By type, what it becomes for version 9, and for version 10. */
const FOR_9 = new Map<number, number>([
  [RdbType.LIST_QUICKLIST_2, RdbType.LIST_QUICKLIST],
  [RdbType.HASH_LISTPACK, RdbType.HASH_ZIPLIST],
  [RdbType.ZSET_LISTPACK, RdbType.ZSET_ZIPLIST],
  [RdbType.SET_LISTPACK, RdbType.SET],
  [RdbType.STREAM_LISTPACKS_2, RdbType.STREAM_LISTPACKS],
  [RdbType.STREAM_LISTPACKS_3, RdbType.STREAM_LISTPACKS],
]);
const FOR_10 = new Map<number, number>([
  [RdbType.SET_LISTPACK, RdbType.SET],
  [RdbType.STREAM_LISTPACKS_3, RdbType.STREAM_LISTPACKS_2],
]);

/** Whether a file with the magic "REDIS" of this version may hold the type as it is. */
export function isExpressible(type: number, version: number): boolean {
  return dumpVersion(type) <= version;
}

export class ValueConverter {
  readonly #writer: RdbWriter;
  readonly #version: number;
  readonly #span = new Span();
  readonly #scratch = new Scratch();
  readonly #listpack = new Listpack();
  readonly #element = new Element();
  readonly #ziplist = new ZiplistWriter();

  /** @param version the highest that may be written */
  constructor(writer: RdbWriter, version: number) {
    this.#writer = writer;
    this.#version = version;
  }

  /**
   * The type that a value, which `isExpressible` says cannot stay as it is, is to be written with; the cursor, at the value, stays
   * there. Throws NotExpressible.
   */
  target(cursor: Cursor, type: number): number {
    const target = type === RdbType.VALKEY_HASH_2 ? valkeyHashTarget(cursor) : this.#older(type);
    if (target !== undefined && isExpressible(target, this.#version)) return target;
    const needed = dumpVersion(target ?? type);
    throw new NotExpressible(
      `a ${rdbTypeName(type)}, which takes rdb-version ${needed} or later (it is ${this.#version})`,
    );
  }

  /** Writes the value at the cursor as `target` says. Throws NotExpressible, FormatError. */
  write(cursor: Cursor, type: number, target: number): void {
    switch (type) {
      case RdbType.LIST_QUICKLIST_2:
        this.#quicklist(cursor);
        return;
      case RdbType.HASH_LISTPACK:
      case RdbType.ZSET_LISTPACK:
        this.#listpackAsZiplist(cursor);
        return;
      case RdbType.SET_LISTPACK:
        this.#set(cursor);
        return;
      case RdbType.VALKEY_HASH_2:
        this.#valkeyHash(cursor, target);
        return;
      default:
        writeStream(this.#writer, cursor, type, target);
    }
  }

  #older(type: number): number | undefined {
    return this.#version <= 9 ? FOR_9.get(type) : this.#version === 10 ? FOR_10.get(type) : undefined;
  }

  #listpackAsZiplist(cursor: Cursor): void {
    const { offset } = cursor;
    readString(cursor, this.#span, this.#scratch);
    this.#ziplist.convert(this.#span.bytes, this.#span.start, this.#span.length, offset);
    this.#writer.string(this.#ziplist.bytes, 0, this.#ziplist.length);
  }

  #quicklist(cursor: Cursor): void {
    for (let left = writeCount(this.#writer, cursor, 2); left > 0; left--) {
      if (readLength(cursor) === QuicklistContainer.PACKED) {
        this.#listpackAsZiplist(cursor);
        continue;
      }
      readString(cursor, this.#span, this.#scratch);
      this.#ziplist.single(this.#span.bytes, this.#span.start, this.#span.length);
      this.#writer.string(this.#ziplist.bytes, 0, this.#ziplist.length);
    }
  }

  #set(cursor: Cursor): void {
    const { offset } = cursor;
    readString(cursor, this.#span, this.#scratch);
    const listpack = this.#listpack.open(this.#span.bytes, this.#span.start, this.#span.length, offset);
    this.#writer.length(listpack.count());
    while (listpack.next(this.#element)) {
      const { bytes, start, length } = this.#element.text();
      this.#writer.string(bytes, start, length);
    }
  }

  #valkeyHash(cursor: Cursor, target: number): void {
    const writer = this.#writer;
    if (target === RdbType.HASH) {
      for (let left = writeCount(writer, cursor, 10); left > 0; left--) {
        writeString(writer, cursor);
        writeString(writer, cursor);
        cursor.skip(8);
      }
      return;
    }
    const start = cursor.offset;
    const smallest = smallestExpiry(cursor);
    cursor.seek(start);
    writer.int64(smallest);
    for (let left = writeCount(writer, cursor, 10); left > 0; left--) {
      const field = cursor.offset;
      skipString(cursor);
      skipString(cursor);
      const expireAtMs = readExpireMs(cursor);
      const end = cursor.offset;
      cursor.seek(field);
      writer.length(expireAtMs < 0 ? 0 : expireAtMs - smallest + 1);
      copyString(writer, cursor);
      copyString(writer, cursor);
      cursor.seek(end);
    }
  }
}

function valkeyHashTarget(cursor: Cursor): number {
  const start = cursor.offset;
  const smallest = smallestExpiry(cursor);
  cursor.seek(start);
  return smallest === Number.POSITIVE_INFINITY ? RdbType.HASH : RdbType.HASH_METADATA;
}

/** The smallest expiry of a field of a VALKEY_HASH_2; Infinity where none expires. Moves behind the value. */
function smallestExpiry(cursor: Cursor): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let left = readCount(cursor, 10); left > 0; left--) {
    skipString(cursor);
    skipString(cursor);
    const expireAtMs = readExpireMs(cursor);
    if (expireAtMs >= 0) smallest = Math.min(smallest, expireAtMs);
  }
  return smallest;
}
