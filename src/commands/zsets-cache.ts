/**
 * Readers of sorted sets that were used lately, so that a leaderboard that is read again and again is decompressed and put
 * in order once. A snapshot's records never change: what a reader has loaded stays right as long as its source is open. In an overlay
 * it stays right as long as the large block that it lies in does (versionOf); readers of small blocks are not kept.
 *
 *   source ─► value offset, version ─► reader, least recently used first      at most READERS_MAX readers, MEMBERS_MAX members
 *
 * A command takes a reader out and gives it back when it ends; meanwhile another command on the same key gets another one.
 * A loaded member takes 16 bytes, whatever its length.
 */
import { Record } from "../rdb/record.ts";
import { type SortedMembers, ZsetReader } from "../types/zset.ts";
import { type ByteSource, versionOf } from "../util/byte-source.ts";

const READERS_MAX = 64;
const MEMBERS_MAX = 2 ** 20;

export class KeptZset extends ZsetReader {
  /** Reads go through a record of the reader's own. */
  readonly #home = new Record();
  #version = 0;
  #loading = false;

  /** Offset of the value that is open: the reader's name in the cache. */
  get offset(): number {
    return this.#home.valueOffset;
  }

  get source(): ByteSource {
    return this.#home.cursor.source;
  }

  /** Whether the bytes that it was opened on still lie there, and may be relied on to. */
  get isCurrent(): boolean {
    return this.#version >= 0 && this.#version === versionOf(this.source, this.offset);
  }

  /** False while members are being loaded: a command that was broken off then leaves the reader in no known place. */
  get isWhole(): boolean {
    return !this.#loading;
  }

  /** Opens the sorted set of `record`, which may be read again at once. Throws FormatError. */
  openLike(record: Record): void {
    this.#loading = false;
    this.#home.like(record);
    this.#version = versionOf(this.source, this.offset);
    this.open(this.#home);
  }

  /** The members in order, loaded `step` at a time between yields unless they are there already. */
  *load(step: number): Generator<void, SortedMembers, void> {
    this.#loading = true;
    while (!this.loadSome(step)) yield;
    this.#loading = false;
    return this.sorted();
  }
}

class ZsetCache {
  readonly #kept = new Map<number, KeptZset>();
  #members = 0;

  take(record: Record): KeptZset {
    const kept = this.#remove(record.valueOffset);
    if (kept?.isCurrent === true) return kept;
    const zset = kept ?? (this.#kept.size >= READERS_MAX ? this.#evict() : undefined) ?? new KeptZset();
    zset.openLike(record);
    return zset;
  }

  give(zset: KeptZset): void {
    if (!zset.isWhole || !zset.isCurrent || zset.count > MEMBERS_MAX) return;
    this.#remove(zset.offset);
    this.#kept.set(zset.offset, zset);
    this.#members += zset.count;
    while (this.#members > MEMBERS_MAX) this.#evict();
  }

  #remove(valueOffset: number): KeptZset | undefined {
    const kept = this.#kept.get(valueOffset);
    if (kept === undefined) return undefined;
    this.#kept.delete(valueOffset);
    this.#members -= kept.count;
    return kept;
  }

  #evict(): KeptZset | undefined {
    for (const valueOffset of this.#kept.keys()) return this.#remove(valueOffset);
    return undefined;
  }
}

/** One cache a source: it goes when its source goes. */
const CACHES = new WeakMap<ByteSource, ZsetCache>();

/** A reader of the sorted set that `record` holds, for one command. Throws FormatError. */
export function takeZset(record: Record): KeptZset {
  const { source } = record.cursor;
  let cache = CACHES.get(source);
  if (cache === undefined) {
    cache = new ZsetCache();
    CACHES.set(source, cache);
  }
  return cache.take(record);
}

/** Gives a reader back; the caller does not use it any more. */
export function giveZset(zset: KeptZset): void {
  CACHES.get(zset.source)?.give(zset);
}
