/**
 * Who may hold views of bytes that others want to change: commands that run in slices, between two of them.
 *
 *   epoch      n-1              n              n+1
 *   pins       #before          #current       …          none older: a new epoch begins when the older half has let go
 *
 * While any pin is held nothing is changed in place and nothing that is given back is reused. What is given back notes the epoch;
 * it may go when every pin that was held at that moment has been let go of (`isPast`). That comes even where commands in slices
 * overlap without end, so that `count` is never 0.
 */

/** Memory that waits for pins beyond this: commands that wait for their clients to read are run to their end (see slices.ts). */
const WAITING_BYTES_MAX = 64 * 2 ** 20;

export class Pins {
  /** Pins held now. */
  count = 0;
  epoch = 0;
  /** Bytes that were given back and wait for pins. */
  waitingBytes = 0;
  /** Mappings and overlays that wait for pins. */
  waiters = 0;
  /** Of the pins held, those of this epoch; the others are of the epoch before. */
  #current = 0;

  /** Holds what there is from now on; returns what `release` wants back. */
  take(): number {
    const taken = this.epoch;
    this.count++;
    this.#current++;
    this.#advance();
    return taken;
  }

  /** Lets go of what `take` returned. */
  release(taken: number): void {
    if (this.count === 0) throw new Error("a pin was released twice");
    this.count--;
    if (taken === this.epoch) this.#current--;
    // Whatever waits has nobody left to wait for, whoever comes next.
    if (this.count === 0) this.epoch += 2;
    else this.#advance();
  }

  /** Whether all pins that were held when `epoch` was this have been released. */
  isPast(epoch: number): boolean {
    return this.count === 0 || this.epoch - epoch >= 2;
  }

  /** Whether so much waits that pins must not be held for as long as a client likes. */
  get isPressed(): boolean {
    return this.waitingBytes > WAITING_BYTES_MAX;
  }

  /** When no pin of the epoch before is held, those of this one become the ones before. */
  #advance(): void {
    if (this.count !== this.#current) return;
    this.epoch++;
    this.#current = 0;
  }
}
