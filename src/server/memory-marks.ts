import { anonymousBytes } from "../mmap/collector.ts";

/**
 * Anonymous memory at start and at its highest, for INFO: sampled once a second, since the kernel keeps no such mark.
 */
export class MemoryMarks {
  startupBytes = 0;
  peakBytes = 0;

  note(usedBytes: number): void {
    if (this.startupBytes === 0) this.startupBytes = usedBytes;
    if (usedBytes > this.peakBytes) this.peakBytes = usedBytes;
  }

  /** Once a second. */
  tick(): void {
    this.note(anonymousBytes());
  }
}
