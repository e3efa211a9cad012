/**
 * Where the nodes of a big collection are: for node i the offset in the file and the index of its first element.
 * Columns of numbers that grow as nodes are met (never on the word of a count in the file); kept for the next one.
 */
const INITIAL_NODES = 16;
const RETAINED_NODES_MAX = 65536;

export class NodeDirectory {
  count = 0;
  #offsets = new Float64Array(INITIAL_NODES);
  #firsts = new Float64Array(INITIAL_NODES);
  #plain = new Uint8Array(INITIAL_NODES);

  clear(): void {
    this.count = 0;
    if (this.#offsets.length > RETAINED_NODES_MAX) this.#resize(INITIAL_NODES);
  }

  /** Adds a node behind the last: its offset, the index of its first element, whether it is one element as it is. */
  add(offset: number, first: number, plain: boolean): void {
    const { count } = this;
    if (count === this.#offsets.length) this.#resize(count * 2);
    this.#offsets[count] = offset;
    this.#firsts[count] = first;
    this.#plain[count] = plain ? 1 : 0;
    this.count = count + 1;
  }

  offset(node: number): number {
    return this.#offsets[node] as number;
  }

  first(node: number): number {
    return this.#firsts[node] as number;
  }

  isPlain(node: number): boolean {
    return this.#plain[node] === 1;
  }

  /** The node that holds element `index`: the last whose first element is not behind it. */
  find(index: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.first(middle) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #resize(nodes: number): void {
    const kept = Math.min(this.count, nodes);
    const offsets = new Float64Array(nodes);
    const firsts = new Float64Array(nodes);
    const plain = new Uint8Array(nodes);
    offsets.set(this.#offsets.subarray(0, kept));
    firsts.set(this.#firsts.subarray(0, kept));
    plain.set(this.#plain.subarray(0, kept));
    this.#offsets = offsets;
    this.#firsts = firsts;
    this.#plain = plain;
  }
}
