/**
 * One Folio per data directory: flock(2) on the directory itself.
 *
 * No lock file: nothing to leave behind after a crash, and it works in a directory that cannot be written. The kernel drops
 * the lock with the process. Who holds it is read from /proc/locks.
 */
import * as fs from "node:fs";
import { fileIdentity } from "./file.ts";
import { errno, errnoName, LOCK_EX, LOCK_NB, libc } from "./libc.ts";
import { fromNodeError, MmapError } from "./mmap-error.ts";

export interface DirectoryLock {
  /** False where the directory cannot be locked (no read permission, a file system without locks): `reason` says why. */
  readonly isHeld: boolean;
  readonly reason: string;
  /** Idempotent. */
  release(): void;
}

/**
 * Locks `directory` for this process until release() or its end.
 * Throws MmapError "LOCKED" naming the holder's pid when another process has it, ENOENT or ENOTDIR when there is none.
 */
export function lockDirectory(directory: string): DirectoryLock {
  let fd: number;
  try {
    fd = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return unheld("this user may not list the directory");
    throw fromNodeError("cannot open the data directory", error, directory);
  }
  if (libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return held(fd);
  const code = errnoName(errno());
  const holder = code === "EAGAIN" ? holderPid(fd) : 0;
  fs.closeSync(fd);
  if (code !== "EAGAIN") return unheld(`the file system does not support locks (${code})`);
  throw new MmapError(
    "LOCKED",
    directory,
    `is in use by another Folio (${holder > 0 ? `pid ${holder}` : "its pid is not visible from here"}). ` +
      "Stop that one first, or give this one another directory (--dir)",
  );
}

function held(fd: number): DirectoryLock {
  let isHeld = true;
  return {
    get isHeld() {
      return isHeld;
    },
    reason: "",
    release() {
      if (isHeld) fs.closeSync(fd);
      isHeld = false;
    },
  };
}

function unheld(reason: string): DirectoryLock {
  return { isHeld: false, reason, release() {} };
}

/**
 * The process that holds the flock of the open file `fd`, or 0. A line of /proc/locks:
 *   3: FLOCK  ADVISORY  WRITE 8960 fe:00:2146321 0 EOF
 */
function holderPid(fd: number): number {
  const inode = String(fileIdentity(fd).inode);
  let lines: string[];
  try {
    lines = fs.readFileSync("/proc/locks", "latin1").split("\n");
  } catch {
    return 0;
  }
  for (const line of lines) {
    const fields = line.trim().split(/\s+/);
    // Lines of waiters have "->" in the second field. The device is not compared: btrfs shows another than stat does.
    if (fields[1] === "FLOCK" && fields[5]?.split(":")[2] === inode) return Number(fields[4]);
  }
  return 0;
}
