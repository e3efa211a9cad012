/** What makers of random commands share: draws from one source of random numbers, so that a seed repeats all that is made. */

export class RandomWords {
  readonly #random: () => number;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.#random();
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** One to `max` of what `make` makes. */
  some<T>(max: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.below(max) }, make);
  }

  /** A binary string. */
  bytes(length: number): string {
    return String.fromCharCode(...Array.from({ length }, () => this.below(256)));
  }
}
