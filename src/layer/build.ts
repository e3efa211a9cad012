/** How far a build is. */
export interface BuildProgress {
  /** Bytes of the RDB that have been both scanned and summed. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Keys found so far. */
  readonly keys: number;
}
