/**
 * Checks a stream as Redis does when it loads one, moving over it: keys of nodes are ids, listpacks have sound
 * headers and are not empty, no group or consumer stands twice, no id is pending twice, and a consumer's pending ids
 * are among its group's. The layout is drawn in stream-skip.ts.
 *
 * Stricter than Redis in one point: nodes must ascend by id, as every server writes them, because they are read where
 * they lie.
 */
import { validateListpack } from "../encodings/listpack.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { badValue } from "./bad-value.ts";
import { readCount, readLength64, skipLength } from "./length.ts";
import { RdbType } from "./opcodes.ts";
import { PendingIds } from "./pending-ids.ts";
import type { Scratch } from "./scratch.ts";
import { STREAM_ID_BYTES, StreamBytesMin } from "./stream-skip.ts";
import { readString } from "./string.ts";

/** Among so many groups, or consumers of a group, one that stands twice is found. */
const NAMES_COMPARED_MAX = 2 ** 17;
const LISTPACK_HEADER_BYTES = 6;
const LISTPACK_END = 0xff;

export class StreamChecker {
  readonly #blob: Span;
  readonly #scratch: Scratch;
  readonly #id = new Span();
  readonly #pending = new PendingIds();
  readonly #previousId = new Uint8Array(STREAM_ID_BYTES);

  constructor(blob: Span, scratch: Scratch) {
    this.#blob = blob;
    this.#scratch = scratch;
  }

  /** Moves the cursor over the stream's value. Throws FormatError "bad-value", … */
  check(cursor: Cursor, type: number): void {
    const nodes = this.#nodes(cursor, type);
    const offset = cursor.offset;
    if (readLength64(cursor) !== 0n && nodes === 0) throw badValue(offset, type, "entries without a node");
    for (let lengths = type === RdbType.STREAM_LISTPACKS ? 2 : 7; lengths > 0; lengths--) skipLength(cursor);
    const names = new Set<string>();
    for (let groups = readCount(cursor, StreamBytesMin.GROUP); groups > 0; groups--) {
      this.#name(cursor, type, names, "group");
      this.#group(cursor, type);
    }
  }

  #nodes(cursor: Cursor, type: number): number {
    const blob = this.#blob;
    const count = readCount(cursor, StreamBytesMin.NODE);
    for (let node = 0; node < count; node++) {
      const offset = cursor.offset;
      readString(cursor, blob, this.#scratch);
      if (blob.length !== STREAM_ID_BYTES) throw badValue(offset, type, `a node's id of ${blob.length} bytes`);
      if (node > 0 && blob.compare(this.#previousId, 0, STREAM_ID_BYTES) <= 0) {
        throw badValue(offset, type, "nodes that do not ascend by id");
      }
      this.#remember(blob);
      readString(cursor, blob, this.#scratch);
      const problem = validateListpack(blob.bytes, blob.start, blob.length);
      if (problem !== null) throw badValue(offset, type, problem);
      if (blob.bytes[blob.start + LISTPACK_HEADER_BYTES] === LISTPACK_END) {
        throw badValue(offset, type, "an empty listpack");
      }
    }
    return count;
  }

  #group(cursor: Cursor, type: number): void {
    for (let lengths = type === RdbType.STREAM_LISTPACKS ? 2 : 3; lengths > 0; lengths--) skipLength(cursor);
    this.#pendingOfGroup(cursor, type);
    const names = new Set<string>();
    for (let consumers = readCount(cursor, StreamBytesMin.CONSUMER); consumers > 0; consumers--) {
      this.#name(cursor, type, names, "consumer");
      cursor.skip(type === RdbType.STREAM_LISTPACKS_3 ? 16 : 8);
      this.#pendingOfConsumer(cursor, type);
    }
  }

  #pendingOfGroup(cursor: Cursor, type: number): void {
    this.#pending.clear();
    for (let left = readCount(cursor, StreamBytesMin.PENDING), first = true; left > 0; left--, first = false) {
      this.#pendingId(cursor, type, first);
      this.#pending.add(this.#id);
      cursor.skip(8);
      skipLength(cursor);
    }
  }

  #pendingOfConsumer(cursor: Cursor, type: number): void {
    for (let left = readCount(cursor, StreamBytesMin.CONSUMER_PENDING), first = true; left > 0; left--, first = false) {
      const offset = cursor.offset;
      this.#pendingId(cursor, type, first);
      if (!this.#pending.mayHave(this.#id))
        throw badValue(offset, type, "an id pending for a consumer, not for its group");
    }
  }

  /** Reads an id of a list of pending ids; none may stand twice in a row. */
  #pendingId(cursor: Cursor, type: number, first: boolean): void {
    const offset = cursor.offset;
    cursor.span(STREAM_ID_BYTES, this.#id);
    if (!first && this.#id.equals(this.#previousId, 0, STREAM_ID_BYTES)) {
      throw badValue(offset, type, "an id pending twice");
    }
    this.#remember(this.#id);
  }

  #name(cursor: Cursor, type: number, names: Set<string>, what: string): void {
    const offset = cursor.offset;
    readString(cursor, this.#blob, this.#scratch);
    const name = this.#blob.text();
    if (names.has(name)) throw badValue(offset, type, `the ${what} ${JSON.stringify(name)} twice`);
    if (names.size < NAMES_COMPARED_MAX) names.add(name);
  }

  #remember(id: Span): void {
    for (let i = 0; i < STREAM_ID_BYTES; i++) this.#previousId[i] = id.bytes[id.start + i] as number;
  }
}
