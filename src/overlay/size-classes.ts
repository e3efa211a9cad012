/**
 * Sizes of small blocks: every 8 bytes up to 128, then eight a doubling (at most 12.5 % larger than asked) up to 32 KiB.
 *
 *   class   1  2  3 … 16  | 17  18  …  24 | 25  26 … 32 | …  80
 *   bytes   8 16 24 … 128 | 144 160 … 256 | 288 320 … 512 | … 32768
 *
 * Blocks of a class come from spans of whole units (64 KiB): as many units as keep what is left over at the end small.
 */
export const UNIT_BYTES = 64 * 1024;
/** The largest small block; what is larger has units of its own. */
export const SMALL_BYTES_MAX = 32 * 1024;
export const CLASSES = 81;

const FINE_BYTES_MAX = 128;
const FINE_CLASSES = 16;
const SPAN_UNITS_MAX = 8;
/** A span may leave one part in so many unused. */
const WASTE_PARTS = 32;

/** The class of blocks of at least `bytes`, 1 ≤ bytes ≤ SMALL_BYTES_MAX. */
export function classOf(bytes: number): number {
  if (bytes <= FINE_BYTES_MAX) return (bytes + 7) >>> 3;
  const power = 31 - Math.clz32(bytes - 1);
  return FINE_CLASSES + 1 + (power - 7) * 8 + (((bytes - 1) >>> (power - 3)) - 8);
}

function bytesOf(sizeClass: number): number {
  if (sizeClass <= FINE_CLASSES) return sizeClass * 8;
  const step = sizeClass - FINE_CLASSES - 1;
  return ((step & 7) + 9) << ((step >>> 3) + 4);
}

function spanUnits(bytes: number): number {
  for (let units = 1; units < SPAN_UNITS_MAX; units++) {
    if ((units * UNIT_BYTES) % bytes <= (units * UNIT_BYTES) / WASTE_PARTS) return units;
  }
  return SPAN_UNITS_MAX;
}

/** Bytes of a block, by class. */
export const CLASS_BYTES = Int32Array.from({ length: CLASSES }, (_, i) => bytesOf(i));
/** Units of a span, by class. */
export const CLASS_UNITS = Int32Array.from({ length: CLASSES }, (_, i) => (i === 0 ? 0 : spanUnits(bytesOf(i))));
/** Blocks in a span, by class. */
export const CLASS_BLOCKS = Int32Array.from({ length: CLASSES }, (_, i) =>
  i === 0 ? 0 : Math.floor((spanUnits(bytesOf(i)) * UNIT_BYTES) / bytesOf(i)),
);
