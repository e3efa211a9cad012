/** The `save` directive: after so many seconds, if so many changes. */

interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

export class SavePoints {
  #text = "";
  #points: readonly SavePoint[] = [];

  /** Takes the directive's value: "3600 1 300 100", "" for none. */
  set(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    const numbers = text.split(" ").map(Number);
    this.#points = Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => ({
      seconds: numbers[2 * i] as number,
      changes: numbers[2 * i + 1] as number,
    }));
  }

  get count(): number {
    return this.#points.length;
  }

  /** The first that is reached, with `seconds` since the last save and `changes` since then. */
  reached(seconds: number, changes: number): SavePoint | undefined {
    return this.#points.find((point) => changes >= point.changes && seconds > point.seconds);
  }
}
