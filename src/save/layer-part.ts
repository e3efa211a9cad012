/**
 * Writes what lives of a layer: one walk over its file from front to back. Live records that lie side by side are copied as one run;
 * what cannot stay as it is (another type for an older version, a prelude with something in between) is written anew.
 *
 *   file      | record | record | dead | record | empty | record |
 *   written   |====== run ======|      |= run ==|       |= run ==|
 */
import type { HashSeed } from "../layer/format.ts";
import { readLength, skipLength } from "../rdb/length.ts";
import { NotExpressible } from "../rdb/not-expressible.ts";
import { openRdb, RDB_HEADER_BYTES } from "../rdb/reader.ts";
import { RecordScanner, ScanKind } from "../rdb/scan.ts";
import type { RdbWriter } from "../rdb/writer.ts";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { hashed, hashKey } from "../util/key-hash.ts";
import type { BaseLayer } from "./base-layer.ts";
import type { DeadOffsets } from "./dead-offsets.ts";
import type { IndexPart } from "./index-part.ts";
import type { SaveOptions } from "./request.ts";
import type { Section, Sections } from "./sections.ts";
import { type Types, versionLimit } from "./types.ts";

/** A run is written when it is so long: its bytes are still in the processor's cache. */
const RUN_BYTES_MAX = 128 * 1024;
/** Records that are not written between two looks at whether to go on. */
const SKIPPED_PER_STEP = 4096;
/** FUNCTION2 came with this version. */
const FUNCTION_VERSION = 10;
/** MODULE_AUX: "load me when all keys are there". */
const AUX_AFTER_KEYS = 2;

/** AUX fields that this file has of its own, or that would be untrue of it. */
const AUX_DROPPED = new Set([
  "redis-ver",
  "valkey-ver",
  "redis-bits",
  "ctime",
  "used-mem",
  "aof-base",
  "aof-preamble",
  "repl-stream-db",
  "repl-id",
  "repl-offset",
]);

export interface LayerPartParts {
  readonly layer: BaseLayer;
  readonly writer: RdbWriter;
  readonly types: Types;
  readonly index: IndexPart;
  readonly seed: HashSeed;
  readonly sections: Sections;
  /** By database of the layer: the section that its keys belong to, if any. */
  readonly targets: readonly (Section | undefined)[];
  readonly options: SaveOptions;
  /** Called after each `stepKeys` records. Throws to end the save. */
  readonly stepKeys: number;
  readonly step: () => void;
}

export class LayerPart {
  readonly #parts: LayerPartParts;
  readonly #scanner: RecordScanner;
  readonly #dead: DeadOffsets;
  /** The file holds records that its index left out. */
  readonly #hasUnindexed: boolean;
  readonly #cursor = new Cursor();
  /** Items that belong behind the last database: offset and length, in turn. */
  readonly #last: number[] = [];
  /** The run [#runStart, #runEnd) of the file is to be written at its offset + #shift. */
  #runStart = 0;
  #runEnd = 0;
  #shift = 0;
  #records = 0;

  constructor(parts: LayerPartParts) {
    const { layer, targets } = parts;
    this.#parts = parts;
    const { valkey } = openRdb(layer);
    this.#scanner = new RecordScanner(layer, RDB_HEADER_BYTES, { valkey, validate: false });
    const { emptySkipped, duplicatesSkipped } = layer.index.header;
    this.#hasUnindexed = emptySkipped + duplicatesSkipped > 0;
    this.#dead = layer.deadOffsets(targets.keys().filter((dbid) => targets[dbid] !== undefined));
  }

  /**
   * Writes everything but what `writeLast` does. Throws DamagedError, FormatError, NotExpressible with the key, and what the writer throws.
   */
  write(): void {
    const scanner = this.#scanner;
    const { layer, index, stepKeys } = this.#parts;
    layer.comeTo(0);
    let end = scanner.offset;
    let written = index.keys;
    while (scanner.next()) {
      if (scanner.kind === ScanKind.RECORD) this.#record(scanner, scanner.recordOffset === end);
      else this.#item(scanner);
      end = scanner.offset;
      if (++this.#records >= (index.keys > written ? stepKeys : SKIPPED_PER_STEP)) {
        this.#records = 0;
        written = index.keys;
        this.#step(end);
      }
    }
    this.#endRun();
    if (this.#dead.next !== Number.POSITIVE_INFINITY) {
      throw new Error(`the index names a dead record at offset ${this.#dead.next}, where none begins`);
    }
  }

  /** Writes what belongs behind the last database. */
  writeLast(): void {
    for (let i = 0; i < this.#last.length; i += 2) this.#copy(this.#last[i] as number, this.#last[i + 1] as number);
  }

  #step(offset: number): void {
    this.#parts.layer.comeTo(offset);
    this.#parts.step();
  }

