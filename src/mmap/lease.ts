/**
 * A read lease on an open file (Linux, fcntl(2) F_SETLEASE): while it stands, whoever opens the file for writing or truncates
 * it is held by the kernel inside open() or truncate(), and the holder of the lease gets SIGIO. The other side goes on when
 * the lease is given back, or after /proc/sys/fs/lease-break-time seconds whether it was or not.
 *
 * SIGIO kills a process that has no handler: `listenForBreaks` comes before `takeReadLease`.
 */
import * as fs from "node:fs";
import { errno, errnoName, F_GETLEASE, F_RDLCK, F_SETLEASE, F_UNLCK, HAS_LEASES, libc } from "./libc.ts";

const BREAK_TIME_MS_DEFAULT = 45_000;
/** lease-break-time 0 means that the kernel waits as long as it takes. */
const BREAK_TIME_MS_FOREVER = 24 * 3600 * 1000;

/** Never removed once installed: a SIGIO that is still on its way when the last lease is gone must find a handler. */
const keepAlive = (): void => {};

/** Calls `listener` on SIGIO until the returned function is called. Main thread only. */
export function listenForBreaks(listener: () => void): () => void {
  if (!process.listeners("SIGIO").includes(keepAlive)) process.on("SIGIO", keepAlive);
  process.on("SIGIO", listener);
  return () => process.off("SIGIO", listener);
}

/** Takes the lease; `fd` is open read-only. Returns "" or why it was refused, in words for the log. */
export function takeReadLease(fd: number): string {
  if (!HAS_LEASES) return "this operating system has no file leases";
  if (libc.fcntl(fd, F_SETLEASE, F_RDLCK) === 0) return "";
  const code = errnoName(errno());
  if (code === "EAGAIN") return "another program has the file open for writing (`fuser -v` on the file names it)";
  if (code === "EACCES") return "the file belongs to another user (run Folio as its owner, or give it CAP_LEASE)";
  if (code === "EINVAL" || code === "EOPNOTSUPP")
    return `its file system does not support leases (${code}), or fs.leases-enable is 0`;
  return `the kernel refuses a lease on it (${code})`;
}

/** Whether the lease stands with nobody asking for the file. False from the moment somebody does. */
export function leaseStands(fd: number): boolean {
  return libc.fcntl(fd, F_GETLEASE, 0) === F_RDLCK;
}

/** Gives the lease back: whoever waits goes on at once. No error if there is none. */
export function releaseLease(fd: number): void {
  libc.fcntl(fd, F_SETLEASE, F_UNLCK);
}

/** How long the kernel holds the other side, in milliseconds. */
export function leaseBreakTimeMs(): number {
  try {
    const seconds = Number(fs.readFileSync("/proc/sys/fs/lease-break-time", "latin1"));
    return seconds > 0 ? seconds * 1000 : BREAK_TIME_MS_FOREVER;
  } catch {
    return BREAK_TIME_MS_DEFAULT;
  }
}

/**
 * The programs that the kernel holds in open() or truncate() because of a lease, as "pid 4711 (cp)". Best effort, for the log:
 * empty where /proc does not show what a process waits for.
 */
export async function heldPrograms(): Promise<string[]> {
  const pids = (await fs.promises.readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: string[] = [];
  for (const pid of pids) {
    const waitsIn = await fs.promises.readFile(`/proc/${pid}/wchan`, "latin1").catch(() => "");
    if (!waitsIn.includes("break_lease")) continue;
    const name = await fs.promises.readFile(`/proc/${pid}/comm`, "latin1").catch(() => "");
    found.push(name === "" ? `pid ${pid}` : `pid ${pid} (${name.trim()})`);
  }
  return found;
}
