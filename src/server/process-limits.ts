/**
 * The open-files limit of this process, and how many clients it leaves room for.
 */
import { readFileSync } from "node:fs";

/** Descriptors that Folio itself needs: the snapshot, its index, listeners, the log, the runtime's own. */
const FDS_RESERVED = 32;

/** The soft limit of open files; Infinity when the system does not tell. */
export function openFilesMax(): number {
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return found === undefined || found === "unlimited" ? Number.POSITIVE_INFINITY : Number(found);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How many of `wanted` clients fit under the limit; ≤ 0: not even one. */
export function clientsPossible(wanted: number, openFiles = openFilesMax()): number {
  return Math.min(wanted, openFiles - FDS_RESERVED);
}
