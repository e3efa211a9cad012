/**
 * Writes the entries of a frozen overlay: records as RDB has them already, so a copy; strings in them are compressed on the way.
 *
 *   entry    | 8 bytes | [expiry] |            | type | key | value |
 *   written            | [expiry] | [IDLE|FREQ]| type | key | value |
 */

import type { HashSeed } from "../layer/format.ts";
import { nativeForm } from "../overlay/encodings/native.ts";
import {
  APART_BYTES,
  EntryAt,
  EntryFlag,
  EXPIRY_BYTES,
  keyLength,
  lengthBytes,
  readExpiry,
  readU32,
} from "../overlay/entry.ts";
import { RdbType, VALKEY_TYPE_BASE } from "../rdb/opcodes.ts";
import { PayloadSink } from "../rdb/value-sink.ts";
import { writeValue } from "../rdb/value-writer.ts";
import type { RdbWriter } from "../rdb/writer.ts";
import { sourceOf, WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import { FrozenOverlay } from "./frozen-overlay.ts";
import type { IndexPart } from "./index-part.ts";
import type { SaveOptions } from "./request.ts";
import type { Section } from "./sections.ts";
import type { Types } from "./types.ts";

const LRU_CLOCK_MASK = 0xffffff;
const LFU_MINUTES_MASK = 0xffff;
export interface OverlayPartParts {
  readonly writer: RdbWriter;
  readonly types: Types;
  readonly index: IndexPart;
  readonly seed: HashSeed;
  readonly options: SaveOptions;
  /** Called after each `stepKeys` keys. Throws to end the save. */
  readonly stepKeys: number;
  readonly step: () => void;
}

export class OverlayPart {
  readonly #parts: OverlayPartParts;
  readonly #cursor = new Cursor();
  readonly #isCompressing: boolean;
  readonly #hasAccess: boolean;
  #keys = 0;
  #section: Section | undefined;
  #overlay: FrozenOverlay | undefined;

  constructor(parts: OverlayPartParts) {
    this.#parts = parts;
    this.#isCompressing = parts.options.compression;
    this.#hasAccess = parts.options.access !== "none";
  }

  /** Writes the overlay of `section`, which is selected. Throws NotExpressible with the key, FormatError, and what the writer throws. */
  write(section: Section): void {
    if (section.overlay === null) return;
    const overlay = new FrozenOverlay(section.overlay);
    this.#section = section;
    this.#overlay = overlay;
    try {
      overlay.each((bytes, at, base) => this.#entry(bytes, at, base));
    } finally {
      overlay.close();
    }
  }

  #entry(bytes: Uint8Array, at: number, base: number): void {
    const { writer, index, seed } = this.#parts;
    if (++this.#keys >= this.#parts.stepKeys) {
      this.#keys = 0;
      this.#parts.step();
    }
    const flags = bytes[at + EntryAt.FLAGS] as number;
    const start = at + EntryAt.RECORD;
    let pos = start;
    let expireAtMs = -1;
    if ((flags & EntryFlag.EXPIRES) !== 0) {
      expireAtMs = readExpiry(bytes, pos);
      pos += EXPIRY_BYTES;
    }
    const typePos = pos;
    const length = keyLength(bytes, pos + 1);
    const keyPos = pos + 1 + lengthBytes(length);
    const valuePos = keyPos + length;
    hashKey(seed, bytes, keyPos, length);
    index.add(hashed.h0, hashed.h1, writer.offset, expireAtMs);
    if (typePos > start) writer.bytes(bytes, start, EXPIRY_BYTES);
    if (this.#hasAccess) this.#access(bytes, at);
    const byte = bytes[typePos] as number;
    if ((flags & EntryFlag.NATIVE) !== 0) {
      this.#native(bytes, byte, keyPos, length, readU32(bytes, valuePos));
      return;
    }
    const type = (flags & EntryFlag.VALKEY) !== 0 ? byte + VALKEY_TYPE_BASE : byte;
    const end = start + readU32(bytes, at);
    const isApart = (flags & EntryFlag.APART) !== 0;
    if (!isApart && this.#parts.types.isPlain(type)) {
      if (this.#isCompressing && type !== RdbType.STRING) {
        writer.bytes(bytes, typePos, valuePos - typePos);
        this.#value(bytes, valuePos, end, base, type);
      } else if (this.#isCompressing) {
        writer.bytes(bytes, typePos, valuePos - typePos);
        this.#string(bytes, valuePos, end);
      } else writer.bytes(bytes, typePos, end - typePos);
      return;
    }
    const cursor = this.#open(bytes, isApart ? end - APART_BYTES : valuePos, end, base, isApart);
    this.#parts.types.write(cursor, type, bytes, keyPos, length, this.#section?.dbid ?? 0);
  }

  /** A native structure: as RDB has it, or as an older version has it, by way of memory. */
  #native(bytes: Uint8Array, type: number, keyPos: number, keyLength: number, root: number): void {
    const { writer, types } = this.#parts;
    const { blocks } = this.#overlay as FrozenOverlay;
    const form = nativeForm(type);
    const rdbType = form.rdbType(blocks, root);
    if (types.admit(rdbType)) {
      writer.key(rdbType, bytes, keyPos, keyLength);
      for (const _ of form.write(writer, blocks, root)) this.#parts.step();
      return;
    }
    const sink = new PayloadSink();
    for (const _ of form.write(sink, blocks, root)) this.#parts.step();
    const cursor = new Cursor().open(sourceOf(sink.buffer.subarray(0, sink.size)), 0);
    types.write(cursor, rdbType, bytes, keyPos, keyLength, this.#section?.dbid ?? 0);
  }

  /** A value of type STRING that lies in bytes[pos, end). */
  #string(bytes: Uint8Array, pos: number, end: number): void {
    const { writer } = this.#parts;
    const first = bytes[pos] as number;
    // Encoded already (or of a length written as nobody does), or too short.
    if (first > 0x80 || end - pos <= 21) writer.bytes(bytes, pos, end - pos);
    else {
      const length = keyLength(bytes, pos);
      writer.string(bytes, end - length, length);
    }
  }

  #value(bytes: Uint8Array, pos: number, end: number, base: number, type: number): void {
    writeValue(this.#parts.writer, this.#open(bytes, pos, end, base, false), type);
  }

  #open(bytes: Uint8Array, pos: number, end: number, base: number, isApart: boolean): Cursor {
    const cursor = this.#cursor;
    cursor.source = this.#overlay as FrozenOverlay;
    if (isApart) {
      const block = readU32(bytes, pos);
      const length = readU32(bytes, pos + 4);
      const overlay = this.#overlay as FrozenOverlay;
      cursor.bytes = overlay.locate(block);
      cursor.base = Math.floor((block * 8) / WINDOW_STRIDE_BYTES) * WINDOW_STRIDE_BYTES;
      cursor.pos = overlay.at;
      cursor.end = overlay.at + length;
      return cursor;
    }
    cursor.bytes = bytes;
    cursor.base = base;
    cursor.pos = pos;
    cursor.end = end;
    return cursor;
  }

  /** The eviction clock of the entry, as Redis writes it. */
  #access(bytes: Uint8Array, at: number): void {
    const { writer, options } = this.#parts;
    const access = readU32(bytes, at + EntryAt.FLAGS) >>> 8;
    if (options.access === "lru") {
      writer.idle((options.clock - access) & LRU_CLOCK_MASK);
      return;
    }
    const counter = access & 0xff;
    const minutes = (options.clock - (access >>> 8)) & LFU_MINUTES_MASK;
    const periods = options.lfuDecayMinutes > 0 ? Math.floor(minutes / options.lfuDecayMinutes) : 0;
    writer.freq(Math.max(0, counter - periods));
  }
}
