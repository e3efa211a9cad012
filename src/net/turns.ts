/**
 * Connections whose pipelines were longer than one turn: each turn of the event loop one of them goes on, so that a client
 * with one request waits for one of them at most.
 */
export interface Waiting {
  takeTurn(): void;
}

export class Turns {
  #waiting: Waiting[] = [];
  #scheduled = false;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** `waiting.takeTurn` is called once, in a later turn. */
  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#waiting.shift()?.takeTurn();
      this.#schedule();
    });
  }
}
