import type { Record } from "../rdb/record.ts";
import { Element } from "./elements.ts";

/** A stream entry's ID: both halves are unsigned 64-bit. */
export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

/** <0, 0, >0 as stream IDs order. */
export function compareStreamIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

/** Pending entries in ID order, columns of equal length. */
export interface PendingEntries {
  readonly count: number;
  readonly ms: BigUint64Array;
  readonly seq: BigUint64Array;
  /** Unix time in ms of the last delivery. */
  readonly deliveryTimeMs: Float64Array;
  readonly deliveryCount: Float64Array;
  /** Index into the group's consumers. */
  readonly consumer: Int32Array;
}

export interface StreamConsumer {
  /** Binary string. */
  readonly name: string;
  readonly seenTimeMs: number;
  /** -1: never (files before Redis 7.2: as seenTimeMs, as Redis loads them). */
  readonly activeTimeMs: number;
  /** Number of entries pending for this consumer. */
  readonly pendingCount: number;
}

export interface StreamGroup {
  /** Binary string. */
  readonly name: string;
  readonly lastId: StreamId;
  /** -1n: unknown. */
  readonly entriesRead: bigint;
  readonly pending: PendingEntries;
  readonly consumers: readonly StreamConsumer[];
}

/** A stream where it lies in the RDB file. */
export class StreamReader {
  /** Number of living entries. */
  length = 0;
  lastId: StreamId = { ms: 0n, seq: 0n };
  /** ID of the first living entry, 0-0 when there is none. */
  firstId: StreamId = { ms: 0n, seq: 0n };
  maxDeletedId: StreamId = { ms: 0n, seq: 0n };
  entriesAdded = 0n;
  /** Number of listpacks: XINFO's radix-tree-keys. */
  nodeCount = 0;
  /** The current entry's ID, after next(). */
  ms = 0n;
  seq = 0n;
  /** Number of field-value pairs of the current entry. */
  fieldCount = 0;
  readonly field = new Element();
  readonly value = new Element();

  open(_record: Record): void {
    throw new Error("not built yet");
  }
  /**
   * Begins an iteration over the living entries with from ≤ id ≤ to, upwards or (reverse) from `to` down to `from`.
   * open() leaves the reader before the first of all entries.
   */
  seek(_from: StreamId, _to: StreamId, _reverse = false): void {
    throw new Error("not built yet");
  }
  /** Moves to the next living entry: sets ms, seq, fieldCount. */
  next(): boolean {
    throw new Error("not built yet");
  }
  /** Moves to the next field of the current entry: sets field and value; false after fieldCount of them. */
  nextField(): boolean {
    throw new Error("not built yet");
  }
  /** Groups in name order, read anew at each call. */
  groups(): StreamGroup[] {
    throw new Error("not built yet");
  }
}
