/**
 * The overlay's hash table: extendible hashing, so that growth splits one segment of 4 KiB and never the whole. Neighbours that have
 * become nearly empty are joined again when somebody asks for it (`join`, `compact`).
 *
 *   directory   | 0 | 1 | 2 | 3 |      upper bits of the hash → handle of a segment; several entries may share one
 *                 │   └───┴────────► segment of depth 1
 *                 └► segment of depth 2
 *
 *   segment     | 0 u32 | depth u32 | earliest expiry f64 | slot 0 | slot 1 | … | slot 509 |
 *   slot        | hash i32 | handle u32 |                       handle 0: empty
 *
 * Slots of a segment are ordered by hash. A hash has a home slot, the same share of the homes as the hash has of the segment's
 * range; it lies there or in the slots that follow without a gap. So a search walks a few slots and ends at the first larger
 * hash, also where there is none; a scan in order of slots is one in order of hashes, whatever was split in between.
 */
import { type Arena, IN_WINDOW, WINDOW_SHIFT } from "./arena.ts";
import { hasKey } from "./entry.ts";
import { OverlayLimit } from "./overlay-limit.ts";

export const SEGMENT_BYTES = 4096;
const SLOTS = 510;
/** Slots behind the last home take what is pushed on. */
const HOMES = 480;
/** A segment with more entries is split before the next one. */
const ENTRIES_MAX = 440;
/** Two segments with so few entries together become one: far from being split again. */
const JOINED_ENTRIES_MAX = 160;
/** Entries a segment, on average, below which a table is sparse: about half of all pairs can be joined then. */
const SPARSE_ENTRIES = JOINED_ENTRIES_MAX / 2;
/** Words of a segment: */
const DEPTH = 1;
const EARLIEST = 2;
const FIRST_SLOT = 4;
const END = FIRST_SLOT + 2 * SLOTS;
/** Entries that are pushed on by a loop; more, by a call, which costs more than a few steps. */
const PUSHED_BY_LOOP_MAX = 16;
/** 2^26 segments hold 20 thousand million keys. */
const DEPTH_MAX = 26;
const SCRATCH = new Int32Array(2 * SLOTS + 2);

