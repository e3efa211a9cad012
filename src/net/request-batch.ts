/**
 * Requests of a pipeline, or of several clients at once, parsed in one go: where each one's arguments lie. Execution takes
 * them from here, and the first arguments, which are the keys of nearly every command, can be prefetched before.
 *
 *   *2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n *1\r\n$4\r\nPING\r\n …          offsets   start, length of each argument, flat
 *          ^          ^               ^ends[0]                      keyStarts, keyLengths   "key:1", …
 *
 * Only what is plainly a complete request gets in; whatever is odd, large or incomplete ends the batch and is the
 * RequestParser's. So the two accept the same, and every error is the parser's.
 */
import { EMPTY_BYTES } from "../util/span.ts";
import type { Args } from "./args.ts";

/** Requests at once: as many cache misses as a core keeps in flight, and what they bring fits its nearest cache. */
export const BATCH_MAX = 32;
/** Arguments of all requests together. */
const ARGUMENTS_MAX = 512;
/** Digits of a count or length that are read; longer ones end the batch. */
const VALUE_MAX = 1_000_000;

const CR = 13;
const DOLLAR = 36;
const STAR = 42;

export class RequestBatch {
  bytes: Uint8Array = EMPTY_BYTES;
  /** Requests in the batch. */
  count = 0;
  /** Position behind each request. */
  readonly ends = new Int32Array(BATCH_MAX);
  /** First arguments: of the requests that have one. */
  keys = 0;
  readonly keyStarts = new Int32Array(BATCH_MAX);
  readonly keyLengths = new Int32Array(BATCH_MAX);
  /** By request: 1 where it has the same name as the one before it, byte for byte. */
  readonly repeats = new Uint8Array(BATCH_MAX);
  /** Counts resets: what was read of the batch before is void. */
  generation = 0;
  bulkBytesMax = 0;

  readonly #offsets = new Int32Array(2 * ARGUMENTS_MAX);
  /** Where each request's arguments begin in #offsets. */
  readonly #firsts = new Int32Array(BATCH_MAX + 1);
  /** The name of the request noted last. */
  #nameStart = 0;
  #nameLength = 0;
  /** After #number: the position behind the line. */
  #at = 0;

  /** Empties the batch; requests in `bytes` come next. */
  reset(bytes: Uint8Array, bulkBytesMax: number): void {
    this.bytes = bytes;
    this.bulkBytesMax = bulkBytesMax;
    this.count = this.keys = 0;
    this.generation++;
  }

  /** Adds the requests in [pos, end), where one begins, until one does not fit or is no plain one: the position behind the last. */
  add(pos: number, end: number): number {
    let at = pos;
    while (this.count < BATCH_MAX && at < end) {
      const next = this.#addRequest(at, end);
      if (next < 0) break;
      this.ends[this.count++] = next;
      this.#firsts[this.count] = this.#used;
      at = next;
    }
    return at;
  }

  #used = 0;

  /** Makes `args` those of request `i`. */
  load(i: number, args: Args): void {
    const offsets = this.#offsets;
    const first = this.#firsts[i] as number;
    const count = ((this.#firsts[i + 1] as number) - first) >> 1;
    args.bytes = this.bytes;
    args.count = count;
    if (count > args.starts.length) args.reserve(count);
    const { starts, lengths } = args;
    for (let k = 0, at = first; k < count; k++, at += 2) {
      starts[k] = offsets[at] as number;
      lengths[k] = offsets[at + 1] as number;
    }
  }

  /** Notes the arguments of the request at `pos`; the position behind it, or -1. */
  #addRequest(pos: number, end: number): number {
    const { bytes } = this;
    const offsets = this.#offsets;
    if (bytes[pos] !== STAR) return -1;
    const words = this.#number(pos + 1, end);
    let used = this.#firsts[this.count] as number;
    if (words < 1 || words > ARGUMENTS_MAX - (used >> 1)) return -1;
    let at = this.#at;
    for (let word = 0; word < words; word++) {
      if (at >= end || bytes[at] !== DOLLAR) return -1;
      const length = this.#number(at + 1, end);
      if (length < 0 || length > this.bulkBytesMax) return -1;
      at = this.#at;
      if (length + 2 > end - at) return -1;
      offsets[used] = at;
      offsets[used + 1] = length;
      used += 2;
      at += length + 2;
    }
    const first = this.#firsts[this.count] as number;
    this.#noteName(offsets[first] as number, offsets[first + 1] as number);
    if (words > 1) {
      this.keyStarts[this.keys] = offsets[first + 2] as number;
      this.keyLengths[this.keys++] = offsets[first + 3] as number;
    }
    this.#used = used;
    return at;
  }

  /** The request's name lies at `start`: whether it is the one of the request before. */
  #noteName(start: number, length: number): void {
    const { bytes } = this;
    const before = this.#nameStart;
    let isSame = this.count > 0 && length === this.#nameLength;
    for (let i = 0; isSame && i < length; i++) isSame = bytes[start + i] === bytes[before + i];
    this.repeats[this.count] = isSame ? 1 : 0;
    this.#nameStart = start;
    this.#nameLength = length;
  }

  /** The plain number at `pos`, to the end of its line; -1 where there is none, or its line is cut. */
  #number(pos: number, end: number): number {
    const { bytes } = this;
    if (pos + 2 >= end) return -1;
    let value = (bytes[pos] as number) - 48;
    if (value < 0 || value > 9) return -1;
    let at = pos + 1;
    let byte = bytes[at] as number;
    if (byte !== CR) {
      if (value === 0) return -1;
      do {
        const digit = byte - 48;
        if (digit < 0 || digit > 9 || value > VALUE_MAX) return -1;
        value = value * 10 + digit;
        if (++at >= end) return -1;
        byte = bytes[at] as number;
      } while (byte !== CR);
      if (at + 1 >= end) return -1;
    }
    this.#at = at + 2;
    return value;
  }
}
