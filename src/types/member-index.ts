/**
 * Where the members of a big collection are that the file stores as a plain sequence: a hash, set or sorted set of a
 * million members would be walked for every HGET, SISMEMBER or ZSCORE. The second keyed access of a collection builds
 * an index of it, which stays until others need the room:
 *
 *   tags     u8 a slot     0: empty, else 7 bits of the hash and the top bit
 *   offsets  u32 a slot    where the member begins, from the value's first byte
 *
 * About 10 bytes a member. Derived from an immutable source and tied to it: gone when the source is.
 */
import type { ByteSource } from "../util/byte-source.ts";

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
  readonly #tags: Uint8Array;
  readonly #offsets: Uint32Array;
  #tag = 0;
  #slot = 0;

  constructor(slots: number) {
    this.slots = slots;
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

  indexOf(valueOffset: number, count: number): MemberIndex | null {
    if (valueOffset === this.#lastOffset) return this.#last;
    const index = this.#indexes.get(valueOffset);
    if (index !== undefined) {
      this.#indexes.delete(valueOffset);
      return this.#use(valueOffset, index);
    }
    const slots = 2 ** Math.ceil(Math.log2(count * 1.5));
    const place = valueOffset % REMEMBERED;
    if (slots > SLOTS_MAX || this.#asked[place] !== valueOffset) {
      this.#asked[place] = valueOffset;
      return null;
    }
    return this.#create(valueOffset, slots);
  }

  builtAt(valueOffset: number): MemberIndex | null {
    const index = valueOffset === this.#lastOffset ? this.#last : (this.#indexes.get(valueOffset) ?? null);
    return index?.built === true ? index : null;
  }

  #create(valueOffset: number, slots: number): MemberIndex {
    for (const [oldest, { slots: freed }] of this.#indexes) {
      if (this.#slots + slots <= SLOTS_MAX) break;
      this.#indexes.delete(oldest);
      this.#slots -= freed;
    }
    this.#slots += slots;
    return this.#use(valueOffset, new MemberIndex(slots));
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
 * walked: small ones, huge ones, those asked for the first time. An index that is not `built` is to be filled by the
 * caller, who may do without when that fails.
 */
export function memberIndexOf(source: ByteSource, valueOffset: number, count: number): MemberIndex | null {
  return count < MEMBERS_MIN ? null : indexesOf(source).indexOf(valueOffset, count);
}

/** The index of the collection at `valueOffset` where all its members have been added. Not counted as an access. */
export function builtIndexOf(source: ByteSource, valueOffset: number): MemberIndex | null {
  return indexesOf(source).builtAt(valueOffset);
}

/** What the last search in slices has found. */
export function findingOf(source: ByteSource): Finding | null {
  return indexesOf(source).finding;
}

export function rememberFinding(source: ByteSource, finding: Finding): void {
  indexesOf(source).finding = finding;
}

function indexesOf(source: ByteSource): SourceIndexes {
  let indexes = SOURCES.get(source);
  if (indexes === undefined) SOURCES.set(source, (indexes = new SourceIndexes()));
  return indexes;
}