  /** `isWhole`: the record follows the item before without anything in between. */
  #record(scanner: RecordScanner, isWhole: boolean): void {
    const { writer, index, seed, sections, targets, types } = this.#parts;
    const { recordOffset, recordEnd, key, type } = scanner;
    const section = targets[scanner.dbid];
    if (section === undefined) return;
    if (recordOffset >= this.#dead.next) {
      if (recordOffset > this.#dead.next) {
        throw new Error(`the index names a dead record at offset ${this.#dead.next}, where none begins`);
      }
      this.#dead.pass();
      return;
    }
    hashKey(seed, key.bytes, key.start, key.length);
    const { h0, h1 } = hashed;
    if (this.#hasUnindexed && !this.#isIndexed(scanner.dbid, h0, recordOffset)) return;
    if (recordOffset !== this.#runEnd || this.#runEnd - this.#runStart > RUN_BYTES_MAX) this.#endRun();
    if (this.#runStart === this.#runEnd) {
      sections.enter(section);
      this.#runStart = this.#runEnd = recordOffset;
      this.#shift = writer.offset - recordOffset;
    }
    if (isWhole && (types.isPlain(type) || types.admit(type))) {
      this.#runEnd = recordEnd;
      index.add(h0, h1, recordOffset + this.#shift, scanner.expireAtMs);
      return;
    }
    this.#endRun();
    index.add(h0, h1, writer.offset, scanner.expireAtMs);
    this.#writeAnew(scanner);
  }

  #writeAnew(scanner: RecordScanner): void {
    const { writer, types } = this.#parts;
    const { key, type } = scanner;
    if (scanner.expireAtMs !== -1) writer.expireAt(scanner.expireAtMs);
    if (scanner.idleSeconds >= 0) writer.idle(scanner.idleSeconds);
    if (scanner.freq >= 0) writer.freq(scanner.freq);
    const cursor = this.#cursor.open(this.#parts.layer, scanner.valueOffset);
    types.write(cursor, type, key.bytes, key.start, key.length, this.#parts.targets[scanner.dbid]?.dbid ?? 0);
  }

  #isIndexed(dbid: number, h0: number, recordOffset: number): boolean {
    const table = this.#parts.layer.tables[dbid];
    if (table === undefined) return false;
    for (let offset = table.first(h0); offset >= 0; offset = table.next()) if (offset === recordOffset) return true;
    return false;
  }

  #item(scanner: RecordScanner): void {
    const { itemOffset } = scanner;
    const length = scanner.offset - itemOffset;
    switch (scanner.kind) {
      case ScanKind.FUNCTION:
        this.#function(itemOffset, length);
        return;
      case ScanKind.MODULE_AUX:
        this.#moduleAux(itemOffset, length);
        return;
      case ScanKind.AUX:
        if (AUX_DROPPED.has(scanner.name.text())) return;
        this.#endRun();
        this.#copy(itemOffset, length);
        return;
      default:
      // SELECTDB and RESIZEDB are written anew; of slots there are hints only.
    }
  }

  #function(offset: number, length: number): void {
    const { options, types, index, writer } = this.#parts;
    if (types.version < FUNCTION_VERSION) {
      if (versionLimit(options) < FUNCTION_VERSION) {
        throw new NotExpressible(
          `a function library, which takes rdb-version ${FUNCTION_VERSION} or later (it is ${options.rdbVersion})`,
        );
      }
      types.version = FUNCTION_VERSION;
    }
    this.#endRun();
    index.addFunction(writer.offset);
    this.#copy(offset, length);
  }

  #moduleAux(offset: number, length: number): void {
    const cursor = this.#cursor.open(this.#parts.layer, offset + 1);
    skipLength(cursor);
    skipLength(cursor);
    if ((readLength(cursor) & AUX_AFTER_KEYS) !== 0) {
      this.#last.push(offset, length);
      return;
    }
    this.#endRun();
    this.#copy(offset, length);
  }

  #endRun(): void {
    const start = this.#runStart;
    const length = this.#runEnd - start;
    this.#runStart = this.#runEnd = 0;
    if (length > 0) this.#copy(start, length);
  }

  /** Copies bytes of the file, each block verified first. */
  #copy(offset: number, length: number): void {
    const { layer, writer } = this.#parts;
    for (let at = offset, end = offset + length; at < end; ) {
      const window = Math.floor(at / WINDOW_STRIDE_BYTES);
      const start = at - window * WINDOW_STRIDE_BYTES;
      const piece = Math.min(end - at, RUN_BYTES_MAX);
      layer.admit(at, piece);
      writer.bytes(layer.windows[window] as Uint8Array, start, piece);
      at += piece;
    }
  }
}
