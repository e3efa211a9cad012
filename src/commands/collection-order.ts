/**
 * In which order SSCAN, HSCAN and ZSCAN give the elements of a big collection: that of a hash of their names. A cursor is a position among
 * the hashes, 0 … 2^32 - 1. So an element that is there throughout is given, once, whatever is added, removed, rewritten in another
 * order or encoding, saved and re-based between the calls; the order in which it is stored would promise that of bytes only that never
 * change. Native collections of the overlay have that order by themselves: a walk goes on when one is made, or saved.
 *
 *   part    hashes in [from, to), ascending, and where each element begins       at most about PART_ELEMENTS of them
 *
 * A part is found by walking the collection once. It is kept for the next calls as long as the same bytes lie there (versionOf).
 */
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { MergeSort } from "../types/merge-sort.ts";
import { type ByteSource, versionOf } from "../util/byte-source.ts";
import type { CollectionWalk } from "./collection-walk.ts";

/** One more than the largest position. */
export const POSITIONS = 2 ** 32;
const PART_ELEMENTS = 2 ** 18;
const ELEMENTS_PER_SLICE = 256;
/** Of one source: parts, and elements in them (16 bytes each). */
const PARTS_MAX = 32;
const ELEMENTS_MAX = 2 ** 20;

export class OrderedPart {
  readonly from: number;
  readonly to: number;
  count = 0;
  hashes = new Float64Array(256);
  places = new Float64Array(256);

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }

  add(hash: number, place: number): void {
    if (this.count === this.hashes.length) {
      this.hashes = grown(this.hashes);
      this.places = grown(this.places);
    }
    this.hashes[this.count] = hash;
    this.places[this.count++] = place;
  }

  /** Number of the first element from `position` on. */
  firstFrom(position: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.hashes[middle] as number) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface KeptPart {
  readonly part: OrderedPart;
  readonly valueOffset: number;
  readonly version: number;
}

/** The one used last is last. */
const KEPT = new WeakMap<ByteSource, KeptPart[]>();

/**
 * The part of the collection that begins at or before `position` and reaches beyond it. The walk's collection is open; the walk is moved.
 * Walks in slices: the bytes must stay (they are pinned). Throws FormatError.
 */
export function* partAt(
  walk: CollectionWalk,
  position: number,
  elementsMax = PART_ELEMENTS,
): Generator<void, OrderedPart, void> {
  const { source } = walk.record.cursor;
  const { valueOffset } = walk.record;
  const version = versionOf(source, valueOffset);
  const kept = KEPT.get(source) ?? [];
  const at = kept.findIndex(
    (one) =>
      one.valueOffset === valueOffset && one.version === version && one.part.from <= position && one.part.to > position,
  );
  if (at >= 0) {
    const [found] = kept.splice(at, 1) as [KeptPart];
    kept.push(found);
    return found.part;
  }
  const part = yield* collect(walk, position, elementsMax);
  if (version < 0 || version !== versionOf(source, valueOffset)) return part;
  KEPT.set(source, kept);
  kept.push({ part, valueOffset, version });
  let elements = kept.reduce((sum, one) => sum + one.part.count, 0);
  while (kept.length > PARTS_MAX || (elements > ELEMENTS_MAX && kept.length > 1)) {
    elements -= (kept.shift() as KeptPart).part.count;
  }
  return part;
}

function* collect(walk: CollectionWalk, from: number, elementsMax: number): Generator<void, OrderedPart, void> {
  // All of it, or such a share of the positions as will have about so many elements.
  const share = Math.ceil((elementsMax / walk.size) * POSITIONS);
  const part =
    share < POSITIONS ? new OrderedPart(from, Math.min(POSITIONS, from + share)) : new OrderedPart(0, POSITIONS);
  walk.rewind();
  for (let walked = 1; ; walked++) {
    const { place } = walk;
    if (!walk.next()) break;
    const { bytes, start, length } = walk.name.text();
    const hash = memberHash(bytes, start, length) >>> 0;
    if (hash >= part.from && hash < part.to) part.add(hash, place);
    if (walked % ELEMENTS_PER_SLICE === 0) yield;
  }
  const hashes = part.hashes.subarray(0, part.count);
  const places = part.places.subarray(0, part.count);
  const sort = new MergeSort(hashes, places, () => true);
  while (!sort.step(ELEMENTS_PER_SLICE * 4)) yield;
  return part;
}

function grown(old: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(old.length * 2);
  larger.set(old);
  return larger;
}
