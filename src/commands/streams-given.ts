/**
 * What becomes of one entry that a consumer group gives out: delivered, repeated, claimed. For the handlers that do it at once, and for
 * those that do it in slices (streams-many.ts), which have a `GroupReading` of their own.
 */
import { EntryId } from "../encodings/entry-id.ts";
import { IdTree } from "../overlay/encodings/id-tree.ts";
import type { NativeStream } from "../overlay/encodings/stream.ts";
import { deliveriesHigh, deliveriesLow, type NativeGroup, setDelivery } from "../overlay/encodings/stream-groups.ts";
import { StreamReader } from "../types/stream.ts";
import { entriesReadEstimate, hasDeletedFrom } from "../types/stream-groups.ts";

export const MAX_ID: EntryId = new EntryId().setMax();
/** An entry that is not so far ahead is come to entry by entry. */
const NEAR = 64;

/** A stream, a group of it, and who reads what that gives out. */
export class GroupReading {
  readonly stream: NativeStream;
  readonly group: NativeGroup;
  readonly reader = new StreamReader();
  /** What is pending for one consumer. */
  readonly own: IdTree;
  /** `reader` stands at the first living entry from the ID on that `has` was asked for last, or (#isAtEnd) there is none. */
  #isKnown = false;
  #isAtEnd = false;
  readonly #asked = new EntryId();

  /** Both may be bound later. */
  constructor(stream: NativeStream, group: NativeGroup) {
    this.stream = stream;
    this.group = group;
    this.own = new IdTree(stream.blocks);
  }

  /** Reads the stream as it is now: before it is read, and after it was changed. */
  open(): this {
    this.reader.openState(this.stream);
    this.#isKnown = false;
    return this;
  }

  /** Begins an iteration of `reader` over the living entries from this ID on. */
  seek(from: EntryId): void {
    this.#isKnown = false;
    this.reader.seek(from, MAX_ID);
  }

  /** Whether a living entry of this ID is there: `reader` stands at it then. Quick where IDs ascend. */
  has(id: EntryId): boolean {
    if (this.#isKnown && this.#asked.compare(id) <= 0) {
      const { reader } = this;
      if (this.#isAtEnd) return false;
      for (let left = NEAR; left > 0; left--) {
        const order = reader.id.compare(id);
        if (order >= 0) {
          this.#asked.copy(id);
          if (order === 0) reader.rewindFields();
          return order === 0;
        }
        if (reader.next()) continue;
        this.#isAtEnd = true;
        this.#asked.copy(id);
        return false;
      }
    }
    return this.#seek(id);
  }

  #seek(id: EntryId): boolean {
    const { reader } = this;
    reader.seek(id, MAX_ID);
    this.#isKnown = true;
    this.#isAtEnd = !reader.next();
    this.#asked.copy(id);
    return !this.#isAtEnd && reader.id.compare(id) === 0;
  }
}

/** The group has given out the entry where `reader` stands, which becomes a consumer's (0: nobody's). Throws ArenaFull. */
export function deliverOne({ group, reader }: GroupReading, consumer: number, nowMs: number): void {
  if (consumer !== 0) group.give(reader.id, consumer, nowMs);
  noteRead(group, reader);
}

/** The group has been given the entry, which is behind its last one: counts, and notes it as the last. */
function noteRead(group: NativeGroup, reader: StreamReader): void {
  const { id } = reader;
  if (group.knowsRead && !hasDeletedFrom(reader, id)) group.countRead();
  else if ((reader.addedHigh | reader.addedLow) !== 0) {
    const read = entriesReadEstimate(reader, id);
    group.setRead(Number(BigInt.asIntN(32, read >> 32n)), Number(BigInt.asIntN(32, read)));
  }
  group.writeLast(id);
}

/** The pending entry where `own` stands, which is there still, is delivered once more. */
export function repeatOne({ stream, own }: GroupReading, nowMs: number): void {
  const { blocks } = stream;
  const pending = own.handle;
  const low = (deliveriesLow(blocks, pending) + 1) | 0;
  setDelivery(blocks, pending, nowMs, deliveriesHigh(blocks, pending) + (low === 0 ? 1 : 0), low);
}
