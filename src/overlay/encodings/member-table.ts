/**
 * The members of a large set, hash or sorted set: extendible hashing as in the keyspace's table, with all of its state in blocks. The
 * directory is a tree of pages, so that nothing ever grows as a whole.
 *
 *   root      | count | top | single | prefix | expiring | segments | earliest f64 |         top: the only segment, or the first page
 *   page      | bits | 0 | handle × 2^bits | depth u8 × 2^bits |                              bits 1 … 10
 *   segment   segment.ts          member   member.ts
 *
 * A page is an extendible directory of the next `bits` bits of the hash: the depth beside a handle says how many of them lead to that
 * segment. A page of 1024 handles does not grow any more: where a segment of it must be split, a page of the following bits takes its
 * place. So growth copies 5 KiB at most, and a crowd of hashes with equal upper bits makes a deep branch, not a huge directory.
 *
 * Members are in order of their hashes: a cursor is a hash, and a scan goes on behind it whatever was split or merged in between.
 */
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { EXPIRY_BYTES } from "../entry.ts";
import { isString, parseInt32 } from "./block-string.ts";
import type { Blocks } from "./blocks.ts";
import {
  DEPTH_BITS,
  depthAt,
  doubled,
  handleAt,
  IS_CROWDED,
  IS_PAGE,
  newPage,
  PAGE_BITS_MAX,
  PAGE_FIRST,
  pageBits,
  point,
} from "./directory-page.ts";
import { EXPIRY } from "./member.ts";
import {
  COUNT,
  EARLIEST,
  FIRST_SLOT,
  firstWith,
  gather,
  homeSlot,
  homesOf,
  MOVED,
  membersMax,
  pullBack,
  pushOn,
  refill,
  SEGMENT_BYTES_MAX,
  SEGMENT_BYTES_MIN,
  SEGMENT_MEMBERS_MAX,
  SIGN,
  setTime,
  slotsOf,
  timeAt,
} from "./segment.ts";

/** Words of the root. SINGLE: bytes of the only segment, plus 1 when it is crowded; 0: `top` is a page. */
export const TableRoot = { COUNT: 0, TOP: 1, SINGLE: 2, PREFIX: 3, EXPIRING: 4, SEGMENTS: 5, EARLIEST: 6 } as const;
export const TABLE_ROOT_BYTES = 32;
/** Members whose hashes share so many bits cannot be separated. */
const DEPTH_MAX = 26;
/** Behind the last hash. */
export const HASHES = 2 ** 32;
/** A segment that has become this small looks whether its neighbour will take it. */
const MERGE_MEMBERS_MAX = 100;
const MERGED_MEMBERS_MAX = 220;
const RANDOM_TRIES = 10_000;
/** Slots looked at for each member that was asked for, before a step of a scan returns with less. */
const LOOKS_PER_MEMBER = 10;
const HANDLES = new Int32Array(SEGMENT_MEMBERS_MAX);

export class MemberTable {
  /** After collect(): where the next segment's hashes begin, 2^32 behind the last. */
  next = 0;
  #blocks: Blocks = NO_BLOCKS;
  #root = 0;
  // Where the last search ended: segment and slot, in words; how the segment hashes; its place in the directory.
  #words: Int32Array = EMPTY;
  #base = 0;
  #slot = 0;
  #end = 0;
  #slots = 0;
  #homes = 1;
  #depth = 0;
  #page = 0;
  #index = 0;
  #parent = 0;
  #parentIndex = 0;

  /** A new table's root. `prefix`: bytes before a member (SCORE_BYTES in sorted sets). Throws ArenaFull. */
  static create(blocks: Blocks, prefix = 0): number {
    const root = blocks.allocate(TABLE_ROOT_BYTES);
    try {
      MemberTable.createAt(blocks, root, prefix);
    } catch (error) {
      blocks.free(root);
      throw error;
    }
    return root;
  }

