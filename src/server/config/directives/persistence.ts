/**
 * Directives about the snapshot and the append-only file.
 * Names, defaults, ranges and mutability are Redis 7.2's; the third column says what Folio does with it (see directive.ts).
 */
import { bool, choice, type Directive, I32_MAX, I32_MIN, int, memory, special, text } from "../directive.ts";
import { dir, dirLines, fileName, probeDir, save, saveLines, someFileName } from "../special.ts";

export const PERSISTENCE: readonly Directive[] = [
  bool("aof-disable-auto-gc", "no", "later", { hidden: true }),
  bool("aof-load-truncated", "yes", "later"),
  bool("aof-rewrite-incremental-fsync", "yes", "unneeded"),
  bool("aof-timestamp-enabled", "no", "later"),
  bool("aof-use-rdb-preamble", "yes", "later"),
  text("aof_rewrite_cpulist", "", "unneeded", { fixed: true }),
  text("appenddirname", "appendonlydir", "later", {
    fixed: true,
    check: someFileName("appenddirname", "dirname"),
  }),
  text("appendfilename", "appendonly.aof", "later", {
    fixed: true,
    check: someFileName("appendfilename"),
  }),
  choice("appendfsync", "everysec", "later", ["everysec", "always", "no"]),
  bool("appendonly", "no", "later", { settled: true }),
  memory("auto-aof-rewrite-min-size", "67108864", "later"),
  int("auto-aof-rewrite-percentage", "100", "later", 0, I32_MAX),
  text("dbfilename", "dump.rdb", "used", { guarded: true, keepsEmpty: true, check: fileName("dbfilename") }),
  special("dir", ".", "used", dir, { guarded: true, settled: true, probe: probeDir, written: dirLines }),
  bool("no-appendfsync-on-rewrite", "no", "later"),
  bool("rdb-del-sync-files", "no", "later"),
  int("rdb-key-save-delay", "0", "used", I32_MIN, I32_MAX, { hidden: true }),
  bool("rdb-save-incremental-fsync", "yes", "unneeded"),
  bool("rdbchecksum", "yes", "used", { fixed: true }),
  bool("rdbcompression", "yes", "used"),
  choice("sanitize-dump-payload", "no", "unneeded", ["no", "yes", "clients"]),
  special("save", "3600 1 300 100 60 10000", "used", save, {
    several: true,
    addsUp: true,
    written: saveLines,
  }),
  bool("stop-writes-on-bgsave-error", "yes", "used"),
];
