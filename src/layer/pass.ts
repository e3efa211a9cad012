/** What the passes of a build, each in its Worker, share with the thread that ordered them. */

import type { Mapping } from "../mmap/mapping.ts";

/** Bytes between two reports of a pass. */
export const REPORT_BYTES = 4 * 2 ** 20;
/** The kernel's own read-ahead on a mapping is too short for a disk: so much is asked for in front of a pass. */
const AHEAD_BYTES = 16 * 2 ** 20;

/** How a pass tells how far it is, and learns that it is to end. */
export interface PassControl {
  /** Called every few MiB. Throws PassStopped when the build has been given up. */
  report(bytes: number, keys: number): void;
}

/** The build was given up: the Worker ends quietly. */
export class PassStopped extends Error {
  constructor() {
    super("the build was given up");
    this.name = "PassStopped";
  }
}

/**
 * A pass has come from offset `from` to `to`: what lies behind is given back to the page cache (a memory cgroup may be small), what
 * lies ahead is asked for.
 */
export function movePast(mapping: Mapping, from: number, to: number): void {
  if (to > from) mapping.advise("dontneed", from, to - from);
  const start = from === 0 ? to : Math.max(to, from + AHEAD_BYTES);
  const end = Math.min(to + AHEAD_BYTES, mapping.size);
  if (end > start) mapping.advise("willneed", start, end - start);
}
