import { anonymousBytes } from "../mmap/collector.ts";

/** The highest figures of memory so far, for INFO: sampled, since nobody else keeps them. */
export class MemoryMarks {
  /** Of used_memory. */
  peakBytes = 0;
  /** Anonymous memory of the process: when the server was ready, and its highest. */
  anonymousStartupBytes = 0;
  anonymousPeakBytes = 0;

  note(usedBytes: number): void {
    if (usedBytes > this.peakBytes) this.peakBytes = usedBytes;
  }

  noteAnonymous(bytes: number): void {
    if (this.anonymousStartupBytes === 0) this.anonymousStartupBytes = bytes;
    if (bytes > this.anonymousPeakBytes) this.anonymousPeakBytes = bytes;
  }

  /** Once a second. */
  tick(): void {
    this.noteAnonymous(anonymousBytes());
  }
}
