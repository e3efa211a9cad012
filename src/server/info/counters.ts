/**
 * INFO stats, commandstats, errorstats and latencystats.
 */
import type { Line, Section } from "./section.ts";

export const stats: Section = ({ stats: s, cron, keyspace, memoryLimit, upkeep }) => [
  ["total_connections_received", s.connectionsReceived],
  ["total_commands_processed", s.commandsProcessed],
  ["instantaneous_ops_per_sec", Math.round(cron.operations.perSecond)],
  ["total_net_input_bytes", s.netInputBytes],
  ["total_net_output_bytes", s.netOutputBytes],
  ["total_net_repl_input_bytes", 0],
  ["total_net_repl_output_bytes", 0],
  ["instantaneous_input_kbps", (cron.input.perSecond / 1024).toFixed(2)],
  ["instantaneous_output_kbps", (cron.output.perSecond / 1024).toFixed(2)],
  ["instantaneous_input_repl_kbps", "0.00"],
  ["instantaneous_output_repl_kbps", "0.00"],
  ["rejected_connections", s.rejectedConnections],
  ["sync_full", 0],
  ["sync_partial_ok", 0],
  ["sync_partial_err", 0],
  // Of Redis 7.4.
  ["expired_subkeys", keyspace.expiredFields],
  ["expired_keys", keyspace.expiredKeys],
  ["expired_stale_perc", upkeep.cycle.stalePercent.toFixed(2)],
  ["expired_time_cap_reached_count", upkeep.timeCapReached],
  ["expire_cycle_cpu_milliseconds", Math.round(upkeep.cycle.spentMs)],
  ["evicted_keys", memoryLimit.evictor.evictedKeys],
  ["evicted_clients", s.evictedClients],
  ["total_eviction_exceeded_time", Math.round(memoryLimit.exceeded.totalMs)],
  ["current_eviction_exceeded_time", Math.round(memoryLimit.exceeded.currentMs)],
  ["keyspace_hits", s.keyspaceHits],
  ["keyspace_misses", s.keyspaceMisses],
  ["pubsub_channels", 0],
  ["pubsub_patterns", 0],
  ["pubsubshard_channels", 0],
  ["latest_fork_usec", 0],
  ["total_forks", 0],
  ["migrate_cached_sockets", 0],
  ["slave_expires_tracked_keys", 0],
  ["active_defrag_hits", 0],
  ["active_defrag_misses", 0],
  ["active_defrag_key_hits", 0],
  ["active_defrag_key_misses", 0],
  ["total_active_defrag_time", 0],
  ["current_active_defrag_time", 0],
  ["tracking_total_keys", 0],
  ["tracking_total_items", 0],
  ["tracking_total_prefixes", 0],
  ["unexpected_error_replies", s.unexpectedErrors],
  ["total_error_replies", s.errorReplies],
  ["dump_payload_sanitizations", 0],
  ["total_reads_processed", s.readsProcessed],
  ["total_writes_processed", s.writesProcessed],
  ["io_threaded_reads_processed", 0],
  ["io_threaded_writes_processed", 0],
  ["client_query_buffer_limit_disconnections", s.queryBufferLimitDisconnections],
  ["client_output_buffer_limit_disconnections", s.outputBufferLimitDisconnections],
  ["reply_buffer_shrinks", 0],
  ["reply_buffer_expands", 0],
  ["acl_access_denied_auth", 0],
  ["acl_access_denied_cmd", 0],
  ["acl_access_denied_key", 0],
  ["acl_access_denied_channel", 0],
];

export const commandStats: Section = ({ stats: s }) => {
  const lines: Line[] = [];
  for (const [name, c] of s.commands) {
    if (c.calls === 0 && c.rejected === 0 && c.failed === 0) continue;
    const perCall = c.calls === 0 ? 0 : c.usec / c.calls;
    const counts = `rejected_calls=${c.rejected},failed_calls=${c.failed}`;
    lines.push([
      `cmdstat_${name}`,
      `calls=${c.calls},usec=${Math.round(c.usec)},usec_per_call=${perCall.toFixed(2)},${counts}`,
    ]);
  }
  return lines;
};

export const errorStats: Section = ({ stats: s }) =>
  [...s.errors].map(([prefix, count]) => [`errorstat_${prefix}`, `count=${count}`] as const);

export const latencyStats: Section = ({ stats: s, config }) => {
  const percents = config.get("latency-tracking-info-percentiles").split(" ").filter(Boolean);
  const lines: Line[] = [];
  for (const [name, { latency }] of s.commands) {
    if (latency === null) continue;
    const values = percents.map((percent) => {
      return `p${Number(Number(percent).toFixed(6))}=${(latency.percentile(Number(percent)) / 1000).toFixed(3)}`;
    });
    lines.push([`latency_percentiles_usec_${name}`, values.join(",")]);
  }
  return lines;
};
