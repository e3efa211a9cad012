/**
 * A segment of a member table: slots in order of their hashes, as in the keyspace's table (overlay/table.ts), but of any size from 64
 * bytes to 4 KiB, and able to be crowded.
 *
 *   | count u32 | depth u32 | earliest expiry f64 | slot 0 | slot 1 | … |       slot   | hash i32 | handle u32 |   handle 0: empty
 *
 * A hash lies at its home, the same share of the homes as it has of the segment's range, or in the slots that follow without a gap. Where
 * hashes lie too close together for that, the segment is crowded: it has one home, slot 0, so that it is a sorted array that is walked.
 * The same code serves both, and a segment is split in two at most, whatever hashes come. Segments of up to 30 slots are always crowded.
 */
export const SEGMENT_BYTES_MIN = 64;
export const SEGMENT_BYTES_MAX = 4096;
/** Words of a segment: */
export const COUNT = 0;
export const DEPTH = 1;
export const EARLIEST = 2;
export const FIRST_SLOT = 4;
/** No more members are in one segment. */
export const SEGMENT_MEMBERS_MAX = SEGMENT_BYTES_MAX / 8 - 2;

const SMALL_SLOTS_MAX = 30;
export const SIGN = 0x80000000 | 0;
/** Members that are moved: hash and handle in turn. Nothing that uses it re-enters. */
export const MOVED = new Int32Array(2 * SEGMENT_MEMBERS_MAX);

export function slotsOf(bytes: number): number {
  return (bytes >>> 3) - 2;
}

/** Homes of a segment of so many slots that is not crowded; slots behind the last one take what is pushed on. */
export function homesOf(slots: number): number {
  return slots <= SMALL_SLOTS_MAX ? 1 : slots - (slots >>> 4);
}

/** Members in a segment before it is split or made larger. */
export function membersMax(slots: number, homes: number): number {
  return homes === 1 ? slots : slots - (slots >>> 3) - (slots >>> 6);
}

/** The home of a hash, in words from its segment's first. */
export function homeSlot(hash: number, depth: number, homes: number): number {
  return FIRST_SLOT + 2 * ((((hash << depth) >>> 16) * homes) >>> 16);
}

/** Makes the slot free by pushing on what lies there; false when there is no room behind it. */
export function pushOn(words: Int32Array, slot: number, end: number): boolean {
  let gap = slot;
  while (gap < end && words[gap + 1] !== 0) gap += 2;
  if (gap >= end) return false;
  if (gap > slot) words.copyWithin(slot + 2, slot, gap);
  return true;
}

/** Removes a slot: what was pushed on behind it moves back towards its home. */
export function pullBack(
  words: Int32Array,
  base: number,
  removed: number,
  end: number,
  depth: number,
  homes: number,
): void {
  let slot = removed;
  for (let next = slot + 2; next < end && words[next + 1] !== 0; slot = next, next += 2) {
    if (base + homeSlot(words[next] as number, depth, homes) === next) break;
    words[slot] = words[next] as number;
    words[slot + 1] = words[next + 1] as number;
  }
  words[slot + 1] = 0;
}

/** Appends the segment's members to MOVED from `at` on; returns the place behind them. */
export function gather(words: Int32Array, base: number, slots: number, at: number): number {
  let to = at;
  for (let slot = base + FIRST_SLOT, end = slot + 2 * slots; slot < end; slot += 2) {
    if (words[slot + 1] === 0) continue;
    MOVED[to++] = words[slot] as number;
    MOVED[to++] = words[slot + 1] as number;
  }
  return to;
}

/** The first of MOVED[from … to) that has this bit, the bits above being equal; `to`: none. */
export function firstWith(bit: number, from: number, to: number): number {
  let at = from;
  while (at < to && ((MOVED[at] as number) & bit) === 0) at += 2;
  return at;
}

/** Fills the segment at `base` with MOVED[from … to) anew; whether it had to be crowded, or was asked to be. The words of its expiry stay. */
export function refill(
  words: Int32Array,
  base: number,
  slots: number,
  depth: number,
  from: number,
  to: number,
  crowd = false,
): boolean {
  const first = base + FIRST_SLOT;
  words.fill(0, first, first + 2 * slots);
  let homes = homesOf(slots);
  if (crowd || !fits(slots, homes, depth, from, to)) homes = 1;
  let free = FIRST_SLOT;
  for (let i = from; i < to; i += 2) {
    const slot = Math.max(homeSlot(MOVED[i] as number, depth, homes), free);
    words[base + slot] = MOVED[i] as number;
    words[base + slot + 1] = MOVED[i + 1] as number;
    free = slot + 2;
  }
  words[base + COUNT] = (to - from) >>> 1;
  words[base + DEPTH] = depth;
  return homes === 1;
}

function fits(slots: number, homes: number, depth: number, from: number, to: number): boolean {
  let free = FIRST_SLOT;
  for (let i = from; i < to; i += 2) free = Math.max(homeSlot(MOVED[i] as number, depth, homes), free) + 2;
  return free <= FIRST_SLOT + 2 * slots;
}

const TIME = new Float64Array(1);
const TIME_WORDS = new Int32Array(TIME.buffer);

/** The time that stands at a word, in milliseconds since 1970; Infinity where it is 0: none. */
export function timeAt(words: Int32Array, at: number): number {
  TIME_WORDS[0] = words[at] as number;
  TIME_WORDS[1] = words[at + 1] as number;
  return TIME[0] === 0 ? Number.POSITIVE_INFINITY : (TIME[0] as number);
}

export function setTime(words: Int32Array, at: number, time: number): void {
  TIME[0] = time === Number.POSITIVE_INFINITY ? 0 : time;
  words[at] = TIME_WORDS[0] as number;
  words[at + 1] = TIME_WORDS[1] as number;
}
