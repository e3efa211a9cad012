/**
 * Directives about the process: logging, clock, title, limits.
 * Names, defaults, ranges and mutability are Redis 7.2's; the third column says what Folio does with it (see directive.ts).
 */
import { bool, choice, type Directive, I32_MAX, I32_MIN, I64_MAX, int, special, text } from "../directive.ts";
import { latencyTrackingInfoPercentiles, notifyKeyspaceEvents } from "../special.ts";

export const GENERAL: readonly Directive[] = [
  bool("always-show-logo", "no", "used", { fixed: true }),
  text("bgsave_cpulist", "", "unneeded", { fixed: true }),
  text("bio_cpulist", "", "unneeded", { fixed: true }),
  int("busy-reply-threshold", "5000", "later", 0, I64_MAX, { alias: "lua-time-limit" }),
  bool("crash-log-enabled", "yes", "unneeded"),
  bool("crash-memcheck-enabled", "yes", "unneeded"),
  bool("daemonize", "no", "used", { fixed: true }),
  int("databases", "16", "used", 1, I32_MAX, { fixed: true }),
  bool("dynamic-hz", "yes", "unneeded"),
  choice("enable-debug-command", "no", "later", ["no", "yes", "local"], { fixed: true }),
  choice("enable-module-command", "no", "later", ["no", "yes", "local"], { fixed: true }),
  choice("enable-protected-configs", "no", "later", ["no", "yes", "local"], { fixed: true }),
  int("hz", "10", "used", 0, I32_MAX),
  text("ignore-warnings", "", "used"),
  int("key-load-delay", "0", "unneeded", I32_MIN, I32_MAX, { hidden: true }),
  int("latency-monitor-threshold", "0", "later", 0, I64_MAX),
  bool("latency-tracking", "yes", "used"),
  special("latency-tracking-info-percentiles", "50 99 99.9", "used", latencyTrackingInfoPercentiles),
  int("loading-process-events-interval-bytes", "2097152", "unneeded", 1024, I64_MAX, { hidden: true }),
  text("locale-collate", "", "unneeded"),
  text("logfile", "", "used", { fixed: true }),
  choice("loglevel", "notice", "used", ["debug", "verbose", "notice", "warning"]),
  bool("lua-enable-deprecated-api", "no", "unneeded", { hidden: true, fixed: true }),
  special("notify-keyspace-events", "", "later", notifyKeyspaceEvents),
  text("pidfile", "", "used", { fixed: true }),
  text("proc-title-template", "{title} {listen-addr} {server-mode}", "unneeded"),
  text("server_cpulist", "", "unneeded", { fixed: true }),
  bool("set-proc-title", "yes", "unneeded", { fixed: true }),
  choice("shutdown-on-sigint", "default", "used", ["default", "save", "nosave", "now", "force"], { several: true }),
  choice("shutdown-on-sigterm", "default", "used", ["default", "save", "nosave", "now", "force"], { several: true }),
  int("shutdown-timeout", "10", "later", 0, I32_MAX),
  int("slowlog-log-slower-than", "10000", "used", -1, I64_MAX),
  int("slowlog-max-len", "128", "used", 0, I64_MAX),
  choice("supervised", "no", "used", ["upstart", "systemd", "auto", "no"], { fixed: true }),
  bool("syslog-enabled", "no", "unneeded", { fixed: true }),
  choice(
    "syslog-facility",
    "local0",
    "unneeded",
    ["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
    { fixed: true },
  ),
  text("syslog-ident", "redis", "unneeded", { fixed: true }),
  bool("use-exit-on-panic", "no", "unneeded", { hidden: true, fixed: true }),
  int("watchdog-period", "0", "unneeded", 0, I32_MAX, { hidden: true }),
];
