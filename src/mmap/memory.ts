/**
 * Memory of this process and room for more, as the kernel counts it. All figures in bytes; 0 where a platform does not tell.
 */
import * as fs from "node:fs";

export interface MemoryUsage {
  /** Anonymous resident memory: heaps, stacks, arenas. The figure that Folio promises to keep small. */
  readonly rssAnonBytes: number;
  /** Resident pages of mapped files: the page cache's, given back whenever somebody needs them. */
  readonly rssFileBytes: number;
  /** Resident shared memory: tmpfs files and memfds that are mapped (an evacuation's last resort). */
  readonly rssSharedBytes: number;
  readonly rssBytes: number;
  /** Highest rssBytes since the process started. The kernel keeps no such mark of anonymous memory alone. */
  readonly rssPeakBytes: number;
  readonly swapBytes: number;
}

/** Reads /proc/self/status: about 30 µs. */
export function memoryUsage(): MemoryUsage {
  const status = readText("/proc/self/status");
  if (status === "") {
    const rssBytes = process.memoryUsage.rss();
    return {
      rssAnonBytes: rssBytes,
      rssFileBytes: 0,
      rssSharedBytes: 0,
      rssBytes,
      rssPeakBytes: process.resourceUsage().maxRSS * 1024,
      swapBytes: 0,
    };
  }
  return {
    rssAnonBytes: kilobytes(status, "RssAnon"),
    rssFileBytes: kilobytes(status, "RssFile"),
    rssSharedBytes: kilobytes(status, "RssShmem"),
    rssBytes: kilobytes(status, "VmRSS"),
    rssPeakBytes: kilobytes(status, "VmHWM"),
    swapBytes: kilobytes(status, "VmSwap"),
  };
}

/** Memory that this process could still fill without swapping or being killed: of the machine and of its cgroups (v2). */
export function availableMemoryBytes(): number {
  let available = kilobytes(readText("/proc/meminfo"), "MemAvailable");
  const group = /^0::(\/.*)$/m.exec(readText("/proc/self/cgroup"))?.[1];
  for (let path = group ?? ""; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    const folder = `/sys/fs/cgroup${path}`;
    const limit = Number(readText(`${folder}/memory.max`)); // "max" is NaN: no limit here
    if (!(limit > 0)) continue;
    const stat = readText(`${folder}/memory.stat`);
    // Page cache of files counts as used there, yet the kernel takes it back first.
    const fixed = counter(stat, "anon") + counter(stat, "shmem") + counter(stat, "kernel");
    available = Math.min(available, Math.max(0, limit - fixed));
  }
  return available;
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

function counter(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1] ?? 0);
}

/** "" where the file does not exist or may not be read. */
function readText(path: string): string {
  try {
    return fs.readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
