/**
 * What kind of file system a file lies on, as far as a mapping is concerned.
 *
 * A remote file system is refused unless the operator says otherwise: another machine may truncate the file without this
 * kernel telling anybody (no lease, no SIGIO), and a lost connection turns a read of the mapping into SIGBUS.
 */
import * as fs from "node:fs";
import { MmapError } from "./mmap-error.ts";

/** f_type of statfs(2) on Linux, as a number of 32 bits without sign. */
const KINDS: Readonly<Record<number, { name: string; remote?: true; memory?: true; reflink?: true }>> = {
  61267: { name: "ext4" },
  1481003842: { name: "xfs", reflink: true },
  2435016766: { name: "btrfs", reflink: true },
  3393526350: { name: "bcachefs", reflink: true },
  801189825: { name: "zfs", reflink: true },
  4076150800: { name: "f2fs" },
  2035054128: { name: "overlayfs" },
  16914836: { name: "tmpfs", memory: true },
  2240043254: { name: "ramfs", memory: true },
  26985: { name: "nfs", remote: true },
  20859: { name: "smb", remote: true },
  4283649346: { name: "cifs", remote: true },
  4266872130: { name: "smb2", remote: true },
  1702057286: { name: "fuse", remote: true },
  12805120: { name: "ceph", remote: true },
  1397113167: { name: "afs", remote: true },
  1799439955: { name: "afs", remote: true },
  16914839: { name: "9p", remote: true },
  18225520: { name: "gfs2", remote: true },
  1952539503: { name: "ocfs2", remote: true },
  198183888: { name: "lustre", remote: true },
  1196443219: { name: "gpfs", remote: true },
  1937076805: { name: "coda", remote: true },
  22092: { name: "ncp", remote: true },
  2020557398: { name: "vboxsf", remote: true },
};

export interface Filesystem {
  /** "ext4", "nfs", … or "type 0x…" for one that Folio has no name for (which counts as local). */
  readonly kind: string;
  readonly isRemote: boolean;
  /** Its files are memory of this machine (tmpfs). */
  readonly isMemory: boolean;
  /** It may be able to share extents between files; only trying tells. */
  readonly mayReflink: boolean;
  /** Bytes that this user may still write. */
  readonly freeBytes: number;
}

const LOCAL = { isRemote: false, isMemory: false, mayReflink: false };

/** What Folio knows of a Linux file system by statfs(2)'s f_type, which some architectures extend by sign. */
export function kindOf(type: bigint): Omit<Filesystem, "freeBytes"> {
  const number = Number(BigInt.asUintN(32, type));
  const known = KINDS[number];
  if (known === undefined) return { ...LOCAL, kind: `type 0x${number.toString(16)}` };
  const { name, remote, memory, reflink } = known;
  return { kind: name, isRemote: remote === true, isMemory: memory === true, mayReflink: reflink === true };
}

/** The file system that `path` lies on. Throws node:fs errors. */
export function filesystemOf(path: string): Filesystem {
  const stat = fs.statfsSync(path, { bigint: true });
  return {
    // f_type means something else on other systems than Linux.
    ...(process.platform === "linux" ? kindOf(stat.type) : { ...LOCAL, kind: process.platform }),
    freeBytes: Number(stat.bavail * stat.bsize),
  };
}

/** Throws MmapError "REMOTE" when `path` lies on a remote file system. */
export function refuseRemote(path: string): void {
  const { kind, isRemote } = filesystemOf(path);
  if (!isRemote) return;
  throw new MmapError(
    "REMOTE",
    path,
    `lies on a remote or user-space file system (${kind}), where a mapped file can change or vanish without warning. ` +
      "Copy it to a local disk, or set `allow-remote-fs yes` (a private copy is then served)",
  );
}
