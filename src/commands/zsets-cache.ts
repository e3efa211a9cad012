/**
 * Readers of sorted sets that were used lately, so that a leaderboard that is read again and again is decompressed and put
 * in order once. A snapshot's records never change: what a reader has loaded stays right as long as its source is open. In an overlay
 * it stays right as long as the large block that it lies in does (versionOf); readers of small blocks, and of what is changed in its place
 * there (native sorted sets, listpacks), keep nothing: they are only used again.
 *
 *   source ─► value offset, version ─► reader, least recently used first      at most READERS_MAX readers, MEMBERS_MAX members
 *
 * A command takes a reader out and gives it back when it ends; meanwhile another command on the same key gets another one.
 * A loaded member takes 16 bytes, whatever its length.
 */
import { isNativeType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "../types/limits.ts";
import type { Ranked } from "../types/ranked.ts";
import { ZsetReader } from "../types/zset.ts";
import { type ByteSource, versionOf } from "../util/byte-source.ts";

const READERS_MAX = 64;
const MEMBERS_MAX = 2 ** 20;
/** Readers of changing sets between uses. */
const IDLE_MAX = 8;

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

  /** Whether it is of a set that is changed where it lies. */
  isPassing = false;

  /** Opens the sorted set of `record`, which may be read again at once. Throws FormatError. */
  openLike(record: Record): void {
    this.#loading = false;
    this.#home.like(record);
    this.#version = versionOf(this.source, this.offset);
    this.open(this.#home);
  }

  /** The members in order, loaded `step` at a time between yields unless they are there already. */
  *load(step: number): Generator<void, Ranked, void> {
    this.#loading = true;
    while (!this.loadSome(step)) yield;
    this.#loading = false;
    return this.ranked();
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

const IDLE: KeptZset[] = [];

/** A reader of the sorted set that `record` holds, for one command. Throws FormatError. */
export function takeZset(record: Record, limits: EncodingLimits = DEFAULT_LIMITS): KeptZset {
  const { source } = record.cursor;
  if (isPassing(record)) {
    const zset = IDLE.pop() ?? new KeptZset();
    zset.isPassing = true;
    zset.limits = limits;
    zset.openLike(record);
    return zset;
  }
  let cache = CACHES.get(source);
  if (cache === undefined) {
    cache = new ZsetCache();
    CACHES.set(source, cache);
  }
  const zset = cache.take(record);
  zset.limits = limits;
  return zset;
}

/** Gives a reader back; the caller does not use it any more. */
export function giveZset(zset: KeptZset): void {
  if (!zset.isPassing) CACHES.get(zset.source)?.give(zset);
  else if (IDLE.length < IDLE_MAX) IDLE.push(zset);
}

function isPassing(record: Record): boolean {
  if (isNativeType(record.type)) return true;
  const { source } = record.cursor;
  return (
    source.isMutable === true && (record.type === RdbType.ZSET_LISTPACK || versionOf(source, record.valueOffset) < 0)
  );
}
