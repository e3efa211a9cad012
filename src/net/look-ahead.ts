/**
 * A look at the requests that follow in a pipeline, before they are parsed: where each one's first argument lies, which
 * is the key of nearly every command. A hint only, for prefetching: whatever is not plainly a RESP request ends the look.
 *
 *   *2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n*2\r\n$3\r\nGET\r\n$5\r\nkey:2\r\n …
 *                            ^starts[0], lengths[0] = 5             ^starts[1]
 */

/** Requests seen in one look: as many cache misses as a core keeps in flight, and what they bring fits its nearest cache. */
export const AHEAD_MAX = 32;
/** Digits of a count or length that are read; longer ones end the look. */
const VALUE_MAX = 1_000_000;

const CR = 13;
const DOLLAR = 36;
const STAR = 42;

export class LookAhead {
  bytes: Uint8Array = new Uint8Array(0);
  /** First arguments found. */
  count = 0;
  readonly starts = new Int32Array(AHEAD_MAX);
  readonly lengths = new Int32Array(AHEAD_MAX);
  /** Position behind the requests that were seen: time for another look. */
  end = 0;
  /** After #number: the position behind the line. */
  #at = 0;

  /** Looks at bytes[pos, end), where a request begins at `pos`. */
  look(bytes: Uint8Array, pos: number, end: number): void {
    this.bytes = bytes;
    this.count = 0;
    let at = pos;
    while (this.count < AHEAD_MAX) {
      const next = this.#request(at, end);
      if (next < 0) {
        this.end = end;
        return;
      }
      at = next;
    }
    this.end = at;
  }

  /** Notes the first argument of the request at `pos`; the position behind the request, or -1. */
  #request(pos: number, end: number): number {
    const { bytes } = this;
    const words = this.#number(STAR, pos, end);
    if (words < 1) return -1;
    for (let word = 0; word < words; word++) {
      const length = this.#number(DOLLAR, this.#at, end);
      if (length < 0 || this.#at + length + 2 > end) return -1;
      if (word === 1) {
        this.starts[this.count] = this.#at;
        this.lengths[this.count++] = length;
      }
      this.#at += length + 2;
      if (bytes[this.#at - 2] !== CR) return -1;
    }
    return this.#at;
  }

  /** The number of the line at `pos`, which begins with `type`; -1 where there is none. */
  #number(type: number, pos: number, end: number): number {
    const { bytes } = this;
    if (pos + 3 >= end || bytes[pos] !== type) return -1;
    let at = pos + 1;
    let value = (bytes[at] as number) - 48;
    if (value < 0 || value > 9) return -1;
    while (++at < end && bytes[at] !== CR) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9 || value > VALUE_MAX) return -1;
      value = value * 10 + digit;
    }
    this.#at = at + 2;
    return value;
  }
}
