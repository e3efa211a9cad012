/**
 * Sorts a permutation by 32-bit keys: least significant digit first, 11 bits at a time, stable. Digits that are the same in all
 * keys cost one pass over the counts. Arrays are kept between sorts and grow as needed.
 */
const DIGIT_BITS = 11;
const BUCKETS = 1 << DIGIT_BITS;

export class RadixSort {
  /** The permutation: after sort(), keys[order[0]] ≤ keys[order[1]] ≤ … */
  order = new Uint32Array(0);
  #other = new Uint32Array(0);
  readonly #counts = new Uint32Array(BUCKETS);

  /** Makes `order` the identity over `count` items. */
  reset(count: number): void {
    if (this.order.length < count) {
      const capacity = Math.ceil(count * 1.25);
      this.order = new Uint32Array(capacity);
      this.#other = new Uint32Array(capacity);
    }
    const { order } = this;
    for (let i = 0; i < count; i++) order[i] = i;
  }

  /** Sorts order[0 … count) by unsigned keys; ties keep their order, so a second call sorts by a more significant word. */
  sort(keys: Uint32Array, count: number): void {
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) this.#pass(keys, count, shift);
  }

  #pass(keys: Uint32Array, count: number, shift: number): void {
    const counts = this.#counts.fill(0);
    const { order } = this;
    for (let i = 0; i < count; i++) {
      const digit = ((keys[i] as number) >>> shift) & (BUCKETS - 1);
      counts[digit] = (counts[digit] as number) + 1;
    }
    if (count === 0 || counts[((keys[0] as number) >>> shift) & (BUCKETS - 1)] === count) return;
    let sum = 0;
    for (let digit = 0; digit < BUCKETS; digit++) {
      const n = counts[digit] as number;
      counts[digit] = sum;
      sum += n;
    }
    const target = this.#other;
    for (let i = 0; i < count; i++) {
      const item = order[i] as number;
      const digit = ((keys[item] as number) >>> shift) & (BUCKETS - 1);
      const at = counts[digit] as number;
      target[at] = item;
      counts[digit] = at + 1;
    }
    this.#other = order;
    this.order = target;
  }
}
