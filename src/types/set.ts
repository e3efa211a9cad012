import type { Record } from "../rdb/record.ts";
import { Elements } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";

/** A set where it lies in the RDB file. */
export class SetReader extends Elements {
  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }
  /** Number of members, set by open(). */
  count = 0;
  open(_record: Record): void {
    throw new Error("not built yet");
  }
  /** Back before the first member. */
  rewind(): void {
    throw new Error("not built yet");
  }
  get encoding(): "intset" | "listpack" | "hashtable" {
    throw new Error("not built yet");
  }
  next(): boolean {
    throw new Error("not built yet");
  }
  /** Whether these bytes are a member. Leaves the iteration (next) where it was. */
  has(_bytes: Uint8Array, _start: number, _length: number): boolean {
    throw new Error("not built yet");
  }
}
