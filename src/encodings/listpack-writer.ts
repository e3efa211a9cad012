/**
 * Changes a listpack (drawn in listpack.ts) where it lies, byte for byte as Redis's listpack.c does.
 *
 *   open           pos                          end
 *   | header       | element | element | …      | 0xff |  room
 *   insert(pos)    | new     | element | element | …   | 0xff |
 *
 * Room is the caller's business: `measure` tells what an element will take before anything is changed, so that a failure to get
 * memory leaves the listpack as it was. A text that is inserted must not lie in the listpack itself.
 * Positions are those of the reader (Packed.pos); a change makes the positions behind it invalid.
 */
import { FormatError } from "../util/format-error.ts";
import { int64, parseInt64, setInt64 } from "./int64.ts";
import { backLengthBytes, elementBytes } from "./listpack.ts";
import { i32le, u16le } from "./packed.ts";

export const LISTPACK_EMPTY_BYTES = 7;
/** A listpack's length is written in 32 bits, Redis keeps it below 1 GiB. */
export const LISTPACK_BYTES_MAX = 2 ** 30;
const HEADER_BYTES = 6;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
/** The character 9. */
const NINE = 57;
/** A text of so many bytes or more has a longer head. */
const SHORT_BYTES = 64;
/** Longer elements are copied by a call. */
const LOOP_BYTES_MAX = 32;

const { copy } = Buffer.prototype;

/** Writes a listpack without elements: LISTPACK_EMPTY_BYTES bytes. */
export function writeEmptyListpack(bytes: Uint8Array, at: number): void {
  writeTotal(bytes, at, LISTPACK_EMPTY_BYTES);
  bytes[at + 4] = 0;
  bytes[at + 5] = 0;
  bytes[at + HEADER_BYTES] = END;
}

/** Bytes that these bytes take as an element, back length included; as an integer where they spell one. */
export function measureElement(text: Uint8Array, from: number, length: number): number {
  const size = parseInt64(text, from, length) ? integerBytes() : length + headBytes(length);
  return size + backLengthBytes(size);
}

/** As measureElement, of a safe integer. */
export function measureInteger(value: number): number {
  setInt64(value);
  return integerBytes() + 1;
}

/** Whether the text is no integer for sure, and short: as an element it takes 2 bytes more than itself. */
export function isShortText(text: Uint8Array, from: number, length: number): boolean {
  return length < SHORT_BYTES && (text[from] as number) > NINE;
}

/** As putElement, of a text that isShortText. */
export function putShortText(bytes: Uint8Array, pos: number, text: Uint8Array, from: number, length: number): number {
  let at = pos;
  bytes[at++] = 0x80 | length;
  for (let i = 0; i < length; i++) bytes[at++] = text[from + i] as number;
  bytes[at] = length + 1;
  return at + 1;
}

/** Writes an element at `pos`, measureElement bytes, and nothing else; the position behind it. */
export function putElement(bytes: Uint8Array, pos: number, text: Uint8Array, from: number, length: number): number {
  if (parseInt64(text, from, length)) return writeInt64(bytes, pos, integerBytes());
  return writeString(bytes, pos, length + headBytes(length), text, from, length);
}

/** Writes a listpack's header: its bytes in all, and its elements, less than COUNT_UNKNOWN or that. */
export function writeHeader(bytes: Uint8Array, start: number, total: number, count: number): void {
  writeTotal(bytes, start, total);
  bytes[start + 4] = count;
  bytes[start + 5] = count >>> 8;
}

export class ListpackWriter {
  #bytes: Uint8Array = new Uint8Array(LISTPACK_EMPTY_BYTES);
  #start = 0;

  /** Takes the listpack at `start`; its bytes may go on behind it as far as the caller has made room. */
  open(bytes: Uint8Array, start: number): this {
    this.#bytes = bytes;
    this.#start = start;
    return this;
  }

