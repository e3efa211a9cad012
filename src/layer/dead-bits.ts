/**
 * One bit a slot of a database: set when the key was deleted or overwritten above the layer. The index stays as it is.
 * Memory comes in chunks of 4 KiB (32,768 slots) as bits are set: none for a layer nobody has written over.
 *
 * `freeze` gives a picture that a Worker may read: chunks are shared memory, and one that the picture has is copied before it
 * is written again.
 */
const CHUNK_SLOTS = 2 ** 15;

/** Chunks by number; absent: no bit of it is set. Slot s is bit s % 32 of word (s % 32768) / 32 of chunk s / 32768. */
export type DeadPicture = readonly (Uint32Array | undefined)[];

export class DeadBits {
  /** Bits set. */
  count = 0;
  /** Bytes of the chunks. */
  bytes = 0;
  readonly #chunks: (Uint32Array | undefined)[] = [];
  /** By chunk: a picture has it. */
  #isPictured: boolean[] = [];

  has(slot: number): boolean {
    const number = Math.floor(slot / CHUNK_SLOTS);
    const chunk = this.#chunks[number];
    if (chunk === undefined) return false;
    const bit = slot - number * CHUNK_SLOTS;
    return (((chunk[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0;
  }

  /** Loads the word that holds the slot's bit, of no meaning: for prefetching. */
  touch(slot: number): number {
    const number = Math.floor(slot / CHUNK_SLOTS);
    const chunk = this.#chunks[number];
    return chunk === undefined ? 0 : (chunk[(slot - number * CHUNK_SLOTS) >>> 5] as number);
  }

  /** Sets the bit; false when it was set. */
  set(slot: number): boolean {
    if (this.has(slot)) return false;
    const number = Math.floor(slot / CHUNK_SLOTS);
    const chunk = this.#writable(number);
    const bit = slot - number * CHUNK_SLOTS;
    chunk[bit >>> 5] = (chunk[bit >>> 5] as number) | (1 << (bit & 31));
    this.count++;
    return true;
  }

  /** The bits as they are now. Costs a step for each chunk. */
  freeze(): DeadPicture {
    this.#isPictured = this.#chunks.map(() => true);
    return this.#chunks.slice();
  }

  #writable(number: number): Uint32Array {
    let chunk = this.#chunks[number];
    if (chunk !== undefined && this.#isPictured[number] !== true) return chunk;
    const old = chunk;
    chunk = new Uint32Array(new SharedArrayBuffer(CHUNK_SLOTS / 8));
    if (old !== undefined) chunk.set(old);
    else this.bytes += CHUNK_SLOTS / 8;
    this.#chunks[number] = chunk;
    this.#isPictured[number] = false;
    return chunk;
  }
}

/** Whether a picture has the slot's bit set. */
export function isDead(picture: DeadPicture, slot: number): boolean {
  const chunk = picture[Math.floor(slot / CHUNK_SLOTS)];
  if (chunk === undefined) return false;
  const bit = slot % CHUNK_SLOTS;
  return (((chunk[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0;
}
