/**
 * The key of a layer that was found last. A command that finds a key and then writes it would look it up three times: to read it, to know
 * its expiry, to bury it. A lookup in a layer is two cache misses and more; comparing the key again is none.
 */
import type { Layer } from "../layer/layer.ts";
import type { Record } from "../rdb/record.ts";
import { Span } from "../util/span.ts";

export class LastFound {
  /** The slot that has the key, and its expiry in milliseconds since 1970, -1 without one. */
  slot = -1;
  expireAtMs = -1;
  #layer: Layer | null = null;
  readonly #key = new Span();

  /** A layer has been found to have the key of `record` in this slot. */
  note(layer: Layer, slot: number, record: Record): void {
    const { key } = record;
    this.slot = slot;
    this.expireAtMs = record.expireAtMs;
    // A key that had to be decoded lies in the record's scratch, where the next one will lie: it is not recognised again.
    this.#layer = key.bytes === record.cursor.bytes ? layer : null;
    this.#key.set(key.bytes, key.start, key.length);
  }

  /** Whether it is this key of this layer. */
  is(layer: Layer, bytes: Uint8Array, start: number, length: number): boolean {
    return this.#layer === layer && this.#key.equals(bytes, start, length);
  }

  forget(): void {
    this.#layer = null;
  }
}
