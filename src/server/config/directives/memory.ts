/**
 * Directives about memory, eviction and expiry.
 * Names, defaults, ranges and mutability are Redis 7.2's; the third column says what Folio does with it (see directive.ts).
 */
import { bool, choice, type Directive, I32_MAX, I64_MAX, int, memory, special, U64_MAX } from "../directive.ts";
import { oomScoreAdjValues } from "../special.ts";

export const MEMORY: readonly Directive[] = [
  int("active-defrag-cycle-max", "25", "unneeded", 1, 99),
  int("active-defrag-cycle-min", "1", "unneeded", 1, 99),
  memory("active-defrag-ignore-bytes", "104857600", "unneeded", { min: 1n }),
  int("active-defrag-max-scan-fields", "1000", "unneeded", 1, I64_MAX),
  int("active-defrag-threshold-lower", "10", "unneeded", 0, 1000),
  int("active-defrag-threshold-upper", "100", "unneeded", 0, 1000),
  int("active-expire-effort", "1", "used", 1, 10),
  bool("activedefrag", "no", "unneeded"),
  bool("activerehashing", "yes", "unneeded"),
  bool("disable-thp", "yes", "unneeded", { fixed: true }),
  bool("jemalloc-bg-thread", "yes", "unneeded"),
  bool("lazyfree-lazy-eviction", "no", "unneeded"),
  bool("lazyfree-lazy-expire", "no", "unneeded"),
  bool("lazyfree-lazy-server-del", "no", "unneeded"),
  bool("lazyfree-lazy-user-del", "no", "unneeded"),
  bool("lazyfree-lazy-user-flush", "no", "unneeded"),
  int("lfu-decay-time", "1", "used", 0, I32_MAX),
  int("lfu-log-factor", "10", "used", 0, I32_MAX),
  memory("maxmemory", "0", "used", { max: U64_MAX }),
  int("maxmemory-eviction-tenacity", "10", "used", 0, 100),
  choice("maxmemory-policy", "noeviction", "used", [
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
  ]),
  int("maxmemory-samples", "5", "used", 1, I32_MAX),
  choice("oom-score-adj", "no", "unneeded", ["no", "yes", "relative", "absolute"], {
    synonyms: { relative: "yes" },
  }),
  special("oom-score-adj-values", "0 200 800", "unneeded", oomScoreAdjValues, { several: true }),
];
