import type { Record } from "../rdb/record.ts";
import { Elements } from "./elements.ts";
import { DEFAULT_LIMITS, type EncodingLimits } from "./limits.ts";

/** A list where it lies in the RDB file. Reads go through `record.cursor`; valid while the record stays where it is. */
export class ListReader extends Elements {
  constructor(readonly limits: EncodingLimits = DEFAULT_LIMITS) {
    super();
  }
  /** Number of elements, set by open(). */
  count = 0;
  /** Index of the current element; -1 before the first. */
  index = -1;

  /** Opens the record's value (from any position of its cursor); before the first element. */
  open(_record: Record): void {
    throw new Error("not built yet");
  }
  /** As Redis 7.2 would hold the list after loading it. May walk. */
  get encoding(): "listpack" | "quicklist" {
    throw new Error("not built yet");
  }
  next(): boolean {
    throw new Error("not built yet");
  }
  /** Moves to the element before; false at the start. */
  previous(): boolean {
    throw new Error("not built yet");
  }
  /** Puts the reader before element `index` (0 … count): next() reads it, previous() reads index - 1. */
  seek(_index: number): void {
    throw new Error("not built yet");
  }
  /** Reads element `index`, negative from the end as in LINDEX; false when there is none. */
  at(_index: number): boolean {
    throw new Error("not built yet");
  }
}
