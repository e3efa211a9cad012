/**
 * Folio's own directives: Redis has none of these.
 */
import { bool, choice, type Directive, text } from "../directive.ts";

export const FOLIO: readonly Directive[] = [
  /** Serve from a memory- and disk-backed network file system (NFS, CIFS, …): off, since a remote truncation cannot be held. */
  bool("allow-remote-fs", "no", "used", { fixed: true, repeatable: true }),
  /** Where indexes are written; "" = beside the snapshot. */
  text("index-dir", "", "used", { fixed: true, repeatable: true }),
  /** lease: map the file itself and hold a read lease on it. copy: map a private copy of it. */
  choice("mmap-safety", "lease", "used", ["lease", "copy"], { fixed: true, repeatable: true }),
  /** The RDB version that saving writes: older ones for older servers to read, 12 for Redis 7.4. */
  choice("rdb-version", "11", "used", ["9", "10", "11", "12"]),
];
