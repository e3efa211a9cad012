/** Where the index of an RDB lives, and how it is written there: a temporary file that becomes the index, or a nameless one. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { lockFile, openUnlinked, publishFile } from "../mmap/file.ts";

const INDEX_SUFFIX = ".idx";
/** How often a new draft is tried again that another process took for a stale one. */
const DRAFT_ATTEMPTS = 3;
const UNWRITABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]);

/**
 * Path of the index: beside the RDB, or in `indexDir`, where dumps of the same name from several directories must not
 * meet: a hash of the directory goes into the name.
 */
export function indexPath(rdbPath: string, indexDir: string | undefined): string {
  if (indexDir === undefined) return rdbPath + INDEX_SUFFIX;
  const directory = Bun.hash
    .crc32(dirname(resolve(rdbPath)))
    .toString(16)
    .padStart(8, "0");
  return join(indexDir, `${basename(rdbPath)}-${directory}${INDEX_SUFFIX}`);
}

/** A file that an index is being written to. */
export interface IndexDraft {
  readonly fd: number;
  readonly spillFd: number;
  /** Set where the index cannot be kept: the reason. */
  readonly lost: string | undefined;
  /** Makes it the index at its path, durably; a draft that cannot be kept stays nameless. Throws node:fs errors. */
  publish(): void;
  /** Closes the descriptors; removes what was not published. */
  close(): void;
  /** Instead of close(): the index's descriptor, which is the caller's from now on. */
  handOver(): number;
}

/** Opens a draft for the index at `path`; in the system's temporary directory where its own cannot be written. */
export function openDraft(path: string): IndexDraft {
  const directory = dirname(path);
  let fd: number;
  let temporary: string;
  try {
    removeStale(path);
    ({ fd, temporary } = createLocked(path));
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!UNWRITABLE.has(code)) throw error;
    return namelessDraft(`${directory} cannot be written (${code})`);
  }
  let published = false;
  let spillFd: number;
  try {
    spillFd = openUnlinked(directory);
  } catch (error) {
    fs.closeSync(fd);
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  return {
    fd,
    spillFd,
    lost: undefined,
    publish() {
      publishFile(fd, temporary, path);
      published = true;
    },
    close() {
      fs.closeSync(fd);
      fs.closeSync(spillFd);
      if (!published) fs.rmSync(temporary, { force: true });
    },
    handOver() {
      fs.closeSync(spillFd);
      return fd;
    },
  };
}

/** A draft that nobody can reach by a name, in the system's temporary directory; `lost` says why. */
export function namelessDraft(lost: string): IndexDraft {
  const fd = openUnlinked(tmpdir());
  const spillFd = openUnlinked(tmpdir());
  return {
    fd,
    spillFd,
    lost,
    publish() {},
    close() {
      fs.closeSync(fd);
      fs.closeSync(spillFd);
    },
    handOver() {
      fs.closeSync(spillFd);
      return fd;
    },
  };
}

/** A path that opens the same file again, named or not. */
export function pathOfDescriptor(fd: number): string {
  return process.platform === "linux" ? `/proc/self/fd/${fd}` : `/dev/fd/${fd}`;
}

/**
 * A new draft of the file at `path`, beside it, locked as long as it is open: that tells it from those whose writer was killed.
 * Throws node:fs errors.
 */
export function createLocked(path: string): { fd: number; temporary: string } {
  for (let attempt = 1; ; attempt++) {
    const temporary = `${path}.${process.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
    const fd = fs.openSync(temporary, "wx+", 0o644);
    const isLocked = lockFile(fd);
    const isNamed = fs.fstatSync(fd).nlink > 0;
    // Between the two calls another process may have found the draft unlocked and removed it. Without locks there is none.
    if (isNamed && (isLocked || attempt === DRAFT_ATTEMPTS)) return { fd, temporary };
    fs.closeSync(fd);
    fs.rmSync(temporary, { force: true });
  }
}

/** Removes drafts of the file at `path` whose writer was killed: those that nobody holds locked. Throws node:fs errors. */
export function removeStale(path: string): void {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  for (const name of fs.readdirSync(directory)) {
    if (!name.startsWith(prefix) || !/^\d+-[0-9a-f]{8}\.tmp$/.test(name.slice(prefix.length))) continue;
    removeUnlocked(join(directory, name));
  }
}

function removeUnlocked(file: string): void {
  let fd: number;
  try {
    fd = fs.openSync(file, "r");
  } catch {
    // Gone meanwhile, or another user's: not ours to remove.
    return;
  }
  try {
    if (lockFile(fd)) fs.rmSync(file, { force: true });
  } finally {
    fs.closeSync(fd);
  }
}
