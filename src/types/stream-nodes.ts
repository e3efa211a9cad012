/**
 * Where the listpacks of a stream are: the ID of the first entry ever in each (its master ID) and its offset, in ID
 * order. Columns that grow as nodes are met.
 */
/** An entry's ID: each half is an unsigned 64-bit integer. */
export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

/** <0, 0, >0 as stream IDs order. */
export function compareStreamIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

const INITIAL_NODES = 16;

export class StreamNodes {
  count = 0;
  #offsets = new Float64Array(INITIAL_NODES);
  #ms = new BigUint64Array(INITIAL_NODES);
  #seq = new BigUint64Array(INITIAL_NODES);
  #sorted = true;

  clear(): void {
    this.count = 0;
    this.#sorted = true;
  }

  add(ms: bigint, seq: bigint, offset: number): void {
    const { count } = this;
    if (count === this.#offsets.length) this.#grow();
    this.#offsets[count] = offset;
    this.#ms[count] = ms;
    this.#seq[count] = seq;
    this.count = count + 1;
    if (count > 0 && compareStreamIds(this.id(count - 1), this.id(count)) > 0) this.#sorted = false;
  }

  /** All nodes are added: puts them in ID order (Redis writes them so). */
  finish(): void {
    if (this.#sorted) return;
    const nodes = Array.from({ length: this.count }, (_, i) => ({ ...this.id(i), offset: this.offset(i) }));
    nodes.sort(compareStreamIds);
    this.clear();
    for (const { ms, seq, offset } of nodes) this.add(ms, seq, offset);
  }

  offset(node: number): number {
    return this.#offsets[node] as number;
  }

  id(node: number): StreamId {
    return { ms: this.#ms[node] as bigint, seq: this.#seq[node] as bigint };
  }

  /** The last node whose master ID is not behind `id`, -1 when all are. */
  find(id: StreamId): number {
    let low = -1;
    let high = this.count - 1;
    while (low < high) {
      const middle = low + ((high - low + 1) >>> 1);
      if (compareStreamIds(this.id(middle), id) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const size = this.#offsets.length * 2;
    const [offsets, ms, seq] = [this.#offsets, this.#ms, this.#seq];
    this.#offsets = new Float64Array(size);
    this.#offsets.set(offsets);
    this.#ms = new BigUint64Array(size);
    this.#ms.set(ms);
    this.#seq = new BigUint64Array(size);
    this.#seq.set(seq);
  }
}
