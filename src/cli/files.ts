/**
 * Tells what a file named on the command line is: a configuration file or a snapshot. Nothing is ever written to it.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { reason } from "../server/config/load.ts";
import { StartError } from "../server/start-error.ts";

export type FileKind = "config" | "snapshot";

const HEAD_BYTES = 512;
/** Opens the file and looks at its first bytes. Throws StartError. */
export function fileKind(path: string): FileKind {
  let fd: number;
  try {
    // Before it is opened: a named pipe that is opened and closed again loses its writer.
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isDirectory()) return specialFile(path, stat);
    fd = openSync(path, "r");
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw cannotOpen(path, error);
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) {
      throw new StartError(
        `${path}: is a directory; expected a snapshot (dump.rdb) or a configuration file. ` +
          `To serve the snapshot in it: folio --dir ${path}`,
      );
    }
    const named = /\.rdb$/i.test(path);
    if (stat.size === 0 && !/\.conf$/i.test(path)) {
      throw new StartError(
        `${path}: at offset 0: found an empty file, expected a snapshot beginning with "REDIS". ` +
          "Take the snapshot again, or remove the file and name its place with --dir and --dbfilename to start empty",
      );
    }
    const head = Buffer.alloc(HEAD_BYTES);
    const text = head.toString("latin1", 0, readSync(fd, head, 0, HEAD_BYTES, 0));
    if (/^(REDIS|VALKEY)/.test(text) || named) return "snapshot";
    if (looksBinary(text)) {
      throw new StartError(
        `${path}: at offset 0: found ${shownBytes(text)}, expected "REDIS" or "VALKEY" and a version: ` +
          "neither a snapshot nor a configuration file. Check that the right file was named and that it is not compressed",
      );
    }
    return "config";
  } finally {
    closeSync(fd);
  }
}

/** A pipe, as of `folio <(generate-config)`, or a device, as /dev/null, can hold a configuration, but nothing to be mapped. */
function specialFile(path: string, stat: Stats): FileKind {
  if ((stat.isFIFO() || stat.isCharacterDevice()) && !/\.rdb$/i.test(path)) return "config";
  const kind = stat.isFIFO() ? "named pipe" : stat.isSocket() ? "socket" : "device";
  throw new StartError(`${path}: is a ${kind}, which cannot be mapped. Copy the snapshot into a regular file`);
}

function cannotOpen(path: string, error: unknown): StartError {
  const what = reason(error);
  const code = (error as { code?: string }).code;
  const advice =
    code === "ENOENT"
      ? "Check the path; to start with an empty dataset, name its place with --dir and --dbfilename"
      : "Check the owner and the permissions of the file and its directory";
  return new StartError(`${path}: cannot be opened: ${what}. ${advice}`);
}

function shownBytes(text: string): string {
  return [...text.slice(0, 9)].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}

/** Holds control characters that a text file does not: all but tab, newline, form feed, carriage return. */
function looksBinary(text: string): boolean {
  return [...text].some((c) => (c < " " && !"\t\n\f\r".includes(c)) || c === "\x7f");
}
