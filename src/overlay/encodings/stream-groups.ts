/**
 * Consumer groups of a stream in blocks.
 *
 *   list        | count | 0 | handle u32 × count … |                     groups of a stream, consumers of a group: in order of names
 *   group       | tree's root 32: …, last ID delivered | entries read i64 | consumers' list u32 | 0 | name |
 *   consumer    | tree's root 32                       | seen f64 ms | active f64 ms, -1 never     | name |      name: length u32, bytes
 *   pending     | consumer u32 | 0 | delivered f64 ms | deliveries u64 |
 *
 * The group's tree has the pending entries by ID, that of each consumer its own: the same blocks. Entries read: -1 is unknown.
 */
import type { EntryId } from "../../encodings/entry-id.ts";
import { copyBytes } from "../../util/native.ts";
import type { Span } from "../../util/span.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import type { Blocks } from "./blocks.ts";
import { TreeRoot } from "./counted-tree.ts";
import { IdTree } from "./id-tree.ts";
import { readId, UNBOUND, writeId } from "./stream.ts";

/** Words of a group and of a consumer. */
export const GroupWord = { LAST: TreeRoot.USER, READ_LOW: 8, READ_HIGH: 9, CONSUMERS: 10 } as const;
const SEEN = 8;
const ACTIVE = 10;
const NAME = 12;
const NAME_BYTES_AT = 52;
/** Words of a pending entry. */
const CONSUMER = 0;
const TIME = 2;
const COUNT_LOW = 4;
const COUNT_HIGH = 5;
export const PENDING_BYTES = 24;
const LIST_FIRST = 2;
const LIST_HANDLES_MIN = 2;
const NAME_LENGTH_MAX = 2 ** 29;

const FLOAT = new Float64Array(1);
const FLOAT_WORDS = new Int32Array(FLOAT.buffer);

/** The handles of groups or consumers in order of their names. Its own handle stands in a word of its owner's block; 0: empty. */
export class NameList {
  #blocks: Blocks;
  #owner = 0;
  #word = 0;

  constructor(blocks: Blocks = UNBOUND) {
    this.#blocks = blocks;
  }

  /** Binds to the list whose handle is word `word` of block `owner`. */
  bind(blocks: Blocks, owner: number, word: number): this {
    this.#blocks = blocks;
    this.#owner = owner;
    this.#word = word;
    return this;
  }

