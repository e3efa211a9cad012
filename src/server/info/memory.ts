/**
 * INFO memory. used_memory is Folio's own (anonymous) memory: the mapped snapshot is in mapped_bytes and
 * resident_mapped_bytes (# Layers), since its pages are the page cache's and given back whenever somebody needs them.
 */
import { readFileSync } from "node:fs";
import { memoryUsage } from "../../mmap/memory.ts";
import { infoBytes } from "../../util/human.ts";
import type { Line, Section } from "./section.ts";

export const memory: Section = ({ memoryMarks, clients, config }) => {
  const usage = memoryUsage();
  const used = usage.rssAnonBytes + usage.swapBytes;
  memoryMarks.note(used);
  const total = totalSystemMemory();
  const maxmemory = config.number("maxmemory");
  const startup = memoryMarks.startupBytes;
  const dataset = Math.max(0, used - startup);
  let clientBytes = 0;
  for (const client of clients.byId.values()) clientBytes += client.connection.memoryBytes;
  const lines: Line[] = [
    ...human("used_memory", used),
    ...human("used_memory_rss", usage.rssBytes),
    ...human("used_memory_peak", memoryMarks.peakBytes),
    ["used_memory_peak_perc", percent(used, memoryMarks.peakBytes)],
    ["used_memory_overhead", Math.min(used, startup)],
    ["used_memory_startup", startup],
    ["used_memory_dataset", dataset],
    ["used_memory_dataset_perc", percent(dataset, Math.max(1, used - Math.min(used, startup)))],
    ["allocator_allocated", used],
    ["allocator_active", used],
    ["allocator_resident", usage.rssAnonBytes],
    ...human("total_system_memory", total),
    ...human("used_memory_lua", 0),
    ["used_memory_vm_eval", 0],
    ...human("used_memory_scripts", 0),
    ["used_memory_scripts_eval", 0],
    ["number_of_cached_scripts", 0],
    ["number_of_functions", 0],
    ["number_of_libraries", 0],
    ["used_memory_vm_functions", 0],
    ...human("used_memory_vm_total", 0),
    ["used_memory_functions", 0],
    ...human("maxmemory", maxmemory),
    ["maxmemory_policy", config.get("maxmemory-policy")],
    ["allocator_frag_ratio", "1.00"],
    ["allocator_frag_bytes", 0],
    ["allocator_rss_ratio", "1.00"],
    ["allocator_rss_bytes", 0],
    ["rss_overhead_ratio", (usage.rssBytes / Math.max(1, usage.rssAnonBytes)).toFixed(2)],
    ["rss_overhead_bytes", usage.rssBytes - usage.rssAnonBytes],
    // Resident file pages are no fragmentation: the ratio is of anonymous memory.
    ["mem_fragmentation_ratio", "1.00"],
    ["mem_fragmentation_bytes", 0],
    ["mem_not_counted_for_evict", 0],
    ["mem_replication_backlog", 0],
    ["mem_total_replication_buffers", 0],
    ["mem_clients_slaves", 0],
    ["mem_clients_normal", clientBytes],
    ["mem_cluster_links", 0],
    ["mem_aof_buffer", 0],
    ["mem_allocator", "mimalloc"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", 0],
    ["lazyfreed_objects", 0],
  ];
  return lines;
};

function human(name: string, bytes: number): Line[] {
  return [
    [name, bytes],
    [`${name}_human`, infoBytes(bytes)],
  ];
}

function percent(part: number, whole: number): string {
  return `${((part / Math.max(1, whole)) * 100).toFixed(2)}%`;
}

function totalSystemMemory(): number {
  try {
    return Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
