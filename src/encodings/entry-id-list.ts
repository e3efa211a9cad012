/** IDs of a stream's entries in the order in which they were put here: four words each, in arrays of which one more is made when they are full. */
import type { EntryId } from "./entry-id.ts";

const ID_WORDS = 4;
const IDS_PER_PART = 1024;

export class EntryIdList {
  count = 0;
  readonly #parts: Int32Array[] = [];

  push(id: EntryId): void {
    const place = this.count % IDS_PER_PART;
    if (place === 0) this.#parts.push(new Int32Array(IDS_PER_PART * ID_WORDS));
    const part = this.#parts[this.#parts.length - 1] as Int32Array;
    const at = place * ID_WORDS;
    part[at] = id.msHigh;
    part[at + 1] = id.msLow;
    part[at + 2] = id.seqHigh;
    part[at + 3] = id.seqLow;
    this.count++;
  }

  /** The ID number `index`, which there is. */
  read(index: number, into: EntryId): EntryId {
    const part = this.#parts[Math.floor(index / IDS_PER_PART)] as Int32Array;
    const at = (index % IDS_PER_PART) * ID_WORDS;
    return into.set(part[at] as number, part[at + 1] as number, part[at + 2] as number, part[at + 3] as number);
  }
}