  get count(): number {
    const list = this.#list;
    return list === 0 ? 0 : wordOf(this.#blocks, list, 0);
  }

  at(index: number): number {
    return wordOf(this.#blocks, this.#list, LIST_FIRST + index);
  }

  /** The index of this name, or -1 - the one where it would be inserted. */
  find(bytes: Uint8Array, start: number, length: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = compareName(this.#blocks, this.at(middle), bytes, start, length);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1 - low;
  }

  /** Throws ArenaFull, nothing changed. */
  insert(index: number, handle: number): void {
    const blocks = this.#blocks;
    const { count } = this;
    let list = this.#list;
    const bytes = 4 * (LIST_FIRST + count + 1);
    if (list === 0 || bytes > blocks.capacity(list)) {
      const grown = blocks.allocate(4 * (LIST_FIRST + Math.max(LIST_HANDLES_MIN, count * 2)));
      const words = wordsOf(blocks, grown);
      const at = baseOf(grown);
      words[at] = count;
      words[at + 1] = 0;
      for (let i = 0; i < count; i++) words[at + LIST_FIRST + i] = this.at(i);
      if (list !== 0) blocks.free(list);
      list = grown;
      this.#list = grown;
    }
    const words = wordsOf(blocks, list);
    const first = baseOf(list) + LIST_FIRST;
    words.copyWithin(first + index + 1, first + index, first + count);
    words[first + index] = handle;
    words[first - LIST_FIRST] = count + 1;
  }

  /** Takes the handle at `index` out; its block stays the caller's. */
  remove(index: number): void {
    const list = this.#list;
    const count = this.count - 1;
    if (count === 0) {
      this.#blocks.free(list);
      this.#list = 0;
      return;
    }
    const words = wordsOf(this.#blocks, list);
    const first = baseOf(list) + LIST_FIRST;
    words.copyWithin(first + index, first + index + 1, first + count + 1);
    words[first - LIST_FIRST] = count;
  }

  /** Frees the list's block, not what it names. */
  free(): void {
    const list = this.#list;
    if (list !== 0) this.#blocks.free(list);
    this.#list = 0;
  }

  get #list(): number {
    return wordOf(this.#blocks, this.#owner, this.#word);
  }

  set #list(handle: number) {
    setWord(this.#blocks, this.#owner, this.#word, handle);
  }
}

/** One consumer group. */
export class NativeGroup {
  readonly pending: IdTree;
  readonly consumers: NameList;
  #blocks: Blocks;
  #handle = 0;
  /** Of the consumer whose list is being changed. */
  readonly #own: IdTree;

  constructor(blocks: Blocks = UNBOUND) {
    this.#blocks = blocks;
    this.pending = new IdTree(blocks);
    this.#own = new IdTree(blocks);
    this.consumers = new NameList(blocks);
  }

  /** A new group's block. Throws ArenaFull. */
  static create(blocks: Blocks, bytes: Uint8Array, start: number, length: number): number {
    return createNamed(blocks, bytes, start, length);
  }

  bind(blocks: Blocks, handle: number): this {
    this.#blocks = blocks;
    this.#handle = handle;
    this.pending.bind(blocks, handle);
    this.consumers.bind(blocks, handle, GroupWord.CONSUMERS);
    return this;
  }

  get handle(): number {
    return this.#handle;
  }

  readLast(into: EntryId): EntryId {
    return readId(wordsOf(this.#blocks, this.#handle), baseOf(this.#handle) + GroupWord.LAST, into);
  }

  writeLast(id: EntryId): void {
    writeId(wordsOf(this.#blocks, this.#handle), baseOf(this.#handle) + GroupWord.LAST, id);
  }

  get readHigh(): number {
    return wordOf(this.#blocks, this.#handle, GroupWord.READ_HIGH);
  }

  get readLow(): number {
    return wordOf(this.#blocks, this.#handle, GroupWord.READ_LOW);
  }

  /** Whether it is known how many entries the group has read. */
  get knowsRead(): boolean {
    return (this.readHigh & this.readLow) !== -1;
  }

  setRead(high: number, low: number): void {
    setWord(this.#blocks, this.#handle, GroupWord.READ_HIGH, high);
    setWord(this.#blocks, this.#handle, GroupWord.READ_LOW, low);
  }

  /** One more entry has been read. */
  countRead(): void {
    const low = (this.readLow + 1) | 0;
    this.setRead(low === 0 ? (this.readHigh + 1) | 0 : this.readHigh, low);
  }

  /** The consumer's handle, 0 where there is none. */
  findConsumer(bytes: Uint8Array, start: number, length: number): number {
    const index = this.consumers.find(bytes, start, length);
    return index < 0 ? 0 : this.consumers.at(index);
  }

  /** Adds a consumer, of a name that is not there; its handle. Throws ArenaFull, nothing changed. */
  addConsumer(bytes: Uint8Array, start: number, length: number, seenMs: number, activeMs: number): number {
    const blocks = this.#blocks;
    const handle = createNamed(blocks, bytes, start, length);
    setFloat(blocks, handle, SEEN, seenMs);
    setFloat(blocks, handle, ACTIVE, activeMs);
    try {
      this.consumers.insert(-1 - this.consumers.find(bytes, start, length), handle);
    } catch (error) {
      blocks.free(handle);
      throw error;
    }
    return handle;
  }

  setSeenTime(consumer: number, ms: number): void {
    setFloat(this.#blocks, consumer, SEEN, ms);
  }

  setActiveTime(consumer: number, ms: number): void {
    setFloat(this.#blocks, consumer, ACTIVE, ms);
  }

  /**
   * Removes up to `max` of the entries that are pending for a consumer, and where none is left the consumer: how many entries that was. Call
   * it again when it were `max`.
   */
  removeConsumer(index: number, max: number): number {
    const blocks = this.#blocks;
    const handle = this.consumers.at(index);
    const own = this.#own.bind(blocks, handle);
    let removed = 0;
    for (own.seekFirst(); removed < max && own.settle(); own.seekFirst()) {
      this.pending.seekId(own.idWord(0), own.idWord(1), own.idWord(2), own.idWord(3));
      this.pending.settle();
      this.pending.removeHere();
      const pending = own.handle;
      own.removeHere();
      blocks.free(pending);
      removed++;
    }
    if (removed === max) return removed;
    this.consumers.remove(index);
    blocks.free(handle);
    return removed;
  }

  /** The pending entry of this ID, 0 where there is none; `pending` stands there then. */
  findPending(id: EntryId): number {
    this.pending.seekId(id.msHigh, id.msLow, id.seqHigh, id.seqLow);
    return this.#pendingHere(id);
  }

  /** An entry becomes a consumer's, delivered to it once, now; of an ID that is behind all that are pending, mostly. Throws ArenaFull. */
  give(id: EntryId, consumer: number, nowMs: number): void {
    this.pending.seekLate(id.msHigh, id.msLow, id.seqHigh, id.seqLow);
    const pending = this.#pendingHere(id);
    if (pending === 0) this.addPending(id, consumer, nowMs, 0, 1);
    else {
      this.assign(id, pending, consumer);
      setDelivery(this.#blocks, pending, nowMs, 0, 1);
    }
  }

  /** The pending entry at the place that was sought for this ID, 0 where that is another's. */
  #pendingHere(id: EntryId): number {
    const { pending } = this;
    if (!pending.settle()) return 0;
    const isIt =
      pending.idWord(3) === id.seqLow &&
      pending.idWord(2) === id.seqHigh &&
      pending.idWord(1) === id.msLow &&
      pending.idWord(0) === id.msHigh;
    return isIt ? pending.handle : 0;
  }

  /** Adds a pending entry, of an ID that `findPending` has just not found; its handle. Throws ArenaFull, nothing changed. */
  addPending(id: EntryId, consumer: number, timeMs: number, countHigh: number, countLow: number): number {
    const blocks = this.#blocks;
    const handle = createPending(blocks, consumer, timeMs, countHigh, countLow);
    try {
      this.pending.addSought(handle, 1);
    } catch (error) {
      blocks.free(handle);
      throw error;
    }
    try {
      this.#addOwn(id, consumer, handle);
    } catch (error) {
      this.findPending(id);
      this.pending.removeHere();
      blocks.free(handle);
      throw error;
    }
    return handle;
  }

  /** A pending entry becomes another consumer's. Throws ArenaFull, nothing changed. */
  assign(id: EntryId, handle: number, consumer: number): void {
    const blocks = this.#blocks;
    const before = pendingConsumer(blocks, handle);
    if (before === consumer) return;
    this.#addOwn(id, consumer, handle);
    this.#removeOwn(id, before);
    setWord(blocks, handle, CONSUMER, consumer);
  }

  /** An entry is pending no longer; false where it was not. */
  acknowledge(id: EntryId): boolean {
    const pending = this.findPending(id);
    if (pending !== 0) this.removePending(id, pending);
    return pending !== 0;
  }

  /** Removes the pending entry where `findPending` has just found it. */
  removePending(id: EntryId, handle: number): void {
    const blocks = this.#blocks;
    this.#removeOwn(id, pendingConsumer(blocks, handle));
    this.pending.removeHere();
    blocks.free(handle);
  }

  #addOwn(id: EntryId, consumer: number, handle: number): void {
    const own = this.#own.bind(this.#blocks, consumer);
    own.add(id.msHigh, id.msLow, id.seqHigh, id.seqLow, handle, 1);
  }

  #removeOwn(id: EntryId, consumer: number): void {
    const own = this.#own.bind(this.#blocks, consumer);
    own.seekId(id.msHigh, id.msLow, id.seqHigh, id.seqLow);
    own.settle();
    own.removeHere();
  }
}

/** A pending entry's block. Throws ArenaFull. */
export function createPending(
  blocks: Blocks,
  consumer: number,
  timeMs: number,
  countHigh: number,
  countLow: number,
): number {
  const handle = blocks.allocate(PENDING_BYTES);
  setWord(blocks, handle, CONSUMER, consumer);
  setWord(blocks, handle, CONSUMER + 1, 0);
  setDelivery(blocks, handle, timeMs, countHigh, countLow);
  return handle;
}

export function pendingConsumer(blocks: Blocks, handle: number): number {
  return wordOf(blocks, handle, CONSUMER);
}

/** When the entry was delivered last, Unix time in ms. */
export function deliveryTime(blocks: Blocks, handle: number): number {
  return floatAt(blocks, handle, TIME);
}

/** How often it was delivered: the halves of 64 bits. */
export function deliveriesHigh(blocks: Blocks, handle: number): number {
  return wordOf(blocks, handle, COUNT_HIGH);
}

export function deliveriesLow(blocks: Blocks, handle: number): number {
  return wordOf(blocks, handle, COUNT_LOW);
}

export function setDelivery(blocks: Blocks, handle: number, timeMs: number, countHigh: number, countLow: number): void {
  setFloat(blocks, handle, TIME, timeMs);
  setWord(blocks, handle, COUNT_LOW, countLow);
  setWord(blocks, handle, COUNT_HIGH, countHigh);
}

/** Unix times in ms of a consumer's last attempt, and of its last success, -1: none. */
export function seenTime(blocks: Blocks, consumer: number): number {
  return floatAt(blocks, consumer, SEEN);
}

export function activeTime(blocks: Blocks, consumer: number): number {
  return floatAt(blocks, consumer, ACTIVE);
}

/** The name of a group or consumer. Valid as long as that exists. */
export function readName(blocks: Blocks, handle: number, into: Span): Span {
  const bytes = blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
  into.set(bytes, ((handle & IN_WINDOW) << 3) + NAME_BYTES_AT, wordOf(blocks, handle, NAME));
  return into;
}

function createNamed(blocks: Blocks, bytes: Uint8Array, start: number, length: number): number {
  if (length > NAME_LENGTH_MAX) throw new RangeError(`a name of ${length} bytes`);
  const handle = blocks.allocate(NAME_BYTES_AT + length);
  wordsOf(blocks, handle).fill(0, baseOf(handle), baseOf(handle) + NAME);
  setWord(blocks, handle, NAME, length);
  const into = blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
  copyBytes(bytes, start, length, into, ((handle & IN_WINDOW) << 3) + NAME_BYTES_AT);
  return handle;
}

function compareName(blocks: Blocks, handle: number, bytes: Uint8Array, start: number, length: number): number {
  const mine = blocks.windows[handle >>> WINDOW_SHIFT] as Uint8Array;
  const at = ((handle & IN_WINDOW) << 3) + NAME_BYTES_AT;
  const own = wordOf(blocks, handle, NAME);
  const shared = Math.min(own, length);
  for (let i = 0; i < shared; i++) {
    const difference = (mine[at + i] as number) - (bytes[start + i] as number);
    if (difference !== 0) return difference;
  }
  return own - length;
}

function wordsOf(blocks: Blocks, handle: number): Int32Array {
  return blocks.words[handle >>> WINDOW_SHIFT] as Int32Array;
}

function baseOf(handle: number): number {
  return (handle & IN_WINDOW) << 1;
}

function wordOf(blocks: Blocks, handle: number, word: number): number {
  return wordsOf(blocks, handle)[baseOf(handle) + word] as number;
}

function setWord(blocks: Blocks, handle: number, word: number, value: number): void {
  wordsOf(blocks, handle)[baseOf(handle) + word] = value;
}

function floatAt(blocks: Blocks, handle: number, word: number): number {
  FLOAT_WORDS[0] = wordOf(blocks, handle, word);
  FLOAT_WORDS[1] = wordOf(blocks, handle, word + 1);
  return FLOAT[0] as number;
}

function setFloat(blocks: Blocks, handle: number, word: number, value: number): void {
  FLOAT[0] = value;
  setWord(blocks, handle, word, FLOAT_WORDS[0] as number);
  setWord(blocks, handle, word + 1, FLOAT_WORDS[1] as number);
}
