/** Saves that begin, and fail later, between random commands. */
import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import type { RandomWords } from "./random-words.ts";
import { drained } from "./saving.ts";

export class RandomSaves {
  readonly #keyspace: Keyspace;
  readonly #words: RandomWords;
  #thaw: Generator<void, void, void> | null = null;

  /** When they begin and fail is drawn from `words`. */
  constructor(keyspace: Keyspace, words: RandomWords) {
    this.#keyspace = keyspace;
    this.#words = words;
  }

  /** To be called before each command. A save freezes what there is; when it has failed, everything goes back in steps. */
  step(): void {
    // What a timer does: retired overlays give their memory back.
    if (this.#words.below(20) === 0) this.#keyspace.tick();
    if (this.#thaw !== null) {
      if (this.#words.below(3) === 0 && this.#thaw.next().done === true) this.#thaw = null;
    } else if (this.#words.below(60) === 0) {
      if (this.#keyspace.phase === "idle") this.#keyspace.freeze();
      else this.#thaw = this.#keyspace.thaw();
    }
  }

  /** Lets a save that runs fail to its end. */
  end(): void {
    while (this.#thaw !== null) this.step();
    if (this.#keyspace.phase !== "idle") drained(this.#keyspace.thaw());
  }
}
