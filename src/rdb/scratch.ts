/**
 * Memory for bytes that do not lie in the source as they are: decompressed strings, integers as text.
 * It grows to what was asked for, and lets go of a huge piece once small ones are asked for again.
 */
const RETAINED_BYTES_MAX = 4 * 2 ** 20;
const INITIAL_BYTES = 64;

export class Scratch {
  #bytes = new Uint8Array(INITIAL_BYTES);

  /** At least `n` bytes, contents undefined; valid until the next call. The caller has checked that `n` is plausible. */
  bytes(n: number): Uint8Array {
    const held = this.#bytes.length;
    if (n > held || (held > RETAINED_BYTES_MAX && n <= RETAINED_BYTES_MAX)) this.#resize(n);
    return this.#bytes;
  }

  #resize(n: number): void {
    // Powers of two while small: a walk over ever longer strings resizes a few times only.
    const size = n <= RETAINED_BYTES_MAX ? 2 ** Math.ceil(Math.log2(Math.max(n, INITIAL_BYTES))) : n;
    this.#bytes = new Uint8Array(size);
  }
}
