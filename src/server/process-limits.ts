/**
 * The open-files limit of this process, and how many clients it leaves room for.
 */
import { readFileSync } from "node:fs";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

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

/** Lowers maxclients to what the limit leaves room for. Throws StartError when that is nobody. */
export function limitClients(config: Config, log: Log): void {
  const wanted = config.number("maxclients");
  const possible = clientsPossible(wanted);
  if (possible >= wanted) return;
  if (possible < 1) {
    throw new StartError(
      `the limit of open files (${openFilesMax()}) leaves no room for clients: raise it (ulimit -n)`,
    );
  }
  config.load("maxclients", [String(possible)]);
  log(
    "warning",
    `The limit of open files (${openFilesMax()}) leaves room for ${possible} of ${wanted} clients: maxclients is ` +
      `${possible} now. Raise the limit with 'ulimit -n ${wanted + FDS_RESERVED}' or lower maxclients`,
  );
}

/** How many of `wanted` clients fit under the limit; ≤ 0: not even one. */
export function clientsPossible(wanted: number, openFiles = openFilesMax()): number {
  return Math.min(wanted, openFiles - FDS_RESERVED);
}
