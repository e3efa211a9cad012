/**
 * What kind of file system a file lies on, as far as a mapping is concerned.
 *
 * A remote file system is refused unless the operator says otherwise: another machine may truncate the file without this
 * kernel telling anybody (no lease, no SIGIO), and a lost connection turns a read of the mapping into SIGBUS.
 */
import * as fs from "node:fs";
import { MmapError } from "./mmap-error.ts";

interface Known {
  readonly name: string;
  readonly remote?: true;
  readonly memory?: true;
  readonly reflink?: true;
}

/** By f_type of statfs(2) on Linux, as a number of 32 bits without sign. */
const KINDS: ReadonlyMap<number, Known> = new Map<number, Known>([
  [0xef53, { name: "ext4" }],
  [0x58465342, { name: "xfs", reflink: true }],
  [0x9123683e, { name: "btrfs", reflink: true }],
  [0xca451a4e, { name: "bcachefs", reflink: true }],
  [0x2fc12fc1, { name: "zfs", reflink: true }],
  [0xf2f52010, { name: "f2fs" }],
  [0x794c7630, { name: "overlayfs" }],
  [0x01021994, { name: "tmpfs", memory: true }],
  [0x858458f6, { name: "ramfs", memory: true }],
  [0x6969, { name: "nfs", remote: true }],
  [0x517b, { name: "smb", remote: true }],
  [0xff534d42, { name: "cifs", remote: true }],
  [0xfe534d42, { name: "smb2", remote: true }],
  [0x65735546, { name: "fuse", remote: true }],
  [0x00c36400, { name: "ceph", remote: true }],
  [0x5346414f, { name: "afs", remote: true }],
  [0x6b414653, { name: "afs", remote: true }],
  [0x01021997, { name: "9p", remote: true }],
  [0x01161970, { name: "gfs2", remote: true }],
  [0x7461636f, { name: "ocfs2", remote: true }],
  [0x0bd00bd0, { name: "lustre", remote: true }],
  [0x47504653, { name: "gpfs", remote: true }],
  [0x73757245, { name: "coda", remote: true }],
  [0x564c, { name: "ncp", remote: true }],
  [0x786f4256, { name: "vboxsf", remote: true }],
]);

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
  const known = KINDS.get(number);
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
