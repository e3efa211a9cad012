/**
 * One request's arguments: offsets into the bytes they arrived in. Nothing is copied and no string is made.
 *
 *   bytes   * 2 \r\n $ 3 \r\n G E T \r\n $ 1 \r\n k \r\n
 *                             ^starts[0]            ^starts[1]      lengths[0] = 3, lengths[1] = 1
 *
 * Valid until the handler returns; a generator's arguments are detached into a private copy before it is parked.
 */
import { binaryText, EMPTY_BYTES, type Span } from "../util/span.ts";

const SLOTS_FIRST = 16;
/** Above this many slots the arrays are given back after the request. */
const SLOTS_KEPT_MAX = 1024;

export class Args {
  bytes: Uint8Array = EMPTY_BYTES;
  /** Number of arguments, the command's name included. */
  count = 0;
  starts = new Int32Array(SLOTS_FIRST);
  lengths = new Int32Array(SLOTS_FIRST);
  /** The client's request before this one, just executed, had the same name. */
  isRepeat = false;
  /** So has its next one, which has been received. */
  isRepeated = false;

  /** Forgets the arguments (not the bytes). */
  clear(): void {
    this.count = 0;
    if (this.starts.length > SLOTS_KEPT_MAX) {
      this.starts = new Int32Array(SLOTS_FIRST);
      this.lengths = new Int32Array(SLOTS_FIRST);
    }
  }

  add(start: number, length: number): void {
    if (this.count === this.starts.length) this.#grow();
    this.starts[this.count] = start;
    this.lengths[this.count++] = length;
  }

  /** Makes room for `count` arguments. */
  reserve(count: number): void {
    while (this.starts.length < count) this.#grow();
  }

  #grow(): void {
    const starts = new Int32Array(this.starts.length * 2);
    starts.set(this.starts);
    this.starts = starts;
    const lengths = new Int32Array(this.lengths.length * 2);
    lengths.set(this.lengths);
    this.lengths = lengths;
  }

  /** Argument `i` as a binary string (cold path: it allocates). */
  text(i: number): string {
    return binaryText(this.bytes, this.starts[i] as number, this.lengths[i] as number);
  }

  /** Argument `i` by reference; valid as long as these arguments are. */
  span(i: number, into: Span): void {
    into.set(this.bytes, this.starts[i] as number, this.lengths[i] as number);
  }

  /** Whether argument `i` is the word `upper` (given in upper case), ASCII case ignored. False when there is no argument `i`. */
  is(i: number, upper: string): boolean {
    if (i >= this.count) return false;
    const { bytes } = this;
    const length = this.lengths[i] as number;
    if (length !== upper.length) return false;
    const start = this.starts[i] as number;
    for (let k = 0; k < length; k++) {
      let byte = bytes[start + k] as number;
      if (byte >= 97 && byte <= 122) byte -= 32;
      if (byte !== upper.charCodeAt(k)) return false;
    }
    return true;
  }

  /** A copy that owns its bytes: one piece of the request, from the first argument to the end of the last. */
  detached(): Args {
    const { count, starts, lengths } = this;
    let first = Number.MAX_SAFE_INTEGER;
    let end = 0;
    for (let i = 0; i < count; i++) {
      const start = starts[i] as number;
      if (start < first) first = start;
      if (start + (lengths[i] as number) > end) end = start + (lengths[i] as number);
    }
    const copy = new Args();
    copy.count = count;
    if (count === 0) return copy;
    copy.bytes = new Uint8Array(this.bytes.subarray(first, end));
    copy.starts = starts.slice(0, count);
    copy.lengths = lengths.slice(0, count);
    for (let i = 0; i < count; i++) copy.starts[i] = (starts[i] as number) - first;
    return copy;
  }

  /** Arguments from binary strings (tests, fuzzers, internal calls). */
  static of(...words: string[]): Args {
    const args = new Args();
    args.bytes = Buffer.from(words.join(""), "latin1");
    let at = 0;
    for (const word of words) {
      args.add(at, word.length);
      at += word.length;
    }
    return args;
  }
}
