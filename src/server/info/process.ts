/**
 * INFO server, clients, replication, cpu, modules, cluster and keyspace.
 */
import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { FOLIO_VERSION, REDIS_VERSION } from "../version.ts";
import type { Line, Section } from "./section.ts";

const NO_REPLID = "0".repeat(40);
const LRU_CLOCK_MAX = 2 ** 24 - 1;

export const server: Section = (source) => {
  const uptime = Math.floor((source.nowMs - source.startedAtMs) / 1000);
  const hz = source.config.number("hz");
  return [
    ["redis_version", REDIS_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0000000000000000"],
    ["redis_mode", "standalone"],
    ["server_name", "folio"],
    ["folio_version", FOLIO_VERSION],
    ["os", operatingSystem()],
    ["arch_bits", 64],
    ["monotonic_clock", "POSIX clock_gettime"],
    ["multiplexing_api", process.platform === "linux" ? "epoll" : "kqueue"],
    ["atomicvar_api", "c11-builtin"],
    ["gcc_version", "0.0.0"],
    ["bun_version", Bun.version],
    ["process_id", process.pid],
    ["process_supervised", source.config.get("supervised")],
    ["run_id", source.runId],
    ["tcp_port", source.config.get("port")],
    ["server_time_usec", `${source.nowMs}000`],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / 86_400)],
    ["hz", hz],
    ["configured_hz", hz],
    ["lru_clock", Math.floor(source.nowMs / 1000) & LRU_CLOCK_MAX],
    ["executable", source.executable],
    ["config_file", source.configFile],
    ["io_threads_active", 0],
    ...listeners(source.config),
  ];
};

function listeners(config: Config): Line[] {
  const found: string[] = [];
  const port = config.get("port");
  const binds = config
    .get("bind")
    .split(" ")
    .filter((address) => address !== "");
  if (port !== "0") found.push(`name=tcp,${binds.map((address) => `bind=${address},`).join("")}port=${port}`);
  const path = config.get("unixsocket");
  if (path !== "") found.push(`name=unix,bind=${path}`);
  return found.map((text, i) => [`listener${i}`, text]);
}

function operatingSystem(): string {
  const name = process.platform === "linux" ? "Linux" : process.platform;
  const arch = process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch;
  try {
    return `${name} ${readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()} ${arch}`;
  } catch {
    return `${name} ${arch}`;
  }
}

export const clients: Section = ({ clients: all, config, keyspace }) => {
  let sliced = 0;
  let blocked = 0;
  let timed = 0;
  let longestQuery = 0;
  let longestOutput = 0;
  for (const client of all.byId.values()) {
    if (client.postponed) blocked++;
    else if (client.wakeAtMs === 0) sliced += client.parked ? 1 : 0;
    else {
      blocked++;
      if (Number.isFinite(client.wakeAtMs)) timed++;
    }
    longestQuery = Math.max(longestQuery, client.connection.queryBytes);
    longestOutput = Math.max(longestOutput, client.connection.pendingBytes);
  }
  return [
    ["connected_clients", all.count],
    ["cluster_connections", 0],
    ["maxclients", config.get("maxclients")],
    ["client_recent_max_input_buffer", longestQuery],
    ["client_recent_max_output_buffer", longestOutput],
    ["blocked_clients", blocked],
    ["sliced_clients", sliced],
    ["tracking_clients", 0],
    ["pubsub_clients", 0],
    ["watching_clients", 0],
    ["clients_in_timeout_table", timed],
    ["total_watched_keys", 0],
    ["total_blocking_keys", keyspace.waits.count],
    ["total_blocking_keys_on_nokey", 0],
  ];
};

export const replication: Section = ({ runId, config }) => [
  ["role", "master"],
  ["connected_slaves", 0],
  ["master_failover_state", "no-failover"],
  ["master_replid", runId],
  ["master_replid2", NO_REPLID],
  ["master_repl_offset", 0],
  ["second_repl_offset", -1],
  ["repl_backlog_active", 0],
  ["repl_backlog_size", config.get("repl-backlog-size")],
  ["repl_backlog_first_byte_offset", 0],
  ["repl_backlog_histlen", 0],
];

/** Workers run in this process: their time is in user and system; children are processes, and there are none. */
export const cpu: Section = () => {
  const { user, system } = process.cpuUsage();
  const seconds = (us: number) => (us / 1e6).toFixed(6);
  return [
    ["used_cpu_sys", seconds(system)],
    ["used_cpu_user", seconds(user)],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
    ["used_cpu_sys_main_thread", seconds(system)],
    ["used_cpu_user_main_thread", seconds(user)],
  ];
};

export const modules: Section = () => [];

export const cluster: Section = () => [["cluster_enabled", 0]];

export const keyspace: Section = ({ keyspace: all, nowMs }) => {
  const lines: Line[] = [];
  for (const database of all.databases) {
    const keys = database.size(nowMs);
    if (keys === 0) continue;
    const expires = database.expires(nowMs);
    lines.push([`db${database.dbid}`, `keys=${keys},expires=${expires},avg_ttl=${database.avgTtl(nowMs)}`]);
  }
  return lines;
};
