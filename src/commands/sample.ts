/**
 * Choosing at random from collections that can only be walked: SRANDMEMBER and HRANDFIELD answer from one walk (or, for
 * repeated choices in random order, one walk per batch), whatever the collection's encoding.
 */

/** A number from 0 to below `size`, each as likely. */
export function randomIndex(size: number): number {
  return Math.floor(Math.random() * size);
}

/**
 * Chooses `wanted` of `size` positions, each subset as likely, as a walk comes past them: ask once for each position, in
 * order. (Knuth, The Art of Computer Programming, 3.4.2, algorithm S.)
 */
export class Selection {
  #left: number;
  #wanted: number;

  constructor(size: number, wanted: number) {
    this.#left = size;
    this.#wanted = wanted;
  }

  /** Whether the next position is chosen. */
  take(): boolean {
    const chosen = Math.random() * this.#left-- < this.#wanted;
    if (chosen) this.#wanted--;
    return chosen;
  }
}

/** `count` positions below `size` drawn with repetition, in the order of drawing and in the order of a walk. */
export class Draw {
  readonly positions: Float64Array;
  /** Indexes into `positions`, ascending by position. */
  readonly walk: Uint32Array;

  constructor(size: number, count: number) {
    this.positions = new Float64Array(count);
    this.walk = new Uint32Array(count);
    // Position and index in one number each: these sort without a comparison in JavaScript.
    const order = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const position = randomIndex(size);
      this.positions[i] = position;
      order[i] = position * count + i;
    }
    order.sort();
    for (let i = 0; i < count; i++) this.walk[i] = (order[i] as number) % count;
  }
}
