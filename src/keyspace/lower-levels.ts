/**
 * The levels of a database below the one that takes writes: the overlay that is being saved, if one is, and the layers. They are read, and
 * what is written or deleted above dies here; nothing else changes.
 */
import type { Layer } from "../layer/layer.ts";
import { EntryFlag } from "../overlay/entry.ts";
import type { Overlay } from "../overlay/overlay.ts";
import { Record } from "../rdb/record.ts";
import type { AccessClock } from "./access.ts";
import { LastFound } from "./last-found.ts";

const GONE = EntryFlag.TOMBSTONE | EntryFlag.DEAD;
const PROBE = new Record();

/** Database's, as they are now. */
interface Levels {
  readonly frozen: Overlay | null;
  readonly layers: readonly Layer[];
  readonly layerDbid: number;
}

export class LowerLevels {
  readonly #levels: Levels;
  readonly #last = new LastFound();

  constructor(levels: Levels) {
    this.#levels = levels;
  }

  /** Reads the key's record, be it expired or not; false where no level has it, or the first that knows it says that it is gone. */
  find(hash: number, bytes: Uint8Array, start: number, length: number, record: Record): boolean {
    const { frozen, layers, layerDbid } = this.#levels;
    if (frozen !== null) {
      const found = readEntry(frozen, hash, bytes, start, length, record);
      record.entry = 0;
      if (found !== 0) return found > 0;
    }
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i] as Layer;
      const slot = layer.locateHashed(layerDbid, hash, bytes, start, length, record);
      if (slot < 0) continue;
      this.#last.note(layer, slot, record);
      return true;
    }
    return false;
  }

  /** Marks the key dead in the level that has it; whether the file that is being saved will hold it. */
  bury(hash: number, bytes: Uint8Array, start: number, length: number): boolean {
    const { frozen, layers, layerDbid } = this.#levels;
    if (frozen !== null) {
      const handle = frozen.find(hash, bytes, start, length);
      if (handle !== 0) {
        const flags = frozen.flags(handle);
        if ((flags & GONE) === 0) frozen.bury(handle);
        return (flags & EntryFlag.TOMBSTONE) === 0;
      }
    }
    const last = this.#last;
    for (const layer of layers) {
      const isNoted = last.is(layer, bytes, start, length);
      if (!isNoted && !this.#isIn(layer, hash, bytes, start, length)) continue;
      const isBuried = layer.bury(layerDbid, last.slot, last.expireAtMs);
      last.forget();
      // What was noted may have died since: then the layer has the key no more.
      if (isBuried) return true;
    }
    return false;
  }

  /** The access of a key, as LFU has it; -1 when there is none. */
  uses(hash: number, bytes: Uint8Array, start: number, length: number, access: AccessClock): number {
    const { frozen, layers, layerDbid } = this.#levels;
    const isThere =
      (frozen !== null && readEntry(frozen, hash, bytes, start, length, PROBE) > 0) ||
      layers.some((layer) => layer.locateHashed(layerDbid, hash, bytes, start, length, PROBE) >= 0);
    return isThere ? access.restored(-1, access.recordFrequency(PROBE)) : -1;
  }

  /** When a key expires, milliseconds since 1970; -1: never, or there is none. */
  expiry(hash: number, bytes: Uint8Array, start: number, length: number): number {
    const { frozen, layers } = this.#levels;
    if (frozen !== null) {
      const found = readEntry(frozen, hash, bytes, start, length, PROBE);
      if (found !== 0) return found > 0 ? PROBE.expireAtMs : -1;
    }
    for (const layer of layers) {
      if (this.#isIn(layer, hash, bytes, start, length)) return this.#last.expireAtMs;
    }
    return -1;
  }

  /** Whether the layer has the key: `#last` is it then. */
  #isIn(layer: Layer, hash: number, bytes: Uint8Array, start: number, length: number): boolean {
    const last = this.#last;
    const { layerDbid } = this.#levels;
    if (last.is(layer, bytes, start, length) && !layer.isDead(layerDbid, last.slot)) return true;
    const slot = layer.locateHashed(layerDbid, hash, bytes, start, length, PROBE);
    if (slot < 0) return false;
    last.note(layer, slot, PROBE);
    return true;
  }
}

/** Reads the key's entry of an overlay: 1; 0 when it has none, -1 when it says that the key is gone. */
export function readEntry(
  level: Overlay,
  hash: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  record: Record,
): number {
  const handle = level.find(hash, bytes, start, length);
  if (handle === 0) return 0;
  if (!level.isAlive(handle)) return -1;
  level.read(handle, record);
  return 1;
}
