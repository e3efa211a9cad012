/**
 * A memory cgroup for one child process (version 1 or 2, whichever this machine has): a limit that the kernel keeps,
 * page cache included. Needs root; `MemoryGroup.make` returns null where groups cannot be made.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class MemoryGroup {
  private constructor(
    readonly folder: string,
    readonly version: 1 | 2,
  ) {}

  static make(name: string, limitBytes: number): MemoryGroup | null {
    const version = existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes") ? 1 : 2;
    const folder = join(version === 1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", `${name}-${process.pid}`);
    try {
      mkdirSync(folder);
      const group = new MemoryGroup(folder, version);
      writeFileSync(join(folder, version === 1 ? "memory.limit_in_bytes" : "memory.max"), `${limitBytes}`);
      return group;
    } catch {
      return null;
    }
  }

  /** Words to put before a command so that it runs inside. */
  get prefix(): string[] {
    return ["sh", "-c", `echo $$ > ${join(this.folder, "cgroup.procs")} && exec "$@"`, "sh"];
  }

  /** The most that was charged to the group, in bytes (page cache included). */
  peakBytes(): number {
    const file = this.version === 1 ? "memory.max_usage_in_bytes" : "memory.peak";
    return Number(readFileSync(join(this.folder, file), "latin1"));
  }

  /** How often the kernel killed a process of the group for want of memory. */
  kills(): number {
    const file = this.version === 1 ? "memory.oom_control" : "memory.events";
    return Number(/oom_kill (\d+)/.exec(readFileSync(join(this.folder, file), "latin1"))?.[1] ?? 0);
  }

  remove(): void {
    try {
      rmdirSync(this.folder);
    } catch {
      // A group whose last process is still ending cannot be removed yet; it is empty and harmless.
    }
  }
}
