/**
 * The layer as the Worker sees it: the same mappings as the command thread's, with bitmaps of verified blocks and pages of its own.
 * No byte of the file is written that was not verified in this save.
 */
import { BlockChecks } from "../layer/block-checks.ts";
import { IndexFile } from "../layer/index-file.ts";
import { KeyTable } from "../layer/key-table.ts";
import { Mapping } from "../mmap/mapping.ts";
import type { ByteSource } from "../util/byte-source.ts";
import { type DeadDatabase, DeadOffsets } from "./dead-offsets.ts";
import type { SavedLayer } from "./request.ts";

/** Asked of the disk in front of the walk: the mapping has no read-ahead of its own. */
const AHEAD_BYTES = 16 * 2 ** 20;
const AHEAD_STEP_BYTES = 4 * 2 ** 20;

export class BaseLayer implements ByteSource {
  readonly size: number;
  readonly windows: readonly Uint8Array[];
  readonly index: IndexFile;
  /** By database of the layer. */
  readonly tables: (KeyTable | undefined)[] = [];
  readonly #mapping: Mapping;
  readonly #checks: BlockChecks;
  readonly #layer: SavedLayer;
  #asked = 0;

  constructor(layer: SavedLayer) {
    this.#layer = layer;
    this.#mapping = Mapping.adopt(layer.mapping);
    this.index = IndexFile.adopt(layer.index, layer.indexPath);
    this.size = this.#mapping.size;
    this.windows = this.#mapping.windows;
    this.#checks = new BlockChecks(this.#mapping, this.index);
    for (const extent of this.index.databases) {
      if (extent.keys > 0) this.tables[extent.dbid] = new KeyTable(this.index, extent);
    }
  }

  /** ByteSource. Throws DamagedError. */
  admit(offset: number, length: number): number {
    return this.#checks.admit(offset, length);
  }

  /** The walk has come to `offset`: has what lies ahead read. */
  comeTo(offset: number): void {
    if (offset + AHEAD_BYTES - AHEAD_STEP_BYTES < this.#asked) return;
    const from = Math.max(offset, this.#asked);
    const end = Math.min(offset + AHEAD_BYTES, this.size);
    if (end > from) this.#mapping.advise("willneed", from, end - from);
    this.#asked = end;
  }

  /** Dead keys of a database of the layer. */
  deadKeys(dbid: number): number {
    let count = 0;
    for (const chunk of this.#layer.dead[dbid] ?? []) {
      for (const word of chunk ?? []) count += bitCount(word);
    }
    return count;
  }

  /** Offsets of the dead records of these databases, in ascending order. Throws DamagedError. */
  deadOffsets(dbids: Iterable<number>): DeadOffsets {
    const databases: DeadDatabase[] = [];
    for (const dbid of dbids) {
      const table = this.tables[dbid];
      const picture = this.#layer.dead[dbid];
      if (table !== undefined && picture !== undefined) databases.push({ table, picture });
    }
    return new DeadOffsets(databases, this.size);
  }

  /** Detaches the views. */
  close(): void {
    this.index.close();
    this.#mapping.close();
  }
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
