/**
 * What becomes of one entry that a consumer group gives out: delivered, repeated, claimed. For the handlers that do it at once, and for
 * those that do it in slices (streams-many.ts), which have a `GroupReading` of their own.
 */
import { EntryId } from "../encodings/entry-id.ts";
import { IdTree } from "../overlay/encodings/id-tree.ts";
import { type NativeStream, readNodeId } from "../overlay/encodings/stream.ts";
import {
  deliveriesHigh,
  deliveriesLow,
  deliveryTime,
  type NativeGroup,
  setDelivery,
} from "../overlay/encodings/stream-groups.ts";
import { StreamReader } from "../types/stream.ts";
import { entriesReadEstimate, hasDeletedFrom } from "../types/stream-groups.ts";

const MAX_ID = new EntryId().setMax();
/** An entry that is not so far ahead is come to entry by entry. */
const NEAR = 64;
/** Pending entries that XAUTOCLAIM looks at, for each that it may answer. */
export const LOOKS_PER_CLAIM = 10;

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

/** What becomes of an entry that is claimed. */
export interface ClaimRules {
  /** One that is not pending is claimed, too. */
  readonly isForced: boolean;
  /** One that was delivered later than so many ms ago is not claimed. */
  readonly idleMsMin: number;
  /** Unix time in ms. */
  readonly deliveredAtMs: number;
  /** -1n: one more than before, where entries are asked for. */
  readonly retryCount: bigint;
  /** No entries, their IDs only. */
  readonly justId: boolean;
}

/**
 * The pending entry of this ID, at which the group's `pending` stands, becomes a consumer's, if it has waited so long: `reader` stands at it
 * then. "gone" where it is not in the stream any more: it is pending no longer, and `pending` stands nowhere. Throws ArenaFull, nothing changed.
 */
export function claimPending(
  reading: GroupReading,
  id: EntryId,
  pending: number,
  rules: ClaimRules,
  consumer: number,
  nowMs: number,
): "none" | "claimed" | "gone" {
  const { group, stream } = reading;
  if (!reading.has(id)) {
    group.removePending(id, pending);
    return "gone";
  }
  const { idleMsMin } = rules;
  if (idleMsMin > 0 && nowMs - deliveryTime(stream.blocks, pending) < idleMsMin) return "none";
  group.assign(id, pending, consumer);
  noteClaimed(reading, pending, rules, consumer, nowMs);
  return "claimed";
}

/** As claimPending, of any ID. */
export function claimOne(
  reading: GroupReading,
  id: EntryId,
  rules: ClaimRules,
  consumer: number,
  nowMs: number,
): "none" | "claimed" | "gone" {
  const { group } = reading;
  const pending = group.findPending(id);
  if (pending !== 0) return claimPending(reading, id, pending, rules, consumer, nowMs);
  if (!rules.isForced || !reading.has(id)) return "none";
  noteClaimed(reading, group.addPending(id, consumer, nowMs, 0, 1), rules, consumer, nowMs);
  return "claimed";
}

/** The pending entry has just become a consumer's. */
function noteClaimed(
  { stream, group }: GroupReading,
  pending: number,
  { retryCount, justId, deliveredAtMs }: ClaimRules,
  consumer: number,
  nowMs: number,
): void {
  const { blocks } = stream;
  let high = deliveriesHigh(blocks, pending);
  let low = deliveriesLow(blocks, pending);
  if (retryCount >= 0n) {
    high = Number(BigInt.asIntN(32, retryCount >> 32n));
    low = Number(BigInt.asIntN(32, retryCount));
  } else if (!justId) {
    low = (low + 1) | 0;
    if (low === 0) high++;
  }
  setDelivery(blocks, pending, deliveredAtMs, high, low);
  group.setActiveTime(consumer, nowMs);
}

/** Claims what is pending in a group in order of IDs, as much as there is, or is asked for. */
export class Autoclaim {
  /** The entry that was looked at last. */
  readonly id = new EntryId();
  readonly #reading: GroupReading;
  readonly #rules: ClaimRules;
  readonly #consumer: number;
  readonly #nowMs: number;
  /** Entries that may yet be looked at, and answered. */
  #looks: number;
  #left: number;
  #isThere: boolean;

  constructor(reading: GroupReading, from: EntryId, max: number, rules: ClaimRules, consumer: number, nowMs: number) {
    this.#reading = reading;
    this.#rules = rules;
    this.#consumer = consumer;
    this.#nowMs = nowMs;
    this.#looks = max * LOOKS_PER_CLAIM;
    this.#left = max;
    this.#isThere = this.#seek(from);
  }

  /** Looks at the next entry: what has become of it; "end" where there is none, or enough has been done. Throws ArenaFull, nothing changed. */
  next(): "none" | "claimed" | "gone" | "end" {
    if (!this.#isThere || this.#looks <= 0 || this.#left <= 0) return "end";
    const { id } = this;
    const { pending } = this.#reading.group;
    this.#looks--;
    readNodeId(pending, id);
    const change = claimPending(this.#reading, id, pending.handle, this.#rules, this.#consumer, this.#nowMs);
    // What has been removed has its place taken by the next one.
    this.#isThere = change === "gone" ? this.#seek(id) : pending.next();
    if (change !== "none") this.#left--;
    return change;
  }

  /** Where the next call would begin, 0-0 at the end. */
  readCursor(into: EntryId): EntryId {
    return this.#isThere ? readNodeId(this.#reading.group.pending, into) : into.setMin();
  }

  #seek(id: EntryId): boolean {
    const { pending } = this.#reading.group;
    pending.seekId(id.msHigh, id.msLow, id.seqHigh, id.seqLow);
    return pending.settle();
  }
}
