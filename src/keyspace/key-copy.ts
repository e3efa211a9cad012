/** The key of an entry, copied out of the overlay before the entry goes: one buffer, used again and again. */
import type { Overlay } from "../overlay/overlay.ts";
import { copyBytes } from "../util/native.ts";
import { Span } from "../util/span.ts";

const KEPT_BYTES_MAX = 64 * 1024;

export class KeyCopy {
  bytes = new Uint8Array(256);
  length = 0;
  readonly #span = new Span();

  /** Valid until the next one is taken. */
  take(overlay: Overlay, handle: number): void {
    const span = this.#span;
    overlay.readKey(handle, span);
    const { length } = span;
    if (length > this.bytes.length || this.bytes.length > KEPT_BYTES_MAX) {
      this.bytes = new Uint8Array(Math.max(256, 2 ** Math.ceil(Math.log2(length + 1))));
    }
    copyBytes(span.bytes, span.start, length, this.bytes, 0);
    this.length = length;
  }
}