  get totalBytes(): number {
    return i32le(this.#bytes, this.#start) >>> 0;
  }

  /** Number of elements as the header has it, -1: too many for it (walk with `next`). */
  get headerCount(): number {
    const count = u16le(this.#bytes, this.#start + 4);
    return count === COUNT_UNKNOWN ? -1 : count;
  }

  /** Position of the first element; `end` where there is none. */
  get first(): number {
    return this.#start + HEADER_BYTES;
  }

  /** Position behind the last element. */
  get end(): number {
    return this.#start + this.totalBytes - 1;
  }

  /** Position behind the element at `pos`. Throws FormatError where none lies there. */
  next(pos: number): number {
    const end = this.end;
    const size = pos < end ? elementBytes(this.#bytes, pos) : 0;
    const after = pos + size + backLengthBytes(size);
    if (size === 0 || after > end) throw this.#unsound(pos);
    return after;
  }

  /** Position of the element before `pos`. Throws FormatError where none lies there. */
  previous(pos: number): number {
    const bytes = this.#bytes;
    let at = pos - 1;
    let size = (bytes[at] as number) & 127;
    for (let scale = 128; (bytes[at] as number) >= 128 && pos - at < 5; scale *= 128) {
      at--;
      size += ((bytes[at] as number) & 127) * scale;
    }
    const before = at - size;
    if (size === 0 || before < this.first) throw this.#unsound(pos);
    return before;
  }

  /** Position of element `index`, of a number below the count; from the nearer end where the count is known. */
  seek(index: number): number {
    const count = this.headerCount;
    if (count < 0 || index < count / 2) {
      return this.#skip(this.first, index);
    }
    let pos = this.end;
    for (let i = count; i > index; i--) pos = this.previous(pos);
    return pos;
  }

  #skip(from: number, elements: number): number {
    const bytes = this.#bytes;
    const { end } = this;
    let pos = from;
    for (let i = 0; i < elements; i++) {
      const size = pos < end ? elementBytes(bytes, pos) : 0;
      if (size === 0) throw this.#unsound(pos);
      pos += size + (size < 128 ? 1 : backLengthBytes(size));
    }
    if (pos > end) throw this.#unsound(pos);
    return pos;
  }

  /** Inserts an element before the one at `pos` (`end`: behind the last); the position behind it. */
  insert(pos: number, text: Uint8Array, from: number, length: number): number {
    const bytes = this.#bytes;
    if (parseInt64(text, from, length)) return this.#insertInteger(pos);
    const size = length + headBytes(length);
    this.#makeRoom(pos, size + backLengthBytes(size), 1);
    return writeString(bytes, pos, size, text, from, length);
  }

  /** As insert, behind the last element; a short text costs less so. */
  insertLast(text: Uint8Array, from: number, length: number): void {
    const bytes = this.#bytes;
    const start = this.#start;
    const total = this.totalBytes;
    const at = start + total - 1;
    if (!isShortText(text, from, length)) {
      this.insert(at, text, from, length);
      return;
    }
    bytes[putShortText(bytes, at, text, from, length)] = END;
    writeTotal(bytes, start, total + length + 2);
    this.#count(1);
  }

  /**
   * As insert, before the first element, and nothing else moves: the listpack begins `size` (measureElement) bytes before where it began,
   * which have to be room.
   */
  insertFirst(size: number, text: Uint8Array, from: number, length: number): void {
    this.#moveHeader(-size);
    this.put(this.first, text, from, length);
    this.#count(1);
  }

  /** Removes the first `count` elements, or as many as there are, and nothing else moves: how many bytes later the listpack begins now. */
  removeFirst(count: number): number {
    const { end, first } = this;
    let after = first;
    let removed = 0;
    for (; removed < count && after < end; removed++) after = this.next(after);
    this.#moveHeader(after - first);
    this.#count(-removed);
    return after - first;
  }

  /** Has the listpack begin so many bytes later, and be that much shorter. */
  #moveHeader(bytes: number): void {
    const total = this.totalBytes;
    const count = u16le(this.#bytes, this.#start + 4);
    this.#start += bytes;
    writeHeader(this.#bytes, this.#start, total - bytes, count);
  }

  /** As insert, of a safe integer. */
  insertInteger(pos: number, value: number): number {
    setInt64(value);
    return this.#insertInteger(pos);
  }

  /** Puts an element in the place of the one at `pos`; the position behind it. */
  replace(pos: number, text: Uint8Array, from: number, length: number): number {
    const bytes = this.#bytes;
    const old = this.next(pos) - pos;
    if (parseInt64(text, from, length)) return this.#replaceInteger(pos, old);
    const size = length + headBytes(length);
    this.#makeRoom(pos + old, size + backLengthBytes(size) - old, 0);
    return writeString(bytes, pos, size, text, from, length);
  }

  /** As replace, by a safe integer. */
  replaceInteger(pos: number, value: number): number {
    const old = this.next(pos) - pos;
    setInt64(value);
    return this.#replaceInteger(pos, old);
  }

  /** Removes up to `count` elements from `pos` on; how many there were. What follows them lies at `pos` then. */
  remove(pos: number, count = 1): number {
    const end = this.end;
    let after = pos;
    let removed = 0;
    for (; removed < count && after < end; removed++) after = this.next(after);
    if (removed > 0) this.#makeRoom(after, pos - after, -removed);
    return removed;
  }

  /** After the bytes of `removed` elements were cut out of the listpack, which leaves `total` bytes: has the header say so. */
  noteCut(total: number, removed: number): void {
    writeTotal(this.#bytes, this.#start, total);
    this.#count(-removed);
  }

  /**
   * Moves the elements from `pos` on to a listpack of their own at into[at …], where `tailBytes(pos)` bytes have room. `moved`: how
   * many they are.
   */
  split(pos: number, moved: number, into: Uint8Array, at: number): void {
    const bytes = this.#bytes;
    const total = this.totalBytes;
    const tail = this.#start + total - pos;
    copy.call(bytes, into, at + HEADER_BYTES, pos, pos + tail);
    writeTotal(into, at, HEADER_BYTES + tail);
    into[at + 4] = Math.min(moved, COUNT_UNKNOWN);
    into[at + 5] = Math.min(moved, COUNT_UNKNOWN) >>> 8;
    bytes[pos] = END;
    writeTotal(bytes, this.#start, pos + 1 - this.#start);
    this.#count(-moved);
  }

  /** Bytes of the listpack that `split(pos)` will make. */
  tailBytes(pos: number): number {
    return HEADER_BYTES + this.#start + this.totalBytes - pos;
  }

  /** Appends all `count` elements of the listpack at from[at …], which is another one. Room for its bytes less 7 is needed. */
  append(from: Uint8Array, at: number, count: number): void {
    const length = (i32le(from, at) >>> 0) - LISTPACK_EMPTY_BYTES;
    const { end } = this;
    this.#makeRoom(end, length, count);
    copy.call(from, this.#bytes, end, at + HEADER_BYTES, at + HEADER_BYTES + length);
  }

  /**
   * Writes an element at `pos`, behind the last one, as insert does, but leaves header and end byte to `seal`: of many that are appended
   * together, each costs what it takes. Returns the position behind it.
   */
  put(pos: number, text: Uint8Array, from: number, length: number): number {
    return putElement(this.#bytes, pos, text, from, length);
  }

  /** As put, of a safe integer. */
  putInteger(pos: number, value: number): number {
    setInt64(value);
    return writeInt64(this.#bytes, pos, integerBytes());
  }

  /** As put, of the two's complement 64-bit integer of these halves. */
  putInt64(pos: number, high: number, low: number): number {
    int64.high = high;
    int64.low = low;
    return writeInt64(this.#bytes, pos, integerBytes());
  }

  /** Ends the listpack at `pos`, behind `added` elements that were put there. */
  seal(pos: number, added: number): void {
    this.#bytes[pos] = END;
    writeTotal(this.#bytes, this.#start, pos + 1 - this.#start);
    this.#count(added);
  }

  #insertInteger(pos: number): number {
    const size = integerBytes();
    this.#makeRoom(pos, size + 1, 1);
    return writeInt64(this.#bytes, pos, size);
  }

  #replaceInteger(pos: number, old: number): number {
    const size = integerBytes();
    this.#makeRoom(pos + old, size + 1 - old, 0);
    return writeInt64(this.#bytes, pos, size);
  }

  /** Moves what lies from `pos` on by `grown` bytes (negative: towards the start) and has the header say so. */
  #makeRoom(pos: number, grown: number, elements: number): void {
    const bytes = this.#bytes;
    const total = this.totalBytes;
    if (grown !== 0) {
      // Mostly at the end, where only the end byte moves.
      if (pos === this.#start + total - 1) bytes[pos + grown] = END;
      else bytes.copyWithin(pos + grown, pos, this.#start + total);
      writeTotal(bytes, this.#start, total + grown);
    }
    this.#count(elements);
  }

  #count(change: number): void {
    const bytes = this.#bytes;
    const at = this.#start + 4;
    const count = u16le(bytes, at);
    if (change === 0 || count === COUNT_UNKNOWN) return;
    const changed = Math.min(count + change, COUNT_UNKNOWN);
    bytes[at] = changed;
    bytes[at + 1] = changed >>> 8;
  }

  #unsound(pos: number): FormatError {
    return new FormatError("bad-listpack", pos - this.#start, "no sound element", "an element of the listpack");
  }
}

function writeString(
  bytes: Uint8Array,
  pos: number,
  size: number,
  text: Uint8Array,
  from: number,
  length: number,
): number {
  let at = pos;
  if (length < 64) bytes[at++] = 0x80 | length;
  else if (length < 4096) {
    bytes[at++] = 0xe0 | (length >>> 8);
    bytes[at++] = length;
  } else {
    bytes[at] = 0xf0;
    writeTotal(bytes, at + 1, length);
    at += 5;
  }
  if (length > LOOP_BYTES_MAX) copy.call(text, bytes, at, from, from + length);
  else for (let i = 0; i < length; i++) bytes[at + i] = text[from + i] as number;
  return writeBackLength(bytes, at + length, size);
}

/** Writes `int64`, of `size` bytes with its head. */
function writeInt64(bytes: Uint8Array, pos: number, size: number): number {
  const { high, low } = int64;
  if (size === 1) bytes[pos] = low;
  else if (size === 2) {
    bytes[pos] = 0xc0 | ((low >>> 8) & 0x1f);
    bytes[pos + 1] = low;
  } else {
    bytes[pos] = size === 9 ? 0xf4 : 0xee + size;
    for (let i = 1; i < size; i++) bytes[pos + i] = i <= 4 ? low >>> (8 * i - 8) : high >>> (8 * i - 40);
  }
  bytes[pos + size] = size;
  return pos + size + 1;
}

function writeTotal(bytes: Uint8Array, at: number, total: number): void {
  bytes[at] = total;
  bytes[at + 1] = total >>> 8;
  bytes[at + 2] = total >>> 16;
  bytes[at + 3] = total >>> 24;
}

/** High 7 bits first; every byte but the first has its top bit set. Returns the position behind it. */
function writeBackLength(bytes: Uint8Array, at: number, size: number): number {
  const length = backLengthBytes(size);
  let rest = size;
  for (let i = length - 1; i > 0; i--) {
    bytes[at + i] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at] = rest;
  return at + length;
}

function headBytes(length: number): number {
  return length < 64 ? 1 : length < 4096 ? 2 : 5;
}

/** Bytes of `int64` with its head: Redis's lpEncodeIntegerGetType. */
function integerBytes(): number {
  const { high, low } = int64;
  if (high !== low >> 31) return 9;
  if (low >= 0 && low < 128) return 1;
  if (low >= -4096 && low < 4096) return 2;
  if (low >= -32768 && low < 32768) return 3;
  return low >= -8388608 && low < 8388608 ? 4 : 5;
}
