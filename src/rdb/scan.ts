/**
 * One pass over the items of an RDB file, from behind its metadata to its end. The scanner is the item: its fields
 * hold what was found last, no object is made per record.
 *
 *   while (scanner.next()) if (scanner.kind === ScanKind.RECORD) index(scanner.key, scanner.recordOffset);
 *   scanner.endOffset  → where the CRC64 stands
 */
import type { ByteSource } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { COUNT_UNKNOWN, ValueChecker } from "./check.ts";
import { readLength } from "./length.ts";
import { skipOperands } from "./opcode-skip.ts";
import { Opcode, RdbType, rdbTypeOf } from "./opcodes.ts";
import { readExpireMs } from "./record.ts";
import { Scratch } from "./scratch.ts";
import { skipValue } from "./skip.ts";
import { readString } from "./string.ts";

export const ScanKind = {
  RECORD: 0,
  /** dbid is set. */
  SELECTDB: 1,
  /** hintKeys and hintExpires are set: what the writer says of this database, to be believed by nobody. */
  RESIZEDB: 2,
  /** name and text are set. */
  AUX: 3,
  /** text is set: the source code of a library. */
  FUNCTION: 4,
  /** A library of a 7.0 release candidate, moved over: Redis refuses these. */
  FUNCTION_PRE_GA: 5,
  /** Moved over. */
  MODULE_AUX: 6,
  /** SLOT_INFO or SLOT_IMPORT, moved over. */
  SLOT: 7,
  /** endOffset is set; next() has returned false. */
  EOF: 8,
} as const;

export interface ScanOptions {
  /** Whether the file's magic is VALKEY. */
  readonly valkey: boolean;
  /** Check each value as Redis does when it loads it (check.ts). */
  readonly validate: boolean;
}

export class RecordScanner {
  /** A number of ScanKind. */
  kind: number = ScanKind.AUX;
  /** The database of the records that follow. */
  dbid = 0;

  /** RECORD: offset of its first byte, an opcode or the type. */
  recordOffset = -1;
  /** A number of RdbType. */
  type = 0;
  /** Milliseconds since the epoch, -1: none. */
  expireAtMs = -1;
  idleSeconds = -1;
  freq = -1;
  /** Valid until the next step. */
  readonly key = new Span();
  valueOffset = 0;
  /** Offset behind the record. */
  recordEnd = 0;
  /** 0: an empty collection, which Redis leaves out. -1: not counted (always so without `validate`). */
  elementCount = COUNT_UNKNOWN;

  hintKeys = 0;
  hintExpires = 0;
  /** AUX, FUNCTION: valid until the next step. */
  readonly name = new Span();
  readonly text = new Span();
  /** Of anything but a record: offset of its opcode. */
  itemOffset = -1;
  /** EOF: offset behind the opcode. */
  endOffset = -1;

  readonly #cursor: Cursor;
  readonly #valkey: boolean;
  readonly #checker: ValueChecker | null;
  readonly #keyScratch = new Scratch();
  readonly #textScratch = new Scratch();

  /** Scans `source` from `offset`, where an item begins. */
  constructor(source: ByteSource, offset: number, options: ScanOptions) {
    this.#cursor = new Cursor().open(source, offset);
    this.#valkey = options.valkey;
    this.#checker = options.validate ? new ValueChecker() : null;
  }

  /** Offset of the next byte to be read: how far the scan has come. */
  get offset(): number {
    return this.#cursor.offset;
  }

  /** Steps to the next item; false at the end of the file (kind is then EOF). Throws FormatError; the scan is then over. */
  next(): boolean {
    if (this.kind === ScanKind.RECORD) {
      // What stands before a key is about that key only; other items in between leave it in force.
      this.recordOffset = -1;
      this.expireAtMs = -1;
      this.idleSeconds = -1;
      this.freq = -1;
    }
    const cursor = this.#cursor;
    for (;;) {
      if (cursor.pos >= cursor.end) cursor.need(1);
      const offset = cursor.base + cursor.pos;
      const byte = cursor.bytes[cursor.pos++] as number;
      const type = byte === RdbType.STRING ? byte : rdbTypeOf(byte, this.#valkey);
      if (type >= 0) {
        this.#record(offset, type);
        return true;
      }
      if (byte >= Opcode.AUX || byte < Opcode.IDLE) {
        if (byte === Opcode.EXPIRETIME_MS) this.expireAtMs = readExpireMs(cursor);
        else if (byte === Opcode.EXPIRETIME) this.expireAtMs = (cursor.u32le() | 0) * 1000;
        else return this.#item(byte);
      } else if (byte === Opcode.FREQ) this.freq = cursor.u8();
      else this.idleSeconds = readLength(cursor);
      if (this.recordOffset < 0) this.recordOffset = offset;
    }
  }

  #record(offset: number, type: number): void {
    const cursor = this.#cursor;
    this.kind = ScanKind.RECORD;
    if (this.recordOffset < 0) this.recordOffset = offset;
    this.type = type;
    readString(cursor, this.key, this.#keyScratch);
    this.valueOffset = cursor.base + cursor.pos;
    if (this.#checker === null) skipValue(cursor, type);
    else this.elementCount = this.#checker.check(cursor, type);
    this.recordEnd = cursor.base + cursor.pos;
  }

  /** An item that is no record. Returns false for EOF. */
  #item(opcode: number): boolean {
    const cursor = this.#cursor;
    this.itemOffset = cursor.offset - 1;
    switch (opcode) {
      case Opcode.EOF:
        this.kind = ScanKind.EOF;
        this.endOffset = cursor.offset;
        return false;
      case Opcode.SELECTDB:
        this.kind = ScanKind.SELECTDB;
        this.dbid = readLength(cursor);
        return true;
      case Opcode.RESIZEDB:
        this.kind = ScanKind.RESIZEDB;
        this.hintKeys = readLength(cursor);
        this.hintExpires = readLength(cursor);
        return true;
      case Opcode.AUX:
        this.kind = ScanKind.AUX;
        readString(cursor, this.name, this.#keyScratch);
        readString(cursor, this.text, this.#textScratch);
        return true;
      case Opcode.FUNCTION2:
        this.kind = ScanKind.FUNCTION;
        readString(cursor, this.text, this.#textScratch);
        return true;
      default:
        skipOperands(cursor, opcode);
        this.kind =
          opcode === Opcode.MODULE_AUX
            ? ScanKind.MODULE_AUX
            : opcode === Opcode.FUNCTION_PRE_GA
              ? ScanKind.FUNCTION_PRE_GA
              : ScanKind.SLOT;
        return true;
    }
  }
}