  /** As create, with the root in TABLE_ROOT_BYTES bytes of a block of the caller's. */
  static createAt(blocks: Blocks, root: number, prefix: number): void {
    const segment = newSegment(blocks, SEGMENT_BYTES_MIN, 0);
    const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
    const at = (root & IN_WINDOW) << 1;
    words.fill(0, at, at + TABLE_ROOT_BYTES / 4);
    words[at + TableRoot.TOP] = segment;
    words[at + TableRoot.SINGLE] = SEGMENT_BYTES_MIN | 1;
    words[at + TableRoot.PREFIX] = prefix;
    words[at + TableRoot.SEGMENTS] = 1;
  }

  bind(blocks: Blocks, root: number): this {
    this.#blocks = blocks;
    this.#root = root;
    return this;
  }

  get count(): number {
    return this.#rootWord(TableRoot.COUNT) >>> 0;
  }

  get segments(): number {
    return this.#rootWord(TableRoot.SEGMENTS);
  }

  /** Bytes of the only segment; 0 where there is a directory. */
  get segmentBytes(): number {
    return this.#rootWord(TableRoot.SINGLE) & ~1;
  }

  /** Members that have an expiry: the caller keeps count with it. */
  get expiring(): number {
    return this.#rootWord(TableRoot.EXPIRING) >>> 0;
  }

  set expiring(count: number) {
    this.#setRootWord(TableRoot.EXPIRING, count);
  }

