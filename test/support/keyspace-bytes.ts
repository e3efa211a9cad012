/** Whether the running sums of a keyspace's bytes are what its entries and tables add up to. */
import { expect } from "bun:test";
import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import { overlays } from "../../src/keyspace/scan.ts";
import type { Overlay } from "../../src/overlay/overlay.ts";
import { SEGMENT_ENTRIES_MAX } from "../../src/overlay/table.ts";

interface Sums {
  used: number;
  gone: number;
  keys: number;
  expiringKeys: number;
}

/** Adds up an overlay, entry by entry. */
function sumsOf(overlay: Overlay): Sums {
  const { table } = overlay;
  const handles = new Int32Array(SEGMENT_ENTRIES_MAX);
  const sums = { used: overlay.tableBytes, gone: 0, keys: 0, expiringKeys: 0 };
  for (let index = 0; index < table.directory.length; index = table.nextSegment(index)) {
    const count = table.collect(index, 0, 2 ** 32, handles);
    for (let i = 0; i < count; i++) {
      const handle = handles[i] as number;
      const bytes = overlay.blockBytes(handle);
      sums.used += bytes;
      if (!overlay.isAlive(handle)) sums.gone += bytes;
      else {
        sums.keys++;
        if (overlay.expireAtMs(handle) !== -1) sums.expiringKeys++;
      }
    }
  }
  return sums;
}

export function expectBytesAddUp(keyspace: Keyspace): void {
  let used = 0;
  let gone = 0;
  for (const database of keyspace.databases) {
    for (const overlay of overlays(database)) {
      const sums = sumsOf(overlay);
      const { usedBytes, goneBytes, keys, expiringKeys } = overlay;
      expect({ used: usedBytes, gone: goneBytes, keys, expiringKeys }).toEqual(sums);
      used += sums.used;
      gone += sums.gone;
    }
  }
  for (const { usedBytes } of keyspace.leaving()) {
    used += usedBytes;
    gone += usedBytes;
  }
  const { usedBytes, goneBytes } = keyspace.tally;
  expect({ usedBytes, goneBytes }).toEqual({ usedBytes: used, goneBytes: gone });
}
