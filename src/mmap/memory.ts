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

/** Memory that this process could still fill without swapping or being killed: of the machine and of its cgroups. */
export function availableMemoryBytes(): number {
  let available = kilobytes(readText("/proc/meminfo"), "MemAvailable");
  for (const line of readText("/proc/self/cgroup").split("\n")) {
    const [, controllers, path] = line.split(":");
    if (path === undefined) continue;
    if (controllers === "") available = Math.min(available, roomInGroups(GROUPS_V2, path));
    if (controllers?.split(",").includes("memory")) available = Math.min(available, roomInGroups(GROUPS_V1, path));
  }
  return available;
}

interface GroupFiles {
  readonly root: string;
  readonly limit: string;
  /** What the group uses and the kernel cannot simply take back, as page cache of files is. */
  readonly fixed: readonly string[];
}

const GROUPS_V2: GroupFiles = { root: "/sys/fs/cgroup", limit: "memory.max", fixed: ["anon", "shmem", "kernel"] };
const GROUPS_V1: GroupFiles = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  fixed: ["total_rss", "total_shmem"],
};

/** The least room in the group `path` and all above it; a container sees its own group as the root. */
function roomInGroups({ root, limit, fixed }: GroupFiles, path: string): number {
  let room = Number.POSITIVE_INFINITY;
  for (let at = path === "/" ? "" : path; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const bytes = Number.parseInt(readText(`${root}${at}/${limit}`), 10); // "max", or no such file: NaN, no limit here
    if (bytes > 0) {
      const stat = readText(`${root}${at}/memory.stat`);
      const used = fixed.reduce((sum, name) => sum + counter(stat, name), 0);
      room = Math.min(room, Math.max(0, bytes - used));
    }
    if (at === "") return room;
  }
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
