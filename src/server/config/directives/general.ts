/**
 * Directives about the process: logging, clock, title, limits.
 * Names, defaults, ranges and mutability are Redis 7.2's; the third column says what Folio does with it (see directive.ts).
 */
import { bool, choice, choices, type Directive, I32_MAX, I32_MIN, I64_MAX, int, special, text } from "../directive.ts";
import {
  latencyTrackingInfoPercentiles,
  latencyTrackingInfoPercentilesLines,
  notifyKeyspaceEvents,
  notifyKeyspaceEventsLines,
  processTitle,
} from "../special.ts";

const SHUTDOWN_OPTIONS = ["default", "save", "nosave", "now", "force"] as const;

function shutdownOptions(chosen: ReadonlySet<string>): string {
  const both = chosen.has("save") && chosen.has("nosave");
  return both ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : "";
}

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
  choice("enable-debug-command", "no", "used", ["no", "yes", "local"], { fixed: true }),
  choice("enable-module-command", "no", "later", ["no", "yes", "local"], { fixed: true }),
  choice("enable-protected-configs", "no", "used", ["no", "yes", "local"], { fixed: true }),
  int("hz", "10", "used", 0, I32_MAX, { capped: [1n, 500n] }),
  text("ignore-warnings", "", "used", { keepsEmpty: true }),
  int("key-load-delay", "0", "unneeded", I32_MIN, I32_MAX, { hidden: true }),
  int("latency-monitor-threshold", "0", "used", 0, I64_MAX),
  bool("latency-tracking", "yes", "used"),
  special("latency-tracking-info-percentiles", "50 99 99.9", "used", latencyTrackingInfoPercentiles, {
    several: true,
    written: latencyTrackingInfoPercentilesLines,
  }),
  int("loading-process-events-interval-bytes", "2097152", "unneeded", 1024, I32_MAX, { hidden: true }),
  text("locale-collate", "", "unneeded", { keepsEmpty: true }),
  text("logfile", "", "used", { fixed: true, keepsEmpty: true }),
  choice("loglevel", "notice", "used", ["debug", "verbose", "notice", "warning", "nothing"]),
  bool("lua-enable-deprecated-api", "no", "unneeded", { hidden: true, fixed: true }),
  special("notify-keyspace-events", "", "later", notifyKeyspaceEvents, { written: notifyKeyspaceEventsLines }),
  text("pidfile", "", "used", { fixed: true }),
  text("proc-title-template", "{title} {listen-addr} {server-mode}", "unneeded", {
    keepsEmpty: true,
    check: processTitle,
  }),
  text("server_cpulist", "", "unneeded", { fixed: true }),
  bool("set-proc-title", "yes", "unneeded", { fixed: true }),
  choices("shutdown-on-sigint", "used", SHUTDOWN_OPTIONS, shutdownOptions),
  choices("shutdown-on-sigterm", "used", SHUTDOWN_OPTIONS, shutdownOptions),
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
  text("syslog-ident", "redis", "unneeded", { fixed: true, keepsEmpty: true }),
  bool("use-exit-on-panic", "no", "unneeded", { hidden: true }),
  int("watchdog-period", "0", "unneeded", 0, I32_MAX, { hidden: true }),
];
