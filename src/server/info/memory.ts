/**
 * INFO memory.
 *
 *   used_memory          what was written: overlays (entries, tables, dead bits), and what connections hold; not what is gone and is
 *                        being given back (overlay_gone_bytes): after FLUSHALL it is what Redis's is, where the memory is freed by then
 *   anonymous_memory     all memory of the process but mapped files: used_memory, what arenas hold in reserve, the runtime
 *   mapped_bytes …       of the snapshot, in # Layers: its pages are the page cache's, and given back whenever somebody needs them
 */
import { readFileSync } from "node:fs";
import { overlayFigures } from "../../keyspace/figures.ts";
import { memoryUsage } from "../../mmap/memory.ts";
import { infoBytes } from "../../util/human.ts";
import type { Line, Section } from "./section.ts";

export const memory: Section = ({ memoryMarks, memoryLimit, config, keyspace }) => {
  const usage = memoryUsage();
  const anonymous = usage.rssAnonBytes + usage.swapBytes;
  const overlays = overlayFigures(keyspace);
  memoryLimit.readClients();
  const { clientBytes } = memoryLimit;
  const { deadBitBytes } = keyspace;
  const used = keyspace.countedBytes + clientBytes;
  const overhead = overlays.tableBytes + deadBitBytes + clientBytes;
  const dataset = Math.max(0, used - overhead);
  const fragmented = Math.max(0, overlays.committedBytes - overlays.usedBytes);
  const kept = Math.max(0, overlays.residentBytes - overlays.committedBytes);
  memoryMarks.note(used);
  memoryMarks.noteAnonymous(anonymous);
  const total = totalSystemMemory();
  const maxmemory = config.number("maxmemory");
  const lines: Line[] = [
    ...human("used_memory", used),
    ...human("used_memory_rss", usage.rssBytes),
    ...human("used_memory_peak", memoryMarks.peakBytes),
    ["used_memory_peak_perc", percent(used, memoryMarks.peakBytes)],
    ["used_memory_overhead", overhead],
    ["used_memory_startup", 0],
    ["used_memory_dataset", dataset],
    ["used_memory_dataset_perc", percent(dataset, used)],
    ...human("anonymous_memory", anonymous),
    ["anonymous_memory_startup", memoryMarks.anonymousStartupBytes],
    ["anonymous_memory_peak", memoryMarks.anonymousPeakBytes],
    ["allocator_allocated", overlays.usedBytes],
    ["allocator_active", overlays.committedBytes],
    ["allocator_resident", overlays.residentBytes],
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
    ["allocator_frag_ratio", ratio(overlays.committedBytes, overlays.usedBytes)],
    ["allocator_frag_bytes", fragmented],
    ["allocator_rss_ratio", ratio(overlays.residentBytes, overlays.committedBytes)],
    ["allocator_rss_bytes", kept],
    ["rss_overhead_ratio", ratio(usage.rssBytes, usage.rssAnonBytes)],
    ["rss_overhead_bytes", usage.rssBytes - usage.rssAnonBytes],
    // The runtime and resident file pages are no fragmentation: the ratio is that of the arenas.
    ["mem_fragmentation_ratio", ratio(overlays.residentBytes, overlays.usedBytes)],
    ["mem_fragmentation_bytes", fragmented + kept],
    ["mem_not_counted_for_evict", used - memoryLimit.countedBytes],
    ["mem_replication_backlog", 0],
    ["mem_total_replication_buffers", 0],
    ["mem_clients_slaves", 0],
    ["mem_clients_normal", clientBytes],
    ["mem_cluster_links", 0],
    ["mem_aof_buffer", 0],
    ["mem_allocator", "folio-arena"],
    ["active_defrag_running", 0],
    ["lazyfree_pending_objects", keyspace.tally.dyingObjects],
    ["lazyfreed_objects", keyspace.tally.freedObjects],
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

/** 1.00 where there is nothing to compare with. */
function ratio(part: number, whole: number): string {
  return (whole === 0 ? 1 : part / whole).toFixed(2);
}

function totalSystemMemory(): number {
  try {
    return Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
