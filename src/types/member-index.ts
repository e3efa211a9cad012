/**
 * Where the members of a big collection are that the file stores as a plain sequence: a hash, set or sorted set of a
 * million members would be walked for every HGET, SISMEMBER or ZSCORE. The second keyed access of a collection builds
 * an index of it, which stays until others need the room:
 *
 *   tags     u8 a slot     0: empty, else 7 bits of the hash and the top bit
 *   offsets  u32 a slot    where the member begins, from the value's first byte
 *
 * About 10 bytes a member. Tied to its source: gone when the source is. In an overlay it is that of the bytes which lay there when it
 * was begun (versionOf); there is none for what may change under it.
 */
import { type ByteSource, versionOf } from "../util/byte-source.ts";

/** Smaller collections are walked: that takes some microseconds. */
const MEMBERS_MIN = 512;
/** All indexes of a source together; what would be bigger alone is walked. */
const SLOTS_MAX = 4 * 2 ** 20;
/** Collections that are remembered as having been asked once. */
const REMEMBERED = 256;
const OFFSET_MAX = 0xffffffff;

/** Differs in every process, so that no file can be made to collide. */
const SEED = Math.floor(Math.random() * 2 ** 32);

/** A 32-bit hash of the bytes. */
export function hashMember(bytes: Uint8Array, start: number, length: number): number {
  let hash = SEED ^ length;
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

export class MemberIndex {
  /** Whether all members have been added. */
  built = false;
  /** Somebody adds the members in slices. */
  building = false;
  readonly slots: number;
  /** Of the source at the value's offset: see versionOf. */
  readonly version: number;
  readonly #tags: Uint8Array;
  readonly #offsets: Uint32Array;
  #tag = 0;
  #slot = 0;

  constructor(slots: number, version = 0) {
    this.slots = slots;
    this.version = version;
    this.#tags = new Uint8Array(slots);
    this.#offsets = new Uint32Array(slots);
  }

  /** Before adding: forgets what an attempt that failed has left. */
  begin(): void {
    this.built = false;
    this.#tags.fill(0);
  }

  /** Adds a member; false where it lies too far behind the value's first byte to be remembered. */
  add(hash: number, offset: number): boolean {
    if (offset > OFFSET_MAX) return false;
    const mask = this.slots - 1;
    let slot = hash & mask;
    while (this.#tags[slot] !== 0) slot = (slot + 1) & mask;
    this.#tags[slot] = (hash >>> 25) | 128;
    this.#offsets[slot] = offset;
    return true;
  }

  /** Offset of the first member that may have this hash, -1 when there is none. */
  first(hash: number): number {
    this.#tag = (hash >>> 25) | 128;
    this.#slot = hash & (this.slots - 1);
    return this.#probe();
  }

  /** Offset of the next one after first(). */
  next(): number {
    this.#slot = (this.#slot + 1) & (this.slots - 1);
    return this.#probe();
  }

  #probe(): number {
    const tags = this.#tags;
    const mask = this.slots - 1;
    let slot = this.#slot;
    for (let tag = tags[slot] as number; tag !== 0; tag = tags[slot] as number) {
      if (tag === this.#tag) {
        this.#slot = slot;
        return this.#offsets[slot] as number;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }
}

/** A member that was looked for in slices, and what came of it: the same question is answered from here. */
export interface Finding {
  readonly firstOffset: number;
  readonly version: number;
  readonly member: Uint8Array;
  /** Where the member begins, -1: there is none. */
  readonly offset: number;
}

class SourceIndexes {
  finding: Finding | null = null;

  /** By the value's offset; the one used last is last. */
  readonly #indexes = new Map<number, MemberIndex>();
  #slots = 0;
  #lastOffset = -1;
  #last: MemberIndex | null = null;
  readonly #asked = new Float64Array(REMEMBERED).fill(-1);

  indexOf(valueOffset: number, count: number, version: number): MemberIndex | null {
    if (valueOffset === this.#lastOffset && this.#last?.version === version) return this.#last;
    const index = this.#indexes.get(valueOffset);
    if (index !== undefined) {
      this.#indexes.delete(valueOffset);
      if (index.version === version) return this.#use(valueOffset, index);
      // Other bytes lie there now.
      this.#slots -= index.slots;
      this.#lastOffset = -1;
    }
    const slots = 2 ** Math.ceil(Math.log2(count * 1.5));
    const place = valueOffset % REMEMBERED;
    if (slots > SLOTS_MAX || this.#asked[place] !== valueOffset) {
      this.#asked[place] = valueOffset;
      return null;
    }
    return this.#create(valueOffset, slots, version);
  }

  builtAt(valueOffset: number, version: number): MemberIndex | null {
    const index = valueOffset === this.#lastOffset ? this.#last : (this.#indexes.get(valueOffset) ?? null);
    return index?.built === true && index.version === version ? index : null;
  }

  #create(valueOffset: number, slots: number, version: number): MemberIndex {
    for (const [oldest, { slots: freed }] of this.#indexes) {
      if (this.#slots + slots <= SLOTS_MAX) break;
      this.#indexes.delete(oldest);
      this.#slots -= freed;
    }
    this.#slots += slots;
    return this.#use(valueOffset, new MemberIndex(slots, version));
  }

  #use(valueOffset: number, index: MemberIndex): MemberIndex {
    this.#indexes.set(valueOffset, index);
    this.#lastOffset = valueOffset;
    this.#last = index;
    return index;
  }
}

/** A cache, nothing else: the sources' own content decides every answer. */
const SOURCES = new WeakMap<ByteSource, SourceIndexes>();

/**
 * The index of the collection of `count` members whose value begins at `valueOffset`, or null where it is to be
 * walked: small ones, huge ones, those asked for the first time, those that may change. An index that is not `built` is to be filled
 * by the caller, who may do without when that fails.
 */
export function memberIndexOf(source: ByteSource, valueOffset: number, count: number): MemberIndex | null {
  if (count < MEMBERS_MIN) return null;
  const version = versionOf(source, valueOffset);
  return version < 0 ? null : indexesOf(source).indexOf(valueOffset, count, version);
}

/** The index of the collection at `valueOffset` where all its members have been added. Not counted as an access. */
export function builtIndexOf(source: ByteSource, valueOffset: number): MemberIndex | null {
  return indexesOf(source).builtAt(valueOffset, versionOf(source, valueOffset));
}

/** What the last search in slices has found, if it was in the collection at `firstOffset` as it is now. */
export function findingOf(source: ByteSource, firstOffset: number): Finding | null {
  const { finding } = indexesOf(source);
  if (finding?.firstOffset !== firstOffset || finding.version !== versionOf(source, firstOffset)) return null;
  return finding;
}

export function rememberFinding(source: ByteSource, finding: Finding): void {
  indexesOf(source).finding = finding;
}

function indexesOf(source: ByteSource): SourceIndexes {
  let indexes = SOURCES.get(source);
  if (indexes === undefined) SOURCES.set(source, (indexes = new SourceIndexes()));
  return indexes;
}
