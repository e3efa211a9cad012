/**
 * One bit a slot of a database: set when the key was deleted or overwritten above the layer. The index stays as it is.
 * Memory comes in chunks of 4 KiB (32,768 slots) as bits are set: none for a layer nobody has written over.
 */
const CHUNK_SLOTS = 2 ** 15;

export class DeadBits {
  /** Bits set. */
  count = 0;
  readonly #chunks: (Uint32Array | undefined)[] = [];

  has(slot: number): boolean {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
    if (chunk === undefined) return false;
    const bit = slot % CHUNK_SLOTS;
    return (((chunk[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0;
  }

  /** Sets the bit; false when it was set. */
  set(slot: number): boolean {
    if (this.has(slot)) return false;
    const number = Math.floor(slot / CHUNK_SLOTS);
    const chunk = (this.#chunks[number] ??= new Uint32Array(CHUNK_SLOTS / 32));
    const bit = slot % CHUNK_SLOTS;
    chunk[bit >>> 5] = (chunk[bit >>> 5] as number) | (1 << (bit & 31));
    this.count++;
    return true;
  }
}
