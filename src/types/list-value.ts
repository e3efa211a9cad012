/**
 * A list's value of elements that are all there: LIST_QUICKLIST_2 as Redis would write it, listpacks of at most
 * list-max-listpack-size.
 *
 *   count of nodes | { PACKED | length | listpack } …
 */
import {
  LISTPACK_BYTES_MAX,
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { lengthBytes, writeLength } from "../overlay/entry.ts";
import { QuicklistContainer } from "../rdb/opcodes.ts";
import type { ByteStore } from "./byte-store.ts";

/** list-max-listpack-size -1 … -5: bytes of a node. */
const NODE_BYTES = [4096, 8192, 16384, 32768, 65536] as const;
/** A node that is limited by its elements is not to take more bytes either. */
const SAFE_BYTES = 8192;

export class ListValue {
  /** Bytes of the value. */
  readonly length: number;
  readonly #elements: ByteStore;
  /** Of each node: the number of its last element plus 1, and its listpack's bytes. */
  readonly #ends: number[] = [];
  readonly #sizes: number[] = [];

  /** `limit`: the directive list-max-listpack-size. `elements`: at least one; they must stay. */
  constructor(elements: ByteStore, limit: number) {
    this.#elements = elements;
    const bytesMax = limit < 0 ? (NODE_BYTES[Math.min(-limit, NODE_BYTES.length) - 1] as number) : SAFE_BYTES;
    const countMax = limit < 0 ? Number.POSITIVE_INFINITY : Math.max(limit, 1);
    let size = LISTPACK_EMPTY_BYTES;
    let first = 0;
    for (let i = 0; i < elements.count; i++) {
      const more = measureElement(elements.bytes, elements.start(i), elements.length(i));
      if (i > first && (size + more > bytesMax || i - first >= countMax)) {
        this.#endNode(i, size);
        first = i;
        size = LISTPACK_EMPTY_BYTES;
      }
      size += more;
    }
    this.#endNode(elements.count, size);
    let length = lengthBytes(this.#ends.length);
    for (const bytes of this.#sizes) length += 1 + lengthBytes(bytes) + bytes;
    this.length = length;
  }

  #endNode(end: number, size: number): void {
    if (size >= LISTPACK_BYTES_MAX) throw new RangeError(`an element of a list of ${size} bytes`);
    this.#ends.push(end);
    this.#sizes.push(size);
  }

  /** Writes the value's bytes. */
  write(into: Uint8Array, at: number): void {
    const elements = this.#elements;
    const writer = new ListpackWriter();
    let pos = writeLength(into, at, this.#ends.length);
    let i = 0;
    for (const [node, end] of this.#ends.entries()) {
      const size = this.#sizes[node] as number;
      pos = writeLength(into, pos, QuicklistContainer.PACKED);
      pos = writeLength(into, pos, size);
      writeEmptyListpack(into, pos);
      writer.open(into, pos);
      for (; i < end; i++) writer.insert(writer.end, elements.bytes, elements.start(i), elements.length(i));
      pos += size;
    }
  }
}
