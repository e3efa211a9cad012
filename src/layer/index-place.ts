/** Where the index of an RDB lives, and how it is written there: a temporary file that becomes the index, or a nameless one. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { openUnlinked, publishFile } from "../mmap/file.ts";

const INDEX_SUFFIX = ".idx";
/** A temporary file of a process that is gone is left alone this long: another host's may write it. */
const STALE_AFTER_MS = 60_000;
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
}

/** Opens a draft for the index at `path`; in the system's temporary directory where its own cannot be written. */
export function openDraft(path: string): IndexDraft {
  const directory = dirname(path);
  const temporary = `${path}.${process.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  let fd: number;
  try {
    removeStale(path);
    fd = fs.openSync(temporary, "wx+", 0o644);
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
  };
}

function namelessDraft(lost: string): IndexDraft {
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
  };
}

/** A path that opens the same file again, named or not. */
export function pathOfDescriptor(fd: number): string {
  return process.platform === "linux" ? `/proc/self/fd/${fd}` : `/dev/fd/${fd}`;
}

/** Removes drafts of the index at `path` whose writer was killed. */
function removeStale(path: string): void {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  for (const name of fs.readdirSync(directory)) {
    const pid = name.startsWith(prefix) ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    const file = join(directory, name);
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > STALE_AFTER_MS) fs.rmSync(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
