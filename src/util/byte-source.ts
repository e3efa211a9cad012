/**
 * A run of bytes, up to 2^48 long, seen through windows; immutable, but for the overlay's.
 *
 * JavaScriptCore caps an ArrayBuffer at 4 GiB and is slow past index 2^31, so a long mapping is looked
 * at through windows of at most WINDOW_BYTES_MAX bytes that overlap by half: window k begins at
 * k * WINDOW_STRIDE_BYTES. Whatever is shorter than the stride lies whole in the window its first byte picks.
 *
 *   0         1 GiB      2 GiB      3 GiB
 *   |--------window 0--------|
 *             |--------window 1--------|
 *                        |--------window 2---- …
 */
export const WINDOW_STRIDE_BYTES = 2 ** 30;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;

export interface ByteSource {
  /** Set where bytes may be overwritten while the source is open (the overlay): a reply copies them. */
  readonly isMutable?: true;
  /**
   * In a mutable source: a name of the bytes that lie at `offset`, which changes when others come to lie there; what was made of the
   * bytes may be kept under it (`versionOf`). -1: nothing may be kept.
   */
  versionAt?(offset: number): number;
  /** Length in bytes. */
  readonly size: number;
  /** windows[k] holds [k * stride, min(size, k * stride + WINDOW_BYTES_MAX)). Valid as long as the source is open. */
  readonly windows: readonly Uint8Array[];
  /**
   * Vouches for the bytes [offset, offset + length): they exist and may be trusted as the source defines it (a layer
   * verifies block checksums here). Returns the offset up to which bytes may be read: ≥ offset + length, ≤ size.
   * The caller has checked that offset + length ≤ size. Throws FormatError when the bytes are damaged.
   */
  admit(offset: number, length: number): number;
}

/** Under which name what was made of the bytes at `offset` may be kept between commands: see ByteSource.versionAt. */
export function versionOf(source: ByteSource, offset: number): number {
  if (source.isMutable !== true) return 0;
  return source.versionAt === undefined ? -1 : source.versionAt(offset);
}

/** A source over bytes that are already in memory (a DUMP payload, a test): every byte is trusted. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, windows: [bytes], admit: () => bytes.length };
}
