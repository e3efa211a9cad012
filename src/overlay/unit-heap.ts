/**
 * Units of 64 KiB of an arena, in runs: who has which, and which are free. Free neighbours are joined; a run is found by
 * its length (exact up to 63 units), else cut from a longer one, else taken from the end.
 *
 *   unit     0   1   2   3   4   5   6   7        top
 *            |   | span  | free      | large |   | never used
 *   first        1   1   3       3   6   6        first unit of the run, at both its ends (spans and large: at each unit)
 *   units        2       3           2            at the first unit
 *
 * Unit 0 is never given out: handle 0 means "none". Freed runs keep their pages until `purge` gives them back to the system,
 * some at a time, so that a block freed and taken again does not fault.
 */
import type { AnonymousRegion } from "../mmap/anonymous.ts";
import type { Populator } from "../mmap/populate.ts";
import { UNIT_BYTES } from "./size-classes.ts";

/** What a unit is, where it is no span of a size class (1 … 80). */
export const FREE = 0;
export const LARGE = 255;
const PURGING = 254;

const BINS = 64;
const NONE = -1;
const UNITS_FIRST = 64;
/** Free pages kept for the next blocks. */
const KEPT_UNITS = 64;
/** Given back in one go: a system call of about 0.2 ms. */
const PURGE_UNITS = 64;

export class UnitHeap {
  /** By unit: size class, FREE, LARGE. */
  kind = new Uint8Array(UNITS_FIRST);
  /** By unit: first unit of its run. */
  first = new Int32Array(UNITS_FIRST);
  /** By first unit: length of the run. */
  units = new Int32Array(UNITS_FIRST);
  /** By first unit: links of the list that the run is in (free runs here, spans with room in arena.ts). */
  next = new Int32Array(UNITS_FIRST);
  previous = new Int32Array(UNITS_FIRST);
  /** Units below this have been given out at some time. */
  top = 1;
  /** Units in use. */
  usedUnits = 0;
  readonly #region: AnonymousRegion;
  readonly #populator: Populator | null;
  readonly #bins = new Int32Array(BINS + 1).fill(NONE);
  /** By first unit of a free run: its pages may hold memory. */
  #dirty = new Uint8Array(UNITS_FIRST);
  /** Free units whose pages may hold memory. */
  dirtyUnits = 0;
  /** The run that is being given back, [#purgeAt, #purgeEnd) of it still to do. */
  #purgeFirst = NONE;
  #purgeAt = 0;

  /** @param populator has pages ready for what is given out next; null: they are faulted in as they are touched */
  constructor(region: AnonymousRegion, populator: Populator | null = null) {
    this.#region = region;
    this.#populator = populator;
  }

  /** The first of `count` units in a row, marked as `kind`; -1 when the region is full. */
  take(count: number, kind: number): number {
    const run = this.#find(count);
    const first = run === NONE ? this.#extend(count) : this.#cut(run, count);
    if (first === NONE) return NONE;
    this.kind.fill(kind, first, first + count);
    this.first.fill(first, first, first + count);
    this.units[first] = count;
    this.usedUnits += count;
    return first;
  }

  /** Takes the run back. */
  give(first: number): void {
    const count = this.units[first] as number;
    this.usedUnits -= count;
    this.#free(first, count, true);
  }

  /** Gives pages of free runs back to the system, a piece at a time; true while there is more to do. `all`: KEPT_UNITS too. */
  purge(all = false): boolean {
    if (this.#purgeFirst === NONE && !this.#beginPurge(all ? 0 : KEPT_UNITS)) return false;
    const first = this.#purgeFirst;
    const end = first + (this.units[first] as number);
    const count = Math.min(PURGE_UNITS, end - this.#purgeAt);
    this.#region.purge(this.#purgeAt * UNIT_BYTES, count * UNIT_BYTES);
    this.#purgeAt += count;
    if (this.#purgeAt === end) {
      this.#purgeFirst = NONE;
      this.#free(first, end - first, false);
    }
    return true;
  }

  #beginPurge(keptUnits: number): boolean {
    if (this.dirtyUnits <= keptUnits) return false;
    for (let bin = BINS; bin > 0; bin--) {
      for (let run = this.#bins[bin] as number; run !== NONE; run = this.next[run] as number) {
        if (this.#dirty[run] === 0) continue;
        this.#unlink(run);
        const count = this.units[run] as number;
        this.kind.fill(PURGING, run, run + count);
        this.#purgeFirst = this.#purgeAt = run;
        return true;
      }
    }
    return false;
  }

  #find(count: number): number {
    for (let bin = Math.min(count, BINS); bin <= BINS; bin++) {
      for (let run = this.#bins[bin] as number; run !== NONE; run = this.next[run] as number) {
        if ((this.units[run] as number) >= count) return run;
      }
    }
    return NONE;
  }

  #cut(run: number, count: number): number {
    const left = (this.units[run] as number) - count;
    const isDirty = this.#dirty[run] !== 0;
    this.#unlink(run);
    if (left > 0) this.#link(run + count, left, isDirty);
    return run;
  }

  #extend(count: number): number {
    const first = this.top;
    const end = first + count;
    if (end * UNIT_BYTES > this.#region.capacity) return NONE;
    if (end > this.kind.length) this.#grow(end);
    this.top = end;
    this.#region.openTo(end * UNIT_BYTES);
    this.#populator?.reached(this.#region, end * UNIT_BYTES);
    return first;
  }

  #grow(units: number): void {
    const size = Math.max(units, this.kind.length * 2);
    this.kind = grown8(this.kind, size);
    this.#dirty = grown8(this.#dirty, size);
    this.first = grown32(this.first, size);
    this.units = grown32(this.units, size);
    this.next = grown32(this.next, size);
    this.previous = grown32(this.previous, size);
  }

  /** Joins the run with free neighbours and puts it in its bin. */
  #free(first: number, count: number, isDirty: boolean): void {
    let from = first;
    let length = count;
    let dirty = isDirty;
    const before = from - 1;
    if (before > 0 && this.kind[before] === FREE) {
      from = this.first[before] as number;
      length += this.units[from] as number;
      dirty ||= this.#dirty[from] !== 0;
      this.#unlink(from);
    }
    const after = first + count;
    if (after < this.top && this.kind[after] === FREE) {
      length += this.units[after] as number;
      dirty ||= this.#dirty[after] !== 0;
      this.#unlink(after);
    }
    this.kind.fill(FREE, from, from + length);
    this.#link(from, length, dirty);
  }

  #link(first: number, count: number, isDirty: boolean): void {
    const last = first + count - 1;
    this.first[first] = this.first[last] = first;
    this.units[first] = count;
    this.#dirty[first] = isDirty ? 1 : 0;
    if (isDirty) this.dirtyUnits += count;
    const bin = Math.min(count, BINS);
    const head = this.#bins[bin] as number;
    this.next[first] = head;
    this.previous[first] = NONE;
    if (head !== NONE) this.previous[head] = first;
    this.#bins[bin] = first;
  }

  #unlink(first: number): void {
    const count = this.units[first] as number;
    if (this.#dirty[first] !== 0) this.dirtyUnits -= count;
    const next = this.next[first] as number;
    const previous = this.previous[first] as number;
    if (next !== NONE) this.previous[next] = previous;
    if (previous !== NONE) this.next[previous] = next;
    else this.#bins[Math.min(count, BINS)] = next;
  }
}

function grown8(old: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(size);
  grown.set(old);
  return grown;
}

function grown32(old: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(size);
  grown.set(old);
  return grown;
}