export class Table {
  /** Entries, tombstones included. */
  count = 0;
  /** Upper bits of the hash that pick the directory's entry. */
  depth = 1;
  /** 2^depth handles of segments; shared with Workers that read a frozen table. */
  directory = new Int32Array(new SharedArrayBuffer(8));
  /** By directory entry: the segment's depth; by the first that leads to a segment: its entries. So searches and insertions touch only slots. */
  #depths = new Uint8Array([1, 1]);
  #counts = new Uint16Array(2);
  /** Number of segments. */
  segments = 2;
  readonly #arena: Arena;
  /** The earliest expiry of all segments as the last pass over them found it; of what was noted since. */
  #earliestMs = Number.POSITIVE_INFINITY;
  #notedMs = Number.POSITIVE_INFINITY;
  /** Where `compact` is: a hash as an unsigned number; 0: at the beginning of a round. And what it has joined in this round. */
  #compactFrom = 0;
  #joined = 0;
  // Where the last search ended: the directory's entry, the words, the segment's first word, the slot's first word.
  #index = 0;
  #words: Int32Array;
  #base = 0;
  #slot = 0;
  /** The last search was for this hash, and ended at this entry, or (0) at none of that hash: asked again, it need not search. */
  #isKnown = false;
  #knownHash = 0;
  #knownHandle = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.directory[0] = this.#newSegment(1);
    this.directory[1] = this.#newSegment(1);
    this.#words = arena.words[0] as Int32Array;
    arena.tally.usedBytes += this.directoryBytes;
  }

  /** Bytes of the directory: they lie beside the arena. */
  get directoryBytes(): number {
    return this.directory.byteLength + this.#depths.byteLength + this.#counts.byteLength;
  }

  /** The handle of the key's entry, or 0. `replace` and `remove` then mean that entry, `insert` the place where it would be. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): number {
    const { windows } = this.#arena;
    // A command that reads a key of a lower level and then writes it asks up to three times; pipelines push to one list.
    if (this.#isKnown && hash === this.#knownHash) {
      const handle = this.#knownHandle;
      if (handle === 0) return 0;
      const entry = windows[handle >>> WINDOW_SHIFT] as Uint8Array;
      if (hasKey(entry, (handle & IN_WINDOW) << 3, bytes, start, length)) return handle;
    }
    const words = this.#seek(hash);
    const end = this.#base + END;
    const wanted = hash ^ SIGN;
    let isAbsent = true;
    let slot = this.#slot;
    for (; slot < end; slot += 2) {
      const handle = words[slot + 1] as number;
      if (handle === 0) break;
      const found = words[slot] as number;
      if (found === hash) {
        isAbsent = false;
        const entry = windows[handle >>> WINDOW_SHIFT] as Uint8Array;
        if (hasKey(entry, (handle & IN_WINDOW) << 3, bytes, start, length)) {
          this.#slot = slot;
          this.#note(hash, handle);
          return handle;
        }
      } else if ((found ^ SIGN) > wanted) break;
    }
    this.#slot = slot;
    if (isAbsent) this.#note(hash, 0);
    return 0;
  }

  #note(hash: number, handle: number): void {
    this.#isKnown = true;
    this.#knownHash = hash;
    this.#knownHandle = handle;
  }

  /** Loads of the segment what a search for this hash will need first: see keyspace/ahead.ts. Of no meaning. */
  touch(hash: number): number {
    const words = this.#seek(hash);
    return words[this.#slot] as number;
  }

  /** The handle of the first entry with this hash, whatever its key, or 0: a hint. */
  candidate(hash: number): number {
    const words = this.#seek(hash);
    const end = this.#base + END;
    const wanted = hash ^ SIGN;
    for (let slot = this.#slot; slot < end; slot += 2) {
      const handle = words[slot + 1] as number;
      if (handle === 0) return 0;
      const found = words[slot] as number;
      if (found === hash) return handle;
      if ((found ^ SIGN) > wanted) return 0;
    }
    return 0;
  }

  /** The found entry is this one from now on. */
  replace(handle: number): void {
    this.#words[this.#slot + 1] = handle;
    this.#isKnown = false;
  }

  /** Adds an entry of a key that `find` has just not found. Throws ArenaFull; RangeError when too many keys share a hash. */
  insert(hash: number, handle: number): void {
    const first = this.#firstEntry(this.#index);
    if ((this.#counts[first] as number) >= ENTRIES_MAX || !this.#push()) {
      this.#split(hash);
      this.#seekEnd(hash);
      this.insert(hash, handle);
      return;
    }
    const words = this.#words;
    words[this.#slot] = hash;
    words[this.#slot + 1] = handle;
    this.#counts[first] = (this.#counts[first] as number) + 1;
    this.count++;
    this.#isKnown = false;
  }

  /** Removes the found entry from the table; its block stays the caller's. */
  remove(): void {
    const words = this.#words;
    const end = this.#base + END;
    const depth = this.#depths[this.#index] as number;
    let slot = this.#slot;
    // What was pushed on moves back towards its home.
    for (let next = slot + 2; next < end && words[next + 1] !== 0; slot = next, next += 2) {
      if (this.#base + homeSlot(words[next] as number, depth) === next) break;
      words[slot] = words[next] as number;
      words[slot + 1] = words[next + 1] as number;
    }
    words[slot + 1] = 0;
    const first = this.#firstEntry(this.#index);
    this.#counts[first] = (this.#counts[first] as number) - 1;
    this.count--;
    this.#isKnown = false;
  }

  /** An entry of the segment that was searched last expires then: the segment remembers the earliest, and so does the table. */
  noteExpiry(expireAtMs: number): void {
    if (expireAtMs < this.#notedMs) this.#notedMs = expireAtMs;
    if (expireAtMs < earliest(this.#words, this.#base)) setEarliest(this.#words, this.#base, expireAtMs);
  }

  /** Milliseconds since 1970 before which no entry expires. */
  get earliestMs(): number {
    return Math.min(this.#earliestMs, this.#notedMs);
  }

  /** Somebody begins to go through all segments; what is noted from now on, they may have passed. */
  beginPass(): void {
    this.#earliestMs = this.earliestMs;
    this.#notedMs = Number.POSITIVE_INFINITY;
  }

  /** They have come to the end, and this was the earliest expiry. A pass that is given up need not be ended. */
  endPass(earliestMs: number): void {
    this.#earliestMs = earliestMs;
  }

  /** Milliseconds since 1970 before which nothing of the segment at directory entry `index` expires; Infinity: nothing does. */
  earliestExpiry(index: number): number {
    const words = this.#arena.locateWords(this.directory[index] as number);
    return earliest(words, this.#arena.at >>> 2);
  }

  setEarliestExpiry(index: number, expireAtMs: number): void {
    const words = this.#arena.locateWords(this.directory[index] as number);
    setEarliest(words, this.#arena.at >>> 2, expireAtMs);
  }

  /** The directory entry of the segment behind the one at `index`; the directory's length at the end. */
  nextSegment(index: number): number {
    const words = this.#arena.locateWords(this.directory[index] as number);
    const entries = 2 ** (this.depth - (words[(this.#arena.at >>> 2) + DEPTH] as number));
    // `index` may be any of the segment's entries.
    return (Math.floor(index / entries) + 1) * entries;
  }

  /**
   * The handles of the entries of one segment whose hashes, as unsigned numbers, are in [from, end), into `handles` (of at least
   * SEGMENT_ENTRIES_MAX); returns their number. `index`: a directory entry. Hashes go to `hashes` where it is given.
   */
  collect(index: number, from: number, end: number, handles: Int32Array, hashes?: Int32Array): number {
    const words = this.#arena.locateWords(this.directory[index] as number);
    const base = this.#arena.at >>> 2;
    let count = 0;
    for (let slot = base + FIRST_SLOT; slot < base + END; slot += 2) {
      const handle = words[slot + 1] as number;
      if (handle === 0) continue;
      const hash = (words[slot] as number) >>> 0;
      if (hash < from) continue;
      if (hash >= end) break;
      if (hashes !== undefined) hashes[count] = hash;
      handles[count++] = handle;
    }
    return count;
  }

  /**
   * As `collect`, for samples: up to `max` entries from where `hash` would lie in its segment, in order, the segment's first behind
   * its last. 0 only where the segment is empty.
   */
  collectFrom(hash: number, max: number, handles: Int32Array, hashes: Int32Array): number {
    const words = this.#seek(hash);
    const base = this.#base;
    const limit = Math.min(max, this.#counts[this.#firstEntry(this.#index)] as number);
    let count = 0;
    for (let slot = this.#slot; count < limit; slot += 2) {
      if (slot >= base + END) slot = base + FIRST_SLOT;
      const handle = words[slot + 1] as number;
      if (handle === 0) continue;
      hashes[count] = words[slot] as number;
      handles[count++] = handle;
    }
    return count;
  }

  /** Whether there is an entry of this hash at this handle. */
  has(hash: number, handle: number): boolean {
    const words = this.#seek(hash);
    const end = this.#base + END;
    for (let slot = this.#slot; slot < end && words[slot + 1] !== 0; slot += 2) {
      if (words[slot + 1] === handle && words[slot] === hash) return true;
    }
    return false;
  }

  /**
   * Joins the segment of this hash with its neighbour when both are nearly empty; whether it did. Handles of segments, and what was found,
   * mean nothing after that; places among the hashes stay what they are.
   */
  join(hash: number): boolean {
    const index = hash >>> (32 - this.depth);
    const depth = this.#depths[index] as number;
    if (depth === 1) return false;
    const span = 2 ** (this.depth - depth);
    const first = index - (index % (2 * span));
    if (this.#depths[first] !== depth || this.#depths[first + span] !== depth) return false;
    const lower = this.directory[first] as number;
    const upper = this.directory[first + span] as number;
    if ((this.#counts[first] as number) + (this.#counts[first + span] as number) > JOINED_ENTRIES_MAX) return false;
    const end = this.#gather(upper, this.#gather(lower, 0));
    if (!fits(0, end, depth - 1)) return false;
    const earliestMs = Math.min(this.earliestExpiry(first), this.earliestExpiry(first + span));
    this.directory.fill(lower, first, first + 2 * span);
    this.#depths.fill(depth - 1, first, first + 2 * span);
    this.#fill(lower, 0, end, depth - 1, hash, earliestMs, []);
    this.#arena.free(upper);
    this.segments--;
    return true;
  }

  /** Joins what can be joined of a sparse table, looking at up to `segments`; true while there is more to do. */
  compact(segments: number): boolean {
    if (this.#compactFrom === 0) {
      if (this.segments <= 2 || this.count >= this.segments * SPARSE_ENTRIES) return false;
      this.#joined = 0;
    }
    for (let i = 0; i < segments; i++) {
      const width = 2 ** (32 - this.depth);
      if (this.join(this.#compactFrom | 0)) this.#joined++;
      this.#compactFrom = this.nextSegment(Math.floor(this.#compactFrom / width)) * width;
      if (this.#compactFrom < HASHES) continue;
      this.#compactFrom = 0;
      return this.#joined > 0;
    }
    return true;
  }

  /** The first of the directory's entries that lead to the segment to which this one leads. */
  #firstEntry(index: number): number {
    const shared = this.depth - (this.#depths[index] as number);
    return (index >>> shared) << shared;
  }

  /** Copies a segment's entries to SCRATCH, from word `count` on; the word behind them. */
  #gather(segment: number, count: number): number {
    const words = this.#arena.locateWords(segment);
    const base = this.#arena.at >>> 2;
    let to = count;
    for (let slot = base + FIRST_SLOT; slot < base + END; slot += 2) {
      if (words[slot + 1] === 0) continue;
      SCRATCH[to++] = words[slot] as number;
      SCRATCH[to++] = words[slot + 1] as number;
    }
    return to;
  }

  /** Puts the search at the home of a hash; the words of its segment. The segment itself is not touched. */
  #seek(hash: number): Int32Array {
    const index = hash >>> (32 - this.depth);
    const handle = this.directory[index] as number;
    const words = this.#arena.words[handle >>> WINDOW_SHIFT] as Int32Array;
    this.#isKnown = false;
    this.#index = index;
    this.#words = words;
    this.#base = (handle & IN_WINDOW) << 1;
    this.#slot = this.#base + homeSlot(hash, this.#depths[index] as number);
    return words;
  }

  /** Puts the search where an entry of this hash would be inserted, behind those that share it. */
  #seekEnd(hash: number): void {
    const words = this.#seek(hash);
    const end = this.#base + END;
    const wanted = hash ^ SIGN;
    let slot = this.#slot;
    while (slot < end && words[slot + 1] !== 0 && ((words[slot] as number) ^ SIGN) <= wanted) slot += 2;
    this.#slot = slot;
  }

  /** Makes the slot free by pushing on what lies there; false when the segment has no room behind it. */
  #push(): boolean {
    const words = this.#words;
    const slot = this.#slot;
    const end = this.#base + END;
    let gap = slot;
    while (gap < end && words[gap + 1] !== 0) gap += 2;
    if (gap >= end) return false;
    if (gap - slot > 2 * PUSHED_BY_LOOP_MAX) words.copyWithin(slot + 2, slot, gap);
    else for (let to = gap + 1; to > slot + 1; to--) words[to] = words[to - 2] as number;
    return true;
  }

  #newSegment(depth: number): number {
    const handle = this.#arena.allocate(SEGMENT_BYTES);
    const words = this.#arena.locateWords(handle);
    const base = this.#arena.at >>> 2;
    words.fill(0, base, base + SEGMENT_BYTES / 4);
    words[base + DEPTH] = depth;
    setEarliest(words, base, Number.POSITIVE_INFINITY);
    return handle;
  }

  /** Splits the segment of this hash in two, and a half again that would not fit. Throws RangeError, nothing changed, when that never ends. */
  #split(hash: number): void {
    const handle = this.directory[hash >>> (32 - this.depth)] as number;
    const words = this.#arena.locateWords(handle);
    const base = this.#arena.at >>> 2;
    const depth = words[base + DEPTH] as number;
    const count = this.#gather(handle, 0);
    const splits = splitsNeeded(0, count, depth);
    if (splits === Number.POSITIVE_INFINITY) {
      throw new OverlayLimit("more keys of one hash than the overlay's table can hold");
    }
    // All at once: when the arena is full nothing has been moved yet.
    const fresh: number[] = [];
    try {
      while (fresh.length < splits) fresh.push(this.#newSegment(depth));
    } catch (error) {
      for (const segment of fresh) this.#arena.free(segment);
      throw error;
    }
    this.segments += splits;
    this.#spread(handle, 0, count, depth, hash, earliest(words, base), fresh);
  }

  /** Moves the entries SCRATCH[from … to) of a segment of `depth`, whose range holds `hash`, to two segments of one more. */
  #spread(
    handle: number,
    from: number,
    to: number,
    depth: number,
    hash: number,
    earliestMs: number,
    fresh: number[],
  ): void {
    if (depth === this.depth) this.#growDirectory();
    const upper = fresh.pop() as number;
    const bit = 1 << (31 - depth);
    const middle = firstWith(bit, from, to);
    // The directory's entries of the range: the upper half of them leads to the new segment.
    const half = 2 ** (this.depth - depth - 1);
    const first = Math.floor((hash >>> (32 - this.depth)) / (2 * half)) * 2 * half;
    this.directory.fill(upper, first + half, first + 2 * half);
    this.#depths.fill(depth + 1, first, first + 2 * half);
    this.#fill(handle, from, middle, depth + 1, hash & ~bit, earliestMs, fresh);
    this.#fill(upper, middle, to, depth + 1, hash | bit, earliestMs, fresh);
  }

  #fill(
    handle: number,
    from: number,
    to: number,
    depth: number,
    hash: number,
    earliestMs: number,
    fresh: number[],
  ): void {
    if (!fits(from, to, depth)) {
      this.#spread(handle, from, to, depth, hash, earliestMs, fresh);
      return;
    }
    const words = this.#arena.locateWords(handle);
    const base = this.#arena.at >>> 2;
    words.fill(0, base, base + SEGMENT_BYTES / 4);
    let free = FIRST_SLOT;
    for (let i = from; i < to; i += 2) {
      const slot = Math.max(homeSlot(SCRATCH[i] as number, depth), free);
      words[base + slot] = SCRATCH[i] as number;
      words[base + slot + 1] = SCRATCH[i + 1] as number;
      free = slot + 2;
    }
    words[base + DEPTH] = depth;
    setEarliest(words, base, earliestMs);
    this.#counts[this.#firstEntry(hash >>> (32 - this.depth))] = (to - from) / 2;
    this.#isKnown = false;
  }

  #growDirectory(): void {
    const { directory } = this;
    this.#arena.tally.usedBytes += this.directoryBytes;
    const doubled = new Int32Array(new SharedArrayBuffer(directory.length * 8));
    const depths = new Uint8Array(directory.length * 2);
    const counts = new Uint16Array(directory.length * 2);
    for (let i = 0; i < directory.length; i++) {
      doubled[2 * i] = doubled[2 * i + 1] = directory[i] as number;
      depths[2 * i] = depths[2 * i + 1] = this.#depths[i] as number;
      counts[2 * i] = this.#counts[i] as number;
    }
    this.directory = doubled;
    this.#depths = depths;
    this.#counts = counts;
    this.depth++;
  }
}

/** No more entries are in one segment. */
export const SEGMENT_ENTRIES_MAX = SLOTS;

const SIGN = 0x80000000 | 0;
const HASHES = 2 ** 32;

/** The home of a hash, in words from its segment's first. */
function homeSlot(hash: number, depth: number): number {
  return FIRST_SLOT + 2 * ((((hash << depth) >>> 16) * HOMES) >>> 16);
}

/** The first of SCRATCH[from … to), which are ordered and equal in the bits above, that has this bit; `to`: none. */
function firstWith(bit: number, from: number, to: number): number {
  let at = from;
  while (at < to && ((SCRATCH[at] as number) & bit) === 0) at += 2;
  return at;
}

/** Whether the entries SCRATCH[from … to) find room in one segment of this depth, each at its home or right behind the one before. */
function fits(from: number, to: number, depth: number): boolean {
  let free = FIRST_SLOT;
  for (let i = from; i < to; i += 2) free = Math.max(homeSlot(SCRATCH[i] as number, depth), free) + 2;
  return free <= END;
}

/** How many splits it takes, at least one, until they do; Infinity: no number helps. */
function splitsNeeded(from: number, to: number, depth: number): number {
  if (depth === DEPTH_MAX) return Number.POSITIVE_INFINITY;
  const middle = firstWith(1 << (31 - depth), from, to);
  const lower = fits(from, middle, depth + 1) ? 0 : splitsNeeded(from, middle, depth + 1);
  const upper = fits(middle, to, depth + 1) ? 0 : splitsNeeded(middle, to, depth + 1);
  return 1 + lower + upper;
}

const TIME = new Float64Array(1);
const TIME_WORDS = new Int32Array(TIME.buffer);

function earliest(words: Int32Array, base: number): number {
  TIME_WORDS[0] = words[base + EARLIEST] as number;
  TIME_WORDS[1] = words[base + EARLIEST + 1] as number;
  return TIME[0] as number;
}

function setEarliest(words: Int32Array, base: number, expireAtMs: number): void {
  TIME[0] = expireAtMs;
  words[base + EARLIEST] = TIME_WORDS[0] as number;
  words[base + EARLIEST + 1] = TIME_WORDS[1] as number;
}
