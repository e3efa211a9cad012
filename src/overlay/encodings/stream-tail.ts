/**
 * The short way to a stream's end, where nearly all is added: an entry whose ID is made of the clock, behind the others in the last node
 * (encodings/stream-node.ts), as long as that has the same fields and room. Nothing but the node and the stream's root changes then. All
 * else is NativeStream's.
 *
 *   bytes u32 | elements u16 | living | deleted | fields | field … | 0 | … entries … | 2 | ms - master's | seq - master's | value … | 4 | end
 *   ──────────────── as three words ────────────────────   compared                    ──────────────────── written ─────────────────────
 */
import type { EntryId } from "../../encodings/entry-id.ts";
import { LISTPACK_BYTES_MAX, ListpackWriter } from "../../encodings/listpack-writer.ts";
import { ENTRY_HEAD_ELEMENTS, EntryFlags } from "../../encodings/stream-node.ts";
import { entryBytesMax, putDifference, putText } from "../../encodings/stream-node-writer.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";
import { type StreamLimits, StreamRoot } from "./stream.ts";

/** In a node's second word: the listpack's number of elements, the counter of those living, the length of that, one byte. */
const ELEMENTS = 0xffff;
/** So many elements are not counted any more. */
const ELEMENTS_UNKNOWN = 0xffff;
const LIVING_SHIFT = 16;
const ONE_BYTE = 1 << 24;
/** In its third word: the counter of those deleted and the number of fields, each with its length. The fields follow. */
const FIELDS_SHIFT = 16;
const FIELDS_AT = 12;
const BYTE = 0xff;
/** The greatest integer that is one byte as an element. */
const BYTE_MAX = 127;
/** Longer fields have another head. */
const SHORT_BYTES_MAX = 63;
const SHORT = 0x80;
const END = 0xff;
const SIGN = 0x80000000 | 0;
const TWO32 = 4294967296;

/** The texts of a request. */
export interface Texts {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly count: number;
}

export class StreamTail {
  readonly #writer = new ListpackWriter();
  /** The clock, and its halves. */
  #nowMs = 0;
  #nowHigh = 0;
  #nowLow = 0;

  /**
   * Appends an entry of the pairs that begin at text `first` to the stream with this root; `id` becomes that of the entry, as XADD's "*"
   * gives it. False, nothing changed but `id`, where that is not all there is to do. The texts must not lie in the stream itself.
   */
  append(
    blocks: Blocks,
    root: number,
    nowMs: number,
    texts: Texts,
    first: number,
    limits: StreamLimits,
    id: EntryId,
  ): boolean {
    const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
    const at = (root & IN_WINDOW) << 1;
    const tail = words[at + StreamRoot.TAIL] as number;
    if (tail === 0 || !this.#choose(words, at + StreamRoot.LAST, nowMs, id)) return false;
    const node = blocks.windows[tail >>> WINDOW_SHIFT] as Uint8Array;
    const nodeWords = blocks.words[tail >>> WINDOW_SHIFT] as Int32Array;
    const nodeAt = (tail & IN_WINDOW) << 1;
    const pos = (tail & IN_WINDOW) << 3;
    const pairs = (texts.count - first) >> 1;
    const total = nodeWords[nodeAt] as number;
    const head = nodeWords[nodeAt + 1] as number;
    const counts = nodeWords[nodeAt + 2] as number;
    const living = (head >>> LIVING_SHIFT) & BYTE;
    const deleted = counts & BYTE;
    if (living >= BYTE_MAX || deleted > BYTE_MAX || pairs > BYTE_MAX || ((counts >>> FIELDS_SHIFT) & BYTE) !== pairs) {
      return false;
    }
    const elements = (head & ELEMENTS) + ENTRY_HEAD_ELEMENTS + pairs + 1;
    if (elements >= ELEMENTS_UNKNOWN) return false;
    const size = sizeWithFields(node, pos + FIELDS_AT, texts, first);
    if (size < 0 || isFull(total + size, living + deleted, limits)) return false;
    if (total + entryBytesMax(size, pairs) > blocks.capacity(tail)) return false;

    const end = this.#write(node, pos, pos + total - 1, words, at + StreamRoot.TAIL_ID, id, texts, first);
    nodeWords[nodeAt] = end + 1 - pos;
    nodeWords[nodeAt + 1] = elements | ((living + 1) << LIVING_SHIFT) | ONE_BYTE;
    noteEntry(words, at, id);
    return true;
  }

  /** Sets `id` to the one of an entry added now, behind the last one, words[at …]; false where that is the last of its millisecond. */
  #choose(words: Int32Array, at: number, nowMs: number, id: EntryId): boolean {
    if (nowMs !== this.#nowMs) {
      this.#nowMs = nowMs;
      this.#nowHigh = Math.floor(nowMs / TWO32);
      this.#nowLow = (nowMs - this.#nowHigh * TWO32) | 0;
    }
    const high = this.#nowHigh;
    const low = this.#nowLow;
    const lastHigh = words[at] as number;
    const lastLow = words[at + 1] as number;
    if (high === lastHigh ? (low ^ SIGN) > (lastLow ^ SIGN) : (high ^ SIGN) > (lastHigh ^ SIGN)) {
      id.msHigh = high;
      id.msLow = low;
      id.seqHigh = 0;
      id.seqLow = 0;
      return true;
    }
    const seqLow = words[at + 3] as number;
    id.msHigh = lastHigh;
    id.msLow = lastLow;
    id.seqHigh = words[at + 2] as number;
    id.seqLow = (seqLow + 1) | 0;
    return seqLow !== -1;
  }

