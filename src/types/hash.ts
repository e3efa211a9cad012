import type { Record } from "../rdb/record.ts";
import { Element } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";

/** A hash where it lies in the RDB file. Fields whose own TTL has passed at `nowMs` are absent everywhere. */
export class HashReader {
  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {}
  readonly field = new Element();
  readonly value = new Element();
  /** Unix time in ms when the current field expires, -1 when never. */
  fieldExpireAtMs = -1;

  open(_record: Record, _nowMs: number): void {
    throw new Error("not built yet");
  }
  /** Number of living fields. Walks the hash (once) when fields have TTLs of their own. */
  get count(): number {
    throw new Error("not built yet");
  }
  /** Back before the first field. */
  rewind(): void {
    throw new Error("not built yet");
  }
  get encoding(): "listpack" | "listpackex" | "hashtable" {
    throw new Error("not built yet");
  }
  /** Moves to the next field: sets field, value, fieldExpireAtMs; false at the end. */
  nextField(): boolean {
    throw new Error("not built yet");
  }
  /** Finds a field: sets field, value, fieldExpireAtMs when there. Moves the iteration: rewind() before walking again. */
  find(_bytes: Uint8Array, _start: number, _length: number): boolean {
    throw new Error("not built yet");
  }
}
