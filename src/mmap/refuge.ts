/**
 * Places where a mapping's bytes can be moved to, in the order in which they are tried: nameless files in the file's own
 * directory (where a reflink may do it at once), in the other directories given, in the temporary directory, and, as the last resort, memory.
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { openUnlinked } from "./file.ts";
import { filesystemOf } from "./filesystem.ts";
import { errno, errnoName, linux, MFD_CLOEXEC } from "./libc.ts";
import { availableMemoryBytes } from "./memory.ts";

/** Left free on a disk and in memory: others live there too. */
const DISK_RESERVE_BYTES = 16 * 2 ** 20;
const MEMORY_RESERVE_BYTES = 128 * 2 ** 20;

export interface Place {
  /** For the log: "an unlinked file in /data", "memory". */
  readonly name: string;
  /** Bytes that may be put there now. */
  room(): number;
  /** A new empty file there, read-write, without a name. The caller closes it. Throws node:fs errors. */
  open(): number;
  /**
   * Takes the room for [offset, offset + length) of the new file, where that is quick: writing is faster then, and a full disk
   * shows before anything is copied. Best effort: a later write may still find no room.
   */
  reserve(fd: number, offset: number, length: number): void;
}

/** Places for the bytes of `path`. Remote file systems and directories that do not exist are left out. */
export function placesFor(path: string, directories: readonly string[]): Place[] {
  const all = [dirname(path), ...directories, tmpdir()].map((directory) => resolve(directory));
  const places = [...new Set(all)].filter(isLocalDirectory).map(directoryPlace);
  if (linux) places.push(MEMORY);
  return places;
}

function isLocalDirectory(directory: string): boolean {
  try {
    return !filesystemOf(directory).isRemote && fs.statSync(directory).isDirectory();
  } catch {
    return false;
  }
}

function directoryPlace(directory: string): Place {
  return {
    name: `an unlinked file in ${directory}`,
    room() {
      const { freeBytes, isMemory } = filesystemOf(directory);
      return isMemory ? Math.min(freeBytes, memoryRoom()) : freeBytes - DISK_RESERVE_BYTES;
    },
    open: () => openUnlinked(directory),
    reserve(fd, offset, length) {
      // tmpfs would fill all of it with zeros first.
      if (!filesystemOf(directory).isMemory) linux?.fallocate(fd, 0, offset, length);
    },
  };
}

const MEMORY: Place = {
  name: "memory",
  room: memoryRoom,
  open() {
    const name = new Uint8Array(new ArrayBuffer(16));
    name.set(Buffer.from("folio-refuge", "latin1"));
    const fd = linux?.memfd_create(name, MFD_CLOEXEC) ?? -1;
    if (fd < 0) throw new Error(`memfd_create: ${errnoName(errno())}`);
    return fd;
  },
  reserve() {},
};

function memoryRoom(): number {
  return availableMemoryBytes() - MEMORY_RESERVE_BYTES;
}

/**
 * Makes the empty file `to` share all extents of `from` (no copying, no room needed). False where that does not work.
 * On an I/O thread: the kernel writes dirty pages of `from` to disk first, which may take a while.
 */
export async function reflink(from: number, to: number): Promise<boolean> {
  if (!linux) return false;
  const mode = fs.constants.COPYFILE_FICLONE_FORCE;
  return fs.promises.copyFile(`/proc/self/fd/${from}`, `/proc/self/fd/${to}`, mode).then(
    () => true,
    () => false,
  );
}