  /** Writes the entry from `from` on, and the listpack's end behind it; where that lies. The master's ID is words[master …]. */
  #write(
    node: Uint8Array,
    pos: number,
    from: number,
    words: Int32Array,
    master: number,
    id: EntryId,
    { bytes, starts, lengths, count }: Texts,
    first: number,
  ): number {
    const writer = this.#writer.open(node, pos);
    node[from] = EntryFlags.SAME_FIELDS;
    node[from + 1] = 1;
    let at = from + 2;
    at = putDifference(writer, node, at, id.msHigh, id.msLow, words[master] as number, words[master + 1] as number);
    at = putDifference(
      writer,
      node,
      at,
      id.seqHigh,
      id.seqLow,
      words[master + 2] as number,
      words[master + 3] as number,
    );
    for (let i = first + 1; i < count; i += 2) {
      at = putText(writer, node, at, bytes, starts[i] as number, lengths[i] as number);
    }
    const elements = ENTRY_HEAD_ELEMENTS + ((count - first) >> 1);
    if (elements > BYTE_MAX) at = writer.putInteger(at, elements);
    else {
      node[at] = elements;
      node[at + 1] = 1;
      at += 2;
    }
    node[at] = END;
    return at;
  }
}

/** Bytes of all texts from `first` on; -1 where the fields are not those of the node, whose first lies at `at`, or one is not short. */
function sizeWithFields(node: Uint8Array, at: number, { bytes, starts, lengths, count }: Texts, first: number): number {
  let size = 0;
  let pos = at;
  for (let i = first; i < count; i += 2) {
    const start = starts[i] as number;
    const length = lengths[i] as number;
    if (length > SHORT_BYTES_MAX || node[pos] !== (SHORT | length)) return -1;
    pos++;
    for (let k = 0; k < length; k++) if (node[pos + k] !== bytes[start + k]) return -1;
    pos += length + 1;
    size += length + (lengths[i + 1] as number);
  }
  return size;
}

function isFull(bytes: number, entries: number, limits: StreamLimits): boolean {
  const bytesMax = limits["stream-node-max-bytes"];
  const entriesMax = limits["stream-node-max-entries"];
  if (bytes >= (bytesMax === 0 ? LISTPACK_BYTES_MAX : bytesMax)) return true;
  return bytes >= LISTPACK_BYTES_MAX || (entriesMax > 0 && entries >= entriesMax);
}

/** The stream's root, words[at …]: an entry more, whose ID is the last. */
function noteEntry(words: Int32Array, at: number, id: EntryId): void {
  const low = ((words[at + StreamRoot.ADDED_LOW] as number) + 1) | 0;
  words[at + StreamRoot.ADDED_LOW] = low;
  if (low === 0) words[at + StreamRoot.ADDED_HIGH] = ((words[at + StreamRoot.ADDED_HIGH] as number) + 1) | 0;
  const length = ((words[at + StreamRoot.LENGTH] as number) + 1) | 0;
  words[at + StreamRoot.LENGTH] = length;
  noteId(words, at + StreamRoot.LAST, id);
  if (length === 1) noteId(words, at + StreamRoot.FIRST, id);
}

function noteId(words: Int32Array, at: number, { msHigh, msLow, seqHigh, seqLow }: EntryId): void {
  words[at] = msHigh;
  words[at + 1] = msLow;
  words[at + 2] = seqHigh;
  words[at + 3] = seqLow;
}
