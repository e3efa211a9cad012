/**
 * Many short runs of bytes, numbered 0, 1, 2 … in one growing buffer: what a command keeps of collections when it must
 * look at their elements more than once (sorting, set algebra). No JavaScript object per element.
 *
 *   bytes    | element 0 | element 1 | …
 *   ends     end of element 0, end of element 1, …
 */
const BYTES_FIRST = 1024;
const COUNT_FIRST = 64;
/** JavaScriptCore is slow past this index: what would be bigger is refused. */
const BYTES_MAX = 2 ** 31 - 1;

export class ByteStore {
  /** Valid until the next add. */
  bytes = new Uint8Array(BYTES_FIRST);
  /** Number of elements. */
  count = 0;
  #ends = new Uint32Array(COUNT_FIRST);

  /** Copies the bytes in; returns the element's number. Throws RangeError beyond 2 GiB. */
  add(bytes: Uint8Array, start: number, length: number): number {
    const at = this.used;
    const end = at + length;
    if (end > this.bytes.length) this.#growBytes(end);
    if (this.count === this.#ends.length) this.#growCount();
    const mine = this.bytes;
    if (length < 64) for (let i = 0; i < length; i++) mine[at + i] = bytes[start + i] as number;
    else mine.set(bytes.subarray(start, start + length), at);
    this.#ends[this.count] = end;
    return this.count++;
  }

  /** Bytes in use. */
  get used(): number {
    return this.count === 0 ? 0 : (this.#ends[this.count - 1] as number);
  }

  start(i: number): number {
    return i === 0 ? 0 : (this.#ends[i - 1] as number);
  }

  length(i: number): number {
    return (this.#ends[i] as number) - this.start(i);
  }

  equals(i: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.length(i) !== length) return false;
    const mine = this.bytes;
    const at = this.start(i);
    for (let k = 0; k < length; k++) if (mine[at + k] !== bytes[start + k]) return false;
    return true;
  }

  /** <0, 0, >0 as memcmp orders elements i and j, the shorter first where one is the other's prefix. */
  compare(i: number, j: number): number {
    const { bytes } = this;
    const a = this.start(i);
    const b = this.start(j);
    const shared = Math.min(this.length(i), this.length(j));
    for (let k = 0; k < shared; k++) {
      const difference = (bytes[a + k] as number) - (bytes[b + k] as number);
      if (difference !== 0) return difference;
    }
    return this.length(i) - this.length(j);
  }

  #growBytes(needed: number): void {
    if (needed > BYTES_MAX) throw new RangeError(`the elements take more than ${BYTES_MAX} bytes`);
    const grown = new Uint8Array(Math.min(Math.max(this.bytes.length * 2, needed), BYTES_MAX));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }

  #growCount(): void {
    const grown = new Uint32Array(this.#ends.length * 2);
    grown.set(this.#ends);
    this.#ends = grown;
  }
}
