/** Has the system write a file's pages to the disk while the program goes on. */
import { linux, SYNC_FILE_RANGE_WRITE } from "./libc.ts";

/**
 * Begins to write [offset, offset + length) of the open file to its disk, and waits for nothing: what comes later, an fsync, finds
 * less to do. A hint; where it does not work, nothing happens.
 */
export function startWriting(fd: number, offset: number, length: number): void {
  linux?.sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
