/**
 * Memory for bytes that do not lie in the source as they are: decompressed strings, integers as text.
 * It grows to what was asked for, and lets go of a huge piece when only small ones have been asked for a while.
 */
import { EMPTY_BYTES } from "../util/span.ts";

const RETAINED_BYTES_MAX = 4 * 2 ** 20;
const INITIAL_BYTES = 64;
/** So many small pieces in a row show that the huge one is not wanted again soon. */
const SMALL_CALLS_MAX = 256;

export class Scratch {
  /** Nothing until it is used: many records are made of which only the key is read, where it lies. */
  #bytes = EMPTY_BYTES;
  /** Small pieces asked for in a row while a huge one is held. */
  #smallCalls = 0;

  /** At least `n` bytes, contents undefined; valid until the next call. The caller has checked that `n` is plausible. */
  bytes(n: number): Uint8Array {
    const held = this.#bytes.length;
    if (n > held) this.#resize(n);
    else if (held > RETAINED_BYTES_MAX) this.#keepOrShrink(n);
    return this.#bytes;
  }

  /** Whether these are the bytes that were given last. */
  holds(bytes: Uint8Array): boolean {
    return bytes === this.#bytes && bytes.length > 0;
  }

  /** Lets go of the piece, which is the user's alone from now on. */
  release(): void {
    this.#resize(INITIAL_BYTES);
  }

  #keepOrShrink(n: number): void {
    this.#smallCalls = n > RETAINED_BYTES_MAX ? 0 : this.#smallCalls + 1;
    if (this.#smallCalls > SMALL_CALLS_MAX) this.#resize(n);
  }

  #resize(n: number): void {
    this.#smallCalls = 0;
    // Powers of two while small: a walk over ever longer strings resizes a few times only.
    const size = n <= RETAINED_BYTES_MAX ? 2 ** Math.ceil(Math.log2(Math.max(n, INITIAL_BYTES))) : n;
    this.#bytes = new Uint8Array(size);
  }
}