  /** The handle of the member's block, or 0. `replace` and `remove` then mean that member, `insert` the place where it would be. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): number {
    this.#seek(hash);
    const { windows } = this.#blocks;
    const words = this.#words;
    const end = this.#end;
    const prefix = this.#rootWord(TableRoot.PREFIX);
    const value = parseInt32(bytes, start, length);
    const wanted = hash ^ SIGN;
    let slot = this.#slot;
    for (; slot < end; slot += 2) {
      const handle = words[slot + 1] as number;
      if (handle === 0) break;
      const found = words[slot] as number;
      if (found === hash) {
        const block = windows[handle >>> WINDOW_SHIFT] as Uint8Array;
        let at = ((handle & IN_WINDOW) << 3) + prefix;
        if (block[at] === EXPIRY) at += EXPIRY_BYTES;
        if (isString(block, at, bytes, start, length, value)) {
          this.#slot = slot;
          return handle;
        }
      } else if ((found ^ SIGN) > wanted) break;
    }
    this.#slot = slot;
    return 0;
  }

  /** As find, of a block that is known to be a member's: nothing is compared but its handle. */
  findHandle(hash: number, handle: number): void {
    this.#seek(hash);
    const words = this.#words;
    let slot = this.#slot;
    while (words[slot + 1] !== handle && slot < this.#end) slot += 2;
    if (slot >= this.#end) throw new Error("a member that its table does not find");
    this.#slot = slot;
  }

  /** The found member's block is this one from now on. */
  replace(handle: number): void {
    this.#words[this.#slot + 1] = handle;
  }

  /** Adds the block of a member that `find` has just not found. Throws ArenaFull, RangeError; the block stays the caller's then. */
  insert(hash: number, handle: number): void {
    while (
      (this.#words[this.#base + COUNT] as number) >= membersMax(this.#slots, this.#homes) ||
      !pushOn(this.#words, this.#slot, this.#end)
    ) {
      this.#grow(hash);
      this.#seekBehind(hash);
    }
    const words = this.#words;
    words[this.#slot] = hash;
    words[this.#slot + 1] = handle;
    words[this.#base + COUNT] = (words[this.#base + COUNT] as number) + 1;
    this.#setRootWord(TableRoot.COUNT, this.#rootWord(TableRoot.COUNT) + 1);
  }

  /** Removes the found member from the table; its block stays the caller's. */
  remove(): void {
    const words = this.#words;
    pullBack(words, this.#base, this.#slot, this.#end, this.#depth, this.#homes);
    const count = (words[this.#base + COUNT] as number) - 1;
    words[this.#base + COUNT] = count;
    this.#setRootWord(TableRoot.COUNT, this.#rootWord(TableRoot.COUNT) - 1);
    if (this.#page === 0) {
      if (count < this.#slots >>> 2 && this.#slots > slotsOf(SEGMENT_BYTES_MIN)) this.#shrink();
    } else if (count <= MERGE_MEMBERS_MAX && (count & 15) === 0) this.#merge();
  }

  /**
   * The handles of the members of one segment whose hashes, as unsigned numbers, are in [from, end), into `handles` (of at least
   * SEGMENT_MEMBERS_MAX); returns their number and sets `next`. Hashes go to `hashes` where it is given.
   */
  collect(from: number, end: number, handles: Int32Array, hashes?: Int32Array): number {
    const span = this.seekSegment(from);
    const words = this.#words;
    let count = 0;
    const first = from % span === 0 ? this.#base + FIRST_SLOT : this.#slot;
    for (let slot = first; slot < this.#end; slot += 2) {
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

  /** Puts the search at the segment of position `from`, and sets `next`; how many hashes are its. */
  seekSegment(from: number): number {
    this.#seek(from | 0);
    const span = 2 ** (32 - this.#depth);
    this.next = (Math.floor(from / span) + 1) * span;
    return span;
  }

  /**
   * A step of a scan: visits the members from position `cursor` (0 at first) on, some `count` of them; the next step's cursor, 0 at the
   * end. A member that is there throughout is visited once. `visit` changes nothing.
   */
  scan(cursor: number, count: number, visit: (handle: number) => void): number {
    const width = Math.max(1, Math.ceil((count * HASHES) / Math.max(1, this.count)));
    let looks = 0;
    let visits = 0;
    for (let from = cursor; from < HASHES; ) {
      const end = Math.min(from + width, HASHES);
      while (from < end) {
        const found = this.collect(from, end, HANDLES);
        looks += found + 1;
        visits += found;
        for (let i = 0; i < found; i++) visit(HANDLES[i] as number);
        from = Math.min(this.next, end);
      }
      if (from < HASHES && (visits >= count || looks >= count * LOOKS_PER_MEMBER)) return from;
    }
    return 0;
  }

  /**
   * The handle of a member picked at random, each with the same chance; 0 in an empty table.
   *
   * A segment is met with the chance of its range and taken in proportion to how densely it is filled, so that each member of it has
   * the same chance. Only where hashes crowd beyond what chance explains (`limit`) do those have less.
   */
  random(): number {
    const { count } = this;
    if (count === 0) return 0;
    const limit = count * (1 + 6 / Math.sqrt(count / this.segments));
    for (let tries = 0; tries < RANDOM_TRIES; tries++) {
      this.#seek((Math.random() * HASHES) | 0);
      const here = this.#words[this.#base + COUNT] as number;
      if (here === 0) continue;
      if (this.#page === 0 || here * 2 ** this.#depth >= Math.random() * limit) return this.#pick(here);
    }
    let found = 0;
    for (let from = 0; found === 0; from = this.next) found = this.collect(from, HASHES, HANDLES);
    return HANDLES[0] as number;
  }

  /** A time before which no field of the table expires, Infinity: none does. Kept by the caller. */
  get earliestExpiry(): number {
    const words = this.#blocks.words[this.#root >>> WINDOW_SHIFT] as Int32Array;
    return timeAt(words, ((this.#root & IN_WINDOW) << 1) + TableRoot.EARLIEST);
  }

  set earliestExpiry(expireAtMs: number) {
    const words = this.#blocks.words[this.#root >>> WINDOW_SHIFT] as Int32Array;
    setTime(words, ((this.#root & IN_WINDOW) << 1) + TableRoot.EARLIEST, expireAtMs);
  }

  /** As earliestExpiry, of the segment that was searched or collected last. */
  get segmentExpiry(): number {
    return timeAt(this.#words, this.#base + EARLIEST);
  }

  set segmentExpiry(expireAtMs: number) {
    setTime(this.#words, this.#base + EARLIEST, expireAtMs);
  }

  #rootWord(word: number): number {
    const root = this.#root;
    return (this.#blocks.words[root >>> WINDOW_SHIFT] as Int32Array)[((root & IN_WINDOW) << 1) + word] as number;
  }

  #setRootWord(word: number, value: number): void {
    const root = this.#root;
    (this.#blocks.words[root >>> WINDOW_SHIFT] as Int32Array)[((root & IN_WINDOW) << 1) + word] = value;
  }

  /** Puts the search at the home of a hash. */
  #seek(hash: number): void {
    const { words } = this.#blocks;
    const single = this.#rootWord(TableRoot.SINGLE);
    let handle = this.#rootWord(TableRoot.TOP);
    let depth = 0;
    let slots = SEGMENT_MEMBERS_MAX;
    let isCrowded: number;
    this.#page = 0;
    if (single !== 0) {
      slots = slotsOf(single);
      isCrowded = single & 1;
    } else {
      this.#parent = 0;
      for (;;) {
        const page = words[handle >>> WINDOW_SHIFT] as Int32Array;
        const base = (handle & IN_WINDOW) << 1;
        const bits = page[base] as number;
        const index = (hash << depth) >>> (32 - bits);
        const word = page[base + PAGE_FIRST + 2 ** bits + (index >>> 2)] as number;
        const local = (word >>> ((index & 3) << 3)) & 0xff;
        this.#page = handle;
        this.#index = index;
        handle = page[base + PAGE_FIRST + index] as number;
        if ((local & IS_PAGE) === 0) {
          depth += local & DEPTH_BITS;
          isCrowded = local & IS_CROWDED;
          break;
        }
        depth += bits;
        this.#parent = this.#page;
        this.#parentIndex = index;
      }
    }
    const homes = isCrowded !== 0 ? 1 : homesOf(slots);
    this.#words = words[handle >>> WINDOW_SHIFT] as Int32Array;
    this.#base = (handle & IN_WINDOW) << 1;
    this.#end = this.#base + FIRST_SLOT + 2 * slots;
    this.#slots = slots;
    this.#homes = homes;
    this.#depth = depth;
    this.#slot = this.#base + homeSlot(hash, depth, homes);
  }

  /** Puts the search where a member of this hash would be inserted, behind those that share it. */
  #seekBehind(hash: number): void {
    this.#seek(hash);
    const words = this.#words;
    const wanted = hash ^ SIGN;
    let slot = this.#slot;
    while (slot < this.#end && words[slot + 1] !== 0 && ((words[slot] as number) ^ SIGN) <= wanted) slot += 2;
    this.#slot = slot;
  }

  /** The handle of a member of the segment that was sought, which has `here` members. */
  #pick(here: number): number {
    const words = this.#words;
    const first = this.#base + FIRST_SLOT;
    if (here >= this.#slots >>> 3) {
      for (;;) {
        const handle = words[first + 2 * Math.floor(Math.random() * this.#slots) + 1] as number;
        if (handle !== 0) return handle;
      }
    }
    let left = Math.floor(Math.random() * here);
    for (let slot = first; ; slot += 2) if (words[slot + 1] !== 0 && left-- === 0) return words[slot + 1] as number;
  }

  /** Makes room in the segment of this hash, which was sought last: twice as large, or two of it. Throws ArenaFull, RangeError: nothing changed. */
  #grow(hash: number): void {
    const bytes = this.#rootWord(TableRoot.SINGLE) & ~1;
    if (bytes !== 0 && bytes < SEGMENT_BYTES_MAX) {
      this.#resize(bytes * 2);
      return;
    }
    const members = gather(this.#words, this.#base, this.#slots, 0);
    const differing = ((MOVED[0] as number) ^ hash) | ((MOVED[members - 2] as number) ^ hash);
    if (differing >>> (32 - DEPTH_MAX) === 0) {
      this.#crowd(members);
      return;
    }
    if (bytes !== 0) this.#openDirectory();
    this.#seek(hash);
    const bits = pageBits(this.#blocks, this.#page);
    const local = depthAt(this.#blocks, this.#page, bits, this.#index) & DEPTH_BITS;
    if (local === bits) {
      if (bits < PAGE_BITS_MAX) this.#doublePage();
      else this.#nestPage(bits);
      this.#seek(hash);
    }
    this.#split(hash);
  }

  /** The segment that was sought, whose members cannot be told apart, uses its last slots. Throws RangeError where it does already. */
  #crowd(members: number): void {
    if (this.#homes === 1) throw new RangeError("more members of one hash than a table can hold");
    refill(this.#words, this.#base, this.#slots, this.#depth, 0, members, true);
    if (this.#page === 0) {
      this.#setRootWord(TableRoot.SINGLE, this.#rootWord(TableRoot.SINGLE) | 1);
      return;
    }
    const bits = pageBits(this.#blocks, this.#page);
    const local = depthAt(this.#blocks, this.#page, bits, this.#index);
    const length = 2 ** (bits - (local & DEPTH_BITS));
    const first = this.#index & ~(length - 1);
    point(this.#blocks, this.#page, bits, first, length, handleAt(this.#blocks, this.#page, first), local | IS_CROWDED);
  }

  /** The only segment in another size. Throws ArenaFull, nothing changed. */
  #resize(bytes: number): void {
    const old = this.#rootWord(TableRoot.TOP);
    const members = gather(this.#words, this.#base, this.#slots, 0);
    const segment = newSegment(this.#blocks, bytes, 0);
    const words = this.#blocks.words[segment >>> WINDOW_SHIFT] as Int32Array;
    const base = (segment & IN_WINDOW) << 1;
    setTime(words, base + EARLIEST, this.segmentExpiry);
    const isCrowded = refill(words, base, slotsOf(bytes), 0, 0, members);
    this.#setRootWord(TableRoot.TOP, segment);
    this.#setRootWord(TableRoot.SINGLE, isCrowded ? bytes | 1 : bytes);
    this.#blocks.free(old);
  }

  #shrink(): void {
    try {
      this.#resize((this.#rootWord(TableRoot.SINGLE) & ~1) / 2);
    } catch {
      // No memory to save memory with: it stays large.
    }
  }

  /** A first page, both of whose handles are the only segment's. */
  #openDirectory(): void {
    const isCrowded = this.#rootWord(TableRoot.SINGLE) & 1;
    const page = newPage(this.#blocks, this.#rootWord(TableRoot.TOP), isCrowded !== 0 ? IS_CROWDED : 0);
    this.#setRootWord(TableRoot.TOP, page);
    this.#setRootWord(TableRoot.SINGLE, 0);
  }

  /** What led to the page of the search leads to this handle. */
  #relink(handle: number, local: number): void {
    if (this.#parent === 0) this.#setRootWord(TableRoot.TOP, handle);
    else point(this.#blocks, this.#parent, PAGE_BITS_MAX, this.#parentIndex, 1, handle, local);
  }

  #doublePage(): void {
    const old = this.#page;
    this.#relink(doubled(this.#blocks, old), IS_PAGE);
    this.#blocks.free(old);
  }

  /** A page of the following bits in the place of the segment that was sought. */
  #nestPage(bits: number): void {
    const blocks = this.#blocks;
    const page = this.#page;
    const index = this.#index;
    const isCrowded = depthAt(blocks, page, bits, index) & IS_CROWDED;
    point(blocks, page, bits, index, 1, newPage(blocks, handleAt(blocks, page, index), isCrowded), IS_PAGE);
  }

  /** Splits the segment that was sought, whose members are in MOVED; its page tells the halves apart. */
  #split(hash: number): void {
    const depth = this.#depth;
    const members = gather(this.#words, this.#base, this.#slots, 0);
    const page = this.#page;
    const bits = pageBits(this.#blocks, page);
    const local = depthAt(this.#blocks, page, bits, this.#index) & DEPTH_BITS;
    const upper = newSegment(this.#blocks, SEGMENT_BYTES_MAX, depth + 1);
    const upperWords = this.#blocks.words[upper >>> WINDOW_SHIFT] as Int32Array;
    const upperBase = (upper & IN_WINDOW) << 1;
    setTime(upperWords, upperBase + EARLIEST, this.segmentExpiry);
    const middle = firstWith(1 << (31 - depth), 0, members);
    const lowerCrowded = refill(this.#words, this.#base, this.#slots, depth + 1, 0, middle);
    const upperCrowded = refill(upperWords, upperBase, SEGMENT_MEMBERS_MAX, depth + 1, middle, members);
    const half = 2 ** (bits - local - 1);
    const first = this.#index & ~(2 * half - 1);
    const lower = handleAt(this.#blocks, page, first);
    point(this.#blocks, page, bits, first, half, lower, (local + 1) | (lowerCrowded ? IS_CROWDED : 0));
    point(this.#blocks, page, bits, first + half, half, upper, (local + 1) | (upperCrowded ? IS_CROWDED : 0));
    this.#setRootWord(TableRoot.SEGMENTS, this.#rootWord(TableRoot.SEGMENTS) + 1);
    this.#seek(hash);
  }

  /** Joins the segment that was sought with its other half, where both are nearly empty. */
  #merge(): void {
    const page = this.#page;
    const bits = pageBits(this.#blocks, page);
    const local = depthAt(this.#blocks, page, bits, this.#index) & DEPTH_BITS;
    if (local === 0) return;
    const length = 2 ** (bits - local);
    const first = this.#index & ~(2 * length - 1);
    const isUpper = (this.#index & length) !== 0;
    const otherLocal = depthAt(this.#blocks, page, bits, isUpper ? first : first + length);
    if ((otherLocal & ~IS_CROWDED) !== local) return;
    const lower = handleAt(this.#blocks, page, first);
    const upper = handleAt(this.#blocks, page, first + length);
    const words = this.#blocks.words[lower >>> WINDOW_SHIFT] as Int32Array;
    const base = (lower & IN_WINDOW) << 1;
    const upperWords = this.#blocks.words[upper >>> WINDOW_SHIFT] as Int32Array;
    const upperBase = (upper & IN_WINDOW) << 1;
    if ((words[base + COUNT] as number) + (upperWords[upperBase + COUNT] as number) > MERGED_MEMBERS_MAX) return;
    const members = gather(upperWords, upperBase, SEGMENT_MEMBERS_MAX, gather(words, base, SEGMENT_MEMBERS_MAX, 0));
    const earliest = Math.min(timeAt(words, base + EARLIEST), timeAt(upperWords, upperBase + EARLIEST));
    setTime(words, base + EARLIEST, earliest);
    const isCrowded = refill(words, base, SEGMENT_MEMBERS_MAX, this.#depth - 1, 0, members) ? IS_CROWDED : 0;
    point(this.#blocks, page, bits, first, 2 * length, lower, (local - 1) | isCrowded);
    this.#setRootWord(TableRoot.SEGMENTS, this.#rootWord(TableRoot.SEGMENTS) - 1);
    this.#blocks.free(upper);
    if (local > 1) return;
    // The page leads to one segment only.
    if (this.#parent === 0) this.#setRootWord(TableRoot.SINGLE, SEGMENT_BYTES_MAX | (isCrowded !== 0 ? 1 : 0));
    this.#relink(lower, PAGE_BITS_MAX | isCrowded);
    this.#blocks.free(page);
  }
}

const EMPTY = new Int32Array(0);
const NO_BLOCKS: Blocks = {
  windows: [],
  words: [],
  pins: { count: 0 },
  allocate: () => 0,
  free: () => {},
  capacity: () => 0,
};

function newSegment(blocks: Blocks, bytes: number, depth: number): number {
  const handle = blocks.allocate(bytes);
  const words = blocks.words[handle >>> WINDOW_SHIFT] as Int32Array;
  const base = (handle & IN_WINDOW) << 1;
  words.fill(0, base, base + bytes / 4);
  words[base + 1] = depth;
  return handle;
}
