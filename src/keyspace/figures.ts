/** What the overlays of a keyspace hold, added up for INFO and MEMORY: a walk over the databases, not for every command. */
import type { Overlay } from "../overlay/overlay.ts";
import type { Keyspace } from "./keyspace.ts";
import { overlays } from "./scan.ts";

/** Bytes, but for the counts. */
export interface OverlayFigures {
  /** Keys in overlays. */
  readonly keys: number;
  /** Blocks and tables in use, also of overlays that are being given back, and what was freed but may still be looked at. */
  readonly usedBytes: number;
  /** Of these, what maxmemory does not count: no key needs it any more. */
  readonly goneBytes: number;
  /** Of these, hash tables. */
  readonly tableBytes: number;
  /** Of these, what a save that runs has frozen. */
  readonly frozenBytes: number;
  /** Of the units that arenas consist of: those with blocks; those with memory of the system's. */
  readonly committedBytes: number;
  readonly residentBytes: number;
}

export function overlayFigures(keyspace: Keyspace): OverlayFigures {
  const { tally, pins } = keyspace;
  const sums = { keys: 0, tableBytes: 0, frozenBytes: 0, committedBytes: 0, residentBytes: 0 };
  const add = ({ arena }: Overlay) => {
    sums.committedBytes += arena.committedBytes;
    sums.residentBytes += arena.residentBytes;
  };
  for (const database of keyspace.databases) {
    for (const overlay of overlays(database)) {
      add(overlay);
      sums.tableBytes += overlay.tableBytes;
      sums.keys += overlay.keys;
    }
    sums.frozenBytes += database.frozen?.usedBytes ?? 0;
  }
  for (const overlay of keyspace.leaving()) add(overlay);
  return {
    ...sums,
    usedBytes: tally.usedBytes + pins.waitingBytes,
    goneBytes: tally.goneBytes + pins.waitingBytes,
  };
}
