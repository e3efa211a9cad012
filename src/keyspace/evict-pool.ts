/**
 * The best candidates for eviction that samples have shown so far, as Redis's pool: 16 places, the best last. Numbers only, so
 * that going on with sampling makes no garbage. A candidate may be gone when it is asked for: who takes it looks.
 */
import type { Overlay } from "../overlay/overlay.ts";

const PLACES = 16;

export class EvictionPool {
  count = 0;
  /** Of the candidate that `pop` has taken: where its entry lay. */
  overlay: Overlay | null = null;
  hash = 0;
  handle = 0;
  /** Ascending. */
  readonly #scores = new Float64Array(PLACES);
  readonly #hashes = new Int32Array(PLACES);
  readonly #handles = new Int32Array(PLACES);
  readonly #overlays: (Overlay | null)[] = new Array<Overlay | null>(PLACES).fill(null);

  /** Notes a candidate, the higher the score the better, unless 16 better ones are known. */
  offer(score: number, overlay: Overlay, hash: number, handle: number): void {
    if (this.count === PLACES) {
      if (score <= (this.#scores[0] as number)) return;
      this.#move(0, 1, PLACES - 1);
      this.count--;
    }
    let at = this.count;
    while (at > 0 && (this.#scores[at - 1] as number) > score) at--;
    this.#move(at + 1, at, this.count - at);
    this.count++;
    this.#scores[at] = score;
    this.#hashes[at] = hash;
    this.#handles[at] = handle;
    this.#overlays[at] = overlay;
  }

  /** Takes the best candidate; false when there is none. */
  pop(): boolean {
    if (this.count === 0) return false;
    const at = --this.count;
    this.overlay = this.#overlays[at] ?? null;
    this.hash = this.#hashes[at] as number;
    this.handle = this.#handles[at] as number;
    this.#overlays[at] = null;
    return true;
  }

  /** Forgets all: scores of another policy mean nothing. */
  clear(): void {
    this.count = 0;
    this.#overlays.fill(null);
  }

  #move(to: number, from: number, length: number): void {
    this.#scores.copyWithin(to, from, from + length);
    this.#hashes.copyWithin(to, from, from + length);
    this.#handles.copyWithin(to, from, from + length);
    this.#overlays.copyWithin(to, from, from + length);
  }
}
