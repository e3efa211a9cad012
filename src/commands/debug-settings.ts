/** What DEBUG changes for tests of the server. */
export class DebugSettings {
  /** RESTORE does not look at the payload's sum (DEBUG SET-SKIP-CHECKSUM-VALIDATION). */
  skipsChecksums = false;
  /** What the server does by itself, it does not do for now (DEBUG PAUSE-CRON). */
  isCronPaused = false;
  /** Elements of lists from so many bytes on get a node of their own (DEBUG QUICKLIST-PACKED-THRESHOLD). */
  packedThresholdBytes = PACKED_THRESHOLD_BYTES;
}

export const PACKED_THRESHOLD_BYTES = 2 ** 30;
