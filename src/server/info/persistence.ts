/**
 * INFO persistence: the index being built looks to monitoring like Redis's loading.
 */
import type { Line, Section } from "./section.ts";

export const persistence: Section = ({ loadingState: loading, snapshot, saving, nowMs }) => {
  const isSaving = saving.isRunning;
  const lines: Line[] = [
    ["loading", loading.active ? 1 : 0],
    ["async_loading", 0],
    ["current_cow_peak", 0],
    ["current_cow_size", 0],
    ["current_cow_size_age", 0],
    ["current_fork_perc", "0.00"],
    ["current_save_keys_processed", isSaving ? saving.keysWritten : 0],
    ["current_save_keys_total", isSaving ? saving.keysTotal : 0],
    ["rdb_changes_since_last_save", snapshot.keyspace.dirty],
    ["rdb_bgsave_in_progress", isSaving ? 1 : 0],
    ["rdb_last_save_time", Math.floor(saving.lastSaveMs / 1000)],
    ["rdb_last_bgsave_status", saving.lastStatus],
    ["rdb_last_bgsave_time_sec", saving.lastSeconds],
    ["rdb_current_bgsave_time_sec", isSaving ? Math.floor((nowMs - saving.startedAtMs) / 1000) : -1],
    ["rdb_saves", saving.saves],
    ["rdb_last_cow_size", 0],
    ["rdb_last_load_keys_expired", snapshot.loaded.expired],
    ["rdb_last_load_keys_loaded", snapshot.loaded.keys],
    ["aof_enabled", 0],
    ["aof_rewrite_in_progress", 0],
    ["aof_rewrite_scheduled", 0],
    ["aof_last_rewrite_time_sec", -1],
    ["aof_current_rewrite_time_sec", -1],
    ["aof_last_bgrewrite_status", "ok"],
    ["aof_rewrites", 0],
    ["aof_rewrites_consecutive_failures", 0],
    ["aof_last_write_status", "ok"],
    ["aof_last_cow_size", 0],
    ["module_fork_in_progress", 0],
    ["module_fork_last_cow_size", 0],
  ];
  if (loading.active) {
    lines.push(
      ["loading_start_time", Math.floor(loading.startedAtMs / 1000)],
      ["loading_total_bytes", loading.totalBytes],
      ["loading_rdb_used_mem", 0],
      ["loading_loaded_bytes", loading.loadedBytes],
      ["loading_loaded_perc", loading.percent().toFixed(2)],
      ["loading_eta_seconds", loading.etaSeconds(nowMs)],
    );
  }
  return lines;
};
