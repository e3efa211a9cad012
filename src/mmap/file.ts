/**
 * Files as the layer and the guard need them: identity, nameless temporary files, durable rename.
 * Whatever node:fs does well is left to node:fs.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { LOCK_EX, LOCK_NB, libc, O_TMPFILE } from "./libc.ts";

/** What tells one state of a file from another without reading it. */
export interface FileIdentity {
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
}

/** Of a path (symbolic links followed) or an open descriptor. Throws node:fs errors. */
export function fileIdentity(file: string | number): FileIdentity {
  const stat = typeof file === "number" ? fs.fstatSync(file, { bigint: true }) : fs.statSync(file, { bigint: true });
  return { size: Number(stat.size), mtimeNs: stat.mtimeNs, inode: stat.ino, device: stat.dev };
}

export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode && a.device === b.device;
}

/**
 * Opens a new empty file of `directory` that has no name: it vanishes with its last descriptor and mapping, also when the
 * process is killed. Read and write, mode 0600. The caller closes it. Throws node:fs errors (EACCES, EROFS, ENOSPC, …).
 */
export function openUnlinked(directory: string): number {
  if (process.platform === "linux") {
    try {
      return fs.openSync(directory, fs.constants.O_RDWR | O_TMPFILE, 0o600);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Old file systems do not know O_TMPFILE and say one of these; everything else is a real refusal.
      if (code !== "EOPNOTSUPP" && code !== "ENOTSUP" && code !== "EISDIR" && code !== "EINVAL") throw error;
    }
  }
  const path = join(directory, `.folio-${process.pid}-${crypto.randomUUID()}.tmp`);
  const fd = fs.openSync(path, "wx+", 0o600);
  fs.unlinkSync(path);
  return fd;
}

/**
 * Locks the open file for this process, until the descriptor is closed or the process ends. False where another has it,
 * and where the file system has no locks.
 */
export function lockFile(fd: number): boolean {
  return libc.flock(fd, LOCK_EX | LOCK_NB) === 0;
}

/** Makes renames and new names in `directory` durable. File systems that cannot sync a directory are left alone. */
function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, "r");
  try {
    fs.fsyncSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** fsync of `fd` (the file at `from`), rename onto `to`, fsync of the directory: after this `to` is the new file, for good. */
export function publishFile(fd: number, from: string, to: string): void {
  fs.fsyncSync(fd);
  fs.renameSync(from, to);
  syncDirectory(dirname(to));
}

/** Reads exactly `length` bytes at `offset`, or as many as the file has. Returns the number read. */
export function readFully(fd: number, into: Uint8Array, offset: number, length = into.length): number {
  let done = 0;
  while (done < length) {
    const read = fs.readSync(fd, into, done, length - done, offset + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Writes all `length` bytes at `offset`. Throws node:fs errors (ENOSPC, EIO, …). */
export function writeFully(fd: number, from: Uint8Array, offset: number, length = from.length): void {
  let done = 0;
  while (done < length) done += fs.writeSync(fd, from, done, length - done, offset + done);
}
