/**
 * Where the listpacks of a stream are that lies in a file: the ID of the first entry ever in each (its master ID) and its offset, in ID
 * order. Columns that grow as nodes are met.
 */
import { EntryId } from "../encodings/entry-id.ts";

const INITIAL_NODES = 16;
const ID_WORDS = 4;

export class StreamNodes {
  count = 0;
  #offsets = new Float64Array(INITIAL_NODES);
  #ids = new Int32Array(INITIAL_NODES * ID_WORDS);
  #sorted = true;
  readonly #id = new EntryId();

  clear(): void {
    this.count = 0;
    this.#sorted = true;
  }

  add(id: EntryId, offset: number): void {
    const { count } = this;
    if (count === this.#offsets.length) this.#grow();
    if (count > 0 && this.readId(count - 1, this.#id).compare(id) > 0) this.#sorted = false;
    this.#offsets[count] = offset;
    const at = count * ID_WORDS;
    this.#ids[at] = id.msHigh;
    this.#ids[at + 1] = id.msLow;
    this.#ids[at + 2] = id.seqHigh;
    this.#ids[at + 3] = id.seqLow;
    this.count = count + 1;
  }

  /** All nodes are added: puts them in ID order (Redis writes them so). */
  finish(): void {
    if (this.#sorted) return;
    const nodes = Array.from({ length: this.count }, (_, i) => ({
      id: this.readId(i, new EntryId()),
      offset: this.offset(i),
    }));
    nodes.sort((a, b) => a.id.compare(b.id));
    this.clear();
    for (const { id, offset } of nodes) this.add(id, offset);
  }

  offset(node: number): number {
    return this.#offsets[node] as number;
  }

  readId(node: number, into: EntryId): EntryId {
    const ids = this.#ids;
    const at = node * ID_WORDS;
    return into.set(ids[at] as number, ids[at + 1] as number, ids[at + 2] as number, ids[at + 3] as number);
  }

  /** The IDs of the first nodes, ID_WORDS each, as many as have room; how many they are. */
  first(into: Int32Array): number {
    const count = Math.min(this.count, Math.floor(into.length / ID_WORDS));
    into.set(this.#ids.subarray(0, count * ID_WORDS));
    return count;
  }

  /** The last node whose master ID is not behind `id`, -1 when all are. */
  find(id: EntryId): number {
    let low = -1;
    let high = this.count - 1;
    while (low < high) {
      const middle = low + ((high - low + 1) >>> 1);
      if (this.readId(middle, this.#id).compare(id) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const size = this.#offsets.length * 2;
    const [offsets, ids] = [this.#offsets, this.#ids];
    this.#offsets = new Float64Array(size);
    this.#offsets.set(offsets);
    this.#ids = new Int32Array(size * ID_WORDS);
    this.#ids.set(ids);
  }
}
