/**
 * The pid file: written at start when `pidfile` is given, removed at a clean end.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Log } from "./log.ts";

/** A file that cannot be written is only logged, as Redis does. */
export function writePidFile(path: string, log: Log): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    log("warning", `Cannot write the pid file ${path}: ${(error as Error).message}`);
  }
}

/** Removes the file if it is still this process's. */
export function removePidFile(path: string): void {
  try {
    if (readFileSync(path, "utf8").trim() === String(process.pid)) rmSync(path);
  } catch {
    // Not there any more.
  }
}
