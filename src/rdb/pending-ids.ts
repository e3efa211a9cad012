/**
 * The ids pending for a stream's group, 16 bytes each in ascending order as every server writes them, kept so that
 * its consumers' ids can be looked up among them. Memory is bounded: beyond IDS_MAX, or out of order, it stops knowing.
 */
import type { Span } from "../util/span.ts";
import { STREAM_ID_BYTES } from "./stream-skip.ts";

const IDS_MAX = 2 ** 20;
const IDS_INITIAL = 64;

export class PendingIds {
  #bytes = new Uint8Array(IDS_INITIAL * STREAM_ID_BYTES);
  #count = 0;
  #known = true;

  clear(): void {
    this.#count = 0;
    this.#known = true;
    if (this.#bytes.length > IDS_INITIAL * STREAM_ID_BYTES) {
      this.#bytes = new Uint8Array(IDS_INITIAL * STREAM_ID_BYTES);
    }
  }

  add(id: Span): void {
    if (!this.#known) return;
    const at = this.#count * STREAM_ID_BYTES;
    if (this.#count === IDS_MAX || (at > 0 && id.compare(this.#bytes, at - STREAM_ID_BYTES, STREAM_ID_BYTES) <= 0)) {
      this.#known = false;
      return;
    }
    if (at === this.#bytes.length) {
      const wider = new Uint8Array(at * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    for (let i = 0; i < STREAM_ID_BYTES; i++) this.#bytes[at + i] = id.bytes[id.start + i] as number;
    this.#count++;
  }

  /** Whether the id may be one of them: false only where it surely is not. */
  mayHave(id: Span): boolean {
    if (!this.#known) return true;
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = id.compare(this.#bytes, middle * STREAM_ID_BYTES, STREAM_ID_BYTES);
      if (order === 0) return true;
      if (order > 0) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }
}
